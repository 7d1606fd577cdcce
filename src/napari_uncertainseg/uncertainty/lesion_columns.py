"""The columns of the table of lesions: titles, units and definitions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class MeasureColumn(NamedTuple):
    """What a column of the table says."""

    title: str
    unit: str
    definition: str


COLUMNS: Mapping[str, MeasureColumn] = MappingProxyType(
    {
        "label": MeasureColumn(
            "#", "", "Number in the label image. It stays with the lesion for the life of a review."
        ),
        "doubt": MeasureColumn(
            "Doubt",
            "",
            "How far the model is from being certain, 0 to 1: one minus the largest probability in a lesion; "
            "the largest probability in a candidate. No other single measure told false from true lesions "
            "better on scans of hospitals that the model had not seen (docs/experiments.md).",
        ),
        "lsu": MeasureColumn(
            "LSU",
            "",
            "Structural uncertainty (LSU), 0 to 1: one minus the members' mean intersection over union with "
            "this lesion, each member represented by its best overlapping component at the threshold.",
        ),
        "mean_probability": MeasureColumn("Mean p", "", "Mean probability over the lesion's voxels."),
        "max_probability": MeasureColumn("Max p", "", "Largest probability in the lesion."),
        "mean_entropy": MeasureColumn(
            "Entropy", "nat", "Mean entropy over the lesion's voxels; at most ln 2 = 0.693."
        ),
        "mean_mutual_information": MeasureColumn(
            "Mutual information", "nat", "Mean mutual information between members over the lesion's voxels."
        ),
        "persistence": MeasureColumn(
            "Persistence",
            "",
            "Largest probability in the lesion less the threshold at which it joins a lesion with a larger "
            "one (at least 0.05), 0 to 1: how far it stands out, with no threshold chosen.",
        ),
        "drawn": MeasureColumn(
            "Drawn",
            "",
            "Whether a human drew it: most of its voxels were painted where the model sees no lesion. Where "
            "no lesion of the model lies in it, doubt and probability are left out: the model has none. "
            "Of any lesion of the model that was painted on they are those of the model's own outline.",
        ),
        "volume_mm3": MeasureColumn("Volume", "mm3", "Volume of the lesion."),
        "voxels": MeasureColumn("Voxels", "", "Number of voxels."),
        "slice_s": MeasureColumn("Slice", "", "Slice with most of the lesion: index towards superior."),
        "slice_a": MeasureColumn(
            "Row", "", "The lesion's voxel in that slice nearest to its centroid: index towards anterior."
        ),
        "slice_r": MeasureColumn(
            "Column",
            "",
            "The lesion's voxel in that slice nearest to its centroid: index towards right.",
        ),
        "start_s": MeasureColumn("From (S)", "", "First index of the bounding box towards superior."),
        "stop_s": MeasureColumn("To (S)", "", "Index after the last of the bounding box towards superior."),
        "start_a": MeasureColumn("From (A)", "", "First index of the bounding box towards anterior."),
        "stop_a": MeasureColumn("To (A)", "", "Index after the last of the bounding box towards anterior."),
        "start_r": MeasureColumn("From (R)", "", "First index of the bounding box towards right."),
        "stop_r": MeasureColumn("To (R)", "", "Index after the last of the bounding box towards right."),
        "x_mm": MeasureColumn("x", "mm", "Centroid, towards the patient's right (RAS+)."),
        "y_mm": MeasureColumn("y", "mm", "Centroid, towards anterior (RAS+)."),
        "z_mm": MeasureColumn("z", "mm", "Centroid, towards superior (RAS+)."),
    }
)

REAL_COLUMNS: Mapping[str, MeasureColumn] = MappingProxyType(
    {
        "model": MeasureColumn(
            "Real",
            "",
            "Probability that experts would call it a lesion too. It comes with the model, fitted on scans "
            "of hospitals that the networks had not seen.",
        ),
        "calibration": MeasureColumn(
            "Real",
            "",
            "Probability that the experts of your calibration cases would call it a lesion too, fitted on "
            "those cases (`uncertainseg calibrate`).",
        ),
    }
)
"""By who says so, see `Lesions.real_by`."""
DOUBT_IN_REAL = MeasureColumn(
    "Doubt",
    "",
    "How likely your verdict is to change the result, by the model: the probability that a lesion is not "
    "real, or that a candidate is real.",
)
"""What ``doubt`` is where the model's probability of being real orders lists, see `Lesions.by_p_real`."""
