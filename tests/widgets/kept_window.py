"""A segmented window that tests of one file share, where they leave it as they found it.

To open and to close a window takes longer than most tests do. After each test what it added is taken away,
and what can be chosen is chosen again as before; where then anything differs still, as after a verdict, or
where the test failed, the window is closed, looked over for leaks, and the next test gets a new one.
"""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from ..leaks import new_threads, new_widgets, wait_until_empty
from .looks import choice, choose, differing, looks, undo

SIZE = (1280, 800)
"""Of the window, in pixels."""
_OPEN: list[KeptWindow] = []
"""The one that is open, if any."""


def segment(viewer: Any, qtbot: Any, scans: Sequence[Any], file: Path) -> None:
    """Open the docks beside scans, and press Run, without a network; sessions are kept in a file."""
    from napari.layers import Image

    from napari_uncertainseg.widgets import window
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    from .actions import click
    from .fake_window import docks_with
    from .fakes import FakeSegmenter

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(window, "default_file", lambda: file)
        review = window.open_review(viewer, docks_with(make_segmenter=FakeSegmenter))
    for scan in scans:
        data, options, _ = layer_data(scan)
        viewer.add_layer(Image(data, **options))
    qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
    with qtbot.waitSignal(review.segment.done, timeout=5000):
        click(qtbot, review.segment.run)


class KeptWindow:
    """A window outside of napari's own fixture, which closes its windows after each test."""

    def __init__(self, qtbot: Any, fill: Callable[[Any, Path], None], folder: Path) -> None:
        from napari import Viewer
        from napari._app_model._app import NapariApplication, _napari_names
        from napari._qt._qapp_model.qactions import init_qactions
        from napari.plugins import _initialize_plugins
        from napari.settings import get_settings
        from qtpy.QtWidgets import QApplication, QWidget

        def no_console(*_: Any) -> Any:
            widget = QWidget()
            widget._update_theme = lambda *_: None
            return widget

        self._app = QApplication.instance()
        self._before = set(self._app.topLevelWidgets()), set(threading.enumerate())
        self._patches = patches = pytest.MonkeyPatch()
        actions = NapariApplication("kept_window")
        actions.injection_store.namespace = _napari_names
        patches.setattr(NapariApplication, "get_app_model", lambda: actions)
        patches.setattr("napari._qt.threads.status_checker.StatusChecker.start", lambda self: None)
        patches.setattr("napari._qt.qt_viewer.QtViewer._get_console", no_console)
        get_settings().reset()
        _initialize_plugins.cache_clear()
        init_qactions.cache_clear()
        self.viewer = Viewer(show=True, show_welcome_screen=False)
        self.viewer.window.resize(*SIZE)
        fill(self.viewer, folder / "sessions.db")
        self.review.layers.results.complete()  # layers that are still to come
        self._settle(qtbot)
        self._layers = [(layer, looks(layer)) for layer in self.viewer.layers]
        self._chosen = [(widget, choice(widget)) for widget in self._widgets()]
        self._place, self._theme = self._seen(), self.viewer.theme
        self._widths = {dock: dock.width() for dock in self._docks()}
        self._is_empty = self.review.case.prediction is None
        self.as_opened = self.told()
        self.failed, self.why, self._spent = False, [], []
        for part in (*self.review.opened.parts.values(), *self.review.opened.widgets):
            part.cleanup = self._noting(type(part).__name__, part.cleanup)

    def _settle(self, qtbot: Any) -> None:
        """Wait until all is there that comes by and by, as letters on the canvas: tests would differ."""
        told = None
        for _ in range(40):
            qtbot.wait(50)
            before, told = told, self.told()
            if told == before:
                break

    @property
    def review(self) -> Any:
        from napari_uncertainseg.widgets.window import review_of

        return review_of(self.viewer)

    def _noting(self, name: str, cleanup: Callable[[], None]) -> Callable[[], None]:
        def noted() -> None:
            self._spent.append(name)
            cleanup()

        return noted

    def _widgets(self) -> list[Any]:
        """All that can be chosen in the window, but for the controls of layers, which come and go."""
        from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit

        found = []
        for dock in (*(opened.area for opened in self.review.opened), self.review._bar):
            for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit):
                found.extend(dock.findChildren(kind))
        return found

    def _docks(self) -> set[Any]:
        from qtpy.QtWidgets import QDockWidget

        return {dock for dock in self.review._window.findChildren(QDockWidget) if dock.isVisible()}

    def _front(self) -> list[str]:
        """The docks that are not behind others: what lies behind hears no click."""
        return sorted(opened.dock.key for opened in self.review.opened if opened.area.in_front)

    def _seen(self) -> tuple[Any, ...]:
        dims, camera = self.viewer.dims, self.viewer.scene.camera
        zoom = camera.zoom / self._whole()
        return dims.order, dims.ndisplay, dims.point, camera.center, zoom, camera.angles

    def _whole(self) -> float:
        """The zoom that shows all of a slice: docks may have become wider, and the canvas smaller."""
        from napari_uncertainseg.widgets.scans.camera import whole_zoom

        return whole_zoom(self.viewer, self.viewer.layers[0]) if self.viewer.layers else 1.0

    def told(self) -> dict[str, Any]:
        """All that a test may have changed, to be compared."""
        from qtpy.QtWidgets import QToolBar

        from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

        viewer, review = self.viewer, self.review
        case, window = review.case, review._window
        overlays = viewer.canvas.overlays
        listed = {f"layer {layer.name}": looks(layer) for layer in viewer.layers}
        return {
            **listed,
            "layers": [layer.name for layer in viewer.layers],
            "selection": [*sorted(x.name for x in viewer.layers.selection), viewer.layers.selection.active],
            "place": [np.round(np.asarray(part, float), 1).tolist() for part in self._seen()],
            "grid": viewer.canvas.grid.enabled,
            "window": (viewer.title, viewer.theme, *viewer.window.geometry()[2:]),
            "overlays": sorted((str(key), overlays[key].visible) for key in overlays),
            "callbacks": [
                [str(one) for one in getattr(viewer, f"mouse_{kind}_callbacks")]
                for kind in ("drag", "move", "wheel", "double_click")
            ],
            "keys": sorted(map(str, viewer.keymap)),
            "case": (id(case.prediction), id(case.original), case.threshold, case.min_volume, case.selected),
            "images": sorted(case.images),
            **self._told_of_review(),
            "measurements": review.opened.parts["measure"].measured.items,
            "reference": case.comparison.reference is None,
            "exercise": review.layers.blinded,
            "docks": sorted(dock.windowTitle() for dock in self._docks()),
            "front": self._front(),
            "bars": sorted((x.objectName(), x.isVisible()) for x in window.findChildren(QToolBar)),
            "widgets": Counter(map(repr, map(choice, self._widgets()))),
            "preferences": {k: v for k, v in asdict(PreferenceStore().load()).items() if k != "target"},
        }

    def _told_of_review(self) -> dict[str, Any]:
        case = self.review.case
        return {
            "review": (case.review.decisions(), case.review.edit is None, case.review.recorder is None),
            "history": (case.review.unsaved, len(case.review.verdicts), case.unsaved_mask),
            "undo": undo(case.review),
        }

    def put_back(self, qtbot: Any) -> list[str]:
        """Take away what a test added, choose again what was chosen, and say what differs still."""
        differs = ["closed"]
        if self._spent:
            return [f"cleaned up: {self._spent}"]
        for _ in range(2):  # what is drawn a moment later may come after the first
            if self.viewer is None or self.review is None or not self.review.opened.parts:
                break
            self._put_back()
            qtbot.wait(50)
            was, now = self.as_opened, self.told()
            keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
            differs = [f"{key}: {differing(was.get(key), now.get(key))}" for key in keys]
            if not differs:
                break
        return differs

    def _put_back(self) -> None:
        from qtpy.QtCore import Qt

        viewer, review = self.viewer, self.review
        if review.layers.blinded:
            review.layers.unblind()
        if (compare := review.opened.parts["compare"]).side.active:
            compare.toggle_side()
        if self._is_empty and review.case.prediction is not None:
            review.case.close_prediction()
        self._forget_review()
        self._look_again()
        own = [layer for layer, _ in self._layers]
        for layer in [layer for layer in viewer.layers if layer not in own]:
            if layer in viewer.layers:  # one may take others with it
                viewer.layers.remove(layer)
        if self._is_empty and review.case.images:
            review.case.set_images({})
        if review.case.prediction is not None:
            review.case.select(None)
            _, _, threshold, _, selected = self.as_opened["case"]
            review.case.threshold = threshold
            review.case.select(selected)
        for widget, chosen in self._chosen:
            choose(widget, chosen)
        for dock in self._docks() - self._widths.keys():
            dock.hide()
        for key in set(self.as_opened["front"]) - set(self._front()):
            review.show_dock(key)
        review._window.resizeDocks([*self._widths], [*self._widths.values()], Qt.Orientation.Horizontal)
        self._dress(own)
        if viewer.theme != self._theme:
            viewer.theme = self._theme
        viewer.window.resize(*SIZE)
        self._look_again()

    def _dress(self, own: list[Any]) -> None:
        """Have the layers in their order, and looking as they did."""
        from napari_uncertainseg.widgets.scans.volumes import is_result

        layers = self.viewer.layers
        for scan in [x for x in own if x not in layers and not is_result(x)]:
            layers.insert(min(own.index(scan), len(layers)), scan)
        if set(own) == set(layers):
            for place, layer in enumerate(own):
                if layers[place] is not layer:
                    layers.move(layers.index(layer), place)
        for layer, before in self._layers:
            if layer.metadata.get("uncertainseg", {}) != before["metadata"]:
                layer.metadata["uncertainseg"] = dict(before["metadata"])
            for name in ("visible", "opacity", "contrast_limits", "mode"):
                if np.asarray(getattr(layer, name, None)).tolist() != before[name]:
                    setattr(layer, name, before[name])

    def _forget_review(self) -> None:
        """Verdicts, painting, and the session that they are in; the next test has a file of its own."""
        case = self.review.case
        now, before = self._told_of_review(), self.as_opened
        if any(now[name] != before[name] for name in now):
            if case.review.recorder is not None:
                case.review.set_recorder(None)
            if case.prediction is not None:
                case.reset_review()
        measure = self.review.opened.parts["measure"]
        measure.tool.end()
        while measure.measured.items:
            measure.measured.delete(0)
        measure.measured.show(())

    def begin(self, file: Path) -> None:
        """Keep the reviews of a test in a file of its own, and its measurements beside it."""
        from napari_uncertainseg.widgets.reading_bar.measure.kept import KeptMeasurements, folder_of

        self.review.sessions.choose(file)
        self.review.opened.parts["measure"]._kept = KeptMeasurements(folder_of(str(file)))

    def _look_again(self) -> None:
        dims, camera, selection = self.viewer.dims, self.viewer.scene.camera, self.viewer.layers.selection
        if dims.order != self._place[0]:
            dims.order = self._place[0]
        if dims.ndisplay != self._place[1]:
            dims.ndisplay = self._place[1]
        dims.point = self._place[2]
        camera.center, camera.angles = self._place[3], self._place[5]
        camera.zoom = self._place[4] * self._whole()
        active = self.as_opened["selection"][-1]
        if active is None or active in self.viewer.layers:
            selection.active = active

    def close(self) -> None:
        """Close the window, and look whether anything of it is left; a traceback would hold on to it."""
        from app_model import Application
        from napari._qt.qt_viewer import QtViewer
        from napari.settings import get_settings
        from qtpy.QtCore import QEventLoop, QTimer

        self._layers, self._chosen, self.as_opened, self._widths = [], [], {}, {}
        if getattr(self.viewer.window, "_qt_window", None) is not None:
            with patch.object(self.viewer.window._qt_window, "_save_current_window_settings"):
                self.viewer.close()
        self.viewer = None
        self._patches.undo()
        Application.destroy("kept_window")
        get_settings().reset()
        loop = QEventLoop()  # only a running event loop carries out deleteLater
        QTimer.singleShot(50, loop.quit)
        loop.exec()
        gc.collect()
        kept, left = len(QtViewer._instances), []
        QtViewer._instances.clear()
        if not self.failed:
            widgets, threads = self._before
            assert not kept, "the viewer of the window that tests shared is still there"
            left = wait_until_empty(lambda: new_widgets(self._app, widgets))
            assert not left, f"widgets left behind: {[(type(w).__name__, w.objectName()) for w in left]}"
            left = wait_until_empty(
                lambda: [x for x in new_threads(threads) if not x.name.startswith("pytest_timeout")]
            )
            assert not left, f"threads left running: {left}"


def ensure(make: Callable[[], KeptWindow]) -> None:
    """Open a window, where none is open that is as new."""
    if _OPEN and _OPEN[0].why:
        close()
    if not _OPEN:
        _OPEN.append(make())


def begin(file: Path) -> None:
    """See `KeptWindow.begin`."""
    _OPEN[0].begin(file)


def viewer_of_it() -> Any:
    """The viewer of the window that is open."""
    return _OPEN[0].viewer


def has(widget: Any) -> bool:
    """Whether a widget, as the list of a box, hangs on the window that is open."""
    mine = _OPEN[0].viewer.window._qt_window if _OPEN else None
    while widget is not None and widget is not mine:
        widget = widget.parent()
    return widget is not None


def end_of_test(qtbot: Any, failed: bool) -> list[str]:
    """Put the window back, or say why it will be closed before the next test."""
    _OPEN[0].failed = failed
    _OPEN[0].why = why = ["the test failed"] if failed else _OPEN[0].put_back(qtbot)
    return why


def close() -> None:
    """Close the window that is open, if any."""
    if _OPEN:
        _OPEN.pop().close()
