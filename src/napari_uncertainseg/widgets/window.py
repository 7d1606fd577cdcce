"""The Review arrangement: Segment, Lesions and Calibration beside each other, sharing one case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.calibration_record import find_record
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.widgets.calibration.dock import CalibrationDock
from napari_uncertainseg.widgets.case_banner import CaseBanner
from napari_uncertainseg.widgets.closing import CloseGuard
from napari_uncertainseg.widgets.cohort.case_opener import CaseOpener, LoadedCase, may_discard
from napari_uncertainseg.widgets.cohort.dock import CohortDock
from napari_uncertainseg.widgets.dashboard.dock import DashboardDock
from napari_uncertainseg.widgets.exercises.dock import ExercisesDock
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.lesions.actions import ACTIONS
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.raters.dock import RatersDock
from napari_uncertainseg.widgets.segment.dock import SegmentDock
from napari_uncertainseg.widgets.session.dock import SessionDock
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile, default_file

if TYPE_CHECKING:
    from napari import Viewer

_ANSWERS = {"accept": True, "reject": False}
"""Keys of the list that answer a question of an exercise."""
_SURER = {",": -1, ".": 1}
_NAME = "uncertainseg-review"
_WIDTH = 400


@dataclass(frozen=True)
class _Dock:
    """A dock: its title, and the name under which napari's menu knows it."""

    title: str
    name: str
    make: Callable[[Review], QWidget]


_DOCKS: dict[str, _Dock] = {
    "segment": _Dock(
        "Segment", "Review (UncertainSeg)", lambda r: SegmentDock(r.case, r.layers, preferences=r.preferences)
    ),
    "lesions": _Dock(
        "Lesions", "Lesions (UncertainSeg)", lambda r: LesionsDock(r.case, r.layers, keeper=r.keeper)
    ),
    "calibration": _Dock(
        "Calibration", "Calibration (UncertainSeg)", lambda r: CalibrationDock(r.case, r.layers)
    ),
    "raters": _Dock("Raters", "Raters (UncertainSeg)", lambda r: RatersDock(r.case, r.layers)),
    "session": _Dock(
        "Session", "Session (UncertainSeg)", lambda r: SessionDock(r.case, r.layers, r.sessions)
    ),
    "exercises": _Dock(
        "Exercises", "Exercises (UncertainSeg)", lambda r: ExercisesDock(r.case, r.layers, r.sessions)
    ),
    "cohort": _Dock("Cohort", "Cohort (UncertainSeg)", lambda r: CohortDock(r.case, r.open_case, r.sessions)),
    "dashboard": _Dock("Dashboard", "Dashboard (UncertainSeg)", lambda r: DashboardDock(r.sessions)),
}
_REVIEW = ("segment", "lesions", "calibration")
"""What Review opens; the others have a menu entry of their own."""


class Review(QObject):
    """One case, its layers and its docks in one napari window.

    It lives as long as the window: a dock that is closed and opened again shows the same
    case, with its verdicts.
    """

    case: Case
    layers: ReviewLayers
    preferences: PreferenceStore
    sessions: SessionFile
    keeper: ReviewKeeper

    def __init__(self, viewer: Viewer, window: QMainWindow) -> None:
        super().__init__(window)
        self.setObjectName(_NAME)
        self.case = Case(find_record)
        self.layers = ReviewLayers(viewer, self.case)
        self.preferences = PreferenceStore()
        self.sessions = SessionFile(default_file())
        self.keeper = ReviewKeeper(self.case, self.sessions, self.layers.visible, self._is_exercise)
        self.keeper.message.connect(show_info)
        self._closing = CloseGuard(window, self.case, self.sessions)
        self._opener = CaseOpener(viewer, self.case, self)
        self._viewer = viewer
        self._window = window
        self._widgets: dict[str, QWidget] = {}
        self._areas: dict[str, DockArea] = {}
        self._whose = CaseBanner(viewer, window, self.case, self.layers, self._areas)
        self._shortcuts = [self._bind(action.key, partial(self._act, action.method)) for action in ACTIONS]
        self._shortcuts += [self._bind(key, partial(self._surer, steps)) for key, steps in _SURER.items()]
        window.installEventFilter(self)

    def _is_exercise(self) -> bool:
        """Whether what is on screen is an exercise, or somebody's session played back."""
        replayed = "session" in self._widgets and self.session.replay.active
        return replayed or self.layers.blinded or ("exercises" in self._widgets and self.exercises.busy)

    def _bind(self, key: str, act: Callable[[], None]) -> QShortcut:
        """Bind a key in the whole window. Fields that take text keep their keys: Qt asks them first."""
        shortcut = QShortcut(QKeySequence(key), self._window)
        shortcut.activated.connect(act)
        return shortcut

    def _act(self, method: str) -> None:
        """Do what a key says: in the list, or, while questions are asked, only answer them."""
        if "exercises" in self._widgets and self.exercises.busy:
            if method in _ANSWERS:
                self.exercises.answer(_ANSWERS[method])
        elif "lesions" in self._widgets and self.case.prediction is not None:
            getattr(self.lesions, method)()

    def _surer(self, steps: int) -> None:
        if "exercises" in self._widgets:
            self.exercises.change_confidence(steps)

    @property
    def segment(self) -> SegmentDock:
        """The Segment dock."""
        return self._widgets["segment"]  # type: ignore[return-value]

    @property
    def lesions(self) -> LesionsDock:
        """The Lesions dock."""
        return self._widgets["lesions"]  # type: ignore[return-value]

    @property
    def calibration(self) -> CalibrationDock:
        """The Calibration dock."""
        return self._widgets["calibration"]  # type: ignore[return-value]

    @property
    def raters(self) -> RatersDock:
        """The Raters dock."""
        return self._widgets["raters"]  # type: ignore[return-value]

    @property
    def session(self) -> SessionDock:
        """The Session dock."""
        return self._widgets["session"]  # type: ignore[return-value]

    @property
    def exercises(self) -> ExercisesDock:
        """The Exercises dock."""
        return self._widgets["exercises"]  # type: ignore[return-value]

    @property
    def cohort(self) -> CohortDock:
        """The Cohort dock."""
        return self._widgets["cohort"]  # type: ignore[return-value]

    @property
    def dashboard(self) -> DashboardDock:
        """The Dashboard dock."""
        return self._widgets["dashboard"]  # type: ignore[return-value]

    # -- docks --------------------------------------------------------------------------------

    def open(self) -> None:
        """Show the docks of Review, tabbed on the right; those that are there are used again."""
        for kind in _REVIEW:
            self._add(kind)
        self.arrange("segment")

    def open_dock(self, kind: str) -> None:
        """Open one dock beside those that are there, and bring it to the front."""
        self._add(kind)
        self.arrange(kind)

    def _add(self, kind: str) -> None:
        if kind not in self._widgets:
            self._viewer.window.add_dock_widget(self.make(kind), name=_DOCKS[kind].name, area="right")

    def make(self, kind: str) -> QWidget:
        """Make what napari docks, the widget of a kind in an area; one that is there is closed first."""
        if kind in self._areas:
            self._viewer.window.remove_dock_widget(self._areas[kind])
        widget = _DOCKS[kind].make(self)
        if isinstance(widget, SegmentDock):
            widget.done.connect(self._on_done)
            widget.setting_changed.connect(self._show_setting)
        area = DockArea(widget)
        if isinstance(widget, DashboardDock):
            area.fronted.connect(widget.refresh)
        area.installEventFilter(self)
        self._widgets[kind], self._areas[kind] = widget, area
        if isinstance(widget, SegmentDock):
            widget.roles.changed.connect(self._whose.show)
        self._whose.show()
        self._show_setting()
        return area

    def _show_setting(self) -> None:
        if "cohort" in self._widgets:
            opened = "segment" in self._widgets and self.segment.setting
            self.cohort.show_setting(opened or self.preferences.load().setting)

    def open_case(self, loaded: LoadedCase) -> None:
        """Show a case of a worklist instead of the one before, and segment it.

        Raises
        ------
        InputError
            While an exercise goes on.
        """
        if "exercises" in self._widgets and self.exercises.busy:
            raise InputError("An exercise is running: press Stop and score in Exercises first.")
        for kind in _REVIEW:
            self._add(kind)
        self.arrange("segment")
        self._opener.open(loaded, self.segment)

    def open_results(self, folder: Path) -> None:
        """Show a folder of results, with its scans, maps, lesions, verdicts and painting.

        Raises
        ------
        InputError
            While an exercise goes on, or if the folder cannot be read.
        """
        if self._is_exercise():
            raise InputError("An exercise or a replay is running: end it first.")
        restored = read_saved_results(folder)
        if may_discard(self._window, self.case):
            for kind in _REVIEW:
                self._add(kind)
            self.arrange("segment")
            self._opener.open_results(restored, folder, self.segment)
            self._on_done()

    def arrange(self, front: str) -> None:
        """Tab the docks that are open, with one of them in front."""
        docks = {kind: dock for kind in _DOCKS if (dock := self._dock(kind)) is not None}
        anchor = next(iter(docks.values()), None)
        for kind, dock in docks.items():
            dock.setWindowTitle(_DOCKS[kind].title)
            _title_bar(dock, _DOCKS[kind].title)
            dock.show()
            if dock is not anchor and not dock.isFloating():
                self._window.tabifyDockWidget(anchor, dock)
        if front in docks:
            docks[front].raise_()
            self._window.resizeDocks([docks[front]], [_WIDTH], Qt.Orientation.Horizontal)

    def show_dock(self, kind: str) -> None:
        """Bring a dock to the front."""
        dock = self._dock(kind)
        if dock is not None:
            dock.show()
            dock.raise_()

    def _on_done(self) -> None:
        """After a run: the list, and the slice with the most doubtful lesion, not yet enlarged."""
        lesions = self.case.lesions
        if lesions is not None and len(lesions.table):
            first = lesions.table.iloc[0]
            self.layers.show_slice((int(first["slice_s"]), int(first["slice_a"]), int(first["slice_r"])))
        self.show_dock("lesions")

    def _dock(self, kind: str) -> QDockWidget | None:
        widget: QObject | None = self._widgets.get(kind)
        while widget is not None and not isinstance(widget, QDockWidget):
            widget = widget.parent()
        return widget

    # -- the end ------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Clean up when a dock is closed with its X, or the window closes."""
        if watched is None or event is None:
            return False
        if watched is self._window and event.type() == QEvent.Type.Close and self._closing.refuses(event):
            return True
        if watched is self._window:
            # A user's own close may still be refused in a dialog; the window is hidden only if it was not.
            closing = event.type() == QEvent.Type.Close and not event.spontaneous()
            closed = event.type() == QEvent.Type.Hide and not event.spontaneous()
            if closing or closed:
                self.cleanup()
        elif event.type() == QEvent.Type.ParentChange and watched.parent() is None:
            self._drop(watched)
        return False

    def _drop(self, area: Any) -> None:
        for kind in [kind for kind, kept in self._areas.items() if kept is area]:
            del self._areas[kind]
            self._widgets.pop(kind).cleanup()  # type: ignore[attr-defined]
        area.removeEventFilter(self)
        area.deleteLater()

    def cleanup(self) -> None:
        """Stop all work and let go of the viewer. May be called twice."""
        self._window.removeEventFilter(self)
        while self._shortcuts:
            shortcut = self._shortcuts.pop()
            shortcut.activated.disconnect()
            shortcut.deleteLater()
        for kind, area in self._areas.items():
            area.removeEventFilter(self)
            self._widgets[kind].cleanup()  # type: ignore[attr-defined]
        self._areas.clear()
        self._widgets.clear()
        self._opener.cleanup()
        self._closing.cleanup()
        self.keeper.cleanup()
        self.sessions.close()
        self._whose.cleanup()
        self.layers.cleanup()


def review_of(viewer: Viewer) -> Review:
    """The review of a viewer's window, made when there is none."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # plugins are handed a proxy that inspects each access
    window = viewer.window._qt_window
    found = window.findChild(QObject, _NAME)
    return found if isinstance(found, Review) else Review(viewer, window)


def open_review(viewer: Viewer) -> Review:
    """Open the arrangement in a viewer, or bring it to the front.

    Returns
    -------
    Review
        With ``case``, ``layers`` and the docks ``segment``, ``lesions`` and ``calibration``.
    """
    review = review_of(viewer)
    review.open()
    return review


def _title_bar(dock: QDockWidget, title: str) -> None:
    label = getattr(dock.titleBarWidget(), "title", None)
    if label is not None:
        label.setText(title)
