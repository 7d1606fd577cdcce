"""Two readers blinded to each other, and a third where they differ."""

from __future__ import annotations

import math

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.session.remaining_errors import ErrorForecast
from napari_uncertainseg.review.session.rereading import (
    decisions,
    first_reading_id,
    kappa,
    open_next_reading,
    reading_status,
)
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict

from .conftest import LESIONS, fill


def judge(store, session, of_label):
    for task in store.tasks(session):
        if task.label in of_label:
            store.record(session, "verdict", task.id, {"decision": of_label[task.label]})


def test_kappa_by_hand() -> None:
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    assert kappa(pairs) == pytest.approx(0.4)  # Wikipedia's example
    assert kappa([("a", "b"), ("b", "a")]) == -1 and kappa([("a", "a"), ("b", "b")]) == 1
    assert math.isnan(kappa([])) and math.isnan(kappa([("a", "a")]))


def test_second_and_third_reading(store) -> None:
    first = fill(store)
    nobody = reading_status(store, first)
    assert nobody.second is None and nobody.both == 0
    judge(store, first, dict.fromkeys(range(1, 6), "accepted"))
    with pytest.raises(InputError, match="reader has read this already"):
        open_next_reading(store, first, " reader ", seed=0)

    second = open_next_reading(store, first, "second", seed=0)
    tasks = store.tasks(second)
    assert sorted(t.label for t in tasks) == [1, 2, 3, 4, 5] and [t.label for t in tasks] != [1, 2, 3, 4, 5]
    assert not store.verdicts(second)  # blinded
    settings = store.session(second).settings  # its order is random: all that is seen is a check
    ahead = ErrorForecast(tasks, settings.ranks, settings.drawn)
    assert ahead.outlook({t.id: CurrentVerdict(1, "accepted") for t in tasks[:4]}).checks == 4
    assert store.session(second).kind == "qc" and store.session(second).settings.first_reading == first
    judge(store, second, {1: "accepted", 2: "rejected", 3: "accepted", 5: "unsure"})
    found = reading_status(store, first)
    assert (found.both, found.same) == (4, 2) and [t.label for t in found.differing] == [2, 5]
    assert found.kappa == pytest.approx(
        kappa([("accepted", x) for x in ("accepted", "rejected", "accepted", "unsure")])
    )

    with pytest.raises(InputError, match="second has read"):
        open_next_reading(store, first, "second", seed=0)
    with pytest.raises(InputError, match="second reading is not finished"):
        open_next_reading(store, first, "third", seed=1)
    judge(store, second, {4: "accepted"})
    third = open_next_reading(store, first, "third", seed=1)
    assert sorted(t.label for t in store.tasks(third)) == [2, 5]
    assert reading_status(store, first).third.annotator == "third"
    with pytest.raises(InputError, match="no fourth"):
        open_next_reading(store, first, "fourth", seed=1)
    judge(store, third, {2: "rejected"})
    found = reading_status(store, first)
    assert (found.with_first, found.with_second, found.with_neither) == (0, 1, 0)
    judge(store, third, {5: "rejected"})
    assert reading_status(store, first).with_neither == 1
    assert first_reading_id(store.session(third)) == first_reading_id(store.session(second)) == first
    assert len(decisions(store, third)) == 2 and set(store.verify().values()) == {""}


def test_no_third_where_two_agree(store) -> None:
    first = fill(store)
    judge(store, first, dict.fromkeys(range(1, LESIONS + 1), "accepted"))
    second = open_next_reading(store, first, "second", seed=0)
    judge(store, second, dict.fromkeys(range(1, LESIONS + 1), "accepted"))
    with pytest.raises(InputError, match="no third is needed"):
        open_next_reading(store, first, "third", seed=0)
    with pytest.raises(InputError, match="no session x"):
        reading_status(store, "x")
