"""What the reviewer paints on the lesions becomes an edit of the case."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer

from napari_uncertainseg._base import InputError
from napari_uncertainseg.widgets.shared import napari_internals

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_uncertainseg.case import Case

STILL_DRAWN = "Wait a moment: the lesions are being drawn."
"""Said where somebody would judge or undo what is not on screen yet."""


class Painting:
    """Turns strokes on the lesions layer into ``case.review.set_edit``; its undo is the case's.

    napari's own undo restores the numbers that the layer held before a stroke, which are stale once the
    threshold has moved, and knows no verdicts. Undo in the layer therefore takes back what was done
    last in the case, verdict or stroke, and the layer is drawn from the case.

    Parameters
    ----------
    layer
        Of the lesions.
    labels
        What it shows, in canonical order.
    case
        Of whom.
    unseen
        Whether nothing is undone yet, because it is not on screen.
    """

    def __init__(self, layer: Labels, labels: np.ndarray, case: Case, unseen: Callable[[], bool]) -> None:
        self._layer, self._unseen = layer, unseen
        self._labels = labels
        self._case = case
        self._pending = False
        napari_internals.replace_undo(layer, self.undo, self.redo)
        layer.events.paint.connect(self._on_paint)

    def _on_paint(self, event: object = None) -> None:
        # Some of napari's tools emit before they write: what was painted is read when they are done.
        if not self._pending:
            self._pending = True
            QTimer.singleShot(0, self.flush)

    def flush(self) -> None:
        """Take what was painted since the last time into the case."""
        painted, self._pending = self._pending, False
        lesions = self._case.lesions
        if not painted or lesions is None:
            return
        napari_internals.forget_strokes(self._layer)  # the case has it
        wanted = self._labels > 0
        voxels = np.flatnonzero(wanted != (lesions.labels > 0))
        before = self._case.review.edit
        edit = np.zeros(self._labels.shape, np.int8) if before is None else before.copy()
        edit.ravel()[voxels] = np.where(wanted.ravel()[voxels], 1, -1)
        try:
            self._case.review.set_edit(edit if edit.any() else None)
        except InputError as error:
            self._say_refused(error)
            self._case.painting_changed()  # the stroke goes again

    def undo(self) -> None:
        """Take back what was done last."""
        self._step(self._case.review.undo)

    def redo(self) -> None:
        """Do again what was taken back."""
        self._step(self._case.review.redo)

    def _step(self, step: Callable[[], object]) -> None:
        if self._unseen():
            show_info(STILL_DRAWN)
            return
        self.flush()
        try:
            step()
        except InputError as error:
            self._say_refused(error)

    def _say_refused(self, error: InputError) -> None:
        show_warning(self._case.review.locked or f"Not recorded: {error}")

    def cleanup(self) -> None:
        """Let go of the layer. May be called twice."""
        self._pending = False
        self._layer.events.paint.disconnect(self._on_paint)
        napari_internals.restore_undo(self._layer)
