"""Predictions made without a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.voxel import MapAccumulator
from napari_uncertainseg.voxel_maps import MapSources, MemberStatistics, compute_maps

AFFINE = np.eye(4)[[2, 1, 0, 3]]
"""Voxels of 1 mm; index order is superior, anterior, right."""


def everywhere(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The box of a whole grid."""
    return tuple(slice(0, n) for n in shape)


def make_prediction(
    probability: np.ndarray,
    members: Members | np.ndarray | None = None,
    *,
    grid: Grid | None = None,
    brain: np.ndarray | None = None,
    threshold: float = 0.5,
    information: Mapping[str, Any] | None = None,
    **maps: np.ndarray,
) -> Prediction:
    """A prediction whose maps are what a test says, and nothing is checked or computed.

    Parameters
    ----------
    probability
        The mean.
    members
        As they are, or their values on the whole grid; one, the mean, if None.
    grid
        1 mm if None.
    brain
        Everything if None.
    maps
        Others than the mean: the entropy is the probability and all else 0 where they are not given.
    """
    shape = np.shape(probability)
    nothing = np.zeros(shape, np.float32)
    statistics = MemberStatistics(probability, probability, probability, nothing, nothing)
    if not isinstance(members, Members):
        values = np.asarray(probability)[None] if members is None else np.asarray(members)
        members = Members(everywhere(values.shape[1:]), values)
    return Prediction(
        Grid(shape, AFFINE) if grid is None else grid,
        compute_maps(MapSources(statistics, nothing)) | maps,
        np.ones(shape, bool) if brain is None else brain,
        members,
        threshold,
        information or {},
    )


def predict_from_members(
    values: np.ndarray, *, box: tuple[slice, ...] | None = None, **options: Any
) -> Prediction:
    """A prediction of members on the whole grid, with the maps that follow from them.

    Parameters
    ----------
    values
        Members' probabilities; kept as halves.
    box
        In which they are kept; everywhere if None.
    options
        As for `make_prediction`.
    """
    accumulator = MapAccumulator()
    for member in values:
        accumulator.add(member)
    statistics = accumulator.result()
    box = everywhere(values.shape[1:]) if box is None else box
    members = Members(box, np.asarray(values, np.float16)[(slice(None), *box)])
    maps = compute_maps(MapSources(statistics, statistics.variance))
    return make_prediction(members=members, **(maps | options))
