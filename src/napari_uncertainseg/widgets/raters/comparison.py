"""From Compare to the result: a request that is read from the layers once, and the result as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.raters.report import PAIRWISE, Consensus, RaterReport, report_raters
from napari_uncertainseg.uncertainty.against_raters import AgainstRaters, against_raters
from napari_uncertainseg.uncertainty.lesion_numbers import in_rows
from napari_uncertainseg.widgets.raters import texts
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.number_table import Table, format_number

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


@dataclass(frozen=True, eq=False)
class ComparisonRequest:
    """Everything that a comparison needs, read from the window once.

    Attributes
    ----------
    names
        Of the raters' layers.
    masks
        Of each rater, bool, as the layer holds them.
    spacing
        Voxel size along each axis, mm.
    consensus
        Kind of consensus.
    prediction, lesions, placed
        The model's prediction and lesions, and the raters' masks on its grid; None without one.
    note
        Why the raters are not compared with the prediction; empty where they are.
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
    def from_window(
        cls, case: Case, layers: ReviewLayers, names: list[str], consensus: Consensus
    ) -> ComparisonRequest:
        """Read the current masks and prediction.

        Raises
        ------
        InputError
            If the raters do not lie on one grid.
        """
        masks, spacing = layers.raters.masks(names)
        prediction, placed, note = case.prediction, None, ""
        if prediction is not None:
            try:
                placed = [layers.user_labels.mask_of(name) for name in names]
            except InputError as error:
                note = texts.not_compared(error)
        lesions = None if placed is None else case.lesions
        return cls(tuple(names), masks, spacing, consensus, prediction, lesions, placed, note)

    def run(self, progress: Progress) -> Comparison:
        """Compare, in the background."""

        def rater_progress(stage: str, fraction: float) -> None:
            progress(stage, 0.7 * fraction)

        report = report_raters(
            self.masks, self.names, self.spacing, consensus=self.consensus, progress=rater_progress
        )
        model = None
        if self.prediction is not None and self.lesions is not None and self.placed is not None:
            progress(texts.MODEL_STAGE, 0.7)
            p = self.prediction
            lesions = self.lesions
            table = lesions.table[~lesions.table["drawn"]]  # the model has no uncertainty for drawn lesions
            model = against_raters(
                p.probability,
                p.entropy,
                in_rows(lesions.labels, table["label"].to_numpy()),
                table["lsu"].to_numpy(float),
                self.placed,
                p.grid.spacing,
                threshold=lesions.threshold,
            )
        return Comparison(report, model, self.lesions, self.note)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a comparison, and its tables.

    Attributes
    ----------
    report
        The raters compared with each other.
    model
        The model compared with them; None where there is no prediction on their grid.
    lesions
        The model's lesions that were compared.
    note
        A sentence for the user; may be empty.
    """

    report: RaterReport
    model: AgainstRaters | None
    lesions: Lesions | None
    note: str = ""

    def pair_table(self, measure: str) -> Table:
        """One measure for all pairs of raters."""
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

    def rater_table(self) -> Table:
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
        return Table(
            report.names,
            tuple(texts.RATER_COLUMNS),
            tuple(zip(*columns, strict=True)),
            dict(texts.RATER_COLUMNS),
        )

    def model_sentence(self) -> str:
        """The first line of the Model tab."""
        if self.model is None:
            return self.note or texts.NO_PREDICTION
        assert self.lesions is not None
        return texts.compared_at(self.lesions.threshold)

    def model_table(self) -> Table:
        """The model compared with the raters, one number per row."""
        assert self.model is not None
        m = self.model
        values = [format_number(m.voxels.rank), format_number(m.lesions.rank)]
        for source in texts.SOURCES:
            lesions = int(np.count_nonzero(m.lesion_kinds == source))
            values.append(texts.volume_and_lesions(m.volumes_mm3[source], lesions))
        values += [
            format_number(m.curvas.consensus_dice),
            format_number(m.curvas.soft_dice),
            format_number(float(np.mean(m.curvas.ece)), 3),
            f"{m.curvas.crps / 1000:.2f} ml",
        ]
        return Table(tuple(texts.MODEL_ROWS), ("",), tuple((v,) for v in values), dict(texts.MODEL_ROWS))
