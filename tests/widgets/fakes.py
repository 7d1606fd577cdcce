"""Predictions made without a network: a mask, blurred; members are the mask, shifted."""

from __future__ import annotations

import time

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.prediction.prediction import Prediction

from ..builders import make_prediction


def entropy(p):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return (-(p * np.log(p) + (1 - p) * np.log1p(-p))).astype(np.float32)


def fake_prediction(mask: np.ndarray, grid: Grid, *, sigma: float = 1.0, members: int = 5) -> Prediction:
    """What a network that is a little unsure of a mask could say."""
    rng = np.random.default_rng(3)
    soft = gaussian_filter(mask.astype(np.float32), sigma)
    values = np.stack([np.roll(soft, rng.integers(-1, 2, 3), (0, 1, 2)) for _ in range(members)])
    mean = values.mean(0)
    total, expected = entropy(mean), entropy(values).mean(0)
    return make_prediction(
        mean,
        values.astype(np.float16),
        grid=grid,
        entropy=np.where(mean > 1e-3, total, 0).astype(np.float32),
        expected_entropy=expected.astype(np.float32),
        mutual_information=np.where(mean > 1e-3, np.maximum(total - expected, 0), 0).astype(np.float32),
        variance=values.var(0),
        disagreement=values.var(0),
        information={"seconds": {"total": 1.0}, "notes": ["The scan is already stripped."]},
    )


class FakeSegmenter:
    """Thresholds the FLAIR; tells its progress and heeds Cancel."""

    def __init__(self, model, *, method, members, device, seed, steps=4, pause=0.01):
        self.asked = {"model": model, "method": method, "members": members, "device": device, "seed": seed}
        self._members, self._steps, self._pause = members, steps, pause

    def predict(self, images, *, mask=None, brain=None, look, skull="auto", bias_correction="auto", progress):
        for step in range(self._steps):
            progress(f"member {step + 1} of {self._steps}", step / self._steps)
            time.sleep(self._pause)
        flair: Volume = images["flair"]
        return fake_prediction(flair.data > 0.9, flair.grid, members=self._members)
