"""How long a run takes still, or has taken."""

import time

import pytest

from napari_uncertainseg.images.preparation import brain_search
from napari_uncertainseg.progress.times import TimeLeft
from napari_uncertainseg.widgets.segment import texts

from .handling import add, press


@pytest.mark.parametrize(
    ("stage", "left", "elapsed", "words"),
    [
        ("member 2 of 5", None, 0.2, "estimating the time left"),
        ("member 2 of 5", None, 3.0, "3 s so far"),
        ("member 2 of 5", None, 12.3, "12 s so far"),
        ("member 2 of 5", TimeLeft(8.0, 7.0, 9.0), 12.3, "about 8 s left"),
        ("member 2 of 5", TimeLeft(8.0, 4.0, 16.0), 12.3, "about 4 to 16 s left"),
    ],
)
def test_a_run_says_how_long_it_takes_still_or_has_taken(stage, left, elapsed, words):
    assert texts.stage(stage, left, elapsed) == f"{stage} · {words}"


def test_the_time_goes_on_while_the_work_reports_nothing(viewer, make_dock, qtbot, flair, monkeypatch):
    go_on = []

    def find(scan, progress):
        while not go_on:
            time.sleep(0.01)
        return scan.data > 0.5

    monkeypatch.setattr(brain_search, "find_brain", find)
    dock = make_dock()
    add(viewer, flair)
    press(qtbot, dock.brain.search)
    seen = set()

    def two_texts():
        seen.add(dock.stage.text())
        return len([text for text in seen if text.startswith("finding the brain · ")]) > 1

    qtbot.waitUntil(two_texts, timeout=15_000)
    go_on.append(True)
    qtbot.waitUntil(lambda: dock.run.text() == "Run", timeout=15_000)
