"""All parts of the reading bar, from the left. A new part is one more entry here."""

from __future__ import annotations

from napari_uncertainseg.widgets.reading_bar.compare.part import PART as COMPARE
from napari_uncertainseg.widgets.reading_bar.measure.part import PART as MEASURE
from napari_uncertainseg.widgets.reading_bar.part import Part

PARTS: tuple[Part, ...] = (COMPARE, MEASURE)
