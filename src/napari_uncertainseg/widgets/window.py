"""The docks of this plugin in one napari window, sharing one case."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari.utils.notifications import show_info
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.calibration_record import find_record
from napari_uncertainseg.evaluate.saved_results import SavedResults, read_saved_results
from napari_uncertainseg.explain.attention.column import read_attention
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.review.session.place import default_file
from napari_uncertainseg.runs.current_run import CurrentRun
from napari_uncertainseg.uncertainty.listing.listed_lesion import voxel_in_table
from napari_uncertainseg.widgets.case_banner import CaseBanner
from napari_uncertainseg.widgets.case_desk import CaseDesk
from napari_uncertainseg.widgets.case_opener import CaseOpener, question_before_results
from napari_uncertainseg.widgets.closing import CloseGuard
from napari_uncertainseg.widgets.dock_description import Dock, ReviewContext
from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.keys import WindowKeys
from napari_uncertainseg.widgets.last_docks import docks_to_open, remember_docks
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.open_docks import OpenDock, OpenDocks
from napari_uncertainseg.widgets.reading_bar.bar import ReadingBar
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part
from napari_uncertainseg.widgets.reading_bar.parts import PARTS
from napari_uncertainseg.widgets.scans.layer_reader import LayerData, read_layers
from napari_uncertainseg.widgets.scans.loaded_case import LoadedCase
from napari_uncertainseg.widgets.segment.dock import SegmentDock
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile
from napari_uncertainseg.widgets.target_words import TargetWords

if TYPE_CHECKING:
    from napari import Viewer

_NAME = "uncertainseg-review"
ATTENTION, SHARE = "attention (share of the answer)", "share"
"""The layer of trained attention, and its unit."""

W = TypeVar("W", bound=DockWidget)


class Review(QObject):
    """One case, its layers and its docks in one napari window.

    It lives as long as the window: a dock that is closed and opened again shows the same
    case, with its verdicts. Open docks are attributes by their key, such as ``review.lesions``,
    for scripts; programs that are checked for types use :meth:`dock`.

    Parameters
    ----------
    viewer, window
        napari's.
    docks, parts
        What can be opened, and what stands in the reading bar; all of the plugin unless a test has others.
    """

    case: Case
    layers: ReviewLayers
    preferences: PreferenceStore
    sessions: SessionFile
    run: CurrentRun
    zones: KnownZones
    keeper: ReviewKeeper

    def __init__(
        self,
        viewer: Viewer,
        window: QMainWindow,
        docks: Iterable[Dock] = DOCKS,
        parts: Iterable[Part] = PARTS,
    ) -> None:
        super().__init__(window)
        self.setObjectName(_NAME)
        self.docks = {dock.key: dock for dock in docks}
        self.opened = OpenDocks()
        self.case = Case(find_record)
        self.layers = ReviewLayers(viewer, self.case)
        self.preferences = PreferenceStore()
        self.sessions = SessionFile(default_file())
        self.run, self.zones = CurrentRun(), KnownZones()
        self._remembered: dict[str, Any] = {}
        self.keeper = ReviewKeeper(self.case, self.sessions, self.layers.visible, self._is_exercise)
        self.keeper.message.connect(show_info)
        self._closing = CloseGuard(window, self.case, self.sessions)
        self._opener = CaseOpener(viewer, self.case)
        asked = self._opener, self.opened, self._is_exercise, self.show_results, self.open
        self.cases = CaseDesk(window, self.case, self.layers, *asked)
        self._viewer = viewer
        self._window = window
        self._banner = CaseBanner(viewer, window, self.case, self.layers, self.opened)
        self._words = TargetWords(self.case, self.opened, self)
        self._parts = tuple(parts)
        self._bar: ReadingBar | None = None
        self._keys = WindowKeys(window, (*self.docks.values(), *self._parts), self.opened, self.open_dock)
        self._keys.changed.connect(self._show_keys)
        window.installEventFilter(self)

    def _is_exercise(self) -> bool:
        """Whether what is on screen is an exercise, or somebody's session played back."""
        return self.layers.blinded or any(widget.in_exercise for widget in self.opened.widgets)

    # -- docks --------------------------------------------------------------------------------

    def dock(self, kind: type[W]) -> W:
        """The content of the open dock of a class.

        Raises
        ------
        LookupError
            If that dock is not open.
        """
        widget = self.opened.find(kind)
        if widget is None:
            raise LookupError(f"the dock {kind.__name__} is not open")
        return widget

    def __getattr__(self, key: str) -> Any:
        opened = self.__dict__.get("opened")
        found = None if opened is None else opened.get(key)
        if found is None:
            raise AttributeError(f"{key!r} is neither an attribute nor the key of an open dock")
        return found.widget

    def open(self, last: bool = False) -> None:
        """Show the docks of the arrangement, and those of the last window where that is wanted, tabbed."""
        together = [dock.key for dock in self.docks.values() if dock.opens_with_review]
        keys, front = docks_to_open(self.docks, together, self.preferences if last else None)
        for key in keys:
            self._ensure(key)
        self.arrange(front)

    def open_dock(self, key: str) -> None:
        """Open one dock beside those that are open, and bring it to the front."""
        self._ensure(key)
        self.arrange(key)

    def arrange(self, front: str) -> None:
        """Tab the docks that are open, with one of them in front."""
        self.opened.arrange(self._window, self.docks.values(), front)

    def _ensure(self, key: str) -> None:
        if self.docks[key] not in self.opened:
            area = DockArea(self.make_widget(key))
            self.add(key, area)
            self._viewer.window.add_dock_widget(area, name=self.docks[key].window_name, area="right")

    def make_widget(self, key: str) -> DockWidget:
        """Make the content of a dock; one that is open is closed first."""
        opened = self.opened.get(key)
        if opened is not None:
            self._viewer.window.remove_dock_widget(opened.area)
        return self.docks[key].make(self._context())

    def _context(self) -> ReviewContext:
        return ReviewContext(
            case=self.case,
            layers=self.layers,
            preferences=self.preferences,
            sessions=self.sessions,
            keeper=self.keeper,
            open_case=self.open_case,
            open_results=self.cases.show_listed,
            run=self.run,
            show_findings=self.show_findings,
            open_dock=self.open_dock,
            zones=self.zones,
            cases=self.cases,
            remembered=self._remembered,
        )

    def add(self, key: str, area: DockArea) -> None:
        """Take in a dock whose area holds its content; the area is docked by the caller."""
        widget = area.widget()
        assert isinstance(widget, DockWidget)
        area.fronted.connect(widget.on_front)
        widget.subject_changed.connect(self._banner.show)
        area.installEventFilter(self)
        self.opened.add(OpenDock(self.docks[key], widget, area))
        self._ensure_bar()
        widget.show_keys(self._keys.listed())
        self._words.refresh()
        self._banner.show()

    def _ensure_bar(self) -> None:
        if self._bar is None:
            context = BarContext(self._context(), self._viewer, self._window, self._keys.help)
            self._bar = ReadingBar(self._parts, context)
            self._bar.show_keys(self._keys.listed())
            self.opened.parts = self._bar.parts

    def _close_bar(self) -> None:
        if self._bar is not None:
            self.opened.parts = {}
            self._bar.cleanup()
            self._bar = None

    def _show_keys(self) -> None:
        """Show keys that the user has changed."""
        for widget in self.opened.widgets:
            widget.show_keys(self._keys.listed())
        if self._bar is not None:
            self._bar.show_keys(self._keys.listed())

    def show_dock(self, key: str) -> None:
        """Bring a dock to the front."""
        self.opened.raise_dock(key)

    # -- cases --------------------------------------------------------------------------------

    def open_case(self, loaded: LoadedCase) -> bool:
        """Show a case of a worklist instead of the one before, and segment it; False where that is kept.

        Raises
        ------
        InputError
            If a dock needs the case that is open, or during an exercise or a replay.
        """
        self.cases.check_free()
        with self.cases.giving_way_to_listed(loaded.layers.values()) as agreed:
            if agreed:
                self.open()
                self._opener.open(loaded, self.dock(SegmentDock))
        return agreed

    def open_results(self, folder: Path) -> None:
        """Show a folder of results, with its scans, maps, lesions, verdicts and painting.

        Raises
        ------
        InputError
            During an exercise or a replay, or if the folder cannot be read.
        """
        self._check_no_exercise()
        self.show_results(read_saved_results(folder), folder)

    def show_results(self, restored: SavedResults, folder: Path, reference: LayerData | None = None) -> bool:
        """The same with results that were read, and with a mask to compare with where there is one.

        False where the user wants to keep what is open.

        Raises
        ------
        InputError
            During an exercise or a replay.
        """
        self._check_no_exercise()
        if not question_before_results(self._window, self.case).allows():
            return False
        self.open()
        self._opener.open_results(restored, folder, self.dock(SegmentDock), reference)
        self.cases.opened_from(folder)
        self.show_findings()
        return True

    def show_attention(self, path: Path) -> None:
        """Show a map of attention over the scan, and its column in *Lesions* where it is of this scan.

        Parameters
        ----------
        path
            Of `attention.nii.gz`, with what was read beside it.

        Raises
        ------
        InputError
            During an exercise or a replay, or if a file cannot be read.
        """
        self._check_no_exercise()
        prediction, original = self.case.prediction, self.case.original
        found = None if prediction is None else read_attention(path, prediction)
        if found is None or original is None:
            self.layers.add(read_layers(str(path)))
            return
        self.layers.show_class(ATTENTION, found.map, float(found.map.max()) or 1.0, SHARE)
        if found.of_lesions:
            self.case.add_columns(found, original)

    def _check_no_exercise(self) -> None:
        if self._is_exercise():
            raise InputError("An exercise or a replay is running: end it first.")

    def show_findings(self) -> None:
        """Show the list of lesions, and the slice with the most doubtful lesion, not yet enlarged."""
        lesions = self.case.lesions
        if lesions is not None and len(lesions.table):
            self.layers.show_slice(voxel_in_table(lesions.table.iloc[0]))
        self.show_dock("lesions")

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
                remember_docks(self.opened, self.preferences)
                self.cleanup()
        elif event.type() == QEvent.Type.ParentChange and watched.parent() is None:
            self._drop(watched)
        return False

    def _drop(self, area: Any) -> None:
        """Let a dock go that napari has closed: it takes the area out of its window."""
        opened = self.opened.remove(area)
        if opened is not None:
            opened.widget.cleanup()
        if not self.opened.widgets:
            self._close_bar()
        area.removeEventFilter(self)
        area.deleteLater()

    def cleanup(self) -> None:
        """Stop all work and disconnect from the viewer. May be called twice."""
        self._window.removeEventFilter(self)
        self._keys.cleanup()
        self._words.cleanup()
        self._close_bar()
        for opened in self.opened:
            opened.area.removeEventFilter(self)
            opened.widget.cleanup()
        self.opened.clear()
        self._closing.cleanup()
        self.cases.cleanup()
        self.keeper.cleanup()
        self.run.leave()
        self.sessions.close()
        self._banner.cleanup()
        self.layers.cleanup()


def review_of(viewer: Viewer, docks: Iterable[Dock] = DOCKS) -> Review:
    """The review of a viewer's window, made when there is none.

    Parameters
    ----------
    viewer
        napari's, or the proxy that plugins are handed.
    docks
        What can be opened, where it is made.
    """
    viewer = napari_internals.unwrapped(viewer)
    window = napari_internals.main_window(viewer)
    found = window.findChild(QObject, _NAME)
    return found if isinstance(found, Review) else Review(viewer, window, docks)


def open_review(viewer: Viewer, docks: Iterable[Dock] = DOCKS) -> Review:
    """Open the arrangement in a viewer, or bring it to the front.

    Returns
    -------
    Review
        With ``case``, ``layers`` and the docks ``segment``, ``lesions`` and ``calibration``.
    """
    review = review_of(viewer, docks)
    review.open()
    return review
