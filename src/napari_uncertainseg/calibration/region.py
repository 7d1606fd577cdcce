"""Where calibration is measured: over voxels of a region, or over whole lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_probabilities, numbered
from napari_uncertainseg.calibration.reliability import Reliability, reliability
from napari_uncertainseg.lesions.components import neighbourhood
from napari_uncertainseg.lesions.matching import lesions_touching

_DISTANCE = 5.0
"""Of voxels around lesions, mm."""
_BINS = 10
"""Over lesions: there are tens of them where there are millions of voxels."""


@dataclass(frozen=True)
class Region:
    """Where calibration is measured: the brain, around lesions, a slice, a mask, or each lesion as a whole.

    Attributes
    ----------
    kind
        Which of them.
    axis, index
        Of the slice.
    inside
        bool: the mask. Two regions are the same if they are so in all but this: `version` tells masks apart.
    version
        Another one for another mask.
    """

    kind: Literal["brain", "lesions", "slice", "mask", "each"] = "brain"
    axis: int = 0
    index: int = 0
    inside: np.ndarray | None = field(default=None, compare=False, repr=False)
    version: int = 0

    @property
    def follows_lesions(self) -> bool:
        """Whether it changes with what counts as lesion."""
        return self.kind in ("lesions", "each")

    def mask(self, brain: np.ndarray, lesions: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
        """The region's voxels; of whole lesions, the brain's.

        Parameters
        ----------
        brain
            A mask.
        lesions
            A mask of the same shape: what the prediction or the reference calls lesion.
        spacing
            Voxel size along each axis, mm.

        Raises
        ------
        InputError
            If one is no mask.
        """
        brain, lesions = as_mask(brain, "The brain"), as_mask(lesions, "The lesions")
        if self.kind == "slice":
            inside = np.zeros_like(brain)
            where = tuple(self.index if a == self.axis else slice(None) for a in range(3))
            inside[where] = brain[where]
            return inside
        if self.kind == "mask":
            return brain if self.inside is None else brain & as_mask(self.inside, "The region")
        if self.kind == "lesions":
            return brain & neighbourhood(lesions, spacing, distance=_DISTANCE)
        return brain


def lesion_reliability(
    found: Sequence[tuple[np.ndarray, np.ndarray]], reference: np.ndarray, *, bins: int = _BINS
) -> Reliability:
    """Reliability over whole lesions: whether one with probability 0.7 exists seven times in ten.

    Parameters
    ----------
    found
        Label images with a probability for each of their n lesions in the order of the labels, (n,): say, of
        lesions and of candidates, whose mean probability says how likely they are.
    reference
        A mask of the images' shape: what touches it exists.
    bins
        Of equal width.

    Returns
    -------
    Reliability
        ``count`` counts lesions, ``fraction`` is the share that exists.

    Raises
    ------
    InputError
        If shapes differ, or there is not one probability for each lesion.
    """
    probability = [as_probabilities(p).astype(float) for _, p in found]
    images = [numbered(image) for image, _ in found]
    for (_, labels), p in zip(images, probability, strict=True):
        if p.shape != labels.shape:
            raise InputError(f"There are {len(labels)} lesions and {p.size} probabilities of them.")
    exists = [lesions_touching(image, reference, len(labels)) for image, labels in images]
    return reliability(np.concatenate([*probability, []]), np.concatenate([*exists, []]) > 0, bins=bins)
