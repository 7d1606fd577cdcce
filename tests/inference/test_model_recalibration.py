"""A recalibration in the model folder moves every member, and all that follows agrees."""

from __future__ import annotations

import json
from shutil import copytree

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.inference.arrays.either import sigmoid
from napari_uncertainseg.inference.sampling import METHODS
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.recalibration import LogitLine
from napari_uncertainseg.networks.seen_scans import MEASURES
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

TORCH = cpu_device("torch").at("float32")
ENTRY = {"temperature": 2.0, "shift": -1.0, "fitted_on": "folds", "sources": ["A", "B"], "patients": 7}
WIDE = ENTRY | {"temperature": 4.0, "shift": -0.5, "fitted_on": "model", "sources": ["C"], "patients": 2}
NAMES = ("probability", "entropy", "expected_entropy", "mutual_information", "variance", "disagreement")


@pytest.fixture
def with_content(tmp_path, ensemble_folder):
    """A copy of the ensemble whose ``model.json`` has further keys."""

    def make(**content):
        folder = copytree(ensemble_folder, tmp_path / f"model{len(list(tmp_path.iterdir()))}")
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | content))
        return folder

    return make


@pytest.fixture
def predict(scan, brain_mask):
    def run(folder, method="one-pass", **images):
        segmenter = Segmenter(folder, method=method, device=TORCH, members=2)
        return segmenter.predict({"flair": scan} | images, mask=brain_mask)

    return run


def seen(**ranges):
    """What a model has seen: anything, but for the measures named, (low, high)."""
    low, high = ({name: ranges.get(name, (0.0, 1e6))[i] for name in MEASURES} for i in (0, 1))
    source = {"scans": 3, "low": low, "high": high}
    return {"cut": 2.0, "spread": dict.fromkeys(MEASURES, 0.0), "sources": {"A": source}}


def whole(prediction):
    out = np.zeros((len(prediction.members), *prediction.probability.shape))
    out[(slice(None), *prediction.members.box)] = prediction.members.values
    return out


def test_a_line_in_the_logit_by_constants():
    logits = torch.tensor([-2.0, 0.0, 3.0])
    found = sigmoid(logits, LogitLine(2.0, -1.0)).numpy()
    np.testing.assert_allclose(found, 1 / (1 + np.exp([2.0, 1.0, -0.5])), rtol=1e-6)
    assert torch.equal(logits, torch.tensor([-2.0, 0.0, 3.0]))  # nothing is changed in place
    assert LogitLine(2.0, -1.0).after(1.5) == LogitLine(3.0, -1.0)
    assert LogitLine(2.0, -1.0).move(0.5) == pytest.approx(0.2689414)
    assert LogitLine().move(0.4) == 0.4


@pytest.mark.parametrize("method", METHODS)
def test_temperature_1_and_shift_0_change_no_bit(predict, with_content, ensemble_folder, method):
    plain = predict(ensemble_folder, method)
    same = predict(with_content(recalibration=[ENTRY | {"temperature": 1.0, "shift": 0.0}]), method)
    for name in NAMES:
        assert np.array_equal(getattr(plain, name), getattr(same, name))
    assert plain.members.box == same.members.box
    assert np.array_equal(plain.members.values, same.members.values)
    assert "model_recalibration" not in plain.information


@pytest.mark.parametrize("method", METHODS)
def test_every_member_is_moved_and_the_maps_are_of_these_members(
    predict, with_content, ensemble_folder, method
):
    before, after = predict(ensemble_folder, method), predict(with_content(recalibration=[ENTRY]), method)
    old, new = whole(before), whole(after)
    stored = (old > 0.02).all(0) & (old < 0.98).all(0) & (new > 0.02).all(0)
    assert np.count_nonzero(stored) > 100
    if method != "layers":  # a layer is a mean over heads, of which each is moved
        slack = 5e-3 if method == "one-pass" else 0.05
        np.testing.assert_allclose(new[:, stored], expit(logit(old[:, stored]) / 2 - 1), atol=slack)
    np.testing.assert_allclose(new.mean(0)[stored], after.probability[stored], atol=2e-3)
    np.testing.assert_allclose(new.var(0)[stored], after.variance[stored], atol=2e-3)
    np.testing.assert_allclose(after.entropy, after.expected_entropy + after.mutual_information, atol=1e-5)


def test_the_order_of_voxels_within_a_member_stays(predict, with_content, ensemble_folder):
    before = whole(predict(ensemble_folder))[0]
    after = whole(predict(with_content(recalibration=[ENTRY])))[0]
    stored = (before > 0.1) & (after > 0.05)
    order = np.argsort(before[stored], kind="stable")
    assert (np.diff(after[stored][order]) >= -1e-3).all()  # halves


def test_the_first_that_fits_method_and_scans_counts(predict, with_content, scan):
    folder = with_content(
        recalibration=[
            ENTRY | {"methods": ["flips"], "shift": 1.0},
            ENTRY | {"methods": ["one-pass"], "inputs": ["flair"], "shift": 2.0},
            ENTRY | {"methods": ["one-pass"], "shift": 3.0},
        ]
    )
    said = lambda p: p.information.get("model_recalibration", {}).get("shift")  # noqa: E731
    assert said(predict(folder, "flips")) == 1.0
    assert said(predict(folder)) == 2.0
    assert said(predict(folder, t1=scan)) == 3.0
    assert said(predict(folder, "layers")) is None


def test_the_threshold_moves_with_the_logits_so_that_outlines_stay(predict, with_content, ensemble_folder):
    before, after = predict(ensemble_folder), predict(with_content(recalibration=[ENTRY]))
    assert before.threshold == 0.4
    assert after.threshold == pytest.approx(expit(logit(0.4) / 2 - 1))
    same = (before.probability >= before.threshold) == (after.probability >= after.threshold)
    assert same.mean() > 0.99  # not all: a mean of members is not moved as each of them is


def test_it_comes_after_the_temperature_of_the_folder(predict, with_content):
    both = predict(with_content(temperature=2.0, recalibration=[ENTRY | {"temperature": 1.5}]))
    one = predict(with_content(recalibration=[ENTRY | {"temperature": 3.0}]))
    assert np.array_equal(both.probability, one.probability)


def test_a_scan_unlike_those_seen_is_widened_and_says_so(predict, with_content):
    folder = with_content(
        recalibration=[ENTRY | {"unlike": WIDE}],
        seen=seen(slice_mm=(3.0, 4.0)),
    )
    found = predict(folder)
    wide = predict(with_content(recalibration=[ENTRY | WIDE]))
    assert np.array_equal(found.probability, wide.probability)
    assert found.information["unlike_seen_scans"] == [
        "slices are 1.0 mm thick, the model has seen 3.0 to 4.0 mm"
    ]
    assert found.information["model_recalibration"] == WIDE | {
        "for_unlike_scans": True,
        "fitted_with": "this very model, on sources that it had not seen",
    }
    note = [n for n in found.information["notes"] if "unlike all that the model has seen" in n]
    assert len(note) == 1 and "as for sources that it had not seen" in note[0] and "1.0 mm thick" in note[0]
    assert set(found.information["appearance"]) == set(MEASURES)


def test_a_scan_like_those_seen_is_not(predict, with_content):
    found = predict(with_content(recalibration=[ENTRY | {"unlike": WIDE}], seen=seen()))
    usual = predict(with_content(recalibration=[ENTRY]))
    assert np.array_equal(found.probability, usual.probability)
    assert found.information["unlike_seen_scans"] == []
    assert not any("unlike" in note for note in found.information["notes"])


def test_without_a_recalibration_the_note_says_that_nothing_was_done(predict, with_content):
    found = predict(with_content(seen=seen(brain_ml=(4000, 5000))))
    assert any("may be too sure" in note for note in found.information["notes"])


def test_results_keep_what_was_done(predict, with_content, tmp_path):
    found = predict(with_content(recalibration=[ENTRY], seen=seen(slice_mm=(3.0, 4.0))))
    write_results(tmp_path / "out", found, rank_lesions(found))
    again = read_saved_results(tmp_path / "out").prediction.information
    for key in ("model_recalibration", "unlike_seen_scans", "appearance"):
        assert again[key] == json.loads(json.dumps(found.information[key]))


def test_a_method_that_does_not_exist_is_refused(with_content):
    with pytest.raises(InputError, match=r"a recalibration for the method 'one-pas'.*some of one-pass"):
        Segmenter(with_content(recalibration=[ENTRY | {"methods": ["one-pas"]}]), device=TORCH)


def test_the_hash_tells_models_with_other_probabilities_apart(with_content, ensemble_folder):
    plain = find_model(ensemble_folder)
    first, second = (find_model(with_content(recalibration=[ENTRY | {"shift": s}])) for s in (0.5, 0.6))
    assert len({plain.sha256, first.sha256, second.sha256}) == 3
    assert plain.weight_sha256() == first.weight_sha256()
    assert find_model(with_content(seen=seen())).sha256 == plain.sha256
