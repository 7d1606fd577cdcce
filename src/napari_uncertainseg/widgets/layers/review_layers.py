"""The napari layers of a case; with `results`, the only code that adds or edits layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.layers.agreement.errors import ReferenceErrors
from napari_uncertainseg.widgets.layers.agreement.reference_choice import ReferenceChoice
from napari_uncertainseg.widgets.layers.agreement.reference_look import ReferenceLook
from napari_uncertainseg.widgets.layers.annotator_outline import AnnotatorOutline
from napari_uncertainseg.widgets.layers.blinding import Blinding
from napari_uncertainseg.widgets.layers.brain_outline import BrainOutline
from napari_uncertainseg.widgets.layers.class_layer import ClassLayer
from napari_uncertainseg.widgets.layers.explanation_layers import ExplanationLayers
from napari_uncertainseg.widgets.layers.orientation_letters import OrientationLetters
from napari_uncertainseg.widgets.layers.planes.kept_slice import KeptSlice
from napari_uncertainseg.widgets.layers.planes.upright_roll import UprightRoll
from napari_uncertainseg.widgets.layers.rater_layers import RaterLayers
from napari_uncertainseg.widgets.layers.result_layers import LESIONS, ResultLayers
from napari_uncertainseg.widgets.layers.risk_contours import CORE, ENVELOPE, RiskContours
from napari_uncertainseg.widgets.layers.selection.framing import LesionFraming
from napari_uncertainseg.widgets.layers.selection.selected_outline import SelectedOutline
from napari_uncertainseg.widgets.layers.selection.thin_outlines import ThinOutlines
from napari_uncertainseg.widgets.layers.surfaces.lesion_surfaces import LesionSurfaces
from napari_uncertainseg.widgets.layers.user_labels import LayerWatch, UserLabels
from napari_uncertainseg.widgets.scans.black_ground import BlackGround
from napari_uncertainseg.widgets.scans.camera import move_to
from napari_uncertainseg.widgets.scans.segmented_scan import SegmentedScan
from napari_uncertainseg.widgets.scans.volumes import compared_name, is_compared, is_result
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive.arriving import ArrivingLayers
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone

if TYPE_CHECKING:
    from napari.components import ViewerModel


class ReviewLayers:
    """Shows a case in a viewer, and takes the reviewer's painting into the case.

    The user's own layers are never edited; scans over the FLAIR, or not of its case, are only hidden.
    Layers made here carry ``metadata["uncertainseg"]["role"] == "result"`` and show the last run.
    """

    layers_changed = Signal()
    """The user's layers came, went or were renamed."""
    labels_edited = Signal(str)
    """The user painted on a label layer of their own; its name."""
    label_chosen = Signal(str)
    """The user chose the label to paint with in a layer of their own; its name."""
    blinding = Signal()
    """An exercise is about to hide all but the scans: who has layers of its own takes them away."""
    blinding_changed = Signal()
    """An exercise hid all but the scans, or showed all again."""
    slice_changed = Signal()
    """Another slice, or another orientation, is shown."""
    seen_changed = Signal()
    """Another of the user's images or label layers is shown, or hidden."""

    def __init__(self, viewer: ViewerModel, case: Case) -> None:
        self._viewer, self._case = viewer, case
        self._slice, self._ground = KeptSlice(viewer), BlackGround(viewer)
        self._results = ResultLayers(viewer, case)
        self.scan = SegmentedScan(viewer, case)
        self.raters, self.classes = RaterLayers(viewer), ClassLayer(viewer)
        placing, blinded = lambda: self._results.placing, lambda: self.blinded
        self.explanation = ExplanationLayers(viewer, self._results, blinded)
        self._band, self._blinding = RiskContours(viewer), Blinding(viewer)
        foreign = partial(self.scan.foreign_labels, hidden=True)
        self.user_labels = UserLabels(viewer, case, placing, lambda: self._blinding.aside, foreign)
        self.brain = BrainOutline(viewer, case, placing, blinded, self.scan.hashes)
        self.surfaces = LesionSurfaces(viewer, case, placing, blinded, self.go_to, self._results.complete)
        self.framing = LesionFraming(viewer, case)
        self.selected = SelectedOutline(viewer, self._selected, blinded)
        self.thin = ThinOutlines(viewer, self._results, self.selected, blinded)
        self.own_outline, self._shown = AnnotatorOutline(viewer, placing), case.original
        self.letters, self._roll = OrientationLetters(viewer), UprightRoll(viewer)
        self._watch, self._arriving = LayerWatch(self), ArrivingLayers(viewer)
        self._listen()
        self.errors = ReferenceErrors(viewer, case, placing, blinded)
        self._results.errors, self._results.unseen = lambda: self.errors.shown, lambda: self.unseen
        self.reference = ReferenceChoice(case, self)
        self._look = ReferenceLook(viewer, self.reference)
        self._connections.connect(self.errors.changed, self._results.colour)
        self._connections.connect(self.errors.changed, self.selected.follow)
        # slice and zoom may be others than when their layers were taken out
        for follow in (self.errors.follow, self.selected.follow, self.thin.draw):
            self._connections.connect(self.blinding_changed, follow)

    @property
    def viewer(self) -> ViewerModel:
        """The viewer that shows the layers."""
        return self._viewer

    @property
    def results(self) -> ResultLayers:
        """The layers of the run."""
        return self._results

    def add(self, layers: Iterable[tuple[Any, dict[str, Any], str]]) -> None:
        """Add layers of a reader: (data, options, type)."""
        self._arriving.add(layers)

    def _listen(self) -> None:
        layers, dims, case = self._viewer.layers.events, self._viewer.dims.events, self._case
        self._connections = Connections(
            (layers.inserted, self._on_inserted),
            (layers.removed, self._on_removed),
            (LayersGone(self._viewer, lambda layer: not is_result(layer)), self._on_own_layers),
            (layers.renamed, self._on_own_layers),
            (dims.current_step, self._on_slice),
            (dims.order, self._on_slice),
            (dims.ndisplay, self._on_slice),
            (case.prediction_changed, self._show_prediction),
            (case.lesions_changed, self._results.follow),
            (case.selection_changed, self._results.mark),
            (case.selection_changed, self.selected.follow),
            (self._results.all_came, self.selected.follow),  # a candidate may have been selected before
        )
        for layer in self._viewer.layers:
            self._watch.begin(layer)

    # -- what the case says, drawn ------------------------------------------------------------

    def _show_prediction(self) -> None:
        if self._case.original is not self._shown:  # not by a recalibration
            self.unblind()  # an exercise ends with its prediction
            self._shown = self._case.original
            self._band.drop()
            self.selected.remove()
            self.thin.remove()
            self.show_alone(False)
            self.own_outline.forget()
            for other in (self.classes, self.explanation):  # they are of the case before
                other.remove()
        self.surfaces.leave()  # also those that came back with the end of an exercise
        if self._case.prediction is None:
            self._band.remove()
        self._results.show(self.scan.layer())
        self.brain.draw()
        self.scan.uncover()
        self.surfaces.enter()

    def uncover(self, flair: Layer, of_it: Collection[Layer | None]) -> None:
        """Show a FLAIR that is to be segmented, and no scan of another visit.

        Parameters
        ----------
        flair
            Its layer.
        of_it
            Layers that the user has chosen with it; they stay as they are.
        """
        if not self.blinded:
            flair.visible = True
            for layer in self.scan.foreign_to(flair, of_it):
                layer.visible = False

    def preview(self, threshold: float) -> None:
        """Show what the visible slice would be at a threshold, at once.

        For a slider that is being dragged: until `settle`, the rest of the layers stays as it is.
        """
        self._results.preview(threshold)

    def settle(self) -> None:
        """Draw everything as the case has it: the slider rests."""
        self._results.settle()

    # -- where the viewer looks ---------------------------------------------------------------

    def go_to(self, voxel: tuple[int, int, int]) -> None:
        """Show the lesion or candidate at a voxel of the prediction's grid, see `LesionFraming`."""
        if self.surfaces.shown:
            self.surfaces.look_at(voxel)
            return
        self._results.bring_back()
        layer, lesions, placing = self._results.get(LESIONS), self._case.lesions, self._results.placing
        if not isinstance(layer, Labels) or lesions is None or placing is None:
            return
        number = lesions.component_at(voxel)
        if number > 0:
            layer.selected_label = number
        elif number and not self.blinded:
            self._results.show_candidates()
        self.framing.go_to(layer, placing, voxel)
        self._outline_chosen()

    def go_to_missed(self, number: int) -> None:
        """Show a lesion of the reference that the model missed."""
        reference, layer = self._case.comparison.reference_lesions, self._results.get(LESIONS)
        placing = self._results.placing
        if reference is None or placing is None or not isinstance(layer, Labels) or self.surfaces.shown:
            return
        self._case.select(None)
        self.errors.choose(number)
        self.framing.go_to_lesion(layer, placing, reference.labels, number)
        self._outline_chosen()

    def _outline_chosen(self) -> None:
        """Outline what was chosen, also where the outline's eye was closed: it has no other outline."""
        self.selected.follow()
        if (outline := self.selected.layer) is not None and not outline.visible:
            self._results.bring(outline)

    def reveal_chosen(self) -> bool:
        """Outline the chosen lesion again where its outline is `hidden`; not while all overlays are."""
        voxel, lesions = self._case.selected, self._case.lesions
        chosen = voxel is not None and lesions is not None and lesions.component_at(voxel) != 0
        if voxel is None or not chosen or self._results.held_back is not None or not self.selected.hidden:
            return False
        self.go_to(voxel)
        return True

    def _selected(self) -> tuple[Labels, int] | None:
        """What is outlined as selected: a lesion, a candidate or a missed lesion."""
        return self._results.selected() or self.errors.selected

    def fit_or_whole(self) -> None:
        """Fit the zoom to the selected lesion again; where it fits already, show the whole slice."""
        layer, placing, voxel = self._results.get(LESIONS), self._results.placing, self._case.selected
        shown = self._viewer.dims.ndisplay == 2 and not self.blinded
        if isinstance(layer, Labels) and placing is not None and voxel is not None and shown:
            self.framing.fit_or_whole(layer, placing, voxel)

    @property
    def alone(self) -> bool:
        """Whether only the selected lesion is outlined."""
        return self._results.alone

    def show_alone(self, alone: bool) -> None:
        """Draw only the outline of the selected lesion, or those of all again."""
        self._results.mark(alone=alone)
        self._band.hide(alone)
        self.brain.hide(alone)
        self.surfaces.show_alone(alone)

    def show_slice(self, voxel: tuple[int, int, int]) -> None:
        """Move to the slice with a voxel; the camera stays as it is."""
        layer, placing = self._results.get(LESIONS) or self.scan.layer(), self._results.placing
        if layer is not None and placing is not None:
            move_to(self._viewer, layer, placing.voxel(voxel))

    def current_slice(self) -> tuple[int, int]:
        """Axis of the prediction's grid across the screen, and the index of the slice on it."""
        return self._results.shown()

    @property
    def blinded(self) -> bool:
        """Whether all but the scans is hidden from an annotator in training."""
        return self._blinding.active

    @property
    def settling(self) -> bool:
        """Whether layers are coming or going, or came back just now."""
        return bool(self._results.turns) or self._blinding.settling

    @property
    def unseen(self) -> bool:
        """Whether lesions are still to be drawn, or an exercise is on or ended just now: none is judged then.

        Maps may still come. While they do, the outline of what was just chosen is waited for, too.
        """
        outlined = self.selected.coming and bool(self._results.turns)
        outlined |= self._results.candidate_to_come or self.surfaces.images_come_back
        return self._results.coming or outlined or self._blinding.settling

    def blind(self, then: Callable[[], object] = lambda: None) -> None:
        """Take all but the case's scans out of the viewer, one in a turn; `then` is called afterwards."""
        for part in (self._blinding, self._results, self._band):  # first what an exercise brings back
            part.complete()
        self.blinding.emit()
        self.surfaces.leave()
        self._blinding.hide(self.scan.layers(), self.blinding_changed.emit, then)

    def point_at(self, voxel: tuple[int, int, int]) -> None:
        """Go to a voxel of the prediction's grid, and draw a ring around it."""
        layer, placing = self._results.get(LESIONS) or self.scan.layer(), self._results.placing
        if layer is not None and placing is not None:
            self._blinding.point_at(voxel, placing, layer)

    def reveal(self, name: str) -> None:
        """Show a layer that the user may have hidden."""
        if name in self._viewer.layers:
            self._viewer.layers[name].visible = True

    def unblind(self) -> None:
        """Show all as it was before `blind`, and take the ring away, at once."""
        self.unblind_soon(lambda: None)
        self._blinding.complete()

    def unblind_soon(self, then: Callable[[], object]) -> None:
        """The same, one layer in a turn; `then` is called afterwards."""
        self._blinding.restore_soon(self._on_restored, then)

    def _on_restored(self) -> None:
        self.surfaces.enter()
        self.blinding_changed.emit()
        self.layers_changed.emit()

    def also_shown(self) -> list[str]:
        """Names of the images and label layers that are shown and seem not to be of the case."""
        compared = [compared_name(x) for x in self._viewer.layers if is_compared(x) and x.visible]
        return [*(x.name for x in (*self.scan.foreign(), *self.scan.foreign_labels())), *compared]

    # -- the user's label layers ----------------------------------------------------------------

    def visible(self) -> list[str]:
        """Names of the layers that are shown, the lowest first."""
        return [layer.name for layer in self._viewer.layers if layer.visible]

    def show_class(self, name: str, array: np.ndarray, largest: float, unit: str) -> None:
        """Show a map of a model's classes over the scan; the other heat maps would tint it."""
        if self._results.placing is not None and not self.blinded:
            self._results.hide_maps()
            self.classes.show(name, array, largest, unit, self._results.placing)

    def show_raters(self, consensus: np.ndarray, disagreement: np.ndarray, like: str) -> None:
        """Show a comparison of raters over the layer of one of them; heat maps of the model would tint it."""
        self._results.hide_maps()
        self.raters.show(consensus, disagreement, like)

    def show_kinds(self, kinds: np.ndarray) -> None:
        """Show who doubts, a canonical array on the prediction's grid."""
        if (placing := self._results.placing) is not None:
            self.raters.show_kinds(placing.array(kinds), placing.metadata, placing.options)

    def show_band(self, core: float | None, envelope: float | None) -> None:
        """Outline what lies above two thresholds; None hides a contour."""
        p, placing = self._case.prediction, self._results.placing
        if p is not None and placing is not None and not self.blinded:
            limits = ((CORE, core), (ENVELOPE, envelope))
            self._band.show({name: p.probability >= t for name, t in limits if t is not None}, placing)

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        if self._blinding.moving:
            return
        self._watch.begin(layer)
        if self.blinded and layer not in (self._blinding.ring, self.own_outline.layer):
            layer.visible = False
            QTimer.singleShot(0, partial(self._blinding.set_aside, layer))  # others hear of it first
        elif not is_result(layer):
            self.layers_changed.emit()

    def _on_removed(self, event: Any) -> None:
        if not self._blinding.moving:
            self._watch.end(event.value)
            self._results.forget(event.value)

    def _on_own_layers(self, event: Any = None) -> None:
        if not self._blinding.moving:
            self.layers_changed.emit()

    def _on_slice(self, event: Any = None) -> None:
        self._results.settle()  # a preview holds for the slice that it was made for
        self.slice_changed.emit()

    # -- the end --------------------------------------------------------------------------------

    def cleanup(self) -> None:
        """Let go of viewer and case; the layers stay. May be called twice."""
        self._connections.disconnect_all()
        for layer in self._viewer.layers:
            self._watch.end(layer)
        own = (self._results, self.raters, self.classes, self.explanation, self._band, self.brain, self._roll)
        chosen = (self.surfaces, self.thin, self.selected, self.errors, self._look, self.reference)
        for part in (self._arriving, self._slice, *chosen, self.letters, self._ground, *own):
            part.cleanup()
        self._blinding.restore()
        self.scan.cleanup()
