"""The napari layers of a case: the only code that adds or edits layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.appearance import MAPS, lesion_colormap, map_options, single_colormap
from napari_uncertainseg.widgets.geometry import KEY, volume_of
from napari_uncertainseg.widgets.orientation import OrientationLetters
from napari_uncertainseg.widgets.painting import Painting
from napari_uncertainseg.widgets.placing import Placing
from napari_uncertainseg.widgets.view import current_slice, frame, move_to

if TYPE_CHECKING:
    import pandas as pd
    from napari.components import ViewerModel
    from napari.utils.colormaps import DirectLabelColormap

LESIONS, CANDIDATES = "lesions", "candidates"
_NEW = np.iinfo(np.uint16).max
"""Number of what a preview finds and no lesion holds yet; drawn as a lesion without a verdict."""


class ReviewLayers:
    """Shows a case in a viewer, and takes the reviewer's painting into the case.

    The user's own layers are never edited. Layers made here carry
    ``metadata["uncertainseg"]["role"] == "result"`` and are replaced by the next run.
    """

    layers_changed = Signal()
    """The user's layers came, went or were renamed."""
    labels_edited = Signal(str)
    """The user painted on a label layer of their own; its name."""
    slice_changed = Signal()
    """Another slice, or another orientation, is shown."""

    def __init__(self, viewer: ViewerModel, case: Case) -> None:
        self._viewer = viewer
        self._case = case
        self._layers: dict[str, Layer] = {}
        self._labels: dict[str, np.ndarray] = {}
        self._placing: Placing | None = None
        self._painting: Painting | None = None
        self._our_zoom: float | None = None
        self._previewing = False
        self._letters = OrientationLetters(viewer)
        self._undo_connections: list[Callable[[], object]] = []
        self._listen()

    @property
    def viewer(self) -> ViewerModel:
        """The viewer that shows the layers."""
        return self._viewer

    def add(self, layers: Iterable[tuple[Any, dict[str, Any], str]]) -> None:
        """Add layers that a reader has made: (data, options, type)."""
        for data, options, kind in layers:
            self._viewer.add_layer(Layer.create(data, options, kind))

    def _listen(self) -> None:
        layers, dims, case = self._viewer.layers.events, self._viewer.dims.events, self._case
        pairs = [
            (layers.inserted, self._on_inserted),
            (layers.removed, self._on_removed),
            (layers.renamed, self._on_renamed),
            (dims.current_step, self._on_slice),
            (dims.order, self._on_slice),
            (dims.ndisplay, self._on_slice),
            (case.prediction_changed, self._show_prediction),
            (case.lesions_changed, self._show_lesions),
            (case.verdicts_changed, self._colour_lesions),
        ]
        for emitter, slot in pairs:
            emitter.connect(slot)
            self._undo_connections.append(partial(emitter.disconnect, slot))
        for layer in self._viewer.layers:
            self._watch(layer)

    # -- what the case says, drawn ------------------------------------------------------------

    def _show_prediction(self) -> None:
        """Replace the layers of the last run by those of this one."""
        self.remove()
        prediction = self._case.prediction
        if prediction is None:
            return
        self._placing = Placing.over(self._scan_layer(), prediction.grid)
        for name, style in MAPS.items():
            array = getattr(prediction, style.attribute)
            self._add_map(name, array, map_options(style, array))
        self._add_labels(CANDIDATES, single_colormap(), visible=False)
        lesions = self._add_labels(LESIONS, lesion_colormap({}, {}), visible=True)
        self._painting = Painting(lesions, self._labels[LESIONS], self._case)
        self._viewer.layers.selection.active = lesions

    def _scan_layer(self) -> Layer | None:
        """The user's layer with the scan that was segmented."""
        flair = self._case.images.get("flair")
        if flair is None or flair.name not in self._viewer.layers:
            return None
        layer = self._viewer.layers[flair.name]
        return None if is_result(layer) or layer.ndim != 3 else layer

    def _add_map(self, name: str, array: np.ndarray, options: dict[str, Any]) -> None:
        assert self._placing is not None
        layer = Image(
            self._placing.array(array),
            name=name,
            metadata=self._placing.metadata,
            **self._placing.options,
            **options,
        )
        layer.colorbar.position = layer.name_overlay.position = "top_right"
        layer.events.visible.connect(_show_colour_bar)
        _show_colour_bar(layer)
        self._insert(name, layer)

    def _add_labels(self, name: str, colormap: DirectLabelColormap, *, visible: bool) -> Labels:
        assert self._placing is not None
        self._labels[name] = np.zeros(self._placing.grid.shape, np.uint16)
        layer = Labels(
            self._placing.array(self._labels[name]),
            name=f"{name} (predicted)" if name in self._viewer.layers else name,
            metadata=self._placing.metadata,
            colormap=colormap,
            opacity=1.0,
            visible=visible,
            **self._placing.options,
        )
        layer.contour = 1
        self._insert(name, layer)
        return layer

    def _insert(self, name: str, layer: Layer) -> None:
        self._layers[name] = layer
        self._viewer.add_layer(layer)

    def _show_lesions(self) -> None:
        lesions = self._case.lesions
        if lesions is None or LESIONS not in self._layers:
            return
        self._previewing = False
        table = lesions.table
        self._write(LESIONS, lesions.labels)
        self._write(CANDIDATES, lesions.candidates)
        for name, rows in ((LESIONS, table), (CANDIDATES, lesions.candidate_table)):
            if name in self._layers:  # row i is label i: napari's own table and status bar then agree
                dense = (
                    rows.set_index("label", drop=False).reindex(range(len(rows) + 1)).reset_index(drop=True)
                )
                self._layers[name].features = dense
        self._colour_lesions()

    def _write(self, name: str, labels: np.ndarray) -> None:
        layer = self._layers.get(name)
        if layer is not None:  # in place: a new array would drop the history of the painting
            np.copyto(self._labels[name], labels, casting="same_kind")
            layer.refresh(extent=False)

    def _colour_lesions(self) -> None:
        layer, lesions = self._layers.get(LESIONS), self._case.lesions
        if layer is None or lesions is None:
            return
        doubt = dict(zip(lesions.table["label"], lesions.table["lsu"], strict=True))
        layer.colormap = lesion_colormap(doubt, self._case.decisions())

    def preview(self, threshold: float) -> None:
        """Show what the visible slice would be at a threshold, at once.

        For a slider that is being dragged: the case itself is set when it rests.
        """
        layer, p, lesions = self._layers.get(LESIONS), self._case.prediction, self._case.lesions
        shown = self.current_slice()
        if layer is None or p is None or lesions is None or self._viewer.dims.ndisplay != 2:
            return
        where = tuple(shown[1] if axis == shown[0] else slice(None) for axis in range(3))
        lesion = p.probability[where] >= threshold
        if self._case.edit is not None:
            painted = self._case.edit[where]
            lesion = (lesion | (painted > 0)) & (painted >= 0)
        known = lesions.labels[where]
        self._labels[LESIONS][where] = np.where(lesion, np.where(known > 0, known, _NEW), 0)
        layer.refresh(extent=False)
        self._previewing = True

    # -- where the viewer looks ---------------------------------------------------------------

    def go_to(self, voxel: tuple[int, int, int]) -> None:
        """Move the viewer to a voxel of the prediction's grid, and frame the lesion there.

        The zoom is set the first time; once the user has zoomed, theirs is kept unless the
        lesion does not fit.
        """
        layer, lesions = self._layers.get(LESIONS), self._case.lesions
        if layer is None or lesions is None or self._placing is None:
            return
        number = int(lesions.labels[voxel])
        if number:
            layer.selected_label = number
            rows = lesions.table
        else:
            number = int(lesions.candidates[voxel])
            rows = lesions.candidate_table
            if number and CANDIDATES in self._layers:
                self._layers[CANDIDATES].visible = True
        row = rows[rows["label"] == number]
        size = _extent(row, self._placing.grid.spacing) if len(row) else (0.0, 0.0, 0.0)
        self._our_zoom = frame(
            self._viewer, layer, self._placing.voxel(voxel), self._placing.size(size), self._our_zoom
        )

    def show_slice(self, voxel: tuple[int, int, int]) -> None:
        """Move to the slice with a voxel; the camera stays as it is."""
        if LESIONS in self._layers and self._placing is not None:
            move_to(self._viewer, self._layers[LESIONS], self._placing.voxel(voxel))

    def current_slice(self) -> tuple[int, int]:
        """Axis of the prediction's grid across the screen, and the index of the slice on it."""
        axis, index = current_slice(self._viewer, self._layers.get(LESIONS))
        return (axis, index) if self._placing is None else self._placing.canonical_slice(axis, index)

    # -- the user's label layers ----------------------------------------------------------------

    def label_layers(self) -> list[str]:
        """Names of the user's own label layers."""
        return [x.name for x in self._viewer.layers if isinstance(x, Labels) and not is_result(x)]

    def mask_of(self, name: str) -> np.ndarray:
        """Where a label layer is not 0, on the prediction's grid.

        Raises
        ------
        InputError
            If there is no such layer, or it lies on another grid.
        """
        if name not in self._viewer.layers:
            raise InputError(f"There is no layer {name!r} any more; choose another reference.")
        layer, grid = self._viewer.layers[name], self._case.grid
        if grid is None:
            raise InputError("There is no prediction yet; press Run in Segment first.")
        drawn = None if self._placing is None else self._placing.drawn_over(layer)
        if drawn is not None:
            return drawn > 0
        volume = volume_of(layer)
        if not volume.grid.same_as(grid):
            raise InputError(
                f"Layer {name!r} ({_size(volume.grid.shape)} voxels) does not lie on the grid of the scan"
                f" ({_size(grid.shape)} voxels); resample it onto the FLAIR first."
            )
        return np.asarray(volume.data) > 0

    def _watch(self, layer: Layer) -> None:
        if isinstance(layer, Labels) and not is_result(layer):
            layer.events.paint.connect(self._on_paint)
            layer.events.data.connect(self._on_paint)

    def _on_paint(self, event: Any) -> None:
        # Some of napari's tools emit before they write.
        name = event.source.name
        QTimer.singleShot(0, lambda: self.labels_edited.emit(name))

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)
        if not is_result(event.value):
            self.layers_changed.emit()

    def _on_removed(self, event: Any) -> None:
        layer = event.value
        if is_result(layer):
            self._forget(layer)
            return
        if isinstance(layer, Labels):
            layer.events.paint.disconnect(self._on_paint)
            layer.events.data.disconnect(self._on_paint)
        self.layers_changed.emit()

    def _on_renamed(self, event: Any = None) -> None:
        self.layers_changed.emit()

    def _on_slice(self, event: Any = None) -> None:
        if self._previewing:  # the preview holds for the slice that it was made for
            self._show_lesions()
        self.slice_changed.emit()

    # -- the end --------------------------------------------------------------------------------

    def _forget(self, layer: Layer) -> None:
        if self._painting is not None and layer is self._layers.get(LESIONS):
            self._painting.cleanup()
            self._painting = None
        self._layers = {name: kept for name, kept in self._layers.items() if kept is not layer}
        self._labels = {name: array for name, array in self._labels.items() if name in self._layers}

    def remove(self) -> None:
        """Take the layers of the last run out of the viewer."""
        for layer in list(self._layers.values()):
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
            self._forget(layer)

    def cleanup(self) -> None:
        """Let go of viewer and case; the layers stay. May be called twice."""
        while self._undo_connections:
            self._undo_connections.pop()()
        for layer in self._viewer.layers:
            if isinstance(layer, Labels) and not is_result(layer):
                layer.events.paint.disconnect(self._on_paint)
                layer.events.data.disconnect(self._on_paint)
        if self._painting is not None:
            self._painting.cleanup()
            self._painting = None
        self._letters.cleanup()
        self._layers.clear()
        self._labels.clear()


def is_result(layer: Layer) -> bool:
    """Whether a layer was made by a run, and so is not the user's own."""
    return bool(layer.metadata.get(KEY, {}).get("role") == "result")


def _show_colour_bar(event: Any) -> None:
    """Show a map's colour bar and its name with the unit, once the map is seen: drawing them takes time."""
    layer = event if isinstance(event, Image) else event.source
    if layer.visible:
        layer.colorbar.visible = layer.name_overlay.visible = True


def _extent(row: pd.DataFrame, spacing: tuple[float, float, float]) -> tuple[float, float, float]:
    """Size of a lesion's bounding box along (s, a, r), mm."""
    voxels = [float(row[f"stop_{axis}"].iloc[0] - row[f"start_{axis}"].iloc[0]) for axis in "sar"]
    s, a, r = (n * step for n, step in zip(voxels, spacing, strict=True))
    return s, a, r


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
