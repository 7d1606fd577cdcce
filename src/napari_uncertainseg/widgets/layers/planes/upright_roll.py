"""Rolling the axes shows each plane upright: napari's own roll lays one of the three on its side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_uncertainseg.widgets.layers.orientation_letters import known_directions
from napari_uncertainseg.widgets.layers.planes.plane import planes_of

if TYPE_CHECKING:
    from napari.components import ViewerModel


class UprightRoll:
    """Puts the displayed axes the right way round when the viewer is rolled; transposing stays as it is.

    napari rolls the order of all axes by one: it shows axial and sagittal slices upright, and coronal ones
    lying on their side. It says only that the order is another one. So this remembers which order napari
    would have, tells a roll by that, and shows the plane that the roll asked for.

    Parameters
    ----------
    viewer
        Whose axes. Only where a layer says how it lies in the patient.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._shown = self._rolled = tuple(viewer.dims.order)
        viewer.dims.events.order.connect(self._on_order)

    def _on_order(self, event: object = None) -> None:
        dims = self._viewer.dims
        order, before = tuple(dims.order), self._shown
        if order == before:
            return
        self._shown = order
        rolled = dims.ndim == len(before) and order == self._after_roll(before)
        if not rolled or known_directions(self._viewer) is None:
            self._rolled = order
            return
        self._rolled = self._after_roll(self._rolled)
        self._shown = self._upright(self._rolled)
        dims.order = self._shown

    def _after_roll(self, order: tuple[int, ...]) -> tuple[int, ...]:
        """What napari makes of an order: axes with one step, or locked by the user, stay where they are."""
        dims = self._viewer.dims
        at = [i for i, axis in enumerate(order) if dims.rollable[axis] and dims.nsteps[axis] > 1]
        turned = list(order)
        for i, source in zip(at, [*at[-1:], *at[:-1]], strict=True):
            turned[i] = order[source]
        return tuple(turned)

    def _upright(self, order: tuple[int, ...]) -> tuple[int, ...]:
        extra = len(order) - 3
        last = [axis - extra for axis in order[-2:]]
        if min(last) < 0:
            return order
        plane = planes_of(self._viewer)[3 - sum(last)]
        return (*order[:-2], plane.rows + extra, plane.columns + extra)

    def cleanup(self) -> None:
        """Leave the order alone. May be called twice."""
        self._viewer.dims.events.order.disconnect(self._on_order)
