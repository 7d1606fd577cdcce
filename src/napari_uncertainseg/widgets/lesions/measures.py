"""Everything that is measured of the selected lesion, one click away."""

from __future__ import annotations

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget
from superqt.utils import qthrottled

from napari_uncertainseg.case import Case
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS, MeasureColumn
from napari_uncertainseg.uncertainty.lesion_measures import AGREEMENT, SUMMARIES, lesion_details
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
from napari_uncertainseg.voxel_maps import maps_per_lesion
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table

_PATIENCE_MS = 200
_SUMMARIES = {"mean": "mean", "sum": "sum", "logsum": "log-sum", "max": "max"}


class MeasuresPanel(QWidget):
    """A line to fold out, and below it the measures of the selected lesion or candidate.

    Nothing is measured while it is folded.

    Parameters
    ----------
    case
        Whose selection it follows.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._jobs = JobRunner(self)
        self._wanted: tuple[Lesions, bool] | None = None
        self._measured: tuple[Lesions, bool, pd.DataFrame] | None = None
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setText("all measures")
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setToolTip("All that is measured of the selected lesion or candidate.")
        self.definitions = DefinedLabel("Doubt per lesion", "definitions")
        self.definitions.setToolTip("Every number, what it is and where it is from.")
        self.agreement = PlainLabel()
        self.agreement.setWordWrap(True)
        known = [COLUMNS["persistence"], *AGREEMENT.values()]
        self.agreement.setToolTip("\n".join(_wrapped(column) for column in known))
        self.maps = NumberTable()
        self.maps.setFixedHeight(5 * 24 + 12)
        self._show = qthrottled(self._show_now, timeout=_PATIENCE_MS)
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
        known, maps = {"persistence": COLUMNS["persistence"], **AGREEMENT}, maps_per_lesion()
        self.agreement.set_html(
            " · ".join(f"{column.title.lower()} <b>{row[name]:.2f}</b>" for name, column in known.items())
        )
        self.maps.show_table(
            Table(
                rows=tuple(_SUMMARIES.values()),
                columns=tuple(each.short_title for each in maps.values()),
                cells=tuple(tuple(f"{row[f'{s}_{m}']:.3g}" for m in maps) for s in _SUMMARIES),
                definitions={
                    **{_SUMMARIES[s]: f"{meaning}." for s, meaning in SUMMARIES.items()},
                    **{each.short_title: each.definition for each in maps.values()},
                },
            )
        )

    def _row(self) -> pd.Series | None:
        """All measures of what is selected; None where nothing is, or it is being measured."""
        lesions, voxel = self._case.lesions, self._case.selected
        number = 0 if lesions is None or voxel is None else int(lesions.labels[voxel])
        candidate = 0 if lesions is None or voxel is None else int(lesions.candidates[voxel])
        if lesions is None or not (number or candidate):
            self._measured = None
            self.agreement.setText("Choose a lesion in the list.")
            return None
        if self._measured is None or self._measured[:2] != (lesions, not number):
            self._measure(lesions, candidates=not number)
            return None
        table = (lesions.table if number else lesions.candidate_table).set_index("label")
        details = self._measured[2].set_index("label")
        row, more = table.loc[number or candidate], details.loc[number or candidate]
        if row["drawn"]:
            self.agreement.setText("A human drew this lesion: the model says nothing of it.")
            return None
        return pd.concat([row, more[more.index.difference(row.index)]])

    def _measure(self, lesions: Lesions, *, candidates: bool) -> None:
        """Measure all of a list in the background; what is asked for meanwhile comes after."""
        prediction = self._case.prediction
        if prediction is None or self._jobs.state is not JobState.IDLE:
            return
        self.agreement.setText("Measuring …")
        labels = lesions.candidates if candidates else lesions.labels
        threshold = lesions.threshold
        self._wanted = (lesions, candidates)
        self._jobs.start(lambda progress: lesion_details(prediction, labels, threshold))

    def _on_measured(self, details: pd.DataFrame) -> None:
        if self._wanted is not None:
            self._measured = (*self._wanted, details)
        self._wanted = None
        self._show_now()


def _wrapped(column: MeasureColumn) -> str:
    return f"{column.title}: {column.definition}"
