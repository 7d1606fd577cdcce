"""The Cohort dock: cases one after the other, and beside them tabs with what is asked of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.audit.table_glance import stamp_of
from napari_uncertainseg.case import Case
from napari_uncertainseg.runs.current_run import CurrentRun
from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.audit_tab import AuditTab
from napari_uncertainseg.widgets.cohort.audits.all_audits import AUDITS
from napari_uncertainseg.widgets.cohort.audits.description import ACQUISITIONS, COHORT, SCORES, Audit
from napari_uncertainseg.widgets.cohort.cases import CasesPanel
from napari_uncertainseg.widgets.cohort.tab_row import TabRow
from napari_uncertainseg.widgets.cohort.table_source import TableSource
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.scans.loaded_case import OpenCase, OpenResults
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile

_KEPT = {COHORT: "cohort_table", SCORES: "scores_table", ACQUISITIONS: "acquisitions_table"}
"""Under which names the preferences keep the tables."""


class CohortDock(DockWidget):
    """The cases of a cohort, and audits of all of them, as tabs.

    A tab with an audit is made when it is first seen, so that the cases are there as quickly as ever.

    Parameters
    ----------
    case, open_case, sessions, preferences, open_results, keeper, run
        As for `CasesPanel`.
    remembered
        Keeps the tab for when the dock is opened again.
    audits
        The tabs beside the cases.
    parent
        Qt parent.
    """

    def __init__(
        self,
        case: Case,
        open_case: OpenCase,
        sessions: SessionFile,
        parent: QWidget | None = None,
        *,
        preferences: PreferenceStore | None = None,
        open_results: OpenResults | None = None,
        keeper: ReviewKeeper | None = None,
        run: CurrentRun | None = None,
        remembered: dict[str, Any] | None = None,
        audits: Sequence[Audit] = AUDITS,
    ) -> None:
        super().__init__(parent)
        self._audits = tuple(audits)
        self._preferences, self._run = preferences or PreferenceStore(), run or CurrentRun()
        self._remembered = {} if remembered is None else remembered
        self.cases = CasesPanel(
            case,
            open_case,
            sessions,
            preferences=self._preferences,
            open_results=open_results,
            keeper=keeper,
            run=self._run,
        )
        self.sources = {
            kind: TableSource(kind, partial(self._usual, kind), partial(self._remember, kind), self)
            for kind in _KEPT
        }
        self.tabs: dict[str, AuditTab] = {}
        self._areas: dict[str, DockArea] = {}
        self._asking: AuditTab | None = None
        self.tab_row = TabRow(
            [(texts.CASES, texts.CASES_TIP), *((audit.title, audit.question) for audit in self._audits)]
        )
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(6, 6, 6, 6)
        self._column.addWidget(self.tab_row)
        self._column.addWidget(self.cases, stretch=1)
        self.tab_row.chosen.connect(self._show_tab)
        self.cases.said.connect(self._on_said)
        keys = [audit.key for audit in self._audits]
        if (before := self._remembered.get(DOCK.key)) in keys:
            self.tab_row.choose(1 + keys.index(before))

    def cleanup(self) -> None:
        """Stop all work, and disconnect from what outlives the dock. May be called twice."""
        self.cases.cleanup()
        for source in self.sources.values():
            source.cleanup()
        for tab in self.tabs.values():
            tab.cleanup()

    def on_front(self) -> None:
        """Look whether the table of the tab that is seen was changed meanwhile."""
        for tab in self.tabs.values():
            if tab.isVisible():
                tab.look()

    # -- tabs ---------------------------------------------------------------------------------

    def show_audit(self, key: str) -> AuditTab:
        """Bring the tab of an audit to the front."""
        self.tab_row.choose(1 + [audit.key for audit in self._audits].index(key))
        return self.tabs[key]

    def _show_tab(self, index: int) -> None:
        key = self._audits[index - 1].key if index else ""
        self._remembered[DOCK.key] = key
        if self._asking is not None:  # what Cases says from now on is about something else
            self._asking.say("")
            self._asking = None
        if index and key not in self.tabs:
            self._make_tab(self._audits[index - 1])
        self.cases.setVisible(not index)
        for name, area in self._areas.items():
            area.setVisible(name == key)

    def _make_tab(self, audit: Audit) -> None:
        tab = AuditTab(audit, self.sources[audit.table], self._shown_run)
        area = DockArea(tab)
        area.hide()
        tab.case_wanted.connect(self._open_case)
        self.tabs[audit.key], self._areas[audit.key] = tab, area
        self._column.addWidget(area, stretch=1)

    # -- the tables ---------------------------------------------------------------------------

    def _shown_run(self) -> Path | None:
        return self._run.folder

    def _usual(self, kind: str) -> Path | None:
        """The run that is shown, or else what was chosen the last time."""
        if kind == COHORT and self._run.folder is not None:
            return self._run.folder
        kept = getattr(self._preferences.load(), _KEPT[kind])
        return Path(kept) if kept and stamp_of(Path(kept)) != (0, 0) else None

    def _remember(self, kind: str, path: Path) -> None:
        self._preferences.save(**{_KEPT[kind]: str(path)})

    # -- cases --------------------------------------------------------------------------------

    def _open_case(self, key: str, name: str, folder: Path | None, reference: Path | None) -> None:
        self._asking = self.tabs[key]
        if not self.cases.open_elsewhere(name, folder, reference):
            self._asking.say(texts.unknown_case(name))

    def _on_said(self, sentence: str) -> None:
        """Say what becomes of a case where the user asked for it."""
        if self._asking is not None:
            self._asking.say(sentence)


DOCK = Dock(
    "cohort",
    "Cohort",
    lambda context: CohortDock(
        context.case,
        context.open_case,
        context.sessions,
        preferences=context.preferences,
        open_results=context.open_results,
        keeper=context.keeper,
        run=context.run,
        remembered=context.remembered,
    ),
)
