"""What stands on the sheet: keys of the window and of napari, and which of them clash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from napari.layers import Labels
from qtpy.QtGui import QKeySequence

from napari_uncertainseg.widgets.reading_bar.keys_sheet import texts
from napari_uncertainseg.widgets.reading_bar.part import HelpGroup, HelpLine
from napari_uncertainseg.widgets.shared import napari_internals

_NATIVE = QKeySequence.SequenceFormat.NativeText


@dataclass(frozen=True)
class ShownLine:
    """A line of the sheet.

    Attributes
    ----------
    keys
        Each as the user has it; empty for none.
    meaning
        What it does.
    warning
        With what it clashes; empty for nothing.
    """

    keys: tuple[str, ...]
    meaning: str
    warning: str = ""


@dataclass(frozen=True)
class ShownGroup:
    """Lines under one title."""

    title: str
    lines: tuple[ShownLine, ...]


def napari_groups() -> tuple[HelpGroup, ...]:
    """Those of napari's own keys that matter here, as the user has them now."""
    return tuple(
        HelpGroup(title, tuple(HelpLine(_keys_of(name), meaning) for name, meaning in words.items()))
        for title, words in texts.NAPARI_WORDS.items()
    )


def _keys_of(name: str) -> tuple[str, ...]:
    if ":" in name:
        return tuple(keys.toString(_NATIVE) for keys in napari_internals.listed_keys(name))
    # Undo and redo are no actions in napari's list, and have fixed keys.
    fixed = (key for key, command in Labels.class_keymap.items() if command.__name__ == name)
    return tuple(napari_internals.as_sequence(key).toString(_NATIVE) for key in fixed)


def shown_groups(groups: Sequence[HelpGroup], napari: Sequence[HelpGroup]) -> tuple[ShownGroup, ...]:
    """All lines, with a warning at keys that stand for more than one thing.

    Parameters
    ----------
    groups
        Of the window. Lines that are not bound, such as those of the mouse, clash with nothing.
    napari
        Napari's own keys: those may share a key among themselves, as they belong to different layers.
    """
    own = [line for group in groups for line in group.lines if line.bound]
    users: dict[str, list[tuple[HelpLine, bool]]] = defaultdict(list)
    for line, ours in (*((line, True) for line in own), *((ln, False) for g in napari for ln in g.lines)):
        for key in line.keys:
            users[key].append((line, ours))

    def shown(line: HelpLine, *, clashes: bool, ours: bool) -> ShownLine:
        others = (other for key in line.keys for other in users[key])
        named = [other.meaning for other, its in others if other is not line and (ours or its)]
        return ShownLine(line.keys, line.meaning, texts.clash(named) if named and clashes else "")

    return (
        *(
            ShownGroup(g.title, tuple(shown(line, clashes=line.bound, ours=True) for line in g.lines))
            for g in groups
        ),
        *(
            ShownGroup(g.title, tuple(shown(line, clashes=True, ours=False) for line in g.lines))
            for g in napari
        ),
    )


def matching(groups: Iterable[ShownGroup], wanted: str) -> tuple[ShownGroup, ...]:
    """The lines that hold each of some words, in a key, in their text or in their group's title."""
    words = wanted.casefold().split()

    def holds(line: ShownLine, title: str) -> bool:
        text = " ".join((*line.keys, line.meaning, line.warning, title)).casefold()
        return all(word in text for word in words)

    kept = (ShownGroup(g.title, tuple(each for each in g.lines if holds(each, g.title))) for g in groups)
    return tuple(group for group in kept if group.lines)


def count_clashes(groups: Iterable[ShownGroup]) -> int:
    """How many keys stand for more than one thing."""
    clashing = [key for group in groups for line in group.lines if line.warning for key in line.keys]
    return len({key for key in clashing if clashing.count(key) > 1})
