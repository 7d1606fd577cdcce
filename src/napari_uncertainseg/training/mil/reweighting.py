"""How much an auxiliary task may move what it shares with the main one.

ATMIL (arXiv 2107.07805) reweights adaptively; its code is not public, and which rule it uses could not be
verified. Both published rules are here behind one interface: this is a reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

COSINE, ONLINE = "cosine", "online"


class Reweighting(Protocol):
    """A rule; one object serves one training."""

    def weight(self, main: Tensor, auxiliary: Tensor) -> float:
        """Factor of the auxiliary gradient in this step, 0 or more.

        Parameters
        ----------
        main, auxiliary
            Gradients of both losses on the shared parameters, flat, of one length.
        """


@dataclass(frozen=True)
class FixedWeight:
    """Always the same weight."""

    value: float

    def weight(self, main: Tensor, auxiliary: Tensor) -> float:
        """The weight."""
        return self.value


@dataclass(frozen=True)
class CosineGate:
    """max(0, cos(main, auxiliary)): what points against the main task is left out.

    Du et al., "Adapting auxiliary losses using gradient similarity", arXiv 1812.02224, weighted version.
    """

    def weight(self, main: Tensor, auxiliary: Tensor) -> float:
        """The cosine, or 0; 0 too where a gradient is 0."""
        lengths = float(main.norm()) * float(auxiliary.norm())
        return max(0.0, float(main @ auxiliary) / lengths) if lengths > 0 else 0.0


@dataclass
class OnlineWeight:
    """A weight that learns: every N steps w becomes max(0, w + beta sum of <main, auxiliary>).

    Lin et al., "Adaptive auxiliary task weighting for reinforcement learning", NeurIPS 2019 (OL-AUX).

    Attributes
    ----------
    current
        The weight. It begins with 0 here: a task has to earn it (our choice).
    rate
        beta.
    steps
        N.
    """

    current: float = 0.0
    rate: float = 1.0
    steps: int = 5
    _products: list[float] = field(default_factory=list)

    def weight(self, main: Tensor, auxiliary: Tensor) -> float:
        """The weight before this step's product counts."""
        now = self.current
        self._products.append(float(main @ auxiliary))
        if len(self._products) == self.steps:
            self.current = max(0.0, self.current + self.rate * sum(self._products))
            self._products.clear()
        return now


def rule_named(name: str) -> Reweighting:
    """A new object of one of the published rules, ``"cosine"`` or ``"online"``."""
    return {COSINE: CosineGate, ONLINE: OnlineWeight}[name]()
