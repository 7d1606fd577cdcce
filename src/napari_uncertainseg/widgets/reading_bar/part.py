"""What a part of the reading bar is to the window: its keys, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMainWindow, QWidget

from napari_uncertainseg.widgets.dock_description import KeyAction, ReviewContext
from napari_uncertainseg.widgets.reading_bar.arrangement import Arrangement

if TYPE_CHECKING:
    from napari import Viewer


class PartWidget(QWidget):
    """Content of a part. The bar calls these hooks of every part and knows no part by name."""

    def act(self, action: str) -> None:
        """Do what a key of `Part.keys` stands for."""

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys of the window as the user has them now, by action; empty where one has no key."""

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
    arrangement
        Claimed by the part that lays canvases side by side: one at a time.
    """

    review: ReviewContext
    viewer: Viewer
    window: QMainWindow
    arrangement: Arrangement = field(default_factory=Arrangement)


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
    """

    key: str
    make: Callable[[BarContext], PartWidget]
    keys: tuple[KeyAction, ...] = ()
    works_in_exercise: bool = False
