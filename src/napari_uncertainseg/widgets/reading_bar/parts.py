"""All parts of the reading bar, from the left. A new part is one more entry here."""

from __future__ import annotations

from napari_uncertainseg.widgets.reading_bar.mouse.part import PART as WINDOW
from napari_uncertainseg.widgets.reading_bar.overlays.part import PART as OVERLAYS
from napari_uncertainseg.widgets.reading_bar.part import Part

PARTS: tuple[Part, ...] = (OVERLAYS, WINDOW)
