"""The atlas: the MNI152 template, and how often structures lie where on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np

from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Grid, Volume

STRUCTURES = ("ventricle", "fluid", "cortex", "white_matter", "infratentorial")
"""Channels of the file after the template: lateral ventricles, other fluid, cerebral cortex and white matter,
brainstem with cerebellum."""
_FILE = Path(__file__).parent / "atlas" / "atlas.nii.gz"


@dataclass(frozen=True, eq=False)
class Atlas:
    """What `experiments/place_atlas.py` made.

    Attributes
    ----------
    template
        T1 without skull, 2 mm, 0 to 255.
    shares
        For each of `STRUCTURES` the share of 20 people who have it there, 0 to 1, on the same grid.
    """

    template: Volume
    shares: Mapping[str, Volume]

    def on(self, grid: Grid, matrix: np.ndarray) -> dict[str, np.ndarray]:
        """All shares on a grid, float32.

        Parameters
        ----------
        grid
            Of the patient.
        matrix
            4x4, RAS mm of the patient to RAS mm of the atlas.
        """
        return {name: resample_to(share, grid, matrix) for name, share in self.shares.items()}


@cache
def read_atlas() -> Atlas:
    """Read the atlas that ships with the package, once."""
    image = nib.load(_FILE)
    channels = np.asarray(image.dataobj)  # type: ignore[attr-defined]
    grid = Grid.from_file(channels.shape[:3], image.affine)  # type: ignore[attr-defined]

    def volume(number: int, largest: float) -> Volume:
        data = grid.to_canonical(channels[..., number]).astype(np.float32) / largest
        return Volume(np.ascontiguousarray(data), grid, ("template", *STRUCTURES)[number])

    shares = {name: volume(number, 255) for number, name in enumerate(STRUCTURES, 1)}
    return Atlas(volume(0, 1), shares)
