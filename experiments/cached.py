"""Prepared scans and what a network's heads say of them, kept on disk: preparing takes most of the time."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sources import Scan

from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.prepare import NetworkInput, Prepared, prepare
from napari_uncertainseg.inference.tiling import Windows
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.training.subjects import find_image, read_scans


@dataclass(frozen=True)
class Cache:
    """A folder with a folder per kind; without one, everything is made anew.

    The files are pickles, of this machine for this machine: never open those of others.
    """

    folder: Path | None

    def get(self, kind: str, scan: Scan, make: Callable[[], object]) -> object:
        """What was made before, or is made now."""
        if self.folder is None:
            return make()
        path = self.folder / kind / f"{scan.prefix.strip('/').replace('/', '-')}.pkl"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps(make()))
        return pickle.loads(path.read_bytes())


def prepared_scan(data: Path, scan: Scan, cache: Cache) -> tuple[Prepared, np.ndarray]:
    """A scan prepared as a user's is, and its lesion mask."""

    def make() -> tuple[Prepared, np.ndarray]:
        images = read_scans(data, scan.prefix)
        mask = read_labels(find_image(data, scan.prefix, "lesion"), images["flair"].grid).data > 0
        return prepare(images), mask

    found: tuple[Prepared, np.ndarray] = cache.get("prepared", scan, make)  # type: ignore[assignment]
    return found


def network_heads(source: NetworkInput, model: Model, engine: Engine) -> np.ndarray:
    """Probabilities of the heads of all styles on the network's voxels, float32 (heads, z, y, x)."""
    nothing = np.zeros(source.brain.shape, np.float32)
    image = torch.from_numpy(np.stack([source.channels.get(m, nothing) for m in model.modalities]))
    logits = Windows(image, engine, image[0].numel()).run(lambda engine, window: engine.heads(window.image))
    return np.asarray((logits / model.temperature).sigmoid())
