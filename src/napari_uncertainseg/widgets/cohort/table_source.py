"""The table that tabs read: chosen once, remembered, and looked at again when its file changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QMenu, QWidget

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.audit.table_glance import TableGlance, look_at_table, stamp_of
from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.audits.description import COHORT
from napari_uncertainseg.widgets.shared.dialogs import ask_dataset, ask_table
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, plain_tooltip, yielding_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState


class TableSource(QObject):
    """A table and what is in it.

    Parameters
    ----------
    kind
        `COHORT` or `SCORES`.
    usual
        Says what is read while nothing was chosen; None where there is nothing.
    remember
        Told what was chosen.
    parent
        Qt parent.
    """

    changed = Signal()
    """The path, the glance or the problem is another one."""

    def __init__(
        self,
        kind: str,
        usual: Callable[[], Path | None],
        remember: Callable[[Path], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.kind = kind
        self._usual, self._remember = usual, remember
        self._chosen = False
        self.path: Path | None = None
        self.glance: TableGlance | None = None
        self.problem = ""
        self._stamp = (0, 0)
        self._of: tuple[Path | None, tuple[int, int]] = (None, self._stamp)
        """What is being read, with its stamp when the reading began."""
        self._jobs = JobRunner(self)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)

    def cleanup(self) -> None:
        """Stop reading. May be called twice."""
        self._jobs.cleanup()

    @property
    def reading(self) -> bool:
        """Whether the table is being read."""
        return self._jobs.state is not JobState.IDLE

    def choose(self, path: Path | None) -> None:
        """Read another table; nothing for None."""
        if path is None:
            return
        self._chosen = True
        self._remember(path)
        self._read(path)

    def refresh(self) -> None:
        """Read the usual table where none was chosen, and the same one again where its file is another."""
        if not self._chosen and (usual := self._usual()) is not None and usual != self.path:
            self._read(usual)
        elif self.path is not None and not self.reading and stamp_of(self.path) != self._stamp:
            self._read(self.path)

    def _read(self, path: Path) -> None:
        if path != self.path:
            self.glance = None
        self.path, self.problem, self._stamp = path, "", stamp_of(path)
        if not self.reading:
            self._start()
        self.changed.emit()

    def _start(self) -> None:
        self._of = self.path, self._stamp
        if self.path is not None:
            self._jobs.start(partial(look_at_table, self.path))

    def _is_outdated(self) -> bool:
        """Whether another was chosen meanwhile, or the same was chosen again after it had changed."""
        return self._of != (self.path, self._stamp)

    def _on_finished(self, glance: TableGlance) -> None:
        if self._is_outdated():
            self._start()
            return
        self.glance, self._stamp = glance, glance.stamp  # the file may have changed since it was chosen
        self.changed.emit()

    def _on_failed(self, why: str) -> None:
        if self._is_outdated():
            self._start()
            return
        self.glance, self.problem = None, why
        self.changed.emit()


class SourceRow(QWidget):
    """Says which table is read, and lets the user choose another.

    Parameters
    ----------
    source
        The table.
    run
        The folder of the run that is shown in Cases; None where there is none.
    parent
        Qt parent.
    """

    def __init__(
        self, source: TableSource, run: Callable[[], Path | None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._source, self._run = source, run
        tip = plain_tooltip(texts.TABLE_TIPS[source.kind])
        self.button = button_with_tip(texts.CHOOSE, tip)
        self.name = yielding_label()
        menu = QMenu(self.button)
        self.table_action = QAction(texts.TABLE, menu)
        self.folder_action = QAction(texts.FOLDER, menu)
        self.run_action = QAction(texts.RUN_IN_CASES, menu)
        menu.addAction(self.table_action)
        if source.kind == COHORT:
            menu.addActions([self.folder_action, self.run_action])
        self.button.setMenu(menu)
        menu.aboutToShow.connect(self._on_menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.name, stretch=1)
        layout.addWidget(self.button)
        self.table_action.triggered.connect(self._choose_table)
        self.folder_action.triggered.connect(self._choose_folder)
        self.run_action.triggered.connect(self._choose_run)
        source.changed.connect(self.show_source)
        self.show_source()

    def show_source(self) -> None:
        """Show its name."""
        source = self._source
        self.name.setVisible(True)
        if source.path is None:
            self.name.setText(texts.NO_TABLE[source.kind])
        elif source.glance is not None:
            self.name.setText(texts.describe_table(source.glance))
        else:
            said = as_warning(source.problem) if source.problem else texts.READING
            self.name.setText(f"{texts.table_name(source.path)}: {said}" if not source.problem else said)
        self.name.setToolTip("" if source.path is None else plain_tooltip(str(source.path)))

    def _on_menu(self) -> None:
        self.run_action.setEnabled(self._run() is not None)

    def _choose_run(self) -> None:
        self._source.choose(self._run())

    def _choose_table(self) -> None:
        self._source.choose(ask_table(self, texts.TABLE_DIALOGS[self._source.kind]))

    def _choose_folder(self) -> None:
        self._source.choose(ask_dataset(self, texts.FOLDER_DIALOG))
