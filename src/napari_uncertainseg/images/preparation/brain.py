"""Where the brain is: already cut out, given by the user, or found in the head."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.images.preparation.brain_deepbet import brain_by_deepbet
from napari_uncertainseg.images.preparation.brain_network import brain_by_network
from napari_uncertainseg.images.preparation.skull import Surroundings, shown_surface, surroundings
from napari_uncertainseg.images.volume import Volume

FEWEST_LITRES, MOST_LITRES = 0.003, 3.0
"""Beyond these nothing is a brain."""
USUAL_LITRES = (0.8, 2.2)
"""With its fluid, and as generously as some masks are drawn."""
HEAD_SHARE = (0.15, 0.85)
"""What of a head is brain; the lower, the more of the neck is seen."""

Finder = Literal["network", "deepbet"]
FINDER: Finder = "deepbet"
"""What finds the brain, measured in ``docs/results.md``."""


def find_brain(scan: Volume, progress: Progress = silent, finder: Finder = FINDER) -> np.ndarray:
    """Brain mask of a scan with its skull.

    Parameters
    ----------
    scan
        FLAIR, T1 or T2.
    progress
        Called now and then; may raise ``Cancelled``.
    finder
        ``"network"``: the one that ships with the package. ``"deepbet"``: an extra, made for T1.

    Returns
    -------
    numpy.ndarray
        bool, shape of the scan.

    Raises
    ------
    InputError
        If no brain is found, or the finder is not installed.
    Cancelled
        Within half a second.
    """
    mask = brain_by_network(scan, progress) if finder == "network" else brain_by_deepbet(scan, progress)
    if not mask.any():
        raise InputError(f"'{scan.name}': no brain was found; choose a brain mask.")
    return mask


def already_stripped(scan: Volume, around: Surroundings) -> np.ndarray:
    """Brain mask of a scan whose skull was removed: what is not air, with ventricles and other holes filled.

    Raises
    ------
    InputError
        If the scan shows nothing.
    """
    mask = shown_surface(scan, around)
    if not mask.any():
        raise InputError(f"'{scan.name}': no brain was found; choose a brain mask.")
    return mask


def check_brain(brain: np.ndarray, scan: Volume, *, given: bool = False) -> list[str]:
    """What is strange about a brain: one sentence each.

    Parameters
    ----------
    brain
        bool, on the scan's grid.
    given
        By the user, who may want it so.

    Raises
    ------
    InputError
        If no brain has such a volume and it was not given.
    """
    litres = float(brain.sum()) * scan.grid.voxel_volume / 1e6
    cut = _cut(brain)
    size = " x ".join(f"{mm:.3g}" for mm in scan.grid.spacing[::-1])
    found = f"The brain {'given for' if given else 'found in'} '{scan.name}' has {litres:.2g} l"
    usual = f"an adult's has about 1.0 to 2.0 l: check the voxel size ({size} mm)"
    impossible = litres > MOST_LITRES or (litres < FEWEST_LITRES and not cut)
    if given:
        return [f"{found}, and {usual}."] if impossible else []
    remedy = f"{usual}, say whether the skull was removed, or choose a brain mask"
    if impossible:
        raise InputError(f"{found}, and {remedy}.")
    notes = []
    if litres > USUAL_LITRES[1] or (litres < USUAL_LITRES[0] and not cut):
        notes.append(f"{found}, which is unusual; {remedy}.")
    if cut:
        notes.append(
            f"The scan cuts the brain off at the {' and the '.join(cut)}: what lies beyond is missing."
        )
    return notes


def check_share(brain: np.ndarray, scan: Volume) -> list[str]:
    """Likewise, of a brain that was found in a head: what share of the head it is.

    Parameters
    ----------
    brain
        bool, of the scan's shape.
    scan
        In which it was found.
    """
    head = shown_surface(scan, surroundings(scan))
    share = float((brain & head).sum()) / max(int(head.sum()), 1)
    low, high = HEAD_SHARE
    if low <= share <= high:
        return []
    hint = "the skull may have been removed before" if share > high else "part of it may be missing"
    return [
        f"The brain found is {share:.0%} of the head, usual are {low:.0%} to {high:.0%}: {hint}; look at it."
    ]


def _cut(brain: np.ndarray) -> list[str]:
    """Sides at which the scan ends amid the brain; the spinal cord may leave it."""
    found = []
    for axis, names in enumerate((("bottom", "top"), ("back", "front"), ("left", "right"))):
        areas = brain.sum(axis=tuple(a for a in range(3) if a != axis))
        found += [name for name, area in zip(names, areas[[0, -1]], strict=True) if area > 0.2 * areas.max()]
    return found
