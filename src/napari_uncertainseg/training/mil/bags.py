"""A patient as a bag of instances, of which only the bag has a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Bag:
    """What is known of one visit.

    Attributes
    ----------
    features
        float32 (instances, features); no row where nothing was found.
    sizes
        float32 (instances,), mm3.
    """

    features: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        """Number of instances."""
        return len(self.features)


@dataclass(frozen=True, eq=False)
class Stacked:
    """Bags one after the other, so that all are computed at once.

    Attributes
    ----------
    features
        float32 (instances of all bags, features).
    bag
        int64 (instances of all bags,): the bag of each.
    count
        Number of bags; one without instances counts too.
    """

    features: Tensor
    bag: Tensor
    count: int

    @classmethod
    def of(cls, bags: Sequence[Bag], width: int | None = None) -> Stacked:
        """Stack bags, one at least.

        Parameters
        ----------
        bags
            All with as many features; those without instances need not know how many there are.
        width
            That number, where perhaps all bags are empty.
        """
        width = max(bag.features.shape[1] for bag in bags) if width is None else width
        nothing = np.zeros((0, width), np.float32)
        features = np.concatenate([nothing, *(bag.features for bag in bags if len(bag))])
        number = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
        return cls(torch.from_numpy(features.astype(np.float32)), torch.from_numpy(number), len(bags))


def softmax_in_bags(scores: Tensor, bag: Tensor, count: int) -> Tensor:
    """Softmax of scores (instances,) within each bag."""
    highest = scores.new_full((count,), -torch.inf).scatter_reduce(0, bag, scores.detach(), "amax")
    powers = (scores - highest[bag]).exp()
    return powers / scores.new_zeros(count).index_add(0, bag, powers)[bag]
