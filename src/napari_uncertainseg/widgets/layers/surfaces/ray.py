"""Which surface a line of sight meets first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.lesions.shapes.mesh import Mesh


class RayPicker:
    """Finds the mesh under the mouse, by boxes first: a scan may have hundreds of them.

    Parameters
    ----------
    numbers, meshes
        What is found, and its mesh in the viewer's world; none is empty.
    """

    def __init__(self, numbers: Sequence[int], meshes: Sequence[Mesh]) -> None:
        self._numbers, self._meshes = list(numbers), list(meshes)
        ends = [(mesh.points.min(0), mesh.points.max(0)) for mesh in meshes]
        self._low, self._high = np.array(ends).reshape(-1, 2, 3).transpose(1, 0, 2)

    def hit(self, through: np.ndarray, along: np.ndarray, within: float) -> int | None:
        """The number of the mesh that a line meets first; None where it meets none.

        Parameters
        ----------
        through
            Any point of the line.
        along
            Its direction, any length but 0.
        within
            Where the line meets none, the nearest one counts that is not further off than this.
        """
        along = np.asarray(along, float) / np.linalg.norm(along)
        through = np.asarray(through, float)
        near = self._near(through, along, within)
        met = [(depth, n) for n in near if (depth := _depth(self._meshes[n], through, along)) is not None]
        if not met:
            met = [(d, n) for n in near if (d := _distance(self._meshes[n], through, along)) <= within]
        return self._numbers[min(met)[1]] if met else None

    def _near(self, through: np.ndarray, along: np.ndarray, within: float) -> list[int]:
        """Meshes whose box, a little larger, the line goes through."""
        with np.errstate(divide="ignore", invalid="ignore"):
            one = (self._low - within - through) / along
            other = (self._high + within - through) / along
        # Along an axis that the line does not move on, it is in the box all along or never; NaN: on its rim.
        enter = np.fmax.reduce(np.fmin(one, other), axis=1)
        leave = np.fmin.reduce(np.fmax(one, other), axis=1)
        return np.flatnonzero(enter <= leave).tolist()


def _depth(mesh: Mesh, through: np.ndarray, along: np.ndarray) -> float | None:
    """How far along a line a mesh is met first; None where it is not."""
    corner = mesh.corners[:, 0]
    one, two = mesh.corners[:, 1] - corner, mesh.corners[:, 2] - corner
    # Cramer's rule: through + t along = corner + u one + v two.
    across = np.cross(along, two)
    volume = (one * across).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        back = through - corner
        u = (back * across).sum(1) / volume
        other = np.cross(back, one)
        v = (other @ along) / volume
        t = (two * other).sum(1) / volume
    met = (u >= 0) & (v >= 0) & (u + v <= 1) & (np.abs(volume) > 0)
    return float(t[met].min()) if met.any() else None


def _distance(mesh: Mesh, through: np.ndarray, along: np.ndarray) -> float:
    """How near the points of a mesh come to a line."""
    apart = mesh.points - through
    return float(np.linalg.norm(apart - np.outer(apart @ along, along), axis=1).min())
