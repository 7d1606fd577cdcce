"""Everything that is measured of lesions beside what the list shows: slower, and asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from napari_uncertainseg._checks import check_same_shape, numbered
from napari_uncertainseg.lesions.components import bounding_box, union_box
from napari_uncertainseg.uncertainty.lesion import lesion_logsum, lesion_maximum, lesion_mean, lesion_sum
from napari_uncertainseg.uncertainty.lesion_agreement import lesion_agreement
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.uncertainty.members import Members

MAPS: Mapping[str, str] = MappingProxyType(
    {
        "entropy": "entropy of the mean probability",
        "expected_entropy": "expected entropy: the members' mean entropy, the doubt that they share",
        "mutual_information": "mutual information, the doubt from their differing",
        "variance": "variance over members",
    }
)
"""Voxel maps that are summarised over each lesion."""

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


def lesion_details(
    labels: np.ndarray, maps: Mapping[str, np.ndarray], members: Members, threshold: float
) -> pd.DataFrame:
    """Measure each lesion by all members and by all voxel maps.

    Parameters
    ----------
    labels
        On the grid; n lesions, whatever their numbers.
    maps
        The maps that `MAPS` names, of the same shape.
    members
        The members.
    threshold
        Of the members.

    Returns
    -------
    One row per lesion in the order of their numbers: ``label``, `AGREEMENT`, and for each of `SUMMARIES`
    and `MAPS` a column such as ``sum_entropy``, nats or for the variance without a unit.
    """
    labels, used = numbered(labels)
    box = union_box(bounding_box(labels > 0), members.box)
    inside = labels[box]
    agreed = lesion_agreement(inside, _placed(members, box, inside.shape), threshold)
    columns = {"label": used}
    columns |= {name: getattr(agreed, _FIELDS.get(name, name)) for name in AGREEMENT}
    for name in MAPS:
        check_same_shape(
            f"The map of {MAPS[name].split(':')[0]}", maps[name].shape, "the labels", labels.shape
        )
        values = maps[name][box]
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
