"""The outline of the brain: of a prediction, or found before a run; and the layer on which it is mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_uncertainseg.images.preparation.found_brain import FoundBrain, mended
from napari_uncertainseg.widgets.layers.risk_contours import BRAIN, BRAIN_COLOURS, FOUND_BRAIN, RiskContours
from napari_uncertainseg.widgets.scans.patient import ScanHashes
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.scans.volumes import BRAIN_ROLE, KEY, is_brain
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.images.volume import Grid

_BEGUN = "begun"
"""Where a layer on which a brain is mended holds the brain that it began with."""
_BRUSH = 10
_OPACITY = 0.35


class BrainOutline:
    """Shows where the brain is, and makes the layer on which that is mended.

    Parameters
    ----------
    viewer, case
        Where it is shown, and whose prediction has a brain.
    placing
        Where the prediction's results are laid; None while there are none.
    blinded
        Whether all but the scans is hidden now.
    hashes
        Of the scans in the viewer, shared so that each is hashed once.

    Attributes
    ----------
    outdated
        Whether the results that are shown were made with another brain than the one that is chosen now.
    """

    outdated_changed = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        case: Case,
        placing: Callable[[], Placement | None],
        blinded: Callable[[], bool],
        hashes: ScanHashes,
    ) -> None:
        self._viewer, self._case = viewer, case
        self._placing, self._blinded = placing, blinded
        self._contour = RiskContours(viewer, BRAIN_COLOURS)
        self._hashes = hashes
        self._wanted = False
        self._held: tuple[np.ndarray, Placement] | None = None
        self.outdated = False

    def say_outdated(self, outdated: bool) -> None:
        """Take over whether the results are of another brain, which the window then says."""
        if outdated != self.outdated:
            self.outdated = outdated
            self.outdated_changed.emit()

    def show(self, wanted: bool) -> None:
        """Outline the brain, of this prediction and the next ones, or no more."""
        self._wanted = wanted
        self.draw()

    def hold(self, brain: np.ndarray, placing: Placement) -> None:
        """Outline a brain that was found before a run, bool, instead of the prediction's."""
        self._held = brain, placing
        self.draw()

    def release(self) -> None:
        """Outline the prediction's brain again."""
        self._held = None
        self.draw()

    def draw(self) -> None:
        """Draw what is to be seen now."""
        prediction, placing = self._case.prediction, self._placing()
        name, shown = FOUND_BRAIN, self._held  # not the brain of the results that may be shown with it
        if shown is None and prediction is not None and placing is not None:
            name, shown = BRAIN, (prediction.brain, placing)
        if self._wanted and shown is not None and not self._blinded():
            self._contour.show({name: shown[0]}, shown[1])
        else:
            self._contour.remove()

    def hide(self, hidden: bool) -> None:
        """Draw nothing, while one lesion is to be seen alone."""
        self._contour.hide(hidden)

    def hide_others(self, scan: Layer) -> None:
        """Hide what was mended on another scan; it stays in the viewer."""
        for layer in self._viewer.layers:
            if is_brain(layer) and not self._hashes.drawn_on(layer, scan):
                layer.visible = False

    def editable(self, brain: FoundBrain, scan: Layer, grid: Grid, *, visible: bool = True) -> Labels:
        """Add a layer with a brain, which the user paints on; it knows of which scan it is.

        Parameters
        ----------
        brain
            On the grid of the scan.
        scan, grid
            The FLAIR's layer and its grid.
        visible
            Whether it is shown at once, with the brush in hand.
        """
        placing = Placement.over(scan, grid)
        known = scan.metadata.get(KEY, {})
        path = known.get("path") or scan.source.path
        about = {
            "role": BRAIN_ROLE,
            "scan": self._hashes.of(scan),
            "path": path,
            "uids": known.get("uids", {}),
            _BEGUN: brain,
        }
        metadata = placing.metadata
        metadata[KEY] = {**metadata[KEY], **about}
        layer = Labels(
            np.array(
                placing.array(brain.mask.astype(np.uint8))
            ),  # a copy: painting must not change the brain
            name=f"brain of {scan.name}",
            metadata=metadata,
            colormap=DirectLabelColormap(color_dict={None: BRAIN_COLOURS[BRAIN], 0: "transparent"}),
            opacity=_OPACITY,
            visible=visible,
            **placing.options,
        )
        layer.brush_size = _BRUSH
        napari_adding.add_quietly(self._viewer, layer)
        if visible:
            take_brush(self._viewer, layer)
        return layer

    def cleanup(self) -> None:
        """Let go of the layers, which stay. May be called twice."""
        self._held = None
        self._contour.cleanup()


def painted_brain(layer: Layer, mask: np.ndarray) -> FoundBrain:
    """The brain on a layer of `BrainOutline.editable`.

    Parameters
    ----------
    layer
        On which it is mended.
    mask
        What it holds: bool, on the grid of its scan.
    """
    return mended(mask, layer.metadata[KEY][_BEGUN])


def take_brush(viewer: ViewerModel, layer: Labels) -> None:
    """Show a label layer, with the brush in hand."""
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.selected_label, layer.mode = 1, "paint"
