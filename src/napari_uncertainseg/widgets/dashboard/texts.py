"""All words of the Dashboard dock: labels, buttons, tooltips, columns and sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.review.reports.learning_curves import Trained
from napari_uncertainseg.review.reports.statistics import ReaderAgreement
from napari_uncertainseg.widgets.shared.definitions import SCORES
from napari_uncertainseg.widgets.shared.session_file import EXERCISE

# -- the head -----------------------------------------------------------------------------------

FILE = "File"
FILE_TIP = "File or server of the sessions. Choose another one in Session."
REFRESH, EXPORT, PSEUDONYMS, DEFINITIONS = "Refresh", "Export…", "pseudonyms", "definitions"
REFRESH_TIP = "Read the file again. This also happens whenever the dock is shown."
EXPORT_TIP = "Save all numbers as one table (TSV), one number per row; with pseudonyms if ticked."
PSEUDONYMS_TIP = (
    "Replace the names of annotators and cases by numbers, here and in the exported table. The numbers\n"
    "follow the order of the first sessions, as in `uncertainseg session export`."
)
EXPORT_DIALOG, EXPORT_KIND = "Export the dashboard", "Table (*.tsv)"
NO_SESSION = "No session yet: start one in Session or in Exercises."


def no_file(name: str) -> str:
    """What to do where there is no file."""
    return f"The file {name} does not exist yet: start a session in Session, or choose another file there."


def exported(path: str) -> str:
    """Where the table lies."""
    return f"Saved the table to {path}"


def left_out(file: str, problems: Sequence[str]) -> str:
    """Which sessions cannot be read; the first three problems are enough for a dock."""
    return f"{file}: {pluralised(len(problems), 'session')} left out. {' '.join(problems[:3])}"


def unreadable(file: str, problem: str) -> str:
    """A file whose numbers cannot be computed."""
    return f"{file}: {problem}"


# -- progress -----------------------------------------------------------------------------------

PROGRESS, AGREEMENT, TIME, EXERCISES = "Progress", "Agreement", "Time", "Exercises"
ANNOTATORS, CASES = "Annotators", "Cases"
KINDS = {"review": "review", "qc": "reread", "training": EXERCISE}
"""What kinds of sessions are called."""
_KIND_TIP = f"Kind of session: review; reread (a second or third reading); {EXERCISE}."
PROGRESS_COLUMNS = {
    "kind": _KIND_TIP,
    "sessions": "Number of sessions, and how many of them are not closed.",
    "reviewed": "Number of tasks with a verdict, of all tasks in these sessions.",
    "last (UTC)": "Month, day and time (UTC) of the last entry.",
}


def last_activity(name: str, time: str) -> str:
    """Tooltip of an annotator or a case; the time is ISO 8601, UTC."""
    return f"{name}\nlast entry {time[:16].replace('T', ' ')} UTC"


# -- agreement ----------------------------------------------------------------------------------

AGREEMENT_TIP = (
    "Agreement is computed from reviews and second readings that are closed or complete. Others are only\n"
    "counted, because a blinded reader may still be working on the same case.\n"
    "Locations with the same case and voxel are compared. The last verdict of each annotator counts."
)
AGREEMENT_COLUMNS = {
    "both": "Number of locations (case, lesion or candidate, voxel) that both annotators reviewed.",
    "same": "Share of these with the same decision. *: includes third readings.",
    "kappa": "Cohen's kappa: agreement beyond chance. 0 is chance, 1 is full agreement.",
    "LSU =": "Mean structural uncertainty of the model (LSU, 0 to 1) where both agree.",
    "LSU ≠": "Mean LSU (0 to 1) where they differ. If it is higher than LSU =, the model is uncertain where "
    "readers differ.",
}
NO_PAIR = "No two annotators have reviewed the same locations yet: press Read again in Session."


def open_readings(number: int) -> str:
    """How many readings are not in the table yet."""
    if number == 1:
        return "1 open reading is included once it is closed or complete."
    return f"{number} open readings are included once they are closed or complete."


def describe_pair(row: ReaderAgreement) -> str:
    """Tooltip of two annotators."""
    lines = [
        f"{row.first} and {row.second}: same decision on {row.same} of {row.both}",
        f"LSU is known for {row.known_same} locations where they agree, {row.known_differ} where they differ",
    ]
    if row.third:
        lines.append(
            f"{row.third} of the locations are third readings. They were chosen because two readers "
            "differed, so agreement is low"
        )
    return ".\n".join(lines) + "."


# -- time ---------------------------------------------------------------------------------------

NO_TIMES = "No times yet: they are measured with the verdicts of a session."
TIME_COLUMNS = {
    "kind": _KIND_TIP,
    "number": "Number of verdicts with a known time. Times over ten minutes are not recorded.",
    "median": "Median time per lesion in seconds, from when it is shown to its verdict.",
    "quartiles": "First and third quartile in seconds: the middle half of the times is between them.",
}

# -- exercises ----------------------------------------------------------------------------------

NO_EXERCISE = "No exercise is finished yet: begin one in Exercises, and press Stop and score."
CURVE_TIP = "Annotator whose learning curve and confidence diagram are shown."
EXERCISE_COLUMNS = {
    "answers": "Number of answers in finished exercises, including repeated locations.",
    "right": SCORES["right"],
    "d'": SCORES["d'"],
    "Brier": SCORES["Brier"],
    "ECE": "Mean difference between stated probability and true share of lesions (0 to 1): 0 is best.",
    "first": "Share of right answers in the latest exercise, for new locations only.",
}
CURVES_TIP = (
    "Share of right answers per exercise, for new locations only: repeated ones are already known.\n"
    "Bars: 95 % Wilson intervals. Dashed: guessing."
)
RIGHT_AXIS, EXERCISE_AXIS = "right, new locations", "exercise"


def all_annotators(number: int, shown: int) -> str:
    """The choice that shows all curves, or as many as can be told apart."""
    return "all annotators" if number <= shown else f"the first {shown} of {number}"


def describe_exercises(row: Trained) -> str:
    """Tooltip of an annotator: a line for each exercise."""
    lines = [row.annotator]
    for i, point in enumerate(row.curve, start=1):
        interval = "" if np.isnan(point.low) else f", 95 % interval {point.low:.0%} to {point.high:.0%}"
        line = f"Exercise {i}: {point.right} of {point.first} new locations right{interval}"
        line += f"; {point.repeats} repeated"
        lines.append(line + (f"; model shown for {point.aided}" if point.aided else ""))
    return "\n".join(lines)


# -- names of what has no word beside it, for programs that read the screen aloud --------------

TABLE_NAMES = ("Annotators", "Cases", "Pairs of annotators", "Times", "Exercises")
CURVE_NAME = "Annotator of the curve"
