"""Compare: flips through the scans of one place, shows them side by side, and opens the last visit."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from napari.layers import Layer
from napari.utils.history import get_open_history, update_open_history
from napari.utils.notifications import show_info, show_warning
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QToolButton

from napari_uncertainseg.images.visits import OtherVisit
from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.reading_bar.compare import texts
from napari_uncertainseg.widgets.reading_bar.compare.cell_outlines import CellOutlines
from napari_uncertainseg.widgets.reading_bar.compare.flip import Flip
from napari_uncertainseg.widgets.reading_bar.compare.last_visit import LastVisit
from napari_uncertainseg.widgets.reading_bar.compare.scans import ComparedScans
from napari_uncertainseg.widgets.reading_bar.compare.side_by_side import SideBySide
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import ask_dataset
from napari_uncertainseg.widgets.shared.form_helpers import (
    add_action,
    notice,
    plain_tooltip,
    set_menu_button_text,
)

_ARRANGEMENT = "side by side"
_LONGEST = 24
"""Characters of a scan's name in the bar: it has to fit beside the other parts."""

_ON_AMBER = "QToolButton { background-color: #ffb833; color: black; }"


class ComparePart(PartWidget):
    """One button that says which scan is shown; a click shows the next one, its menu has all else.

    Parameters
    ----------
    context
        What the parts share.

    Attributes
    ----------
    scans, flip, side, visit
        The scans, and what is done with them.
    button, cancel
        The buttons.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._context = context
        viewer, review = context.viewer, context.review
        self.scans = ComparedScans(viewer, review.layers, review.case)
        self.flip = Flip(viewer, self.scans)
        self.side = SideBySide(viewer, self.scans, CellOutlines(viewer, review.layers))
        self.visit = LastVisit(viewer, context.window, self)
        self._found: list[OtherVisit] = []
        self._keys: dict[str, str] = {}
        self._over = self.scans.main()
        self._looked: Callable[[], Layer | None] = lambda: None  # what is closed is not kept
        self._closed = False
        self._build()
        self._connections = Connections(
            (self.scans.changed, self._on_scans),
            (review.case.prediction_changed, self._on_case),
            (review.layers.blinding_changed, self._on_blinded),
            (review.layers.results.came, self._on_scans),
            (self.visit.opened, self._on_opened),
            (self.visit.failed, self._tell),
            (self.visit.told, self._on_told),
            (self.visit.found, self._on_found),
        )
        self._on_scans()

    def _build(self) -> None:
        self.button, self.cancel, self.menu = QToolButton(), QToolButton(), QMenu(self)
        self.button.setObjectName("compare-scan")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.button.setMenu(self.menu)
        self.button.clicked.connect(self._on_click)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.menu.triggered.connect(self._on_chosen)
        self._does: list[Callable[[], object]] = []
        self.cancel.setText(texts.CANCEL)
        self.cancel.clicked.connect(self.visit.cancel)
        self.cancel.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self.button)
        row.addWidget(self.cancel)

    def _on_click(self) -> None:
        self.act("flip_next")

    # -- keys and menu --------------------------------------------------------------------------

    def act(self, action: str) -> None:
        """Flip to the next scan or back, or lay the scans side by side and end this again."""
        if self._context.viewer.dims.ndisplay != 2:
            self._tell(texts.IN_3D)
            return
        if action == "side_by_side":
            self.toggle_side()
            return
        if len(self.scans.all()) < 2:
            self._tell(texts.too_few(len(self.scans.all())))
            return
        self._leave_side()
        self.flip.step(1 if action == "flip_next" else -1)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys in menu and tooltip."""
        self._keys = dict(keys)
        next_key = keys.get("flip_next", "")
        self.button.setToolTip(plain_tooltip(f"{texts.TIP}\n\nKey: {next_key}" if next_key else texts.TIP))

    def fill_menu(self) -> None:
        """Offer what can be done now."""
        self.menu.clear()
        self._does.clear()
        scans, shown = self.scans.all(), self.scans.shown()
        for index, scan in enumerate(scans):
            action = self._offer(_plain(scan.title), partial(self._show, index))
            action.setCheckable(True)
            action.setChecked(scan is shown and not self.side.active)
        self.menu.addSeparator()
        for text, name in ((texts.NEXT, "flip_next"), (texts.BEFORE, "flip_back")):
            self._add(text, name).setEnabled(len(scans) > 1)
        side = self._add(texts.SIDE, "side_by_side")
        side.setCheckable(True)
        side.setChecked(self.side.active)
        side.setEnabled(len(scans) > 1)
        side.setToolTip(plain_tooltip(texts.SIDE_TIP))
        self.menu.addSeparator()
        self._offer_visits()

    def _offer_visits(self) -> None:
        may = not self.visit.busy and not self._context.review.layers.blinded
        if self._found:
            self.menu.addSection(texts.FOUND)
        for index, found in enumerate(self._found[:6]):
            last = index == 0 and found.when == "earlier"
            text = _plain(texts.offer(found.name.words, found.when, last))
            self._offer(text, partial(self.open_visit, found.path)).setEnabled(may)
        for text, ask in ((texts.OPEN_SCAN, self._ask_scan), (texts.OPEN_RESULTS, self._ask_folder)):
            action = self._offer(text, ask)
            action.setEnabled(may)
            action.setToolTip(plain_tooltip(texts.OPEN_TIP))
        if self.visit.layer() is not None:
            self._offer(texts.CLOSE, self.visit.close)

    def _offer(self, text: str, do: Callable[[], object]) -> QAction:
        """An entry; not each is connected: that would hold the window."""
        action = add_action(self.menu, text)
        action.setData(len(self._does))
        self._does.append(do)
        return action

    def _on_chosen(self, action: QAction) -> None:
        self._does[action.data()]()

    def _add(self, text: str, name: str) -> QAction:
        key = self._keys.get(name, "")
        return self._offer(f"{text}\t{key}" if key else text, partial(self.act, name))

    def _show(self, index: int) -> None:
        self._leave_side()
        self.flip.show(index)

    # -- side by side ---------------------------------------------------------------------------

    def toggle_side(self) -> None:
        """Lay the scans side by side, or show one again."""
        if self.side.active:
            self._leave_side()
        elif len(self.scans.all()) < 2:
            self._tell(texts.too_few(len(self.scans.all())))
        else:
            self._context.arrangement.claim(_ARRANGEMENT, self._end_side)
            self.flip.named = False
            self.side.begin()
            self.flip.update()
            self._say()

    def _leave_side(self) -> None:
        self._end_side()
        self._context.arrangement.release(_ARRANGEMENT)

    def _end_side(self) -> None:
        self.side.end()
        self.flip.named = True
        self.flip.update()
        self._say()

    # -- the last visit -------------------------------------------------------------------------

    def open_visit(self, path: Path) -> None:
        """Open a scan of another visit, or the scan of a folder of results, to compare with."""
        over = self.scans.main()
        if self._context.review.layers.blinded:
            self._tell(texts.IN_EXERCISE)
        elif over is None:
            self._tell(texts.NO_SCAN)
        else:
            self._over = over
            self.visit.open(path, over)

    def _ask_scan(self) -> None:
        start = get_open_history()[0]
        chosen, _ = QFileDialog.getOpenFileName(self._context.window, texts.OPEN_SCAN, start, texts.KINDS)
        if chosen:
            update_open_history(chosen)
            self.open_visit(Path(chosen))

    def _ask_folder(self) -> None:
        folder = ask_dataset(self._context.window, texts.OPEN_RESULTS)
        if folder is not None:
            self.open_visit(folder)

    def _on_opened(self, layer: object, said: str) -> None:
        """Say so. The reader may review by now: nothing but a key or the menu changes the picture."""
        key = self._keys.get("flip_next", "")
        show_info(notice(said if self.side.active else texts.ready(key, said)))
        self._say()

    def _on_told(self, text: str) -> None:
        self.cancel.setVisible(bool(text))
        self._say(text)

    def _on_found(self, found: list[OtherVisit]) -> None:
        self._found = found

    # -- what changes around it -----------------------------------------------------------------

    def _on_scans(self) -> None:
        main = self.scans.main()
        if main is not self._over and not self._context.review.layers.blinded:
            self._over, self._found = main, []
            self.visit.cancel()
            self.visit.close()  # it was laid over another scan
        if main is not None and main is not self._looked():
            self._looked = weakref.ref(main)
            self.visit.look_beside(main)
        if self.side.active:
            self.side.follow()
            if not self.side.active:
                self._leave_side()
        self._say()

    def _on_case(self) -> None:
        if self._context.review.case.prediction is None:
            self.visit.cancel()
            self.visit.close()

    def _on_blinded(self) -> None:
        if self._context.review.layers.blinded:
            self.visit.cancel()
        else:
            self._on_scans()  # the exercise may have left another scan

    def _say(self, working: str = "") -> None:
        foreign = [scan.title for scan in self.scans.foreign()]
        shown = self.scans.shown()
        if working:
            text = working
        elif self.side.active:
            text = texts.in_bar(foreign[0]) if foreign else texts.beside([s.title for s in self.scans.all()])
        elif shown is not None and not shown.of_case:
            text = texts.in_bar(shown.title)
        else:
            text = texts.NOTHING if shown is None else texts.title(shown.title)
        amber = not working and text.startswith(texts.in_bar(""))
        self.button.setStyleSheet(_ON_AMBER if amber else "")
        short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        set_menu_button_text(self.button, _plain(short))

    def _tell(self, message: str) -> None:
        show_warning(notice(message))

    def cleanup(self) -> None:
        """Put canvas and layers back, and take the other visit out. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._connections.disconnect_all()
        self._leave_side()
        self.side.complete()
        self.side.forget_owed()
        self.flip.cleanup()
        self.visit.cleanup()
        self.scans.cleanup()
        self.menu.clear()
        self._does.clear()  # they hold on to this


def _plain(text: str) -> str:
    """A text in which no letter is taken for a key."""
    return text.replace("&", "&&")


PART = Part(
    "compare",
    ComparePart,
    (
        KeyAction("flip_next", "J", "Show the next scan at the same place: FLAIR, T1, T2, last visit."),
        KeyAction("flip_back", "Shift+J", "Show the scan before."),
        KeyAction("side_by_side", "Shift+S", "Show all scans side by side, or one again."),
    ),
    works_in_exercise=True,
)
