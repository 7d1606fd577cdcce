"""Between Compare and the result: a question, taken from the layers once, and its answer as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.raters.consensus import UncertaintySource
from napari_uncertainseg.raters.report import PAIRWISE, Consensus, RaterReport, report_raters
from napari_uncertainseg.uncertainty.against_raters import (
    DISTANCE,
    UNSURE_ENTROPY,
    UNSURE_LSU,
    AgainstRaters,
    against_raters,
)
from napari_uncertainseg.uncertainty.lesion_numbers import in_rows
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.number_table import Table, format_number

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_NEAR = f"within {DISTANCE:g} mm of anybody's mark"
_HABITS = {
    "volume": "What the rater marked, mm³ (mm² of an image).",
    "bias": "That more than the consensus, in per cent of it; above 0 the rater outlines generously.",
    "distance": "Mean distance of the rater's boundary from that of the consensus, mm.",
    "sensitivity": "Share of the true lesion voxels that the rater marked, as STAPLE estimates it.",
    "specificity": "Share of the other voxels, in the box of all marks, that the rater left, by STAPLE.",
}
_KINDS = {
    UncertaintySource.BOTH: "raters differ, model unsure",
    UncertaintySource.RATERS: "raters differ, model sure",
    UncertaintySource.MODEL: "raters agree, model unsure",
    UncertaintySource.NEITHER: "raters agree, model sure",
}

_MODEL = {
    "doubt and disagreement, voxels": "Spearman's rank correlation of entropy and the raters' variance\n"
    f"over voxels {_NEAR}. 1: the model doubts where raters differ.",
    "doubt and disagreement, lesions": "Spearman's rank correlation of structural uncertainty (LSU)\n"
    "and the raters' mean variance over the model's lesions.",
    **dict.fromkeys(
        _KINDS.values(),
        f"Voxels {_NEAR}, unsure where the entropy is above {UNSURE_ENTROPY:g} nats; lesions of the model,\n"
        f"unsure where LSU is above {UNSURE_LSU:g}, split where some raters touch them and others do not.",
    ),
    "Dice with the consensus": "Where all raters agree; the rest is left out (CURVAS).",
    "thresholded soft Dice": "Mean over six thresholds of the Dice of probability and raters' mean (CURVAS).",
    "ECE, mean over raters": f"Top-label calibration error against each rater, voxels {_NEAR}. 0 is best.",
    "CRPS of the volume": "How far the predicted volume lies from what the raters' volumes allow. 0 is best.",
}


@dataclass(frozen=True, eq=False)
class ComparisonRequest:
    """Everything that a comparison needs, taken from the window once.

    Attributes
    ----------
    names, masks, spacing
        Of the raters, as their layers hold them.
    consensus
        Which one.
    prediction, lesions, placed
        What the model says, and the raters' masks on its grid; None where there is no prediction there.
    note
        Why there is none, though there is a prediction.
    """

    names: tuple[str, ...]
    masks: list[np.ndarray]
    spacing: tuple[float, ...]
    consensus: Consensus
    prediction: Prediction | None
    lesions: Lesions | None
    placed: list[np.ndarray] | None
    note: str

    @classmethod
    def ask(
        cls, case: Case, layers: ReviewLayers, names: list[str], consensus: Consensus
    ) -> ComparisonRequest:
        """Take masks and prediction as they are now.

        Raises
        ------
        InputError
            If the raters do not lie on one grid.
        """
        masks, spacing = layers.raters.masks(names)
        prediction, placed, note = case.prediction, None, ""
        if prediction is not None:
            try:
                placed = [layers.mask_of(name) for name in names]
            except InputError as error:
                note = f"Not compared with the prediction: {error}"
        lesions = None if placed is None else case.lesions
        return cls(tuple(names), masks, spacing, consensus, prediction, lesions, placed, note)

    def answer(self, progress: Progress) -> Comparison:
        """Compare; called in the background."""

        def part(stage: str, fraction: float) -> None:
            progress(stage, 0.7 * fraction)

        report = report_raters(self.masks, self.names, self.spacing, consensus=self.consensus, progress=part)
        model = None
        if self.prediction is not None and self.lesions is not None and self.placed is not None:
            progress("the model's doubt", 0.7)
            p = self.prediction
            found = self.lesions
            table = found.table[~found.table["drawn"]]  # what a human drew, the model does not doubt
            model = against_raters(
                p.probability,
                p.entropy,
                in_rows(found.labels, table["label"].to_numpy()),
                table["lsu"].to_numpy(float),
                self.placed,
                p.grid.spacing,
                threshold=found.threshold,
            )
        return Comparison(report, model, self.lesions, self.note)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was found, and how it is shown.

    Attributes
    ----------
    report
        The raters among each other.
    model
        The model against them; None where there is no prediction on their grid.
    lesions
        The model's, that were compared.
    note
        What the user should know.
    """

    report: RaterReport
    model: AgainstRaters | None
    lesions: Lesions | None
    note: str = ""

    def pairs(self, measure: str) -> Table:
        """One measure of all pairs."""
        cells = tuple(tuple(format_number(v) for v in row) for row in self.report.pairwise[measure])
        columns = tuple(str(i) for i in range(1, len(cells) + 1))  # the names would not fit
        rows = tuple(f"{i}  {name}" for i, name in zip(columns, self.report.names, strict=True))
        names = dict(zip(columns, map(plain_tooltip, self.report.names), strict=True))
        return Table(
            rows,
            columns,
            cells,
            names | dict.fromkeys(rows, PAIRWISE[measure].definition),
        )

    def habits(self) -> Table:
        """One row per rater."""
        report = self.report
        columns: list[Any] = [
            [f"{v:,.0f}" for v in report.volumes],
            [
                format_number(100 * v, 0) + (" %" if np.isfinite(v) else "")
                for v in report.habits.volume_share
            ],
            [format_number(v) for v in report.habits.distance_mm],
            [format_number(v) for v in report.performance.sensitivity],
            [format_number(v, 3) for v in report.performance.specificity],
        ]
        return Table(report.names, tuple(_HABITS), tuple(zip(*columns, strict=True)), dict(_HABITS))

    def model_sentence(self) -> str:
        """What the Model tab begins with."""
        if self.model is None:
            return self.note or "No prediction of this scan yet: press Run in Segment, then Compare again."
        assert self.lesions is not None
        return f"Lesions at the threshold {self.lesions.threshold:.2f}; voxels {_NEAR}."

    def model_numbers(self) -> Table:
        """The model against the raters, one number per row."""
        assert self.model is not None
        m = self.model
        values = [format_number(m.voxels.rank), format_number(m.lesions.rank)]
        for kind in _KINDS:
            lesions = int(np.count_nonzero(m.lesion_kinds == kind))
            values.append(f"{m.volumes_mm3[kind] / 1000:.2f} ml, {lesions} lesions")
        values += [
            format_number(m.curvas.consensus_dice),
            format_number(m.curvas.soft_dice),
            format_number(float(np.mean(m.curvas.ece)), 3),
            f"{m.curvas.crps / 1000:.2f} ml",
        ]
        return Table(tuple(_MODEL), ("",), tuple((v,) for v in values), dict(_MODEL))
