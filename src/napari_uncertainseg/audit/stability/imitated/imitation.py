"""One scan as if acquired in another way: noise, blur, thick slices, a bias field, a contrast curve."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_number
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Grid, Volume

BASELINE = "baseline"
"""The scan as it is."""
_WIDTH = math.sqrt(8 * math.log(2))  # full width at half maximum over standard deviation
_WAVE_MM = 110.0
_BRIGHT = 99.5
"""Percentile of what is not air that a contrast curve leaves where it is."""


@dataclass(frozen=True)
class Imitation:
    """A way to acquire a scan.

    Attributes
    ----------
    kind
        A name of `KINDS`, or ``"baseline"``.
    strength
        In the unit of the kind.
    """

    kind: str = BASELINE
    strength: float = 0.0

    @property
    def name(self) -> str:
        """Such as ``blur 2 mm``."""
        if self.kind == BASELINE:
            return BASELINE
        shown = self.strength * (100 if KINDS[self.kind].unit == "%" else 1)
        unit = KINDS[self.kind].unit
        return f"{self.kind} {shown:g}{' ' + unit if unit else ''}"

    @property
    def folder(self) -> str:
        """A name for a folder, such as ``blur-2``."""
        return BASELINE if self.kind == BASELINE else f"{self.kind}-{self.strength:g}"


@dataclass(frozen=True)
class Kind:
    """How a kind of acquisition is imitated.

    Attributes
    ----------
    unit
        Of its strength.
    usual
        Strengths that are imitated if none are named.
    low, high
        Strengths that mean something.
    meaning
        In words.
    make
        Of a volume, a strength, random numbers and the tissue's level the volume.
    """

    unit: str
    usual: tuple[float, ...]
    low: float
    high: float
    meaning: str
    make: Callable[[Volume, float, np.random.Generator, float], Volume]


def tissue_level(data: np.ndarray, brain: np.ndarray | None = None) -> float:
    """Median in the brain, or of what is not 0 where no brain is known: by this noise is measured.

    Raises
    ------
    InputError
        If it is not above 0.
    """
    shown = data[data != 0] if brain is None else data[brain]
    level = float(np.median(shown)) if shown.size else 0.0
    if not level > 0:
        raise InputError("A scan without positive intensities cannot be acquired in another way.")
    return level


def _noise(volume: Volume, strength: float, rng: np.random.Generator, level: float) -> Volume:
    """Rician noise: the length of the signal with Gaussian noise of both parts."""
    sigma = strength * level
    real = volume.data + sigma * rng.standard_normal(volume.data.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(volume.data.shape, dtype=np.float32)
    return _with(volume, np.hypot(real, imaginary))


def _blur(volume: Volume, strength: float, rng: np.random.Generator, level: float) -> Volume:
    sigmas = [strength / _WIDTH / step for step in volume.grid.spacing]
    return _with(volume, scipy.ndimage.gaussian_filter(volume.data, sigmas, mode="nearest"))


def _thick(volume: Volume, strength: float, rng: np.random.Generator, level: float) -> Volume:
    """Thicker slices, where they are thickest already: a Gaussian profile, on a grid of its own."""
    axis = int(np.argmax(volume.grid.spacing))
    step = volume.grid.spacing[axis]
    if strength <= 1.01 * step:
        raise InputError(
            f"'{volume.name}' has slices of {step:.3g} mm: slices of {strength:g} mm are no thicker ones."
        )
    shape = list(volume.grid.shape)
    ratio = strength / step
    shape[axis] = max(1, int(shape[axis] // ratio))
    affine = volume.grid.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (ratio - 1) / 2  # the first thick slice begins where the first did
    affine[:3, axis] *= ratio
    grid = Grid((shape[0], shape[1], shape[2]), affine, volume.grid.stored)
    made = resample_to(volume, grid)
    shown = resample_to(replace(volume, data=(volume.data != 0).astype(np.float32)), grid)
    return replace(volume, data=np.where(shown >= 0.5, made, np.float32(0)), grid=grid)


def _bias(volume: Volume, strength: float, rng: np.random.Generator, level: float) -> Volume:
    """A smooth field that multiplies, from 1 - strength to 1 + strength at its extremes."""
    at = np.meshgrid(
        *(
            np.arange(n, dtype=np.float32) * d
            for n, d in zip(volume.data.shape, volume.grid.spacing, strict=True)
        ),
        indexing="ij",
        sparse=True,
    )
    field = np.zeros(volume.data.shape, np.float32)
    for _ in range(4):
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        wave = 2 * np.pi / (_WAVE_MM * rng.uniform(1.0, 2.0))
        field += np.cos(
            sum(wave * d * x for d, x in zip(direction.astype(np.float32), at, strict=True))
            + np.float32(rng.uniform(0, 2 * np.pi))
        )
    inside = field[volume.data != 0]
    low, high = float(inside.min()), float(inside.max())
    field = (2 * (field - low) / max(high - low, 1e-6) - 1) * strength
    return _with(volume, volume.data * (1 + np.clip(field, -strength, strength)))


def _contrast(volume: Volume, strength: float, rng: np.random.Generator, level: float) -> Volume:
    """A power of the brightness; what is brightest and what is 0 stay."""
    shown = volume.data[volume.data > 0]
    bright = float(np.percentile(shown, _BRIGHT)) if shown.size else level
    return _with(volume, bright * (np.clip(volume.data, 0, None) / bright) ** strength)


def _with(volume: Volume, data: np.ndarray) -> Volume:
    """Other data; what is exactly 0 was cut out, and stays."""
    made = np.where(volume.data == 0, np.float32(0), data.astype(np.float32, copy=False))
    return replace(volume, data=made)


KINDS: Mapping[str, Kind] = {
    "noise": Kind(
        "%", (0.02, 0.05, 0.1), 0, 1, "Rician noise, sigma as a share of the median brightness", _noise
    ),
    "blur": Kind("mm", (1.5, 2.5, 3.5), 0, 20, "Gaussian, full width at half maximum", _blur),
    "thick": Kind("mm", (2.0, 3.0, 5.0), 0, 30, "slices of that thickness", _thick),
    "bias": Kind("%", (0.2, 0.4), 0, 0.95, "smooth field that multiplies by 1 +- that share", _bias),
    "contrast": Kind("", (0.7, 1.4), 0.05, 20, "brightness to that power", _contrast),
}
"""What can be imitated, by name."""


def usual_imitations() -> tuple[Imitation, ...]:
    """The baseline, and each kind in its usual strengths."""
    return (Imitation(), *(Imitation(name, s) for name, kind in KINDS.items() for s in kind.usual))


def parse_imitations(said: Sequence[str]) -> tuple[Imitation, ...]:
    """What the user named, such as ``noise=0.05,0.1`` or ``blur``; the baseline comes first.

    Raises
    ------
    InputError
        If a kind is unknown, or a strength means nothing.
    """
    found = [Imitation()]
    for one in said:
        name, _, strengths = one.partition("=")
        if name not in KINDS:
            raise InputError(f"Acquisitions are imitated by {', '.join(KINDS)}, not by {one!r}.")
        kind = KINDS[name]
        for text in strengths.split(",") if strengths else ():
            found.append(Imitation(name, _strength(name, text)))
        if not strengths:
            found += [Imitation(name, s) for s in kind.usual]
    if len(set(found)) < len(found):
        raise InputError("An imitation is named twice; name each kind and strength once.")
    return tuple(found) if len(found) > 1 else usual_imitations()


def _strength(name: str, text: str) -> float:
    kind = KINDS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not kind.low < value <= kind.high:
        raise InputError(
            f"The strength of {name} is a number above {kind.low:g} and at most {kind.high:g} "
            f"({kind.meaning}), not {text!r}."
        )
    return value


def imitate(
    volume: Volume,
    imitation: Imitation,
    *,
    person: str = "",
    seed: int = 0,
    brain: np.ndarray | None = None,
) -> Volume:
    """Imitate another acquisition of a scan.

    Parameters
    ----------
    volume
        A scan. Voxels that are exactly 0 were cut out, and stay 0.
    imitation
        How.
    person
        Whose it is: the same seed gives other noise to other people and modalities.
    seed
        The same one gives the same scan.
    brain
        bool, of the scan's shape: where tissue's brightness is taken from. Without it air counts as well,
        which is right for scans that were cut out only.

    Returns
    -------
    Volume
        float32; with thick slices on a grid of its own, otherwise on the same.

    Raises
    ------
    InputError
        If the kind is unknown, the strength means nothing, or the scan has no positive intensity.
    """
    if imitation.kind == BASELINE:
        return volume
    if imitation.kind not in KINDS:
        raise InputError(f"Acquisitions are imitated by {', '.join(KINDS)}, not by {imitation.kind!r}.")
    kind = KINDS[imitation.kind]
    as_number(imitation.strength, f"The strength of {imitation.kind}", kind.low, kind.high)
    who = zlib.crc32(f"{person}/{volume.modality}/{imitation.folder}".encode())
    rng = np.random.default_rng([seed, who])
    level = tissue_level(volume.data, brain)
    return replace(kind.make(volume, imitation.strength, rng, level), path=None)
