"""Buttons for all sessions of the file: verify, export, report."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QWidget

from napari_uncertainseg._base import InputError, Progress, as_warning
from napari_uncertainseg.review.session.rereading import sessions_being_reread
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.store.verification.session_digest import LEFT_OUT
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.session_file import SessionFile


class FileButtons(QWidget):
    """A row of buttons. Verify and Report work in the background, one at a time.

    Parameters
    ----------
    file
        The sessions.
    parent
        Qt parent.
    """

    message_changed = Signal(str)
    """A sentence for the user: progress, result or problem."""

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self._jobs = JobRunner(self)
        self.verify_button, self.export_button = QPushButton(texts.VERIFY), QPushButton(texts.EXPORT)
        self.report_button, self.pseudonyms = QPushButton(texts.REPORT), QCheckBox(texts.PSEUDONYMS)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button, tip, act in (
            (self.verify_button, texts.VERIFY_TIP, self.verify),
            (self.export_button, texts.EXPORT_TIP, self.export),
            (self.report_button, texts.REPORT_TIP, self.report),
        ):
            button.setToolTip(tip)
            button.clicked.connect(act)
            row.addWidget(button)
        self.pseudonyms.setToolTip(texts.PSEUDONYMS_TIP)
        row.addWidget(self.pseudonyms)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._warn)
        self._jobs.state_changed.connect(self._on_state)

    def cleanup(self) -> None:
        """Wait for a running check or report. May be called twice."""
        self._jobs.cleanup()

    def verify(self) -> None:
        """Check the journals of all sessions in the background, and show what is wrong."""
        self._with_store(self._verify)

    def _verify(self, store: Store) -> None:
        self.message_changed.emit(texts.VERIFYING)
        self._jobs.start(lambda progress: _verification(store, progress))

    def export(self) -> None:
        """Ask for a file, and write all verdicts there."""
        self._with_store(self._export)

    def _export(self, store: Store) -> None:
        from napari_uncertainseg.evaluate.case_folder import write_json
        from napari_uncertainseg.export import write_table
        from napari_uncertainseg.review.reports.verdict_table import as_json, verdict_table
        from napari_uncertainseg.review.store.verification.kept_hashes import hashes, hashes_file

        _check_unread(store)
        named = not self.pseudonyms.isChecked()
        kinds = f"{texts.EXPORT_KIND};;{texts.ARCHIVE_KIND}" if named else texts.EXPORT_KIND
        path = ask_file(self, texts.EXPORT_DIALOG, "verdicts.tsv", kinds)
        if path is None:
            return
        hashes_path = hashes_file(path)
        table = verdict_table(store, named=named)
        if path.suffix.lower() != ".json":
            write_table(path, table)
        elif not named:
            raise InputError(texts.NAMES_IN_ARCHIVE)
        else:
            write_json(as_json(store), path)
        write_table(hashes_path, hashes(store))
        self.message_changed.emit(texts.exported(len(table), str(path), hashes_path.name))

    def report(self) -> None:
        """Ask for a file, and write a report there in the background."""
        self._with_store(self._report)

    def _report(self, store: Store) -> None:
        from napari_uncertainseg.evaluate.session_report import write_report
        from napari_uncertainseg.explain.feedback.section import feedback_section

        _check_unread(store)
        path = ask_file(self, texts.REPORT_DIALOG, "sessions.html", texts.REPORT_KIND)
        if path is None:
            return

        named = not self.pseudonyms.isChecked()

        def work(progress: Progress) -> str:
            write_report(store, path, named=named, further=feedback_section, progress=progress)
            return texts.reported(str(path))

        self.message_changed.emit(texts.REPORTING)
        self._jobs.start(work)

    def _on_finished(self, sentence: str) -> None:
        self.message_changed.emit(sentence)

    def _on_state(self, state: JobState) -> None:
        for button in (self.verify_button, self.report_button):
            button.setEnabled(state is JobState.IDLE)

    def _with_store(self, act: Callable[[Store], None]) -> None:
        try:
            if self._file.exists:
                act(self._file.store())
            else:
                self.message_changed.emit(texts.NO_SESSION)
        except InputError as error:
            self._warn(str(error))

    def _warn(self, problem: str) -> None:
        self.message_changed.emit(as_warning(problem))


def _verification(store: Store, progress: Progress) -> str:
    """Check one session after the other, so that the user can close the window in between."""
    ids, faults = store.ids(), dict[str, str]()
    for i, id in enumerate(ids):
        progress("checking the sessions", i / len(ids))
        faults |= store.verify(id)
    problems = [fault for fault in faults.values() if fault]
    partly = sum(bool(store.not_covered(id)) for id, fault in faults.items() if not fault)
    return texts.verified(len(ids) - len(problems), len(ids), partly, LEFT_OUT, problems)


def _check_unread(store: Store) -> None:
    """Raise InputError while a blinded reading is open: its reader may be the one who exports."""
    if sessions_being_reread(store):
        raise InputError(texts.READING_OPEN)
