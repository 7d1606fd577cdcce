"""What the window asks of each dock; a dock answers where it has something to say."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget


class DockWidget(QWidget):
    """Content of a dock. The window calls these hooks of every dock and knows no dock by name."""

    subject_changed = Signal()
    """`subject` is another one."""

    @property
    def subject(self) -> str:
        """What the banner shows while no case is open, such as the chosen scan; empty for nothing."""
        return ""

    @property
    def in_exercise(self) -> bool:
        """Whether the screen shows an exercise or a replay of this dock, which is no review to save."""
        return False

    @property
    def holds_case(self) -> str:
        """Why no other case can be opened now, in one sentence; empty where one can."""
        return ""

    @property
    def takes_all_keys(self) -> bool:
        """Whether the keys of all docks go to this one now."""
        return False

    def act(self, action: str) -> None:
        """Do what a key of `Dock.keys` stands for; actions of other docks come only by `takes_all_keys`."""

    def why_not(self, action: str) -> str:
        """Why a key would do nothing now, in one sentence that is shown; empty where it does something.

        Asked before each `act`.
        """
        return ""

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys of all docks as the user has them now, by action; empty where one has no key."""

    def on_front(self) -> None:
        """React to the dock coming out from behind its tab."""

    def cleanup(self) -> None:
        """Stop all work and disconnect from what outlives the dock. May be called twice."""
