"""Opening one case after the other: its scans are read, take the place of the case before, and are run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Layer
from napari.utils.history import get_open_history, update_open_history
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.evaluate.saved_results import SavedResults
from napari_uncertainseg.evaluate.worklist import WorkCase
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.widgets.readers import LayerData, read_layers
from napari_uncertainseg.widgets.scans.volumes import KEY, is_result, layer_data, volume_of
from napari_uncertainseg.widgets.segment.leaving_case import close_case
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.jobs import JobState

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.segment.dock import SegmentDock

REFERENCE = "reference"
"""Role and name of the layer with the mask to compare with."""
_LOST = "Verdicts or painting on screen are kept nowhere, and would be dropped. Open the folder all the same?"
_LOOK_MS, _LOOKS = 100, 1200
"""How often, and how many times, it is seen whether Run can be pressed: models are listed in the meantime."""


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case whose files have been read.

    Attributes
    ----------
    case
        What it is.
    layers
        By role: ``flair``, and where there are any ``t1``, ``t2`` and ``reference``.
    problem
        Why the reference could not be read; empty otherwise.
    """

    case: WorkCase
    layers: Mapping[str, LayerData]
    problem: str = ""


def load_case(case: WorkCase, progress: Progress) -> LoadedCase:
    """Read the files of a case; for any thread.

    Raises
    ------
    InputError
        If a scan cannot be read. A reference that cannot be is left out.
    """
    layers: dict[str, LayerData] = {}
    for i, role in enumerate(role for role in MODALITIES if role in case.images):
        progress(f"reading {role}", i / (len(case.images) + 1))
        data, options, kind = read_layers(str(case.images[role]))[0]
        if kind != "image":
            raise InputError(
                f"{case.images[role]}: this looks like a label image, not like a scan; correct the list."
            )
        options["metadata"][KEY]["modality"] = role  # the list knows better than the file's name
        layers[role] = data, options | {"visible": role == "flair"}, kind
    if case.reference is None:
        return LoadedCase(case, layers)
    try:
        labels = read_labels(case.reference)
    except InputError as error:
        return LoadedCase(case, layers, str(error))
    layers[REFERENCE] = layer_data(labels, "labels", name=REFERENCE, visible=False, opacity=0.5)
    return LoadedCase(case, layers)


class CaseOpener(QObject):
    """Shows one case of a worklist at a time, and segments it.

    Only what was added here, and results, are taken away again: the user's own layers stay.

    Parameters
    ----------
    viewer
        Where cases are shown.
    case
        What the docks share.
    parent
        Qt parent.
    """

    def __init__(self, viewer: ViewerModel, case: Case, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._case = case
        self._ours: list[Layer] = []
        self._segment: SegmentDock | None = None
        self._looks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._run_when_ready)

    def open(self, loaded: LoadedCase, segment: SegmentDock) -> None:
        """Show a case instead of the one before, and press Run as soon as that can be done.

        Verdicts and painting that no session keeps are lost: ask before. A run that goes on is cancelled.
        """
        if segment.run.text() == JobState.RUNNING.value:
            segment.run.click()
        close_case(self._case)
        added = self._show(loaded.layers)
        if REFERENCE in added:
            self._viewer.layers.move(self._viewer.layers.index(added[REFERENCE]), len(self._viewer.layers))
        self._viewer.reset_view()
        segment.roles.choose({role: layer for role, layer in added.items() if role in MODALITIES})
        self._segment, self._looks = segment, 0
        self._timer.start()

    def open_results(self, restored: SavedResults, folder: Path, segment: SegmentDock) -> None:
        """Show a folder of results instead of the case before, as it was when it was written.

        Verdicts and painting that no session keeps are lost: ask before.
        """
        if segment.run.text() == JobState.RUNNING.value:
            segment.run.click()
        self.cleanup()
        case = self._case
        close_case(case)
        scans = {role: layer_data(scan, colormap="gray") for role, scan in restored.scans.items()}
        added = self._show(scans)
        for role, layer in added.items():
            layer.visible = role == "flair"
        segment.roles.choose(added)
        case.set_images({role: volume_of(layer, role) for role, layer in added.items()})
        case.prediction = restored.prediction
        case.number_by(restored.numbers)
        case.threshold, case.min_volume = restored.threshold, restored.min_volume
        case.reset_review(restored.verdicts, restored.edit)
        self._viewer.reset_view()
        many = len(restored.verdicts)
        opened = f"Opened {folder} with {many} verdict{'' if many == 1 else 's'}."
        case.stepped.emit(" ".join([opened, *restored.notes]))
        for note in restored.notes:
            show_info(note)

    def _show(self, layers: Mapping[str, LayerData]) -> dict[str, Layer]:
        """Take the case before away, and add the layers of another, by role."""
        self._take_away()
        added = {role: Layer.create(*data) for role, data in layers.items()}
        for layer in reversed(added.values()):  # the FLAIR above the other scans
            self._viewer.add_layer(layer)
        self._ours = list(added.values())
        return added

    def _take_away(self) -> None:
        layers = self._viewer.layers
        gone = [layer for layer in layers if layer in self._ours or is_result(layer)]
        if gone:
            with layers.batched_update():
                for layer in gone:
                    layers.remove(layer)
        self._ours = []

    def _run_when_ready(self) -> None:
        segment, self._looks = self._segment, self._looks + 1
        there = bool(self._ours) and all(layer in self._viewer.layers for layer in self._ours)
        if segment is None or not there or self._looks > _LOOKS:
            self.cleanup()
        elif segment.run.text() == JobState.IDLE.value and segment.run.isEnabled():
            self.cleanup()
            segment.run.click()

    def cleanup(self) -> None:
        """Press nothing any more; the layers stay. May be called twice."""
        self._timer.stop()
        self._segment = None


def may_drop(parent: QWidget, case: Case) -> bool:
    """Whether what would be lost by opening results may be."""
    return not case.unsaved or bool(ask_yes_no_cancel(parent, "Open results", _LOST, "Drop them", None))


def ask_table(parent: QWidget, title: str) -> Path | None:
    """A table to read, from where something was opened last; None if the user gives up."""
    kinds = "Table (*.tsv *.txt);;All files (*)"
    chosen, _ = QFileDialog.getOpenFileName(parent, title, get_open_history()[0], kinds)
    return _remembered(chosen, chosen)


def ask_dataset(parent: QWidget, title: str) -> Path | None:
    """A folder to read, beside that which was opened last; None if the user gives up."""
    chosen = QFileDialog.getExistingDirectory(parent, title, get_open_history()[0])
    return _remembered(chosen, str(Path(chosen) / "cases"))


def _remembered(chosen: str, inside: str) -> Path | None:
    if not chosen:
        return None
    update_open_history(inside)
    return Path(chosen)
