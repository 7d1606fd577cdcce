"""All docks of the window, in the order of their tabs. A new dock is one more entry here.

The first one stands in napari's menu for the whole arrangement.
"""

from __future__ import annotations

from napari_uncertainseg.widgets.calibration.dock import DOCK as CALIBRATION
from napari_uncertainseg.widgets.classes.dock import DOCK as CLASSES
from napari_uncertainseg.widgets.cohort.dock import DOCK as COHORT
from napari_uncertainseg.widgets.dashboard.dock import DOCK as DASHBOARD
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.exercises.dock import DOCK as EXERCISES
from napari_uncertainseg.widgets.explain.dock import DOCK as EXPLAIN
from napari_uncertainseg.widgets.lesions.dock import DOCK as LESIONS
from napari_uncertainseg.widgets.raters.dock import DOCK as RATERS
from napari_uncertainseg.widgets.reading_bar.part import Part
from napari_uncertainseg.widgets.reading_bar.parts import PARTS
from napari_uncertainseg.widgets.segment.dock import DOCK as SEGMENT
from napari_uncertainseg.widgets.session.dock import DOCK as SESSION

DOCKS: tuple[Dock, ...] = (
    SEGMENT,
    LESIONS,
    EXPLAIN,
    CALIBRATION,
    CLASSES,
    RATERS,
    SESSION,
    EXERCISES,
    COHORT,
    DASHBOARD,
)

WITH_KEYS: tuple[Dock | Part, ...] = (*DOCKS, *PARTS)
"""All that has keys."""
