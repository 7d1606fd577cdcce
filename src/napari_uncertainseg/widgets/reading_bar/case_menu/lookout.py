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
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState


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
    waiting
        A sentence about a review of it that is not finished; empty where there is none.
    """

    scan: Path
    visit: Visit
    masks: tuple[Volume, ...]
    waiting: str


class Lookout(QObject):
    """Looks in the background, for one scan at a time; an answer for another than the last is dropped."""

    found = Signal(object)
    """`Surroundings`."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = JobRunner(self)
        self._jobs.finished.connect(self._on_found)
        self._jobs.state_changed.connect(self._on_state)
        self._wanted: tuple[Path, Grid] | None = None
        self._waiting: Callable[[], str] = str
        self._next = False

    def look(self, scan: Path | None, grid: Grid | None, waiting: Callable[[], str] = str) -> None:
        """Look around another scan; nothing happens for the one that was looked for last.

        Parameters
        ----------
        scan, grid
            Its file or folder, and its grid; nothing is looked for where there is none.
        waiting
            Called in the background: the sentence about a review of it.
        """
        wanted = None if scan is None or grid is None else (scan, grid)
        before, self._wanted = self._wanted, wanted
        if wanted is None or (before is not None and before[0] == wanted[0] and before[1].same_as(wanted[1])):
            return
        self._next, self._waiting = True, waiting
        self._on_state(self._jobs.state)

    def _on_state(self, state: JobState) -> None:
        if state is JobState.RUNNING and self._next:
            self._jobs.cancel()
        elif state is JobState.IDLE and self._next and self._wanted is not None:
            self._next = False
            self._jobs.start(partial(_look, *self._wanted, self._waiting))
            self._waiting = str  # it holds a scan

    def _on_found(self, found: Surroundings) -> None:
        if self._wanted is not None and found.scan == self._wanted[0]:
            self.found.emit(found)

    def cleanup(self) -> None:
        """Look no more. May be called twice."""
        self._next, self._wanted, self._waiting = False, None, str
        self._jobs.cleanup()


def _look(scan: Path, grid: Grid, waiting: Callable[[], str], progress: Progress) -> Surroundings:
    visit = visit_of(scan)
    progress("looking beside the scan", 0.0)
    masks = tuple(masks_beside(scan, grid))
    progress("looking for a review of it", 0.5)
    return Surroundings(scan, visit, masks, waiting())
