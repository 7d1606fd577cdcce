"""Steps that change what voxels hold: the ways in which models made elsewhere normalise scans."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from napari_uncertainseg.networks.foreign_steps import Stack, Step, Undo, unmoved


@dataclass(frozen=True, kw_only=True)
class Intensities(Step):
    """Change what the voxels hold, not where they lie.

    Attributes
    ----------
    only
        Numbers of the channels that it is done to; None for all.
    together
        Whether statistics are taken over these channels together, and not of each.
    """

    only: tuple[int, ...] | None = None
    together: bool = False

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Change a copy of the channels."""
        channels = stack.channels.astype(np.float32, copy=True)
        chosen = list(range(len(channels)) if self.only is None else self.only)
        if self.together:
            channels[chosen] = self.change(channels[chosen])
        else:
            for one in chosen:
                channels[one] = self.change(channels[one])
        return replace(stack, channels=channels), unmoved

    @abstractmethod
    def change(self, values: np.ndarray) -> np.ndarray:
        """New values for some, float32 of any shape."""


@dataclass(frozen=True, kw_only=True)
class ZScore(Intensities):
    """Subtract a mean and divide by a standard deviation.

    Attributes
    ----------
    nonzero
        Whether only voxels that are not 0 are measured and changed.
    mean, deviation
        Of the training data, say; None for the scan's own.
    """

    nonzero: bool = False
    mean: float | None = None
    deviation: float | None = None

    def change(self, values: np.ndarray) -> np.ndarray:
        """z-score; the deviation of what does not vary counts as 1."""
        where = values != 0 if self.nonzero else np.ones(values.shape, bool)
        inside = values[where]
        if not inside.size:
            return values
        mean = inside.mean(dtype=np.float64) if self.mean is None else self.mean
        deviation = inside.std(dtype=np.float64) if self.deviation is None else self.deviation
        out = values.copy()
        out[where] = (inside - np.float32(mean)) / np.float32(deviation or 1.0)
        return out


@dataclass(frozen=True, kw_only=True)
class Clip(Intensities):
    """Cut values off below and above.

    Attributes
    ----------
    low, high
        Percentiles of the scan, 0 to 100: the least and the largest that stay.
    """

    low: float = 0.0
    high: float = 100.0

    def change(self, values: np.ndarray) -> np.ndarray:
        """Clip."""
        low, high = np.percentile(values, (self.low, self.high))
        return np.clip(values, np.float32(low), np.float32(high))


@dataclass(frozen=True, kw_only=True)
class Blank(Intensities):
    """Replace values on one side of a threshold.

    Attributes
    ----------
    threshold
        Values that are not beyond it are replaced.
    above
        Whether those above it stay, or those below.
    value
        What the others become.
    """

    threshold: float
    above: bool = True
    value: float = 0.0

    def change(self, values: np.ndarray) -> np.ndarray:
        """Replace."""
        stays = values > self.threshold if self.above else values < self.threshold
        return np.where(stays, values, np.float32(self.value))


@dataclass(frozen=True, kw_only=True)
class MapRange(Intensities):
    """Move a range of values linearly onto another.

    Attributes
    ----------
    start
        Two values; None for the least and the largest of the scan.
    percentiles
        Whether `start` are percentiles of the scan, 0 to 100, and not values.
    end
        What they become.
    clip
        Whether values beyond are cut off.
    """

    start: tuple[float, float] | None = None
    percentiles: bool = False
    end: tuple[float, float] = (0.0, 1.0)
    clip: bool = False

    def change(self, values: np.ndarray) -> np.ndarray:
        """Move; of values that do not vary as many units as the new range begins at, as MONAI does."""
        if self.start is None:
            low, high = float(values.min()), float(values.max())
        elif self.percentiles:
            low, high = (float(v) for v in np.percentile(values, self.start))
        else:
            low, high = self.start
        to_low, to_high = self.end
        if high == low:
            return values * np.float32(to_low) if self.start is None else values - np.float32(low - to_low)
        out = (values - np.float32(low)) / np.float32(high - low)
        out = out * np.float32(to_high - to_low) + np.float32(to_low)
        return np.clip(out, to_low, to_high) if self.clip else out
