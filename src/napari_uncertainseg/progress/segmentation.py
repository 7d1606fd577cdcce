"""The steps of segmenting a scan, as they are expected before anything is known of it."""

from __future__ import annotations

from collections.abc import Sequence

IMPORT, READ = "import", "read"
ALIGN, REGISTER, SKULL, BRAIN = "align", "register", "skull", "brain"
BIAS, NORMALISE, STEPS_OF_MODEL = "bias", "normalise", "steps of the model"
NETWORK, FIRST_PASS, PASSES, MAPS, FEATURES = "network", "first pass", "passes", "maps", "features"
LESIONS, WRITE, VISITS = "lesions", "write", "visits"
READY, TRIAL = "ready", "trial"
"""Keys of steps. Sizes are millions of voxels of the scan where all voxels are gone through, else counts."""

USUAL_VOXELS = 7.2
"""Millions, of a scan of 1 mm: before it is read."""
USUAL_MEMBERS = {"mc-dropout": 10, "flips": 8}
"""Of methods whose members come one by one, where the user names no number."""
USUAL_BOX = 3.0
"""Millions of voxels around a brain that a network reads, before it is known where the brain is."""
_LONGEST = 80
_ALL_AT_ONCE = ("one-pass", "layers")
"""Methods whose members come from one pass."""


def millions(shape: Sequence[int]) -> float:
    """Voxels of a scan, in millions."""
    count = 1.0
    for side in shape:
        count *= side
    return count / 1e6


def of_model(step: str, method: str, model: str) -> str:
    """The key of a step that depends on method and model."""
    return f"{step}/{method}/{model}"[:_LONGEST]


def preparing(scans: int, voxels: float) -> dict[str, float]:
    """Steps of preparing scans; what is found out on the way (a brain is to be found) is expected then."""
    return {ALIGN: (scans - 1) * voxels, SKULL: voxels, NORMALISE: scans * voxels}


def passing(
    method: str, model: str, members: int, *, loaded: bool, box: float = USUAL_BOX
) -> dict[str, float]:
    """Passes of the network through a box of so many millions of voxels; the very first warms it up."""
    first = of_model(FIRST_PASS if loaded else f"{FIRST_PASS}/new", method, model)
    more = 0 if method in _ALL_AT_ONCE else members - 1
    return {first: box, of_model(PASSES, method, model): more * box}


def tried(method: str, model: str, seconds: Sequence[float]) -> dict[str, float]:
    """Seconds by key, of a first pass and of a later one as tried; the very first is like any other."""
    firsts = [of_model(first, method, model) for first in (FIRST_PASS, f"{FIRST_PASS}/new")]
    later = {of_model(PASSES, method, model): one for one in seconds[1:]}
    return {**dict.fromkeys(firsts, seconds[0]), **later}


def segmenting(
    scans: int, voxels: float, method: str, model: str, members: int, *, loaded: bool = False
) -> dict[str, float]:
    """Steps from the scans to a prediction.

    Parameters
    ----------
    scans
        How many.
    voxels
        Of one, in millions.
    method, model
        Names.
    members
        How many.
    loaded
        Whether the network is.

    Returns
    -------
    dict
        Sizes by key, for `Course.expect`.
    """
    return {
        **preparing(scans, voxels),
        of_model(NETWORK, "load", model): not loaded,
        **passing(method, model, members, loaded=loaded),
        MAPS: voxels,
        FEATURES: voxels,
    }
