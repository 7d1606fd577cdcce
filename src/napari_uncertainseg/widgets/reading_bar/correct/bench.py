"""What the tools share: the case, where the viewer looks, the preview, and how a correction is applied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_uncertainseg.case import Case
from napari_uncertainseg.review.correcting.apply import apply, outlines_of, voxel_within
from napari_uncertainseg.review.correcting.outlines import Corrected, Outlines
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.layers.correcting.preview import Preview
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.reading_bar.correct import texts


class Bench:
    """Where tools lie.

    Parameters
    ----------
    case, layers
        What is corrected.
    say
        Shows the reader a sentence about what was done.

    Attributes
    ----------
    preview
        There while a tool that needs it is in hand.
    """

    def __init__(self, case: Case, layers: ReviewLayers, say: Callable[[str], None]) -> None:
        self.case, self.layers, self.say = case, layers, say
        self.preview: Preview | None = None

    # -- what is there ------------------------------------------------------------------------

    @property
    def outlines(self) -> Outlines:
        """The lesions as they are now; InputError without any."""
        return outlines_of(self.case)

    @property
    def scan(self) -> np.ndarray | None:
        """The scan on the prediction's grid; None where it is not open."""
        scan, grid = self.case.scan, self.case.grid
        return None if scan is None or grid is None or scan.data.shape != grid.shape else scan.data

    @property
    def axis(self) -> int:
        """Axis of the grid across the screen."""
        return self.layers.current_slice()[0]

    @property
    def selected(self) -> int:
        """Number of the selected lesion; below 0 of a candidate, 0 where none is selected."""
        return self.case.selected_number

    def inside(self, voxel: Voxel) -> bool:
        """Whether a voxel lies on the grid."""
        grid = self.case.grid
        return grid is not None and all(0 <= i < n for i, n in zip(voxel, grid.shape, strict=True))

    # -- what is done -------------------------------------------------------------------------

    def apply(self, outlines: Outlines, corrected: Corrected, near: Voxel | None = None) -> None:
        """Apply a correction of these outlines, keep the lesion selected, and say what was done."""
        self.show()
        own = [v.voxel for v in self.case.review.verdicts if outlines.number_at(v.voxel) == corrected.of > 0]
        apply(self.case.review, outlines, corrected)
        lesions, chosen = self.case.lesions, self.case.selected
        gone = chosen is None or (lesions is not None and lesions.component_at(chosen) == 0)
        found = voxel_within(corrected, near or chosen or (0, 0, 0)) if gone else None
        if found is not None and lesions is not None and lesions.labels[found]:
            self.case.select(found)
        left = lesions is not None and corrected.of in lesions.table["label"].to_numpy()
        lost = left and lesions is not None and any(not lesions.labels[voxel] for voxel in own)
        self.say(corrected.in_words() + (texts.VERDICT_GONE if lost else ""))

    def show(self, *parts: tuple) -> None:
        """Show some masks in the preview, each with its box and kind; nothing to clear it."""
        if self.preview is not None:
            self.preview.draw(parts)
