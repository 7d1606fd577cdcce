"""Words that all tabs with an audit share; each audit's own stand in its description in `audits/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_uncertainseg._base import as_warning, pluralised
from napari_uncertainseg.audit.table_glance import TableGlance
from napari_uncertainseg.progress.times import TimeLeft
from napari_uncertainseg.progress.words import format_time_left
from napari_uncertainseg.widgets.cohort.audits.description import ACQUISITIONS, COHORT, SCORES
from napari_uncertainseg.widgets.shared.session_file import shortened

CASES = "Cases"
CASES_TIP = "List the cases of a cohort, open them one after the other, and run the model over all of them."

# -- the table ----------------------------------------------------------------------------------

CHOOSE, TABLE, FOLDER, RUN_IN_CASES = "Choose…", "Table (TSV)…", "Folder of a run…", "The run shown in Cases"
TABLE_LABELS = {COHORT: "Cohort", SCORES: "Scores", ACQUISITIONS: "Acquisitions"}
TABLE_TIPS = {
    COHORT: "A tab-separated table with the column folder (results that Segment or Run all… wrote) and "
    "perhaps patient, reference, and what is known of each case, such as sex, age or scanner; or the folder "
    "of a run. All tabs but Ranking and Stability read the same one.",
    SCORES: "A tab-separated table with a row for each case and model: the columns case, model and the "
    "metrics, perhaps patient and task.",
    ACQUISITIONS: "A tab-separated table with the columns folder (results), patient and acquisition, perhaps "
    "reference. The first row of a person is what the others are compared with.",
}
TABLE_DIALOGS = {
    COHORT: "Table of a cohort",
    SCORES: "Table of scores",
    ACQUISITIONS: "Table of acquisitions",
}
FOLDER_DIALOG = "Folder of a run"
NO_TABLE = {
    COHORT: f"No cohort yet: press {CHOOSE} and take a table of results, or the folder of a run.",
    SCORES: f"No scores yet: press {CHOOSE} and take a table with the columns case, model and metrics.",
    ACQUISITIONS: f"No acquisitions yet: press {CHOOSE} and take a table with the columns folder (results), "
    "patient and acquisition.",
}
READING = "Reading the table …"


def table_name(path: Path) -> str:
    """A table by name: its folder stands before it, as many tables have the same name."""
    return f"{path.parent.name}/{path.name}" if path.parent.name else str(path)


def describe_table(glance: TableGlance) -> str:
    """Its name and how many rows it has."""
    return f"{table_name(glance.path)}, {pluralised(glance.rows, 'row')}"


# -- running ------------------------------------------------------------------------------------

RUN_LABELS = {"IDLE": "Run", "RUNNING": "Cancel", "CANCELLING": "Cancelling …"}
RUN_TIP, CANCEL_TIP = "Compute this in the background.", "Stop. What was found before stays."
CANCELLED = "Cancelled. Nothing was changed."
BROWSE, CLEAR = "Choose…", "Clear"
_COLUMNS = 6
"""Columns that are named in one line."""
CLEAR_TIP = "Take back what was chosen."


def stage(said: str, left: TimeLeft | None, spent: float) -> str:
    """What is being done, and the time left, or so far."""
    return f"{said} · {format_time_left(left, spent)}"


def option_values(values: dict[str, int], different: int, missing: int) -> str:
    """What stands in a column, for a tooltip."""
    shown = ", ".join(
        f"{shortened(value, 40, ends=True)} ({count})" for value, count in list(values.items())[:8]
    )
    more = f", and {different - 8} more" if different > 8 else ""
    lacking = f"; {pluralised(missing, 'row')} without" if missing else ""
    return f"{shown or 'nothing'}{more}{lacking}"


def not_offered(reasons: Mapping[str, str]) -> str:
    """Which columns cannot be chosen, by name, and why; empty where there are none."""
    shown = [f"{shortened(name, 40, ends=True)} ({why})" for name, why in list(reasons.items())[:_COLUMNS]]
    more = f", and {len(reasons) - _COLUMNS} more" if len(reasons) > _COLUMNS else ""
    return f"Not offered: {', '.join(shown)}{more}." if shown else ""


# -- what was found -----------------------------------------------------------------------------

SHOWN_TABLE, OPEN_CASE = "Table", "Open case"
OPEN_CASE_TIP = "Open the results of the case in the selected row. A double click on the row does the same."
OPEN_PAGE, SAVE = "Open page", "Save to folder…"
OPEN_PAGE_TIP = "Show the whole page, with all charts and tables, in the browser."
SAVE_TIP = "Keep the page, the tables (TSV) and all numbers (JSON) in a new folder."
SAVE_DIALOG = "New folder for what was found: type its name"
NO_CHART = "This chart cannot be shown here: press Open page."
OTHER_CHOICES = "These were found with other choices: press Run to use those above."
CHANGED = "The table was changed after this was found: press Run to find it anew."


def of_another(path: Path) -> str:
    """What is shown is of another table than is chosen."""
    return f"These were found in {table_name(path)}: press Run for the table chosen above."


def cut_table(rows: int, shown: int) -> str:
    """Not all rows are shown."""
    return f"The first {shown} of {rows} rows; Save to folder… writes all."


def saved(folder: Path) -> str:
    """After saving."""
    return f"Saved in {folder}."


def not_saved(why: str) -> str:
    """It could not be saved."""
    return as_warning(f"It was not saved: {why}")


def opening(case: str) -> str:
    """While a case is opened."""
    return f"Opening {case} …"


def unknown_case(case: str) -> str:
    """Where a row's case cannot be opened."""
    return as_warning(
        f"Where the results of {case} lie is not known: list the cases in the tab Cases, or choose a table "
        "with the column folder."
    )


# -- names of what has no word beside it, for programs that read the screen aloud --------------

TABLES_NAME, TABLE_NAME = "Which table is shown", "Table of the audit"
