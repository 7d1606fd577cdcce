"""A network tried on a patch before a run: what it tells, when it is done, and that it changes nothing."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.inference.pace import trial
from napari_uncertainseg.inference.pace.trial import can_be_tried, time_passes
from napari_uncertainseg.inference.sampling import METHODS
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import Device, cpu_device
from napari_uncertainseg.networks.engines.torch_engine import TorchEngine
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import Course
from napari_uncertainseg.progress.usual_times import DEFAULTS, UsualTimes

from ..progress.made_up import FACTOR, Clock, worst

TORCH = cpu_device("torch").at("float32")
SLOW = {"heads": 1.0, "layers": 1.0, "encode": 0.5, "decode": 0.25}


@pytest.fixture(autouse=True)
def small_patches(monkeypatch):
    """Small beside the scan, as real ones are."""
    monkeypatch.setattr(trial, "SIDE", 8)
    monkeypatch.setattr(trial, "_WARM", 8)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engine_of(monkeypatch, clock):
    """A pass takes so many seconds for a million voxels; returns the list of voxels of all passes."""

    def make(seconds):
        seen = []
        for name, share in SLOW.items():
            original = getattr(TorchEngine, name)

            def slow(self, image, *given, original=original, share=share, name=name):
                found = original(self, image, *given)
                voxels = (found[0] if name == "decode" else image[0, 0]).numel()
                seen.append(voxels)
                for _ in range(10):
                    clock.now += share * seconds * voxels / 1e6 / 10
                    self.check()
                return found

            monkeypatch.setattr(TorchEngine, name, slow)
        return seen

    return make


@pytest.fixture
def lasting():
    times = UsualTimes()
    times.lasting = True
    return times


@pytest.fixture
def run(ensemble_folder, scan, brain_mask, clock):
    def predict(times, segmenter=None, tell=None, method="flips", members=4):
        segmenter = segmenter or Segmenter(ensemble_folder, method=method, members=members, device=TORCH)
        seen = []
        course = Course(tell or seen.append, lambda: times, clock)
        course.expect({})
        prediction = segmenter.predict({"flair": scan}, mask=brain_mask, progress=course)
        course.finish()
        course.keep()
        return prediction, seen

    return predict


def stages_of(seen):
    return [now.stage for now in seen]


def stages(seen):
    return list(dict.fromkeys(stages_of(seen)))


@pytest.mark.parametrize(
    ("method", "members", "expected"),
    [
        ("one-pass", 1, (40.0,)),
        ("flips", 1, (40.0,)),
        ("flips", 3, (40.0, 40.0)),
        ("mc-dropout", 5, (30.0, 10.0)),
    ],
)
def test_it_tells_seconds_for_a_million_voxels(ensemble_folder, engine_of, clock, method, members, expected):
    engine_of(40.0)
    model = find_model(ensemble_folder)
    engine = model.engine(TORCH, 0)
    found = time_passes(engine, METHODS[method], model, members, clock, 32)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("pace", [1.0, 2.0, 4.0])
@pytest.mark.parametrize(("method", "members"), [("one-pass", None), ("flips", 8), ("mc-dropout", 9)])
def test_after_the_trial_and_a_third_of_the_first_run_the_time_left_is_right(
    run, engine_of, lasting, clock, monkeypatch, pace, method, members
):
    """Also where the network alone is four times slower than the table says, or (dropout) twice as fast."""
    engine_of(pace * 100 * DEFAULTS["passes"])
    of_shape, load = steps.millions, Segmenter._engine
    monkeypatch.setattr(steps, "millions", lambda shape: 100 * of_shape(shape))  # as large as a real scan

    def loaded(self, device, index):
        clock.now += 0.0 if self.has_engine(device, index) else DEFAULTS["network"]
        return load(self, device, index)

    monkeypatch.setattr(Segmenter, "_engine", loaded)
    for step in ("normalise", "maps", "features"):  # for which this clock does not move
        monkeypatch.setitem(DEFAULTS, step, 1e-6)
    _, seen = run(lasting, method=method, members=members)
    tried = seen[stages_of(seen).index("normalising") :]  # what was told before was a guess
    assert worst(tried, until=0.6) <= FACTOR
    assert all(now.left is not None for now in seen)
    shares = [now.share for now in seen]
    assert shares == sorted(shares) and shares[-1] == 1


def test_it_is_done_once_for_each_method_before_the_scans_are_looked_at(run, engine_of, lasting):
    engine_of(1.0)
    _, seen = run(lasting)
    assert stages(seen)[:3] == ["loading the network", "trying the network", "normalising"]
    assert "trying the network" not in stages(run(lasting)[1])
    assert "trying the network" in stages(run(lasting, method="one-pass", members=None)[1])


def test_nothing_is_tried_where_times_are_not_kept(run, engine_of):
    passes = engine_of(1.0)
    _, seen = run(UsualTimes())
    assert stages(seen)[0] == "normalising" and len(passes) == 4


def test_a_trial_that_a_run_was_stopped_after_is_not_repeated(run, engine_of, lasting):
    engine_of(1.0)

    def stop(now):
        if now.stage == "normalising":
            raise Cancelled

    with suppress(Cancelled):
        run(lasting, tell=stop)
    assert lasting.kept and not lasting.known
    assert "trying the network" not in stages(run(lasting)[1])


@pytest.mark.parametrize("when", ["loading the network", "trying the network"])
def test_it_can_be_stopped(run, engine_of, lasting, ensemble_folder, when):
    passes = engine_of(1.0)
    segmenter = Segmenter(ensemble_folder, method="flips", members=4, device=TORCH)
    told = []

    def stop(now):
        told.append(now.stage)
        if told.count(when) > 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(lasting, segmenter, tell=stop)
    assert told[-1] == when and len(passes) <= 3
    assert not any(key.startswith("passes") for key in [one.key for one in lasting.kept])
    assert "done" in stages(run(lasting, segmenter)[1])


def test_the_result_is_the_same_to_the_last_bit(run, lasting):
    for method, members in (("one-pass", None), ("mc-dropout", 3)):
        tried, seen = run(lasting, method=method, members=members)
        plain, _ = run(UsualTimes(), method=method, members=members)
        assert "trying the network" in stages(seen)
        for name, values in plain.maps.items():
            np.testing.assert_array_equal(tried.maps[name], values)


def test_a_network_that_fails_says_so_when_it_is_needed(run, lasting, monkeypatch):
    monkeypatch.setattr(TorchEngine, "heads", lambda self, image: image[0] * float("nan"))
    seen = []
    with pytest.raises(InputError, match="finite"):
        run(lasting, tell=seen.append)
    assert "normalising" in stages(seen)
    assert not any(key.startswith("passes") for key in [one.key for one in lasting.kept])


def test_what_was_tried_gives_way_to_what_was_measured(run, engine_of, lasting, monkeypatch):
    engine_of(50.0)
    monkeypatch.setattr(trial, "time_passes", lambda *given: (500.0, 500.0))
    key = steps.of_model(steps.PASSES, "flips", "three")
    run(lasting)
    found = {one.key: one for one in lasting.kept}
    (key,) = [name for name in found if name.startswith("passes")]
    assert found[key].measured and found[key].seconds == pytest.approx(50.0, rel=0.5)


def test_gpus_are_not_tried(ensemble_folder):
    model = find_model(ensemble_folder)
    assert can_be_tried(model, TORCH)
    assert not can_be_tried(model, Device("cuda", "GPU", "fp16", 1))
