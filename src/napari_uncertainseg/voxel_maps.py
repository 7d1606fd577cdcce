"""The voxel maps of a prediction: one table that says all there is to say about each.

Whatever handles maps by name takes them from `VOXEL_MAPS`: the accumulator that computes them, the files of a
folder of results, the layers, the measures of a lesion, a recalibration. So a new map is one entry here and
the function that computes it from `MapSources`.

This module is at the very bottom, because `disk` has to know the names of the files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Array = Any
"""A numpy or torch array."""
LN2 = math.log(2)


@dataclass(frozen=True, eq=False)
class MemberStatistics:
    """What the members say together, each array float32 and of a member's shape.

    Attributes
    ----------
    mean
        Mean probability.
    entropy
        Entropy of the mean, nats: all of the uncertainty.
    expected_entropy
        Mean of the members' entropies, nats: uncertainty that the members share.
    mutual_information
        ``entropy - expected_entropy``, nats, never below 0: uncertainty because they differ.
    variance
        Population variance over the members, at most 0.25.
    """

    mean: Array
    entropy: Array
    expected_entropy: Array
    mutual_information: Array
    variance: Array


@dataclass(frozen=True, eq=False)
class MapSources:
    """All that a voxel map can be computed from.

    Attributes
    ----------
    members
        Statistics over the members.
    disagreement
        Variance over the network's heads, averaged over passes: float32, of a member's shape.
    """

    members: MemberStatistics
    disagreement: Array


@dataclass(frozen=True)
class Display:
    """How a map is shown as a layer.

    Attributes
    ----------
    colormap
        A name that napari knows: perceptually even. It is drawn clear at 0, so that nothing is tinted where
        there is nothing.
    fit_down_to
        For maps that stay far below their maximum: the colour scale ends at the scan's own largest values,
        but never below this, where nothing but noise would look strong. None: it ends at the map's maximum.
    visible
        Whether it is shown after a run.
    """

    colormap: str = "inferno"
    fit_down_to: float | None = None
    visible: bool = False


@dataclass(frozen=True)
class VoxelMap:
    """One map.

    Attributes
    ----------
    title
        What it is called on the screen.
    short_title
        The same for the head of a narrow column.
    unit
        Empty where it has none.
    largest
        Its largest possible value; the smallest is 0.
    definition
        One sentence without a full stop.
    compute
        The map, float32 and of the sources' shape; takes numpy and torch arrays alike.
    file
        Name of its file in a folder of results, without ``.nii.gz``; None if it is not written.
    display
        None if it is not shown.
    per_lesion
        Whether it is summarised over each lesion.
    """

    title: str
    short_title: str
    unit: str
    largest: float
    definition: str
    compute: Callable[[MapSources], Array]
    file: str | None = None
    display: Display | None = None
    per_lesion: bool = False

    @property
    def title_with_unit(self) -> str:
        """Such as ``"entropy (nats)"``: the name of its layer."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


_TABLE = {
    "entropy": VoxelMap(
        title="entropy",
        short_title="entropy",
        unit="nats",
        largest=LN2,
        definition="entropy of the mean probability",
        compute=lambda sources: sources.members.entropy,
        file="entropy",
        display=Display(visible=True),
        per_lesion=True,
    ),
    "expected_entropy": VoxelMap(
        title="expected entropy",
        short_title="expected",
        unit="nats",
        largest=LN2,
        definition="expected entropy: mean of the members' entropies, the uncertainty that they share",
        compute=lambda sources: sources.members.expected_entropy,
        per_lesion=True,
    ),
    "mutual_information": VoxelMap(
        title="mutual information",
        short_title="mutual inf.",
        unit="nats",
        largest=LN2,
        definition="mutual information: entropy less expected entropy, the uncertainty from their differing",
        compute=lambda sources: sources.members.mutual_information,
        file="mutual_information",
        display=Display(fit_down_to=0.05),
        per_lesion=True,
    ),
    "variance": VoxelMap(
        title="variance",
        short_title="variance",
        unit="",
        largest=0.25,
        definition="variance over the members",
        compute=lambda sources: sources.members.variance,
        per_lesion=True,
    ),
    "disagreement": VoxelMap(
        title="disagreement",
        short_title="disagreement",
        unit="variance",
        largest=0.25,
        definition="predicted disagreement between experts: variance over the network's heads",
        compute=lambda sources: sources.disagreement,
        file="disagreement",
        display=Display(fit_down_to=0.05),
    ),
    "probability": VoxelMap(
        title="probability",
        short_title="probability",
        unit="",
        largest=1.0,
        definition="mean of the members' lesion probabilities",
        compute=lambda sources: sources.members.mean,
        file="probability",
        display=Display(colormap="magma"),
    ),
}

VOXEL_MAPS: Mapping[str, VoxelMap] = MappingProxyType(_TABLE)
"""By the name in `Prediction.maps` and in columns: in the order of columns, and of layers from the top."""


def compute_maps(sources: MapSources) -> dict[str, Array]:
    """All maps by name, float32 and of the sources' shape."""
    return {name: each.compute(sources) for name, each in VOXEL_MAPS.items()}


def shown_maps() -> dict[str, VoxelMap]:
    """Maps that become layers, by name, the uppermost layer first."""
    return {name: each for name, each in VOXEL_MAPS.items() if each.display is not None}


def written_maps() -> dict[str, str]:
    """Names of the files of maps in a folder of results, by the maps' names."""
    return {name: f"{each.file}.nii.gz" for name, each in VOXEL_MAPS.items() if each.file is not None}


def maps_per_lesion() -> dict[str, VoxelMap]:
    """Maps that are summarised over each lesion, by name, in the order of the columns."""
    return {name: each for name, each in VOXEL_MAPS.items() if each.per_lesion}
