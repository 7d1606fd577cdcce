"""All words of the Cohort dock: labels, buttons, tooltips, questions and sentences."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.evaluate.readings import CaseReading

# -- the list -----------------------------------------------------------------------------------

CASES, ANNOTATOR, EVERYBODY = "Cases", "Annotator", "all annotators"
CHOOSE, FOLDER, TABLE = "Choose…", "Folder or BIDS dataset…", "Table (TSV)…"
SOURCES = (
    "A folder or BIDS dataset with FLAIR scans (T1 and T2 are optional), or a table with the column flair; "
    "the columns t1, t2, name and reference are optional. A model that reads no "
    "FLAIR needs its own scans instead."
)
SOURCE_DIALOG = "Cases to review"
ANNOTATOR_TIP = (
    "Whose sessions are counted, of the file chosen in Session. Leave empty to count all annotators."
)
RUNS_WITH_TIP = "Model, method and members with which each case is segmented: the settings in Segment."
COLUMNS = ("case", "scans", "state")
COLUMN_TIPS = {
    "case": "Name of the case. Move the mouse over it to see its files.",
    "scans": "Available files: the scans that the model reads, and a reference mask.",
    "state": "Lesions and candidates reviewed in the most advanced session. A closed session is final.",
}
REFERENCE = "reference"
OPEN_NEXT, OPEN = "Open next", "Open"
OPEN_NEXT_TIP = (
    "Open and segment the next case that is not closed. Its scans replace those of the current case.\n"
    "Your own layers stay."
)
OPEN_TIP = "Open and segment the selected case. Its scans replace those of the current case."

NO_CASES = f"No cases yet: press {CHOOSE} {SOURCES}"
ALL_CLOSED = "All other cases are closed."
OPEN_SESSION = "There is an open session of this case: after the run, resume it in Session."
OPEN_ANOTHER, DISCARD = "Open another case", "Discard them"
LOST = (
    "Verdicts or painting of this case are not saved in a session and were not exported. They will be lost. "
    "Open the other case anyway?"
)


def runs_with(setting: str) -> str:
    """The settings of each run."""
    return f"Runs with: {setting} (from Segment)"


def searching(path: Path) -> str:
    """While cases are listed."""
    return f"Searching for cases in {path} …"


def reading(case: str) -> str:
    """While the files of a case are read."""
    return f"Reading {case} …"


def more_notes(number: int) -> str:
    """After the first notes on what was left out of the list."""
    return f"… and {number} more."


def no_reference(problem: str) -> str:
    """Why the reference mask of a case is not shown."""
    return f"The reference mask cannot be used: {problem}"


def session_left(annotator: str) -> str:
    """What became of the session that was recorded on the case before."""
    return (
        f"The session of {annotator} is no longer recorded. It stays open: to resume it in Session, open its "
        "case again."
    )


def describe_progress(cases: int, closed: int, current: int | None, name: str) -> str:
    """How many cases are closed, and the open case with its name, or the name of the list.

    ``current`` is the row of the open case, from 0; None if no case is open.
    """
    first = pluralised(cases, "case") if current is None else f"Case {current + 1} of {cases}"
    return f"{first}, {closed} closed: {name}"


def describe_state(reading: CaseReading | None) -> str:
    """How far a case is."""
    if reading is None:
        return "not reviewed"
    reviewed = f"{reading.judged} of {reading.tasks}"
    return f"closed ({reviewed})" if reading.closed else f"{reviewed} reviewed"
