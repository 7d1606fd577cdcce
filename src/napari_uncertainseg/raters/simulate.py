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
from scipy.special import ndtr

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask

_LARGEST_JITTER = 3.0
"""Jitter is cut at this many standard deviations, so that distances are needed near lesions only."""
_REFERENCE_RADIUS = 5.0
"""Bias and jitter are stated for a lesion of this radius, mm."""
_RADII = (1.0, 9.9)
"""Bias and jitter grow with the radius between these, mm, and stay the same beyond."""
SPREAD = 0.38
"""Standard deviation of the raters' biases, mm, for a lesion of 5 mm radius."""


@dataclass(frozen=True)
class RaterStyle:
    """How one rater outlines lesions.

    The defaults are fitted to two readers of MS lesions; correlation and growth to readers of lung nodules.
    See docs/raters.md.

    Attributes
    ----------
    bias
        Shift of the boundary, mm, for a lesion of 5 mm radius; above 0 the rater outlines generously.
    jitter
        Standard deviation of the boundary's wandering, mm, for a lesion of 5 mm radius.
    correlation
        How far along the boundary the wandering stays alike, mm: the correlation of
        two points d apart is ``exp(-d**2 / (2 * correlation**2))``.
    miss
        Probability of missing a lesion of vanishing volume.
    miss_volume
        Volume at which that probability has fallen to 37 % of ``miss``, mm3.
    miss_power
        How steeply it falls there: 1 is an exponential, less is slower.
    invented
        Expected number of small lesions outlined where there is none, per litre of image.
    growth
        Bias and jitter are in proportion to this power of a lesion's radius.
    """

    bias: float = 0.0
    jitter: float = 0.71
    correlation: float = 3.2
    miss: float = 1.0
    miss_volume: float = 48.0
    miss_power: float = 0.5
    invented: float = 0.0
    growth: float = 0.59

    def miss_probability(self, volume: float) -> float:
        """Probability of missing a lesion of this volume (mm3)."""
        return self.miss * float(np.exp(-((volume / self.miss_volume) ** self.miss_power)))

    def scale(self, radius: float) -> float:
        """How much further the boundary of a lesion of this radius (mm) moves than that of a 5 mm one."""
        low, high = _RADII
        return float(min(max(radius, low), high) / _REFERENCE_RADIUS) ** self.growth


def draw_styles(n: int, seed: int = 0, *, spread: float = SPREAD) -> tuple[RaterStyle, ...]:
    """Styles of ``n`` raters whose boundary biases cancel out.

    Parameters
    ----------
    n
        Number of raters.
    seed
        Only decides who has which bias; the biases do not depend on it.
    spread
        Standard deviation of the biases, mm, fitted: they are the quantiles of a normal
        distribution.
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
    misses small lesions, most of the smallest. A curved boundary gains more by a step out than it loses by
    a step in, so each lesion's boundary is drawn back a little, by less than half a voxel:
    the mean volume of those who see it is the mask's, and their majority the mask.
    Where slices are thick, a slice more is half a slice away.

    Parameters
    ----------
    mask
        A mask in 2-D or 3-D, nonzero is lesion.
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
        If the mask is none, or neither 2-D nor 3-D, or spacing or styles do not fit.
    """
    mask = as_mask(mask)
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
    for lesion in _lesions(mask, steps, styles):
        for drawn, style, generator, field in zip(result, styles, generators, fields, strict=True):
            if generator.random() >= style.miss_probability(lesion.volume):
                shift = field(lesion.box) * np.float32(style.scale(lesion.radius))
                drawn[lesion.box] |= lesion.signed + shift > 0
    for drawn, style, generator in zip(result, styles, generators, strict=True):
        _invent(drawn, mask, steps, style, generator)
    return result


@dataclass(frozen=True)
class _Lesion:
    """A lesion, its surroundings, and the signed distance (mm, positive inside) that raters shift."""

    volume: float
    radius: float
    box: tuple[slice, ...]
    signed: np.ndarray


def _lesions(mask: np.ndarray, spacing: Sequence[float], styles: Sequence[RaterStyle]) -> Iterator[_Lesion]:
    """Every lesion, its boundary drawn back so that these raters' mean volume is its own."""
    if not mask.any():
        return
    # cc3d 4.1 reserves too few labels for thin images and then fails: give it some room.
    labels = cc3d.connected_components(np.pad(mask, (0, 1)), connectivity=26 if mask.ndim == 3 else 8)
    found = cc3d.statistics(labels)
    voxel = float(np.prod(spacing))
    for label in range(1, len(found["voxel_counts"])):
        volume = float(found["voxel_counts"][label]) * voxel
        radius = _radius(labels[found["bounding_boxes"][label]] == label, spacing)
        shifts = [(s.bias * s.scale(radius), s.jitter * s.scale(radius)) for s in styles]
        reach = max(abs(bias) + _LARGEST_JITTER * jitter for bias, jitter in shifts) + 0.5 * min(spacing)
        box = tuple(
            slice(max(0, b.start - int(reach / s + 0.5)), min(size, b.stop + int(reach / s + 0.5)))
            for b, size, s in zip(found["bounding_boxes"][label], mask.shape, spacing, strict=True)
        )
        inside = labels[box] == label
        # Each of the two distances is 0 where the other is not.
        signed = _distance_to(~inside, spacing, reach) - _distance_to(inside, spacing, reach)
        yield _Lesion(volume, radius, box, signed + np.float32(_drawn_back(signed, shifts, min(spacing))))


def _radius(lesion: np.ndarray, spacing: Sequence[float]) -> float:
    """Radius (mm) of a ball or disc with as much volume per surface; for a long lesion, what its width is.

    Voxel faces add up to 3/2 of a ball's surface, and edges of pixels to 4/pi of a circle.
    """
    padded = np.zeros([n + 2 for n in lesion.shape], bool)
    padded[(slice(1, -1),) * lesion.ndim] = lesion
    faces = 0.0
    for axis, step in enumerate(spacing):
        turned = padded.swapaxes(0, axis)
        faces += np.count_nonzero(turned[1:] != turned[:-1]) / step
    return (4.5 if lesion.ndim == 3 else 8 / np.pi) * np.count_nonzero(lesion) / faces


def _drawn_back(signed: np.ndarray, shifts: Sequence[tuple[float, float]], step: float) -> float:
    """Shift (mm) that keeps the expected mean volume where a shift by the mean bias alone puts it.

    It stays below half a voxel, so that every voxel keeps its more likely side.
    """
    bias, jitter = np.array(shifts).T[..., None, None]
    if not jitter.any() and np.ptp(bias) == 0:
        return 0.0
    fine = step / 16
    lowest = float(signed.min())
    counts = np.bincount(((signed.ravel() - lowest) / fine + 0.5).astype(np.intp))
    seen = counts.nonzero()[0]
    levels, counts = lowest + fine * seen, counts[seen]
    target = counts @ (levels + bias.mean() > 0)
    tried = np.linspace(-0.45, 0.45, 7) * step
    shifted = levels + bias + tried[:, None]
    expected = (ndtr(shifted / np.maximum(jitter, 1e-3 * step)).mean(0)) @ counts
    return float(np.interp(target, expected, tried))


def _distance_to(target: np.ndarray, spacing: Sequence[float], reach: float) -> np.ndarray:
    """Distance from voxel centres to the nearest target voxel's face, mm: up to ``reach``, cut there.

    Squared distances separate by axis; cutting them makes each axis a few shifts of
    the array, several times faster than an unlimited transform on such small boxes.
    """
    squared = np.where(target, np.float32(0), np.float32(reach**2))
    for axis, step in enumerate(spacing):
        before = squared.copy().swapaxes(0, axis)
        now = squared.swapaxes(0, axis)
        for k in range(1, min(int(reach / step + 0.5), len(now) - 1) + 1):
            away = np.float32(((k - 0.5) * step) ** 2)
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
        self._steps = [s / width for s in spacing]
        self._weights = [_spread(n * s, n, s, width) for n, s in zip(shape, spacing, strict=True)]
        # Uniform noise is three times as quick to draw, and sums of many points are as good as normal.
        noise = generator.random([w.shape[1] for w in self._weights], np.float32)
        noise -= np.float32(0.5)
        noise *= np.float32(np.sqrt(12))
        self._noise = noise

    def __call__(self, box: tuple[slice, ...]) -> np.ndarray:
        """Shift of the boundary in a box, mm: the rater's bias and the wandering around it."""
        inner = [part.indices(len(w))[:2] for w, part in zip(self._weights, box, strict=True)]
        near = tuple(
            # Lattice points more than six widths away weigh nothing; point 3 lies on voxel 0.
            slice(max(0, int(start * step) - 3), int(stop * step) + 10)
            for (start, stop), step in zip(inner, self._steps, strict=True)
        )
        field = self._noise[near]
        for weights, part, points in zip(self._weights, box, near, strict=True):
            # Contracts the first axis and appends the fine one: after all axes the order is as before.
            rest = field.shape[1:]
            field = (field.reshape(len(field), -1).T @ weights[part, points].T).reshape(*rest, -1)
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
