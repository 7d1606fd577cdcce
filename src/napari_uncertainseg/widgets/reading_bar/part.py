"""What a part of the reading bar is to the window: its keys, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMainWindow, QWidget

from napari_uncertainseg.widgets.dock_description import KeyAction, ReviewContext
from napari_uncertainseg.widgets.reading_bar.arrangement import Arrangement
from napari_uncertainseg.widgets.reading_bar.measure.measured import Measured

if TYPE_CHECKING:
    from napari import Viewer


@dataclass(frozen=True)
class HelpLine:
    """A line of the sheet of keys.

    Attributes
    ----------
    keys
        Each a key or what the mouse does, as the user has it now, such as ``"Shift+N"``; empty for none.
    meaning
        What it does.
    bound
        Whether the window binds these keys, so that no other action may have them.
    """

    keys: tuple[str, ...]
    meaning: str
    bound: bool = False


@dataclass(frozen=True)
class HelpGroup:
    """Lines of the sheet of keys under one title."""

    title: str
    lines: tuple[HelpLine, ...]


class PartWidget(QWidget):
    """Content of a part. The bar calls these hooks of every part and knows no part by name."""

    def act(self, action: str) -> None:
        """Do what a key of `Part.keys` stands for."""

    def why_not(self, action: str) -> str:
        """Why a key would do nothing now, in one sentence that is shown; empty where `act` does or says it.

        Asked before each `act` of a key.
        """
        return ""

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys of the window as the user has them now, by action; empty where one has no key."""

    def help(self) -> tuple[HelpGroup, ...]:
        """What the sheet of keys shows beside the keys of `Part.keys`, such as what the mouse does now."""
        return ()

    def cleanup(self) -> None:
        """Undo what was changed in viewer and window, and disconnect from them. May be called twice."""


@dataclass(frozen=True, eq=False)
class BarContext:
    """What the parts of one window share.

    Attributes
    ----------
    review
        What the docks share, too.
    viewer, window
        napari's.
    help
        All keys of the window as the user has them now, and what its parts add.
    arrangement
        Claimed by the part that lays canvases side by side: one at a time.
    measured
        Rulers and regions of the scan under review, which are part of the result.
    """

    review: ReviewContext
    viewer: Viewer
    window: QMainWindow
    help: Callable[[], tuple[HelpGroup, ...]] = tuple
    arrangement: Arrangement = field(default_factory=Arrangement)
    measured: Measured = field(default_factory=Measured)


@dataclass(frozen=True)
class Part:
    """A part of the reading bar. Each part's folder has one, called ``PART``.

    Attributes
    ----------
    key
        Its name in programs.
    make
        Makes its content.
    keys
        What keys do in it.
    works_in_exercise
        Whether its keys work while an exercise or a replay takes the keys of all docks: where they show
        nothing that is hidden from a trainee.
    name
        Above its keys in the sheet of keys; its key where it is empty.
    """

    key: str
    make: Callable[[BarContext], PartWidget]
    keys: tuple[KeyAction, ...] = ()
    works_in_exercise: bool = False
    name: str = ""

    @property
    def title(self) -> str:
        """What stands above its keys in the sheet of keys."""
        return self.name or self.key.replace("_", " ").capitalize()
