"""What the model invented and missed by the reference, drawn: outlines of three kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_uncertainseg.widgets.layers.colours import MISSED_COLOUR
from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline, line_colours
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon, take_out

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.lesions.against_reference import AgainstReference
    from napari_uncertainseg.widgets.scans.placement import Placement

MISSED = "missed (reference)"
_FEW, _MOST = 250, 65_000
"""Lesions of a reference that are told apart in the drawing."""


class ReferenceErrors:
    """Outlines missed lesions in a layer of their own, and says which of the others are false.

    Parameters
    ----------
    viewer, case
        What is drawn where.
    placing
        How results are laid out; None while there are none.
    blinded
        Whether nothing but the scans may be shown.

    Attributes
    ----------
    coloured
        Whether false lesions are coloured and missed ones outlined.
    chosen
        Number of the missed lesion that the reader looks at; 0 for none.
    """

    changed = Signal()
    """Other lesions are false or missed, or others are shown."""

    def __init__(
        self,
        viewer: ViewerModel,
        case: Case,
        placing: Callable[[], Placement | None],
        blinded: Callable[[], bool],
    ) -> None:
        self._viewer, self._case, self._placing, self._blinded = viewer, case, placing, blinded
        self._coloured, self.chosen = True, 0
        self._layer: Labels | None = None
        self._outline: TwoToneOutline | None = None
        self._placed: Placement | None = None
        self._array: np.ndarray = np.zeros((0, 0, 0), np.uint16)
        """What the layer shows, in canonical order."""
        self._drawn: tuple[object, ...] = ()
        self._soon = Soon()
        self._connections = Connections(
            (case.lesions_changed, self.follow),
            (case.reliability_changed, self.follow),
            (case.verdicts_changed, self.follow),
            (case.selection_changed, self._on_selection),
        )

    @property
    def coloured(self) -> bool:
        """Whether false lesions are coloured and missed ones outlined."""
        return self._coloured

    @coloured.setter
    def coloured(self, coloured: bool) -> None:
        if coloured != self._coloured:
            self._coloured = coloured
            self.follow()

    @property
    def hidden(self) -> bool:
        """Whether nothing of a reference may be seen: in an exercise, or a second or third reading."""
        recorder = self._case.review.recorder
        return self._blinded() or (recorder is not None and recorder.session.kind == "qc")

    @property
    def agreement(self) -> AgainstReference | None:
        """How the lesions agree with the reference; None where there is none, or it may not be seen."""
        return None if self.hidden else self._case.comparison.agreement

    @property
    def shown(self) -> AgainstReference | None:
        """The same while it is drawn."""
        return self.agreement if self._coloured else None

    @property
    def selected(self) -> tuple[Labels, int] | None:
        """The layer of missed lesions and the one that the reader looks at; None where there is none."""
        there = self.layer is not None and self.chosen and self.chosen in self._drawn[1:]
        return (self._layer, min(self.chosen, _MOST)) if there and self._layer is not None else None

    @property
    def layer(self) -> Labels | None:
        """The layer of missed lesions; None where there is none."""
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    def choose(self, number: int) -> None:
        """Look at a missed lesion, 0 for none."""
        self.chosen = number
        if number and self.layer is None:  # the user has removed it
            self._drawn = ()
        self.follow()

    def follow(self) -> None:
        """Draw what is missed now."""
        if self._blinded():
            return
        found, placing = self.shown, self._placing()
        reference = self._case.comparison.reference_lesions
        missed = () if found is None else tuple(found.missed.tolist())
        if self.chosen not in missed:
            self.chosen = 0
        key = ((reference, placing), *missed)
        if found is None or not missed or placing is None or reference is None:
            self.remove()
        elif key != self._drawn:
            same = self._drawn[:1] == key[:1] and self.layer is not None
            if not same:
                # napari makes a colour of each number that the type has
                kind = np.uint8 if reference.voxels.n < _FEW else np.uint16
                self._array = np.zeros(reference.labels.shape, kind)
            numbers = np.zeros(reference.voxels.n + 1, self._array.dtype)
            numbers[found.missed] = np.minimum(found.missed, _MOST)
            self._array.ravel()[reference.voxels.where] = numbers[reference.voxels.label]
            if same and self._layer is not None:
                self._layer.refresh(extent=False, thumbnail=False)
            else:
                self._soon.add(self._come)
            self._drawn = key
        if self._outline is not None:
            self._outline.leave_out(min(self.chosen, _MOST), hidden=False)
        self.changed.emit()

    def _come(self) -> None:
        """In a turn after the one that compares: a layer takes as long as all else."""
        placing = self._placing()
        if self._blinded() or placing is None:
            self._drawn = ()  # drawn when they may be seen again
            return
        drawn = self._drawn
        self._show(placing, self._array)
        self._drawn = drawn  # a layer that went before it took that with it
        if self._outline is not None:
            self._outline.leave_out(min(self.chosen, _MOST), hidden=False)
        if self.chosen:
            self.changed.emit()  # it was chosen where nothing could be outlined yet

    def _show(self, placing: Placement, array: np.ndarray) -> None:
        layer, data = self.layer, placing.array(array)
        same = layer is not None and layer.data.dtype == data.dtype  # its colours go by that
        if layer is not None and same and self._placed is placing:  # another drawing of the same scan
            layer.data = data
            return
        self.remove()
        self._placed = placing
        layer = Labels(
            data,
            name=MISSED,
            metadata=placing.metadata,
            colormap=DirectLabelColormap(
                color_dict={
                    None: MISSED_COLOUR,
                    0: "transparent",
                    **line_colours(data.dtype),
                }
            ),
            opacity=1.0,
            **placing.options,
        )
        self._outline = TwoToneOutline(layer, dotted=True)
        self._layer = layer
        napari_adding.add_quietly(self._viewer, layer)

    def _on_selection(self) -> None:
        if self._case.selected is not None and self.chosen:
            self.choose(0)

    def remove(self) -> None:
        """Take the layer of missed lesions out of the viewer."""
        self._soon.drop()
        layer, self._layer, self._outline, self._drawn = self.layer, None, None, ()
        if layer is not None:
            take_out(self._viewer, layer)

    def cleanup(self) -> None:
        """Let go of the case; the layer stays. May be called twice."""
        self._soon.drop()
        self._connections.disconnect_all()
