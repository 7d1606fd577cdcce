"""Lesions in the order in which they deserve a look: the most doubtful first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box, painted_box, union_box
from napari_uncertainseg._checks import as_numbers, as_probabilities, check_same_shape
from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD, at_least
from napari_uncertainseg.lesions.components import Components, Foreground, label_mask, voxels_of
from napari_uncertainseg.lesions.hierarchy import Hierarchy
from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_columns import (
    COLUMNS,
    DOUBT_IN_REAL,
    REAL_COLUMNS,
    MeasureColumn,
)
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers, worth_a_number
from napari_uncertainseg.uncertainty.lesion_statistics import LesionStatistics, measure_lesions
from napari_uncertainseg.uncertainty.listing.listed_lesion import row_in_table, voxel_in_table
from napari_uncertainseg.uncertainty.listing.painted_lesions import by_number, take_models_values
from napari_uncertainseg.uncertainty.listing.ranked_table import LabelImage, ranked
from napari_uncertainseg.uncertainty.member_lesions import MemberLesions, positions_in
from napari_uncertainseg.uncertainty.real_probability.lesion_features import (
    FoundLesions,
    measure_lesion_features,
)

_MOST_PREPARED = 1_000_000
"""Voxels at or above the floor."""
_MODELS = (
    "doubt",
    P_REAL,
    "lsu",
    "mean_probability",
    "max_probability",
    "mean_entropy",
    "mean_mutual_information",
    "persistence",
)
"""Columns in which the model speaks: it says nothing of what a human drew."""


@dataclass(frozen=True, eq=False)
class Lesions:
    """Lesions and candidates at one threshold.

    Attributes
    ----------
    labels
        uint16 on the grid; the numbers of the table.
    table
        One row per lesion, the most doubtful first and what a human drew last; `COLUMNS` says what stands
        in it. Numbers run from 1 in this order, unless `ComponentNumbers` keeps earlier ones.
    candidates
        uint16 on the grid; likewise.
    candidate_table
        One row per candidate, that with the highest probability first. A candidate's ``lsu`` compares
        it with the members at the lesions' threshold: 1 when no member sees a lesion there.
    threshold
        Probability at and above which a voxel is lesion.
    min_volume
        Smaller lesions and candidates are left out, mm3.
    candidate_threshold
        Probability at and above which a voxel can belong to a candidate.
    by_p_real
        Whether ``doubt``, and so the order, is by the probability of being real; if not, it is by the largest
        probability.
    real_by
        Who says the column ``p_real``; empty where there is none.
    late
        What stands in columns that came later, see `late_columns`.
    models_volume
        Of each lesion of the model that was painted on, by its number: the volume of the model's own outline,
        mm3. Doubt, probabilities and whatever else the model says of it are those of that outline.
    """

    labels: np.ndarray
    table: pd.DataFrame
    candidates: np.ndarray
    candidate_table: pd.DataFrame
    threshold: float
    min_volume: float
    candidate_threshold: float = CANDIDATE_THRESHOLD
    by_p_real: bool = False
    real_by: Literal["", "model", "calibration"] = ""
    late: Mapping[str, MeasureColumn] = field(default_factory=dict)
    models_volume: Mapping[int, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of lesions."""
        return len(self.table)

    @property
    def volume_ml(self) -> float:
        """Volume of all lesions, ml."""
        return float(self.table["volume_mm3"].sum()) / 1000

    @property
    def drawn(self) -> int:
        """How many of the lesions a human drew."""
        return int(self.table["drawn"].sum())

    @property
    def columns(self) -> Mapping[str, MeasureColumn]:
        """What stands in the tables: `COLUMNS`, with what doubt is here, and who says what is real."""
        doubt = {"doubt": DOUBT_IN_REAL} if self.by_p_real else {}
        real = {P_REAL: REAL_COLUMNS[self.real_by]} if self.real_by else {}
        return {**COLUMNS, **doubt, **real, **self.late}

    def component_at(self, voxel: tuple[int, int, int]) -> int:
        """Number of the lesion (> 0) or candidate (< 0) at a voxel; 0 where there is none."""
        return int(self.labels[voxel]) or -int(self.candidates[voxel])

    def voxel_of(self, number: int) -> tuple[int, int, int] | None:
        """The voxel that a lesion (> 0) or candidate (< 0) is known by in its table; None for no such."""
        row = row_in_table(self, number)
        return None if row is None else voxel_in_table(row)


def rank_lesions(
    prediction: Prediction,
    threshold: float | None = None,
    min_volume: float = 3.0,
    *,
    candidate_threshold: float | None = None,
    edit: np.ndarray | None = None,
) -> Lesions:
    """Find the lesions of a prediction and rank them, the most uncertain first.

    Parameters
    ----------
    prediction
        Its probability, entropy, mutual information and members are looked at.
    threshold
        Probability at and above which a voxel is lesion; the model's own default if None.
    min_volume
        Smaller lesions and candidates are left out, mm3.
    candidate_threshold
        Components of voxels of at least this probability that hold no lesion voxel are candidates; the
        prediction's own if None.
    edit
        int8 on the grid: +1 is lesion and -1 is not, whatever the probability. What the table says
        about probability and uncertainty stays the model's own: of a lesion of the model that was painted on
        it is what it was before, so that it keeps its place in the list.

    Raises
    ------
    InputError
        If an array does not lie on the grid or is no map of its kind, or a threshold is not a number.
    """
    threshold = prediction.threshold if threshold is None else threshold
    ranker = ranker_of(prediction)
    return ranker.rank(threshold, min_volume, candidate_threshold=candidate_threshold, edit=edit)


def ranker_of(prediction: Prediction) -> Ranker:
    """The one ranker of a prediction, kept with it; `Ranker.prepare` makes it fast enough for a slider."""
    return prediction.derived(Ranker)


class Ranker:
    """One prediction, made ready for thresholds that move.

    Looks once for the part of the image where there is anything to find; `rank` then
    looks there only.

    Parameters
    ----------
    prediction
        Its arrays are not copied, and must not be changed afterwards.
    """

    def __init__(self, prediction: Prediction) -> None:
        grid = prediction.grid
        maps = {
            "probability": as_probabilities(prediction.probability),
            "entropy": as_numbers(prediction.entropy, "The entropy"),
            "mutual information": as_numbers(prediction.mutual_information, "The mutual information"),
        }
        for name, array in maps.items():
            check_same_shape(f"The {name}", array.shape, "the scan", grid.shape)
        self.grid = grid
        self._maps = tuple(np.ascontiguousarray(m) for m in maps.values())
        self._foreground = Foreground.from_probability(self._maps[0])
        members = prediction.members.told_from(self._maps[0])
        self._members = MemberLesions(members, self._foreground.floor)
        self._real_probability = prediction.real_probability
        self._known = members, prediction.voxel_features, prediction.grid
        self._candidate_threshold = prediction.candidate_threshold
        self._hierarchy: Hierarchy | None = None
        self._possible: tuple[float, Components] | None = None
        self._unpainted: Lesions | None = None
        self._images = LabelImage(grid.shape), LabelImage(grid.shape)
        self._last: tuple[tuple[float, ...], tuple[LesionStatistics, int, bool]] | None = None

    def prepare(self) -> None:
        """Make moves of the threshold several times faster, at the price of some twenty moves' time once.

        The result is the same. May be called from another thread after the first `rank`. Does nothing where
        most of a large image is foreground: that is no segmentation, and would take gigabytes.
        """
        if self._has_hierarchy():
            self._members.prepare()

    @property
    def is_prepared(self) -> bool:
        """Whether `prepare` has nothing left to do."""
        return self._members.is_prepared

    def rank(
        self,
        threshold: float,
        min_volume: float = 3.0,
        *,
        candidate_threshold: float | None = None,
        edit: np.ndarray | None = None,
        numbers: LesionNumbers | None = None,
    ) -> Lesions:
        """Lesions and candidates at a threshold.

        Parameters
        ----------
        threshold, min_volume, candidate_threshold, edit
            As for `rank_lesions`.
        numbers
            Those that lesions and candidates keep; without them they run from 1 in the order of rank.
        """
        if candidate_threshold is None:
            candidate_threshold = self._candidate_threshold
        if not np.isfinite([threshold, candidate_threshold, min_volume]).all():
            raise InputError(
                f"Threshold {threshold}, candidate threshold {candidate_threshold} and smallest volume "
                f"{min_volume} mm3 must be numbers."
            )
        least = voxels_of(min_volume, self.grid.voxel_volume)
        found, n, by_p_real = self._found(threshold, candidate_threshold, least, edit)
        volumes = {}
        if edit is not None and edit.any():
            own = self._without_edit(threshold, min_volume, candidate_threshold)
            volumes = take_models_values(found, n, own, _MODELS)
        kept = (None, None) if numbers is None else (numbers.lesions, numbers.candidates)
        labels, table = ranked(found, slice(0, n), self._images[0], kept[0])
        below, candidate_table = ranked(found, slice(n, None), self._images[1], kept[1])
        outlined = Lesions(
            labels=labels,
            table=table,
            candidates=below,
            candidate_table=candidate_table,
            threshold=float(threshold),
            min_volume=float(min_volume),
            candidate_threshold=float(candidate_threshold),
            by_p_real=by_p_real,
            real_by="model" if P_REAL in found.values else "",
            models_volume=by_number(volumes, found, labels),
        )
        if edit is None:
            self._unpainted = outlined
        return outlined

    def _found(
        self, threshold: float, candidate_threshold: float, min_voxels: int, edit: np.ndarray | None
    ) -> tuple[LesionStatistics, int, bool]:
        """Lesions and candidates, how many are lesions, whether doubt goes by being real; the last stays."""
        asked = (float(threshold), float(candidate_threshold), min_voxels)
        if edit is None and self._last is not None and self._last[0] == asked:
            return self._last[1]
        box, lesions, candidates = self._components(threshold, candidate_threshold, min_voxels, edit)
        found = measure_lesions(box, lesions, candidates, self._maps, self.grid)
        found.values["persistence"] = self._persistence(found)
        n = lesions.n
        by_p_real = self._add_p_real(found, threshold, candidate_threshold)
        likely = found.values[P_REAL if by_p_real else "max_probability"]
        found.values["doubt"] = np.where(np.arange(len(likely)) < n, 1 - likely, likely)
        found.values["lsu"] = 1 - self._members.overlaps(found.index, found.label, found.sizes, threshold)
        self._mark_drawn(found, threshold, edit)
        if edit is None:
            self._last = asked, (found, n, by_p_real)
        return found, n, by_p_real

    def _without_edit(self, threshold: float, min_volume: float, candidate_threshold: float) -> Lesions:
        """The model's own outlines: the last that were found with nothing painted, where they are these."""
        at = (float(threshold), float(min_volume), float(candidate_threshold))
        own = self._unpainted
        if own is None or (own.threshold, own.min_volume, own.candidate_threshold) != at:
            return self.rank(threshold, min_volume, candidate_threshold=candidate_threshold)
        return own

    def _add_p_real(self, found: LesionStatistics, threshold: float, candidate_threshold: float) -> bool:
        """How probably each lesion and candidate is real, where the model knows; whether doubt goes by it."""
        real_probability = self._real_probability
        if real_probability is None or not real_probability.covers(threshold, candidate_threshold):
            return False
        lesions = FoundLesions(found, *self._known, threshold)
        values = measure_lesion_features(lesions, tuple(real_probability.weights))
        found.values[P_REAL] = real_probability.probability(values, lesions.count)
        return real_probability.orders

    def _mark_drawn(self, found: LesionStatistics, threshold: float, edit: np.ndarray | None) -> None:
        """Mark what was mostly painted where the model sees no lesion; the model says nothing of that."""
        n = len(found.sizes) - 1
        drawn = np.zeros(n, bool)
        if edit is not None:
            added = (edit.ravel()[found.flat] > 0) & ~at_least(self._maps[0].ravel()[found.flat], threshold)
            drawn = 2 * np.bincount(found.label[added], minlength=n + 1)[1:] > found.sizes[1:]
        for name in set(_MODELS) & set(found.values):
            found.values[name] = np.where(drawn, np.nan, found.values[name])
        found.values["drawn"] = drawn

    def _components(
        self, threshold: float, candidate_threshold: float, min_voxels: int, edit: np.ndarray | None
    ) -> tuple[Box, Components, Components]:
        """A box that holds all lesions and candidates, and both in it."""
        if edit is not None:
            edit = as_numbers(edit, "The edit") if np.asarray(edit).dtype.kind != "i" else edit
            check_same_shape("The edit", edit.shape, "the scan", self.grid.shape)
        if (
            self._hierarchy is None
            or edit is not None
            or min(threshold, candidate_threshold) < self._hierarchy.floor
        ):
            box, lesions, candidates = self._labelled(threshold, candidate_threshold, edit)
        else:
            box = self._foreground.box
            lesions, candidates = self._hierarchy.cut(threshold)[0], self._cut_once(candidate_threshold)
        lesions = lesions.only(worth_a_number(lesions.sizes, min_voxels))
        free = worth_a_number(candidates.sizes, min_voxels)
        # A lesion that nobody painted lies inside of one of them: any voxel tells which.
        whole = edit is not None or threshold < candidate_threshold
        taken = lesions.where if whole else lesions.where[lesions.one_voxel]
        free[candidates.label[candidates.among(taken)] - 1] = False
        return box, lesions, candidates.only(free)

    @property
    def hierarchy(self) -> tuple[Hierarchy, Box] | None:
        """The mean map's components at all thresholds, and the box in which it has any.

        None where most of a large image is foreground. As the map is: painting is not in it.
        """
        if not self._has_hierarchy():
            return None
        assert self._hierarchy is not None
        return self._hierarchy, self._foreground.box

    def _cut_once(self, threshold: float) -> Components:
        """The mean map's components at a threshold that hardly ever moves."""
        assert self._hierarchy is not None
        if self._possible is None or self._possible[0] != threshold:
            self._possible = threshold, self._hierarchy.cut(threshold)[0]
        return self._possible[1]

    def _persistence(self, found: LesionStatistics) -> np.ndarray:
        """Of each lesion and candidate, by the unpainted map."""
        n = len(found.sizes) - 1
        if not self._has_hierarchy():
            return np.full(n, np.nan)
        assert self._hierarchy is not None
        highest = found.values["max_probability"].astype(self._maps[0].dtype)
        tops = np.flatnonzero(self._maps[0].ravel()[found.flat] == highest[found.label - 1])
        inside, where = positions_in(self._foreground.box, found.index[:, tops])
        values = np.zeros(n)  # a lesion that was painted may lie outside of all that the map shows
        label = found.label[tops][inside] - 1
        np.maximum.at(values, label, highest[label] - self._hierarchy.death_at(where))
        return values

    def _has_hierarchy(self) -> bool:
        """Build the mean map's hierarchy, once, unless most of a large image is foreground."""
        if self._hierarchy is None:
            inside, floor = self._maps[0][self._foreground.box], self._foreground.floor
            if np.count_nonzero(at_least(inside, floor)) <= _MOST_PREPARED:
                self._hierarchy = Hierarchy.from_map(inside, floor)
        return self._hierarchy is not None

    def _labelled(
        self, threshold: float, candidate_threshold: float, edit: np.ndarray | None
    ) -> tuple[Box, Components, Components]:
        """The same by labelling the map as painted, before any is left out."""
        box = self._foreground.box_at(min(threshold, candidate_threshold))
        if edit is not None:
            box = union_box(box, painted_box(edit))
        probability = self._maps[0][box]
        lesion, candidate = at_least(probability, threshold), at_least(probability, candidate_threshold)
        if edit is not None:
            added, removed = edit[box] > 0, edit[box] < 0
            lesion = (lesion | added) & ~removed
            candidate &= ~removed
        lesions, candidates = (Components.from_mask(mask, *label_mask(mask)) for mask in (lesion, candidate))
        return box, lesions, candidates
