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

    odd = ("sub-00001",)

    def predict(self, images, *, skull, bias_correction, progress):
        path = str(images["flair"].path)
        if any(name in path for name in self.odd):
            self.meet(progress, path)
        prediction = BrightVoxels(self.setting).predict(
            images, skull=skull, bias_correction=bias_correction, progress=progress
        )
        prediction.information["notes"].append(f"windows {self.window_share:g}")
        return prediction


class Dies(Odd):
    """As a worker that takes too much memory: of the second visit in large windows, of the third always."""

    odd = ("sub-00001", "sub-00002")

    def meet(self, progress, path):
        if self.window_share == 1 or "sub-00002" in path:
            os.kill(os.getpid(), signal.SIGKILL)


class RunsOutOfMemory(Odd):
    """Without being killed: for the second visit in large windows, for the third always."""

    odd = ("sub-00001", "sub-00002")

    def meet(self, progress, path):
        if self.window_share == 1 or "sub-00002" in path:
            raise MemoryError


class Fails(Odd):
    def meet(self, progress, path):
        raise InputError("This scan is no scan.")


class Breaks(Odd):
    def meet(self, progress, path):
        raise RuntimeError("a\nfault")


class Slow(Odd):
    """Takes long over the second visit, and says how it goes."""

    def meet(self, progress, path):
        while True:
            progress("slow", 0.5)
            time.sleep(0.02)


def loader(kind):
    def load(options, setting, window_share):
        return kind(setting, window_share)

    return load


def load_dies(options, setting, window_share):
    return Dies(setting, window_share)


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
