"""What a dock is to the window: its title, its menu entry, its keys, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_uncertainseg.case import Case
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.runs.current_run import CurrentRun
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.scans.cases import Cases
from napari_uncertainseg.widgets.scans.loaded_case import OpenCase, OpenResults
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile

LISTED_AS = "UncertainSeg: "
"""How descriptions of our keys begin in napari's list of shortcuts."""


@dataclass(frozen=True, eq=False)
class ReviewContext:
    """What the docks of one window share.

    Attributes
    ----------
    case, layers
        The case under review, and the viewer's layers.
    preferences, sessions, keeper
        Settings of the last run, the session file, and reviews saved before.
    open_case
        Shows a case instead of the one before, and segments it.

        Raises `InputError` where this cannot be done now.
    open_results
        Shows a folder of results that was read; False where the user wants to keep what is open.

        Raises `InputError` where this cannot be done now.
    run
        The run over a cohort that the window shows.
    show_findings
        Brings the list of lesions to the front, and its first lesion into view.
    open_dock
        Opens a dock by its key, or brings it to the front.
    zones
        Of the brain under review, which more than one dock asks for.
    cases
        Whose case is open, as a whole: closing it, and opening another.
    remembered
        What a dock wants to find again when it is closed and opened in this window, by its key.
    """

    case: Case
    layers: ReviewLayers
    preferences: PreferenceStore
    sessions: SessionFile
    keeper: ReviewKeeper
    open_case: OpenCase
    open_results: OpenResults
    run: CurrentRun
    show_findings: Callable[[], None]
    open_dock: Callable[[str], None]
    zones: KnownZones
    cases: Cases
    remembered: dict[str, Any]


@dataclass(frozen=True)
class KeyAction:
    """Something that a key does.

    Attributes
    ----------
    name
        Handed to `DockWidget.act`.
    key
        The key unless the user chose another, in Qt's words, such as ``"Shift+N"``.
    meaning
        What it does, in one sentence.
    repeats
        Whether a key that is held does it again and again.
    """

    name: str
    key: str
    meaning: str
    repeats: bool = True


@dataclass(frozen=True)
class Dock:
    """A dock of the window. Each dock folder has one, called ``DOCK``, in its ``dock.py``.

    Attributes
    ----------
    key
        Its name in programs, and that of its menu entry in ``napari.yaml``.
    title
        On its tab.
    make
        Makes its content.
    menu_name
        Its name in napari's menu; the title where it is empty.
    opens_with_review
        Whether `Plugins > UncertainSeg > Review` opens it.
    keys
        What keys do in it.
    closed
        What is said where one of its keys is pressed while it is closed; where it is empty, the key opens it.
    shown_in_exercise
        Whether it stays in sight while model and reference are hidden from a trainee.
    shows_other_readers
        Whether it shows decisions that a second or third reader must not see.
    follows_target
        Whether it is about the case alone, so that *lesion* in it follows the model's target.
    """

    key: str
    title: str
    make: Callable[[ReviewContext], DockWidget]
    menu_name: str = ""
    opens_with_review: bool = False
    keys: tuple[KeyAction, ...] = ()
    closed: str = ""
    shown_in_exercise: bool = False
    shows_other_readers: bool = False
    follows_target: bool = False

    @property
    def window_name(self) -> str:
        """The name under which napari's window knows the dock."""
        return f"{self.menu_name or self.title} (UncertainSeg)"
