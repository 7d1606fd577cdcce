"""Measures what lies around possible lesions on the prepared scans, once for each prediction.

All is measured for voxels, not for lesions: a lesion at any threshold is then a few sums over its voxels.
What changes slowly is measured on blocks of about 2 mm, distances on blocks of about 1 mm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg._checks import as_mask, as_numbers, as_probabilities, check_same_shape
from napari_uncertainseg._distances import distance_inside
from napari_uncertainseg._parallel import in_parallel
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.prediction.members import SEEN
from napari_uncertainseg.prediction.voxel_features import VOXEL_FEATURES, VoxelFeatures

FLUID = -1.0
"""Normalised FLAIR below which the brain holds fluid: 30 % darker than tissue."""
FARTHEST = 30.0
"""Distances are cut here, mm."""
_COARSE, _FINE = 2.0, 1.0
_NEARBY, _BESIDE = 4.0, 3.0
"""Standard deviations of the Gaussians, mm: for what is nearby, and for the other side."""
_INNER, _INNER_VOLUME = 12.0, 300.0
"""Fluid so far from the edge (mm), in pieces of at least so many mm3, is that of ventricles."""
_BRIGHTEST = 90


def measure_voxel_features(
    channels: Mapping[str, np.ndarray], probability: np.ndarray, brain: np.ndarray, grid: Grid
) -> VoxelFeatures:
    """Measure what lies around every voxel of at least a probability of 0.05.

    Parameters
    ----------
    channels
        Scans by modality as prepared for the network, ``flair`` among them: normalised, 0 outside the
        brain, float32 of the grid's shape.
    probability
        0 to 1, of the grid's shape.
    brain
        bool, likewise.
    grid
        The grid.

    Raises
    ------
    InputError
        If there is no FLAIR, a shape is another one, or a value is no finite number or no probability.
    """
    if "flair" not in channels:
        raise InputError("Without a FLAIR nothing can be said of what lies around lesions.")
    checks = [partial(as_numbers, scan, f"The {name.upper()}") for name, scan in channels.items()]
    scans = dict(zip(channels, in_parallel(checks), strict=True))
    probability, brain = as_probabilities(probability), as_mask(brain)
    for name, array in {**scans, "probability": probability, "brain": brain}.items():
        check_same_shape(f"The {name}", array.shape, "the grid", grid.shape)
    box = bounding_box(brain)
    index = np.array(np.nonzero(at_least(probability[box], SEEN) & brain[box]))
    first = np.array([side.start for side in box])[:, None]
    where = np.ravel_multi_index(tuple(index + first), brain.shape)
    if not len(where):
        return VoxelFeatures(where.astype(np.int64), np.zeros((len(VOXEL_FEATURES), 0), np.float16))
    inside = {name: scan[box] for name, scan in scans.items()}
    found = _measured(inside, probability[box], brain[box], index, grid.spacing)
    missing = np.full(len(where), np.nan)
    values = np.array([found.get(name, missing) for name in VOXEL_FEATURES])
    return VoxelFeatures(where.astype(np.int64), values.astype(np.float16))


def _measured(
    scans: Mapping[str, np.ndarray],
    probability: np.ndarray,
    brain: np.ndarray,
    index: np.ndarray,
    spacing: tuple[float, float, float],
) -> dict[str, np.ndarray]:
    """By measure, of the voxels at an index (3, n) in the brain's box."""
    blocks, flair = _Blocks.of_size(_COARSE, brain, spacing), scans["flair"]
    depth, brightest, doubtful, *means = in_parallel(
        [
            partial(_depth, flair, brain, index, spacing),
            partial(_brightest, flair, probability, brain),
            *(partial(blocks.mean, values) for values in (probability, *scans.values())),
        ]
    )
    coarse = dict(zip(scans, means, strict=True))
    healthy = blocks.share * np.clip(1 - doubtful / 0.2, 0, 1) * (coarse["flair"] > FLUID)
    brightness = flair[tuple(index)].astype(float)
    nearby = _Nearby.of_weight(healthy, blocks, _NEARBY)

    def contrast(name: str) -> dict[str, np.ndarray]:
        own = scans[name][tuple(index)] - blocks.at(nearby.mean(coarse[name]), index)
        return {"contrast" if name == "flair" else f"contrast_{name}": own}

    found = {"brightness": brightness, "over_grey": brightness - brightest, "depth": depth}
    parts: list[Callable[[], dict[str, np.ndarray]]] = [
        partial(_edges, coarse["flair"], blocks, index),
        partial(_other_side, coarse["flair"], doubtful, blocks, index),
        *(partial(contrast, name) for name in scans),
    ]
    for part in in_parallel(parts):
        found |= part
    return found


def _edges(flair: np.ndarray, blocks: _Blocks, index: np.ndarray) -> dict[str, np.ndarray]:
    """Distances to the brain's edge and to ventricles, by measure."""
    edge = _distance(blocks.brain, blocks.spacing)
    ventricle = _to_ventricles(flair, blocks, edge)
    return {"edge": blocks.at(edge, index), "ventricle": blocks.at(ventricle, index)}


def _other_side(
    flair: np.ndarray, doubtful: np.ndarray, blocks: _Blocks, index: np.ndarray
) -> dict[str, np.ndarray]:
    """What there is at the same place on the other side, by measure."""
    other = _mirrored(blocks, index)
    smooth = _Nearby.of_weight(blocks.share, blocks, _BESIDE).mean(flair)
    return {
        "asymmetry": blocks.at(smooth, index) - _sample(smooth, other),
        "mirrored": _sample(_blurred(doubtful, blocks, _BESIDE), other),
    }


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The brain's box in blocks of voxels.

    Attributes
    ----------
    factor
        Voxels of a block along each axis.
    spacing
        Of the blocks, mm.
    share
        float32, how much of each block is brain.
    """

    factor: tuple[int, int, int]
    spacing: tuple[float, ...]
    share: np.ndarray
    _voxels: np.ndarray  # the brain

    @classmethod
    def of_size(cls, size: float, brain: np.ndarray, spacing: tuple[float, float, float]) -> _Blocks:
        z, y, x = (max(1, round(size / step)) for step in spacing)
        factor = (z, y, x)
        larger = tuple(step * n for step, n in zip(spacing, factor, strict=True))
        return cls(factor, larger, _block_mean(brain, factor), brain)

    @property
    def voxels_themselves(self) -> bool:
        """Whether each block is one voxel."""
        return set(self.factor) == {1}

    @property
    def brain(self) -> np.ndarray:
        """Blocks that are mostly brain."""
        return self.share >= 0.5

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over the brain in each block; 0 where there is none."""
        if self.voxels_themselves:
            return np.where(self._voxels, values, np.float32(0))
        total = _block_mean(np.where(self._voxels, values, 0), self.factor)
        return np.divide(total, self.share, out=np.zeros_like(total), where=self.share > 0)

    def place(self, index: np.ndarray) -> np.ndarray:
        """Where voxels lie among the blocks, float64 (3, n)."""
        return (index + 0.5) / np.array(self.factor)[:, None] - 0.5

    def at(self, values: np.ndarray, index: np.ndarray) -> np.ndarray:
        """A map of blocks at voxels, interpolated."""
        if self.voxels_themselves:
            return values[tuple(index)].astype(float)
        return _sample(values, self.place(index))


def _block_mean(values: np.ndarray, factor: tuple[int, int, int]) -> np.ndarray:
    """Mean of each block, float32; sums in the order in which numpy takes them, but of whole arrays."""
    if set(factor) == {1}:
        return values.astype(np.float32)
    padded = np.pad(values, [(0, -n % k) for n, k in zip(values.shape, factor, strict=True)])
    c, b, a = factor
    total = _added(padded.astype(np.float32, copy=False)[..., x::a] for x in range(a))
    total = _added(total[z::c, y::b] for z in range(c) for y in range(b))
    total /= np.float32(a * b * c)
    return total


def _added(parts: Iterable[np.ndarray]) -> np.ndarray:
    first, *others = parts
    total = first.copy()
    for part in others:
        total += part
    return total


def _sample(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    found = scipy.ndimage.map_coordinates(values, place, output=np.float64, order=1, mode="nearest")
    return np.asarray(found)


def _blurred(values: np.ndarray, blocks: _Blocks, sigma: float) -> np.ndarray:
    sigmas = [sigma / step for step in blocks.spacing]
    return np.asarray(scipy.ndimage.gaussian_filter(values.astype(np.float32), sigmas, truncate=3.0))


@dataclass(frozen=True, eq=False)
class _Nearby:
    """What counts of the blocks near each, for means of several maps.

    Attributes
    ----------
    weight
        float32, of each block.
    near
        The same, blurred.
    """

    weight: np.ndarray
    near: np.ndarray
    _blocks: _Blocks
    _sigma: float  # mm

    @classmethod
    def of_weight(cls, weight: np.ndarray, blocks: _Blocks, sigma: float) -> _Nearby:
        return cls(weight, _blurred(weight, blocks, sigma), blocks, sigma)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of what has weight nearby; of all that has weight where there is hardly any."""
        weighed = values * self.weight
        total = float(self.weight.sum())
        everywhere = float(weighed.sum()) / total if total > 0 else 0.0
        few = 1e-3  # so much of the mean everywhere is mixed in, and no block is divided by 0
        blurred = _blurred(weighed, self._blocks, self._sigma)
        return np.asarray((blurred + few * everywhere) / (self.near + few))


def _distance(inside: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """To the nearest block that is not inside, those beyond the box among them, mm."""
    return np.minimum(distance_inside(np.pad(inside, 1), spacing)[1:-1, 1:-1, 1:-1], FARTHEST)


def _depth(
    flair: np.ndarray, brain: np.ndarray, index: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Distance of voxels to fluid or the edge, mm; looked for only as far as it counts."""
    reach = [int(FARTHEST / step) + 1 for step in spacing]
    near: Box = tuple(  # type: ignore[assignment]
        slice(max(0, i.min() - n), i.max() + n + 1) for i, n in zip(index, reach, strict=True)
    )
    blocks = _Blocks.of_size(_FINE, brain[near], spacing)
    tissue = blocks.brain & (blocks.mean(flair[near]) >= FLUID)
    start = np.array([part.start for part in near])[:, None]
    if blocks.voxels_themselves:  # nothing is interpolated: only these voxels' distances are looked up
        beside = tuple(index - start + 1)
        return np.minimum(distance_inside(np.pad(tissue, 1), blocks.spacing, beside), FARTHEST)
    return blocks.at(_distance(tissue, blocks.spacing), index - start)


def _to_ventricles(flair: np.ndarray, blocks: _Blocks, edge: np.ndarray) -> np.ndarray:
    """Distance of blocks to fluid deep in the brain, mm."""
    fluid = blocks.brain & (flair < FLUID)
    pieces, _ = scipy.ndimage.label(fluid & (edge > _INNER))
    sizes = np.bincount(pieces.ravel()) * float(np.prod(blocks.spacing))
    sizes[0] = 0
    inner = (sizes >= _INNER_VOLUME)[pieces]
    if not inner.any():
        return np.full(flair.shape, FARTHEST)
    whole = scipy.ndimage.binary_propagation(inner, mask=fluid & (edge > _INNER / 2))
    return np.minimum(distance_inside(~whole, blocks.spacing), FARTHEST)


def _brightest(flair: np.ndarray, probability: np.ndarray, brain: np.ndarray) -> np.ndarray:
    """Where the brightest tenth of healthy tissue begins, one number."""
    tissue = flair[brain & (probability < SEEN)]
    tissue = tissue[tissue >= FLUID]
    return np.asarray(np.percentile(tissue, _BRIGHTEST) if len(tissue) else 0.0, float)


def _mirrored(blocks: _Blocks, index: np.ndarray) -> np.ndarray:
    """Where voxels would lie among the blocks on the other side, float64 (3, n)."""
    place = blocks.place(index)
    level, along_s, along_a = _middle(blocks.brain)
    middle = level + along_s * place[0] + along_a * place[1]
    return np.array([place[0], place[1], 2 * middle - place[2]])


def _middle(brain: np.ndarray) -> np.ndarray:
    """The plane between the halves, r = level + along_s s + along_a a: of the middles of the brain's rows.

    Rows with less than half as much brain as the longest do not count, nor, in three further fits, those
    whose middle lies off the plane: the head may be turned, and one side may be cut off.
    """
    length = brain.sum(2)
    s, a = np.nonzero(length >= 0.5 * length.max(initial=1))
    if not len(s):
        return np.array([(brain.shape[2] - 1) / 2, 0.0, 0.0])
    first, last = brain.argmax(2), brain.shape[2] - 1 - brain[..., ::-1].argmax(2)
    middle = (first + last)[s, a] / 2
    rows = np.column_stack([np.ones(len(s)), s, a])
    kept = np.ones(len(s), bool)
    plane = np.zeros(3)
    for _ in range(4):
        plane = np.asarray(np.linalg.lstsq(rows[kept], middle[kept])[0], float)
        off = np.abs(middle - rows @ plane)
        kept = off <= max(2.5 * float(np.median(off)), 0.5)
    return plane
