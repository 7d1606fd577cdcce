"""What a file of the layer of lesions holds: exact meshes, where the patient is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.evaluate.shapes.columns import DOUBT, LABEL
from napari_uncertainseg.evaluate.shapes.mesh_files import NamedMesh
from napari_uncertainseg.widgets.layers.surfaces.meshes import LesionMesh

SHAPES = "shapes"
"""Under which a layer's metadata hold what its file is made of."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """What a file of the layer holds: exact meshes, where the patient is.

    Attributes
    ----------
    meshes
        By lesion, in voxels.
    doubts
        NaN where it is not known.
    affine
        4x4, voxel to RAS mm.
    """

    numbers: tuple[int, ...]
    meshes: tuple[LesionMesh, ...]
    doubts: tuple[float, ...]
    affine: np.ndarray

    def named(self) -> list[NamedMesh]:
        """The lesions, and candidates that were accepted or selected, in RAS mm."""
        return [
            NamedMesh(
                f"{'lesion' if number > 0 else 'candidate'}_{abs(number):03d}",
                mesh.exact.moved(self.affine),
                {LABEL: number, DOUBT: doubt},
            )
            for number, mesh, doubt in zip(self.numbers, self.meshes, self.doubts, strict=True)
        ]
