"""All parts of the reading bar, from the left. A new part is one more entry here."""

from __future__ import annotations

from napari_uncertainseg.widgets.reading_bar.case_menu.part import PART as CASE
from napari_uncertainseg.widgets.reading_bar.compare.part import PART as COMPARE
from napari_uncertainseg.widgets.reading_bar.correct.part import PART as CORRECT
from napari_uncertainseg.widgets.reading_bar.keys_sheet.part import PART as KEYS
from napari_uncertainseg.widgets.reading_bar.measure.part import PART as MEASURE
from napari_uncertainseg.widgets.reading_bar.mouse.part import PART as MOUSE
from napari_uncertainseg.widgets.reading_bar.overlays.part import PART as OVERLAYS
from napari_uncertainseg.widgets.reading_bar.part import Part
from napari_uncertainseg.widgets.reading_bar.result.part import PART as RESULT
from napari_uncertainseg.widgets.reading_bar.views.part import PART as VIEWS

PARTS: tuple[Part, ...] = (CASE, VIEWS, COMPARE, OVERLAYS, MOUSE, MEASURE, CORRECT, RESULT, KEYS)
