"""The numbers in a model's folder: read back exactly, or refused in a sentence."""

from __future__ import annotations

import json
from shutil import copytree

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks import catalog
from napari_uncertainseg.networks.catalog import add_model, find_model
from napari_uncertainseg.networks.real_probability import (
    FEATURES,
    REAL_PROBABILITY,
    parse_real_probability,
    read_real_probability,
)
from napari_uncertainseg.networks.recalibration import LogitLine

from ..random_models import write_model

NUMBERS = {
    "version": 1,
    "methods": ["one-pass"],
    "thresholds": [0.2, 0.8],
    "candidate_threshold": 0.1,
    "orders": True,
    "constant": -2.0,
    "weights": {"depth": {"weight": 0.7, "centre": 5}, "largest_probability": {"weight": 0.5, "centre": 0.1}},
    "lesions": 1000,
    "real": 243,
    "brier": 0.12,
    "brier_of_share": 0.2,
    "sources": [{"name": "A", "model": "m", "patients": 6, "lesions": 500, "auroc": {"p_real": 0.95}}],
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "user")
    made = copytree(plain, tmp_path / "tiny")
    (made / REAL_PROBABILITY).write_text(json.dumps(NUMBERS))
    return made


def test_they_are_read_back_exactly_and_go_with_the_model(folder) -> None:
    model = find_model(folder)
    assert model.real_probability.orders and model.real_probability.weights["depth"].centre == 5
    assert json.loads(model.real_probability.to_text()) == NUMBERS
    assert (
        parse_real_probability(json.loads(model.real_probability.to_text()), "again")
        == model.real_probability
    )
    assert add_model(folder).real_probability == model.real_probability
    (folder / REAL_PROBABILITY).unlink()
    without = find_model(folder)
    assert without.real_probability is None and without.sha256 == model.sha256
    assert REAL_PROBABILITY not in [path.name for path in without.files]


def test_what_is_not_known_counts_as_nothing_and_what_is_extreme_is_clipped() -> None:
    found = parse_real_probability(NUMBERS, "numbers")
    values = {
        "depth": np.array([5, np.nan, 1e9, FEATURES["depth"].high]),
        "largest_probability": np.array([0.1, np.nan, 0.1, 0.1]),
    }
    said = found.probability(values, 4)
    assert said[0] == said[1] == pytest.approx(1 / (1 + np.exp(2)))
    assert said[2] == said[3] > said[0]
    assert found.probability({name: np.zeros(0) for name in values}, 0).shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "'version' should be 1"),
        ({"methods": []}, "'methods' should be a list"),
        ({"methods": "one-pass"}, "'methods' should be a list"),
        ({"thresholds": [0.8, 0.2]}, "'thresholds' should begin with the lower one"),
        ({"thresholds": [0.2]}, "'thresholds' should be a list of two numbers"),
        ({"candidate_threshold": -0.1}, "'candidate_threshold' should be a number from 0 to 1"),
        ({"orders": 1}, "'orders' should be true or false"),
        ({"constant": "0"}, "'constant' should be a number"),
        ({"constant": True}, "'constant' should be a number"),
        ({"constant": 1e9}, "'constant' should be a number"),
        ({"weights": {}}, "'weights' should be a table"),
        (
            {"weights": {"beauty": {"weight": 1, "centre": 0}}},
            "names 'beauty'; known are largest_probability",
        ),
        ({"weights": {"depth": {"weight": 1}}}, "'centre' in 'depth' in 'weights' is missing"),
        ({"weights": {"depth": {"weight": 1, "centre": 0, "code": "x"}}}, "unknown key"),
        ({"weights": {k: {"weight": 1, "centre": 0} for k in list(FEATURES)[:8]}}, "1 to 7 features"),
        ({"real": 2000}, "'real' should be at most"),
        ({"brier": -0.1}, "'brier' should be a number from 0 to 1"),
        ({"sources": [{"name": "A"}]}, "'model' in 'sources'"),
        ({"run": "import os"}, "'run' is an unknown key"),
    ],
)
def test_what_cannot_be_right_is_refused(folder, changes, message) -> None:
    (folder / REAL_PROBABILITY).write_text(json.dumps(NUMBERS | changes))
    with pytest.raises(InputError, match=message) as refused:
        find_model(folder)
    assert REAL_PROBABILITY in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"constant": NaN}', "\x80"])
def test_what_is_no_json_is_refused(folder, text) -> None:
    (folder / REAL_PROBABILITY).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="JSON"):
        find_model(folder)


@pytest.mark.posix
def test_a_link_out_of_the_folder_and_a_folder_are_refused(folder, tmp_path) -> None:
    (folder / REAL_PROBABILITY).rename(tmp_path / "elsewhere.json")
    (folder / REAL_PROBABILITY).symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(InputError, match="link that leads out"):
        find_model(folder)
    (folder / REAL_PROBABILITY).unlink()
    (folder / REAL_PROBABILITY).mkdir()
    with pytest.raises(InputError, match="no file"):
        find_model(folder)
    assert read_real_probability(tmp_path) is None


def test_what_is_known_of_probabilities_moves_with_them() -> None:
    line = LogitLine(temperature=1.6, shift=-0.8)
    before = parse_real_probability(NUMBERS, "numbers")
    after = before.moved(line)
    logits, depth = np.array([-2.0, 0.1, 1.5]), np.array([1.0, 3.0, np.nan])
    moved = {"largest_probability": logits / 1.6 - 0.8, "depth": depth}
    expected = before.probability({"largest_probability": logits, "depth": depth}, 3)
    np.testing.assert_allclose(after.probability(moved, 3), expected, rtol=1e-12)
    assert before.moved(LogitLine()) is before
    for threshold, known in ((0.19, False), (0.2, True), (0.8, True), (0.81, False)):
        assert after.covers(line.move(threshold), line.move(0.1)) is known
    assert not after.covers(line.move(0.4), 0.1)
    assert before.moved(LogitLine(shift=-2.0)).candidate_threshold == 0.05  # candidates never begin lower
    entropy = before.model_copy(update={"weights": {"mean_entropy": before.weights["depth"]}})
    assert entropy.moved(line) is None and entropy.moved(LogitLine()) is entropy


def test_the_range_moves_too_and_what_cannot_be_kept_is_left_out() -> None:
    before = parse_real_probability(NUMBERS, "numbers")
    line = LogitLine(temperature=0.5, shift=0.0)
    logits = np.array([-9.0, -3.0, 5.0, 9.0])
    values = {"depth": np.full(4, 5.0), "largest_probability": logits}
    expected = before.probability(values, 4)
    after = parse_real_probability(json.loads(before.moved(line).to_text()), "again")
    np.testing.assert_allclose(
        after.probability({**values, "largest_probability": logits / 0.5}, 4), expected
    )
    extreme = before.moved(LogitLine(temperature=0.011, shift=5.0))
    assert extreme.thresholds[1] == 1.0 and parse_real_probability(extreme.as_json(), "saved") == extreme
    heavy = parse_real_probability(
        {**NUMBERS, "weights": {"largest_probability": {"weight": 50, "centre": 0}}}, "h"
    )
    assert heavy.moved(LogitLine(temperature=30.0)) is None
