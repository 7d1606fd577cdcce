"""What the plugin remembers between sessions, kept by napari's own plugin settings."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from psygnal import Signal

from napari_uncertainseg._base import pluralised

_PLUGIN = "napari-uncertainseg"
_SECTION = "review"


@dataclass(frozen=True)
class Preferences:
    """The last settings of the Segment dock, the last tables of Cohort, and how images are looked at.

    Attributes
    ----------
    model, method
        By name.
    members
        Number of members; 0 for the method's usual number.
    brightness
        When N4 is run first: ``"auto"``, ``"on"`` or ``"off"``.
    notice_seen
        Whether the research-use notice has been read.
    cohort_table, scores_table, acquisitions_table
        Tables that the tabs of Cohort read; empty where none was chosen.
    three_views, crosshair
        Whether the three planes are shown at once, and with a crosshair.
    open_docks, front_dock
        Keys of the docks that were open when the window was closed, with spaces between them, and of the one
        in front; empty where none was.
    zoom_to_lesion
        Whether going to a lesion also zooms.
    mouse
        ``"workstation"`` or ``"napari"``: how the mouse works over a slice.
    smooth_scans
        Whether scans are drawn smoothly between their voxels.
    map_opacity
        Of the heat maps, percent.
    target
        Classes that the user ticked; empty for the model's own target. They are not kept for the next time.
    """

    model: str = "bundled"
    method: str = "one-pass"
    members: int = 0
    brightness: str = "auto"
    notice_seen: bool = False
    cohort_table: str = ""
    scores_table: str = ""
    acquisitions_table: str = ""
    three_views: bool = False
    crosshair: bool = True
    open_docks: str = ""
    front_dock: str = ""
    zoom_to_lesion: bool = True
    mouse: str = "workstation"
    smooth_scans: bool = True
    map_opacity: int = 50
    target: tuple[str, ...] = ()

    @property
    def setting(self) -> str:
        """What a run uses, in words."""
        members = f", {pluralised(self.members, 'member')}" if self.members else ""
        target = f", target {' + '.join(self.target)}" if self.target else ""
        uneven = {"on": ", brightness corrected", "off": ", brightness not corrected"}.get(
            self.brightness, ""
        )
        return f"{self.model}, {self.method}{members}{target}{uneven}"


_KEPT = tuple(field.name for field in fields(Preferences) if field.name != "target")
"""What napari keeps."""


class PreferenceStore:
    """Loads and saves :class:`Preferences`.

    Where the plugin is not registered with napari (a dock made by hand), they are kept
    for as long as the store lives.
    """

    setting_changed = Signal()
    """`setting` is another one."""

    def __init__(self) -> None:
        self._kept = Preferences()
        self._announced: Preferences | None = None

    @property
    def chosen(self) -> Preferences:
        """What the next run uses: as the Segment dock has it, otherwise as in the last run."""
        return self._announced or self.load()

    @property
    def setting(self) -> str:
        """The same, in words."""
        return self.chosen.setting

    def announce(self, chosen: Preferences | None) -> None:
        """Take over what the Segment dock has chosen; None when nothing is chosen in it."""
        self._announced = chosen
        self.setting_changed.emit()

    def load(self) -> Preferences:
        """The preferences as they were last saved, defaults otherwise."""
        section = _section()
        if section is None:
            return self._kept
        return Preferences(**{name: getattr(section, name) for name in _KEPT})

    def save(self, **changes: Any) -> None:
        """Change some preferences; napari writes them to its settings folder."""
        self._kept = replace(self.load(), **changes)
        section = _section()
        if section is not None:
            for name, value in changes.items():
                if getattr(section, name) != value:
                    setattr(section, name, value)


def _section() -> Any | None:
    from napari.settings import get_plugin_settings

    try:
        return getattr(get_plugin_settings(_PLUGIN), _SECTION, None)
    except KeyError:
        return None
