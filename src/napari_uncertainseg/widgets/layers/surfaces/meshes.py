"""Meshes of lesions and of the brain, made in the background and kept for the next threshold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.lesions.shapes.mesh import Mesh, mesh_of
from napari_uncertainseg.lesions.shapes.smoothing import smoothed

if TYPE_CHECKING:
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

_COARSE_MM = 4.0
"""Voxels of about this size are enough for a brain that only says where one is."""
_BRAIN_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class LesionMesh:
    """One lesion, in voxels of the prediction's grid.

    Attributes
    ----------
    exact
        As it is measured and written into files.
    smooth
        As it is drawn, as large as its voxels.
    """

    exact: Mesh
    smooth: Mesh


@dataclass(frozen=True, eq=False)
class Made:
    """What can be drawn.

    Attributes
    ----------
    lesions
        At whose threshold this was made.
    meshes
        By number; minus that of a candidate.
    brain
        In voxels of the prediction's grid; None where nothing lies outside it.
    """

    lesions: Lesions
    meshes: Mapping[int, LesionMesh]
    brain: Mesh | None


class MeshMaker:
    """Makes meshes, each only once as long as the lesion does not change. For one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[bytes, LesionMesh] = {}
        self._brain: tuple[np.ndarray, Mesh | None] | None = None

    def make(
        self,
        lesions: Lesions,
        prediction: Prediction,
        candidates: Collection[int] = (),
        progress: Progress = silent,
    ) -> Made:
        """Make what is not known yet.

        Parameters
        ----------
        lesions
            All of them are made.
        prediction
            Whose brain is made.
        candidates
            Numbers of those that are made too.
        progress
            May raise ``Cancelled``; what was made until then is kept.
        """
        progress("brain", 0.0)
        brain = self._brain_of(prediction)
        boxes = ndimage.find_objects(lesions.labels)
        wanted = [(n, lesions.labels, n, boxes[n - 1]) for n in lesions.table["label"].tolist()]
        if candidates:
            others = ndimage.find_objects(lesions.candidates)
            known = [n for n in candidates if n <= len(others) and others[n - 1] is not None]
            wanted += [(-n, lesions.candidates, n, others[n - 1]) for n in known]
        made, used = {}, {}
        for done, (number, labels, value, box) in enumerate(wanted):
            progress(f"surface {done + 1} of {len(wanted)}", done / len(wanted))
            mask = labels[box] == value
            key = _key(mask, box)
            if key not in self._known:
                self._known[key] = _mesh(mask, box)
            made[number] = used[key] = self._known[key]
        self._known = used
        return Made(lesions, made, brain)

    def _brain_of(self, prediction: Prediction) -> Mesh | None:
        if self._brain is None or self._brain[0] is not prediction.brain:
            self._brain = prediction.brain, brain_mesh(prediction.brain, prediction.grid.spacing)
        return self._brain[1]


def brain_mesh(brain: np.ndarray, spacing: tuple[float, float, float]) -> Mesh | None:
    """A coarse, smooth surface around a brain, in voxels; None where there is no brain, or nothing else.

    Parameters
    ----------
    brain
        bool, 3-D.
    spacing
        Of its voxels, mm.
    """
    if not brain.any() or brain.all():
        return None
    steps = [max(1, round(_COARSE_MM / side)) for side in spacing]
    padded = np.pad(brain, [(0, -n % step) for n, step in zip(brain.shape, steps, strict=True)])
    a, b, c = (n // step for n, step in zip(padded.shape, steps, strict=True))
    blocks = padded.reshape(a, steps[0], b, steps[1], c, steps[2])
    filled = ndimage.binary_fill_holes(blocks.mean((1, 3, 5)) >= 0.5)
    mesh = smoothed(mesh_of(filled), _BRAIN_ROUNDS)
    if not len(mesh.points):
        return None
    size = np.array(steps, float)
    return Mesh((mesh.points + 0.5) * size - 0.5, mesh.triangles)


def _mesh(mask: np.ndarray, box: tuple[slice, ...]) -> LesionMesh:
    exact = mesh_of(mask).shifted(np.array([one.start for one in box]))
    return LesionMesh(exact, smoothed(exact, volume=float(np.count_nonzero(mask))))


def _key(mask: np.ndarray, box: tuple[slice, ...]) -> bytes:
    where = repr([(one.start, one.stop) for one in box]).encode()
    return blake2b(where + np.packbits(mask).tobytes(), digest_size=16).digest()
