"""Readers who tick for reasons of their own, or for that of the model: is the arithmetic right?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_uncertainseg.explain.feedback.answers import ANY, Answers
from napari_uncertainseg.review.feedback import REASONS


def simulated(
    seed: int, *, planted: float, cases: int = 10, lesions: int = 14, readers: int = 2
) -> tuple[Answers, pd.DataFrame]:
    """Answers and drivers of simulated readers.

    Doubt is larger of small lesions, and in some scans; readers find scans hard, too, and agree with each
    other on which lesions are hard. ``planted`` (0 for none) is how far that goes with the size.
    """
    rng = np.random.default_rng(seed)
    rows, drivers = [], []
    for case in range(cases):
        scan = rng.normal()
        small = rng.normal(size=lesions)
        doubt = 1 / (1 + np.exp(-(small + scan + rng.normal(size=lesions))))
        other, noise = rng.normal(size=(2, lesions))
        for reader in range(readers):
            hard = planted * small + other + 0.7 * rng.normal(size=lesions) + scan
            ticks = {reason: rng.random(lesions) < 0.2 for reason in REASONS}
            ticks["size"] = hard > 0.8
            some = np.any(list(ticks.values()), axis=0)
            for i in range(lesions):
                sureness = float(np.clip(np.round(2 - hard[i] + rng.normal()), 1, 3))
                said = [bool(ticks[reason][i]) for reason in REASONS]
                row = (f"{case}-{reader}", f"reader {reader}", case, (i, 0, 0), doubt[i], np.exp(-small[i]))
                rows.append((*row, sureness, bool(some[i]), *said))
                drivers.append((np.exp(-small[i]), noise[i], 1.0, "juxtacortical"))
    names = ["reading", "reader", "case", "voxel", "doubt", "volume_mm3", "sureness", ANY, *REASONS]
    measured = pd.DataFrame(drivers, columns=["volume_mm3", "noise", "slice_mm", "place"])
    return Answers(pd.DataFrame(rows, columns=names), 0, 0, ()), measured
