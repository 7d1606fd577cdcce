"""The layers of one run: maps, candidates and lesions, drawn from the case."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakSet

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Layer
from psygnal import Signal

from napari_uncertainseg.voxel_maps import Display, shown_maps
from napari_uncertainseg.widgets.layers.by_reader.painting import Painting
from napari_uncertainseg.widgets.layers.by_reader.threshold_preview import Slice, ThresholdPreview
from napari_uncertainseg.widgets.layers.colours import (
    ColourBars,
    error_colours,
    lesion_colormap,
    lesion_colours,
    map_options,
    single_colormap,
    tops_of,
)
from napari_uncertainseg.widgets.layers.status_bar.lesion_words import lesion_words
from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline
from napari_uncertainseg.widgets.scans.camera import current_slice
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Turns

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.lesions.against_reference import AgainstReference
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

LESIONS, CANDIDATES = "lesions", "candidates"


class ResultLayers:
    """Draws a case into the layers of a run, and takes painting on its lesions into the case.

    A run on the same grid fills the layers that are there: what the user set up (visibility,
    contrast, order) stays, and removing a layer is the slowest thing that a viewer does.
    """

    came = Signal()
    """The layer of lesions has come: a run shows it in a turn of its own."""
    all_came = Signal()
    """The last of the maps has come, too."""
    needed = Signal()
    """Somebody is about to change the lesions, which are hidden."""

    def __init__(self, viewer: ViewerModel, case: Case) -> None:
        self.placing: Placement | None = None
        self._viewer = viewer
        self._case = case
        self._layers: dict[str, Layer] = {}
        self._labels: dict[str, np.ndarray] = {}
        self._painting: Painting | None = None
        self._drawn: Lesions | None = None
        self._colours: dict[int, tuple[float, ...]] = {}
        self._preview = ThresholdPreview(case)
        self._outlines: dict[str, TwoToneOutline] = {}
        self.turns, self._bars = Turns(), ColourBars(viewer)
        self._called = LESIONS
        self.alone = False
        self.held_back: WeakSet[Layer] | None = None
        """Overlays that are hidden and will be shown again; None while none are hidden."""
        self.errors: Callable[[], AgainstReference | None] = lambda: None
        """How the lesions agree with a reference, where they are coloured by it."""
        self.coming = False
        """Whether a run has ended whose lesions are still to be drawn; its maps come later."""
        self.unseen: Callable[[], bool] = lambda: False
        """Whether nothing is undone yet, because the lesions are not on screen."""

    def get(self, name: str, *, soon: bool = True) -> Layer | None:
        """A layer by ``LESIONS``, ``CANDIDATES`` or a name of `shown_maps`; None when it has gone.

        After a run they come one by one: one that is still to come is there at once where not `soon`.
        """
        if not soon and name not in self._layers:
            self.complete()
        return self._layers.get(name)

    @property
    def outlines(self) -> tuple[Layer | None, Layer | None]:
        """The layers of lesions and of candidates; None for one that has gone."""
        return self._layers.get(LESIONS), self._layers.get(CANDIDATES)

    # -- a new prediction ---------------------------------------------------------------------

    def show(self, scan: Layer | None) -> None:
        """Show the case's prediction over the layer of its scan, instead of the one before."""
        prediction, lesions = self._case.prediction, self._case.lesions
        self._preview.end()
        if prediction is None or lesions is None:
            self.remove()
            return
        placing = Placement.over(scan, prediction.grid)
        complete = self._layers.keys() == {*shown_maps(), CANDIDATES, LESIONS} and not self.turns
        complete &= self._called == self._title(LESIONS)
        if complete and self.placing is not None and placing.same_as(self.placing):
            self._fill(prediction)
            self.follow()
            return
        self.remove()
        self.placing, self._called, self._drawn = placing, self._title(LESIONS), lesions
        self.coming = True  # in turns, what is seen first: a layer takes napari as long as a picture
        self.turns.add(self.bring_back, self._activate, self._note_drawn)
        seen_first = sorted(shown_maps().items(), key=lambda each: not (each[1].display or Display()).visible)
        for name, _ in seen_first:
            self.turns.add(partial(self._add_map, name))
        self.turns.add(self._add_candidates, self.all_came.emit)

    def _note_drawn(self) -> None:
        """In a turn after the lesions, and the one that paints them."""
        self.coming = False

    def complete(self) -> None:
        """Add the layers that are still to come, which are added one by one otherwise."""
        self.turns.now()
        self._bars.now()

    def _add_candidates(self) -> None:
        if (lesions := self._case.lesions) is not None:
            self._add_labels(CANDIDATES, lesions.candidates, lesions.candidate_table, visible=False)
            self.mark()

    def _add_lesions(self, lesions: Lesions) -> None:
        self._colours = self._wanted_colours(lesions)
        self._add_labels(LESIONS, lesions.labels, lesions.table, visible=True)
        self.mark()
        self._begin_painting()
        self.came.emit()

    def bring(self, layer: Layer) -> None:
        """Show a layer; one that is hidden with all overlays, when they are shown again."""
        if self.held_back is None:
            layer.visible = True
        else:
            self.held_back.add(layer)

    def reveal(self) -> bool:
        """Show lesions that are hidden or removed, before they are changed; False where they were seen."""
        layer = self._layers.get(LESIONS)
        if layer is None and not self.coming:
            self.bring_back()
            return LESIONS in self._layers
        if layer is None or layer.visible:
            return False
        if layer in self._viewer.layers:  # an exercise takes it out, and nothing shows it then
            self.needed.emit()
            layer.visible = True
        return True

    def put_away(self, layer: Layer) -> None:
        """Hide a layer; with all overlays hidden, it does not come back with them."""
        if self.held_back is not None:
            self.held_back.discard(layer)
        if layer.visible:
            layer.visible = False

    def bring_back(self) -> None:
        """Outline the lesions again where the user has removed their layer: none is judged unseen."""
        lesions = self._case.lesions
        if LESIONS not in self._layers and lesions is not None and self.placing is not None:
            self._add_lesions(lesions)

    def show_candidates(self) -> None:
        """Show the candidates, also where the user has hidden or removed their layer."""
        if self.get(CANDIDATES, soon=False) is None:
            self._add_candidates()
        self.bring(self._layers[CANDIDATES])

    def _add_map(self, name: str) -> None:
        prediction = self._case.prediction
        assert self.placing is not None and prediction is not None
        shown, array = shown_maps()[name], prediction.maps[name]
        layer = Image(
            self.placing.array(array),
            name=shown.title_with_unit,
            metadata=self.placing.metadata,
            **self.placing.options,
            **map_options(shown, prediction.derived(tops_of)[name]),
        )
        self._bars.follow(layer)
        self._insert(name, layer)
        self._bars.show(layer)

    def _add_labels(self, name: str, labels: np.ndarray, table: pd.DataFrame, *, visible: bool) -> None:
        assert self.placing is not None
        self._labels[name] = labels.copy()
        title = self._title(name)
        layer = Labels(
            self.placing.array(self._labels[name]),
            name=f"{title} (predicted)" if title in self._viewer.layers else title,
            metadata=self.placing.metadata,
            colormap=lesion_colormap(self._colours) if name == LESIONS else single_colormap(),
            features=lesion_words(table),
            opacity=1.0,
            visible=visible,
            **self.placing.options,
        )
        self._outlines[name] = TwoToneOutline(layer)
        self._insert(name, layer)

    def _title(self, name: str) -> str:
        """What a layer of labels is called: of lesions, what the model's target is called."""
        prediction = self._case.prediction
        return name if prediction is None else prediction.noun.fit(name)

    def _insert(self, name: str, layer: Layer) -> None:
        """Add a layer in its place among the results: the first of the maps is the uppermost of them."""
        layers, order = self._viewer.layers, [*reversed(shown_maps()), CANDIDATES, LESIONS]
        above = (self._layers.get(each) for each in order[order.index(name) + 1 :])
        index = next((layers.index(each) for each in above if each in layers), None)
        self._layers[name] = layer
        napari_adding.add_quietly(self._viewer, layer, index)

    def _fill(self, prediction: Prediction) -> None:
        """Put another prediction into the layers that are there."""
        assert self.placing is not None
        for name, shown in shown_maps().items():
            layer, array = self._layers[name], prediction.maps[name]
            if shown.display is not None and shown.display.fit_down_to is not None:
                layer.contrast_limits = (0.0, prediction.derived(tops_of)[name])
            layer.data = self.placing.array(array)
        self._end_painting()
        napari_internals.forget_strokes(self._layers[LESIONS])
        self._begin_painting()

    # -- lesions at the threshold -------------------------------------------------------------

    def follow(self) -> None:
        """Draw the case's lesions; only in the visible slice while a threshold is previewed."""
        lesions = self._case.lesions
        if lesions is None or lesions is self._drawn:
            return
        if self._preview.active:
            self._preview.refine(self._shown_slice(), self._layers[LESIONS], self._labels[LESIONS])
            return
        self._drawn = lesions
        self._write(LESIONS, lesions.labels, lesions.table)
        self._write(CANDIDATES, lesions.candidates, lesions.candidate_table)
        self.mark()
        self.colour()

    def _write(self, name: str, labels: np.ndarray, table: pd.DataFrame) -> None:
        layer = self._layers.get(name)
        if layer is not None:  # in place: a new array would drop the history of the painting
            np.copyto(self._labels[name], labels, casting="same_kind")
            layer.features = lesion_words(table)
            layer.refresh(extent=False)

    def colour(self) -> None:
        """Give the lesions the colours of their doubt or verdict, if they have changed."""
        layer, lesions = self._layers.get(LESIONS), self._case.lesions
        if layer is None or lesions is None or self._preview.active:
            return
        colours = self._wanted_colours(lesions)
        if colours != self._colours:
            self._colours = colours
            layer.colormap = lesion_colormap(colours)

    def mark(self, *, alone: bool | None = None) -> None:
        """Leave the selected lesion or candidate to its own outline; draw no other while it is alone."""
        self.alone = self.alone if alone is None else alone
        found = self.selected()
        for name, outline in self._outlines.items():
            own = found is not None and found[0] is self._layers.get(name)
            outline.leave_out(found[1] if own and found is not None else 0, hidden=self.alone)

    @property
    def candidate_to_come(self) -> bool:
        """Whether a candidate is selected, and layers are still coming: candidates come after all maps."""
        return bool(self.turns) and self._case.selected_number < 0

    def selected(self) -> tuple[Labels, int] | None:
        """The layer that holds the selected lesion or candidate, and its number; None where there is none."""
        number = self._case.selected_number
        layer = self._layers.get(LESIONS if number > 0 else CANDIDATES)
        return (layer, abs(number)) if number and isinstance(layer, Labels) else None

    def draw_as_lines(self, as_lines: bool) -> None:
        """Draw no outlines in voxels: somebody draws lines instead."""
        for outline in self._outlines.values():
            outline.draw_as_lines(as_lines)

    def _wanted_colours(self, lesions: Lesions) -> dict[int, tuple[float, ...]]:
        if (found := self.errors()) is not None:
            return error_colours(lesions.table["label"], frozenset(found.false.tolist()))
        doubt = dict(zip(lesions.table["label"], lesions.table["doubt"], strict=True))
        return lesion_colours(doubt, self._case.review.decisions())

    # -- while the slider moves ---------------------------------------------------------------

    def preview(self, threshold: float) -> None:
        """Show what the visible slice would be at a threshold, at once; `settle` ends it."""
        if LESIONS in self._layers and self._viewer.dims.ndisplay == 2:
            where = self._shown_slice()
            self._preview.draw(threshold, where, self._layers[LESIONS], self._labels[LESIONS])

    def settle(self) -> None:
        """End the preview: draw everything as the case has it."""
        if self._preview.active:
            self._preview.end()
            self._drawn = None
            self.follow()

    def shown(self) -> tuple[int, int]:
        """Axis of the prediction's grid across the screen, and the index of the slice on it."""
        axis, index = current_slice(self._viewer, self._layers.get(LESIONS))
        return (axis, index) if self.placing is None else self.placing.canonical_slice(axis, index)

    def _shown_slice(self) -> Slice:
        axis, index = self.shown()
        return tuple(index if each == axis else slice(None) for each in range(3))

    # -- painting and the end -----------------------------------------------------------------

    def _begin_painting(self) -> None:
        layer = self._layers[LESIONS]
        assert isinstance(layer, Labels)
        self._painting = Painting(layer, self._labels[LESIONS], self._case, lambda: self.unseen())
        if not self.turns:  # else in one of them
            self._activate()

    def _activate(self) -> None:
        if (layer := self._layers.get(LESIONS)) in self._viewer.layers:
            self._viewer.layers.selection.active = layer

    def _end_painting(self) -> None:
        if self._painting is not None:
            self._painting.cleanup()
            self._painting = None

    def hide_maps(self) -> None:
        """Hide all heat maps."""
        self.complete()
        for name in shown_maps().keys() & self._layers.keys():
            self.put_away(self._layers[name])

    def forget(self, layer: Layer) -> None:
        """Take note that a layer has left the viewer."""
        if layer is self._layers.get(LESIONS):
            self._end_painting()
            self._preview.end()
        self._layers = {name: kept for name, kept in self._layers.items() if kept is not layer}
        self._labels = {name: array for name, array in self._labels.items() if name in self._layers}
        self._outlines = {name: each for name, each in self._outlines.items() if name in self._layers}

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        self.turns.drop()
        napari_adding.remove_quietly(self._viewer, self._layers.values())
        for layer in list(self._layers.values()):
            self.forget(layer)
        self._drawn = self.placing = None
        self.coming = False

    def cleanup(self) -> None:
        """Let go of the layers, which stay. May be called twice."""
        self.turns.drop()
        self._bars.drop()
        self._end_painting()
        self._layers.clear()
        self._labels.clear()
        self._outlines.clear()
        self._preview.end()
        self._drawn = None
