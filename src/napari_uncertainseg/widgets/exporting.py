"""Export from the Lesions dock: the list as TSV, and all results into a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.case import Case
from napari_uncertainseg.inference.prediction import Prediction
from napari_uncertainseg.review.verdicts import Verdict
from napari_uncertainseg.widgets.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.saving import ask_file, ask_folder, may_replace

_Exported = tuple[Path, Prediction, tuple[Verdict, ...], np.ndarray | None]
"""Where an export went, and what it held: prediction, verdicts and painting."""

Table = Callable[[], tuple[str, pd.DataFrame] | None]


class ExportPanel(QWidget):
    """Two buttons, and a line that says where the files went.

    Parameters
    ----------
    case
        What is exported.
    table
        Gives the name and the rows of the list that is shown; None without a prediction.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, table: Table, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._table = table
        self._jobs = JobRunner(self)
        self.table_button = QPushButton("Export table…")
        self.table_button.setToolTip("Write the list that is shown, with all columns and verdicts, as TSV.")
        self.results_button = QPushButton("Export all results…")
        self.results_button.setToolTip(
            "Write probability, uncertainty maps, lesions, table and verdicts into a folder."
        )
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.hide()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table_button, 0, 0)
        layout.addWidget(self.results_button, 0, 1)
        layout.addWidget(self.message, 1, 0, 1, 2)
        self.table_button.clicked.connect(self.export_table)
        self.results_button.clicked.connect(self.export_results)
        self._jobs.finished.connect(self._on_exported)
        self._jobs.failed.connect(self._warn)
        self._jobs.state_changed.connect(self._on_state)
        case.prediction_changed.connect(self._on_prediction)
        self._on_prediction()

    def cleanup(self) -> None:
        """Disconnect from the case, and wait for a running export. May be called twice."""
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        self._jobs.cleanup()

    def export_table(self) -> None:
        """Ask for a file, and write the list there."""
        listed = self._table()
        if listed is None:
            return
        name, rows = listed
        path = ask_file(self, f"Export the table of {name}", f"{name}.tsv", "Table (*.tsv)")
        if path is None:
            return
        from napari_uncertainseg.export import write_table

        try:
            write_table(path, rows)
        except (InputError, OSError) as error:
            self._warn(str(error))
        else:
            self._say(f"Saved {len(rows)} {name} to {path}")

    def export_results(self) -> None:
        """Ask for a folder, and write all results there in the background."""
        prediction, lesions = self._case.prediction, self._case.lesions
        folder = None if prediction is None else ask_folder(self, "Export all results into a folder")
        if prediction is None or lesions is None or folder is None:
            return
        overwrite = folder.exists() and any(folder.iterdir())
        if overwrite and not may_replace(self, folder):
            return
        verdicts, edit, decisions = self._case.verdicts, self._case.edit, self._case.decisions()

        def work(progress: Progress) -> _Exported:
            from napari_uncertainseg.export import write_results

            progress("writing", 0.0)
            write_results(folder, prediction, lesions, verdicts=decisions, overwrite=overwrite)
            return folder, prediction, verdicts, edit

        self._say(f"Writing into {folder} …")
        self._jobs.start(work)

    def _on_exported(self, exported: _Exported) -> None:
        folder, prediction, verdicts, edit = exported
        case = self._case
        if case.prediction is prediction and case.verdicts == verdicts and case.edit is edit:
            case.mark_saved()
        self._say(f"Saved all results into {folder}")

    def _on_prediction(self) -> None:
        self.message.hide()
        self._on_state(self._jobs.state)

    def _on_state(self, state: JobState) -> None:
        ready = self._case.prediction is not None and state is JobState.IDLE
        self.table_button.setEnabled(ready)
        self.results_button.setEnabled(ready)

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.show()

    def _warn(self, sentence: str) -> None:
        self._say(f"⚠ Not saved: {sentence}")
