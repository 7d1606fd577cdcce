"""Bring a scan of another visit onto the grid of this one, to look at both at one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.images.preparation.align import (
    Coarse,
    displacement,
    register,
    shared_information,
    show_one_head,
)
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Volume


@dataclass(frozen=True, eq=False)
class AlignedVisit:
    """A scan of another visit on this visit's grid.

    Attributes
    ----------
    data
        float32, shape of the grid, 0 where the scan shows nothing.
    how
        What was done, one sentence for the user.
    doubt
        Why both may not show one head, one sentence; empty where they seem to.
    moved_mm, turned_degrees
        By how much the head was moved and turned against what the headers say.
    """

    data: np.ndarray
    how: str
    doubt: str = ""
    moved_mm: float = 0.0
    turned_degrees: float = 0.0


def align_visit(moving: Volume, fixed: Volume, progress: Progress = silent) -> AlignedVisit:
    """Bring a scan of another visit of one patient onto this visit's grid.

    A head never lies in the scanner twice in one way, so that headers say little: only scans on one grid
    that show one head at one place are taken as they are, as in a data set that was registered before. All
    others are registered (rigid, mutual information), and stay where the header has them if that fits better.

    Parameters
    ----------
    moving, fixed
        The scan of the other visit, and this visit's.
    progress
        Told how far it is.

    Raises
    ------
    InputError
        If they cannot be registered.
    Cancelled
        Within one iteration of the registration.
    """
    progress("preparing both scans", 0.0)
    there = Coarse(fixed)
    small, target = Coarse(moving).copy, there.copy
    by_header = resample_to(small, target.grid)
    same_grid = moving.grid.same_as(fixed.grid)
    if same_grid and show_one_head(there, by_header):
        return AlignedVisit(moving.data, "Both lie on one grid already: nothing was moved.")
    transform = register(small, target, progress)
    registered = resample_to(small, target.grid, transform)
    progress("comparing", 0.99)
    if shared_information(there, registered)[0] <= shared_information(there, by_header)[0]:
        data, how = resample_to(moving, fixed.grid), "It lies where its header says: no shift fits better."
        return AlignedVisit(data, how, _doubt(there, by_header))
    moved, turned = displacement(transform, target), _turned(transform)
    how = f"It was registered (rigid): moved by {moved:.1f} mm and turned by {turned:.1f} degrees."
    data = resample_to(moving, fixed.grid, transform)
    return AlignedVisit(data, how, _doubt(there, registered), moved, turned)


def _doubt(fixed: Coarse, moved: np.ndarray) -> str:
    if show_one_head(fixed, moved):
        return ""
    return "The two scans have little in common: check that both show the same patient."


def _turned(transform: np.ndarray) -> float:
    """By how much a rigid transform turns, degrees."""
    cosine = (np.trace(transform[:3, :3]) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
