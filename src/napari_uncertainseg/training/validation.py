"""How good a network is on whole brains that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from napari_uncertainseg.networks.engines.precision import Precision
from napari_uncertainseg.networks.multihead import MultiHeadUNet, padded
from napari_uncertainseg.training.average_calibration import soft_calibration_error
from napari_uncertainseg.training.configuration import Configuration
from napari_uncertainseg.training.sources.cohort import prepared_twice
from napari_uncertainseg.training.sources.visits import Visit
from napari_uncertainseg.training.subjects import Subject, read_subject


@torch.no_grad()
def scores(probability: Tensor, reference: Tensor, region: Tensor) -> dict[str, float]:
    """Dice at one half, and the soft-binned calibration error in a region, of one batch.

    Parameters
    ----------
    probability, reference
        (B, z, y, x), 0 to 1.
    region
        bool, (B, z, y, x).
    """
    p, y = probability >= 0.5, reference > 0
    size = float(p.sum() + y.sum())
    return {
        "dice": 2 * float((p & y).sum()) / size if size else 1.0,
        "ace": float(soft_calibration_error(probability, reference, region)),
    }


@dataclass(frozen=True, eq=False)
class WholeBrain:
    """The box round a brain, padded to what a network takes.

    Attributes
    ----------
    image
        (1, 3, z, y, x).
    reference, brain
        (1, z, y, x), 0 or 1, and bool.
    """

    image: Tensor
    reference: Tensor
    brain: Tensor

    @classmethod
    def from_subject(cls, subject: Subject, divisor: int, smallest: int) -> WholeBrain:
        """Cut a subject's brain out."""
        box = subject.box
        images = subject.images[(slice(None), *box)].float()
        parts = images, (subject.labels[box] > 0).float(), subject.brain[box]
        image, reference, brain = (padded(part, divisor, smallest)[None] for part in parts)
        return cls(image, reference, brain)


class Validation:
    """Segments subjects that are not trained on; draws no random numbers.

    Parameters
    ----------
    configuration
        Which subjects: those named for it, and all patients of the sources left out, with their bias fields
        corrected where they show the skull.
    network
        What they will be segmented by, or one of its shape.
    precision
        In which the network computes.
    """

    def __init__(self, configuration: Configuration, network: MultiHeadUNet, precision: Precision) -> None:
        self._configuration = configuration
        self._network = network
        self._precision = precision

    @cached_property
    def _brains(self) -> list[WholeBrain]:
        """Read when they are first needed: to prepare many scans takes long."""
        data = self._configuration.data
        subjects = [read_subject(data.folder, name) for name in data.validation]
        for source in data.sources_left_out:
            visits = (Visit.of_source(source, data.folder, name) for name in source.visits)
            subjects += [prepared_twice(visit, self._configuration.cache)[0] for visit in visits]
        divisor, smallest = self._network.divisor, self._network.smallest
        return [WholeBrain.from_subject(subject, divisor, smallest) for subject in subjects]

    def measure(self, network: nn.Module) -> dict[str, float]:
        """Mean over the subjects of the Dice at one half and of the calibration error in the brain."""
        found = [_measure(network, brain, self._precision) for brain in self._brains]
        return {f"validation_{key}": sum(each[key] for each in found) / len(found) for key in found[0]}


@torch.inference_mode()
def _measure(network: nn.Module, whole: WholeBrain, precision: Precision) -> dict[str, float]:
    device = next(network.parameters()).device
    image = whole.image.to(device, memory_format=torch.channels_last_3d)
    region = whole.brain.to(device)
    with precision.autocast():
        logits = network(image)
    probability = torch.sigmoid(logits.float()).mean(1) * region
    return scores(probability, whole.reference.to(device), region)
