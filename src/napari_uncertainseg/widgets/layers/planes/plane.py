"""How each of the three planes is looked at: superior or anterior up, the patient's right on the left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg.widgets.layers.orientation_letters import (
    direction_letters,
    known_directions,
    opposite,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel

_RIGHT, _ANTERIOR, _SUPERIOR = 0, 1, 2
_NAMES = {_SUPERIOR: "Axial", _ANTERIOR: "Coronal", _RIGHT: "Sagittal"}


@dataclass(frozen=True)
class Plane:
    """A plane through the viewer's last three axes, which are counted 0, 1, 2 here.

    Attributes
    ----------
    across
        The axis that is cut.
    rows, columns
        The axes that run down and to the right on the screen.
    up, left
        Whether these run up, and to the left, instead.
    name
        What readers call it.
    letters
        Directions of the patient by edge (top, bottom, left, right); empty where they are not known.
    """

    across: int
    rows: int
    columns: int
    up: bool = False
    left: bool = False
    name: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)


def planes_of(viewer: ViewerModel) -> tuple[Plane, Plane, Plane]:
    """The plane across each of the viewer's last three axes.

    Where a layer says how it lies in the patient, each is as radiologists look at it: superior is up, in the
    axial plane anterior; the patient's right is on the left, in the sagittal plane anterior.
    """
    directions = known_directions(viewer)
    one, two, three = (_plane(axis, directions) for axis in range(3))
    return one, two, three


def _plane(across: int, directions: np.ndarray | None) -> Plane:
    rows, columns = (axis for axis in range(3) if axis != across)
    if directions is None:
        return Plane(across, rows, columns, name=f"Across axis {across}")
    patient = _patient_axes(directions)
    if patient[columns] == _SUPERIOR or (patient[rows] == _RIGHT and patient[columns] == _ANTERIOR):
        rows, columns = columns, rows
    up = bool(directions[rows][patient[rows]] > 0)
    left = bool(directions[columns][patient[columns]] > 0)
    bottom, right = direction_letters(directions[rows]), direction_letters(directions[columns])
    bottom = opposite(bottom) if up else bottom
    right = opposite(right) if left else right
    letters = {"top": opposite(bottom), "bottom": bottom, "left": opposite(right), "right": right}
    return Plane(across, rows, columns, up, left, _NAMES[patient[across]], letters)


def _patient_axes(directions: np.ndarray) -> list[int]:
    """The patient's axis that each of the viewer's is nearest to; no two the same."""
    from scipy.optimize import linear_sum_assignment

    unit = np.abs(directions) / np.linalg.norm(directions, axis=1, keepdims=True)
    return [int(axis) for axis in linear_sum_assignment(-unit)[1]]
