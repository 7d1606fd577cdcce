"""Scans that are planted to be unlike those seen, each a change of a FLAIR and of its brain.

All arrays are in canonical order (superior, anterior, right). Every change keeps the brain's place known, so
that only the appearance differs; a user's own search for the brain could fail as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy import ndimage

from napari_uncertainseg.images.volume import Volume

Changed = tuple[np.ndarray, np.ndarray]
Change = Callable[[np.ndarray, np.ndarray, np.random.Generator], Changed]


def _top(flair: np.ndarray, brain: np.ndarray) -> float:
    return float(np.percentile(flair[brain], 99))


def _noise(flair: np.ndarray, brain: np.ndarray, rng: np.random.Generator) -> Changed:
    """Rician, 15 % of the brightest: as of a scan that was made in a fifth of the time."""
    sigma = 0.15 * _top(flair, brain)
    real, imaginary = rng.normal(0, sigma, (2, *flair.shape)).astype(np.float32)
    return np.hypot(flair + real, imaginary), brain


def _blur(flair: np.ndarray, brain: np.ndarray, rng: np.random.Generator) -> Changed:
    """Gaussian of 2 voxels within slices: a patient who moved."""
    return ndimage.gaussian_filter(flair, (0.5, 2.0, 2.0)), brain


def _inverted(flair: np.ndarray, brain: np.ndarray, rng: np.random.Generator) -> Changed:
    """Bright becomes dark within the brain."""
    return np.where(brain, np.maximum(_top(flair, brain) - flair, 0), flair), brain


def _cropped(flair: np.ndarray, brain: np.ndarray, rng: np.random.Generator) -> Changed:
    """The upper half of the head is not in the scan; as zeros, so that the grid stays."""
    inside = np.flatnonzero(brain.any(axis=(1, 2)))
    middle = (inside[0] + inside[-1]) // 2
    kept = np.arange(len(flair))[:, None, None] <= middle
    return flair * kept, brain & kept


def _flipped(flair: np.ndarray, brain: np.ndarray, rng: np.random.Generator) -> Changed:
    """Upside down: the file says the wrong direction."""
    return flair[::-1].copy(), brain[::-1].copy()


def _bias(flair: np.ndarray, brain: np.ndarray, rng: np.random.Generator) -> Changed:
    """Shading by a coil on one side: four times as bright there as on the other."""
    ramp = np.linspace(-1, 1, flair.shape[1])[None, :, None]
    return flair * np.exp(np.log(2) * ramp).astype(np.float32), brain


CHANGES: Mapping[str, Change] = {
    "noise": _noise,
    "blur": _blur,
    "inverted": _inverted,
    "cropped": _cropped,
    "upside down": _flipped,
    "shading": _bias,
}
"""By what the tables call them. "T1 as FLAIR" is another file, not a change of this one."""


def changed(flair: Volume, brain: np.ndarray, name: str, seed: int = 0) -> tuple[Volume, np.ndarray]:
    """A FLAIR and its brain with one of the changes."""
    data, inside = CHANGES[name](np.asarray(flair.data, np.float32), brain, np.random.default_rng(seed))
    return replace(flair, data=np.ascontiguousarray(data, np.float32)), inside
