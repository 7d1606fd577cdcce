"""The Cohort dock: cases one after the other."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.runs.current_run import CurrentRun
from napari_uncertainseg.widgets.cohort.cases import CasesPanel, OpenCase, OpenResults
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile


class CohortDock(DockWidget):
    """The cases of a cohort.

    Parameters
    ----------
    case, open_case, sessions, preferences, open_results, keeper, run
        As for `CasesPanel`.
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
    ) -> None:
        super().__init__(parent)
        self.cases = CasesPanel(
            case,
            open_case,
            sessions,
            preferences=preferences,
            open_results=open_results,
            keeper=keeper,
            run=run,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.cases)

    def cleanup(self) -> None:
        """Stop all work, and disconnect from what outlives the dock. May be called twice."""
        self.cases.cleanup()


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
    ),
)
