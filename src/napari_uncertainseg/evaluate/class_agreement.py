"""Each class of a model with several against a label map: overlap and calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import Reliability
from napari_uncertainseg.calibration.scores import classwise, top_label
from napari_uncertainseg.calibration.vector import VectorScaling, fit_vector
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.prediction.classes import Classes


@dataclass(frozen=True, eq=False)
class ClassAgreement:
    """One class against a label map, over the voxels that the network was given.

    Attributes
    ----------
    name
        Of the class.
    voxels
        That the label map gives it.
    dice
        Of the voxels in which it is the most probable class.
    reliability
        Of its probability.
    """

    name: str
    voxels: int
    dice: float
    reliability: Reliability


@dataclass(frozen=True, eq=False)
class ClassesAgreement:
    """All classes against a label map.

    Attributes
    ----------
    classes
        In the model's order.
    top_label
        Reliability of the most probable class (the ECE of classifiers).
    """

    classes: tuple[ClassAgreement, ...]
    top_label: Reliability

    @property
    def ace(self) -> float:
        """Classwise ACE: the mean of the classes' average calibration errors."""
        return float(np.mean([one.reliability.ace for one in self.classes]))

    @property
    def ece(self) -> float:
        """Classwise (static) ECE: the mean of the classes' expected calibration errors."""
        return float(np.mean([one.reliability.ece for one in self.classes]))

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable; NaN is None."""
        each = [
            {
                "class": one.name,
                "voxels": one.voxels,
                "dice": one.dice,
                **{name: _known(getattr(one.reliability, name)) for name in ("ece", "ace", "mce")},
            }
            for one in self.classes
        ]
        together = {"ace": self.ace, "ece": self.ece, "top_label_ece": self.top_label.ece}
        return {"each": each, "together": {name: _known(value) for name, value in together.items()}}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def compare_classes(
    classes: Classes, labels: np.ndarray, by: VectorScaling | None = None
) -> ClassesAgreement:
    """Compare each class with a label map.

    Parameters
    ----------
    classes
        Of a prediction; they may not overlap.
    labels
        Whole numbers on the scan's grid: the classes' numbers, 0 for the first one.
    by
        Recalibrates the probabilities first.

    Raises
    ------
    InputError
        If classes overlap, or the map holds a number that no class has.
    """
    p, truth = _voxels(classes, labels)
    if by is not None:
        p = by.apply(p)
    found, winner = classwise(p, truth), p.argmax(axis=0)
    each = [
        ClassAgreement(name, int(np.count_nonzero(truth == n)), dice(winner == n, truth == n), found[n])
        for n, name in enumerate(classes.names)
    ]
    return ClassesAgreement(tuple(each), top_label(p, truth))


def fit_classes(classes: Classes, labels: np.ndarray) -> VectorScaling:
    """Vector scaling of the classes' probabilities, fitted on a label map; errors as `compare_classes`."""
    return fit_vector(*_voxels(classes, labels))


def check_label_map(classes: Classes, labels: np.ndarray) -> None:
    """See that a label map can say which voxel is of which class.

    Raises
    ------
    InputError
        If it cannot.
    """
    if classes.overlapping:
        raise InputError(
            "The model's classes overlap, which a label map cannot show: compare the target with a mask."
        )
    largest = int(labels.max(initial=0))
    if largest >= len(classes.names):
        raise InputError(
            f"The label map holds the number {largest}, but the model's classes have the numbers 0 to "
            f"{len(classes.names) - 1} ({', '.join(classes.names[:6])})."
        )


def _voxels(classes: Classes, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (classes, voxels) that sum to 1, and labels (voxels,), in what the network was given."""
    check_label_map(classes, labels)
    p = classes.probability[:, classes.inside].astype(np.float32)
    return p / p.sum(axis=0), labels[classes.box][classes.inside].astype(np.int64)  # halves are rounded
