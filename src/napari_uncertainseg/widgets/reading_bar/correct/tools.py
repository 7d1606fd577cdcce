"""Which tool is in hand, what each does, and when none may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QApplication, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.lesions.editing.brush import usual_level
from napari_uncertainseg.lesions.editing.morphology import smallest_side
from napari_uncertainseg.review.correcting.outlines import Corrected, Outlines
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.layers.by_reader.lesion_picking import LesionPicking
from napari_uncertainseg.widgets.layers.correcting.pointer import Pointer
from napari_uncertainseg.widgets.layers.correcting.preview import Preview
from napari_uncertainseg.widgets.layers.result_layers import LESIONS
from napari_uncertainseg.widgets.reading_bar.correct import texts
from napari_uncertainseg.widgets.reading_bar.correct.bench import Bench
from napari_uncertainseg.widgets.reading_bar.correct.hands import (
    BrushHand,
    ClickHand,
    PairHand,
    SplitHand,
    ToolHand,
)
from napari_uncertainseg.widgets.reading_bar.correct.row import ToolRow
from napari_uncertainseg.widgets.reading_bar.correct.settings import scan_range
from napari_uncertainseg.widgets.reading_bar.part import BarContext
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import TYPED_INTO
from napari_uncertainseg.widgets.shared.responsive.turns import Soon


class Tools(QObject):
    """The tools of one window, and their row.

    Parameters
    ----------
    context
        What the parts of the reading bar share.
    """

    taken = Signal(str)
    """The key of the tool that is in hand now; empty for none."""

    def __init__(self, context: BarContext) -> None:
        super().__init__(context.window)
        self._context, self._case = context, context.review.case
        self._layers, self._viewer = context.review.layers, context.viewer
        self.row = ToolRow(context.window)
        self.bench = Bench(self._case, self._layers, self.row.said.setText)
        self.active = ""
        self._locked = context.review.case.review.locked
        self._hand: ToolHand | None = None
        self._pointer: Pointer | None = None
        self._of_scan: object = None
        self._soon = Soon()
        self._picking = LesionPicking(self._viewer, lambda: self._layers.results.outlines, self._pick)
        self._enter = [self._key(key, self._accept) for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)]
        self._keys = [self._key(Qt.Key.Key_Escape, self.step_back), *self._enter]
        self._connections = Connections(
            (self._case.prediction_changed, self._on_prediction),
            (self._case.verdicts_changed, self._on_other_review),
            (self._case.stepped, self._on_stepped),
            (self._layers.blinding, self.leave),
            (self._viewer.dims.events.ndisplay, self._on_turned),
            (self._viewer.layers.selection.events.active, self._on_active),
            (self._viewer.layers.events.removed, self._on_removed),
            (self.row.chosen, self.use),
            (self.row.brush.level_moved, self._show_level),
            (self.row.click.turned, self._turn),
            (self.row.click.taken, self._accept),
            (self._layers.results.came, self._on_came),
            (cast(QApplication, QApplication.instance()).focusChanged, self._on_focus),
        )
        self._on_prediction()

    def _key(self, key: Qt.Key, act: Callable[[], object]) -> QShortcut:
        shortcut = QShortcut(QKeySequence(key), self._context.window)
        shortcut.activated.connect(act)
        shortcut.setEnabled(False)  # napari and the docks have them while no tool is in hand
        return shortcut

    # -- what may be done ---------------------------------------------------------------------

    @property
    def why_not(self) -> str:
        """Why no tool can be used now; empty where one can."""
        if why := self._case.review.locked:
            return why
        if self._layers.blinded or self._context.review.keeper.busy:
            return texts.EXERCISE
        results = self._layers.results
        if self._case.lesions is None or results.placing is None or results.coming:
            return texts.NOTHING
        return texts.IN_3D if self._viewer.dims.ndisplay != 2 else ""

    def use(self, key: str) -> None:
        """Use a tool that acts at once, or take one in hand; one that is there already is put away."""
        self.row.said.setText(self.why_not)
        if self.why_not:
            self.leave()
        elif not texts.TOOLS[key].hint:
            self._try(lambda: self._act(key))
        elif key == self.active:
            self.leave()
        else:
            self._take(key)
        self.row.show_tool(self.active)

    def _act(self, key: str) -> None:
        """Grow, shrink or fill the selected lesion; nobody corrects what is hidden: the next press does."""
        if self._layers.results.reveal():
            return
        number, outlines = self.bench.selected, self.bench.outlines
        if number <= 0:
            raise InputError(texts.CANDIDATE if number else texts.NONE_SELECTED)
        distance = self.row.distance.value()
        axis = self.bench.axis if self.row.holes.currentText() == texts.SLICES else None
        made: dict[str, Callable[[], Corrected]] = {
            "grow": lambda: outlines.grow(number, distance),
            "shrink": lambda: outlines.shrink(number, distance),
            "fill": lambda: outlines.fill(number, axis),
        }
        self.bench.apply(outlines, made[key]())

    def _pick(self, number: int) -> None:
        """Select the lesion (> 0) or candidate (< 0) that was clicked on with no tool in hand."""
        lesions = self._case.lesions
        if self.why_not or lesions is None:
            return
        if (voxel := lesions.voxel_of(number)) is not None:
            self._case.select(voxel)

    # -- a tool in hand -----------------------------------------------------------------------

    def _take(self, key: str) -> None:
        self._let_go()
        placing = self._layers.results.placing
        if placing is None:
            return
        self._layers.results.bring_back()
        self._put_napari_away()
        if self.bench.preview is None:  # it stays from tool to tool
            self.bench.preview = Preview(self._viewer, placing)
            self._soon.add(self.bench.preview.come)
        self._hand = self._made(key)
        self._pointer = Pointer(self._viewer, self._layers.results, _Careful(self._hand, self._try))
        self.active = key
        for shortcut in self._keys:
            shortcut.setEnabled(True)
        self._on_focus(None, QApplication.focusWidget())
        self.taken.emit(key)

    def _made(self, key: str) -> ToolHand:
        if key == "brush":
            self._begin_level()
            return BrushHand(self.bench, lambda: self.row.brush.chosen)
        if key == "click":
            return ClickHand(self.bench, self.row.click.said.setText)
        if key == "split":
            return SplitHand(self.bench)
        if key == "merge":
            return PairHand(self.bench, self._merged)
        return PairHand(self.bench, self._interpolated)

    def _merged(self, outlines: Outlines, first: int, second: int) -> Corrected:
        return outlines.merge(first, second, self.row.gap.value())

    def _interpolated(self, outlines: Outlines, first: int, second: int) -> Corrected:
        return outlines.interpolate(first, second, self.bench.axis)

    def _put_napari_away(self) -> None:
        """Two tools in hand would paint twice: napari's own is put away, and ours when it is taken."""
        layer = self._layers.results.get(LESIONS)
        if layer is not None:
            self._viewer.layers.selection.active = layer
            layer.mode = "pan_zoom"
            layer.events.mode.connect(self._on_mode)

    def _on_mode(self, event: object = None) -> None:
        layer = self._layers.results.get(LESIONS)
        if layer is not None and layer.mode != "pan_zoom":
            self.leave()

    def leave(self) -> None:
        """Put the tool away. May be called twice."""
        self._let_go()
        self._soon.drop()
        preview, self.bench.preview = self.bench.preview, None
        if preview is not None:
            preview.remove()
        if self.active:
            self.active = ""
            self.row.show_tool("")
            self.taken.emit("")

    def _let_go(self) -> None:
        if self._hand is not None:
            self._hand.drop()
        if self._pointer is not None:
            self._pointer.cleanup()
        layer = self._layers.results.get(LESIONS)
        if layer is not None:
            layer.events.mode.disconnect(self._on_mode)
        self._hand = self._pointer = None
        for shortcut in self._keys:
            shortcut.setEnabled(False)

    def step_back(self) -> None:
        """Drop what was begun, or else put the tool away."""
        if self._hand is None:
            return
        begun = self._pointer is not None and self._pointer.give_up()
        if not self._hand.drop() and not begun:
            self.row.said.setText("")
            self.leave()

    def _accept(self) -> None:
        if self._hand is not None and not self._layers.results.reveal():
            self._try(self._hand.accept)

    def _turn(self, notches: float) -> None:
        if self._hand is not None:
            self._hand.turn(notches)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except InputError as error:
            self.bench.show()
            self.row.said.setText(str(error))

    def _on_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        """Leave Enter to a field that is typed into: without it no number there would be taken."""
        for shortcut in self._enter:
            shortcut.setEnabled(self._hand is not None and not isinstance(now, TYPED_INTO))

    # -- what happens around it ---------------------------------------------------------------

    def _on_prediction(self) -> None:
        self.leave()
        self.row.said.setText("")  # it was said of the case before
        grid = self._case.grid
        if grid is not None:  # one voxel in the slice as scans are acquired: thick slices are not a step
            axis = max(range(3), key=lambda i: grid.spacing[i])
            self.row.distance.setValue(round(smallest_side(grid.spacing, axis), 2))

    def _on_stepped(self, _what: str) -> None:
        """What was said of a correction holds no longer: it was taken back, or others were since."""
        self.row.said.setText("")

    def _on_other_review(self) -> None:
        """Put the tool away where a session begins to be played back; say no longer that one is, after it."""
        locked = self._case.review.locked
        if locked:
            self._locked = locked
            self.leave()
        elif self._locked:
            self._locked = ""
            self.row.said.setText("")

    def _on_turned(self, event: object = None) -> None:
        if self._viewer.dims.ndisplay != 2:
            self.leave()

    def _on_active(self, event: object = None) -> None:
        """Something else is drawn, such as a ruler: the mouse is for that."""
        active = self._viewer.layers.selection.active
        drawn = active is not None and not active.mouse_pan
        if self.active and drawn and active is not self._layers.results.get(LESIONS):
            self.leave()

    def _on_came(self) -> None:
        """Take over the layer of lesions that was brought back, where the user had removed it."""
        if self.active:
            self._put_napari_away()
            self.row.said.setText(texts.BACK)

    def _on_removed(self, event: Any) -> None:
        if self.active and self._layers.results.get(LESIONS) in (None, event.value):
            self.row.said.setText(texts.REMOVED)
        preview = self.bench.preview
        if preview is not None and preview.gone:
            self.leave()

    def _begin_level(self) -> None:
        """Begin with a brightness between brain and lesions, once for each scan."""
        scan, prediction, lesions = self.bench.scan, self._case.prediction, self._case.lesions
        self.row.brush.allow_level(scan is not None)
        if scan is None or prediction is None or lesions is None or scan is self._of_scan:
            return
        self._of_scan = scan
        level = usual_level(scan, lesions.labels > 0, prediction.brain > 0)
        self.row.brush.begin(*scan_range(scan, prediction.brain), level)

    def _show_level(self) -> None:
        if isinstance(self._hand, BrushHand):
            self._hand.show_level()

    def cleanup(self) -> None:
        """Put the tool away, and take the row out of the window. May be called twice."""
        self.leave()
        self._picking.cleanup()
        self._connections.disconnect_all()
        for shortcut in self._keys:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._keys, self._enter = [], []
        self.row.cleanup()


class _Careful:
    """A hand whose errors become a sentence for the reader."""

    def __init__(self, hand: ToolHand, attempt: Callable[[Callable[[], object]], None]) -> None:
        self._hand, self._try = hand, attempt

    @property
    def takes_wheel(self) -> bool:
        return self._hand.takes_wheel

    def hover(self, voxel: Voxel) -> None:
        self._try(lambda: self._hand.hover(voxel))

    def press(self, voxel: Voxel) -> None:
        self._try(lambda: self._hand.press(voxel))

    def drag(self, voxel: Voxel) -> None:
        self._try(lambda: self._hand.drag(voxel))

    def release(self, voxel: Voxel, *, still: bool) -> None:
        self._try(lambda: self._hand.release(voxel, still=still))

    def cut_short(self) -> None:
        self._try(self._hand.cut_short)

    def turn(self, notches: float) -> None:
        self._try(lambda: self._hand.turn(notches))
