"""Prepared scans and what a network's heads say of them, kept on disk: preparing takes most of the time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sources import Scan

from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.prepare import NetworkInput, Prepared, prepare
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.inference.tiling import Windows
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.training.subjects import find_image, read_scans

Arrays = Mapping[str, np.ndarray]
_CHANNEL = "channel_"


@dataclass(frozen=True)
class Cache:
    """A folder with a folder per kind, a ``.npz`` per scan; without one, everything is made anew."""

    folder: Path | None

    def get(self, kind: str, scan: Scan, make: Callable[[], Arrays]) -> Arrays:
        """The arrays that were made before, or are made now."""
        if self.folder is None:
            return make()
        path = self.folder / kind / f"{file_name(scan)}.npz"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(path, allow_pickle=False, **make())
        with np.load(path, allow_pickle=False) as file:
            return dict(file)

    def get_one(self, kind: str, scan: Scan, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Likewise, a single array."""
        return self.get(kind, scan, lambda: {"values": make()})["values"]


def file_name(scan: Scan) -> str:
    """What files about a scan are named."""
    return scan.prefix.strip("/").replace("/", "-")


def prepared_scan(data: Path, scan: Scan, cache: Cache) -> tuple[Prepared, np.ndarray]:
    """A scan prepared as a user's is, and its lesion mask."""

    def make() -> Arrays:
        images = read_scans(data, scan.prefix)
        mask = read_labels(find_image(data, scan.prefix, "lesion"), images["flair"].grid).data > 0
        return as_arrays(prepare(images)) | {"mask": mask}

    found = cache.get("prepared", scan, make)
    return from_arrays(found), found["mask"]


def as_arrays(prepared: Prepared) -> dict[str, np.ndarray]:
    """A prepared scan as arrays, which `from_arrays` reads back."""
    return {
        "affine": prepared.grid.affine,
        "brain": prepared.brain,
        "brain_source": np.array(prepared.brain_source),
        "bias_corrected": np.array(prepared.bias_corrected),
        "notes": np.array(prepared.notes, str),
        **{f"{_CHANNEL}{name}": channel for name, channel in prepared.channels.items()},
    }


def from_arrays(arrays: Arrays) -> Prepared:
    """The prepared scan again."""
    brain = arrays["brain"]
    return Prepared(
        grid=Grid(brain.shape, arrays["affine"]),
        channels={k.removeprefix(_CHANNEL): a for k, a in arrays.items() if k.startswith(_CHANNEL)},
        brain=brain,
        brain_source=str(arrays["brain_source"]),
        bias_corrected=bool(arrays["bias_corrected"]),
        notes=tuple(map(str, arrays["notes"])),
    )


def network_heads(source: NetworkInput, model: Model, engine: Engine) -> np.ndarray:
    """Probabilities of the heads of all styles on the network's voxels, float32 (heads, z, y, x)."""
    nothing = np.zeros(source.brain.shape, np.float32)
    image = torch.from_numpy(np.stack([source.channels.get(m, nothing) for m in model.modalities]))
    # One window, as users run it; a limit of the box's own voxels would leave no room for its padding.
    logits = Windows(image, engine, sys.maxsize).run(lambda engine, window: engine.heads(window.image))
    return np.asarray((logits / model.temperature).sigmoid())
