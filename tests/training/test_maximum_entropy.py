"""Maximum-entropy terms: the constants of the authors' code, and their known faults mended."""

import pytest
import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.training.maximum_entropy import MaximumEntropyLoss, base_loss, entropy, entropy_term

P1 = torch.tensor([0.1, 0.6, 0.8])
P = torch.stack([1 - P1, P1])[None]
LABELS = torch.tensor([[0, 0, 1]])
Y = torch.nn.functional.one_hot(LABELS, 2).movedim(-1, 1).float()


def test_constants():
    torch.testing.assert_close(entropy(P)[0], torch.tensor([0.325083, 0.673012, 0.500402]), rtol=0, atol=1e-5)
    for term, value in (("meep", 0.673012), ("meall", 0.499499), ("kl", -0.713558)):
        assert entropy_term(P, Y, term) == pytest.approx(value, abs=1e-5)
        assert entropy_term(P[:, 1:], Y[:, 1:], term) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("term", ["meep", "kl"])
def test_no_wrong_voxel_gives_zero_and_a_graph(term):
    logits = torch.tensor([[[2.0, -2.0], [-2.0, 2.0]]], requires_grad=True)
    target = torch.tensor([[0, 1]])
    loss = MaximumEntropyLoss("ce", term)(logits, target)
    plain = base_loss("ce", 2)(logits, torch.nn.functional.one_hot(target, 2).movedim(-1, 1).float())
    assert loss.detach() == plain.detach()
    assert torch.autograd.grad(loss, logits)[0].isfinite().all()


def test_right_voxels_get_no_gradient_from_the_wrong_ones():
    logits = P.log().requires_grad_()
    (gradient,) = torch.autograd.grad(entropy_term(torch.softmax(logits, 1), Y, "meep"), logits)
    assert (gradient[..., [0, 2]] == 0).all()
    assert (gradient[..., 1] != 0).all()


@pytest.mark.parametrize("base", ["ce", "dice", "dice_ce", "focal"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_each_base_learns_in_3d(base, channels):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, channels, 4, 4, 4, generator=generator, requires_grad=True)
    target = torch.randint(max(2, channels), (2, 1, 4, 4, 4), generator=generator)
    if channels == 1:
        target = target.float()
    values = set()
    for term in ("meep", "meall", "kl"):
        loss = MaximumEntropyLoss(base, term)(logits, target)
        assert torch.autograd.grad(loss, logits)[0].abs().max() > 0
        values.add(round(float(loss.detach()), 6))
    assert len(values) == 3


def test_only_the_region_counts():
    inside = torch.tensor([[True, False, True]])
    assert entropy_term(P, Y, "meep", inside) == 0
    assert entropy_term(P, Y, "meall", inside) == pytest.approx((0.325083 + 0.500402) / 2, abs=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="base loss"):
        MaximumEntropyLoss("hinge")
    with pytest.raises(InputError, match="entropy term"):
        MaximumEntropyLoss("ce", "mean")
    with pytest.raises(InputError, match="fits no logits"):
        MaximumEntropyLoss()(torch.zeros(1, 2, 4), torch.zeros(1, 5))
    with pytest.raises(InputError, match="labels must be 0 to 1"):
        MaximumEntropyLoss()(torch.zeros(1, 2, 3), torch.tensor([[0, 1, 2]]))
