"""The lesions as surfaces while the viewer is in three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components.overlays import TextOverlay
from napari.layers import Image, Labels, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_uncertainseg.lesions.shapes.mesh import Mesh
from napari_uncertainseg.widgets.layers.surfaces import texts
from napari_uncertainseg.widgets.layers.surfaces.drawn import DrawnSurfaces
from napari_uncertainseg.widgets.layers.surfaces.meshes import LesionMesh, Made, MeshMaker
from napari_uncertainseg.widgets.layers.surfaces.picking import Facts, SurfacePicking
from napari_uncertainseg.widgets.layers.surfaces.shapes import Shapes
from napari_uncertainseg.widgets.scans.camera import bring_into_view
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.scans.placement import Placement

_OVERLAY = "lesion_surfaces"


class LesionSurfaces:
    """Shows surfaces instead of images whenever the viewer is in 3-D, and images again in 2-D.

    Parameters
    ----------
    viewer, case
        Where, and whose lesions.
    placing
        Where the prediction's results are laid; None while there are none.
    blinded
        Whether all but the scans is hidden now.
    go_to
        Moves the viewer to a voxel of the prediction's grid.
    complete
        Adds the layers of the run that are still to come: they are hidden with the others.
    """

    changed = Signal()
    """Surfaces are shown now, or no more."""

    def __init__(
        self,
        viewer: ViewerModel,
        case: Case,
        placing: Callable[[], Placement | None],
        blinded: Callable[[], bool],
        go_to: Callable[[tuple[int, int, int]], None],
        complete: Callable[[], None] = lambda: None,
    ) -> None:
        self._viewer, self._case, self._complete = viewer, case, complete
        self._placing, self._blinded = placing, blinded
        self._wanted = True
        self._alone = self._lingering = False
        self._leaving: list[DrawnSurfaces] = []
        self._maker, self._soon, self._going, self._back = MeshMaker(), Soon(), Soon(), Soon()
        self._job: JobRunner | None = None
        self._drawn: DrawnSurfaces | None = None
        self._made: Made | None = None
        self._world: dict[int, tuple[LesionMesh, Mesh]] = {}
        self._hidden: list[Layer] = []
        self._active: Layer | None = None
        self._text = TextOverlay(position="top_left", font_size=11, visible=False)
        viewer.canvas.overlays[_OVERLAY] = self._text
        self._picking = SurfacePicking(viewer, case, lambda: self.shown, go_to)
        self._connections = Connections(
            (viewer.dims.events.ndisplay, self._on_turned),
            (viewer.layers.events.removed, self._on_removed),
            (case.lesions_changed, self._follow),
            (case.verdicts_changed, self._follow),
            (case.selection_changed, self._follow),
        )
        napari_internals.aim_cursor(viewer)

    @property
    def shown(self) -> bool:
        """Whether lesions are shown as surfaces, or are about to be."""
        return self._drawn is not None

    @property
    def covered(self) -> tuple[Layer, ...]:
        """Images and labels that are hidden only as long as surfaces are shown."""
        return tuple(self._hidden)

    @property
    def images_come_back(self) -> bool:
        """Whether surfaces have been left, and what was hidden for them is shown a turn later."""
        return bool(self._back)

    # -- coming and going ---------------------------------------------------------------------

    def toggle(self) -> None:
        """Show the lesions in 3-D, also where their layer was removed before; or the slices again."""
        if self.shown:
            self._viewer.dims.ndisplay = 2
        elif not self._blinded() and self._case.lesions is not None and self._placing() is not None:
            self._wanted = True
            if self._viewer.dims.ndisplay == 3:
                self.enter()
            else:
                self._hide_images()  # before napari makes volumes of them, which takes seconds
                self._viewer.dims.ndisplay = 3

    def enter(self) -> None:
        """Show surfaces instead of images, if this is the time for it. May be called again."""
        placing, prediction = self._placing(), self._case.prediction
        in_3d = self._viewer.dims.ndisplay == 3
        if self.shown or not (in_3d and self._wanted) or self._blinded():
            return
        if placing is None or prediction is None or self._case.lesions is None:
            return
        self._going.now()
        if not self._back:  # else what was active before is known still
            self._active = self._viewer.layers.selection.active
        self._back.drop()
        self._remove_leaving()
        self._drawn = DrawnSurfaces(self._viewer, placing.options, prediction.noun, self._picking.say)
        napari_internals.aim_cursor(self._viewer)
        self._hide_images()
        self._follow()
        self.changed.emit()

    def _hide_images(self) -> None:
        self._complete()
        shown = [x for x in self._viewer.layers if isinstance(x, Image | Labels) and x.visible]
        self._hidden += [layer for layer in shown if layer not in self._hidden]
        if shown:
            with napari_adding.one_scene_update(self._viewer):
                for layer in shown:
                    layer.visible = False

    def leave(self, *, in_turns: bool = False) -> None:
        """Take the surfaces away, and show again what was hidden for them. May be called twice.

        Parameters
        ----------
        in_turns
            Whether they are hidden at once, the images come a turn later, and their layers go one by one.
        """
        self._soon.drop()
        self._back.now()
        if not self._lingering:
            self._going.now()
        drawn, self._drawn = self._drawn, None
        if drawn is None:
            return
        napari_internals.aim_cursor(self._viewer)
        if self._job is not None:
            self._job.cancel()
        if self._lingering:
            drawn.hide()
            self._leaving.append(drawn)  # Qt holds no reference to it
            QTimer.singleShot(0, self._remove_leaving)
        elif not in_turns:
            drawn.remove()
        self._made, self._world = None, {}
        self._picking.offer([], [], {})
        self._write("")
        if in_turns and not self._lingering:
            drawn.hide()
            self._leaving.append(drawn)
            self._back.add(self._show_images)
        else:
            self._show_images()
        self.changed.emit()

    def _show_images(self) -> None:
        """Show what was hidden for the surfaces; those that were left go one by one then."""
        hidden, self._hidden = self._hidden, []
        with napari_adding.one_scene_update(self._viewer):
            for layer in hidden:
                if layer in self._viewer.layers:
                    layer.visible = True
        if self._leaving and not self._lingering:
            self._going.add(self._remove_next)
        if self._active is not None and self._active in self._viewer.layers:
            self._viewer.layers.selection.active = self._active
        self._active = None

    @contextmanager
    def lingering(self) -> Iterator[None]:
        """Surfaces that are left within are hidden at once, and their layers go soon.

        For a moment at which the list of layers must stay as it is.
        """
        self._lingering = True
        try:
            yield
        finally:
            self._lingering = False

    def _remove_next(self) -> None:
        """Take out one layer of surfaces that were left, in each turn."""
        if self._leaving and not self._leaving[-1].remove_next():
            self._leaving.pop()
        if self._leaving:
            self._going.add(self._remove_next)

    def _remove_leaving(self) -> None:
        while self._leaving:
            self._leaving.pop().remove()

    def show_alone(self, alone: bool) -> None:
        """Draw only the selected lesion, or all again."""
        self._alone = alone
        self._draw()

    def look_at(self, voxel: tuple[int, int, int]) -> None:
        """Bring a voxel of the prediction's grid into view; the slice with it is shown in 2-D then."""
        placing = self._placing()
        if placing is not None:
            world = (placing.to_world() @ (*voxel, 1.0))[:3]
            bring_into_view(self._viewer, world)

    def _on_turned(self, event: Any = None) -> None:
        napari_internals.aim_cursor(self._viewer)  # before any layer becomes active under the mouse
        if self._viewer.dims.ndisplay == 3:
            self.enter()
        else:
            self.leave(in_turns=True)

    def _on_removed(self, event: Any) -> None:
        """Stay away once the user has removed the lesions, until they are asked for."""
        if self._drawn is not None and event.value is self._drawn.lesions:
            self._wanted = False
            QTimer.singleShot(0, self._leave_unwanted)

    def _leave_unwanted(self) -> None:
        if not self._wanted:
            self.leave()

    # -- meshes, in the background ------------------------------------------------------------

    def _follow(self) -> None:
        """Draw what is known, and make what is not."""
        lesions, prediction = self._case.lesions, self._case.prediction
        if self._drawn is None or lesions is None or prediction is None:
            return
        candidates = self._candidates()
        made = self._made
        if made is not None and made.lesions is lesions and all(-n in made.meshes for n in candidates):
            self._draw()
            return
        job = self._runner()
        if job.state is not JobState.IDLE:
            job.cancel()  # and begins anew then, with what it made until now
            return
        if made is None:
            self._write(texts.MAKING)
        maker = self._maker
        job.start(lambda progress: maker.make(lesions, prediction, candidates, progress))

    def _runner(self) -> JobRunner:
        if self._job is None:
            self._job = JobRunner()
            self._job.finished.connect(self._on_made)
            self._job.cancelled.connect(self._follow)
            self._job.failed.connect(self._on_failed)
        return self._job

    def _on_made(self, made: Made) -> None:
        if self._drawn is not None:
            self._made = made
            self._world = {n: known for n, known in self._world.items() if n in made.meshes}
            self._follow()

    def _on_failed(self, why: str) -> None:
        if self._drawn is not None:
            self._write(texts.FAILED.format(why))

    def _candidates(self) -> tuple[int, ...]:
        """Numbers of candidates that are drawn too: those that were accepted, and the selected one."""
        decisions = self._case.review.decisions()
        accepted = {-n for n, verdict in decisions.items() if n < 0 and verdict == "accepted"}
        selected = self._case.selected_number
        return tuple(sorted(accepted | ({-selected} if selected < 0 else set())))

    # -- on screen ----------------------------------------------------------------------------

    def _draw(self) -> None:
        made, drawn, placing = self._made, self._drawn, self._placing()
        if made is None or drawn is None or placing is None or made.lesions is not self._case.lesions:
            return
        world = placing.to_world()
        decisions, selected = self._case.review.decisions(), self._case.selected_number
        rejected = {n for n in made.meshes if decisions.get(n) == "rejected" and n != selected}
        candidates = set(self._candidates())
        numbers = [n for n in made.meshes if n not in rejected and (n > 0 or -n in candidates)]
        alone = len(numbers) if self._alone and selected in numbers else 0
        if alone:
            numbers = [selected]
        meshes = [self._in_world(n, made.meshes[n], world) for n in numbers]
        if made.brain is not None and drawn.brain is None:
            drawn.show_brain(made.brain.moved(world))
            self._soon.add(self._draw)  # one layer in a turn
            return
        facts = {n: Facts.of(made.lesions, n) for n in numbers}
        doubts = [facts[n].doubt for n in numbers]
        comes = bool(numbers) and drawn.lesions is None
        if numbers:
            affine = placing.grid.affine
            shapes = Shapes(tuple(numbers), tuple(made.meshes[n] for n in numbers), tuple(doubts), affine)
            drawn.show_lesions(meshes, doubts, shapes)
        else:
            drawn.remove_lesions()
        self._picking.offer(numbers, meshes, facts)
        if comes:
            self._soon.add(drawn.tell, drawn.show_colour_bar, self._draw)  # which draws the ring
        else:
            drawn.show_selected(meshes[numbers.index(selected)] if selected in numbers else None)
        by_hand = bool(np.isnan(doubts).any())
        self._write(texts.legend(len(numbers), len(rejected), alone=alone, by_hand=by_hand))

    def _in_world(self, number: int, mesh: LesionMesh, world: np.ndarray) -> Mesh:
        known = self._world.get(number)
        if known is None or known[0] is not mesh:
            known = self._world[number] = mesh, mesh.smooth.moved(world)
        return known[1]

    def _write(self, text: str) -> None:
        prediction = self._case.prediction
        self._text.text = text if prediction is None else prediction.noun.fit(text)
        self._text.visible = bool(text)

    # -- the end ------------------------------------------------------------------------------

    def cleanup(self) -> None:
        """Stop all work and let go of the layers, which stay. May be called twice."""
        self._connections.disconnect_all()
        self._soon.drop()
        self._going.drop()
        self._back.drop()
        for drawn in (self._drawn, *self._leaving):
            if drawn is not None:
                drawn.forget()
        self._drawn, self._hidden, self._active, self._leaving = None, [], None, []
        if self._job is not None:
            self._job.cleanup()
            self._job.deleteLater()
            self._job = None
        self._picking.cleanup()
        self._viewer.canvas.overlays.pop(_OVERLAY, None)
