"""Which docks were open when the window was closed, so that they are there again after a restart."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from napari_uncertainseg.widgets.open_docks import OpenDocks
from napari_uncertainseg.widgets.shared.preferences import Preferences, PreferenceStore


def remember_docks(opened: OpenDocks, preferences: PreferenceStore) -> None:
    """Keep which docks are open, and which of them is in front."""
    docks = list(opened)
    front = next((each.dock.key for each in docks if each.area.in_front), "")
    preferences.save(open_docks=" ".join(each.dock.key for each in docks), front_dock=front)


def docks_to_open(
    known: Collection[str], always: Iterable[str], preferences: PreferenceStore | None
) -> tuple[list[str], str]:
    """Keys of the docks to open, those of `always` among them, and the one for the front.

    Docks that this version does not know are passed over. Without preferences only those of `always`.
    """
    kept = Preferences() if preferences is None else preferences.load()
    always = list(always)
    keys = [key for key in dict.fromkeys([*always, *kept.open_docks.split()]) if key in known]
    return keys, kept.front_dock if kept.front_dock in keys else always[0]
