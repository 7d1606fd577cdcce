"""What lies around a scan that was opened: of whom it is by its header, masks beside it, a review of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_uncertainseg._base import Progress
from napari_uncertainseg.evaluate.opening.beside import masks_beside
from napari_uncertainseg.images.formats.dicom_visit import Visit, visit_of
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState, Work


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What was found.

    Attributes
    ----------
    scan
        Its file or folder.
    visit
        Of whom it is, and of when.
    masks
        On its grid, the likeliest reference first; their ``path`` says which files they are.
    """

    scan: Path
    visit: Visit
    masks: tuple[Volume, ...]


class Lookout(QObject):
    """Looks in the background, for one scan at a time; an answer for another than the last is dropped.

    A server of reviews that does not answer keeps nobody from what lies beside the scan.
    """

    found = Signal(object)
    """`Surroundings`."""
    waits = Signal(str)
    """A sentence about a review of the scan that is not finished."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._around, self._review = _Latest(self), _Latest(self)
        self._around.done.connect(self._on_found)
        self._review.done.connect(self._on_review)
        self._wanted: tuple[Path, Grid] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is still looked for."""
        return self._around.busy or self._review.busy

    def look(self, scan: Path | None, grid: Grid | None, waiting: Callable[[], str] = str) -> None:
        """Look around another scan; nothing happens for the one that was looked for last.

        Parameters
        ----------
        scan, grid
            Its file or folder, and its grid; nothing is looked for where there is none.
        waiting
            Called in the background: the sentence about a review of it; empty where there is none.
        """
        wanted = None if scan is None or grid is None else (scan, grid)
        before, self._wanted = self._wanted, wanted
        if wanted is None:
            self._review.forget()  # what it would call holds a scan
            self._around.forget()
        elif before is None or before[0] != wanted[0] or not before[1].same_as(wanted[1]):
            self._around.do(partial(_look, *wanted))
            self._review.do(partial(_ask, wanted[0], waiting))

    def _on_found(self, found: Surroundings) -> None:
        if self._wanted is not None and found.scan == self._wanted[0]:
            self.found.emit(found)

    def _on_review(self, found: tuple[Path, str]) -> None:
        scan, sentence = found
        if self._wanted is not None and scan == self._wanted[0] and sentence:
            self.waits.emit(sentence)

    def cleanup(self) -> None:
        """Look no more. May be called twice."""
        self._wanted = None
        self._around.cleanup()
        self._review.cleanup()


class _Latest(QObject):
    """Does one thing in the background, the one that was asked for last."""

    done = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = JobRunner(self)
        self._jobs.finished.connect(self.done)
        self._jobs.state_changed.connect(self._go_on)
        self._next: Work | None = None

    @property
    def busy(self) -> bool:
        return self._next is not None or self._jobs.state is not JobState.IDLE

    def do(self, work: Work) -> None:
        self._next = work
        self._go_on(self._jobs.state)

    def forget(self) -> None:
        """Do not begin what waits."""
        self._next = None

    def _go_on(self, state: JobState) -> None:
        if self._next is None:
            return
        if state is JobState.RUNNING:
            self._jobs.cancel()
        elif state is JobState.IDLE:
            work, self._next = self._next, None
            self._jobs.start(work)

    def cleanup(self) -> None:
        self.forget()
        self._jobs.cleanup()


def _look(scan: Path, grid: Grid, progress: Progress) -> Surroundings:
    return Surroundings(scan, visit_of(scan), tuple(masks_beside(scan, grid)))


def _ask(scan: Path, waiting: Callable[[], str], progress: Progress) -> tuple[Path, str]:
    return scan, waiting()
