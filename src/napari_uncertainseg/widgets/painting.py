"""What the reviewer paints on the lesions becomes an edit of the case."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_uncertainseg.case import Case


@dataclass(frozen=True, eq=False)
class _Stroke:
    """One undoable step: flat voxel indices, and the edit there before and after."""

    voxels: np.ndarray
    before: np.ndarray
    after: np.ndarray


class Painting:
    """Turns strokes on the lesions layer into ``case.set_edit``, and undoes them.

    napari's own undo restores the numbers that the layer held before the stroke. They are stale
    once the threshold has moved, so each stroke also remembers the edit that it made, step for
    step with napari's history, and undo restores that; the layer is then drawn from the case.
    """

    def __init__(self, layer: Labels, labels: np.ndarray, case: Case) -> None:
        self._layer = layer
        self._labels = labels  # what the layer shows, in canonical order
        self._case = case
        self._done: deque[_Stroke] = deque(maxlen=layer._history_limit)
        self._undone: deque[_Stroke] = deque(maxlen=layer._history_limit)
        self._pending = 0
        self._napari_undo, self._napari_redo = layer.undo, layer.redo
        # napari emits nothing on undo and redo; its key bindings call these methods.
        layer.undo, layer.redo = self.undo, self.redo  # type: ignore[method-assign]
        layer.events.paint.connect(self._on_paint)

    def _on_paint(self, event: object = None) -> None:
        # Some of napari's tools emit before they write: what was painted is read when they are done.
        self._pending += 1
        if self._pending == 1:
            QTimer.singleShot(0, self.flush)

    def flush(self) -> None:
        """Take what was painted since the last time into the case."""
        strokes, self._pending = self._pending, 0
        lesions = self._case.lesions
        if not strokes or lesions is None:
            return
        painted = self._labels > 0
        voxels = np.flatnonzero(painted != (lesions.labels > 0))
        edit = self._edit()
        after = np.where(painted.ravel()[voxels], 1, -1).astype(np.int8)
        nothing = np.empty(0, np.intp), np.empty(0, np.int8), np.empty(0, np.int8)
        self._done.extend([_Stroke(*nothing)] * (strokes - 1))  # one step for each of napari's
        self._done.append(_Stroke(voxels, edit.ravel()[voxels], after))
        self._undone.clear()
        self._apply(edit, voxels, after)

    def undo(self) -> None:
        """Undo the last stroke."""
        self.flush()
        self._napari_undo()
        if self._done:
            stroke = self._done.pop()
            self._undone.append(stroke)
            self._apply(self._edit(), stroke.voxels, stroke.before)

    def redo(self) -> None:
        """Paint the stroke again that was undone."""
        self.flush()
        self._napari_redo()
        if self._undone:
            stroke = self._undone.pop()
            self._done.append(stroke)
            self._apply(self._edit(), stroke.voxels, stroke.after)

    def _edit(self) -> np.ndarray:
        edit = self._case.edit
        return np.zeros(self._labels.shape, np.int8) if edit is None else edit.copy()

    def _apply(self, edit: np.ndarray, voxels: np.ndarray, values: np.ndarray) -> None:
        edit.ravel()[voxels] = values
        self._case.set_edit(edit if edit.any() else None)

    def cleanup(self) -> None:
        """Let go of the layer. May be called twice."""
        self._pending = 0
        self._layer.events.paint.disconnect(self._on_paint)
        self._layer.__dict__.pop("undo", None)
        self._layer.__dict__.pop("redo", None)
