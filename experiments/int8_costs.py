"""What a model costs in int8, on scans that were prepared and segmented in float32 once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cached import Cache, network_heads, prepared_scan
from comparing import table
from sources import Scan

from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.networks.engines.device import Precision, cpu_device
from napari_uncertainseg.networks.engines.int8.whole_numbers import WholeNumbers
from napari_uncertainseg.networks.formats.multihead import MultiHeadModel

SEEN = 0.05
"""Where float32 says more, changes are averaged."""
HEAD = ["rule", "source", "scans", "Dice, mean", "Dice, worst", "ACE, mean", "ACE, worst", "masks agree"]


class Scans:
    """Labelled scans, each prepared once; only one is held in memory."""

    def __init__(self, model: MultiHeadModel, data: Path, cache: Cache) -> None:
        self.model, self.cache = model, cache
        self._data = data
        self._held: tuple[Scan, NetworkInput, np.ndarray, np.ndarray] | None = None

    def source(self, scan: Scan) -> NetworkInput:
        """What the network reads of a scan."""
        return self._get(scan)[1]

    def image(self, scan: Scan) -> np.ndarray:
        """The same as one array, float32 (channels, z, y, x)."""
        source = self.source(scan)
        nothing = np.zeros(source.brain.shape, np.float32)
        return np.stack([source.channels.get(m, nothing) for m in self.model.modalities])

    def mean(self, scan: Scan, precision: Precision, numbers: WholeNumbers | None = None) -> np.ndarray:
        """Mean probability of all heads in the brain, on the scan's own voxels, float32 (voxels,)."""
        model = self.model if numbers is None else replace(self.model, whole_numbers=numbers)
        engine = model.engine(cpu_device("openvino").at(precision))
        source = self.source(scan)
        found = source.back(network_heads(source, model, engine).mean(axis=0))[self._get(scan)[3]]
        assert engine.device.precision == precision
        return np.asarray(found)

    def plain(self, scan: Scan) -> np.ndarray:
        """That of float32."""
        return self.cache.get_one("plain", scan, lambda: self.mean(scan, "float32"))

    def cost(self, scan: Scan, whole: np.ndarray) -> dict[str, Any]:
        """What probabilities in int8 cost, less those in float32."""
        _, _, reference, brain = self._get(scan)
        plain, inside = self.plain(scan), reference[brain]
        total = np.count_nonzero(reference)
        masks = [p >= self.model.threshold for p in (plain, whole)]
        scores = [_dice(mask, inside, total) for mask in masks]
        aces = [reliability(p, inside).ace for p in (plain, whole)]
        change = np.abs(whole - plain)
        return {
            "source": scan.source,
            "scan": scan.prefix,
            "plain dice": scores[0],
            "plain ace": aces[0],
            "dice": scores[1] - scores[0],
            "ace": aces[1] - aces[0],
            "agree": _dice(masks[1], masks[0], np.count_nonzero(masks[0])),
            "mean": float(change[plain > SEEN].mean()),
            "signed": float((whole - plain)[plain > SEEN].mean()),
            "largest": float(change.max()),
        }

    def _get(self, scan: Scan) -> tuple[Scan, NetworkInput, np.ndarray, np.ndarray]:
        if self._held is None or self._held[0] != scan:
            prepared, reference = prepared_scan(self._data, scan, self.cache)
            own = self.model.preprocessing
            source = prepared.network_input(own.spacing, own.smoothing)
            self._held = scan, source, reference, prepared.brain
        return self._held


def _dice(mask: np.ndarray, reference: np.ndarray, total: int) -> float:
    """Dice where `total` voxels of the reference count, those out of sight too."""
    return float(2 * np.count_nonzero(mask & reference) / max(1, np.count_nonzero(mask) + total))


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of rules and sources."""
    found = pd.DataFrame(rows)
    shown = []
    for rule, of_rule in found.groupby("rule", sort=False):
        parts = [*of_rule.groupby("source", sort=False), ("all", of_rule)]
        shown += [[str(rule), str(name), str(len(one)), *_cells(one)] for name, one in parts]
    return table([*HEAD, "p, mean change", "p, largest change"], shown)


def _cells(rows: pd.DataFrame) -> list[str]:
    worst = [rows[name].iloc[int(rows[name].abs().argmax())] for name in ("dice", "ace")]
    means = [rows[name].mean() for name in ("dice", "ace")]
    signed = [f"{value:+.4f}" for pair in zip(means, worst, strict=True) for value in pair]
    return [
        *signed,
        f"{rows['agree'].min():.3f}",
        f"{rows['mean'].mean():.4f}",
        f"{rows['largest'].max():.3f}",
    ]
