"""Training: full batches, a fixed number of steps, several members from different seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.progress.parts import part_of
from napari_uncertainseg.training.mil.attention import AttentionNetwork, Reading
from napari_uncertainseg.training.mil.auxiliary import AuxiliaryHead, AuxiliaryTask
from napari_uncertainseg.training.mil.bags import Bag, Stacked
from napari_uncertainseg.training.mil.reweighting import CosineGate, Reweighting

_TOLD = 10
"""Steps after which progress is told, and Cancel heard."""


@dataclass(frozen=True)
class FitSetting:
    """How a network is trained. Nothing of it is chosen by looking at the result.

    Attributes
    ----------
    steps
        Of Adam, each on all bags.
    rate
        Of learning.
    decay
        Of weights (AdamW).
    members
        Networks that are trained alike from different seeds; their mean is what is said.
    seed
        Of the first member.
    rule
        Makes the rule of reweighting for a training.
    """

    steps: int = 150
    rate: float = 0.01
    decay: float = 0.05
    members: int = 5
    seed: int = 0
    rule: Callable[[], Reweighting] = CosineGate


@dataclass(frozen=True, eq=False)
class Fitted:
    """Members, and what the auxiliary task was worth.

    Attributes
    ----------
    networks
        The members, in eval mode.
    weights
        float (members, steps): weight of the auxiliary gradient; (members, 0) without such a task.
    """

    networks: tuple[AttentionNetwork, ...]
    weights: np.ndarray


def fit(
    bags: Sequence[Bag],
    labels: np.ndarray,
    setting: FitSetting | None = None,
    auxiliary: AuxiliaryTask | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Train members on bags.

    Parameters
    ----------
    bags
        Of the patients to learn from.
    labels
        bool (bags,).
    setting
        See there.
    auxiliary
        A second task for the same bags.
    progress
        Told every ten steps; what it raises ends the work.

    Raises
    ------
    InputError
        If all bags have one label, none has an instance, or a feature is not finite.
    """
    setting = setting or FitSetting()
    _check(bags, labels)
    stacked, target = Stacked.of(bags), torch.from_numpy(np.asarray(labels, np.float32))
    networks, weights = [], []
    for member in range(setting.members):
        part = part_of(progress, member / setting.members, (member + 1) / setting.members)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.seed + member)
            network = AttentionNetwork(stacked.features.shape[1])
            network.standardise_by(stacked.features)
            head = None if auxiliary is None else AuxiliaryHead(auxiliary, network.embedding.out_features)
            weights.append(_descend(network, head, network.standardised(stacked), target, setting, part))
        networks.append(network.eval())
    return Fitted(tuple(networks), np.array(weights).reshape(setting.members, -1))


def _check(bags: Sequence[Bag], labels: np.ndarray) -> None:
    if len(set(np.asarray(labels, bool).tolist())) < 2:
        raise InputError("All patients have the same label: patients with and without it are needed.")
    if not any(len(bag) for bag in bags):
        raise InputError("No patient has an instance to learn from: segment with a lower threshold.")
    if not all(np.isfinite(bag.features).all() for bag in bags):
        raise InputError("A feature of an instance is not a finite number.")


def _descend(
    network: AttentionNetwork,
    head: AuxiliaryHead | None,
    bags: Stacked,
    target: Tensor,
    setting: FitSetting,
    progress: Progress,
) -> list[float]:
    """Train one member on standardised bags; the auxiliary weight in each step."""
    heads = [] if head is None else list(head.parameters())
    optimiser = torch.optim.AdamW(
        [*network.parameters(), *heads], lr=setting.rate, weight_decay=setting.decay
    )
    rule, weights = setting.rule(), []
    for step in range(setting.steps):
        if step % _TOLD == 0:
            progress("training", step / setting.steps)
        reading = network.read(bags)
        loss = F.binary_cross_entropy_with_logits(reading.logits, target)
        if head is None:
            optimiser.zero_grad()
            loss.backward()
        else:
            weights.append(set_gradients(network, head, reading, loss, rule))
        optimiser.step()
    return weights


def set_gradients(
    network: AttentionNetwork, head: AuxiliaryHead, reading: Reading, loss: Tensor, rule: Reweighting
) -> float:
    """Gradients of both tasks: the shared parameters get main + weight x auxiliary, heads their own.

    The auxiliary head always learns, so that its gradient means something when it is let in.

    Returns
    -------
    float
        The weight.
    """
    shared, own, extra = network.shared, tuple(network.classifier.parameters()), tuple(head.parameters())
    main = _gradients(loss, (*shared, *own))
    auxiliary = _gradients(head.loss(reading), (*shared, *extra))
    n = len(shared)
    weight = rule.weight(_flat(main[:n]), _flat(auxiliary[:n]))
    for parameter, a, b in zip(shared, main, auxiliary, strict=False):
        parameter.grad = a + weight * b
    for parameter, a in zip((*own, *extra), (*main[n:], *auxiliary[n:]), strict=True):
        parameter.grad = a
    return weight


def _gradients(loss: Tensor, parameters: tuple[nn.Parameter, ...]) -> tuple[Tensor, ...]:
    """Gradients; 0 on what the loss does not depend on."""
    return torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)


def _flat(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


@torch.inference_mode()
def read_bags(
    networks: Sequence[AttentionNetwork], bags: Sequence[Bag]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What members say of bags.

    Parameters
    ----------
    networks
        Members.
    bags
        One at least.

    Returns
    -------
    probabilities
        float64 (members, bags): that the label is there.
    attention
        For each bag float64 (instances,), the members' mean; the sum is 1 where there is an instance.
    """
    stacked = Stacked.of(bags, len(networks[0].centre))
    readings = [network(stacked) for network in networks]
    probabilities = torch.stack([reading.logits.double().sigmoid() for reading in readings]).numpy()
    attention = torch.stack([reading.attention.double() for reading in readings]).mean(dim=0).numpy()
    return probabilities, np.split(attention, np.cumsum([len(bag) for bag in bags])[:-1])
