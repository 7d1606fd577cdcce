"""A tab of the Cohort dock that runs an audit: any audit, as its description says."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from qtpy.QtCore import QTimer, QUrl, Signal
from qtpy.QtGui import QDesktopServices, QHideEvent, QShowEvent
from qtpy.QtWidgets import QFormLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, Progress, as_warning
from napari_uncertainseg.audit.table_glance import TableGlance, stamp_of
from napari_uncertainseg.disk.new_folder import check_new, new_folder
from napari_uncertainseg.progress.times import TimeLeft
from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.audits.description import Audit, AuditRequest
from napari_uncertainseg.widgets.cohort.findings_view import FindingsView, ShownFindings
from napari_uncertainseg.widgets.cohort.inputs import InputForm
from napari_uncertainseg.widgets.cohort.page_pictures import pictures_of
from napari_uncertainseg.widgets.cohort.table_source import SourceRow, TableSource
from napari_uncertainseg.widgets.shared.dialogs import ask_new_folder
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, plain_tooltip, yielding_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_LOOK_MS = 2000
"""So often a tab that is seen looks whether its table was changed."""


class AuditTab(QWidget):
    """Asks for what an audit needs, runs it in the background, and shows what it found.

    Parameters
    ----------
    audit
        What the tab is.
    source
        The table that it reads, perhaps with other tabs.
    run
        The folder of the run that is shown in Cases; None where there is none.
    parent
        Qt parent.
    """

    case_wanted = Signal(str, str, object, object)
    """The user wants to open a case: the audit's key, the case's name, and its folder of results and its
    reference, either perhaps None."""

    def __init__(
        self,
        audit: Audit,
        source: TableSource,
        run: Callable[[], Path | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.audit, self._source = audit, source
        self.shown: ShownFindings | None = None
        self._of = source.path
        """The table that the message is about."""
        self._scratch: TemporaryDirectory[str] | None = None
        self._numbers = itertools.count(1)
        self._jobs = JobRunner(self)
        self.source_row = SourceRow(source, run)
        self._make_controls()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._connect()
        self._on_source()

    def cleanup(self) -> None:
        """Stop all work, and take away what was not saved. May be called twice."""
        self._timer.stop()
        self._jobs.cleanup()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _make_controls(self) -> None:
        self.question = yielding_label()
        self.question.setText(self.audit.question)
        self.inputs = InputForm(self.audit.inputs)
        self.problem = yielding_label(selectable=True)
        self.run = QPushButton()
        self.run.setObjectName("run-audit")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.stage, self.message = yielding_label(), yielding_label(selectable=True)
        self.found = FindingsView()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        label = PlainLabel(texts.TABLE_LABELS[self.audit.table])
        label.setToolTip(plain_tooltip(texts.TABLE_TIPS[self.audit.table]))
        form.addRow(label, self.source_row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(5)
        column.addWidget(self.question)
        column.addLayout(form)
        for widget in (
            self.inputs,
            self.problem,
            self.run,
            self.progress,
            self.stage,
            self.message,
            self.found,
        ):
            column.addWidget(widget)
        column.addStretch(1)

    def _connect(self) -> None:
        self._source.changed.connect(self._on_source)
        self.inputs.changed.connect(self._show)
        self.run.clicked.connect(self.start)
        self.found.case_wanted.connect(self._on_case)
        self.found.page_wanted.connect(self.open_page)
        self.found.saving_wanted.connect(self.save)
        self._jobs.state_changed.connect(self._show)
        self._jobs.progressed.connect(self._on_progress)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.cancelled.connect(self._on_cancelled)

    # -- what the user does -------------------------------------------------------------------

    def start(self) -> None:
        """Run, or stop."""
        if self._jobs.state is not JobState.IDLE:
            self._jobs.cancel()
            return
        glance = self._source.glance
        if glance is None or self._why_not(glance):
            return
        self.say("")
        if self._scratch is None:
            self._scratch = TemporaryDirectory(prefix="uncertainseg-audit-", ignore_cleanup_errors=True)
        out = Path(self._scratch.name) / f"{self.audit.key}-{next(self._numbers)}"
        self._jobs.start(partial(_answer, self.audit, glance, self.inputs.values, out))

    def _on_case(self, name: str, folder: Path | None, reference: Path | None) -> None:
        self.case_wanted.emit(self.audit.key, name, folder, reference)

    def open_page(self) -> None:
        """Show the page in the browser."""
        if self.shown is not None:
            page = self.shown.folder / self.shown.findings.page
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))

    def save(self) -> None:
        """Ask for a new folder, and keep what was found in it."""
        if self.shown is None:
            return
        folder = ask_new_folder(self, texts.SAVE_DIALOG, self.audit.key)
        if folder is None:
            return
        try:
            check_new(folder)
            with new_folder(folder) as whole:
                shutil.copytree(self.shown.folder, whole, dirs_exist_ok=True)
        except InputError as error:
            self.say(texts.not_saved(str(error)))
        else:
            self.say(texts.saved(folder))

    # -- from the worker ----------------------------------------------------------------------

    def _on_progress(self, said: str, share: float, left: TimeLeft | None) -> None:
        self.progress.setValue(round(1000 * share))
        self.stage.setText(texts.stage(said, left, self._jobs.elapsed))

    def _on_finished(self, shown: ShownFindings) -> None:
        before, self.shown = self.shown, shown
        if before is not None:
            shutil.rmtree(before.folder, ignore_errors=True)
        self.found.show_findings(shown)
        self._show()

    def _on_failed(self, why: str) -> None:
        self.say(as_warning(why))

    def _on_cancelled(self) -> None:
        self.say(texts.CANCELLED)

    # -- on the screen ------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look at the table while the tab is seen."""
        super().showEvent(event)
        self.look()
        self._timer.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Look no more."""
        super().hideEvent(event)
        self._timer.stop()

    def look(self) -> None:
        """Look whether the table was changed."""
        self._source.refresh()
        self._show()

    def say(self, sentence: str) -> None:
        """Show a message; none for an empty one."""
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))

    def _on_source(self) -> None:
        if self._source.path != self._of:  # what was said is about the table before
            self._of = self._source.path
            self.say("")
        if self._source.glance is not None:
            self.inputs.offer(self._source.glance)
        self._show()

    def _why_not(self, glance: TableGlance) -> str:
        return self.audit.lacks(glance) or self.audit.problem(glance, self.inputs.values)

    def _show(self, state: object = None) -> None:
        now, glance = self._jobs.state, self._source.glance
        lacks = "" if glance is None else self.audit.lacks(glance)
        why = "" if glance is None else self._why_not(glance)
        idle = now is JobState.IDLE
        self.problem.setText(as_warning(why) if lacks else why)
        self.problem.setVisible(bool(why) and idle)
        self.inputs.setVisible(glance is not None and not lacks and bool(self.audit.inputs))
        self.inputs.setEnabled(idle)
        self.source_row.button.setEnabled(idle)
        self.run.setText(texts.RUN_LABELS[now.name])
        self.run.setToolTip(texts.RUN_TIP if idle else texts.CANCEL_TIP)
        self.run.setVisible(not idle or (glance is not None and not lacks))
        self.run.setEnabled(now is JobState.RUNNING or (idle and glance is not None and not why))
        for widget in (self.progress, self.stage):
            widget.setVisible(not idle)
        if now is JobState.RUNNING and state is not None:
            self.progress.setValue(0)
            self.stage.setText("")
        self.message.setVisible(bool(self.message.text()))
        if self.shown is not None:
            self.found.say_old(self._why_old(self.shown))

    def _why_old(self, shown: ShownFindings) -> str:
        path = self._source.path
        if path is not None and path != shown.glance.path:
            return texts.of_another(shown.glance.path)
        if stamp_of(shown.glance.path) != shown.glance.stamp:
            return texts.CHANGED
        return texts.OTHER_CHOICES if self.inputs.values != shown.values else ""


def _answer(
    audit: Audit, glance: TableGlance, values: dict[str, object], out: Path, progress: Progress
) -> ShownFindings:
    """What the worker does. What nobody waits for any more leaves no folder, also if it came to its end."""
    progress(audit.title, 0.0)
    try:
        findings = audit.compute(AuditRequest(glance.path, values, out), progress)
        page = (out / findings.page).read_text(encoding="utf-8", errors="replace")
        shown = ShownFindings(findings, out, pictures_of(page), glance, values)
        progress("showing", 1.0)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        with suppress(OSError):  # others are in it
            out.parent.rmdir()
        raise
    return shown
