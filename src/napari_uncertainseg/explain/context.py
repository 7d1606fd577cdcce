"""How much of its surroundings a network needs to see a lesion (the experiment of arXiv 2406.09335)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.explain.scene import Field, Scene, fields_of, retry_in_smaller_fields

LARGEST_MM = 34.0
PUBLISHED_MM = 7.0
"""The paper grows the input to 34 mm, and concludes that 7 mm are needed."""
SETTLED = 0.05
"""A probability is settled where it stays as near to that with all of the field."""
_MARGIN_MM = 40.0
_CUBIC = 0.02
"""Sides of a voxel that differ by no more than this share are the same."""


@dataclass(frozen=True)
class ContextNeed:
    """What a lesion's curve says.

    Attributes
    ----------
    detected_mm
        Smallest radius at which a voxel of the lesion reaches the threshold; NaN where none does. The lesion
        alone, on even grey, may look like one: with more around it many are lost again.
    kept_mm
        Smallest radius from which on it is detected with each larger one; NaN where that is not so at the
        largest one.
    settled_mm
        Smallest radius from which on the mean probability stays within `SETTLED` of the whole field's; NaN
        where that is not so at the largest one.
    alone, whole
        Mean probability in the lesion from the lesion alone, and from all of the field.
    found
        Whether a voxel of it reaches the threshold with all of the field.
    """

    detected_mm: float
    kept_mm: float
    settled_mm: float
    alone: float
    whole: float
    found: bool


def distance_around(region: np.ndarray, spacing: Sequence[float], largest: float) -> np.ndarray:
    """Distance of each voxel from a region, mm.

    On cubic voxels it is counted in dilations as published: each adds the 18 neighbours that share a face or
    an edge. So it reaches further along a diagonal than along an axis. On others it is the straight line.

    Parameters
    ----------
    region
        bool (z, y, x).
    spacing
        Of the voxels, mm.
    largest
        Beyond it the distance is infinite.

    Returns
    -------
    numpy.ndarray
        float32, 0 in the region.
    """
    if max(spacing) > (1 + _CUBIC) * min(spacing):
        straight = ndimage.distance_transform_edt(~region, sampling=spacing).astype(np.float32)
        return np.where(straight <= largest, straight, np.float32(np.inf))
    out = np.full(region.shape, np.inf, np.float32)
    out[region] = 0
    neighbours, reached = ndimage.generate_binary_structure(3, 2), region
    for step in range(1, int(largest / spacing[0] + 1e-6) + 1):
        grown = ndimage.binary_dilation(reached, neighbours)
        out[grown & ~reached] = step * spacing[0]
        reached = grown
    return out


def context_curve(
    scene: Scene,
    region: np.ndarray,
    *,
    largest_mm: float = LARGEST_MM,
    step_mm: float = 1.0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """The probability of a lesion as the input grows around it; what is further away is 0.

    Parameters
    ----------
    scene
        The network and the scans.
    region
        bool (z, y, x), the lesion.
    largest_mm, step_mm
        Of the radius, which begins at 0: the lesion alone.
    progress
        Called many times a second while the network runs; what it raises ends the work.

    Returns
    -------
    pandas.DataFrame
        A row for each radius: ``radius_mm``, ``mean_probability`` and ``max_probability`` of the mean of the
        heads in the region, ``detected`` (whether the largest reaches the threshold). The last row has an
        infinite radius: all of the field.

    Raises
    ------
    InputError
        If the region is empty, or memory does not suffice.
    """
    radii = [*np.arange(0, largest_mm + step_mm / 2, step_mm), np.inf]
    tables = retry_in_smaller_fields(
        lambda margin: _curve(scene, fields_of(scene, region, margin), radii, progress), _MARGIN_MM
    )
    return next(tables)


def _curve(
    scene: Scene, fields: list[Field], radii: Sequence[float], progress: Progress
) -> Iterator[pd.DataFrame]:
    if len(fields) > 1:
        raise InputError(
            "The lesion is larger than what the network reads at once: its context is not known."
        )
    one = fields[0]
    cut = scene.image[(slice(None), *one.box)]
    finite = max((radius for radius in radii if np.isfinite(radius)), default=0.0)
    distance = distance_around(one.region, scene.spacing, finite)
    read, rows = scene.region_logits(one), []
    for i, radius in enumerate(radii):
        share = i / len(radii)
        window = one.window(None, scene.engine, cut * (distance <= radius))
        with (
            scene.checked(lambda share=share: progress("growing the input", share)),  # type: ignore[misc]
            torch.inference_mode(),
        ):
            p = scene.probabilities(read(window)).mean(axis=0)
        rows.append((radius, float(p.mean()), float(p.max()), bool(at_least(p, scene.threshold).any())))
    progress("done", 1.0)
    yield pd.DataFrame(rows, columns=["radius_mm", "mean_probability", "max_probability", "detected"])


def context_need(curve: pd.DataFrame) -> ContextNeed:
    """The radii at which a lesion is detected and settled, from its `context_curve`."""
    radius = curve["radius_mm"].to_numpy(float)
    mean = curve["mean_probability"].to_numpy(float)
    detected = curve["detected"].to_numpy(bool)
    near = np.abs(mean[:-1] - mean[-1]) <= SETTLED
    return ContextNeed(
        float(radius[:-1][detected[:-1]][0]) if detected[:-1].any() else float("nan"),
        _from_which_on(radius, detected),
        _from_which_on(radius, np.append(near, True)),
        float(mean[0]),
        float(mean[-1]),
        bool(detected[-1]),
    )


def _from_which_on(radius: np.ndarray, so: np.ndarray) -> float:
    """The smallest radius from which on something is so to the end; NaN if only with all of the field."""
    first = int(np.flatnonzero(~so).max(initial=-1)) + 1
    return float(radius[first]) if first < len(radius) - 1 else float("nan")


def context_summary(needs: pd.DataFrame, *, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """What several lesions need, with intervals.

    Parameters
    ----------
    needs
        A row for each lesion: ``case`` and the fields of `ContextNeed`.
    draws
        Of the bootstrap: cases are drawn, and the lesions with them; lesions where there is one case.
    seed
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        A row each for ``detected_mm``, ``kept_mm`` and ``settled_mm``: ``lesions`` and ``cases`` that have
        one, ``median``, ``low`` and ``high`` (95 %; NaN with fewer than three lesions), ``within_published``
        (the share of them within 7 mm) and ``published_mm``. A lesion that is not found with all of the
        field does not count.

    Raises
    ------
    InputError
        If there is no lesion.
    """
    if not len(needs):
        raise InputError("There is no lesion to sum up the context of.")
    rows = []
    for name in ("detected_mm", "kept_mm", "settled_mm"):
        known = needs[needs["found"].astype(bool) & needs[name].notna()]
        values = known[name].to_numpy(float)
        low, high = _interval(known["case"].to_numpy(), values, draws, seed)
        rows.append(
            {
                "measure": name,
                "lesions": len(values),
                "cases": int(known["case"].nunique()),
                "median": float(np.median(values)) if len(values) else float("nan"),
                "low": low,
                "high": high,
                "within_published": float((values <= PUBLISHED_MM).mean()) if len(values) else float("nan"),
                "published_mm": PUBLISHED_MM,
            }
        )
    return pd.DataFrame(rows)


def _interval(cases: np.ndarray, values: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """Percentiles 2.5 and 97.5 of the median over drawn cases, or over drawn lesions of a single one."""
    if len(values) < 3:
        return float("nan"), float("nan")
    groups = [values[cases == case] for case in pd.unique(cases)]
    if len(groups) == 1:
        groups = [values[i : i + 1] for i in range(len(values))]
    rng = np.random.default_rng(seed)
    medians = [
        np.median(np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]))
        for _ in range(draws)
    ]
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)
