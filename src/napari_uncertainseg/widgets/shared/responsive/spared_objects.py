"""What is loaded once is not looked at again each time that Python collects garbage.

With torch, napari and all else loaded there are a million objects, which a full collection goes through one
by one: a third of a second, in which the window stands still. napari asks for one whenever a layer is
removed, and Python by itself now and then, in whichever thread makes objects. Of what is loaded before the
first scan, or by the first run, nothing can go while the window is open.

What goes is collected a moment after layers have gone or a prediction has come, when nobody is kept waiting;
in between Python does so a tenth as often by itself, because that would fall into whatever the reader does.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_uncertainseg.case import Case

_AGAIN_MS = 1000
_TIDY_MS = 1500
_RARELY = 100
"""Collections of the middle generation between two full ones; 10 as Python has it."""
_SPARING = "uncertainseg spares objects"
"""Property of the application, which all its windows share."""
_TIMES = 10
"""Models and docks are loaded in the background at first, and a layer that was closed goes a little later."""


class SparedObjects:
    """Spares the collector all that is there while the window holds no layer, and once after the first run.

    What is spared is counted as usual, and so is all that comes later: scans and layers go as ever. Those of
    the first case are looked at again as soon as it is closed, and everything is once the window closes. Of
    several windows the first one spares, what the others have open too; when one of these closes a layer or
    itself, everything is looked at again, until the first one closes its next case.

    Parameters
    ----------
    viewer, case
        Of the window.
    """

    def __init__(self, viewer: ViewerModel, case: Case) -> None:
        self._viewer, self._case = viewer, case
        self._layers: WeakSet[Layer] = WeakSet()
        self._left = 0
        self._run_before = self._run_ended = self._of_run = self._stale = self._had_layers = False
        self._timer = QTimer()
        self._timer.setInterval(_AGAIN_MS)
        self._timer.timeout.connect(self._spare)
        self._tidy = QTimer()
        self._tidy.setSingleShot(True)
        self._tidy.setInterval(_TIDY_MS)
        self._tidy.timeout.connect(self._collect)
        self._thresholds = gc.get_threshold()
        self._connections = Connections()
        self._holds = not gc.get_freeze_count()
        """Another window may spare its own already; it would be looked at again with ours."""
        if self._holds:
            gc.set_threshold(*self._thresholds[:2], max(self._thresholds[2], _RARELY))
            self._layers.update(viewer.layers)
            events = viewer.layers.events
            self._connections.connect(events.inserting, self._on_inserting)
            self._connections.connect(events.inserted, self._on_inserted)
            self._connections.connect(events.removed, self._on_removed)
            self._connections.connect(case.prediction_changed, self._on_prediction)
            _say_that_one_spares(True)
            self._on_removed()
            self._spare()
        else:
            self._connections.connect(viewer.layers.events.removed, self._unspare)

    def _unspare(self, event: Any = None) -> None:
        """Have all looked at: the other window may have spared what this one has just closed."""
        if _one_spares():
            gc.unfreeze()

    def _spare(self) -> None:
        if self._tidy.isActive() and self._stale:
            return  # the case goes a moment after its last layer: all is looked at once, after both
        self._left -= 1
        if self._holds:
            looked = self._look_again()
            if not self._layers:  # none is there, and none waits to be collected
                if self._had_layers and not looked:
                    gc.collect()  # what was left of a case would be spared with the rest, case after case
                gc.freeze()
        if self._left <= 0:
            self._timer.stop()

    def _collect(self) -> None:
        """Collect what has gone, and spare what the first run has loaded, until its case is closed."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:  # in the middle of a stroke
            self._tidy.start()
            return
        if not self._look_again():
            gc.collect()
        elif not self._layers and not self._viewer.layers:
            gc.freeze()  # or all would be looked at once more a moment later
        if self._run_ended and self._case.original is not None:
            self._run_ended, self._of_run = False, True
            gc.freeze()

    def _look_again(self) -> bool:
        """Collect also what was spared with a case that has gone; False where there is no such."""
        if not self._stale:
            return False
        self._stale = self._of_run = False
        gc.unfreeze()
        gc.collect()
        return True

    def _on_inserting(self, event: Any) -> None:
        if self._timer.isActive():  # napari lets events come before a layer is there
            self._timer.stop()
            self._tidy.start()

    def _on_inserted(self, event: Any) -> None:
        self._had_layers = True
        self._layers.add(event.value)
        if self._tidy.isActive():  # layers of a run come one by one
            self._tidy.start()

    def _on_removed(self, event: Any = None) -> None:
        self._tidy.start()
        if not self._viewer.layers:
            self._tidy.stop()
            self._stale |= self._of_run
            self._left = _TIMES
            self._timer.start()

    def _on_prediction(self) -> None:
        self._stale |= self._of_run
        if self._case.original is not None and not self._run_before:
            self._run_before = self._run_ended = True
        self._tidy.start()

    def cleanup(self) -> None:
        """Let the collector look at everything again. May be called twice."""
        self._timer.stop()
        self._tidy.stop()
        self._connections.disconnect_all()
        if self._holds:
            self._holds = False
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()
            _say_that_one_spares(False)
        self._unspare()


def _say_that_one_spares(spares: bool) -> None:
    if (app := QApplication.instance()) is not None:
        app.setProperty(_SPARING, spares)


def _one_spares() -> bool:
    """Whether a window of this program spares; what others than we have frozen is not ours to look at."""
    app = QApplication.instance()
    return app is not None and bool(app.property(_SPARING))
