"""What is fitted on left-out sources (`experiments/`), against constants and the program's own measures."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest
from scipy.special import expit, logit

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.lesions.components import label_components, voxels_of

from ..builders import predict_from_members
from ..random_models import write_model

SHAPE = (20, 24, 22)


@pytest.fixture
def experiments(checkout, monkeypatch):
    """A module of ``experiments`` by its name."""
    monkeypatch.syspath_prepend(str(checkout / "experiments"))
    return importlib.import_module


@pytest.fixture
def made(experiments, tmp_path):
    """Scans of which the members' logits, and the line under which the mask was drawn, are known."""
    left_out, sources = experiments("left_out"), experiments("sources")

    def make(source="A", patient="1", *, slope=1.0, shift=0.0, seed=0, threshold=0.4):
        rng = np.random.default_rng(seed)
        common = rng.normal(-1.5, 2.0, SHAPE)
        members = expit(common + rng.normal(0, 0.3, (3, *SHAPE))).astype(np.float16).astype(np.float64)
        mean = expit(slope * logit(np.clip(members, 1e-4, 1 - 1e-4)) + shift).mean(0)
        prediction = predict_from_members(members, threshold=threshold)
        mask = rng.random(SHAPE) < mean
        path = tmp_path / f"{source}-{patient}-{seed}.npz"
        left_out.write(path, prediction, mask)
        return (
            left_out.read(path, sources.Scan(source, patient, f"{source}/{patient}/{seed}")),
            prediction,
            mask,
        )

    return make


def test_what_is_kept_gives_mean_and_ace_of_the_whole_prediction(made, experiments):
    found, prediction, mask = made()
    assert found.shape == SHAPE and found.truth.sum() == mask.sum()
    np.testing.assert_allclose(found.mean(), prediction.probability.ravel()[found.where], atol=2e-3)
    whole = reliability(prediction.probability, mask, region=prediction.brain).ace
    assert experiments("logit_fit").ace(found) == pytest.approx(whole, abs=5e-3)


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.6, -1.2), (1.5, 0.8)])
@pytest.mark.parametrize("region", ["brain", "bins", "seen"])
def test_the_line_under_which_the_mask_was_drawn_is_found(made, experiments, slope, shift, region):
    scans = [made(s, p, slope=slope, shift=shift, seed=i)[0] for i, (s, p) in enumerate(["A1", "A2", "B1"])]
    fit = experiments("logit_fit")
    line = fit.fit_line(scans, region)
    assert line.slope == pytest.approx(slope, abs=0.12) and line.shift == pytest.approx(shift, abs=0.12)
    assert np.mean([fit.ace(s, line) for s in scans]) < np.mean([fit.ace(s) for s in scans]) + 0.005
    assert fit.fit_line(scans, region, shifted=False).shift == 0


def test_hospitals_patients_and_visits_weigh_alike(made, experiments):
    scans = [
        made(s, p, seed=i)[0]
        for i, (s, p) in enumerate([("MS3SEG", "1"), ("Sim-Vent", "2"), ("C", "3"), ("C", "3")])
    ]
    np.testing.assert_allclose(experiments("logit_fit").weights_of(scans), 0.25)


@pytest.mark.parametrize(("threshold", "least"), [(0.3, 3.0), (0.6, 8.0)])
def test_outlines_agree_with_the_mask_as_the_program_says(made, experiments, threshold, least):
    outlines = experiments("outlines")
    found, prediction, mask = made()
    p = found.image(found.mean().astype(np.float32))
    labels, _ = label_components(p, threshold, min_voxels=voxels_of(least, 1.0))
    own = reference_agreement(p, labels, mask, brain=prediction.brain, grid=prediction.grid)
    ours = outlines.Outliner(found, found.mean()).agreement(outlines.Rule(threshold, least))
    assert (ours.dice, ours.f1) == (pytest.approx(own.dice), pytest.approx(own.lesion_f1))


def test_a_peak_is_hysteresis(made, experiments):
    outlines = experiments("outlines")
    found, _, mask = made()
    p = found.image(found.mean().astype(np.float32))
    labels, n = label_components(p, 0.3, min_voxels=3)
    sure = np.isin(labels, [i for i in range(1, n + 1) if p[labels == i].max() >= 0.8])
    ours = outlines.Outliner(found, found.mean()).agreement(outlines.Rule(0.3, peak=0.8))
    assert ours.dice == pytest.approx(2 * (sure & mask).sum() / (sure.sum() + mask.sum()))


def test_a_threshold_moves_there_and_back(experiments):
    lines = experiments("fitted_lines")
    line = lines.Line(0.8, -1.1)
    there = lines.moved(0.4, line)
    assert there == pytest.approx(expit(0.8 * logit(0.4) - 1.1))
    assert lines.moved(there, lines.inverse(line)) == pytest.approx(0.4)


def test_one_hospital_alone_is_refused(made, experiments):
    with pytest.raises(InputError, match="at least two hospitals"):
        experiments("fitted_lines").without([made()[0]], "A")


@pytest.mark.parametrize("said", ["model", "model:", ":A", "model:,"])
def test_a_fold_without_model_or_source_is_refused(experiments, said):
    with pytest.raises(InputError, match="MODEL:SOURCE,SOURCE"):
        experiments("left_out").folds([said])


def test_a_source_in_two_folds_is_refused(experiments):
    with pytest.raises(InputError, match="two folds"):
        experiments("left_out").folds(["m:A,B", "n:B"])


def test_a_model_is_written_whole_or_not_at_all(experiments, tmp_path):
    folder = write_model(tmp_path / "tiny")
    before = json.loads((folder / "model.json").read_text())
    write_into = experiments("model_json").write_into
    write_into(folder, {"threshold": 0.3})
    assert json.loads((folder / "model.json").read_text()) == before | {"threshold": 0.3}
    with pytest.raises(InputError, match="threshold"):
        write_into(folder, {"threshold": 7})
    assert json.loads((folder / "model.json").read_text()) == before | {"threshold": 0.3}


def test_the_cut_lies_between_what_is_held_out_and_what_is_left_out(experiments):
    best_cut = experiments("unlike").best_cut
    assert best_cut([0.0, 1.0, 3.0], [5.0, 9.0]) == 4.0
    # one of four left out is lost, rather than one of three held out
    assert best_cut([0.0, 1.0, 6.0], [5.0, 7.0, 9.0, 9.0]) == 6.5
