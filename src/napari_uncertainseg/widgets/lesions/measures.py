"""Everything that is measured in the selected lesion, in a panel that folds out."""

from __future__ import annotations

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget
from superqt.utils import qthrottled

from napari_uncertainseg.case import Case
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS, MeasureColumn
from napari_uncertainseg.uncertainty.lesion_details import AGREEMENT, SUMMARIES, lesion_details
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
from napari_uncertainseg.voxel_maps import maps_per_lesion
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table

_DELAY_MS = 200
"""Shortest time between two updates while the selection moves."""


class MeasuresPanel(QWidget):
    """A line that folds out, and below it the measures of the selected lesion or candidate.

    Nothing is measured while it is folded in.

    Parameters
    ----------
    case
        The case under review.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._jobs = JobRunner(self)
        self._requested: tuple[Lesions, bool] | None = None
        """Lesions that are being measured, and whether their candidates are."""
        self._measured: tuple[Lesions, bool, pd.DataFrame] | None = None
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setText(texts.ALL_MEASURES)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setToolTip(texts.ALL_MEASURES_TIP)
        self.definitions = DefinedLabel("Uncertainty per lesion", texts.DEFINITIONS)
        self.definitions.setToolTip(texts.DEFINITIONS_TIP)
        self.agreement = PlainLabel()
        self.agreement.setWordWrap(True)
        columns = [COLUMNS["persistence"], *AGREEMENT.values()]
        self.agreement.setToolTip("\n".join(_definition(column) for column in columns))
        self.maps = NumberTable(name=texts.MAPS_NAME)
        self.maps.setFixedHeight(5 * 24 + 12)
        self._show = qthrottled(self._show_now, timeout=_DELAY_MS)
        self._lay_out()
        self._case.selection_changed.connect(self._show)
        self._case.lesions_changed.connect(self._show)
        self.button.toggled.connect(self._show_now)
        self._jobs.finished.connect(self._on_measured)
        self._jobs.failed.connect(self.agreement.setText)
        self._show_now()

    def cleanup(self) -> None:
        """Disconnect from the case, and stop measuring. May be called twice."""
        self._jobs.cleanup()
        self._show.cancel()
        self._case.selection_changed.disconnect(self._show, missing_ok=True)
        self._case.lesions_changed.disconnect(self._show, missing_ok=True)

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.addWidget(self.button)
        heading.addStretch(1)
        heading.addWidget(self.definitions)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(heading)
        column.addWidget(self.agreement)
        column.addWidget(self.maps)

    def _show_now(self) -> None:
        opened = self.button.isChecked()
        self.button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.agreement.setVisible(opened)
        row = self._row() if opened else None
        self.maps.setVisible(row is not None)
        if row is None:
            return
        columns, maps = {"persistence": COLUMNS["persistence"], **AGREEMENT}, maps_per_lesion()
        self.agreement.set_html(
            " · ".join(f"{column.title.lower()} <b>{row[name]:.2f}</b>" for name, column in columns.items())
        )
        self.maps.show_table(
            Table(
                rows=tuple(texts.SUMMARY_TITLES.values()),
                columns=tuple(each.short_title for each in maps.values()),
                cells=tuple(
                    tuple(f"{row[f'{summary}_{name}']:.3g}" for name in maps)
                    for summary in texts.SUMMARY_TITLES
                ),
                definitions={
                    **{texts.SUMMARY_TITLES[s]: f"{definition}." for s, definition in SUMMARIES.items()},
                    **{each.short_title: each.definition for each in maps.values()},
                },
            )
        )

    def _row(self) -> pd.Series | None:
        """All measures of the selected lesion; None without one, or while it is being measured."""
        lesions, voxel = self._case.lesions, self._case.selected
        number = 0 if lesions is None or voxel is None else int(lesions.labels[voxel])
        candidate = 0 if lesions is None or voxel is None else int(lesions.candidates[voxel])
        if lesions is None or not (number or candidate):
            self._measured = None
            self.agreement.setText(texts.SELECT_LESION)
            return None
        if self._measured is None or self._measured[:2] != (lesions, not number):
            self._measure(lesions, candidates=not number)
            return None
        table = (lesions.table if number else lesions.candidate_table).set_index("label")
        details = self._measured[2].set_index("label")
        row, more = table.loc[number or candidate], details.loc[number or candidate]
        if row["drawn"]:
            self.agreement.setText(texts.DRAWN_LESION)
            return None
        return pd.concat([row, more[more.index.difference(row.index)]])

    def _measure(self, lesions: Lesions, *, candidates: bool) -> None:
        """Measure all lesions of a list in the background; a request during that time waits."""
        prediction = self._case.prediction
        if prediction is None or self._jobs.state is not JobState.IDLE:
            return
        self.agreement.setText(texts.MEASURING)
        labels = lesions.candidates if candidates else lesions.labels
        threshold = lesions.threshold
        self._requested = (lesions, candidates)
        self._jobs.start(lambda progress: lesion_details(prediction, labels, threshold))

    def _on_measured(self, details: pd.DataFrame) -> None:
        if self._requested is not None:
            self._measured = (*self._requested, details)
        self._requested = None
        self._show_now()


def _definition(column: MeasureColumn) -> str:
    return f"{column.title}: {column.definition}"
