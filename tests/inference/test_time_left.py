"""The time left of runs of the segmenter, with slow networks, on a clock that does not wait."""

from __future__ import annotations

import pytest

from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.torch_engine import TorchEngine
from napari_uncertainseg.progress.course import Course
from napari_uncertainseg.progress.usual_times import UsualTimes

TORCH = cpu_device("torch").at("float32")


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def slow_engine(monkeypatch, clock):
    """Each pass of a network takes so many seconds."""

    def make(seconds):
        for name in ("plain", "heads", "layers", "decode"):
            original = getattr(TorchEngine, name)

            def slow(self, *given, original=original):
                for _ in range(10):
                    clock.now += seconds / 10
                    self.check()
                return original(self, *given)

            monkeypatch.setattr(TorchEngine, name, slow)

    return make


@pytest.fixture
def run(ensemble_folder, scan, brain_mask, clock):
    def predict(method, members, times, segmenter=None):
        segmenter = segmenter or Segmenter(ensemble_folder, method=method, members=members, device=TORCH)
        seen, started = [], clock.now
        course = Course(seen.append, lambda: times, clock)
        course.expect({})
        segmenter.predict({"flair": scan}, mask=brain_mask, progress=course)
        course.finish()
        course.keep()
        return seen, clock.now - started

    return predict


@pytest.mark.parametrize(("method", "members"), [("one-pass", None), ("flips", 6), ("mc-dropout", 9)])
@pytest.mark.parametrize("seconds", [0.5, 20.0])
def test_after_a_third_of_a_second_run_the_time_left_is_right(run, slow_engine, method, members, seconds):
    slow_engine(seconds)
    times = UsualTimes()
    for again in (False, True):
        seen, total = run(method, members, times)
        shares = [now.share for now in seen]
        assert shares == sorted(shares) and shares[-1] == 1
        assert all(now.left is not None and now.left.least >= 0 for now in seen if now.spent > 3)
        if again:
            for now in seen:
                if total / 3 <= now.spent < 0.7 * total:
                    assert now.left.seconds == pytest.approx(total - now.spent, rel=0.5, abs=1.5)


def test_each_step_is_named_while_it_is_done(run, slow_engine):
    slow_engine(1.0)
    seen, _ = run("flips", 3, UsualTimes())
    told = list(dict.fromkeys(now.stage for now in seen if now.stage))
    assert told[0] == "normalising" and told[-1] == "done"
    assert [stage for stage in told if stage.startswith(("member", "making"))] == [
        "member 1 of 3",
        "member 2 of 3",
        "member 3 of 3",
        "making the maps",
    ]
