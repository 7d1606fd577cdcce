"""`Plugins > UncertainSeg`: one entry for each dock, named ``<key>_dock`` as in ``napari.yaml``.

napari hands its viewer only to classes that are widgets, so each entry is a class. Taking
`napari.current_viewer()` instead would open the dock in the wrong window when there are two.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from qtpy.QtCore import QTimer

from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.window import review_of

if TYPE_CHECKING:
    from napari import Viewer


class MenuEntry(DockArea):
    """What napari makes and docks when the user chooses an entry of the menu.

    Parameters
    ----------
    napari_viewer
        Whose window the dock belongs to; napari hands it over.
    """

    key: ClassVar[str]
    """Of the dock."""

    def __init__(self, napari_viewer: Viewer) -> None:
        review = review_of(napari_viewer)
        super().__init__(review.make_widget(self.key))
        review.add(self.key, self)
        # napari docks this widget when it has been made
        whole = self.key == DOCKS[0].key
        QTimer.singleShot(0, partial(review.open, last=True) if whole else partial(review.arrange, self.key))


_ENTRIES = {f"{dock.key}_dock": type(f"{dock.title}Entry", (MenuEntry,), {"key": dock.key}) for dock in DOCKS}


def __getattr__(name: str) -> type[MenuEntry]:
    try:
        return _ENTRIES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
