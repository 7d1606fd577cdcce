"""What the measure part of the reading bar says."""

from __future__ import annotations

import math

from napari_uncertainseg._base import one_line, visible
from napari_uncertainseg.images.measures.brightness import Values
from napari_uncertainseg.images.measures.records import RULER, Measurement

BUTTON = "Measure"
TIP = "Measures lengths (mm), and volume and brightness of regions, on the slice that is shown."
RULER_ON, REGION_ON = "Ruler", "Region"
RULER_ITEM, REGION_ITEM = "Ruler", "Region (ellipse or polygon)"
LESION_ITEM = "Selected lesion as a region"
LIST_ITEM = "List of measurements"
COPY_ITEM, UNDO_ITEM, REDO_ITEM = "Copy all", "Undo", "Redo"
SAVE_ITEM, OPEN_ITEM = "Save...", "Open..."
OPEN_ANYWAY = "Open anyway"
REGION_TIP = (
    "Drag draws an ellipse. Clicks set the corners of a polygon; a click on the first corner, a double click "
    "or Enter closes it."
)
DOCK = "Measurements (UncertainSeg)"
LAYER = "measurements"
KINDS_OF_FILES = "Table (*.tsv)"
COPY, DELETE = "Copy", "Delete"
COPY_TIP = "Copies all measurements as a table (tab-separated text) with the name of the case. Key: Ctrl+C."
DELETE_TIP = "Deletes the chosen measurement. Undo brings it back."
UNDO_TIP = "Takes the last measurement, or the last deletion, back."
NO_SCAN = "Open a scan first: there is nothing to measure."
IN_3D = "Lengths and regions are drawn on slices: leave the 3-D view first."
OTHER_SLICE = "Another slice is shown since the button was pressed: nothing was measured. Begin again."
NO_LESION = "Select a lesion in the list first."
EMPTY = "The region has no voxel of the scan in it."
NONE = "No measurement yet. Press K for a ruler, Shift+K for a region."
COPIED = "Copied."
COLUMNS = ("what", "slice", "size")
VALUE_COLUMNS = ("unit", "voxels", "mean", "SD", "min", "max")
VALUE_TIPS = {
    "unit": "Unit of the values. Scanner units mean nothing beyond the scan.",
    "voxels": "Voxels of the region that have a value in this image.",
    "SD": "Standard deviation of the voxels (divided by n - 1).",
}
INTERPOLATED = (
    "This image lies on another grid: its values were interpolated linearly at the centres of the region's "
    "voxels, at the same place in the patient by both headers."
)


def size(one: Measurement) -> str:
    """Length of a ruler, or area and volume of a region."""
    if one.kind == RULER:
        return f"{one.length_mm:.1f} mm"
    area = "" if math.isnan(one.area_mm2) else f"{one.area_mm2:.1f} mm², "
    return f"{area}{one.volume_ml:.3f} ml, {one.voxels} voxels"


def what(number: int, one: Measurement) -> str:
    """A measurement's name in the list."""
    return f"{number} {one.name or one.kind}"


def beside(number: int, one: Measurement) -> str:
    """What stands beside a measurement on the canvas."""
    return size(one) if one.kind == RULER else f"{number}"


def in_bar(one: Measurement) -> str:
    """The last measurement, on the button."""
    return size(one) if one.kind == RULER else f"{one.volume_ml:.3f} ml"


def number(value: float) -> str:
    """A value with four digits that say something; ``-`` where there is none."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def value_row(values: Values) -> tuple[str, ...]:
    """A row of the table of brightness."""
    counted = f"{values.voxels} ({values.missing} without)" if values.missing else f"{values.voxels}"
    numbers = (values.mean, values.sd, values.minimum, values.maximum)
    return (values.unit, counted, *map(number, numbers))


def brought_back(count: int) -> str:
    """Said when a scan is opened that was measured before."""
    return (
        f"{count} measurements of this scan are back." if count > 1 else "A measurement of this scan is back."
    )


def of_another(file: str, case: str, name: str) -> str:
    """Asked before measurements of another case are opened."""
    told, ours, of = (visible(one_line(text))[:80] for text in (case, name or "without a name", file))
    return f"{of} says that it was measured on the case {told}. The case that is open is {ours}."


def kept(count: int, name: str) -> str:
    """Said when a case with measurements is left."""
    some = f"{count} measurements are" if count > 1 else "One measurement is"
    return f"{some} kept with {name or 'the scan'}, and shown again when the scan is opened again."
