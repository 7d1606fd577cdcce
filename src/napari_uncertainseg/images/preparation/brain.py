"""Where the brain is: already cut out, given by the user, or found in the head."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.images.preparation.brain_deepbet import brain_by_deepbet
from napari_uncertainseg.images.preparation.brain_network import brain_by_network
from napari_uncertainseg.images.preparation.brain_shape import CUT, SIDES, brain_shape, shares_at_ends
from napari_uncertainseg.images.preparation.found_brain import litres_of
from napari_uncertainseg.images.preparation.skull import Surroundings, shown_surface, surroundings
from napari_uncertainseg.images.volume import Volume

FEWEST_LITRES, MOST_LITRES = 0.003, 3.0
"""Beyond these nothing is a brain."""
USUAL_LITRES = (0.9, 2.0)
"""With its fluid."""
HEAD_SHARE = (0.15, 0.85)
"""What of a head is brain; the lower, the more of the neck is seen."""
MOST_SKULL = 0.07
"""Share of the lines inwards from the outline that may come through a skull; 0 to 0.03 on good masks."""
LOOK = "Look at its outline, and mend it by painting or choose a brain mask where it is wrong."

_SMALL_LITRES = 0.095
"""Below this, hundredths of a litre say too little."""
_SMALL = "A child's brain, or a part of a brain that was scanned on purpose, can be so small."

Finder = Literal["network", "deepbet"]
FINDER: Finder = "network"
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


def already_stripped(scan: Volume, around: Surroundings, shown: np.ndarray | None = None) -> np.ndarray:
    """Brain mask of a scan whose skull was removed: what is not air, with ventricles and other holes filled.

    Parameters
    ----------
    scan
        The scan.
    around
        Its surroundings.
    shown
        What it shows, where that is known.

    Raises
    ------
    InputError
        If the scan shows nothing.
    """
    mask = shown_surface(scan, around) if shown is None else shown
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
    litres = _litres(brain, scan)
    cut = _cut(brain)
    size = " x ".join(f"{mm:.3g}" for mm in scan.grid.spacing[::-1])
    found = f"The brain {'given for' if given else 'found in'} '{scan.name}' has {_said(litres)} l"
    expected = f"an adult's has about 1.0 to 2.0 l: check the voxel size ({size} mm)"
    impossible = litres > MOST_LITRES or (litres < FEWEST_LITRES and not cut)
    if given:
        return [f"{found}, and {expected}."] if impossible else []
    remedy = f"{expected}, say whether the skull was removed, or choose a brain mask"
    if impossible:
        raise InputError(f"{found}, and {remedy}.")
    small = "" if litres > USUAL_LITRES[1] else f" {_SMALL}"
    notes = [] if has_usual_volume(brain, scan) else [f"{found}, which is unusual; {remedy}.{small}"]
    if cut:
        notes.append(
            f"The scan cuts the brain off at the {' and the '.join(cut)}: what lies beyond is missing."
        )
    return notes


def strange_brain(brain: np.ndarray, scan: Volume) -> str:
    """What looks wrong about a brain that was found in a head: one sentence, empty where nothing does.

    Measured in ``docs/results.md``: it is silent on good masks and speaks on broken ones.

    Parameters
    ----------
    brain
        bool, of the scan's shape, not empty.
    scan
        In which it was found.
    """
    words = brain_shape(brain, scan.grid).strange
    if not has_usual_volume(brain, scan):
        words.insert(0, f"has {_said(_litres(brain, scan))} l, where an adult's has about 1.0 to 2.0 l")
    if _skull_within(brain, scan) > MOST_SKULL:
        words.append("takes in skull or scalp")
    head = shown_surface(scan, surroundings(scan))
    share = float((brain & head).sum()) / max(int(head.sum()), 1)
    low, high = HEAD_SHARE
    if not low <= share <= high:
        hint = " (was the skull removed before?)" if share > high else ""
        words.append(f"is {share:.0%} of the head{hint}")
    if not words:
        return ""
    return f"The brain found in '{scan.name}' looks strange: it {_listed(words)}. {LOOK}"


def _listed(words: list[str]) -> str:
    """Words as a list in a sentence: "a, b and c"."""
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), words[-1]])


def has_usual_volume(brain: np.ndarray, scan: Volume) -> bool:
    """Whether an adult's brain may have this volume, else the user should look before it is used.

    Slabs are scanned on purpose, so what ends below or above may be small. A part that ends at a side, or
    within the scan, may be meant too: the user is asked, and nothing is refused.

    Parameters
    ----------
    brain
        bool, of the scan's shape, not empty.
    scan
        In which it was found.
    """
    (low, high), litres = USUAL_LITRES, _litres(brain, scan)
    return litres <= high and (litres >= low or any(side in SIDES[0] for side in _cut(brain)))


def _litres(brain: np.ndarray, scan: Volume) -> float:
    """Volume of a brain, as exact as it is said: what is compared and what is read are one number."""
    litres = litres_of(brain, scan.grid)
    return round(litres, 2) if litres >= _SMALL_LITRES else litres


def _said(litres: float) -> str:
    """A volume in words; of what is far too small, two digits."""
    return f"{litres:.2f}" if litres >= _SMALL_LITRES else f"{litres:.2g}"


def _skull_within(brain: np.ndarray, scan: Volume) -> float:
    """Share of lines inwards from a mask's surface that come through something as dark as a skull."""
    inside = np.where(brain, scan.data - scan.data.min(), 0).astype(np.float32)
    return surroundings(replace(scan, data=inside)).dark


def _cut(brain: np.ndarray) -> list[str]:
    """Sides at which the scan ends amid the brain; the spinal cord may leave it."""
    ends = zip(SIDES, shares_at_ends(brain), strict=True)
    return [name for names, pair in ends for name, share in zip(names, pair, strict=True) if share > CUT]
