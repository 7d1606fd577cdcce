"""Members in, maps and members on the scan's own grid out; memory does not grow with a member's size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.inference.class_collector import ClassCollector
from napari_uncertainseg.inference.sampling import ClassPass, HeadsPass, Pass
from napari_uncertainseg.inference.sweep.heads import HeadsSweep
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.prediction.members import SEEN, Members
from napari_uncertainseg.uncertainty.voxel import MapAccumulator
from napari_uncertainseg.voxel_maps import MapSources, compute_maps

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class AccumulatedMaps:
    """What passes make together.

    Attributes
    ----------
    maps
        By their names in `VOXEL_MAPS`, float32 on the scan's grid.
    members
        Of the target.
    classes
        What is said of each class; None where there are not several.
    notes
        What the user must know of them, one sentence each.
    """

    maps: dict[str, np.ndarray]
    members: Members
    classes: Classes | None = None
    notes: tuple[str, ...] = ()


class PredictionAccumulator:
    """Takes a prediction's passes one by one.

    Members are brought to the scan's grid before anything is computed from them. So every map is what
    its name says of the very members that are kept: the entropy is that of the mean shown, it is the
    expected entropy plus the mutual information, and neither can leave its range, whatever the
    interpolation. Where the scan has the network's voxels already, nothing is interpolated.

    Parameters
    ----------
    source
        The network's input, which knows the way back.
    shape
        Of the scan's grid.
    class_names
        Of a network with several classes.
    """

    def __init__(
        self, source: NetworkInput, shape: tuple[int, int, int], class_names: tuple[str, ...] = ()
    ) -> None:
        self._source = source
        self._shape = shape
        self._exact = source.exact
        self._brain = torch.from_numpy(source.brain)
        self._maps = MapAccumulator()
        self._disagreement = MapAccumulator()
        self._sweep: HeadsSweep | None = None
        self._kept: list[tuple[Box, np.ndarray] | None] = []
        self._class_names = class_names
        self._classes: ClassCollector | None = None

    @property
    def count(self) -> int:
        """Members so far."""
        return len(self._kept)

    def add(self, new: Pass | HeadsPass | ClassPass) -> None:
        """Take the members of one pass; all passes of a prediction are of one kind."""
        if isinstance(new, HeadsPass):
            logits = _in_numpy(new.logits)
            if self._exact and logits is not None:
                self._sweep = self._sweep or HeadsSweep(self._source.brain)
                self._kept += self._sweep.add(logits, new.line, new.opinions)
                return
            new = new.finished()
        if isinstance(new, ClassPass):
            p = self._of_classes(new)
            self._take(p)
            self._disagreement.add(torch.zeros_like(p))  # there is one head
            return
        for member in new.members:
            self._take(self._on_scan(member))
        self._disagreement.add(self._on_scan(new.disagreement))

    def _take(self, member: Tensor) -> None:
        self._maps.add(member)
        self._kept.append(_crop(member))

    def _of_classes(self, new: ClassPass) -> Tensor:
        """The target's probability on the scan's voxels, in the box."""
        if self._classes is None:
            names = self._class_names or tuple(f"class {n}" for n in range(len(new.logits)))
            self._classes = ClassCollector(self._source, names, new.classes)
        return torch.from_numpy(self._classes.add(new.logits.cpu().numpy()))

    def result(self) -> AccumulatedMaps:
        """Maps over all members so far."""
        if self._sweep is not None:
            pasted = compute_maps(self._sweep.result(self._source.box, self._shape))
        else:
            maps = compute_maps(MapSources(self._maps.result(), self._disagreement.result().mean))
            pasted = {name: self._paste(value) for name, value in maps.items()}
        if self._classes is None:
            return AccumulatedMaps(pasted, self._unite())
        return AccumulatedMaps(pasted, self._unite(), self._classes.result(), self._classes.notes)

    def _on_scan(self, array: Tensor) -> Tensor:
        """Bring an array from the network's voxels to the scan's, in the brain's box, 0 outside the brain."""
        if self._exact:
            self._brain = self._brain.to(array.device)
            return array * self._brain
        return torch.from_numpy(self._source.back(array.cpu().numpy())[self._source.box].copy())

    def _paste(self, array: Tensor) -> np.ndarray:
        out = np.zeros(self._shape, np.float32)
        out[self._source.box] = array.cpu().numpy()
        return out

    def _unite(self) -> Members:
        """The members in one array. Until here each is kept in a box of its own, which takes less memory."""
        boxes = [kept[0] for kept in self._kept if kept is not None]
        if not boxes:
            nothing = (slice(0, 0), slice(0, 0), slice(0, 0))
            return Members(nothing, np.zeros((len(self._kept), 0, 0, 0), np.float16))
        low = [min(box[axis].start for box in boxes) for axis in range(3)]
        high = [max(box[axis].stop for box in boxes) for axis in range(3)]
        # Boxes count from the brain's box so far; `offset` moves the common one onto the scan's grid.
        values = np.zeros((len(self._kept), *(h - lo for lo, h in zip(low, high, strict=True))), np.float16)
        for target, kept in zip(values, self._kept, strict=True):
            if kept is not None:
                target[_shift(kept[0], [-lo for lo in low])] = kept[1]
        offset = [lo + s.start for lo, s in zip(low, self._source.box, strict=True)]
        return Members(_shift(tuple(slice(0, n) for n in values.shape[1:]), offset), values)  # type: ignore[arg-type]


def _in_numpy(logits: Tensor | np.ndarray) -> np.ndarray | None:
    """The same numbers, not copied; None where they are on another device."""
    if isinstance(logits, np.ndarray):
        return logits
    return logits.numpy() if logits.device.type == "cpu" else None


def _crop(p: Tensor) -> tuple[Box, np.ndarray] | None:
    """The bounding box of what a member saw, and the member in it; None when it saw nothing.

    Not `bounding_box`: the member is on the device, and only what is cut out should leave it.
    """
    seen = p >= SEEN
    ranges = []
    for axis in range(3):
        found = (
            seen.any(dim=(axis + 1) % 3, keepdim=True)
            .any(dim=(axis + 2) % 3, keepdim=True)
            .flatten()
            .nonzero()
        )
        if not len(found):
            return None
        ranges.append(slice(int(found[0]), int(found[-1]) + 1))
    box = (ranges[0], ranges[1], ranges[2])
    return box, p[box].half().cpu().numpy()


def _shift(box: Box, by: list[int]) -> Box:
    moved = [slice(s.start + n, s.stop + n) for s, n in zip(box, by, strict=True)]
    return moved[0], moved[1], moved[2]
