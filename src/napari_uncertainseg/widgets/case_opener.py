"""Showing another case: its scans replace those of the case before, and are segmented."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Layer
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QWidget

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.evaluate.saved_results import SavedResults
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.widgets.scans.layer_reader import LayerData
from napari_uncertainseg.widgets.scans.loaded_case import REFERENCE, LoadedCase
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data, volume_of
from napari_uncertainseg.widgets.segment.leaving_case import close_case
from napari_uncertainseg.widgets.shared.dialogs import DiscardQuestion
from napari_uncertainseg.widgets.shared.responsive.napari_adding import remove_quietly

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.segment.dock import SegmentDock

_LOST = (
    "Verdicts or painting on screen are not saved in a session and were not exported. They will be lost. "
    "Open the folder anyway?"
)


class CaseOpener:
    """Shows one case of a worklist at a time, and segments it.

    Only layers added here, and results, are removed again: the user's own layers stay.

    Parameters
    ----------
    viewer
        Where cases are shown.
    case
        The case of the window.
    """

    def __init__(self, viewer: ViewerModel, case: Case) -> None:
        self._viewer = viewer
        self._case = case
        self._added: list[Layer] = []
        self._replaced: list[Layer] = []

    @property
    def added(self) -> list[Layer]:
        """The layers that were added here for the case that is shown."""
        return list(self._added)

    def forget(self) -> None:
        """Let go of them: the case was closed."""
        self._added = []

    @contextmanager
    def replacing(self, layers: Sequence[Layer]) -> Iterator[None]:
        """Take these out, too, before a case is shown: beside them its scan would be called ``FLAIR [1]``."""
        self._replaced = list(layers)
        try:
            yield
        finally:
            self._replaced = []

    def open(self, loaded: LoadedCase, segment: SegmentDock) -> None:
        """Show a case instead of the one before, and segment it as soon as the Segment dock can.

        A run in progress is cancelled. Verdicts and painting that no session keeps are lost: ask before.
        """
        segment.stop()
        close_case(self._case)
        added = self._show(loaded.layers)
        self._raise_reference(added)
        self._viewer.reset_view()
        segment.roles.choose({name: layer for name, layer in added.items() if name != REFERENCE})
        segment.run_when_ready()

    def open_results(
        self,
        restored: SavedResults,
        folder: Path,
        segment: SegmentDock,
        reference: LayerData | None = None,
    ) -> None:
        """Show a folder of results instead of the case before, as it was when it was written.

        The mask to compare with is shown with it where there is one.

        Verdicts and painting that no session keeps are lost: ask before.
        """
        segment.stop()
        case = self._case
        close_case(case)
        scans = {modality: layer_data(scan, colormap="gray") for modality, scan in restored.scans.items()}
        added = self._show(scans if reference is None else {**scans, REFERENCE: reference})
        self._raise_reference(added)
        added.pop(REFERENCE, None)
        for modality, layer in added.items():
            layer.visible = modality == main_of(added)
        segment.roles.choose(added)
        case.set_images({modality: volume_of(layer, modality) for modality, layer in added.items()})
        case.open_prediction(restored.prediction)
        case.number_by(restored.numbers)
        case.threshold, case.min_volume = restored.threshold, restored.min_volume
        case.reset_review(restored.verdicts, restored.edit)
        self._viewer.reset_view()
        opened = f"Opened {folder} with {pluralised(len(restored.verdicts), 'verdict')}."
        case.stepped.emit(" ".join([opened, *restored.notes]))
        for note in restored.notes:
            show_info(note)

    def _raise_reference(self, added: Mapping[str, Layer]) -> None:
        """Move the mask to compare with above all scans."""
        if REFERENCE in added:
            self._viewer.layers.move(self._viewer.layers.index(added[REFERENCE]), len(self._viewer.layers))

    def _show(self, layers: Mapping[str, LayerData]) -> dict[str, Layer]:
        """Remove the layers of the case before, and add those of another, by modality."""
        self._remove_layers()
        added = {modality: Layer.create(*data) for modality, data in layers.items()}
        for layer in reversed(added.values()):  # the FLAIR above the other scans
            self._viewer.add_layer(layer)
        self._added = list(added.values())
        return added

    def _remove_layers(self) -> None:
        of_before = [*self._added, *self._replaced]
        gone = [layer for layer in self._viewer.layers if layer in of_before or is_result(layer)]
        remove_quietly(self._viewer, gone)
        self._added = []


def question_before_results(parent: QWidget, case: Case) -> DiscardQuestion:
    """Asked before opening results by which verdicts or painting would be lost."""
    return DiscardQuestion(parent, case, "Open results", _LOST, "Discard them")
