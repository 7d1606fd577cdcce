"""What a recalibration would do, at once: from counts in fine bins, without touching a voxel."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.recalibration import Recalibration, Temperature, loss
from napari_uncertainseg.calibration.reliability import Reliability, bins_of, wilson_band


def reliability_after(
    evidence: ProbabilityHistogram, recalibration: Recalibration | None = None, *, bins: int = 20
) -> Reliability:
    """Reliability of the voxels of some evidence under a recalibration.

    As `reliability` of the recalibrated volume, but that the voxels of one fine bin stay together: one
    that lies across the edge of a coarse bin is counted where its mean is, at most a 1024th of its
    voxels' probability away.

    Parameters
    ----------
    evidence
        Of a prediction as the model made it, `ProbabilityHistogram.from_probability`.
    recalibration
        What to try; None for none.
    bins
        Of equal width, 1 to 254.

    Raises
    ------
    InputError
        If there are fewer or more bins than that.
    """
    if not 1 <= bins <= 254:
        raise InputError(f"A reliability diagram has 1 to 254 bins, not {bins}.")
    log_p, log_not, is_lesion, count = evidence.nodes
    p = np.exp(log_p) if recalibration is None else recalibration.at(log_p, log_not)
    edges = np.linspace(0, 1, bins + 1)
    where = bins_of(p.astype(np.float32), edges)
    total = np.bincount(where, weights=count * p, minlength=bins)
    voxels = np.bincount(where, weights=count, minlength=bins)
    positive = np.bincount(where[is_lesion], weights=count[is_lesion], minlength=bins)
    with np.errstate(invalid="ignore"):
        mean, fraction = total / voxels, positive / voxels
    return Reliability(edges, mean, fraction, voxels.astype(np.int64), *wilson_band(positive, voxels))


def fixed_temperature(evidence: ProbabilityHistogram, temperature: float) -> Temperature:
    """A temperature that somebody chose, with what it does to the likelihood of some evidence.

    Raises
    ------
    InputError
        If the evidence has no voxel, or the temperature lies outside of 1/64 to 64.
    """
    log_p, log_not, is_lesion, count = evidence.nodes
    if not len(count):
        raise InputError("There is no voxel in the region to try a temperature on.")
    z = log_p - log_not
    Temperature(0.0, 0.0, temperature)  # says what is wrong with it
    return Temperature(loss(z, is_lesion, count), loss(z / temperature, is_lesion, count), temperature)
