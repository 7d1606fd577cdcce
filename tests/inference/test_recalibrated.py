"""A recalibrated prediction: mean and members changed alike, and what follows from them."""

import json

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.recalibration import Temperature, fit
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.inference.recalibrated import recalibrated
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.uncertainty.voxel import binary_entropy

from ..builders import predict_from_members

SHAPE = (16, 18, 20)
TWICE = Temperature(0.2, 0.1, 0.5)


@pytest.fixture(scope="module")
def prediction():
    rng = np.random.default_rng(0)
    noise = np.stack([ndimage.gaussian_filter(x, 1.2) for x in rng.standard_normal((4, *SHAPE))])
    members = 1 / (1 + np.exp(-(noise[0] + 0.4 * noise) / noise.std()))
    brain = np.zeros(SHAPE, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    members = (members * brain).astype(np.float16)
    grid = Grid(SHAPE, np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]]))
    box = (slice(2, 14), slice(2, 16), slice(2, 18))
    return predict_from_members(
        members, box=box, grid=grid, brain=brain, threshold=0.4, information={"model": "x"}
    )


def test_mean_and_members_follow_the_recalibration(prediction):
    found = recalibrated(prediction, TWICE)
    inside = prediction.brain
    p = prediction.probability[inside].astype(float)
    expected = p**2 / (p**2 + (1 - p) ** 2)  # the logit, doubled
    np.testing.assert_allclose(found.probability[inside], expected, atol=1e-5)
    assert not found.probability[~inside].any() and not found.entropy[~inside].any()
    q = prediction.members.values.astype(float)
    np.testing.assert_allclose(found.members.values, q**2 / (q**2 + (1 - q) ** 2), atol=1e-3)
    assert found.members.values.dtype == np.float16 and found.threshold == 0.4
    assert found.information["recalibration"]["temperature"] == 0.5
    json.dumps(found.information)


def test_the_maps_belong_to_each_other(prediction):
    found = recalibrated(prediction, TWICE)
    np.testing.assert_allclose(found.entropy, binary_entropy(found.probability) * found.brain, atol=1e-6)
    np.testing.assert_allclose(found.expected_entropy + found.mutual_information, found.entropy, atol=1e-6)
    assert (found.mutual_information >= 0).all()
    own, box = found.members.values.astype(float), found.members.box
    kept = (prediction.members.values > 0).all(0)
    np.testing.assert_allclose(found.variance[box][kept], own.var(0)[kept], atol=1e-3)
    for name in ("probability", "entropy", "expected_entropy", "mutual_information", "variance"):
        assert getattr(found, name).dtype == np.float32
    np.testing.assert_array_equal(found.disagreement, prediction.disagreement)


def test_a_temperature_of_one_changes_nothing(prediction):
    found = recalibrated(prediction, Temperature(0.1, 0.1, 1.0))
    np.testing.assert_allclose(found.probability, prediction.probability, atol=1e-6)
    np.testing.assert_allclose(found.mutual_information, prediction.mutual_information, atol=1e-3)
    one, two = rank_lesions(found, 0.5, 0), rank_lesions(prediction, 0.5, 0)
    np.testing.assert_array_equal(one.labels, two.labels)


def test_a_member_that_was_not_kept_makes_no_doubt(prediction):
    from dataclasses import replace

    values = prediction.members.values.copy()
    values[0, :, :, 8:] = 0  # cropped, where it was small
    cropped = replace(prediction, members=Members(prediction.members.box, values))
    found = recalibrated(cropped, Temperature(0.1, 0.1, 1.0))
    np.testing.assert_allclose(found.mutual_information, prediction.mutual_information, atol=1e-3)
    np.testing.assert_allclose(found.variance, prediction.variance, atol=1e-3)


def test_what_was_fitted_here_is_calibrated_here(prediction):
    rng = np.random.default_rng(1)
    p = prediction.probability
    truth = rng.random(SHAPE) < p**2 / (p**2 + (1 - p) ** 2)  # surer than the prediction says
    fitted = fit(ProbabilityHistogram.from_probability(p, truth, region=prediction.brain), "temperature")
    found = recalibrated(prediction, fitted)
    before, after = (reliability(x.probability, truth, region=prediction.brain) for x in (prediction, found))
    assert after.ace < 0.5 * before.ace


def test_a_prediction_without_members(prediction):
    from dataclasses import replace

    none = replace(prediction, members=Members(prediction.members.box, prediction.members.values[:0]))
    found = recalibrated(none, TWICE)
    assert len(found.members) == 0 and np.isfinite(found.mutual_information).all()
