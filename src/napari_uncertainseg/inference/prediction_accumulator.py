"""Members in, maps and members on the scan's own grid out; memory does not grow with a member's size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from napari_uncertainseg._boxes import bounding_slices
from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.inference.arrays.either import as_numpy, like
from napari_uncertainseg.inference.class_collector import ClassCollector
from napari_uncertainseg.inference.sampling import ClassPass, HeadsPass, Pass
from napari_uncertainseg.inference.sweep.heads import HeadsSweep
from napari_uncertainseg.networks.engines.engine import Array
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.prediction.members import SEEN, Members, as_half
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
        self._brain: Array = source.brain
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
            if self._exact and _on_cpu(new.logits):
                self._sweep = self._sweep or HeadsSweep(self._source.brain)
                self._kept += self._sweep.add(as_numpy(new.logits), new.line, new.opinions)
                return
            new = new.finished()
        if isinstance(new, ClassPass):
            p = self._of_classes(new)
            self._take(p)
            self._disagreement.add(np.zeros_like(p))  # there is one head
            return
        for member in new.members:
            self._take(self._on_scan(member))
        self._disagreement.add(self._on_scan(new.disagreement))

    def _take(self, member: Array) -> None:
        self._maps.add(member)
        self._kept.append(_crop(member))

    def _of_classes(self, new: ClassPass) -> np.ndarray:
        """The target's probability on the scan's voxels, in the box."""
        if self._classes is None:
            names = self._class_names or tuple(f"class {n}" for n in range(len(new.logits)))
            self._classes = ClassCollector(self._source, names, new.classes)
        return self._classes.add(as_numpy(new.logits))

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

    def _on_scan(self, array: Array) -> Array:
        """Bring an array from the network's voxels to the scan's, in the brain's box, 0 outside the brain."""
        if self._exact:
            if type(self._brain) is not type(array):  # once: numpy, or a tensor on the device
                self._brain = like(self._source.brain, array)
            return array * self._brain
        return self._source.back(as_numpy(array))[self._source.box].copy()

    def _paste(self, array: Array) -> np.ndarray:
        out = np.zeros(self._shape, np.float32)
        out[self._source.box] = as_numpy(array)
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


def _on_cpu(logits: Array) -> bool:
    return not is_torch_array(logits) or bool(logits.device.type == "cpu")


def _crop(p: Array) -> tuple[Box, np.ndarray] | None:
    """The bounding box of what a member saw, and the member in it; None when it saw nothing.

    Of a member on another device only what is cut out leaves it.
    """
    box = bounding_slices(as_numpy(p >= SEEN))
    if any(part.stop == 0 for part in box):
        return None
    xp = array_namespace(p)
    half = as_numpy(xp.astype(p[box], xp.float16)) if is_torch_array(p) else as_half(p[box])
    return (box[0], box[1], box[2]), half


def _shift(box: Box, by: list[int]) -> Box:
    moved = [slice(s.start + n, s.stop + n) for s, n in zip(box, by, strict=True)]
    return moved[0], moved[1], moved[2]
