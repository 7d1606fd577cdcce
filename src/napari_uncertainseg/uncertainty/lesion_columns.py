"""What stands in the table of lesions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Column(NamedTuple):
    """What a column of the table says."""

    title: str
    unit: str
    definition: str


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "label": Column(
            "#", "", "Number in the label image. It stays with the lesion for the life of a review."
        ),
        "lsu": Column(
            "Doubt",
            "",
            "Structural uncertainty (LSU), 0 to 1: one minus the members' mean intersection over union with "
            "this lesion, each member represented by its best overlapping component at the threshold.",
        ),
        "mean_probability": Column("Mean p", "", "Mean probability over the lesion's voxels."),
        "max_probability": Column("Max p", "", "Largest probability in the lesion."),
        "mean_entropy": Column(
            "Entropy", "nat", "Mean entropy over the lesion's voxels; at most ln 2 = 0.693."
        ),
        "mean_mutual_information": Column(
            "Mutual information", "nat", "Mean mutual information between members over the lesion's voxels."
        ),
        "persistence": Column(
            "Persistence",
            "",
            "Largest probability in the lesion less the threshold at which it joins a lesion with a larger "
            "one (at least 0.05), 0 to 1: how far it stands out, with no threshold chosen.",
        ),
        "drawn": Column(
            "Drawn",
            "",
            "Whether a human drew it: most of its voxels were painted where the model sees no lesion. Doubt "
            "and probability are then left out, because the model has none.",
        ),
        "volume_mm3": Column("Volume", "mm3", "Volume of the lesion."),
        "voxels": Column("Voxels", "", "Number of voxels."),
        "slice_s": Column("Slice", "", "Slice with most of the lesion: index towards superior."),
        "slice_a": Column(
            "Row", "", "The lesion's voxel in that slice nearest to its centroid: index towards anterior."
        ),
        "slice_r": Column(
            "Column", "", "The lesion's voxel in that slice nearest to its centroid: index towards right."
        ),
        "start_s": Column("From (S)", "", "First index of the bounding box towards superior."),
        "stop_s": Column("To (S)", "", "Index after the last of the bounding box towards superior."),
        "start_a": Column("From (A)", "", "First index of the bounding box towards anterior."),
        "stop_a": Column("To (A)", "", "Index after the last of the bounding box towards anterior."),
        "start_r": Column("From (R)", "", "First index of the bounding box towards right."),
        "stop_r": Column("To (R)", "", "Index after the last of the bounding box towards right."),
        "x_mm": Column("x", "mm", "Centroid, towards the patient's right (RAS+)."),
        "y_mm": Column("y", "mm", "Centroid, towards anterior (RAS+)."),
        "z_mm": Column("z", "mm", "Centroid, towards superior (RAS+)."),
    }
)

EXISTS = Column(
    "Is lesion",
    "",
    "Calibrated probability that it is a lesion to the experts of the calibration cases, from its largest "
    "probability, its volume and the threshold (`uncertainseg calibrate`).",
)
"""What a table also holds, as ``p_exists``, where there are calibration cases for it."""
