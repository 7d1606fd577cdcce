"""Zones that several threads ask for: found once, of this very brain; each has a Cancel of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from napari_uncertainseg._base import Cancelled
from napari_uncertainseg.explain.place import known_zones
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.images.volume import Grid, Volume

SCAN = Volume(np.arange(24, dtype=np.float32).reshape(2, 3, 4), Grid((2, 3, 4), np.eye(4)), "FLAIR")
BRAIN = SCAN.data > 3


class Search:
    """Stands for `find_zones`: it begins, and ends or is cancelled when the test says so."""

    def __init__(self, monkeypatch):
        self.asked, self.began, self.may_end = 0, Event(), Event()
        monkeypatch.setattr(known_zones, "find_zones", self)

    def __call__(self, scan, brain, progress):
        self.asked += 1
        self.began.set()
        while not self.may_end.wait(0.01):
            progress("searching", 0.5)
        return object()


@pytest.fixture
def search(monkeypatch):
    return Search(monkeypatch)


def test_once_for_each_scan_and_brain(search):
    zones = KnownZones()
    search.may_end.set()
    first = zones.find(SCAN, BRAIN)
    assert zones.find(replace(SCAN, data=SCAN.data.copy(), name="again"), BRAIN.copy()) is first
    assert search.asked == 1
    elsewhere = replace(SCAN, grid=Grid((2, 3, 4), 2 * np.eye(4)))
    for other in ((replace(SCAN, data=SCAN.data + 1), BRAIN), (SCAN, ~BRAIN), (elsewhere, BRAIN)):
        assert zones.find(*other) is not first
    assert search.asked == 4


def test_two_who_ask_at_once_share_one_search(search):
    zones, told = KnownZones(), Event()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(zones.find, SCAN, BRAIN)
        assert search.began.wait(300)
        second = threads.submit(zones.find, SCAN, BRAIN, lambda stage, fraction: told.set())
        assert told.wait(300)  # it waits, and says how far the search is
        search.may_end.set()
        assert first.result(300) is second.result(300) and search.asked == 1


@pytest.mark.parametrize("who", ["the first", "the second"])
def test_the_cancel_of_one_does_not_end_the_other(search, who):
    zones, cancel, told = KnownZones(), Event(), Event()

    def progress(own):
        def report(stage, fraction):
            if own == "the second":
                told.set()
            if own == who and cancel.is_set():
                raise Cancelled

        return report

    with ThreadPoolExecutor(2) as threads:
        asked = {"the first": threads.submit(zones.find, SCAN, BRAIN, progress("the first"))}
        assert search.began.wait(300)
        asked["the second"] = threads.submit(zones.find, SCAN, BRAIN, progress("the second"))
        assert told.wait(300)
        search.began.clear()
        cancel.set()
        with pytest.raises(Cancelled):
            asked.pop(who).result(300)
        if who == "the first":
            assert search.began.wait(300)  # the second searches now
        search.may_end.set()
        (other,) = asked.values()
        assert other.result(300) is zones.find(SCAN, BRAIN)
    assert search.asked == (2 if who == "the first" else 1)
