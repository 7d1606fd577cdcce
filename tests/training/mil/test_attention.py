"""Gated attention over bags, and what must hold of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.training.mil.attention import AttentionNetwork
from napari_uncertainseg.training.mil.bags import Bag, Stacked
from napari_uncertainseg.training.mil.fit import FitSetting, fit, read_bags
from napari_uncertainseg.training.mil.left_out import left_out_bags, patient_folds

QUICK = FitSetting(steps=12, members=2)


def make_bag(n: int, seed: int, features: int = 6) -> Bag:
    rng = np.random.default_rng(seed)
    return Bag(rng.standard_normal((n, features)).astype(np.float32), np.ones(n, np.float32))


@pytest.fixture
def network() -> AttentionNetwork:
    torch.manual_seed(0)
    return AttentionNetwork(6, 8, 4).eval()


def test_one_bag_is_the_formula_in_plain_numpy(network):
    bag = make_bag(5, 1)
    (said,), (attention,) = read_bags([network], [bag])
    p = {name: value.detach().double().numpy() for name, value in network.state_dict().items()}

    def layer(name, x):
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    h = np.maximum(layer("embedding", bag.features.astype(float)), 0)
    scores = (np.tanh(layer("content", h)) * sigmoid(layer("gate", h))) @ p["score.weight"][0]
    expected = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(attention, expected, rtol=1e-5)
    assert said[0] == pytest.approx(sigmoid(layer("classifier", expected @ h)[0]), rel=1e-5)


def test_attention_sums_to_one_and_order_plays_no_part(network):
    bags = [make_bag(n, n) for n in (1, 7, 0, 3)]
    said, attention = read_bags([network], bags)
    assert [len(one) for one in attention] == [1, 7, 0, 3] and attention[0][0] == 1
    assert all(one.sum() == pytest.approx(1, abs=1e-6) for one in attention if len(one))
    # A bag without instances is defined: what is said of it is the classifier's constant.
    assert said[0, 2] == pytest.approx(float(network.classifier.bias.detach().sigmoid()))
    order = np.random.default_rng(0).permutation(7)
    turned = Bag(bags[1].features[order], bags[1].sizes)
    again, (other,) = read_bags([network], [turned])
    np.testing.assert_allclose(other, attention[1][order], rtol=1e-5)
    assert again[0, 0] == pytest.approx(said[0, 1], rel=1e-5)
    alone, _ = read_bags([network], [Bag(np.zeros((0, 0), np.float32), np.zeros(0, np.float32))])
    assert alone[0, 0] == pytest.approx(said[0, 2])


def test_an_instance_twice_splits_its_weight(network):
    bag = make_bag(4, 2)
    _, (once,) = read_bags([network], [bag])
    twice_bag = Bag(np.vstack([bag.features, bag.features[:1]]), np.ones(5, np.float32))
    _, (twice,) = read_bags([network], [twice_bag])
    assert twice[0] == pytest.approx(twice[4])
    assert twice[0] / twice[1] == pytest.approx(once[0] / once[1], rel=1e-5)
    assert twice[[0, 4]].sum() == pytest.approx(2 * once[0] / (1 + once[0]), rel=1e-5)


def test_scores_of_any_size_stay_finite(network):
    with torch.no_grad():
        network.score.weight.mul_(1e4)
    _, (attention,) = read_bags([network], [make_bag(9, 3)])
    assert np.isfinite(attention).all() and attention.sum() == pytest.approx(1)


def test_gradients_reach_attention_as_finite_differences_say():
    torch.manual_seed(1)
    network = AttentionNetwork(3, 4, 2).double()
    bags = Stacked(torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 0, 1, 1, 1]), 2)

    def logits(weight):
        parameters = dict(network.named_parameters()) | {"gate.weight": weight}
        return torch.func.functional_call(network, parameters, (bags,)).logits

    weight = network.gate.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(logits, weight)


def test_training_repeats_itself_and_leaves_the_users_randomness_alone():
    bags, labels = [make_bag(1 + i % 4, i) for i in range(8)], np.arange(8) % 2 == 0
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = read_bags(fit(bags, labels, QUICK).networks, bags)[0]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    np.testing.assert_array_equal(read_bags(fit(bags, labels, QUICK).networks, bags)[0], first)
    assert not np.array_equal(first[0], first[1])  # members differ


def test_constant_features_one_instance_and_empty_bags_can_be_trained_on():
    bags = [Bag(np.full((i % 3, 2), 0.1, np.float32), np.ones(i % 3, np.float32)) for i in range(6)]
    fitted = fit(bags, np.arange(6) % 2 == 0, QUICK)
    said, attention = read_bags(fitted.networks, bags)
    assert np.isfinite(said).all() and attention[2] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("bags", "labels", "says"),
    [
        ([make_bag(2, 0), make_bag(2, 1)], [True, True], "same label"),
        ([make_bag(0, 0), make_bag(0, 1)], [True, False], "instance"),
        ([Bag(np.full((1, 2), np.nan, np.float32), np.ones(1)), make_bag(1, 1, 2)], [True, False], "finite"),
    ],
)
def test_what_cannot_be_learned_from_is_a_sentence(bags, labels, says):
    with pytest.raises(InputError, match=says):
        fit(bags, np.array(labels), QUICK)


def test_cancel_ends_a_training():
    def cancel(stage: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fit([make_bag(2, 0), make_bag(2, 1)], np.array([True, False]), QUICK, progress=cancel)


def test_folds_keep_patients_together_and_labels_apart():
    patients = [f"p{i // 2}" for i in range(20)]
    labels = np.repeat(np.arange(10) % 2 == 0, 2)
    folds = patient_folds(labels, patients)
    assert all(folds[i] == folds[i + 1] for i in range(0, 20, 2))
    assert len(set(folds.tolist())) == 5
    assert all(labels[folds == k].sum() == 2 for k in range(5))  # one patient with it, one without
    with pytest.raises(InputError, match="Of 2 patients 1 have the label and 1 lack it"):
        patient_folds(np.array([True, False]), ["a", "b"])
    both = patient_folds(np.arange(12) % 2 == 0, [f"p{i // 2}" for i in range(12)])  # visits that differ
    assert len(set(both.tolist())) == 5
    with pytest.raises(InputError, match="4 patients are needed"):
        patient_folds(np.arange(6) % 2 == 0, [f"p{i // 2}" for i in range(6)])


def test_no_group_is_read_by_what_has_seen_it():
    rng = np.random.default_rng(0)
    labels, groups = np.arange(12) % 2 == 0, np.arange(12) // 4
    bags = [Bag((rng.standard_normal((3, 2)) + 4 * label).astype(np.float32), np.ones(3)) for label in labels]
    before = left_out_bags(bags, labels, groups, QUICK).probabilities
    changed = labels.copy()
    changed[:4] = ~changed[:4]
    again = left_out_bags(bags, changed, groups, QUICK).probabilities
    np.testing.assert_array_equal(before[:4], again[:4])  # their own labels play no part
    assert not np.array_equal(before[4:], again[4:])
    # A patient with visits in two groups: the visit elsewhere is not learned from either.
    patients = [f"p{min(i, 11 - i)}" for i in range(12)]
    apart = left_out_bags(bags, labels, groups, QUICK, patients=patients).probabilities
    changed = labels.copy()
    changed[8:] = ~changed[8:]  # of the first group's patients, who are in the third too
    again = left_out_bags(bags, changed, groups, QUICK, patients=patients).probabilities
    np.testing.assert_array_equal(apart[:4], again[:4])
    one_label = left_out_bags(bags[:4], labels[:4], labels[:4], QUICK)
    assert np.isnan(one_label.probabilities).all() and not any(map(len, one_label.attention))
