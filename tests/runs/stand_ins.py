"""In place of a network: those that go wrong. Workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.bench.cohort import BrightVoxels
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.runs.setting import Setting


@dataclass(frozen=True)
class Odd:
    """Bright voxels, but what the second visit meets is odd."""

    setting: Setting
    window_share: float

    def predict(self, images, *, skull, bias_correction, progress):
        if "sub-00001" in str(images["flair"].path):
            self.meet(progress)
        prediction = BrightVoxels(self.setting).predict(
            images, skull=skull, bias_correction=bias_correction, progress=progress
        )
        prediction.information["notes"].append(f"windows {self.window_share:g}")
        return prediction


class Dies(Odd):
    """As a worker does that takes too much memory."""

    def meet(self, progress):
        os.kill(os.getpid(), signal.SIGKILL)


class DiesInLargeWindows(Odd):
    def meet(self, progress):
        if self.window_share == 1:
            os.kill(os.getpid(), signal.SIGKILL)


class Fails(Odd):
    def meet(self, progress):
        raise InputError("This scan is no scan.")


class Breaks(Odd):
    def meet(self, progress):
        raise RuntimeError("a\nfault")


class Slow(Odd):
    """Takes long over the second visit, and says how it goes."""

    def meet(self, progress):
        while True:
            progress("slow", 0.5)
            time.sleep(0.02)


def loader(kind):
    def load(options, setting, window_share):
        return kind(setting, window_share)

    return load


def load_dies(options, setting, window_share):
    return Dies(setting, window_share)


def load_dies_in_large_windows(options, setting, window_share):
    return DiesInLargeWindows(setting, window_share)


def load_slow(options, setting, window_share):
    return Slow(setting, window_share)


@dataclass(frozen=True)
class Several(BrightVoxels):
    """Bright voxels with two members that differ, on a scan that is unlike those seen where it is noisy."""

    def predict(self, images, **options):
        found = super().predict(images, **options)
        values = np.concatenate([found.members.values, found.members.values**2])
        if "sub-00002" in str(images["flair"].path):
            found.information["unlike_seen_scans"] = ["noise is 9 %"]
        return replace(found, members=Members(found.members.box, values))


def load_several(options, setting, window_share):
    return Several(setting)
