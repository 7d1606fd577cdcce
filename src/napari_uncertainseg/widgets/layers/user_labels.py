"""The user's own layers: what is done to them, and what a label layer holds on the prediction's grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QTimer

from napari_uncertainseg._base import InputError
from napari_uncertainseg.widgets.scans.volumes import is_brain, is_compared, is_result, volume_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.images.volume import Grid
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.scans.placement import Placement


class LayerWatch:
    """Hears what is done to images and label layers of the user's; layers of a run are passed over.

    Scans of other visits are heard too: the banner says that they are shown.

    Parameters
    ----------
    tell
        Emits `seen_changed`, and `labels_edited` and `label_chosen` with the name of a label layer.
    """

    def __init__(self, tell: ReviewLayers) -> None:
        self._tell = tell

    def begin(self, layer: Layer) -> None:
        """Listen to a layer."""
        for name, hear in self._heard(layer).items():
            layer.events[name].connect(hear)

    def end(self, layer: Layer) -> None:
        """Listen no more."""
        for name, hear in self._heard(layer).items():
            layer.events[name].disconnect(hear)

    def _heard(self, layer: Layer) -> dict[str, Callable[[Any], None]]:
        if not isinstance(layer, Image | Labels) or (is_result(layer) and not is_compared(layer)):
            return {}
        if isinstance(layer, Image):
            return {"visible": self._on_seen}
        painted, label = self._on_paint, self._on_label
        return {"visible": self._on_seen, "paint": painted, "data": painted, "selected_label": label}

    def _on_seen(self, event: Any) -> None:
        self._tell.seen_changed.emit()

    def _on_label(self, event: Any) -> None:
        self._tell.label_chosen.emit(event.source.name)

    def _on_paint(self, event: Any) -> None:
        # Some of napari's tools emit before they write.
        name = event.source.name
        QTimer.singleShot(0, lambda: self._tell.labels_edited.emit(name))


class UserLabels:
    """What is asked of the user's own label layers.

    Parameters
    ----------
    viewer, case
        Where they are, and of what.
    placing
        Where the prediction's results are laid; None while there are none.
    aside
        Layers that an exercise has taken out of the viewer.
    foreign
        Label layers, hidden ones among them, that seem not to be of the case.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        case: Case,
        placing: Callable[[], Placement | None],
        aside: Callable[[], Sequence[Layer]],
        foreign: Callable[[], Iterable[Layer]],
    ) -> None:
        self._viewer, self._case = viewer, case
        self._placing, self._aside, self._foreign = placing, aside, foreign

    def names(self) -> list[str]:
        """Their names, those that an exercise has taken out among them."""
        layers = [*self._viewer.layers, *self._aside()]
        return [x.name for x in layers if isinstance(x, Labels) and not is_result(x) and not is_brain(x)]

    def is_foreign(self, name: str) -> bool:
        """Whether a label layer, shown or hidden, seems not to be of the case."""
        return any(layer.name == name for layer in self._foreign())

    def mask_of(self, name: str) -> np.ndarray:
        """Where a label layer is not 0, on the prediction's grid; errors as `numbers_of`."""
        return self.numbers_of(name) > 0

    def numbers_of(self, name: str) -> np.ndarray:
        """Numbers of a label layer on the prediction's grid.

        Raises
        ------
        InputError
            If there is no such layer, or it lies on another grid.
        """
        named = [x for x in (*self._aside(), *self._viewer.layers) if x.name == name]
        if not named:
            raise InputError(f"There is no layer {name!r}; choose another reference.")
        return labels_on_grid(named[0], self._case.grid, self._placing())


def labels_on_grid(layer: Layer, grid: Grid | None, placing: Placement | None) -> np.ndarray:
    """Numbers of a label layer in canonical order.

    Parameters
    ----------
    layer
        Of labels.
    grid
        Of the prediction; None where there is none.
    placing
        Where its results are drawn.

    Raises
    ------
    InputError
        If there is no prediction, or the layer lies on another grid.
    """
    if grid is None:
        raise InputError("There is no prediction yet; press Run in Segment first.")
    drawn = None if placing is None else placing.drawn_over(layer)
    if drawn is not None:
        return drawn
    volume = volume_of(layer)
    if not volume.grid.same_as(grid):
        raise InputError(
            f"Layer {layer.name!r} ({_size(volume.grid.shape)} voxels) does not lie on the grid of the scan"
            f" ({_size(grid.shape)} voxels); resample it onto the FLAIR first."
        )
    return np.asarray(volume.data)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
