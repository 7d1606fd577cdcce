"""Everything that is measured of lesions beside what the list shows: slower, and asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from napari_uncertainseg._boxes import bounding_box, union_box
from napari_uncertainseg._checks import check_same_shape, numbered
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion import lesion_logsum, lesion_maximum, lesion_mean, lesion_sum
from napari_uncertainseg.uncertainty.lesion_agreement import lesion_agreement
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.voxel_maps import maps_per_lesion

SUMMARIES: Mapping[str, str] = MappingProxyType(
    {
        "mean": "Mean over the lesion's voxels",
        "sum": "Sum over the lesion's voxels, which grows with its size",
        "logsum": "Sum of the logarithm over the lesion's voxels, which falls with its size",
        "max": "Largest value in the lesion",
    }
)

AGREEMENT: Mapping[str, MeasureColumn] = MappingProxyType(
    {
        "volume_variation": MeasureColumn(
            "Volume variation",
            "",
            "Standard deviation of the members' volumes of this lesion over their mean; 0 where all "
            "agree, or none sees it.",
        ),
        "pairwise_dice": MeasureColumn(
            "Pairwise Dice", "", "Mean Dice of all pairs of members on this lesion; 1 where none sees it."
        ),
        "shared": MeasureColumn(
            "Shared by all",
            "",
            "Voxels that all members give to this lesion over the voxels that any of them does, 0 to 1; "
            "1 where none sees it.",
        ),
        "lsu_adjusted": MeasureColumn(
            "Adjusted doubt",
            "",
            "Structural uncertainty with the adjusted intersection over union: that a member splits this "
            "lesion, or joins it with another, is not held against it.",
        ),
        "member_persistence": MeasureColumn(
            "Persistence in members",
            "",
            "Mean over members of how far this lesion stands out in each, over all thresholds, 0 to 1: its "
            "largest probability there less the level at which that peak joins a higher one, at least 0.05.",
        ),
    }
)
_FIELDS = {"member_persistence": "persistence"}


def lesion_details(prediction: Prediction, labels: np.ndarray, threshold: float) -> pd.DataFrame:
    """Measure each lesion by all members and by all voxel maps that are summarised per lesion.

    Parameters
    ----------
    prediction
        Its maps and members.
    labels
        On its grid, whole numbers; n lesions, whatever their numbers.
    threshold
        Of the members.

    Returns
    -------
    One row per lesion in the order of their numbers: ``label``, `AGREEMENT`, and for each of
    `maps_per_lesion` and `SUMMARIES` a column such as ``sum_entropy``, in the map's unit.
    """
    labels, used = numbered(labels)
    members = prediction.members.told_from(prediction.probability)
    box = union_box(bounding_box(labels > 0), members.box)
    inside = labels[box]
    agreed = lesion_agreement(inside, _placed(members, box, inside.shape), threshold)
    columns = {"label": used}
    columns |= {name: getattr(agreed, _FIELDS.get(name, name)) for name in AGREEMENT}
    for name, described in maps_per_lesion().items():
        whole = prediction.maps[name]
        check_same_shape(f"The map of {described.title}", whole.shape, "the labels", labels.shape)
        values = whole[box]
        columns |= {
            f"mean_{name}": lesion_mean(inside, values),
            f"sum_{name}": lesion_sum(inside, values),
            f"logsum_{name}": lesion_logsum(inside, values),
            f"max_{name}": lesion_maximum(inside, values),
        }
    return pd.DataFrame(columns)


def _placed(members: Members, box: tuple[slice, ...], shape: tuple[int, ...]) -> np.ndarray:
    """The members' values in a box that holds theirs."""
    if members.values.shape[1:] == shape:
        return members.values
    values = np.zeros((len(members), *shape), members.values.dtype)
    here = tuple(
        slice(own.start - whole.start, own.stop - whole.start)
        for own, whole in zip(members.box, box, strict=True)
    )
    if members.values.size:
        values[(slice(None), *here)] = members.values
    return values
