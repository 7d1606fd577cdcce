"""Members of a network with several classes: the target's probability, and the doubt of each class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy

from napari_uncertainseg.disk.result_folder import MOST_CLASSES
from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.networks.engines.class_outputs import ClassOutputs
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.uncertainty.classes import DoubtAccumulator

MOST_BYTES = 1 << 30
"""For one float32 number for each class and voxel; beyond it only the target's are kept."""
_LEAST_SUM = 1e-3
"""What the probabilities of all classes are divided by at least."""
_TOGETHER = 1 << 19
"""Voxels that are handled at a time, so that what is made on the way stays small."""


class ClassCollector:
    """Takes members one by one; what it holds does not grow with their number.

    As in nnU-Net the logits of every class are brought to the scan's voxels first and become probabilities
    there, where the model's own tool does so; else probabilities are brought back, as in MONAI.

    Parameters
    ----------
    source
        The network's input, which knows the way back.
    names
        Of the classes.
    classes
        What the network's channels are.
    """

    def __init__(self, source: NetworkInput, names: tuple[str, ...], classes: ClassOutputs) -> None:
        self._source, self._names, self._classes = source, names, classes
        self._voxels = int(np.count_nonzero(source.inside))
        self._kept = len(names) <= MOST_CLASSES and 4 * len(names) * self._voxels <= MOST_BYTES
        self._doubts: list[DoubtAccumulator] = []
        self._mean: np.ndarray | None = None
        self._count = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user must know."""
        if self._kept:
            return ()
        return (
            f"The model has {len(self._names)} classes, which are too many to keep the doubt of each in a "
            "scan of this size: only the target's was kept.",
        )

    def add(self, logits: np.ndarray) -> np.ndarray:
        """Take one member.

        Parameters
        ----------
        logits
            float32 (classes, z, y, x), on the network's voxels.

        Returns
        -------
        numpy.ndarray
            The target's probability, float32 of the shape of the source's box, 0 outside.
        """
        target = self._add_all(logits) if self._kept else self._target_alone(logits)
        return self._paste(target)

    def result(self) -> Classes | None:
        """Mean and doubt over the members so far; None where they were not kept."""
        if not self._kept:
            return None
        entropy = mutual = None
        if self._classes.overlapping:
            assert self._mean is not None
            mean = self._mean
        else:
            doubts = [one.doubt() for one in self._doubts]
            mean = np.concatenate([one.mean for one in doubts], axis=1)
            entropy = self._paste(np.concatenate([one.entropy for one in doubts]))
            mutual = self._paste(np.concatenate([one.mutual_information for one in doubts]))
        probability = np.zeros((len(mean), *self._source.inside.shape), np.float16)
        probability[:, self._source.inside] = mean
        return Classes(
            self._names,
            self._classes.target,
            self._source.box,
            self._source.inside,
            probability,
            entropy,
            mutual,
        )

    def _add_all(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of all classes, in the scan's voxels: what is kept of them, and the target's."""
        values = np.empty((len(logits), self._voxels), np.float32)
        for number, one in enumerate(self._moved(logits)):
            values[number] = one
        if self._source.moves_logits:
            for part in self._parts():
                values[:, part] = self._probabilities(values[:, part])
        self._count += 1
        target = self._union(values[list(self._classes.target)])
        if self._classes.overlapping:
            before = np.zeros_like(values) if self._mean is None else self._mean
            self._mean = before + (values - before) / self._count
        else:
            # Beside what was cut off, a share of each class was interpolated with nothing, as MONAI does.
            values /= np.maximum(values.sum(axis=0), np.float32(_LEAST_SUM))
            self._doubts = self._doubts or [DoubtAccumulator() for _ in self._parts()]
            for doubt, part in zip(self._doubts, self._parts(), strict=True):
                doubt.add(values[:, part])
        return target

    def _target_alone(self, logits: np.ndarray) -> np.ndarray:
        """The target's probability, without the others' being held together."""
        target = list(self._classes.target)
        if not self._source.moves_logits or self._classes.overlapping:
            found = np.stack([self._source.values(one) for one in self._on_network(logits, target)])
            return self._union(self._probabilities(found) if self._source.moves_logits else found)
        whole, mine = (np.full(self._voxels, -np.inf, np.float32) for _ in range(2))
        for number, one in enumerate(self._moved(logits)):
            whole = np.logaddexp(whole, one)
            mine = np.logaddexp(mine, one) if number in target else mine
        return np.minimum(np.exp(mine - whole), np.float32(1))

    def _moved(self, logits: np.ndarray) -> Iterator[np.ndarray]:
        """What is brought back of each class, in the scan's voxels."""
        for one in self._on_network(logits, list(range(len(logits)))):
            yield self._source.values(one)

    def _on_network(self, logits: np.ndarray, chosen: list[int]) -> np.ndarray:
        """What is brought back of some classes, on the network's voxels."""
        if self._source.moves_logits:
            return logits[chosen]
        return self._probabilities(logits)[chosen]

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        if self._classes.overlapping:
            return scipy.special.expit(logits)
        return scipy.special.softmax(logits, axis=0)

    def _union(self, target: np.ndarray) -> np.ndarray:
        """Probability that a voxel is of any class of the target: with a sigmoid each, the largest."""
        return target.max(axis=0) if self._classes.overlapping else np.minimum(target.sum(axis=0), 1)

    def _paste(self, values: np.ndarray) -> np.ndarray:
        out = np.zeros(self._source.inside.shape, np.float32)
        out[self._source.inside] = values
        return out

    def _parts(self) -> list[slice]:
        return [slice(start, start + _TOGETHER) for start in range(0, self._voxels, _TOGETHER)]
