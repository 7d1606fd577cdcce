"""Simulated raters: what several experts might have outlined, given one mask.

There is no freely shared MS image with the masks of several raters. Where raters are
needed on such images they are simulated from the consensus, and whatever shows or
reports them says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import cc3d
import numpy as np

from napari_uncertainseg._base import InputError

_LARGEST_JITTER = 3.0
"""Jitter is cut at this many standard deviations, so that distances are needed near lesions only."""


@dataclass(frozen=True)
class RaterStyle:
    """How one rater outlines lesions.

    Attributes
    ----------
    bias
        Shift of every boundary, mm; above 0 the rater outlines generously.
    jitter
        Standard deviation of the boundary's wandering, mm.
    correlation
        How far along the boundary the wandering stays alike, mm: the correlation of
        two points d apart is ``exp(-d**2 / (2 * correlation**2))``.
    miss
        Probability of missing a lesion of vanishing volume.
    miss_volume
        Volume at which that probability has fallen to 37 % of ``miss``, mm3.
    invented
        Expected number of small lesions outlined where there is none, per litre of image.
    """

    bias: float = 0.0
    jitter: float = 0.5
    correlation: float = 4.0
    miss: float = 0.3
    miss_volume: float = 20.0
    invented: float = 0.0

    def miss_probability(self, volume: float) -> float:
        """Probability of missing a lesion of this volume (mm3)."""
        return self.miss * float(np.exp(-volume / self.miss_volume))


def draw_styles(n: int, seed: int = 0, *, spread: float = 0.25) -> tuple[RaterStyle, ...]:
    """Styles of ``n`` raters whose boundary biases cancel out.

    Parameters
    ----------
    n
        Number of raters.
    seed
        Only decides who has which bias; the biases do not depend on it.
    spread
        Standard deviation of the biases, mm: they are the quantiles of a normal distribution.
    """
    quantiles = [NormalDist(0.0, spread).inv_cdf((i + 0.5) / n) for i in range(n)]
    return tuple(RaterStyle(bias=b) for b in np.random.default_rng(seed).permutation(quantiles).tolist())


def simulate_raters(
    mask: np.ndarray,
    spacing: Sequence[float],
    n: int = 3,
    *,
    seed: int = 0,
    styles: Sequence[RaterStyle] | None = None,
) -> np.ndarray:
    """Outline the lesions of a mask as several raters might.

    Each rater shifts the boundary by a smooth random field around their own bias and
    misses some small lesions. Boundaries move within the slice where slices are thick:
    a slice more is as far as the slices are apart.

    Parameters
    ----------
    mask
        2-D or 3-D, nonzero is lesion.
    spacing
        Voxel size along each axis, mm.
    n
        Number of raters.
    seed
        The same seed gives the same raters.
    styles
        One per rater; drawn by `draw_styles` if None.

    Returns
    -------
    uint8, shape (n, *mask.shape), 0 or 1.

    Raises
    ------
    InputError
        If the mask is neither 2-D nor 3-D, or spacing or styles do not fit.
    """
    mask = np.asarray(mask) != 0
    steps = tuple(float(s) for s in spacing)
    if mask.ndim not in (2, 3) or len(steps) != mask.ndim or not all(0 < s < np.inf for s in steps):
        raise InputError(
            f"Raters are simulated on 2-D or 3-D masks with one positive voxel size per axis, "
            f"not on shape {mask.shape} with spacing {steps}."
        )
    styles = draw_styles(n, seed) if styles is None else tuple(styles)
    if len(styles) != n:
        raise InputError(f"{n} raters need {n} styles, not {len(styles)}.")
    result = np.zeros((n, *mask.shape), np.uint8)
    generators = np.random.default_rng(seed).spawn(n)
    fields = [_JitterField(mask.shape, steps, s, g) for s, g in zip(styles, generators, strict=True)]
    for volume, box, signed in _lesions(mask, steps, _reach(styles, steps)):
        for drawn, style, generator, field in zip(result, styles, generators, fields, strict=True):
            if generator.random() >= style.miss_probability(volume):
                drawn[box] |= signed + field(box) > 0
    for drawn, style, generator in zip(result, styles, generators, strict=True):
        _invent(drawn, mask, steps, style, generator)
    return result


def _reach(styles: Sequence[RaterStyle], spacing: Sequence[float]) -> float:
    """How far from its lesion a boundary can end up, mm."""
    furthest = max((abs(s.bias) + _LARGEST_JITTER * s.jitter for s in styles), default=0.0)
    return furthest + min(spacing)


def _lesions(
    mask: np.ndarray, spacing: Sequence[float], reach: float
) -> Iterator[tuple[float, tuple[slice, ...], np.ndarray]]:
    """Volume (mm3), surroundings and signed distance (mm, positive inside) of every lesion."""
    if not mask.any():
        return
    # cc3d 4.1 reserves too few labels for thin images and then fails: give it some room.
    labels = cc3d.connected_components(np.pad(mask, (0, 1)), connectivity=26 if mask.ndim == 3 else 8)
    found = cc3d.statistics(labels)
    half = 0.5 * min(spacing)
    voxel = float(np.prod(spacing))
    for label in range(1, len(found["voxel_counts"])):
        box = tuple(
            slice(max(0, b.start - m), min(size, b.stop + m))
            for b, size, m in zip(
                found["bounding_boxes"][label],
                mask.shape,
                [int(np.ceil(reach / s)) for s in spacing],
                strict=True,
            )
        )
        inside = labels[box] == label
        signed = np.where(
            inside,
            _distance_to(~inside, spacing, reach) - half,
            half - _distance_to(inside, spacing, reach),
        )
        yield float(found["voxel_counts"][label]) * voxel, box, signed


def _distance_to(target: np.ndarray, spacing: Sequence[float], reach: float) -> np.ndarray:
    """Euclidean distance to the nearest target voxel, mm: exact up to ``reach``, cut there.

    Squared distances separate by axis; cutting them makes each axis a few shifts of
    the array, several times faster than an unlimited transform on such small boxes.
    """
    squared = np.where(target, np.float32(0), np.float32(reach**2))
    for axis, step in enumerate(spacing):
        before = np.moveaxis(squared.copy(), axis, 0)
        now = np.moveaxis(squared, axis, 0)
        for k in range(1, min(int(reach / step), len(now) - 1) + 1):
            away = np.float32((k * step) ** 2)
            np.minimum(now[k:], before[:-k] + away, out=now[k:])
            np.minimum(now[:-k], before[k:] + away, out=now[:-k])
    return np.sqrt(squared)


class _JitterField:
    """A smooth Gaussian random field over the image, evaluated where it is asked for.

    White noise on a coarse lattice is spread by Gaussian weights, axis by axis. The
    weights' squares sum to 1, so the variance is the same at every voxel.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        spacing: Sequence[float],
        style: RaterStyle,
        generator: np.random.Generator,
    ) -> None:
        self._style = style
        width = style.correlation / np.sqrt(2)
        self._weights = [_spread(n * s, n, s, width) for n, s in zip(shape, spacing, strict=True)]
        self._noise = generator.standard_normal([w.shape[1] for w in self._weights], np.float32)

    def __call__(self, box: tuple[slice, ...]) -> np.ndarray:
        """Shift of the boundary in a box, mm: the rater's bias and the wandering around it."""
        field = self._noise
        for weights, part in zip(self._weights, box, strict=True):
            # Contracts the first axis and appends the fine one: after all axes the order is as before.
            field = np.tensordot(field, weights[part], axes=(0, 1))
        limit = _LARGEST_JITTER
        return np.clip(field, -limit, limit) * np.float32(self._style.jitter) + np.float32(self._style.bias)


def _spread(length: float, n: int, step: float, width: float) -> np.ndarray:
    """Weights (n voxels, lattice points) that spread lattice noise to voxels along one axis."""
    lattice = np.arange(-3 * width, length + 3.5 * width, width)
    away = (np.arange(n)[:, None] * step - lattice) / width
    weights = np.exp(-0.5 * away**2)
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


def _invent(
    drawn: np.ndarray,
    mask: np.ndarray,
    spacing: Sequence[float],
    style: RaterStyle,
    generator: np.random.Generator,
) -> None:
    """Add small round lesions where the mask has none, in place."""
    litres = mask.size * float(np.prod(spacing)) * 1e-6
    for _ in range(generator.poisson(style.invented * litres) if style.invented else 0):
        centre = [int(generator.integers(size)) for size in mask.shape]
        radius = generator.uniform(1.0, 2.5)
        box = tuple(
            slice(max(0, int(c - radius / s)), min(size, int(c + radius / s) + 1))
            for c, s, size in zip(centre, spacing, mask.shape, strict=True)
        )
        axes = np.ogrid[box]
        squared = sum(((x - c) * s) ** 2 for x, c, s in zip(axes, centre, spacing, strict=True))
        if not mask[box].any():
            drawn[box] |= squared <= radius**2
