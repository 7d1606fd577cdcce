"""The keys of the docks: listed in napari's Preferences > Shortcuts, and at work in the whole window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QApplication, QMainWindow

from napari_uncertainseg.widgets.dock_description import LISTED_AS, Dock, KeyAction
from napari_uncertainseg.widgets.open_docks import OpenDocks
from napari_uncertainseg.widgets.reading_bar.part import HelpGroup, HelpLine, Part, PartWidget
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import TYPED_INTO, notice

if TYPE_CHECKING:
    from napari import Viewer

_PREFIX = "napari-uncertainseg:"
_QUESTION_MARK = "Shift+/"
"""How napari writes ``?``, which is on another key on most keyboards."""
_QUESTION_MARKS = tuple(map(QKeySequence, (_QUESTION_MARK, "?", "Shift+?")))
_SAID_AGAIN_AFTER = 3.0
"""Seconds in which a sentence is said once: a key that is held would say it over and over."""


def list_keys(owners: Iterable[Dock | Part]) -> dict[str, tuple[str, KeyAction]]:
    """List the keys of docks and bar parts in napari's `Preferences > Shortcuts`. May be called again.

    napari 0.9.2 warns at its start of a key that the user has changed while the action is not listed yet,
    as long as this plugin has not been opened: who makes a viewer calls this first.

    Returns
    -------
    dict
        The key of its owner and the action, by name in napari's list.
    """
    actions = {f"{_PREFIX}{action.name}": (owner.key, action) for owner in owners for action in owner.keys}
    for name, (_, action) in actions.items():
        listed = f"{LISTED_AS}{action.meaning}"
        napari_internals.list_key(name, listed, action.key, _command(name))
    return actions


class WindowKeys(QObject):
    """Shortcuts of one window, with the keys that napari's list has for them.

    napari presses its own keys only while the canvas, or something that lets keys pass, has the focus: the
    list of lesions would swallow them. So these are Qt's shortcuts, which work wherever the focus is.

    Parameters
    ----------
    window
        Where they work.
    owners
        Whose keys these are.
    opened
        The docks that are open, and the parts of the bar. With none open, no key does anything.
    open_dock
        Opens a dock by its key: a key opens its dock.
    """

    changed = Signal()
    """The user has changed a key."""

    def __init__(
        self,
        window: QMainWindow,
        owners: Iterable[Dock | Part],
        opened: OpenDocks,
        open_dock: Callable[[str], None] = lambda key: None,
    ) -> None:
        super().__init__(window)
        self._window, self._opened, self._open_dock = window, opened, open_dock
        self._said: tuple[str, float] = "", 0.0
        owners = tuple(owners)
        self._closed = {owner.key: owner.closed for owner in owners if isinstance(owner, Dock)}
        self._titles = {owner.key: owner.title for owner in owners}
        self._always = {owner.key for owner in owners if isinstance(owner, Part) and owner.works_in_exercise}
        self._actions = list_keys(owners)
        self._shortcuts: dict[str, list[tuple[QShortcut, tuple[Any, ...]]]] = {}
        for name in self._actions:
            self._bind(name)
        self._stop_listening: Callable[[], None] = napari_internals.listen_to_keys(
            self._on_changed, self._on_settings
        )

    def listed(self) -> dict[str, str]:
        """The keys of each action as the user has them now, such as ``"Shift+N"``; empty for none."""
        return {action.name: _shown(name) for name, (_, action) in self._actions.items()}

    def help(self) -> tuple[HelpGroup, ...]:
        """All keys as the user has them now, by their owner, and what parts of the bar add to them."""
        lines: dict[str, list[HelpLine]] = {}
        for name, (owner, action) in self._actions.items():
            line = HelpLine(tuple(_native(name)), action.meaning, bound=True)
            lines.setdefault(owner, []).append(line)
        own = (HelpGroup(self._titles[owner], tuple(found)) for owner, found in lines.items())
        added = (group for part in self._opened.parts.values() for group in part.help())
        return (*own, *added)

    def press(self, name: str) -> None:
        """Do what a key stands for: in its dock, or in one that takes all keys, as during an exercise.

        A dock that is closed is opened for it. Where nothing can be done now, it is said why.
        """
        if isinstance(QApplication.focusWidget(), TYPED_INTO) or not self._opened.widgets:
            return
        key, action = self._actions[name]
        widget = self._taker(key)
        if widget is None and not self._closed.get(key):
            self._open_dock(key)
            widget = self._taker(key)
        why_not = self._closed.get(key, "") if widget is None else widget.why_not(action.name)
        if why_not:
            self._say(why_not)
        elif widget is not None:
            widget.act(action.name)

    def _taker(self, key: str) -> DockWidget | PartWidget | None:
        """Who takes a key of an owner now; None where its dock is closed."""
        taker = next((widget for widget in self._opened.widgets if widget.takes_all_keys), None)
        own, part = self._opened.get(key), self._opened.parts.get(key)
        if part is not None and (taker is None or key in self._always):
            return part
        return taker or (None if own is None else own.widget)

    def _say(self, sentence: str) -> None:
        before, when = self._said
        if sentence != before or monotonic() - when > _SAID_AGAIN_AFTER:
            self._said = sentence, monotonic()
            show_info(notice(sentence))

    def _bind(self, name: str) -> None:
        self._unbind(name)
        for sequence in napari_internals.listed_keys(name):
            same = _QUESTION_MARKS if sequence.toString() == _QUESTION_MARK else (sequence,)
            for each in same:
                shortcut = QShortcut(each, self._window)
                shortcut.setAutoRepeat(self._actions[name][1].repeats)
                # A keyboard that knows ? by two of its names presses both.
                heard = (shortcut.activated, shortcut.activatedAmbiguously)[: 1 + (same is _QUESTION_MARKS)]
                for signal in heard:
                    signal.connect(partial(self.press, name))
                self._shortcuts.setdefault(name, []).append((shortcut, heard))

    def _unbind(self, name: str) -> None:
        for shortcut, heard in self._shortcuts.pop(name, []):
            for signal in heard:
                signal.disconnect()
            shortcut.setEnabled(False)
            shortcut.deleteLater()

    def _on_changed(self, event: Any) -> None:
        if event.name in self._actions:
            self._bind(event.name)
            self.changed.emit()

    def _on_settings(self, event: Any = None) -> None:
        for name, (_, action) in self._actions.items():
            napari_internals.restore_key(name, action.key)

    def cleanup(self) -> None:
        """Unbind all keys. May be called twice."""
        self._stop_listening()
        for name in list(self._shortcuts):
            self._unbind(name)


def _shown(name: str) -> str:
    return " / ".join(_native(name))


def _native(name: str) -> list[str]:
    native = QKeySequence.SequenceFormat.NativeText
    return [
        "?" if keys.toString() == _QUESTION_MARK else keys.toString(native)
        for keys in napari_internals.listed_keys(name)
    ]


def _command(name: str) -> Callable[[Viewer], None]:
    def press(viewer: Viewer) -> None:
        window = napari_internals.main_window(napari_internals.unwrapped(viewer))
        keys = window.findChild(WindowKeys)
        if isinstance(keys, WindowKeys):
            keys.press(name)

    press.__name__ = name.removeprefix(_PREFIX)
    return press
