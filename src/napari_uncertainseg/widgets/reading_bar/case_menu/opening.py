"""Reading what the user opens, in the background, and showing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.evaluate.opening.one_person import scans_of_person
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.images.formats.formats import format_of
from napari_uncertainseg.widgets.dock_description import ReviewContext
from napari_uncertainseg.widgets.reading_bar.case_menu import texts
from napari_uncertainseg.widgets.scans.cases import Cases
from napari_uncertainseg.widgets.scans.layer_reader import LayerData, read_layers, scan_to_segment_last
from napari_uncertainseg.widgets.scans.sample_layers import sample_layers
from napari_uncertainseg.widgets.shared.dialogs import ask_dataset, ask_scans
from napari_uncertainseg.widgets.shared.form_helpers import notice
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState, Work


class CaseLoader(QObject):
    """Opens cases: asks what would be lost, reads in the background, and hands over to the window.

    Parameters
    ----------
    context
        What the parts share.
    parent
        Of the dialogs.
    """

    busy_changed = Signal(str)
    """What is being done, in words; empty when it has ended."""

    def __init__(self, context: ReviewContext, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._window = context, parent
        self._jobs = JobRunner(self)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.state_changed.connect(self._on_state)
        self._doing = ""
        self._agreed: object = None
        self._kept: list[Callable[[], object]] = []
        """What was dropped while something was being read."""

    @property
    def _cases(self) -> Cases:
        return self._context.cases

    @property
    def busy(self) -> bool:
        """Whether something is being read, or is still being shown."""
        return self._jobs.state is not JobState.IDLE or self._cases.arriving

    # -- what the user asks for -----------------------------------------------------------------

    def ask_files(self) -> None:
        """Ask for the files of one person, and open them as a new case."""
        if self._may_begin() and (paths := ask_scans(self._window, texts.NEW_FROM_FILES)):
            self.open_scans(paths)

    def ask_folder(self) -> None:
        """Ask for the folder of one person, and open its scans as a new case."""
        if self._may_begin() and (folder := ask_dataset(self._window, texts.NEW_FROM_FOLDER)) is not None:
            self.open_path(folder)

    def ask_results(self) -> None:
        """Ask for a folder of results, and open it."""
        if self._may_begin() and (folder := ask_dataset(self._window, texts.OPEN_RESULTS)) is not None:
            self.open_results(folder)

    def open_path(self, path: Path) -> None:
        """Open a folder, of scans or of results, in place of the case before."""
        if is_results(path):
            self.open_results(path)
        else:
            self.open_scans([path])

    def open_scans(self, paths: Sequence[Path]) -> None:
        """Open the scans of one person in place of the case before."""
        if self._may_begin() and self._may_close():
            self._start(texts.READING, partial(_read_person, list(paths)))

    def open_dropped(self, paths: Sequence[Path]) -> None:
        """Open files beside what is there; who drops those of another patient is asked."""
        if self._may_begin():
            self._start(texts.READING, partial(_read_files, list(paths)))

    def open_results(self, folder: Path) -> None:
        """Open a folder of results; the window asks what would be lost by it."""
        if self._may_begin() and self._check(self._is_free):
            self._start(texts.READING, partial(_read_results, folder))

    def open_sample(self) -> None:
        """Open the simulated case."""
        if self._may_begin():
            self._start(texts.MAKING_SAMPLE, _make_sample)

    def close(self) -> None:
        """Close the case, after a question where work would be lost."""
        if self._may_close():
            self._check(self._cases.close)

    def when_free(self, do: Callable[[], object]) -> None:
        """Open what was dropped: now, or when what is being read has been shown."""
        if self.busy:
            self._kept.append(do)
            show_info(notice(texts.KEPT))
        else:
            do()

    def _open_kept(self) -> None:
        while self._kept and not self.busy:
            self._kept.pop(0)()

    def _may_begin(self) -> bool:
        if self.busy:
            self._tell(texts.STILL_READING)
        return not self.busy

    def _is_free(self) -> bool:
        self._cases.check_free()
        return True

    def _may_close(self) -> bool:
        allowed = self._check(self._cases.may_close) is True
        self._agreed = self._work if allowed else None
        return allowed

    @property
    def _work(self) -> object:
        """What could be lost: another one means that the reader went on while scans were read."""
        case = self._context.case
        return case.review.verdicts, id(case.review.edit), case.unsaved_mask

    # -- what came of it ------------------------------------------------------------------------

    def _start(self, doing: str, work: Work) -> None:
        self._doing = doing
        self._jobs.start(work)

    def _on_state(self, state: JobState) -> None:
        self.busy_changed.emit("" if state is JobState.IDLE else self._doing)

    def _on_finished(self, show: Any) -> None:
        self._check(partial(show, self))
        self._open_kept()

    def _on_failed(self, text: str) -> None:
        self._tell(text)
        self._open_kept()

    def show_new(self, layers: list[LayerData]) -> None:
        """Show scans that were read, in place of the case before."""
        if self._work == self._agreed or self._may_close():
            self._cases.begin(layers)

    def show_beside(self, layers: list[LayerData]) -> None:
        """Show scans beside those that are there, unless the user does not want them."""
        if self._cases.admit(layers):
            self._context.layers.add(self._cases.beside(layers))

    @property
    def cases(self) -> Cases:
        """Of the window."""
        return self._cases

    def _check(self, do: Any) -> Any:
        """Do something; what cannot be done now is told."""
        try:
            return do()
        except InputError as error:
            self._tell(str(error))
            return None

    def _tell(self, text: str) -> None:
        show_warning(notice(text))

    def cleanup(self) -> None:
        """Stop reading."""
        self._jobs.cleanup()
        self._kept.clear()
        del self._context, self._window  # or the window would outlive itself until it is collected twice


def _read_person(paths: list[Path], progress: Progress) -> Any:
    scans = scans_of_person(paths)
    progress(texts.READING, 0.0)
    layers = read_layers([str(path) for path in scans])
    return lambda loader: loader.show_new(layers)


def _read_files(paths: list[Path], progress: Progress) -> Any:
    files = [path for path in paths if format_of(path) is not None]
    folders = [path for path in paths if path not in files]
    found = [scan for folder in folders for scan in scans_of_person([folder])]
    progress(texts.READING, 0.0)
    layers = scan_to_segment_last(read_layers([str(path) for path in (*files, *found)]))
    return lambda loader: loader.show_beside(layers)


def _read_results(folder: Path, progress: Progress) -> Any:
    restored = read_saved_results(folder)
    return lambda loader: loader.cases.show_results(restored, folder)


def _make_sample(progress: Progress) -> Any:
    progress(texts.MAKING_SAMPLE, 0.0)
    layers = sample_layers()
    return lambda loader: loader.show_beside(layers)
