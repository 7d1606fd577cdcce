"""The menu of the case: new, results, recent, close."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QWidget

from napari_uncertainseg._base import Progress, visible
from napari_uncertainseg.widgets.dock_description import ReviewContext
from napari_uncertainseg.widgets.reading_bar.case_menu import texts
from napari_uncertainseg.widgets.reading_bar.case_menu.opening import CaseLoader
from napari_uncertainseg.widgets.scans.recent_cases import RecentCase, RecentCases, missing
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_LONGEST = 90
"""Letters of a line of the list; the tooltip has all."""


class CaseMenu(QMenu):
    """What can be done with whole cases.

    Parameters
    ----------
    context
        What the parts share.
    loader
        Does it.
    recent
        The cases that were opened last.
    parent
        Qt parent.
    """

    def __init__(
        self, context: ReviewContext, loader: CaseLoader, recent: RecentCases, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self._context, self._loader = context, loader
        self._new = [
            self._add(texts.NEW_FROM_FILES, texts.NEW_FROM_FILES_TIP, loader.ask_files),
            self._add(texts.NEW_FROM_FOLDER, texts.NEW_FROM_FOLDER_TIP, loader.ask_folder),
            self._add(texts.OPEN_RESULTS, texts.OPEN_RESULTS_TIP, loader.ask_results),
        ]
        self.recent = RecentMenu(recent, loader, self)
        self.addMenu(self.recent)
        self.addSeparator()
        self._close = self._add(texts.CLOSE, texts.CLOSE_TIP, loader.close)
        self.aboutToShow.connect(self.refresh)

    def _add(self, text: str, tip: str, do: Any) -> QAction:
        action = QAction(text, self)
        action.setToolTip(tip)
        action.setData(tip)
        action.triggered.connect(do)
        self.addAction(action)
        return action

    def refresh(self) -> None:
        """Offer what can be done now."""
        held = self._context.cases.in_exercise
        for action in (*self._new, self._close):
            action.setEnabled(not held)
            action.setToolTip(texts.NOT_IN_EXERCISE if held else action.data())
        self._close.setEnabled(not held and bool(self._context.cases.name))
        entry = self.recent.menuAction()
        if entry is not None:  # names of other patients are nothing for an exercise
            entry.setVisible(not held)
        if not held:
            self.recent.refresh()

    def cleanup(self) -> None:
        """Let go. May be called twice."""
        self.recent.cleanup()


class RecentMenu(QMenu):
    """The cases that were opened last; those that have gone are greyed, with the reason.

    A share that does not answer would hold the window, so that the files are looked for in the background.
    """

    def __init__(self, recent: RecentCases, loader: CaseLoader, parent: QMenu) -> None:
        super().__init__(texts.RECENT, parent)
        self.setToolTipsVisible(True)
        self._recent, self._loader = recent, loader
        self._missing: dict[RecentCase, str] = {}
        self._shown: list[tuple[RecentCase, QAction]] = []
        self._last: QAction | None = None
        self.triggered.connect(self._on_triggered)
        self._jobs = JobRunner(self)
        self._jobs.finished.connect(self._on_looked)

    def refresh(self) -> None:
        """List the cases anew."""
        self.clear()
        self._shown = []
        cases = self._recent.listed()
        for case in cases:
            action = QAction(self)
            self._shown.append((case, action))
            self.addAction(action)
        self.addSeparator()
        self._last = QAction(texts.CLEAR_RECENT if cases else texts.NO_RECENT, self)
        self._last.setEnabled(bool(cases))
        self.addAction(self._last)
        self._write()
        if cases and self._jobs.state is JobState.IDLE:
            self._jobs.start(partial(_look, cases))

    def _write(self) -> None:
        for case, action in self._shown:
            why = self._missing.get(case, "")
            line = visible(" ".join(texts.recent(case, why).split())).replace("&", "&&")
            action.setText(line if len(line) <= _LONGEST else f"{line[:40]} … {line[-(_LONGEST - 43) :]}")
            action.setToolTip(plain_tooltip("\n".join([*map(str, case), *filter(None, [why])])))
            action.setEnabled(not why)

    def _on_looked(self, found: dict[RecentCase, str]) -> None:
        self._missing = found
        self._write()

    def _on_triggered(self, action: QAction) -> None:
        case = next((case for case, own in self._shown if own is action), None)
        if case is None:
            self._recent.clear()
        elif len(case) == 1:
            self._loader.open_path(case[0])
        else:
            self._loader.open_scans(case)

    def cleanup(self) -> None:
        """Look for no files any more. May be called twice."""
        self._jobs.cleanup()


def _look(cases: list[RecentCase], progress: Progress) -> dict[RecentCase, str]:
    return {case: missing(case) for case in cases}
