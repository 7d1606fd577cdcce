"""Explanations that were made before, kept in memory as long as there is room."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg.prediction.prediction import Prediction

LARGEST_BYTES = 256 * 1024**2
"""Of all that is kept: about 30 explanations of lesions on voxels of 1 mm."""


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=_Sized)


@dataclass(frozen=True, eq=False)
class Region:
    """Voxels of a scan that are explained.

    Attributes
    ----------
    box
        Of the scan's grid.
    inside
        bool, of the box's shape.
    """

    box: Box
    inside: np.ndarray

    @classmethod
    def cut(cls, mask: np.ndarray) -> Region:
        """Keep of a mask, bool of the grid's shape, the box around it."""
        box = bounding_box(mask)
        return cls(box, mask[box].copy())

    @property
    def voxels(self) -> int:
        """How many of the scan's there are."""
        return int(self.inside.sum())

    @property
    def voxel(self) -> tuple[int, int, int]:
        """One of the scan's in it, about in the middle."""
        inside = np.argwhere(self.inside)
        s, a, r = inside[len(inside) // 2] + [side.start for side in self.box]
        return int(s), int(a), int(r)

    def whole(self, shape: tuple[int, int, int]) -> np.ndarray:
        """The mask on all of the grid."""
        out = np.zeros(shape, bool)
        out[self.box] = self.inside
        return out

    def sha256(self) -> str:
        """SHA-256 of where the voxels are, hexadecimal."""
        edges = [[one.start, one.stop] for one in self.box]
        digest = hashlib.sha256(json.dumps(edges).encode())
        digest.update(np.packbits(self.inside).tobytes())
        return digest.hexdigest()


def prediction_sha256(prediction: Prediction) -> str:
    """SHA-256 of a prediction's probabilities, its grid, its scans and its model, hexadecimal."""
    said = prediction.information
    about = {
        "case": (said.get("case") or {}).get("sha256"),
        "model": said.get("model_sha256"),
        "method": said.get("method"),
        "affine": np.round(prediction.grid.affine.astype(float), 4).tolist(),
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(prediction.probability, "<f4").data)
    return digest.hexdigest()


class Kept(OrderedDict[Hashable, T]):
    """What was made, by what it was made of; what was not asked for longest goes first.

    Parameters
    ----------
    most
        Bytes of all together. What is larger by itself is not kept.
    """

    def __init__(self, most: int = LARGEST_BYTES) -> None:
        super().__init__()
        self._most = most

    def keep(self, key: Hashable, made: T) -> None:
        """Keep something, and let go of what there is no room for."""
        self.pop(key, None)
        self[key] = made
        while sum(each.nbytes for each in self.values()) > self._most:
            self.popitem(last=False)

    def find(self, key: Hashable) -> T | None:
        """What was made of this; None where it was not, or has gone."""
        made = self.get(key)
        if made is not None:
            self.move_to_end(key)
        return made
