"""What can be done with the sessions that there are: verify, export, report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QWidget

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.review.session.rereading import sessions_being_reread
from napari_uncertainseg.review.store.session_digest import LEFT_OUT
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.session_file import SessionFile


class SessionTools(QWidget):
    """A row of buttons.

    Parameters
    ----------
    file
        The sessions.
    parent
        Qt parent.
    """

    said = Signal(str)
    """What came of it, for the eye."""

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self._jobs = JobRunner(self)
        self.verify_button = QPushButton("Verify")
        self.verify_button.setToolTip("Check that nothing in the sessions was changed after it was written.")
        self.export_button = QPushButton("Export…")
        self.export_button.setToolTip(
            "Write a row for each task of all sessions, with its verdict, as TSV;\n"
            "or everything with its journals, for an archive, as JSON."
        )
        self.report_button = QPushButton("Report…")
        self.report_button.setToolTip(
            "Write a page about all sessions, with pictures of what readers differ in, as HTML;\n"
            "a browser prints it as PDF."
        )
        self.pseudonyms = QCheckBox("pseudonyms")
        self.pseudonyms.setToolTip(
            "Call annotators and cases by numbers in what is written, and leave out comments and paths:\n"
            "for files that leave the house."
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button, act in (
            (self.verify_button, self.verify),
            (self.export_button, self.export),
            (self.report_button, self.report),
        ):
            row.addWidget(button)
            button.clicked.connect(act)
        row.addWidget(self.pseudonyms)
        self._jobs.finished.connect(self._on_reported)
        self._jobs.failed.connect(self._warn)
        self._jobs.state_changed.connect(self._on_state)

    def cleanup(self) -> None:
        """Wait for a running report. May be called twice."""
        self._jobs.cleanup()

    def verify(self) -> None:
        """Check the journals of all sessions, and say what is wrong."""
        self._with_store(self._verify)

    def _verify(self, store: Store) -> None:
        found = store.verify()
        faults = [fault for fault in found.values() if fault]
        partly = sum(bool(store.not_covered(id)) for id, fault in found.items() if not fault)
        sound = f"{len(found) - len(faults)} of {len(found)} sessions are as they were written."
        sound += f" Of {partly}, {LEFT_OUT}." if partly else ""
        self.said.emit("\n".join([sound, *(f"⚠ {fault}" for fault in faults)]))

    def export(self) -> None:
        """Ask for a file, and write all verdicts there."""
        self._with_store(self._export)

    def _export(self, store: Store) -> None:
        from napari_uncertainseg.evaluate.case_folder import write_json
        from napari_uncertainseg.export import write_table
        from napari_uncertainseg.review.reports.verdict_table import as_json, verdict_table
        from napari_uncertainseg.review.store.kept_hashes import hashes, hashes_file

        _check_unread(store)
        kinds = "Table (*.tsv)" if self.pseudonyms.isChecked() else "Table (*.tsv);;Archive (*.json)"
        path = ask_file(self, "Export the verdicts", "verdicts.tsv", kinds)
        if path is None:
            return
        beside = hashes_file(path)
        table = verdict_table(store, named=not self.pseudonyms.isChecked())
        if path.suffix.lower() != ".json":
            write_table(path, table)
        elif self.pseudonyms.isChecked():
            raise InputError("A journal holds names: without them there is only the table, as .tsv.")
        else:
            write_json(as_json(store), path)
        write_table(beside, hashes(store))
        said = f"Saved {len(table)} tasks to {path}; {beside.name} beside it, to be kept elsewhere, "
        self.said.emit(f"{said}shows later whether a journal was written anew.")

    def report(self) -> None:
        """Ask for a file, and write a report there in the background."""
        self._with_store(self._report)

    def _report(self, store: Store) -> None:
        from napari_uncertainseg.evaluate.session_report import write_report

        _check_unread(store)
        path = ask_file(self, "Report on the sessions", "sessions.html", "Page (*.html)")
        if path is None:
            return

        named = not self.pseudonyms.isChecked()

        def work(progress: Progress) -> Path:
            write_report(store, path, named=named, progress=progress)
            return path

        self.said.emit("Writing the report …")
        self._jobs.start(work)

    def _on_reported(self, path: Path) -> None:
        self.said.emit(f"Saved the report to {path}")

    def _on_state(self, state: JobState) -> None:
        self.report_button.setEnabled(state is JobState.IDLE)

    def _with_store(self, act: Callable[[Store], None]) -> None:
        try:
            if self._file.exists:
                act(self._file.store())
            else:
                self.said.emit("There is no session yet.")
        except InputError as error:
            self._warn(str(error))

    def _warn(self, problem: str) -> None:
        self.said.emit(f"⚠ {problem}")


def _check_unread(store: Store) -> None:
    """Keep verdicts from whoever is reading the same again in this very window."""
    if sessions_being_reread(store):
        raise InputError(
            "A second or third reading is open: verdicts are written when it is judged in full or closed. "
            "`uncertainseg session` does it at once."
        )
