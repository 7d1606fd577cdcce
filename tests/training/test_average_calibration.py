"""mL1-ACE against the authors' answers, MONAI's metric, and where there is nothing to measure."""

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.training.average_calibration import (
    AverageCalibrationLoss,
    binned,
    calibration_error,
    soft_calibration_error,
)

P = torch.tensor([0.05, 0.15, 0.15, 0.35, 0.55, 0.75, 0.95, 0.95])
Y = torch.tensor([0.0, 0, 1, 0, 1, 1, 1, 1])
PUBLISHED = {
    "hard": (0.263333, [-0.066667] * 3 + [0.2, -0.2, -0.2, -0.1, -0.1]),
    "soft": (0.176444, [-0.08, 0.18, -1.02, -0.754, -0.25, -0.04321, -0.088889, -0.088889]),
}


@pytest.mark.parametrize("binning", ["hard", "soft"])
def test_constants(binning):
    loss, gradient = PUBLISHED[binning]
    p = P.clone().requires_grad_()
    ours = calibration_error(p, Y, bins=5, binning=binning)
    assert ours.detach() == pytest.approx(loss, abs=1e-5)
    torch.testing.assert_close(torch.autograd.grad(ours, p)[0], torch.tensor(gradient), rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("binning", ["hard", "soft"])
@pytest.mark.parametrize("background", [True, False])
def test_authors_answers(shared_data, case, binning, background):
    path = shared_data.parent / "reference" / f"average_calibration_error_{case}.npz"
    if not path.is_file():
        pytest.skip(f"no reference figures: {path} is not there")
    known = np.load(path)
    logits = torch.from_numpy(known["logits"]).requires_grad_()
    loss = AverageCalibrationLoss(20, binning, include_background=background)(
        logits, torch.from_numpy(known["labels"])
    )
    name = f"{binning}_{'with' if background else 'without'}_background"
    assert loss.detach() == pytest.approx(float(known[f"{name}_loss"]), abs=2e-6)
    (gradient,) = torch.autograd.grad(loss, logits)
    np.testing.assert_allclose(gradient.numpy(), known[f"{name}_gradient"], rtol=2e-3, atol=2e-7)


def test_hard_bins_are_monais():
    calibration = pytest.importorskip("monai.metrics.calibration")
    generator = torch.Generator().manual_seed(0)
    p = torch.rand(1, 1, 500, generator=generator)
    y = (torch.rand(1, 1, 500, generator=generator) < p).float()
    predicted, observed, count = (x[0, 0] for x in calibration.calibration_binning(p, y, num_bins=20))
    total, positive, weight = binned(p[0, 0], y[0, 0], binning="hard")
    torch.testing.assert_close(weight, count.float())
    torch.testing.assert_close(total / weight, predicted, equal_nan=True)
    torch.testing.assert_close(positive / weight, observed, equal_nan=True)


@pytest.mark.parametrize("binning", ["hard", "soft"])
def test_nothing_to_measure_costs_nothing_and_keeps_the_graph(binning):
    logits = torch.zeros(1, 1, 4, requires_grad=True)
    nowhere = torch.zeros(1, 1, 4, dtype=torch.bool)
    loss = AverageCalibrationLoss(binning=binning)(logits, torch.ones(1, 1, 4), nowhere)
    assert loss.detach() == 0
    assert (torch.autograd.grad(loss, logits)[0] == 0).all()


def test_an_absent_class_adds_nothing_but_counts():
    logits = torch.zeros(1, 2, 6)
    target = torch.zeros(1, 6, dtype=torch.long)
    # class 0: p = .5, y = 1; class 1 is absent: p = .5, y = 0
    assert AverageCalibrationLoss()(logits, target) == pytest.approx(0.25)
    assert AverageCalibrationLoss(ignore_empty_classes=False)(logits, target) == pytest.approx(0.5)


def test_each_image_is_calibrated_for_itself():
    """One image too sure and one too unsure do not make up for each other."""
    p, y = torch.full((2, 8), 0.525), torch.zeros(2, 8)
    y[0] = 1
    everywhere = torch.ones(2, 8, dtype=torch.bool)
    assert soft_calibration_error(p, y, everywhere) == pytest.approx((0.475 + 0.525) / 2)
    assert soft_calibration_error(p.reshape(1, 16), y.reshape(1, 16), everywhere.reshape(1, 16)) < 0.05


def test_an_unknown_binning_is_refused():
    with pytest.raises(InputError, match="'hard' or 'soft'"):
        AverageCalibrationLoss(binning="loose")
