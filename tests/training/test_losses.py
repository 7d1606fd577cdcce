"""Losses: zero where they must be, closed forms, gradients that exist."""

import pytest
import torch

from napari_uncertainseg.training.losses import (
    by_volume,
    dice_cross_entropy,
    disagreement_guidance,
    distinct,
    lesion_loss,
    multi_head_loss,
    of_style,
    raters_of_heads,
)


def brain(*shape: int) -> torch.Tensor:
    return torch.ones(shape[0], 1, *shape[2:])


def test_a_sure_and_right_answer_costs_nothing_and_a_sure_and_wrong_one_a_lot():
    target = (torch.rand(1, 1, 6, 6, 6, generator=torch.Generator().manual_seed(0)) > 0.7).float()
    sure = 40 * (2 * target - 1)
    assert dice_cross_entropy(sure, target, brain(*target.shape)) == pytest.approx(0, abs=1e-6)
    assert dice_cross_entropy(-sure, target, brain(*target.shape)) > 10


def test_closed_form_on_two_voxels():
    logits, target = torch.zeros(1, 1, 1, 1, 2), torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 1, 2)
    # cross-entropy 2 ln 2 over one voxel of lesion and 0.02 of two voxels; Dice (2 * .5 + 1) / (1 + 1 + 1)
    expected = 2 * 0.693147 / 1.04 + 1 - 2 / 3
    assert dice_cross_entropy(logits, target, brain(*logits.shape)) == pytest.approx(expected, abs=1e-5)


def test_voxels_outside_the_brain_do_not_count():
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(1, 1, 4, 4, 4, generator=generator), torch.ones(1, 1, 4, 4, 4)
    weight = torch.zeros(1, 1, 4, 4, 4)
    weight[..., :2] = 1
    changed = logits.clone()
    changed[..., 2:] = 9
    torch.testing.assert_close(
        dice_cross_entropy(logits, target, weight), dice_cross_entropy(changed, target, weight)
    )


def test_disagreement_guidance_is_zero_exactly_when_the_variances_agree():
    raters = torch.zeros(1, 4, 2, 2, 2)
    raters[:, :2, 0] = 1
    assert disagreement_guidance(raters.clone(), raters, brain(1, 1, 2, 2, 2)) == 0
    agreeing = torch.full_like(raters, 0.5)
    # variance 0 against 1/4, in the half where the raters vary
    assert disagreement_guidance(agreeing, raters, brain(1, 1, 2, 2, 2)) == pytest.approx(1 / 16)


def test_everything_learns_and_an_empty_patch_is_finite():
    torch.manual_seed(0)
    heads = torch.randn(2, 3, 8, 8, 8, requires_grad=True)
    layers = [torch.randn(2, 1, 4, 4, 4, requires_grad=True), torch.randn(2, 1, 2, 2, 2, requires_grad=True)]
    for raters in (torch.zeros(2, 2, 8, 8, 8), (torch.rand(2, 2, 8, 8, 8) > 0.8).float()):
        loss = multi_head_loss(
            heads,
            layers,
            raters,
            raters[:, :1],
            brain(2, 1, 8, 8, 8),
            torch.tensor([0, 1, 1]),
            disagreement=1.0,
            calibration=1.0,
        )
        gradients = torch.autograd.grad(loss, (heads, *layers))
        assert loss.isfinite()
        assert all(g.isfinite().all() and g.abs().max() > 0 for g in gradients)


def test_easy_voxels_may_be_left_out():
    """Voxels that are right anyway change nothing when they are only counted."""
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(1, 50, generator=generator), torch.ones(1, 50)
    target[:, 25:] = 0
    easy = torch.full((1, 200), -40.0)
    weight = torch.ones(1, 250)
    whole = dice_cross_entropy(torch.cat([logits, easy], 1), torch.cat([target, 0 * easy], 1), weight)
    part = dice_cross_entropy(logits, target, weight[:, :50], weight.sum())
    torch.testing.assert_close(part, whole)


def test_calibration_counts_each_image_for_itself():
    """One image all too sure and one all too unsure do not make up for each other."""
    heads = torch.zeros(2, 1, 4, 4, 4)
    reference = torch.zeros(2, 1, 4, 4, 4)
    reference[1] = 1
    with_it, without = (
        multi_head_loss(
            heads, [], reference, reference, brain(*heads.shape), torch.tensor([0]), calibration=c
        )
        for c in (1.0, 0.0)
    )
    assert with_it - without == pytest.approx(0.5, abs=1e-5)


def test_heads_learn_raters_in_order_or_all_alike():
    raters = torch.zeros(2, 3, 1, 1, 4)
    raters[0, 0], raters[0, 2, ..., :2], raters[1, 1] = 1, 1, 1
    ordered = by_volume(raters)
    assert ordered.flatten(2).sum(2).tolist() == [[0, 2, 4], [0, 0, 4]]
    assert raters_of_heads(3, 5).tolist() == [0, 0, 1, 2, 2]
    drawn = torch.stack([raters_of_heads(3, 5, torch.Generator().manual_seed(seed)) for seed in range(400)])
    assert (torch.bincount(drawn.flatten()) / 2000 - 1 / 3).abs().max() < 0.04


def test_each_lesion_counts_alike_closed_form():
    """One voxel missed and eight found: half of the loss of one lesion missed, whatever its size."""
    target = torch.tensor([1.0, 0.0] + [1.0] * 8)
    regions = torch.tensor([1, 1] + [2] * 8)
    p = torch.tensor([0.1, 0.1] + [0.9] * 8)
    # first: Dice 2 * .1 / (.2 + 1), cross-entropy -(ln .1 + ln .9) / 2; second: 2 * 7.2 / (7.2 + 8), -ln .9
    first = 1 - 0.2 / 1.2 + (2.302585 + 0.105361) / 2
    second = 1 - 14.4 / 15.2 + 0.105361
    weight = torch.ones(10)
    assert float(lesion_loss(p, target, regions, weight)) == pytest.approx((first + second) / 2, abs=1e-5)
    # numbers of lesions are names only
    renamed = torch.where(regions == 1, 70, 4)
    torch.testing.assert_close(
        lesion_loss(p, target, renamed, weight), lesion_loss(p, target, regions, weight)
    )


def test_lesions_far_from_everything_and_outside_the_brain_do_not_count():
    p = torch.full((6,), 0.5, requires_grad=True)
    target, regions = torch.tensor([1.0, 0, 0, 1, 0, 0]), torch.tensor([1, 1, 0, 2, 2, 0])
    weight = torch.tensor([1.0, 1, 1, 0, 0, 1])
    alone = lesion_loss(p[:2], target[:2], regions[:2], weight[:2])
    torch.testing.assert_close(lesion_loss(p, target, regions, weight), alone)
    nothing = lesion_loss(p, target, torch.zeros(6, dtype=torch.long), weight)
    nothing.backward()
    assert float(nothing.detach()) == 0 and p.grad.abs().sum() == 0


def test_the_loss_per_lesion_is_part_of_the_whole():
    torch.manual_seed(0)
    heads, reference = torch.randn(2, 2, 6, 6, 6), torch.zeros(2, 1, 6, 6, 6)
    reference[:, :, 2:4, 2:4, 2:4] = 1
    regions = distinct(torch.ones(2, 6, 6, 6, dtype=torch.int16))
    with_it, without = (
        multi_head_loss(
            heads,
            [],
            reference,
            reference,
            brain(*heads.shape),
            torch.tensor([0, 0]),
            regions=regions,
            lesions=w,
        )
        for w in (0.5, 0.0)
    )
    p = torch.sigmoid(heads).mean(1)
    expected = lesion_loss(p, reference[:, 0], regions, torch.ones(2, 6, 6, 6))
    torch.testing.assert_close(with_it - without, 0.5 * expected, rtol=1e-4, atol=1e-5)


def test_regions_of_patches_share_no_number():
    regions = torch.zeros(3, 2, 2, 2, dtype=torch.int16)
    regions[0, 0], regions[0, 1], regions[2, 0] = 1, 2, 1
    found = distinct(regions)
    assert found[0].unique().tolist() == [1, 2] and found[1].unique().tolist() == [0]
    assert found[2].unique().tolist() == [0, 3]


def test_a_patch_trains_the_heads_of_its_own_style_only():
    logits = torch.zeros(2, 6, 2, 2, 2, requires_grad=True)
    own = of_style(logits, torch.tensor([2, 0]), 3)
    assert own.shape == (2, 2, 2, 2, 2)
    own.sum().backward()
    trained = logits.grad[:, :, 0, 0, 0]
    assert trained.tolist() == [[0, 0, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0]]
