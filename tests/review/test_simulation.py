"""Simulated readers: what they cannot get wrong, and what fatigue costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.session.queue import ORDERS, ranking
from napari_uncertainseg.review.simulation import SimulatedReader, compare, read
from napari_uncertainseg.review.store.reading_speed import ReadingSpeed, fit_reading_speed

PERFECT = SimulatedReader(skill=1.0, fatigue=0.0, spread=0.0)


def cases(n, seed, telling=True):
    """Lesions and candidates of which the doubtful are wrong, or of which doubt tells nothing."""
    rng = np.random.default_rng(seed)
    candidate = np.arange(n) >= 2 * n // 3
    peak = np.where(candidate, rng.uniform(0.1, 0.4, n), rng.uniform(0.4, 1, n))
    doubt = np.where(candidate, 1.0, 1.4 * (1 - peak) if telling else rng.random(n))
    exists = rng.random(n) < (peak if telling else 0.5)
    volume = rng.lognormal(3, 1, n)
    return pd.DataFrame(
        {"candidate": candidate, "doubt": doubt, "peak": peak, "volume_mm3": volume, "exists": exists}
    )


def test_who_knows_all_leaves_nothing_in_any_order() -> None:
    table = cases(60, 0)
    errors = int((table["exists"] == table["candidate"]).sum())
    for order in ORDERS:
        rng = np.random.default_rng(1)
        shown = ranking(table, order, PERFECT.speed, rng)
        assert sorted(shown) == list(range(60))
        found = read(table, shown, PERFECT, rng)
        assert found.before == errors and found.errors[-1] == 0
        assert (np.diff(found.errors) <= 0).all() and (np.diff(found.seconds) > 0).all()
        assert found.seconds[-1] == pytest.approx(PERFECT.speed.seconds_for(table["volume_mm3"]).sum())
        assert found.seconds_to(0) <= found.seconds[-1] and found.seconds_to(1) == found.seconds[0]


def test_the_time_is_that_of_the_reader() -> None:
    np.testing.assert_allclose(ReadingSpeed(5, 2).seconds_for(np.array([10.0, 100.0, 1.0])), [5, 7, 3])


def test_a_pace_is_learnt_from_the_log() -> None:
    rng = np.random.default_rng(0)
    volume = rng.lognormal(3, 1.5, 300)
    seconds = ReadingSpeed(4, 3).seconds_for(volume) + rng.normal(0, 0.5, 300)
    seconds[::10] = 500  # a telephone
    found = fit_reading_speed(volume, seconds)
    assert found.seconds == pytest.approx(4, abs=0.4) and found.per_tenfold == pytest.approx(3, abs=0.4)
    assert fit_reading_speed(volume[:9], seconds[:9]) == ReadingSpeed()
    assert fit_reading_speed(np.full(20, 10.0), np.full(20, 7.0)) == ReadingSpeed(7.0, 0.0)
    assert fit_reading_speed(volume, -seconds).seconds == 0.5


def test_orders() -> None:
    table = cases(40, 2)
    doubt = ranking(table, "doubt", PERFECT.speed, np.random.default_rng(0))
    lesions = [i for i in doubt if not table["candidate"][i]]
    assert list(doubt[: len(lesions)]) == lesions
    assert table["doubt"][lesions].is_monotonic_decreasing
    assert table["volume_mm3"][ranking(table, "size", PERFECT.speed, None)].is_monotonic_decreasing
    with pytest.raises(InputError, match="by 'name'"):
        ranking(table, "name", PERFECT.speed, None)


def test_where_doubt_tells_it_is_faster_than_chance_and_where_not_it_is_not() -> None:
    telling = compare([cases(120, s) for s in range(6)], reader=PERFECT, repeats=10, checks=0.0)
    mute = compare([cases(120, s, telling=False) for s in range(6)], reader=PERFECT, repeats=10, checks=0.0)
    half = {name: frame.set_index("order")["half"] for name, frame in (("t", telling), ("m", mute))}
    assert half["t"]["doubt"] < 0.8 * half["t"]["random"] and half["t"]["gain"] < half["t"]["random"]
    assert half["m"]["doubt"] > 0.8 * half["m"]["random"]
    np.testing.assert_allclose(telling["all"], telling["all"][0])  # nobody reads faster for the order


def test_the_tired_and_the_unskilled_leave_more() -> None:
    tables = [cases(150, s) for s in range(3)]
    left = [
        compare(tables, reader=reader, repeats=10)["left"].mean()
        for reader in (
            PERFECT,
            SimulatedReader(skill=0.95, fatigue=0),
            SimulatedReader(skill=0.95, fatigue=1),
        )
    ]
    assert left[0] == 0 < left[1] < left[2]


def test_nothing_to_read() -> None:
    empty = cases(0, 0)
    assert read(empty, [], PERFECT, np.random.default_rng(0)).seconds_to(0.5) == 0
    assert (compare([empty], repeats=2)["all"] == 0).all()
