"""What steps take as a rule: defaults, this machine's own times, and files that are no good."""

from __future__ import annotations

import json
import math
import os

import pytest

from napari_uncertainseg.progress.usual_times import DEFAULTS, UsualTimes, this_machine, times_of_user


def taken(times):
    return {one.key: one.seconds for one in times.kept}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "step-times.json"


def test_a_default_is_taken_from_the_coarser_key():
    times = UsualTimes()
    assert times.usual("passes/flips/bundled", 3).seconds == pytest.approx(3 * DEFAULTS["passes"])
    fine = times.usual("first pass/new/mc-dropout/x", 1).seconds
    assert fine == DEFAULTS["first pass/new/mc-dropout"] != DEFAULTS["first pass"]
    assert times.usual("nothing like it", 1) is None and not times.known


def test_what_was_measured_is_there_the_next_time(path):
    UsualTimes(path, "a").learn({"align": 0.5, "passes/flips/bundled": 2.0})
    times = UsualTimes(path, "a")
    assert times.known and taken(times) == pytest.approx({"align": 0.5, "passes/flips/bundled": 2.0})
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_step_that_no_table_has_is_as_it_was_here(path):
    times = UsualTimes(path)
    times.learn({"nothing like it": 0.5})
    found = times.usual("nothing like it", 4)
    assert found.seconds == pytest.approx(2.0) and found.measured


def test_steps_of_one_kind():
    kinds = {key: UsualTimes().usual(key, 1).kind for key in DEFAULTS}
    assert kinds["first pass/new/mc-dropout"] == kinds["passes"] == "network"
    assert kinds["align"] == kinds["maps"] == kinds["lesions/written"] == "arrays"
    assert len(set(kinds.values())) < 7


def test_later_runs_count_more_than_earlier_ones(path):
    times = UsualTimes(path)
    for _ in range(10):
        times.learn({"align": 1.0})
    for _ in range(10):
        times.learn({"align": 4.0})
    assert 3 < taken(times)["align"] <= 4.0


def test_each_machine_has_its_own(path):
    UsualTimes(path, "a").learn({"align": 0.5})
    UsualTimes(path, "b").learn({"align": 50.0})
    assert taken(UsualTimes(path, "a"))["align"] == pytest.approx(0.5)
    assert taken(UsualTimes(path, "b"))["align"] == pytest.approx(50.0)
    assert not UsualTimes(path, "c").known
    for number in range(30):
        UsualTimes(path, f"m{number}").learn({"align": 1.0})
    assert len(json.loads(path.read_text())["machines"]) == 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"{",
        b'{"machines": 3}',
        b'{"machines": {"a": []}}',
        b'{"machines": {"a": {"align": 3}}}',
        b'{"machines": {"a": {"align": {"seconds": "1", "runs": 1}}}}',
        b'{"machines": {"a": {"align": {"seconds": true, "runs": true}}}}',
        b'{"machines": {"a": {"align": {"seconds": NaN, "runs": 1}}}}',
        b'{"machines": {"a": {"align": {"seconds": -1, "runs": 1}}}}',
        b'{"machines": {"a": {"align": {"seconds": 1e300, "runs": 1}}}}',
        b'{"machines": {"a": {"align": {"seconds": 1, "runs": -1}}}}',
        b'{"machines": {"a": {"align": {"runs": 1}}}}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
def test_a_file_that_is_no_good_counts_as_none_and_is_replaced(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    times = UsualTimes(path, "a")
    assert not times.known and times.usual("align", 1).seconds == DEFAULTS["align"]
    times.learn({"align": 0.5})
    assert taken(UsualTimes(path, "a"))["align"] == pytest.approx(0.5)


@pytest.mark.posix
@pytest.mark.parametrize("what", ["folder in its place", "no folder", "read-only"])
def test_a_place_that_cannot_be_written_does_no_harm(path, what):
    if what == "folder in its place":
        path.mkdir(parents=True)
    elif what == "no folder":
        path.parent.write_text("a file")
    else:
        path.parent.mkdir()
        path.parent.chmod(0o500)
    try:
        times = UsualTimes(path)
        times.learn({"align": 0.5})
        assert taken(times)["align"] == pytest.approx(0.5)  # for this process
        left = [] if what != "folder in its place" else [path.name]
        assert os.geteuid() == 0 or what == "no folder" or [one.name for one in path.parent.iterdir()] == left
    finally:
        path.parent.chmod(0o700)


def test_times_that_cannot_be_are_not_learnt(path):
    times = UsualTimes(path)
    times.learn({"align": 0.0, "skull": float("nan"), "bias": float("inf"), "maps": -1.0})
    assert not times.known


def test_a_file_does_not_grow_without_end(path):
    UsualTimes(path).learn({f"passes/one-pass/{n}": 1.0 for n in range(1000)})
    assert path.stat().st_size < 50_000


def test_a_file_that_is_full_is_read_again(path):
    """Steps of many models, on many machines that share the folder of a user."""
    steps = {f"passes/one-pass/{n:064}": 1.0 for n in range(200)}
    for number in range(20):
        UsualTimes(path, f"x86_64, 128 cores, {number:012}").learn(steps)
    for number in range(20):
        assert UsualTimes(path, f"x86_64, 128 cores, {number:012}").known


def test_the_name_of_the_machine_does_not_tell_its_host():
    import platform

    assert this_machine() == this_machine()
    assert not platform.node() or platform.node() not in this_machine()


def test_it_lies_in_the_users_cache(user_folders):
    times_of_user().learn({"align": 0.5})
    files = user_folders.rglob("step-times.json")  # other tests have theirs, too
    (found,) = [file for file in files if file.parent.name == "napari-uncertainseg"]
    found.unlink()


def test_a_trial_counts_until_the_step_is_measured(path):
    times = UsualTimes(path)
    assert times.wants_trial(["align", "skull"])
    times.learn({"align": 1.0})
    times.learn_trial({"align": 9.0, "skull": 0.5})
    again = UsualTimes(path)
    assert taken(again) == pytest.approx({"align": 1.0, "skull": 0.5}) and not again.wants_trial(taken(again))
    assert again.usual("skull", 1).seconds == DEFAULTS["skull"] and not again.usual("skull", 1).measured
    again.learn({"skull": 3.0})
    assert taken(UsualTimes(path))["skull"] == pytest.approx(3.0)  # and not a mean with the trial


def test_a_trial_alone_makes_no_machine_known(path):
    times = UsualTimes(path)
    times.learn_trial({"align": 0.5, "skull": math.nan, "bias": 0.0})
    assert not times.known and list(taken(times)) == ["align"]


def test_nothing_is_tried_where_it_would_be_forgotten():
    assert not UsualTimes().wants_trial(["align"])


@pytest.mark.posix
@pytest.mark.parametrize("what", ["folder in its place", "no folder", "read-only", "full", "free"])
def test_nor_where_it_cannot_be_written_down(path, what, monkeypatch):
    """Or each run would wait for a trial."""
    if what == "folder in its place":
        path.mkdir(parents=True)
    elif what == "no folder":
        path.parent.write_text("a file")
    elif what == "read-only":
        monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK)  # of root all can be written
    elif what == "full":
        UsualTimes(path).learn({f"passes/one-pass/{n}": 1.0 for n in range(1000)})
    assert UsualTimes(path).wants_trial(["align"]) == (what == "free")
