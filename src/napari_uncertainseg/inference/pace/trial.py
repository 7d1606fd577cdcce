"""A network tried on a small patch: what its passes take, before the scans are prepared."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.inference.prediction_accumulator import PredictionAccumulator
from napari_uncertainseg.inference.sampling import Method, SamplingSetting
from napari_uncertainseg.inference.tiling import Windows
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.engine import Engine, NotedCheck
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import Course

_LOADING, _TRYING = "loading the network", "trying the network"
SIDE = 48
"""Voxels, of the patch: from here on a voxel takes about as long as in a whole brain."""
_PASSES = 2
"""At least so many are timed: one alone is off more."""
_WARM = 32
"""Of one that only makes the network ready."""


def can_be_tried(model: Model, device: Device) -> bool:
    """Whether a patch tells what a brain takes.

    A GPU takes about as long for either. Networks made elsewhere may have windows of a size of their own: one
    takes long, and those that are done tell how fast it goes.
    """
    return device.kind == "cpu" and not isinstance(model.preprocessing, ForeignPreprocessing)


def try_network(course: Course, engine: Engine, method: Method, model: Model, members: int) -> None:
    """Tell a course what passes seem to take on this machine.

    A network that cannot be tried will say so when it is needed.

    Parameters
    ----------
    course
        Of the run. What it raises when told ends the trial.
    engine, method, model, members
        See `time_passes`.
    """

    def seconds(clock: Callable[[], float], side: int, stage: str) -> tuple[float, ...]:
        with _watched(engine, lambda: course(stage, 0.0)):
            return time_passes(engine, method, model, members, clock, side)
        return ()

    def passes(clock: Callable[[], float]) -> dict[str, float]:
        found = seconds(clock, SIDE, _TRYING)
        return steps.tried(method.name, model.name, found) if found else {}

    ready = steps.of_model(steps.READY, method.name, model.name)
    course.expect({ready: 1, steps.TRIAL: 1})
    with course.step(ready, stage=_LOADING):  # what is compiled when it first runs is no part of a pass
        seconds(time.monotonic, _WARM, _LOADING)
    course.trial(passes, _TRYING)


@contextmanager
def _watched(engine: Engine, check: Callable[[], object]) -> Iterator[None]:
    """Call `check` while an engine runs; only what that raises is an error."""
    look = NotedCheck(check)
    before, engine.check = engine.check, look
    try:
        yield
    except Exception:
        if look.ended:
            raise
    finally:
        engine.check = before


def time_passes(
    engine: Engine, method: Method, model: Model, members: int, clock: Callable[[], float], side: int
) -> tuple[float, ...]:
    """Seconds that a million voxels take in the first pass of a method, and in a later one where it has any.

    Parameters
    ----------
    engine
        Of the model's first network. What `check` raises ends the trial.
    method, model, members
        As the run has them.
    clock
        Seconds that only grow.
    side
        Voxels, of the patch.
    """
    shape = (side, side, side)
    image = np.random.default_rng(0).standard_normal((len(model.modalities), *shape), np.float32)
    placed = engine.place(image)
    found: list[list[float]] = []

    def one_window(index: int) -> Windows:
        return Windows(placed, engine, side**3)

    for _ in range(_PASSES):
        setting = SamplingSetting(model, one_window, members)
        times = [clock()]
        collector = _collector(shape, model)
        for new in itertools.islice(method.passes(setting), min(members, _PASSES)):
            collector.add(new)
            times.append(clock())
        found.append(
            [(after - before) / steps.millions(shape) for before, after in itertools.pairwise(times)]
        )
        if len(times) > _PASSES:
            break
    return tuple(np.mean(found, 0).tolist())


def _collector(shape: tuple[int, int, int], model: Model) -> PredictionAccumulator:
    """What a run does with each pass."""
    whole = (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
    brain = np.ones(shape, bool)
    return PredictionAccumulator(NetworkInput({}, brain, whole, brain, shape), shape, model.classes)
