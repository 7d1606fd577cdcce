"""Every word of the Lesions dock: labels, tooltips, messages and questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from napari_uncertainseg._base import InputError, as_warning

# -- the list -------------------------------------------------------------------------------------

TITLE_EMPTY = "<b>Lesions</b>"
HEADER_TIP = (
    "Lesions at the current threshold and their total volume in ml;\n"
    "candidates are regions below the threshold that may be missed lesions."
)
BY_P_REAL = "Order: lesions that are least probably real first, candidates that are most probably real first."
BY_PROBABILITY = (
    "Order: lesions with the lowest largest probability first, candidates with the highest first."
)
LESIONS, CANDIDATES = "Lesions", "Candidates"
LESIONS_TIP = "Regions at or above the threshold."
CANDIDATES_TIP = "Regions below the threshold that may be missed lesions. Accept the true ones."
VERDICT_FILTER_TIP = "List all lesions, or only those with one verdict."
UNCERTAINTY_FILTER_TIP = "List only lesions with at least this doubt (0 to 1)."
PROGRESS_TIP = "Lesions of this list that have a verdict."
READER_TIP = (
    "The first verdict or brush stroke begins a session under this name.\n"
    "It is one name for this window: type it in Session or in Exercises."
)
RECORDED_TIP = (
    "Verdicts and painting are saved at once in a session.\nPress Leave in the Session dock to stop this."
)
KEYS_TIP = (
    "The keys work in the whole window, except while you type in a text field.\n"
    "Change them in napari's Preferences > Shortcuts."
)

NO_PREDICTION = "No prediction yet: press Run in Segment."
FILTER_HIDES_ALL = "The filters hide all lesions: set each of them to 'all' or 'any'."
NO_CANDIDATE = "No candidates: nothing lies between the candidates' threshold and yours."
NO_LESION = "No lesions at this threshold: lower the threshold or the minimum volume."

CHOOSE_LESION = "Choose a lesion in the list first."
TAKE_BACK = "Take the verdict back"
TAKE_BACK_TIP = "The lesion is to do again. Undo (Q) brings the verdict back."
NOTHING_TO_TAKE_BACK = "This lesion has no verdict to take back."
NOTHING_TO_UNDO = "There is nothing to undo."
NOTHING_TO_REDO = "There is nothing to redo."
FIRST_OF_LIST = "No lesion comes before this one in the list."
NO_VERDICT_YET = "Give a lesion a verdict first: these keys say what made it hard, and how sure you are."
ONLY_SELECTED_LEFT = "Only the selected location is left."
REST_HIDDEN = "All lesions listed here are reviewed; the filter hides the rest."
CANDIDATES_LEFT = "All lesions reviewed. You can review the candidates, or export the results."
ALL_REVIEWED = "All lesions reviewed. You can export the results."


def header_tip(*, by_p_real: bool, known_between: tuple[float, float] | None = None) -> str:
    """What the header counts, by what the lists are ordered, and at which thresholds by another."""
    lines = [HEADER_TIP, BY_P_REAL if by_p_real else BY_PROBABILITY]
    if known_between is not None:
        low, high = known_between
        lines.append(
            f"How probably they are real, the model knows at thresholds from {low:.2f} to {high:.2f}."
        )
    return "\n".join(lines)


def header(lesions: int, candidates: int, volume_ml: float) -> str:
    """Counts and volume (ml), as HTML."""
    return f"<b>Lesions {lesions}</b> · candidates&nbsp;{candidates} · {volume_ml:.1f}&nbsp;ml"


def uncertainty_filter(least: float) -> str:
    """A choice of the smallest doubt (0 to 1) that is listed, under the title of its column."""
    return f"Doubt ≥ {least}" if least else "Doubt: any"


def progress(reviewed: int, total: int) -> str:
    """How many lesions of the list have a verdict."""
    return f"{reviewed} of {total} reviewed"


def session_done(tasks: int) -> str:
    """What to do when a session has no task left."""
    return f"All {tasks} lesions of this session are reviewed: close it in Session."


def recorded(annotator: str, *, by_default: bool) -> str:
    """For whom a session is recorded."""
    return f"● {'saved automatically for' if by_default else 'recorded for'} {annotator}"


OUTLINED_AGAIN = "No verdict yet: the outline of this lesion was hidden. It is shown now; press again."


def will_be_recorded(reader: str) -> str:
    """For whom the next verdict will be saved."""
    return f"○ next verdict: saved automatically for {reader}"


def not_in_session(reason: str) -> str:
    """Why no session records the review, and how it can be saved."""
    return as_warning(
        f"In no session: {reason} The next verdict or brush stroke tries again. "
        "Export all saves your work as well."
    )


LEFT = as_warning(
    "In no session: you left or closed it, and what you do now is not saved. "
    "To save it, press Start session or Resume in Session, or Export all."
)


def not_recorded(error: InputError) -> str:
    """Why a verdict was not stored."""
    return as_warning(f"Not recorded: {error}")


# -- columns --------------------------------------------------------------------------------------

COLUMN_TITLES = {
    "label": "#",
    "doubt": "Doubt",
    "lsu": "Differ",
    "mean_probability": "p",
    "p_real": "Real",
    "p_true": "Real (yours)",
    "volume_mm3": "mm³",
    "mean_entropy": "Entropy",
    "place": "Place",
    "attention": "Attention",
    "reference": "Reference",
    "verdict": "Verdict",
}
PLAIN_WORDS = {
    "lsu": "How much the outlines that the model draws of this lesion differ: 0 not at all, 1 in all.",
}
"""Before the technical definition of a column."""
VERDICT_TIP = (
    "Your decision: accepted, rejected or unsure.\n"
    "When lesions with different verdicts merge into one, that one is unsure."
)
UNCERTAINTY_BAR_TIP = (
    " A full bar is the largest value of this list. Lesions that a human drew are marked 'drawn': "
    "the model has no uncertainty for them."
)
SORT_TIP = "Click to sort."
DRAWN = "- drawn"

# -- actions --------------------------------------------------------------------------------------

ACTION_LABELS: Mapping[str, tuple[str, str, str]] = {
    "previous_lesion": ("◀ Previous", "previous", "Go to the lesion above in the list."),
    "next_lesion": ("Next ▶", "next", "Go to the next lesion without a verdict, in the order of the list."),
    "undo": ("↶ Undo", "undo", "Undo the last verdict or brush stroke."),
    "redo": ("↷ Redo", "redo", "Redo what was undone."),
    "accept": ("✓ Accept", "accept", "Good: this is a lesion. Then goes to the next one."),
    "reject": ("✗ Reject", "reject", "Wrong: this is not a lesion. Then goes to the next one."),
    "unsure": ("? Unsure", "unsure", "You cannot decide on these scans. Then goes to the next one."),
    "alone": (
        "Hide others",
        "hide others",
        "Show only the outline of the selected lesion; press again to show all.",
    ),
    "in_3d": (
        "3-D",
        "3-D",
        "Show the lesions as surfaces; a click chooses one. Press again for the slices.",
    ),
}
"""By the method of the dock: what the button says, the word beside its key, and what happens."""


def action_tip(meaning: str, key: str) -> str:
    """What a button does, and its key, if it has one."""
    return f"{meaning}\nKey: {key}" if key else meaning


def key_hints(hints: Sequence[tuple[str, str]]) -> str:
    """Keys, each with the word beside it, as HTML; an action without a key is left out."""
    whole = [(escape(key), word.replace("-", "\N{NON-BREAKING HYPHEN}")) for key, word in hints if key]
    return " · ".join(f"<b>{key}</b>&nbsp;{word}" for key, word in whole)


# -- why it was hard --


def what_made_it_hard(number: int, decision: str) -> str:
    """The question about a verdict: numbers of candidates are below 0, and 0 is none at this threshold."""
    name = f"Lesion {number}" if number > 0 else f"Candidate {-number}" if number else "Not shown now"
    return f"{name}, {decision}: what made it hard, if it was?"


# -- all measures ---------------------------------------------------------------------------------

ALL_MEASURES = "All measures"
ALL_MEASURES_TIP = "Show everything that is measured in the selected lesion or candidate."
DEFINITIONS = "definitions"
DEFINITIONS_TIP = "Open the definition and the source of every number."
SELECT_LESION = "Choose a lesion in the list."
DRAWN_LESION = "A human drew this lesion: the model has no measures for it."
MEASURING = "Measuring …"
SUMMARY_TITLES = {"mean": "mean", "sum": "sum", "logsum": "log-sum", "max": "max"}

# -- threshold ------------------------------------------------------------------------------------

THRESHOLD = "Threshold"
THRESHOLD_TIP = (
    "Threshold on the probability, 0.01 to 0.99: voxels with at least this probability are lesion.\n"
    "A lower threshold finds more and larger lesions, a higher one fewer and smaller lesions."
)
MIN_VOLUME = "Min. volume"
MIN_VOLUME_TIP = "Smallest lesion volume in mm³: smaller regions are left out."
BEST_DICE = "Best Dice"
NO_REFERENCE_TIP = "Choose a reference first, above the list or in Calibration."
CALIBRATION_ERRORS_TIP = (
    "Average (ACE) and maximum (MCE) calibration error against the reference, 0 to 1; 0 is best.\n"
    "Choose the reference and the region in Calibration."
)
CHOOSE_REFERENCE = "Choose a reference in Calibration to check the probabilities."


def reset_tip(threshold: float) -> str:
    """What the reset button does."""
    return f"Reset to the model's own threshold, {threshold:.2f}."


def best_dice(threshold: float, dice: float) -> str:
    """The button that applies the threshold with the best Dice."""
    return f"{BEST_DICE} {dice:.3f} at {threshold:.2f}"


def best_dice_tip(threshold: float, dice: float) -> str:
    """What the best Dice means, and what it does not."""
    return (
        f"Use the threshold {threshold:.3f}: its Dice against the reference, {dice:.3f}, is the highest of"
        " all thresholds.\nIt compares voxels without painting and includes small lesions.\n"
        "It was chosen on this case: expect a lower Dice on other cases."
    )


def calibration_errors(ace: float, mce: float) -> str:
    """Average and maximum calibration error, as HTML."""
    return f"<b>ACE</b> {ace:.3f}<br><b>MCE</b> {mce:.3f}"


# -- guarantees -----------------------------------------------------------------------------------

AT_MOST = "At most"
LIMIT_TIP = "Largest share that may be missed or false, 1 to 99 %."
USE, NO_THRESHOLD = "Use", "None"
ON_AVERAGE = "on average"
CONTOURS = "core, envelope"
CONTOURS_TIP = (
    "Show two outlines that keep this limit over cases like the calibration cases,\n"
    "not for each single case:\n"
    "in the core (white) at most this share of the volume is false;\n"
    "outside the envelope (yellow) at most this share of the lesion volume is missed.\n"
    "Contours that cannot be guaranteed with this few cases are hidden."
)
NEEDS_CASES = (
    "Needs cases with a reference, segmented with this model and method:\nuncertainseg calibrate cases.tsv"
)
NOT_RECALIBRATED = "Guarantees hold for the original model output only: see Recalibration in Calibration."
IS_CALIBRATION_CASE = "This is one of the calibration cases: the guarantee holds for further cases only."
OUT_OF_RANGE = "This case differs from the calibration cases: no guarantee is valid."


def confident(confidence: float) -> str:
    """A guarantee with a confidence, 0 to 1."""
    return f"{100 * confidence:.0f} % confident"


def guarantee_kind_tip(confidence: float) -> str:
    """The two kinds of guarantee."""
    return (
        "On average: the expected loss of a further case is at most the limit (conformal risk control).\n"
        f"{confident(confidence)}: with this confidence, the mean loss over such cases is at most the limit "
        "(learn then test).\nBoth hold only for cases like the calibration cases."
    )


def use_threshold(threshold: float | None) -> str:
    """The button that applies a guaranteed threshold; None where there is none."""
    return NO_THRESHOLD if threshold is None else f"{USE} {threshold:.2f}"


def guarantee_tip(threshold: float, cases: int, loss: float) -> str:
    """What the calibration cases lost (0 to 1) at a threshold."""
    return f"Use the threshold {threshold:.2f}: the {cases} calibration cases lost {loss:.1%} on average."


def other_min_volume(volume_mm3: float) -> str:
    """Why a guarantee does not hold at another minimum volume (mm3)."""
    return f"The guarantee is for lesions of at least {volume_mm3:g} mm³: set this minimum volume first."


# -- export ---------------------------------------------------------------------------------------

EXPORT_TABLE = "Export table…"
EXPORT_TABLE_TIP = "Write the list shown, with all columns and verdicts, as a TSV file."
EXPORT_ALL = "Export all…"
EXPORT_ALL_TIP = "Write probability, uncertainty maps, lesions, table and verdicts into a folder."
EXPORT_ALL_TITLE = "Export all results into a folder"
EXPORT_SEG = "DICOM SEG…"
EXPORT_SEG_TIP = "Write the reviewed lesions as one DICOM SEG object that refers to the FLAIR's DICOM series."
EXPORT_SEG_TITLE = "Export the lesions as DICOM SEG"
WRITING = "writing"
TABLE_KINDS, SEG_KINDS = "Table (*.tsv)", "DICOM SEG (*.dcm)"


def export_table_title(name: str) -> str:
    """Title of the file dialog."""
    return f"Export the table of {name}"


def seg_unavailable_tip(error: InputError) -> str:
    """Why no DICOM SEG can be written, as HTML."""
    return f"<p>{EXPORT_SEG_TIP}</p><p>Not available: {escape(str(error))}</p>"


def seg_source_tip(series: Path) -> str:
    """The DICOM series that a SEG would refer to, as HTML."""
    return f"<p>{EXPORT_SEG_TIP}</p><p>Series: {escape(str(series))}</p>"


def writing_folder(folder: Path) -> str:
    """That an export is running."""
    return f"Writing into {folder} …"


def writing_file(path: Path) -> str:
    """That an export is running."""
    return f"Writing {path} …"


def saved_table(rows: int, name: str, path: Path) -> str:
    """Where a table was saved."""
    return f"Saved {rows} {name} to {path}"


def saved_seg(path: Path) -> str:
    """Where a DICOM SEG was saved."""
    return f"Saved the reviewed lesions to {path}"


def saved_results(folder: Path) -> str:
    """Where all results were saved."""
    return f"Saved all results into {folder}"


def not_saved(sentence: str) -> str:
    """Why nothing was saved."""
    return as_warning(f"Not saved: {sentence}")


# -- an earlier review ----------------------------------------------------------------------------

RESUME = "Resume"
NOT_NOW = "Not now"
COPY_VERDICTS = "Copy its verdicts"
DO_NOT_COPY = "Do not copy"
CONTINUE = "Continue"
RESUME_LOSES_WORK = "Verdicts or painting on screen are not saved anywhere and will be lost. Continue anyway?"
RESUME_TIP = "Continue this review with its verdicts, painting, threshold and lesion numbers."
COPY_VERDICTS_TIP = "Give each verdict to the lesion that is now at its location, in a new review."
LEAVE_TIP = "The earlier review is kept. You find it in the list of Session."


def earlier_review(description: str) -> str:
    """The review that is offered."""
    return f"● {description}"


# -- names of what has no word beside it, for programs that read the screen aloud --------------

RESET, RESET_THRESHOLD = "Reset", "Reset the threshold"
LIMIT_NAME, LOSS_NAME, KIND_NAME = "Largest share", "What is limited", "How sure the limit is"
VERDICT_FILTER_NAME, DOUBT_FILTER_NAME = "Verdicts that are listed", "Least doubt that is listed"
MAPS_NAME = "Maps within the selected lesion"
