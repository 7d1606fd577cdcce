"""Surface, roundness and axes of a lesion in millimetres, on voxels of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.lesions.shapes.mesh import Mesh, mesh_of


@dataclass(frozen=True)
class Shape:
    """Shape of one lesion.

    Attributes
    ----------
    surface_mm2, mesh_mm3
        Area of a mesh halfway between the voxels inside and outside (marching cubes), and what it encloses:
        less than the voxels do, much less for lesions of few voxels.
    sphericity
        Area of a ball of the mesh's volume over that of the mesh, 0 to 1; a ball of voxels has about 0.92.
    elongation
        1 less the middle axis over the longest, 0 (round) to 1 (a line).
    flatness
        1 less the shortest axis over the longest, 0 (round) to 1 (a sheet or a line).
    """

    surface_mm2: float
    mesh_mm3: float
    sphericity: float
    elongation: float
    flatness: float


def measure_shape(mask: np.ndarray, spacing: tuple[float, float, float]) -> Shape:
    """Measure one lesion.

    Parameters
    ----------
    mask
        bool, 3-D, of the lesion's box; at least one voxel is True.
    spacing
        Size of a voxel along the axes, mm.

    Returns
    -------
    Shape
        As `shape_of`.
    """
    steps = np.diag([*spacing, 1.0])
    return shape_of(mesh_of(mask).moved(steps), mask, steps[:3, :3])


def shape_of(mesh: Mesh, mask: np.ndarray, steps: np.ndarray) -> Shape:
    """Measure a lesion whose mesh is known.

    Parameters
    ----------
    mesh
        Of the mask, in mm.
    mask
        bool, 3-D; at least one voxel is True.
    steps
        3x3, mm: its columns lead from a voxel to the next along each axis; `Grid.affine` without the shift.

    Returns
    -------
    Shape
        Axes are those of the body that the voxels fill, not only of their centres, so that one voxel, a row
        and a single slice have axes too.
    """
    surface, volume = mesh.surface, mesh.volume
    axes = _axes(mask, steps)
    ball = np.cbrt(np.pi) * np.cbrt(6 * volume) ** 2
    return Shape(
        surface, volume, min(ball / surface, 1.0), float(1 - axes[1] / axes[2]), float(1 - axes[0] / axes[2])
    )


def _axes(mask: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Standard deviations along the principal axes, the shortest first, mm, float64 (3,)."""
    where = np.argwhere(mask) @ steps.T
    apart = where - where.mean(0)
    # A box of side h has the variance h^2 / 12 around its centre: each voxel is one.
    spread = apart.T @ apart / len(where) + steps @ steps.T / 12
    return np.asarray(np.sqrt(np.linalg.eigvalsh(spread)))
