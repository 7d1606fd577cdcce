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
from napari_uncertainseg.inference.sweep.kept import NOTHING, Kept
from napari_uncertainseg.networks.engines.engine import Array
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.prediction.members import SEEN, Members, as_half
from napari_uncertainseg.uncertainty.voxel import MapAccumulator
from napari_uncertainseg.voxel_maps import MapSources, compute_maps


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
        self._kept: list[Kept] = []
        self._class_names = class_names
        self._classes: ClassCollector | None = None

    @property
    def count(self) -> int:
        """Members so far."""
        return sum(map(len, self._kept))

    def add(self, new: Pass | HeadsPass | ClassPass) -> None:
        """Take the members of one pass; all passes of a prediction are of one kind."""
        if isinstance(new, HeadsPass):
            if self._exact and _on_cpu(new.logits):
                if self._sweep is None:
                    self._sweep = HeadsSweep(self._source.brain, self._source.box, self._shape)
                self._kept.append(self._sweep.add(as_numpy(new.logits), new.line, new.opinions))
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
        """Maps over all members; nothing is added afterwards."""
        if self._sweep is not None:
            pasted = compute_maps(self._sweep.result())
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
        """The members in one array; until here each pass has a box of its own, which takes less memory."""
        kept = Kept.together(self._kept)
        if kept.box == NOTHING:
            return Members(NOTHING, kept.values)
        # Boxes count from the brain's box so far: the common one is moved onto the scan's grid.
        z, y, x = (
            slice(side.start + brain.start, side.stop + brain.start)
            for side, brain in zip(kept.box, self._source.box, strict=True)
        )
        return Members((z, y, x), kept.values)


def _on_cpu(logits: Array) -> bool:
    return not is_torch_array(logits) or bool(logits.device.type == "cpu")


def _crop(p: Array) -> Kept:
    """A member in the bounding box of what it saw.

    Of a member on another device only what is cut out leaves it.
    """
    z, y, x = bounding_slices(as_numpy(p >= SEEN))
    if z.start == z.stop:
        return Kept(NOTHING, np.zeros((1, 0, 0, 0), np.float16))
    xp = array_namespace(p)
    half = as_numpy(xp.astype(p[z, y, x], xp.float16)) if is_torch_array(p) else as_half(p[z, y, x])
    return Kept((z, y, x), half[None])
