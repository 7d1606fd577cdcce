"""Opening a scan of another visit: read and put onto this scan's place in the background, then shown."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QApplication, QWidget

from napari_uncertainseg._base import InputError, Progress, one_line
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.images.belonging import ScanOrigin, same_patient
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.formats.dicom import dicom_date, is_dicom
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.images.preparation.earlier_visit import AlignedVisit, align_visit
from napari_uncertainseg.images.visits import OtherVisit, VisitName, name_of_visit, visits_beside
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.modalities import REFERENCE, guess_modality, main_of, title_of
from napari_uncertainseg.widgets.reading_bar.compare import texts
from napari_uncertainseg.widgets.scans.patient import case_name_of, is_strange, origin_of, strange_scan
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.scans.volumes import COMPARED_ROLE, KEY, is_compared, layer_data, volume_of
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

if TYPE_CHECKING:
    from napari import Viewer

_ONLY_VISIT = re.compile(r"(visit|ses|session|timepoint|tp|study|exam)?[-_ ]?[0-9][-_0-9]*", re.IGNORECASE)
"""A folder that says when, not of whom."""
_AGAIN_MS = 100
"""So long until it is looked again whether the mouse is still held."""


@dataclass(frozen=True, eq=False)
class ReadVisit:
    """A scan of another visit, read; what its visit is called, and when it was, seen from this one."""

    scan: Volume
    name: VisitName
    when: str


def read_visit(path: Path, mine: ScanOrigin, progress: Progress) -> ReadVisit:
    """Read a scan, a DICOM folder, or the main scan of a folder of results; for any thread.

    Parameters
    ----------
    path
        What the user chose.
    mine
        The scan of this visit.
    progress
        Told how far it is.

    Raises
    ------
    InputError
        If it cannot be read, or the scan of the results is not where it was.
    """
    progress("reading", 0.0)
    if is_results(path):
        scans = read_saved_results(path).scans
        if not scans:
            raise InputError(f"The scan of {path} is not where it was: open the scan itself to compare with.")
        scan = scans[main_of(scans)]
    else:
        scan = read_volume(path)
    name = _visit(scan.path, scan.name)
    return ReadVisit(scan, name, name.against(_visit(mine.path, mine.name)))


def _visit(path: Path | None, name: str) -> VisitName:
    dated = dicom_date(path) if path is not None and is_dicom(path) else ""
    return name_of_visit(path, name, dated)


def _whose(path: Path | None) -> str:
    """The folder that is a patient's, and that of the visit where it lies in one; empty for none."""
    if path is None:
        return ""
    own = case_name(path, "").split("/")[0]
    parents = [folder.name for folder in path.parents]
    if _ONLY_VISIT.fullmatch(own) and own in parents[:-2]:
        return one_line(f"{parents[parents.index(own) + 1]}/{own}")
    return own


class LastVisit(QObject):
    """Brings a scan of another visit into the viewer, above no overlay and for nothing but looking.

    Parameters
    ----------
    viewer, window
        Where it is shown; the Qt parent of questions.
    parent
        Qt parent.
    """

    opened = Signal(object, str)
    """Its layer, and what to tell the user."""
    failed = Signal(str)
    told = Signal(str)
    """How far the work is; empty when it has ended."""
    found = Signal(object)
    """Other visits that lie beside the scan: `OtherVisit`."""

    def __init__(self, viewer: Viewer, window: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._window = viewer, window
        self._job, self._search = JobRunner(self), JobRunner(self)
        self._over: Callable[[], Layer | None] = lambda: None  # what is closed is not kept
        self._next: Layer | None = None
        self._agreed = False
        """Whether the user has said that this scan is to be shown, whosever it seems to be."""
        self._waiting: Any = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_AGAIN_MS)
        self._later.timeout.connect(self._go_on)
        self._job.progressed.connect(self._on_progress)
        self._job.finished.connect(self._on_done)
        self._job.failed.connect(self.failed)
        self._job.state_changed.connect(self._on_state)
        self._search.finished.connect(self._on_found)

    @property
    def busy(self) -> bool:
        """Whether one is being opened."""
        return self._job.state is not JobState.IDLE or self._waiting is not None

    def layer(self) -> Layer | None:
        """The layer that shows another visit, if there is one."""
        return next((layer for layer in self._viewer.layers if is_compared(layer)), None)

    def look_beside(self, over: Layer) -> None:
        """Look for other visits of the same patient beside a scan; `found` tells."""
        path = origin_of(over).path
        if self._search.state is not JobState.IDLE:
            self._next = over  # what is found for the scan before is not of this one
            return
        self._next = None
        if path is None:
            return
        modality = over.metadata.get(KEY, {}).get("modality") or REFERENCE
        self._search.start(lambda progress: visits_beside(path, modality))

    def open(self, path: Path, over: Layer) -> None:
        """Read a scan of another visit, and lay it onto this visit's."""
        if self.busy:
            return
        self._over = weakref.ref(over)
        self._job.start(partial(read_visit, path, origin_of(over)))

    def cancel(self) -> None:
        """Stop; nothing is shown."""
        self._waiting = None
        self._job.cancel()

    def close(self) -> None:
        """Take the other visit out of the viewer."""
        layer = self.layer()
        if layer is not None:
            self._viewer.layers.remove(layer)

    def _on_found(self, found: list[OtherVisit]) -> None:
        if self._next is not None:
            self.look_beside(self._next)
        else:
            self.found.emit(found)

    def _on_progress(self, stage: str, share: float, left: object) -> None:
        self.told.emit(texts.loading(stage, share))

    def _on_state(self, state: JobState) -> None:
        if state is JobState.IDLE:
            self.told.emit("")

    def _go_on(self) -> None:
        if self._waiting is not None:
            self._on_done(self._waiting)

    def _on_done(self, result: Any) -> None:
        """Go on where nothing is being drawn: a question would come between."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._waiting = result
            self._later.start()
            return
        self._waiting = None
        over = self._over()
        if over is None or over not in self._viewer.layers:
            return  # the scan has gone meanwhile
        if isinstance(result, ReadVisit):
            self._align(result, over)
        else:
            read, doubt, aligned = result
            self._show(read, doubt, aligned, over)

    def _align(self, read: ReadVisit, over: Layer) -> None:
        """Ask as about a scan that is dropped, and lay it onto this visit's."""
        scan = read.scan
        theirs, ours = ScanOrigin(scan.name, scan.path, scan.uids, scan.grid), origin_of(over)
        patient, modality = same_patient(theirs, ours), scan.modality or guess_modality(scan.name)
        self._agreed = False
        if patient.known is False or is_strange(theirs, modality, ours):
            other = case_name(scan.path, scan.name)
            if not self._ask(strange_scan(other, case_name_of(over), patient.why)):
                return
            self._agreed = True
        doubt = texts.PATIENT_UNKNOWN if patient.known is None else ""
        fixed = volume_of(over)
        self._job.start(lambda progress: (read, doubt, align_visit(scan, fixed, progress)))

    def _ask(self, why: str) -> bool:
        question = texts.ask_patient(why)
        return bool(
            ask_yes_no_cancel(self._window, texts.OTHER_PATIENT, question, texts.COMPARE_ANYWAY, None)
        )

    def _show(self, read: ReadVisit, doubt: str, aligned: AlignedVisit, over: Layer) -> None:
        if aligned.doubt and not self._agreed:
            other, mine = case_name(read.scan.path, read.scan.name), case_name_of(over)
            if not self._ask(strange_scan(other, mine, texts.NOT_ALIKE)) or over not in self._viewer.layers:
                return
        self.close()
        modality = title_of(read.scan.modality) if read.scan.modality else read.scan.name
        title = texts.visit(read.name.words, read.when, modality, _whose(read.scan.path))
        layer = compared_layer(aligned.data, title, read.scan.path, over)
        layer.metadata[KEY]["doubt"] = (
            texts.LITTLE_IN_COMMON if aligned.doubt else doubt and texts.PLEASE_CHECK
        )
        selected = self._viewer.layers.selection.active
        self._viewer.layers.insert(self._viewer.layers.index(over), layer)
        self._viewer.layers.selection.active = selected
        said = texts.opened(aligned.how, [text for text in (aligned.doubt, doubt) if text])
        self.opened.emit(layer, said)

    def cleanup(self) -> None:
        """Stop all work, and take the other visit out of the viewer. May be called twice."""
        self._later.stop()
        self._waiting = None
        self._job.cleanup()
        self._search.cleanup()
        self.close()


def compared_layer(data: np.ndarray, title: str, path: Path | None, over: Layer) -> Image:
    """A layer with a scan of another visit, where the scan of this visit lies.

    Parameters
    ----------
    data
        float32, on the canonical grid of the other.
    title, path
        What it is called, and its file.
    over
        The layer of this visit's scan.
    """
    grid = volume_of(over).grid
    placing = Placement.over(over, grid)
    metadata = {**placing.metadata, KEY: {**placing.metadata[KEY], "role": COMPARED_ROLE, "path": path}}
    limits = layer_data(Volume(data, grid, title))[1]["contrast_limits"]
    return Image(
        placing.array(data),
        name=title,
        metadata=metadata,
        colormap="gray",
        contrast_limits=limits,
        visible=False,
        **placing.options,
    )
