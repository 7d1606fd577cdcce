"""What the result is exported as: text to paste, PDF pages, a DICOM report."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QApplication, QHBoxLayout, QWidget

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.result.sentences import plain_text
from napari_uncertainseg.widgets.reading_bar.result import texts
from napari_uncertainseg.widgets.reading_bar.result.follower import ResultFollower
from napari_uncertainseg.widgets.scans.segmented_scan import file_of_case
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.form_helpers import ExportButton, plain_tooltip
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState, Work


class ExportRow(QWidget):
    """Three buttons; files are written in the background, of the result as it is when one is pressed.

    Parameters
    ----------
    case
        The case under review.
    follower
        Knows its result.
    """

    message_changed = Signal(str)
    """What was done, or why it could not be, in a sentence."""

    def __init__(self, case: Case, follower: ResultFollower) -> None:
        super().__init__()
        self._case, self._follower = case, follower
        self._source: Path | None = None
        self._asked: object = None
        self._jobs = JobRunner(self)
        self.copy_button = ExportButton(texts.COPY, texts.COPY_TIP, case)
        self.pdf_button = ExportButton(texts.PDF, texts.PDF_TIP, case)
        self.dicom_button = ExportButton(texts.DICOM, texts.DICOM_TIP, case)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button, act in (
            (self.copy_button, self.copy),
            (self.pdf_button, self.write_pdf),
            (self.dicom_button, self.write_dicom),
        ):
            row.addWidget(button)
            button.clicked.connect(act)
        self._connections = Connections(
            (follower.changed, self._show),
            (self._jobs.finished, self.message_changed.emit),
            (self._jobs.failed, self._warn),
            (self._jobs.state_changed, self._show),
        )
        self._show()

    def cleanup(self) -> None:
        """Wait for what is being written, and disconnect. May be called twice."""
        self._connections.disconnect_all()
        self._jobs.cleanup()
        for button in (self.copy_button, self.pdf_button, self.dicom_button):
            button.cleanup()

    def copy(self) -> None:
        """Put the result as text into the clipboard."""
        measured, clipboard = self._follower.measured, QApplication.clipboard()
        if measured is not None and clipboard is not None:
            clipboard.setText(plain_text(measured.result))
            self.message_changed.emit(texts.COPIED)

    def write_pdf(self) -> None:
        """Ask for a file, and write the result there as pages."""
        measured, scan = self._follower.measured, self._case.scan
        if measured is None:
            return
        path = ask_file(self, texts.PDF_TITLE, file_of_case(self._case, "result.pdf"), texts.PDF_KIND)
        if path is None:
            return
        there = scan if scan is not None and scan.data.shape == measured.labels.shape else None

        def work(progress: Progress) -> str:
            from napari_uncertainseg.widgets.reading_bar.result.pages import write_pages

            progress(texts.WRITING, 0.0)
            write_pages(path, measured, there)
            return texts.saved_pdf(path)

        self._start(path, work)

    def write_dicom(self) -> None:
        """Ask for a file, and write the DICOM report there, with its segmentation beside it."""
        measured, prediction = self._follower.measured, self._follower.prediction
        source = self._source
        if measured is None or prediction is None or source is None:
            return
        path = ask_file(self, texts.DICOM_TITLE, file_of_case(self._case, "result.dcm"), texts.DICOM_KIND)
        if path is None:
            return

        def work(progress: Progress) -> str:
            from napari_uncertainseg.evaluate.result.dicom import write_result_report

            progress(texts.WRITING, 0.0)
            return texts.saved_dicom(*write_result_report(path, measured, prediction, source))

        self._start(path, work)

    def _start(self, path: Path, work: Work) -> None:
        self.message_changed.emit(texts.writing(path))
        self._jobs.start(work)

    def _show(self, _state: object = None) -> None:
        ready = self._follower.measured is not None and self._jobs.state is JobState.IDLE
        self._find_source()
        for button in (self.copy_button, self.pdf_button):
            button.setEnabled(ready)
        self.dicom_button.setEnabled(ready and self._source is not None)

    def _find_source(self) -> None:
        """Look for the FLAIR's DICOM series, once for each prediction; the tooltip says why there is none."""
        from napari_uncertainseg.images.dicom.seg import source_of

        prediction = self._case.original
        if prediction is self._asked and prediction is not None:
            return
        self._asked, self._source, tip = prediction, None, texts.DICOM_TIP
        if prediction is not None:
            try:
                self._source = source_of(prediction.information, "a DICOM report")
            except InputError as error:
                tip = texts.dicom_unavailable(error)
        self.dicom_button.setToolTip(plain_tooltip(tip))

    def _warn(self, sentence: str) -> None:
        self.message_changed.emit(texts.not_saved(sentence))
