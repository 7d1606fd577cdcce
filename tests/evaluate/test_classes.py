"""Results of a model with several classes: written, read back, and compared with a label map."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.scores import classwise
from napari_uncertainseg.cli import main
from napari_uncertainseg.evaluate.class_agreement import compare_classes, fit_classes
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_image, write_volume
from napari_uncertainseg.uncertainty.class_table import class_table
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import predict_from_members
from ..class_predictions import NAMES, label_map, with_classes

SHAPE = (12, 14, 16)


def predict(**options):
    noise = ndimage.gaussian_filter(np.random.default_rng(2).standard_normal((2, *SHAPE)), (0, 1, 1, 1))
    brain = np.zeros(SHAPE, bool)
    brain[1:-1, 2:-1, 1:-2] = True
    members = np.where(brain, 1 / (1 + np.exp(-8 * noise / noise.std() / 3 + 1)), 0)
    return with_classes(predict_from_members(members, brain=brain), **options)


@pytest.fixture(scope="module")
def prediction():
    return predict()


@pytest.fixture(scope="module")
def folder(prediction, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes") / "out"
    write_results(folder, prediction, rank_lesions(prediction, 0.5, 0.0))
    return folder


def test_each_class_has_a_map_and_a_row(prediction, folder):
    classes = prediction.classes
    written = read_image(folder / "class2_probability.nii.gz")
    np.testing.assert_allclose(written.data[classes.box], classes.probability[2], atol=1e-7)
    assert read_image(folder / "class_entropy.nii.gz").data.max() == pytest.approx(classes.entropy.max())
    table = pd.read_csv(folder / "classes.tsv", sep="\t")
    assert table["class"].tolist() == list(NAMES) and table["target"].tolist() == [False, True, True]
    assert table["volume_ml"].sum() == pytest.approx(np.count_nonzero(prediction.brain) / 1000)
    core = classes.probability[2].astype(float)
    assert table["expected_volume_ml"][2] == pytest.approx(core.sum() / 1000, rel=1e-3)
    wins = (classes.probability.argmax(axis=0) == 2) & classes.inside
    assert table["doubt"][2] == pytest.approx(1 - core[wins].mean(), abs=1e-3)


@pytest.mark.parametrize("overlapping", [False, True])
def test_they_are_read_back(tmp_path, overlapping):
    prediction = predict(overlapping=overlapping)
    write_results(tmp_path / "out", prediction, rank_lesions(prediction, 0.5, 0.0))
    found, said = read_saved_results(tmp_path / "out").prediction, prediction.classes
    assert found.noun.one == "tumour" and found.noun.counted(2) == "2 tumours"
    assert (found.classes.names, found.classes.target, found.classes.box) == (NAMES, (1, 2), said.box)
    np.testing.assert_array_equal(found.classes.probability, said.probability)
    assert found.classes.overlapping == overlapping
    if not overlapping:
        np.testing.assert_array_equal(found.classes.entropy, said.entropy)


def test_those_of_another_model_leave_no_class_behind(tmp_path, prediction):
    lesions = rank_lesions(prediction, 0.5, 0.0)
    write_results(tmp_path / "out", prediction, lesions)
    members = np.repeat(prediction.probability[None], 2, axis=0)
    plain = predict_from_members(members, brain=prediction.brain)
    write_results(tmp_path / "out", plain, lesions, overwrite=True)
    assert not list((tmp_path / "out").glob("class*"))
    assert read_saved_results(tmp_path / "out").prediction.classes is None


def test_a_changed_map_is_refused(tmp_path, prediction):
    write_results(tmp_path / "out", prediction, rank_lesions(prediction, 0.5, 0.0))
    path = tmp_path / "out" / "class1_probability.nii.gz"
    path.write_bytes((tmp_path / "out" / "class2_probability.nii.gz").read_bytes())
    with pytest.raises(InputError, match="was changed after it was written"):
        read_saved_results(tmp_path / "out")


def test_each_class_against_a_label_map(prediction, folder, tmp_path, capsys):
    truth = label_map(prediction)
    write_volume(tmp_path / "labels.nii.gz", truth, prediction.grid, dtype=np.uint8)
    options = ["evaluate", str(folder), "--reference", str(tmp_path / "labels.nii.gz"), "--label-map"]
    assert main([*options, "--out", str(tmp_path / "out.json")]) == 0
    out = capsys.readouterr().out
    assert "classwise ACE" in out and "tumour core" in out
    found = json.loads((tmp_path / "out.json").read_text())["classes"]
    classes = prediction.classes
    p = classes.probability[:, classes.inside].astype(float)
    wanted = classwise(p / p.sum(axis=0), truth[classes.box][classes.inside])
    for one, own in zip(found["each"], wanted, strict=True):
        assert one["ace"] == pytest.approx(own.ace, abs=1e-4)
    assert found["together"]["ace"] == pytest.approx(np.mean([one.ace for one in wanted]), abs=1e-4)
    assert found["together"]["ece"] < 0.05  # they were drawn from the probabilities
    assert main(options[:-1]) == 0 and "classwise" not in capsys.readouterr().out


def test_vector_scaling_helps_on_the_labels_it_is_fitted_on(prediction):
    truth = label_map(prediction)
    truth[truth == 2] = 1 + (np.random.default_rng(0).random((truth == 2).sum()) < 0.3)
    by = fit_classes(prediction.classes, truth)
    before, after = (compare_classes(prediction.classes, truth, one) for one in (None, by))
    assert by.nll_after < by.nll_before and after.ece < before.ece


@pytest.mark.parametrize(
    ("options", "number", "message"),
    [({"overlapping": True}, 1, "overlap"), ({}, 3, "the number 3.*0 to 2")],
)
def test_a_map_that_cannot_be_compared_is_refused(options, number, message):
    with pytest.raises(InputError, match=message):
        compare_classes(predict(**options).classes, np.full(SHAPE, number))


def test_results_without_classes_say_so(tmp_path, prediction, capsys):
    members = np.repeat(prediction.probability[None], 2, axis=0)
    plain = predict_from_members(members, brain=prediction.brain)
    write_results(tmp_path / "out", plain, rank_lesions(plain, 0.5, 0.0))
    path = tmp_path / "labels.nii.gz"
    write_volume(path, label_map(prediction), prediction.grid, dtype=np.uint8)
    assert main(["evaluate", str(tmp_path / "out"), "--reference", str(path), "--label-map"]) == 2
    assert "these results hold no classes" in capsys.readouterr().err


def test_regions_may_overlap_in_the_table():
    table = class_table(predict(overlapping=True).classes, 1.0)
    assert (table["doubt"].dropna() <= 0.5).all()
