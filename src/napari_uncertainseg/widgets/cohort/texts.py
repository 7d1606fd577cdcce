"""All words of the Cohort dock: labels, buttons, tooltips, questions and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg._base import as_warning, pluralised
from napari_uncertainseg.evaluate.readings import CaseReading
from napari_uncertainseg.progress.course import Outlook
from napari_uncertainseg.progress.words import format_time_left
from napari_uncertainseg.runs.progress_file import RunProgress

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
RUNS_WITH_TIP = (
    "Model, method, members and target with which each case is segmented: the settings in Segment."
)
COLUMNS = ("case", "scans", "state")
COLUMN_TIPS = {
    "case": "Name of the case. Move the mouse over it to see its files.",
    "scans": "Available files: the scans that the model reads, a reference mask, and results of a run.",
    "state": "Lesions and candidates reviewed in the most advanced session. A closed session is final.",
}
REFERENCE, RESULTS = "reference", "results"
OPEN_NEXT, OPEN = "Open next", "Open"
OPEN_NEXT_TIP = (
    "Open and segment the next case that is not closed. Its scans replace those of the current case.\n"
    "Your own layers stay."
)
OPEN_TIP = "Open and segment the selected case. Its scans replace those of the current case."

_NOTES = 5
"""Number of notes that are shown."""
NO_CASES = f"No cases yet: press {CHOOSE} {SOURCES}"
OTHER_TABS = (
    "This is a table of results: the tabs beside Cases, such as Groups and Patients, read such a table."
)
ALL_CLOSED = "All other cases are closed."
BUSY = "Files are being read for the tab Cases: open the case when that has ended."
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


def describe_notes(notes: Sequence[str]) -> str:
    """The first notes on what was left out of the list, and how many more there are."""
    rest = len(notes) - _NOTES
    return "\n".join([*notes[:_NOTES], *([f"… and {rest} more."] if rest > 0 else [])])


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


# -- a run over all cases -----------------------------------------------------------------------

RUN_TITLE = "All cases in the background"
RUN_ALL, SHOW_RUN, STOP_RUN = "Run all…", "Show a run…", "Stop"
OPEN_REPORT, REVIEW_RUN = "Open report", "Review in this order"
RUN_ALL_TIP = (
    "Segment all cases of the list with the settings in Segment, and write a report.\n"
    "First choose a folder for the results. A folder of an earlier run goes on where it was."
)
SHOW_RUN_TIP = "Show a run that goes on or has ended: choose the folder of its results."
STOP_RUN_TIP = "Stop the run. Finished cases stay; Run all with the same folder goes on."
OPEN_REPORT_TIP = "Show the report of the run in the browser."
REVIEW_RUN_TIP = (
    "List the cases, the one to read first at the top, and open a session for each of the first 20 under the "
    "annotator's name above. Then press Open next."
)
RUN_DIALOG, SHOW_DIALOG = "Folder for the results of all cases", "Folder of a run"
NO_RUN = "No run yet. Choose cases above, then press Run all…, or show a run that was started elsewhere."
GOES_ON = (
    "The run is a program of its own: it goes on when you close this window. To see it again: Show a run…"
)
PREPARING = "Opening sessions …"


def describe_run(
    phase: str, progress: RunProgress | None, why: str, now: Outlook | None, folder: Path | None
) -> str:
    """How a run is going, in sentences."""
    if phase == "none":
        return NO_RUN
    if phase == "starting":
        return f"Starting: the model and the cases are looked at …\n{GOES_ON}"
    if phase == "refused":
        return as_warning(f"The run could not begin: {why}")
    counts = "nothing is known of its cases" if progress is None else _counts(progress)
    if phase == "running":
        left = format_time_left(None) if now is None else format_time_left(now.left, now.spent)
        return f"{counts} · {left}\nResults: {folder}\n{GOES_ON}"
    said = {
        "stopping": f"{counts} · stopping …",
        "reporting": f"{counts} · writing the report …",
        "ended": f"Ended: {counts}.",
        "stopped": f"Stopped: {counts}. Run all with the same folder goes on from here.",
        "killed": f"The run was killed: {counts}. Run all with the same folder goes on from here.",
    }
    text = said.get(phase) or as_warning(" ".join(filter(None, ["The run broke off.", why, counts])))
    return f"{text}\nResults: {folder}"


def _counts(progress: RunProgress) -> str:
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.done} of {pluralised(progress.visits, 'case')} done{failed}"


def describe_failures(lines: Sequence[str], count: int) -> str:
    """The first failures, and how many there are beside."""
    rest = count - len(lines)
    more = [f"… and {rest} more; the report names all."] if rest > 0 else []
    return "\n".join([*lines, *more])


def sessions_made(text: str) -> str:
    """After sessions were opened for the cases of a run."""
    return f"{text} Press Open next."


# -- names of what has no word beside it, for programs that read the screen aloud --------------

TABLE_NAME = "Cases"
