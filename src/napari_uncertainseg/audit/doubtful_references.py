"""References that can hardly be of the scan that they are compared with: a wrong file, a mask of the brain.

Fixed bounds, far beyond what a poor model and a careful reader give together; no statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.nouns import LESION, Noun, is_lesion

LEAST_DICE = 0.05
"""Below this, two masks of some size have hardly anything to do with each other."""
LEAST_ML = 1.0
"""Smaller ones may well miss each other."""
MOST_OF_BRAIN = 0.2
"""Labelled scans have up to 0.05 of the brain as lesions."""
_MOST_NAMES = 5


@dataclass(frozen=True)
class ComparedReference:
    """A reference beside the result that it is compared with.

    Attributes
    ----------
    name
        Of the case.
    dice
        Of both.
    volume_ml, reference_ml
        Of the result and the reference.
    brain_ml
        NaN where it is not known, or where something else than lesions is segmented.
    """

    name: str
    dice: float
    volume_ml: float
    reference_ml: float
    brain_ml: float = math.nan


def compare_reference(
    name: str,
    predicted: np.ndarray,
    truth: np.ndarray,
    brain: np.ndarray,
    voxel_mm3: float,
    target: str | None = None,
) -> ComparedReference:
    """Put a reference beside its result.

    Parameters
    ----------
    name
        Of the case.
    predicted, truth, brain
        Masks of one shape.
    voxel_mm3
        Volume of a voxel.
    target
        What is segmented; lesions if None.
    """
    result, reference, whole = (
        float(np.count_nonzero(m)) * voxel_mm3 / 1000 for m in (predicted, truth, brain)
    )
    known = is_lesion(Noun(target or LESION).one)
    return ComparedReference(name, dice(predicted, truth), result, reference, whole if known else math.nan)


def notes_on_references(compared: Sequence[ComparedReference]) -> list[str]:
    """Which references should be looked at before any number is believed, a sentence for each reason.

    Parameters
    ----------
    compared
        Of all cases with a reference.
    """
    apart = [
        f"{one.name} (Dice {one.dice:.2f}, {one.reference_ml:.1f} ml against {one.volume_ml:.1f} ml)"
        for one in compared
        if one.dice < LEAST_DICE and min(one.volume_ml, one.reference_ml) > LEAST_ML
    ]
    large = [
        f"{one.name} ({one.reference_ml:.1f} of {one.brain_ml:.1f} ml)"
        for one in compared
        if one.reference_ml > MOST_OF_BRAIN * one.brain_ml
    ]
    found, ask = [], "is it the right reference?"
    if apart:
        found.append(f"The reference hardly overlaps the result in {_listed(apart)}: {ask}")
    if large:
        found.append(f"The reference fills more than a fifth of the brain in {_listed(large)}: {ask}")
    return found


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
