"""The weight of an auxiliary task: both published rules, and what they do to digits in bags."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg.training.mil.attention import AttentionNetwork
from napari_uncertainseg.training.mil.auxiliary import AuxiliaryHead, AuxiliaryTask, column_task, size_task
from napari_uncertainseg.training.mil.bags import Bag, Stacked
from napari_uncertainseg.training.mil.fit import FitSetting, fit, read_bags, set_gradients
from napari_uncertainseg.training.mil.reweighting import CosineGate, FixedWeight, OnlineWeight, rule_named
from napari_uncertainseg.uncertainty.retention import auroc

KEY = 9
"""The digit that makes a bag positive."""


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def test_the_cosine_gate_is_shut_for_what_points_away():
    rule = CosineGate()
    assert rule.weight(vector(1, 0), vector(-2, 5)) == 0
    assert rule.weight(vector(1, 0), vector(0, 3)) == 0
    assert rule.weight(vector(1, 0), vector(0, 0)) == 0
    assert rule.weight(vector(3, 0), vector(7, 0)) == pytest.approx(1)
    assert rule.weight(vector(1, 0), vector(1, 1)) == pytest.approx(0.5**0.5)


def test_the_online_weight_follows_its_formula():
    rng = np.random.default_rng(0)
    rule, expected = OnlineWeight(current=0.3, rate=0.1, steps=3), 0.3
    for _ in range(12):
        products = 0.0
        for _ in range(3):
            a, b = rng.standard_normal((2, 4))
            assert rule.weight(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected)
            products += float(a @ b)
        expected = max(0.0, expected + 0.1 * products)
    harmful = OnlineWeight(current=1.0, steps=1)
    harmful.weight(vector(1, 0), vector(-5, 0))
    assert harmful.current == 0
    assert [type(rule_named(name)) for name in ("cosine", "online")] == [CosineGate, OnlineWeight]


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_shared_gradients_are_main_plus_weight_times_auxiliary(weight):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    bags = [Bag(rng.standard_normal((n, 4)).astype(np.float32), rng.uniform(1, 9, n)) for n in (3, 2)]
    network = AttentionNetwork(4, 5, 3)
    head = AuxiliaryHead(size_task(bags), 5)
    stacked, target = Stacked.of(bags), torch.tensor([1.0, 0.0])

    def gradients(loss):
        network.zero_grad()
        head.zero_grad()
        loss(network(stacked)).backward()
        parameters = (*network.parameters(), *head.parameters())
        return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters]

    def main(reading):
        return F.binary_cross_entropy_with_logits(reading.logits, target)

    a, b = gradients(main), gradients(head.loss)
    network.zero_grad()
    head.zero_grad()
    reading = network(stacked)
    assert set_gradients(network, head, reading, main(reading), FixedWeight(weight)) == weight
    names = [name for name, _ in network.named_parameters()]
    for i, parameter in enumerate((*network.parameters(), *head.parameters())):
        own = i >= len(names) or names[i].startswith("classifier")  # heads get all of their own loss
        expected = a[i] + (1.0 if own else weight) * b[i]
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=1e-7)


def test_a_column_is_numbers_or_classes_and_may_lack_cells():
    numbers = column_task("age", ["30", "", "n/a", "41.5"])
    assert numbers.classes == 0 and np.isnan(numbers.targets[1][0]) and numbers.targets[3][0] == 41.5
    words = column_task("site", ["b", "a", "", "b"])
    assert words.classes == 2 and [t[0] for t in words.targets][:2] == [1, 0] and not words.of_instances
    bags = [Bag(np.ones((1, 2), np.float32), np.ones(1)) for _ in range(4)]
    for task in (numbers, words, words.part([0, 3])):
        fitted = fit(bags[: len(task.targets)], np.arange(len(task.targets)) % 2 == 0, QUICK, task)
        assert np.isfinite(fitted.weights).all() and fitted.weights.shape == (1, 5)
    unknown = AuxiliaryTask((np.array([np.nan]),) * 4, of_instances=False)
    assert not fit(bags, np.arange(4) % 2 == 0, QUICK, unknown).weights.any()
    for cells in (["1", "1"], ["", ""], [f"w{i}" for i in range(21)]):
        with pytest.raises(InputError, match="'x'"):
            column_task("x", cells)


QUICK = FitSetting(steps=5, members=1)


# -- digits in bags: a bag is positive if there is a 9 in it -----------------------------------------


def digit_bags(count: int, rng: np.random.Generator, *, seen: bool):
    """Bags of 6 to 12 digits, every second with one or two 9s; labels, and the digits themselves.

    Pictures that are learned from (`seen`) are in no bag that is tested.
    """
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    own = np.arange(len(digits.target)) % 2 == (0 if seen else 1)
    keys, others = np.flatnonzero(own & (digits.target == KEY)), np.flatnonzero(own & (digits.target != KEY))
    bags, inside = [], []
    for number in range(count):
        at = rng.choice(others, rng.integers(6, 13))
        if number % 2 == 0:
            at[: rng.integers(1, 3)] = rng.choice(keys, 1)
        bags.append(Bag(digits.data[at].astype(np.float32), np.ones(len(at), np.float32)))
        inside.append(digits.target[at])
    return bags, np.arange(count) % 2 == 0, inside


def areas(networks, bags, labels, inside) -> tuple[float, float]:
    """AUC of the label, and of the key instances within positive bags by attention."""
    said, attention = read_bags(networks, bags)
    within = [auroc(a, d == KEY) for a, d, label in zip(attention, inside, labels, strict=True) if label]
    return auroc(said.mean(axis=0), labels), float(np.mean(within))


def test_attention_finds_the_digit_that_makes_the_label():
    rng = np.random.default_rng(0)
    train, test = digit_bags(100, rng, seen=True), digit_bags(100, rng, seen=False)
    label, key = areas(fit(*train[:2], FitSetting(steps=80, members=2)).networks, *test)
    assert label > 0.85 and key > 0.9


@pytest.mark.slow
def test_reweighting_keeps_what_helps_and_shuts_out_what_harms():
    """Over three seeds: which digit each is helps; numbers drawn at random, of weight 30, do harm."""
    found: dict[str, list[float]] = {}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        train, test = digit_bags(40, rng, seen=True), digit_bags(100, rng, seen=False)
        helpful = AuxiliaryTask(tuple(d.astype(float) for d in train[2]), of_instances=True, classes=10)
        harmful = AuxiliaryTask(tuple(rng.standard_normal(len(bag)) for bag in train[0]), of_instances=True)
        for name, task, rule in (
            ("none", None, CosineGate),
            ("helpful cosine", helpful, CosineGate),
            ("helpful online", helpful, OnlineWeight),
            ("harmful cosine", harmful, CosineGate),
            ("harmful online", harmful, OnlineWeight),
            ("harmful fixed", harmful, lambda: FixedWeight(30.0)),
        ):
            setting = FitSetting(steps=60, members=1, seed=seed, rule=rule)
            found.setdefault(name, []).append(areas(fit(*train[:2], setting, task).networks, *test)[0])
    mean = {name: np.mean(values) for name, values in found.items()}
    for rule in ("cosine", "online"):
        assert mean[f"helpful {rule}"] >= mean["none"]
        assert mean[f"harmful {rule}"] >= mean["none"] - 0.02
        assert mean[f"harmful {rule}"] > mean["harmful fixed"] + 0.03
