"""What ``model.json`` may say of recalibration and of the scans seen, and what it may not."""

from __future__ import annotations

import json

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.kinds import read_model
from napari_uncertainseg.networks.seen_scans import MEASURES, SeenScans, SeenSource

from ..random_models import write_model

ENTRY = {"temperature": 1.2, "shift": -0.4, "fitted_on": "folds", "patients": 9}
SOURCE = {"scans": 3, "low": {"slice_mm": 1.0}, "high": {"slice_mm": 4.0}}
SEEN = {"cut": 2.0, "spread": {"slice_mm": 0.5}, "sources": {"A": SOURCE}}


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def read(given):
    """Read the folder with further keys in its ``model.json``."""
    path = given / "model.json"
    before = path.read_text()

    def read(**content):
        path.write_text(json.dumps(json.loads(before) | content))
        return read_model(given)

    yield read
    path.write_text(before)


def test_folders_without_either_are_as_before(read):
    model = read()
    assert model.recalibrations == () and model.seen is None
    assert model.sha256 == model.weight_sha256()


def test_what_is_there_is_read(read):
    model = read(recalibration=[ENTRY | {"inputs": ["flair"], "methods": ["flips"]}], seen=SEEN)
    (one,) = model.recalibrations
    assert (one.temperature, one.shift, one.fitted_on, one.patients) == (1.2, -0.4, "folds", 9)
    assert one.fits("flips", ["flair"]) and not one.fits("flips", ["flair", "t1"])
    assert not one.fits("one-pass", ["flair"])
    assert model.seen is not None and model.seen.sources["A"].high == {"slice_mm": 4.0}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"temperature": 0}, "'temperature'.*should be a number between 0.01 and 100"),
        ({"temperature": "2"}, "'temperature'.*should be"),
        ({"temperature": True}, "'temperature'.*should be"),
        ({"shift": 1e9}, "'shift'.*should be a number from -5 to 5"),
        ({"shift": None}, "'shift'.*should be a number from -5 to 5"),
        ({"fitted_on": "luck"}, "'fitted_on'.*should be 'folds', 'model' or 'training'"),
        ({"patients": 0}, "'patients'.*whole number of at least 1"),
        ({"inputs": ["t1"]}, "'inputs' in 'recalibration' should be"),
        ({"inputs": ["flair", "ct"]}, "'inputs' in 'recalibration' should be"),
        ({"methods": "flips"}, "'methods'.*should be a list"),
        ({"methods": ["flips\x1b"]}, "'methods'"),
        ({"sources": ["<b>"]}, "'sources'.*plain name"),
        ({"tempreature": 2}, "'tempreature'.*unknown key"),
        ({"unlike": {"temperature": 3.0}}, "'shift' in 'unlike'.*should be a number"),
        ({"unlike": ENTRY | {"unlike": ENTRY}}, "unknown key"),
        ({"unlike": ENTRY | {"run": "x"}}, "unknown key"),
    ],
)
def test_wrong_recalibrations_are_refused(read, entry, message):
    with pytest.raises(InputError, match=message):
        read(recalibration=[ENTRY | entry])


@pytest.mark.parametrize("content", [{}, "x", 3, [3], [[ENTRY]], [ENTRY] * 33])
def test_what_is_no_list_of_objects_is_refused(read, content):
    with pytest.raises(InputError, match="recalibration"):
        read(recalibration=content)


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        ({"cut": 0}, "'cut'.*above 0"),
        ({"spread": {}}, "'spread' should have some of"),
        ({"spread": {"charm": 1.0}}, "not \\['charm'\\]"),
        ({"spread": {"slice_mm": -1.0}}, "'spread' should not be below 0"),
        ({"spread": {"slice_mm": 0.1, "noise": 1.0}}, "'A' should have the measures of 'spread'"),
        ({"sources": {}}, "'sources'.*1 to 64 sources"),
        ({"sources": {"A": SOURCE | {"scans": 1.5}}}, "'scans'.*whole number"),
        ({"sources": {"A": SOURCE | {"low": {"slice_mm": 5.0}}}}, "'low' of 'A' is above its 'high'"),
        ({"sources": {"A": SOURCE | {"low": {"slice_mm": "1"}}}}, "'low'"),
        ({"sources": {"A": SOURCE | {"path": "../x"}}}, "'path'.*unknown key"),
        ({"sources": {"A\x1b[2J": SOURCE}}, "plain name"),
        ({"sources": {"A\n": SOURCE}}, "plain name"),
        ({"extra": 1}, "'extra'.*unknown key"),
    ],
)
def test_wrong_scans_seen_are_refused(read, seen, message):
    with pytest.raises(InputError, match=message):
        read(seen=SEEN | seen)


def test_numbers_that_are_none_are_refused(given):
    path = given / "model.json"
    before = path.read_text()
    text = json.dumps(json.loads(before) | {"recalibration": [ENTRY]})
    try:
        path.write_text(text.replace("-0.4", "NaN"))
        with pytest.raises(InputError, match="NaN"):
            read_model(given)
    finally:
        path.write_text(before)


def seen_scans(spread, **sources):
    made = {name: SeenSource(scans=2, low=low, high=high) for name, (low, high) in sources.items()}
    return SeenScans(cut=2.0, spread=spread, sources=made)


def test_distances_are_in_spreads_outside_the_range():
    seen = seen_scans(
        {"slice_mm": 1.0, "noise": 2.0}, A=({"slice_mm": 1.0, "noise": 5.0}, {"slice_mm": 4.0, "noise": 7.0})
    )
    assert seen.distances({"slice_mm": 7.0, "noise": 6.0}) == {"A": {"slice_mm": 3.0, "noise": 0.0}}
    assert seen.distance({"slice_mm": 4.0, "noise": 1.0}) == 2.0
    # smaller differences than the tolerance never count, however alike the scans seen
    alike = seen_scans({"slice_mm": 0.0}, A=({"slice_mm": 1.0}, {"slice_mm": 1.0}))
    assert alike.distance({"slice_mm": 2.0}) == 1.0 / MEASURES["slice_mm"].tolerance


def test_the_sentence_says_what_is_unlike_all_sources():
    seen = seen_scans(
        {"slice_mm": 0.5, "brain_ml": 100.0},
        A=({"slice_mm": 1.0, "brain_ml": 1500.0}, {"slice_mm": 1.0, "brain_ml": 1500.0}),
        B=({"slice_mm": 6.0, "brain_ml": 1100.0}, {"slice_mm": 7.0, "brain_ml": 1300.0}),
    )
    assert seen.unlike({"slice_mm": 3.0, "brain_ml": 400.0}) == [
        "the brain has 400 ml, the model has seen 1100 to 1300 or 1500 ml",
        "slices are 3.0 mm thick, the model has seen 1.0 or 6.0 to 7.0 mm",
    ]
    assert seen.unlike({"slice_mm": 7.5, "brain_ml": 1400.0}) == []
    # in no measure unlike both, but like neither
    assert seen.unlike({"slice_mm": 6.0, "brain_ml": 1600.0}) == [
        "the brain has 1600 ml, in B, which is most similar, 1100 to 1300 ml"
    ]
