"""The drivers: what of a lesion doubt may go with, in groups, with units, definitions and words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from napari_uncertainseg.modalities import title_of

NEAR_MM = 10.0
"""Lesions at most so far away are neighbours."""
RIM_MM = 3.0
"""How far from a lesion its surroundings reach."""
PLACE = "place"
"""The column with a lesion's place, in words."""
UNKNOWN = "unknown"
PLACES: Mapping[str, str] = MappingProxyType(
    {
        "deep white matter": "in deep white matter",
        "periventricular": "at the ventricles",
        "juxtacortical": "at the cortex",
        "infratentorial": "infratentorial",
    }
)
"""Places, and the words for a lesion that lies there."""
CONTRAST = "contrast_"
"""Before the modality, in the name of a column."""

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "size": "size",
        "shape": "shape",
        "place": "place",
        "contrast": "contrast",
        "noise": "noise",
        "slices": "slice thickness",
        "neighbours": "neighbours",
    }
)
"""Groups of drivers that say much the same, and their names in sentences."""


class Driver(NamedTuple):
    """A number that is measured of each lesion.

    Attributes
    ----------
    title, unit, group, definition
        For tables and tooltips; the group is one of `GROUPS`.
    low, high
        What a lesion is called whose number is low, or high.
    logarithmic
        Whether doubt is compared with its logarithm, that of 1 + the number.
    """

    title: str
    unit: str
    group: str
    definition: str
    low: str
    high: str
    logarithmic: bool = False


_MEASURED: Mapping[str, Driver] = MappingProxyType(
    {
        "volume_mm3": Driver("Volume", "mm3", "size", "Volume of the lesion.", "small", "large", True),
        "surface_mm2": Driver(
            "Surface",
            "mm2",
            "size",
            "Area of a mesh halfway between the voxels inside and outside (marching cubes).",
            "small",
            "large",
            True,
        ),
        "sphericity": Driver(
            "Sphericity",
            "",
            "shape",
            "Area of a ball of the mesh's volume over the area of the mesh, 0 to 1; a ball of voxels "
            "reaches about 0.92.",
            "irregular",
            "round",
        ),
        "elongation": Driver(
            "Elongation",
            "",
            "shape",
            "One less the middle of the three principal axes over the longest, 0 (round) to 1 (a line).",
            "not long",
            "long",
        ),
        "flatness": Driver(
            "Flatness",
            "",
            "shape",
            "One less the shortest of the three principal axes over the longest, 0 (round) to 1 (flat).",
            "not flat",
            "flat",
        ),
        "to_ventricle_mm": Driver(
            "To ventricle",
            "mm",
            "place",
            "Smallest gap between the lesion and a lateral ventricle; 0 where they touch.",
            "near the ventricles",
            "far from the ventricles",
        ),
        "to_cortex_mm": Driver(
            "To cortex",
            "mm",
            "place",
            "Smallest gap between the lesion and the cortex; 0 where they touch.",
            "near the cortex",
            "far from the cortex",
        ),
        "to_edge_mm": Driver(
            "To brain edge",
            "mm",
            "place",
            "Smallest gap between the lesion and what is outside of the brain; 0 where they touch.",
            "at the edge of the brain",
            "far from the edge of the brain",
        ),
        "noise": Driver(
            "Noise",
            "SD",
            "noise",
            f"Noise of the main scan within {NEAR_MM:g} mm around the lesion, in standard deviations of the "
            "scan in the brain: from the median of the second differences within slices, which edges hardly "
            "change. Scans that were interpolated look less noisy than they are.",
            "in a quiet part of the scan",
            "in a noisy part of the scan",
        ),
        "slice_mm": Driver(
            "Slice thickness",
            "mm",
            "slices",
            "The longest side of a voxel. All lesions of a scan have the same, so that it cannot be told "
            "from whatever else differs between scanners.",
            "in thin slices",
            "in thick slices",
        ),
        "neighbours": Driver(
            "Neighbours",
            "",
            "neighbours",
            f"Number of other lesions with a voxel at most {NEAR_MM:g} mm from a voxel of this one, from "
            "middle to middle.",
            "alone",
            "among other lesions",
            True,
        ),
    }
)


def driver_of(column: str) -> Driver:
    """What a column of numbers means; the contrast has one for each scan.

    Raises
    ------
    KeyError
        If it is no driver's.
    """
    if column.startswith(CONTRAST):
        name = column.removeprefix(CONTRAST)
        scan = title_of(name)
        low, high = ("dark on", "not dark on") if name == "t1" else ("faint on", "bright on")
        return Driver(
            f"Contrast, {scan}",
            "SD",
            "contrast",
            f"Mean of the {scan} in the lesion less its mean within {RIM_MM:g} mm around it (brain only, no "
            "other lesion), in standard deviations of the scan in the brain.",
            f"{low} {scan}",
            f"{high} {scan}",
        )
    return _MEASURED[column]


def driver_columns(columns: list[str]) -> list[str]:
    """Of the columns of a table, those that hold drivers, in their usual order; `PLACE` among them."""
    contrasts = [name for name in columns if name.startswith(CONTRAST)]
    order = [*_MEASURED]
    order[order.index("to_ventricle_mm") : order.index("to_ventricle_mm")] = [PLACE]
    order[order.index("noise") : order.index("noise")] = contrasts
    return [name for name in order if name in columns]


def group_of(column: str) -> str:
    """The group of a column, `PLACE` included."""
    return "place" if column == PLACE else driver_of(column).group
