"""Export from the Lesions dock: list as TSV, all results into a folder, lesions as DICOM SEG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.verdicts import Verdict
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.scans.segmented_scan import file_of_case
from napari_uncertainseg.widgets.shared.dialogs import ask_file, ask_folder, may_replace
from napari_uncertainseg.widgets.shared.form_helpers import ExportButton, PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_Exported = tuple[Path, Prediction, tuple[Verdict, ...], np.ndarray | None]
"""Folder of an export, and its content: prediction, verdicts, painting."""

Table = Callable[[], tuple[str, pd.DataFrame] | None]


class ExportPanel(QWidget):
    """Three buttons, and a line with the path of what was written.

    Parameters
    ----------
    case
        The case that is exported.
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
        self.table_button = ExportButton(texts.EXPORT_TABLE, texts.EXPORT_TABLE_TIP, case)
        self.results_button = ExportButton(texts.EXPORT_ALL, texts.EXPORT_ALL_TIP, case)
        self.seg_button = ExportButton(texts.EXPORT_SEG, texts.EXPORT_SEG_TIP, case)
        self._source: Path | None = None  # the FLAIR's DICOM series
        self.message = PlainLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.hide()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table_button, 0, 0)
        layout.addWidget(self.results_button, 0, 1)
        layout.addWidget(self.seg_button, 0, 2)
        layout.addWidget(self.message, 1, 0, 1, 3)
        self.table_button.clicked.connect(self.export_table)
        self.results_button.clicked.connect(self.export_results)
        self.seg_button.clicked.connect(self.export_seg)
        self._jobs.finished.connect(self._on_exported)
        self._jobs.failed.connect(self._warn)
        self._jobs.state_changed.connect(self._on_state)
        case.prediction_changed.connect(self._on_prediction)
        self._on_prediction()

    def cleanup(self) -> None:
        """Disconnect from the case, and wait for a running export. May be called twice."""
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        self._jobs.cleanup()
        for button in (self.table_button, self.results_button, self.seg_button):
            button.cleanup()

    def export_table(self) -> None:
        """Ask for a file, and write the list there."""
        listed = self._table()
        if listed is None:
            return
        name, rows = listed
        path = ask_file(
            self, texts.export_table_title(name), file_of_case(self._case, f"{name}.tsv"), texts.TABLE_KINDS
        )
        if path is None:
            return
        from napari_uncertainseg.export import write_table

        try:
            write_table(path, rows)
        except (InputError, OSError) as error:
            self._warn(str(error))
        else:
            self._show_message(texts.saved_table(len(rows), name, path))

    def export_results(self) -> None:
        """Ask for a folder, and write all results there in the background."""
        prediction, lesions = self._case.prediction, self._case.lesions
        folder = None if prediction is None else ask_folder(self, texts.EXPORT_ALL_TITLE)
        if prediction is None or lesions is None or folder is None:
            return
        try:
            overwrite = folder.exists() and any(folder.iterdir())
        except OSError as error:
            self._warn(f"{folder}: cannot be read ({error.strerror or error}).")
            return
        if overwrite and not may_replace(self, folder):
            return
        given = self._case.review
        verdicts, edit, decisions = given.verdicts, given.edit, given.decisions()
        review: dict[str, Any] = {"verdicts": decisions, "edit": edit, "given": verdicts}
        review["numbers"] = self._case.numbers
        original = self._case.original or prediction

        def work(progress: Progress) -> _Exported:
            from napari_uncertainseg.evaluate.patients.intervals import find_intervals
            from napari_uncertainseg.export import write_results

            progress(texts.WRITING, 0.0)
            load = find_intervals(original, lesions.min_volume).as_json()
            write_results(folder, prediction, lesions, load=load, overwrite=overwrite, **review)
            return folder, prediction, verdicts, edit

        self._show_message(texts.writing_folder(folder))
        self._jobs.start(work)

    def export_seg(self) -> None:
        """Ask for a file, and write the reviewed lesions there as DICOM SEG in the background."""
        prediction, lesions, source = self._case.prediction, self._case.lesions, self._source
        if prediction is None or lesions is None or source is None:
            return
        path = ask_file(
            self, texts.EXPORT_SEG_TITLE, file_of_case(self._case, "lesions.dcm"), texts.SEG_KINDS
        )
        if path is None:
            return
        decisions = self._case.review.decisions()

        def work(progress: Progress) -> Path:
            from napari_uncertainseg.disk.outputs import SEG, check_output
            from napari_uncertainseg.export import reviewed_mask, scans_of
            from napari_uncertainseg.images.dicom.seg import Algorithm, write_dicom_seg

            progress(texts.WRITING, 0.0)
            check_output(path, SEG, scans_of(prediction))
            mask = reviewed_mask(lesions, decisions)
            algorithm = Algorithm.from_information(prediction.information, lesions.threshold)
            return write_dicom_seg(path, mask, prediction.grid, source, algorithm=algorithm, reviewed=True)

        self._show_message(texts.writing_file(path))
        self._jobs.start(work)

    def _on_exported(self, exported: _Exported | Path) -> None:
        if isinstance(exported, Path):
            self._show_message(texts.saved_seg(exported))
            return
        folder, prediction, verdicts, edit = exported
        case = self._case
        if case.prediction is prediction and case.review.verdicts == verdicts and case.review.edit is edit:
            case.review.mark_saved()
        self._show_message(texts.saved_results(folder))

    def _on_prediction(self) -> None:
        self.message.hide()
        self._find_source()
        self._on_state(self._jobs.state)

    def _find_source(self) -> None:
        """Look for the FLAIR's DICOM series; the tooltip says why there is none."""
        from napari_uncertainseg.images.dicom.seg import source_of

        self._source, prediction = None, self._case.prediction
        if prediction is None:
            self.seg_button.setToolTip(texts.EXPORT_SEG_TIP)
            return
        try:
            self._source = source_of(prediction.information)
        except InputError as error:
            self.seg_button.setToolTip(texts.seg_unavailable_tip(error))
        else:
            self.seg_button.setToolTip(texts.seg_source_tip(self._source))

    def _on_state(self, state: JobState) -> None:
        ready = self._case.prediction is not None and state is JobState.IDLE
        self.table_button.setEnabled(ready)
        self.results_button.setEnabled(ready)
        self.seg_button.setEnabled(ready and self._source is not None)

    def _show_message(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.show()

    def _warn(self, sentence: str) -> None:
        self._show_message(texts.not_saved(sentence))
