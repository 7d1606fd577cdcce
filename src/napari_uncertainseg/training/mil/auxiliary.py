"""A second task for the same network: a number or a class, of instances or of bags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg.training.mil.attention import Reading
from napari_uncertainseg.training.mil.bags import Bag
from napari_uncertainseg.training.mil.table_rules import numbers_of_cells


@dataclass(frozen=True, eq=False)
class AuxiliaryTask:
    """What is to be told besides the label.

    Attributes
    ----------
    targets
        For each bag float (instances,), or float (1,) of the bag; NaN where it is not known.
    of_instances
        Whether each instance has a target, or the bag.
    classes
        How many there are, the targets being their numbers; 0 where the target is a number.
    """

    targets: tuple[np.ndarray, ...]
    of_instances: bool
    classes: int = 0

    def part(self, bags: Sequence[int]) -> AuxiliaryTask:
        """The task for some of the bags."""
        return AuxiliaryTask(tuple(self.targets[i] for i in bags), self.of_instances, self.classes)


class AuxiliaryHead(nn.Module):
    """Tells the target from an instance's embedding, or from a bag's pooled one.

    Parameters
    ----------
    task
        Of the bags that are trained on.
    hidden
        Size of the embedding.
    """

    def __init__(self, task: AuxiliaryTask, hidden: int) -> None:
        super().__init__()
        target = torch.from_numpy(np.concatenate(task.targets).astype(np.float32))
        self._known = target.isfinite()
        own = target[self._known]
        if task.classes:
            self._target = own.long()
        else:
            spread = own.std(correction=0) if len(own) else own.new_ones(())
            self._target = (own - own.mean()) / (spread if spread > 0 else 1)
        self._task = task
        self._layer = nn.Linear(hidden, task.classes or 1)

    def loss(self, reading: Reading) -> Tensor:
        """Cross-entropy, or the mean square of standardised numbers; 0 where no target is known."""
        source = reading.embedded if self._task.of_instances else reading.pooled
        said = self._layer(source)[self._known]
        if not len(said):
            return source.sum() * 0
        if self._task.classes:
            return F.cross_entropy(said, self._target)
        return F.mse_loss(said[:, 0], self._target)


def size_task(bags: Sequence[Bag]) -> AuxiliaryTask:
    """Tell the logarithm of each instance's volume."""
    return AuxiliaryTask(tuple(np.log(np.maximum(bag.sizes, 1e-3)) for bag in bags), of_instances=True)


def column_task(name: str, cells: Sequence[str]) -> AuxiliaryTask:
    """Tell what a column says of each bag: numbers if all cells are, else classes.

    Parameters
    ----------
    name
        Of the column, for messages.
    cells
        Texts, one for each bag; an empty one, ``n/a`` and ``nan`` are not known.

    Raises
    ------
    InputError
        If fewer than two different values are known, or more than 20 words.
    """
    numbers, classes = numbers_of_cells(name, cells)
    return AuxiliaryTask(tuple(np.array([n]) for n in numbers), of_instances=False, classes=classes)
