"""The cases of a list, how far each has been read, and which of them was opened."""

from __future__ import annotations

from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.readings import CaseReading, CaseReadings, is_closed, next_to_read
from napari_uncertainseg.evaluate.worklist import WorkCase, Worklist
from napari_uncertainseg.widgets.shared.session_file import SessionFile


class ListedCases:
    """What the tab *Cases* shows, without a widget.

    Parameters
    ----------
    sessions
        The sessions that the docks of the window share; the file is never made here.
    """

    def __init__(self, sessions: SessionFile) -> None:
        self._sessions = sessions
        self._readings: CaseReadings | None = None
        self.worklist: Worklist | None = None
        self.states: tuple[CaseReading | None, ...] = ()
        """How far each case has been read."""
        self.row: int | None = None
        """Of the case that was opened last."""

    @property
    def cases(self) -> tuple[WorkCase, ...]:
        """All of them; none where there is no list."""
        return () if self.worklist is None else self.worklist.cases

    def take(self, worklist: Worklist) -> None:
        """Take another list, none of which has been opened."""
        self.worklist, self.row = worklist, None

    def forget_sessions(self) -> None:
        """Read the file of sessions anew when it is asked next."""
        self._readings = None

    def read_states(self, annotator: str) -> None:
        """Read the state of each case again; without a file none has been reviewed.

        Raises
        ------
        InputError
            If the sessions cannot be read; then nothing is known of any case.
        """
        self.states = (None,) * len(self.cases)
        if not self._sessions.exists:
            return
        if self._readings is None:
            self._readings = CaseReadings(self._sessions.store())
        self.states = self._readings.furthest(self.cases, annotator)

    @property
    def closed(self) -> int:
        """How many have been read to the end."""
        return sum(map(is_closed, self.states))

    @property
    def following(self) -> int | None:
        """Row of the first case after the open one that is not closed."""
        return next_to_read(self.states, self.row)

    def row_of(self, name: str) -> int | None:
        """Row of the case with a name."""
        return next((row for row, case in enumerate(self.cases) if case.name == name), None)

    @property
    def heading(self) -> str:
        """The name of the case that was opened, or of the list."""
        assert self.worklist is not None
        return self.worklist.source.name if self.row is None else self.cases[self.row].name

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody has begun to read the case that was opened, and has not ended."""
        reading = self.states[self.row] if self.row is not None else None
        return reading is not None and not reading.closed

    def shows_opened(self, case: Case) -> bool:
        """Whether what is shown is the case that was opened: the user may open other scans by hand."""
        scan = case.scan
        return self.row is not None and scan is not None and scan.path == self.cases[self.row].main
