"""The network that reads a bag: gated attention (Ilse, Tomczak, Welling, ICML 2018; arXiv 1802.04712)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from napari_uncertainseg.training.mil.bags import Stacked, softmax_in_bags

HIDDEN, GATES = 32, 16
"""Numbers that an instance is embedded in, and of the attention's hidden units."""
_FARTHEST = 5.0
"""A feature counts as at most so many deviations from the mean of the training instances."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What the network makes of bags.

    Attributes
    ----------
    logits
        (bags,), of the label.
    attention
        (instances,), 0 to 1; the sum over a bag is 1.
    embedded
        (instances, hidden).
    pooled
        (bags, hidden): the mean of a bag's instances, weighted by attention; 0 for a bag without any.
    """

    logits: Tensor
    attention: Tensor
    embedded: Tensor
    pooled: Tensor


class AttentionNetwork(nn.Module):
    """Embeds instances, weighs them against the others of their bag, and reads the label from the mean.

    With x an instance: h = relu(E x), a = softmax over the bag of w(tanh(V h) sigmoid(U h)), z = sum of a h,
    logit = c z + d. The order of instances plays no part. A bag without instances has z = 0, logit d.

    Parameters
    ----------
    features
        Numbers of an instance. They are standardised by `centre` and `scale`, which are saved too.
    hidden, gates
        Sizes of h, and of V h and U h.
    """

    def __init__(self, features: int, hidden: int = HIDDEN, gates: int = GATES) -> None:
        super().__init__()
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.embedding = nn.Linear(features, hidden)
        self.content = nn.Linear(hidden, gates)
        self.gate = nn.Linear(hidden, gates)
        self.score = nn.Linear(gates, 1, bias=False)
        self.classifier = nn.Linear(hidden, 1)

    @property
    def shared(self) -> tuple[nn.Parameter, ...]:
        """Parameters that an auxiliary task may move too: all but the classifier's."""
        modules = (self.embedding, self.content, self.gate, self.score)
        return tuple(parameter for module in modules for parameter in module.parameters())

    def standardise_by(self, features: Tensor) -> None:
        """Take mean and deviation from instances (n, features); a constant feature becomes 0."""
        if len(features):
            deviation = features.std(dim=0, correction=0)
            # The mean of equal numbers is off by rounding, and their deviation is not quite 0.
            constant = deviation <= 1e-6 * features.abs().amax(dim=0)
            self.centre.copy_(features.mean(dim=0))
            self.scale.copy_(torch.where(constant, 0, 1 / deviation))

    def standardised(self, bags: Stacked) -> Stacked:
        """Bags whose features have a mean of 0 and a deviation of 1 over the training instances."""
        features = ((bags.features - self.centre) * self.scale).clamp(-_FARTHEST, _FARTHEST)
        return replace(bags, features=features)

    def forward(self, bags: Stacked) -> Reading:
        """Read bags as they are."""
        return self.read(self.standardised(bags))

    def read(self, bags: Stacked) -> Reading:
        """Read bags that are standardised."""
        h = self.embedding(bags.features).relu()
        scores = self.score(self.content(h).tanh() * self.gate(h).sigmoid())[:, 0]
        attention = softmax_in_bags(scores, bags.bag, bags.count)
        pooled = h.new_zeros(bags.count, h.shape[1]).index_add(0, bags.bag, attention[:, None] * h)
        return Reading(self.classifier(pooled)[:, 0], attention, h, pooled)
