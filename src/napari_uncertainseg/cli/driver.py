"""The real window, driven from a script: for the demo and for the documentation's pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from napari.layers import Layer
from qtpy.QtWidgets import QApplication, QDialog

from napari_uncertainseg._base import InputError, is_warning, without_sign
from napari_uncertainseg.widgets.dock_list import WITH_KEYS
from napari_uncertainseg.widgets.keys import list_keys
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import open_review

if TYPE_CHECKING:
    from napari_uncertainseg.images.volume import Volume
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

_PATIENCE = 600.0
"""Seconds after which a run that does not end counts as failed."""


class ReviewWindow:
    """A napari viewer with the Review docks.

    Parameters
    ----------
    size
        Width and height in pixels; napari's own choice when None.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        list_keys(WITH_KEYS)  # before napari reads the keys that the user has changed
        self.viewer = napari.Viewer(title="UncertainSeg", show_welcome_screen=False)
        self.review = open_review(self.viewer)
        self._sample: list[Volume] = []
        self._whole_slice = True
        if size is not None:
            self.viewer.window.resize(*size)
        self.settle()

    # -- what a user does -----------------------------------------------------------------------

    def add(self, layers: Sequence[Any]) -> None:
        """Add layer data tuples, as readers give them."""
        for data in layers:
            self.viewer.add_layer(Layer.create(*data))
        self.settle()

    def add_sample(self) -> None:
        """Open the simulated case, as File > Open Sample does."""
        from napari_uncertainseg.samples import simulated_case
        from napari_uncertainseg.widgets.scans.sample_layers import sample_layers

        self.add(sample_layers())
        self._sample = list(simulated_case().masks)

    def run(self) -> None:
        """Press Run in the Segment dock, and wait for the prediction.

        Raises
        ------
        InputError
            If the dock says why it cannot.
        """
        dock = self.review.segment
        self.wait_for(dock.run.isEnabled, "the Run button of the Segment dock")
        ended: list[bool] = []
        dock.done.connect(lambda: ended.append(True))
        dock.run.click()
        self.wait_for(lambda: bool(ended) or is_warning(dock.message.text()), "the segmentation")
        if not ended:
            raise InputError(without_sign(dock.message.text()))

    def show_results(self) -> None:
        """Show the whole slice with most lesion, and the list; the first of the masks is the reference."""
        reference = self.review.calibration.reference
        if reference.count() > 1:  # the first entry asks for a choice
            reference.setCurrentIndex(1)
        self.review.show_dock("lesions")
        if self.lesions.count:
            s, a, r = (int(np.argmax(self._lesion_voxels_along(axis))) for axis in range(3))
            self.review.layers.show_slice((s, a, r))
        self._whole_slice = True
        self.viewer.reset_view()
        self.settle()

    def show_lesion(self) -> None:
        """Go to the next lesion without a verdict, which is framed: the most doubtful one at first."""
        self._whole_slice = False
        self.review.lesions.next_lesion()
        self.settle()

    def compare_raters(self, names: Sequence[str]) -> None:
        """Open the Raters dock, tick label layers, press Compare and wait.

        Raises
        ------
        InputError
            If the dock says why it cannot.
        """
        self.review.open_dock("raters")
        dock, before = self.review.raters, self.review.raters.comparison
        dock.choose(list(names))
        dock.run.click()
        answered = lambda: dock.comparison is not before or is_warning(dock.message.text())  # noqa: E731
        self.wait_for(answered, "the comparison of raters")
        if dock.comparison is before:
            raise InputError(without_sign(dock.message.text()))
        self.settle()

    def _lesion_voxels_along(self, axis: int) -> np.ndarray:
        others = tuple(each for each in range(3) if each != axis)
        return np.count_nonzero(self.lesions.labels, axis=others)

    # -- what there is then ---------------------------------------------------------------------

    @property
    def prediction(self) -> Prediction:
        """The prediction under review."""
        prediction = self.review.case.prediction
        assert prediction is not None, "run() comes first"
        return prediction

    @property
    def lesions(self) -> Lesions:
        """Lesions at the present threshold."""
        lesions = self.review.case.lesions
        assert lesions is not None, "run() comes first"
        return lesions

    def sample_masks(self) -> list[Volume]:
        """The sample's true lesions, then its raters'."""
        return self._sample

    def picture(self, path: Path, size: tuple[int, int], theme: str = "dark") -> Path:
        """Save a picture of the whole window; a slice that was whole is so in the new size too."""
        self.viewer.theme = theme
        self.viewer.window.resize(*size)
        for note in napari_internals.main_window(self.viewer).findChildren(QDialog):
            note.close()  # notifications would lie over the picture
        self.settle()
        if self._whole_slice:
            self.viewer.reset_view()
            self.settle()
        self.viewer.screenshot(str(path), canvas_only=False, flash=False)
        return path

    def dock_picture(self, path: Path, dock: str) -> Path:
        """Save a picture of one dock: ``segment``, ``lesions`` or ``calibration``."""
        self.review.show_dock(dock)
        self.settle()
        getattr(self.review, dock).grab().save(str(path))
        return path

    # -- time -----------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = _PATIENCE) -> None:
        """Let the window live until something is so.

        Raises
        ------
        TimeoutError
            If it does not become so in time.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds:.0f} s for {what}")
            QApplication.processEvents()
            time.sleep(0.01)

    def settle(self, seconds: float = 0.5) -> None:
        """Let the window draw what is due: throttled views come a moment later."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()
        self.settle(0.1)
