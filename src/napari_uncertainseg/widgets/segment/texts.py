"""Every word of the Segment dock: labels, tooltips, status lines and questions."""

from __future__ import annotations

from collections.abc import Iterable

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.progress.times import TimeLeft
from napari_uncertainseg.progress.words import format_time_left

# -- the form -------------------------------------------------------------------------------------

RESEARCH_NOTICE = (
    "<b>For research only.</b> This is not a medical device: do not use its lesions, numbers or colours"
    " for decisions about a patient."
)
NOTICE_READ = "Understood"
NOTICE_READ_TIP = "Hide this notice. It is not shown again."
NO_SCAN = "No scan yet: drop a NIfTI file or a DICOM folder into the window, or open the sample."
OPEN_SAMPLE = "Open the sample"
OPEN_SAMPLE_TIP = "Open a simulated case: a template brain with drawn lesions and three simulated raters."
MODEL = "Model"
MODEL_TIP = "The network that segments the lesions."
MODELS_BUTTON = "More"
MODELS_BUTTON_TIP = "Add a model of your own, or read about the chosen one."
ADD_FOLDER = "Add a model folder …"
ADD_ZIP = "Add a zip file of a model …"
ABOUT_MODEL = "About this model"
ADDING = "Adding '{}': its weights are checked …"
ADDED = "Added the model '{}'. It is chosen for the next run."
NOT_ADDED = "The model was not added: its check was stopped."
METHOD = "Method"
METHOD_TIP = "How the uncertainty of the model is estimated."
METHOD_MISSING = "The model '{}' cannot be used with this method: choose another model first."
MEMBERS = "Members"
MEMBERS_TIP = (
    "Number of predictions that are compared.\nMore members take longer and estimate the uncertainty better."
)
SKULL = "Skull"
SKULL_CHOICES = (
    ("automatic", "auto"),
    ("already removed", "removed"),
    ("still present", "present"),
)
"""What the user reads, and the segmenter's key for it."""
SKULL_TIP = (
    "Whether the scans still show the skull. Choose it yourself if a note after the run says that this is\n"
    "uncertain, or if the outline of the brain is wrong. Another FLAIR sets it back to automatic."
)
BRAIN_OUTLINE = "Show the outline of the brain"
BRAIN_OUTLINE_TIP = (
    "Draw the border of the brain mask: nothing outside it was segmented. A brain that was found for\n"
    "the next run is drawn instead, and the layer's name says so."
)
FIND_BRAIN = "Find the brain"
FIND_BRAIN_TIP = "Find the brain only, and show its outline. The next run uses it."
MEND_BRAIN = "Mend the outline"
MEND_BRAIN_TIP = (
    "Paint on a copy of the brain that is shown or of the brain mask that is chosen. The next run uses\n"
    "what you painted. Set 'Brain mask' back to automatic to have the brain found again."
)
GO_ON = "Use this brain and go on"
GO_ON_TIP = "Segment inside the outline that is shown, although it looks strange."
TARGET = "Target"
TARGET_TIP = "Which of the model's classes are segmented; several count as one."
BIAS_CORRECTION = "Brightness"
BIAS_CORRECTION_CHOICES = (
    ("corrected if the skull is there", "auto"),
    ("corrected", "on"),
    ("as it is", "off"),
)
"""What the user reads, and the segmenter's key for it."""
BIAS_CORRECTION_TIP = (
    "Whether the uneven brightness that coils leave is corrected first (N4; some seconds for each scan).\n"
    "Scans that still show the skull need it. Scans without it were mostly corrected before."
)
DEVICE = "Runs on"
DEVICE_TIP = "Where the network runs. The fastest available device is chosen."
DEVICE_SEARCH = "searching …"
NO_DEVICE = "none"

# -- which layer is which -------------------------------------------------------------------------

FLAIR_TIP = "The scan to segment. Results have its voxel grid."
BRAIN_MASK = "Brain mask"
BRAIN_MASK_TIP = "A label layer that marks the brain; optional. Without it the brain is found automatically."
CHOOSE_SCAN, NO_LAYER, AUTOMATIC = "choose a scan", "none", "automatic"


def scan_tip(modality: str, needed: bool) -> str:
    """About a scan beside the one that is segmented."""
    use = "the model cannot do without it" if needed else "optional"
    return f"A {modality} scan of the same visit; {use}. It is aligned to the first scan."


def no_scan_chosen(modality: str) -> str:
    """That the scan to be segmented is missing."""
    return f"Choose the layer that is the {modality}; the other fields may stay empty."


def layer_used_twice(layer: str, first: str, second: str) -> str:
    """Why one layer cannot be two modalities."""
    return f"Layer {layer!r} is both {first} and {second}; choose another."


def mismatch(modality: str, layer: str, reason: str) -> str:
    """Why a chosen scan seems not to be of the FLAIR's visit."""
    return f"{modality} '{layer}': {reason}."


def brain_found(litres: float) -> str:
    """That the outline of the brain is shown, and what happens with it."""
    return f"The outline of the brain is shown: {litres:.2f} l. The next run uses it."


BRAIN_DROPPED = as_warning(
    "A scan, the mask or the skull was changed while the brain was found: that brain is not used."
)


def strange_brain(sentence: str, *, again: bool = False) -> str:
    """That a run has stopped, since the brain looks wrong; again: with results of another run open."""
    begins = "Not segmented anew: the lesions are of the run before." if again else "Not segmented yet."
    return f"{begins} {sentence} If the brain is right, press '{GO_ON}'."


def brain_deleted(layer: str, now: str) -> str:
    """That the brain mask was deleted, and what is the brain mask now."""
    return as_warning(f"The brain mask '{layer}' was deleted. Brain mask is now: {now}.")


def mending(layer: str) -> str:
    """How an outline is mended."""
    return (
        f"Mend the brain on '{layer}': key 2 paints, key 1 erases, Ctrl+Z takes a stroke back. "
        "The next run uses it."
    )


def outline_of_another(layer: str) -> str:
    """Why an outline cannot be used for the scan that is there now."""
    return f"The outline '{layer}' was mended on another scan: choose another brain mask."


def outline_moved(layer: str) -> str:
    """Why an outline cannot be used any more."""
    return f"The outline '{layer}' was moved: it no longer lies over the FLAIR. Choose another brain mask."


def outline_empty(layer: str) -> str:
    """Why an outline without a voxel cannot be used."""
    return f"The outline '{layer}' is empty: paint the brain, or choose another brain mask."


# -- running --------------------------------------------------------------------------------------

RUN_TIP = "Find the lesions, and where the model is uncertain."
CANCEL_TIP = "Stop this run. A stopped run changes nothing."
RUN_LABELS = {"IDLE": "Run", "RUNNING": "Cancel", "CANCELLING": "Cancelling …"}
"""By the name of a job's state."""
LOADING_MODEL = "loading the model"
FINDING_LESIONS = "finding the lesions"
SHOWING = "Showing the results…"
"""From the end of a run until its last map is there."""
MAKING_SAMPLE = "making the simulated case, about 20 s the first time"
NO_MODEL = as_warning("There is no model: reinstall the package, or add one with 'uncertainseg models add'.")
MODEL_GONE = as_warning("The model '{}' is not there any more: '{}' is chosen in its place.")
FLAIR_LOST = as_warning("The FLAIR was removed or changed during the run: its results are not shown.")
NOTHING_CHANGED = "Nothing was changed."
CANCELLED = f"Cancelled. {NOTHING_CHANGED}"


def stage(name: str, left: TimeLeft | None, elapsed: float) -> str:
    """What a run is doing, and how long it takes still.

    Parameters
    ----------
    name
        Of the stage.
    left, elapsed
        Seconds; None while what is left is not known.
    """
    return f"{name} · {format_time_left(left, elapsed)}"


def last_settings(setting: str) -> str:
    """That the form is filled in as in the last run."""
    return f"Settings of your last run: {setting}."


def flair_changed(layer: str) -> str:
    """Why a run was cancelled."""
    return f"'{layer}' is no longer the FLAIR"


def cancelled_because(reason: str, after: str = NOTHING_CHANGED) -> str:
    """That a run was cancelled by something that the user did, and what has become of the case."""
    return as_warning(f"Cancelled: {reason}. {after}")


def run_summary(
    lesions: int, volume_ml: float, threshold: float, seconds: float | None, notes: Iterable[str]
) -> str:
    """What a run found, and its notes.

    Parameters
    ----------
    lesions
        Number of lesions at the threshold.
    volume_ml
        Their volume, ml.
    threshold
        Probability, 0 to 1.
    seconds
        How long the run took; None where that is not known.
    notes
        What the run says about itself, a sentence each.
    """
    line = f"{lesions} lesions, {volume_ml:.1f} ml at p ≥ {threshold:.2f}"
    line += "." if seconds is None else f", in {seconds:.0f} s."
    return "\n".join([line, *(f"• {note}" for note in notes)])


# -- questions ------------------------------------------------------------------------------------

RUN_ANYWAY = "Run anyway"
RUN_AGAIN_TITLE = "Verdicts are not exported"
RUN_AGAIN = (
    "A new run deletes the verdicts and the painting on this scan, and they have not been exported.\n\n"
    "Run anyway?"
)
RESULT_DISCARDED = as_warning(
    "The run has ended, but its result was dropped. Export your review, then run again."
)
OTHER_VISIT_TITLE = "Scans of different patients?"
OTHER_VISIT_LEAVE_OUT = "Leave them out"
SCAN_REMOVED_TITLE = "The scan was removed"
BRING_BACK, DELETE = "Bring it back", "Delete"
OTHER_FLAIR_TITLE = "Another FLAIR"
OTHER_FLAIR_DELETE = "Delete them"


MASK_GOES = "It would be lost."


def would_be_lost(case: str) -> str:
    """What closing a case would lose of its review."""
    return f"Verdicts or painting on {case} are in no session and were not exported. They would be lost."


def other_visit(reasons: Iterable[str]) -> str:
    """Whether to run with scans that seem not to be of one visit."""
    listed = "\n".join(reasons)
    return f"These scans do not all seem to be of one visit.\n\n{listed}\n\nRun with all of them anyway?"


def scan_removed(layer: str, lost: str) -> str:
    """Whether to close a case whose scan was removed, and what would be lost, in sentences."""
    return f"The scan '{layer}' was removed, and its results are removed with it. {lost}"


def closed_without_scan(layer: str, case: str, *, in_file: bool) -> str:
    """That a case was closed because its scan was removed, and how to come back, which is not cut off."""
    back = "Recent opens it" if in_file else "add it again"
    where = " Recent is in the menu of the case (upper left)." if in_file else ""
    return f"Scan removed, case closed: {back}. It was {case}, and the scan '{layer}'.{where}"


def other_flair(lost: str) -> str:
    """Whether to close a case because another FLAIR was chosen, and what would be lost, in sentences."""
    return f"You have chosen another FLAIR. {lost}"


def case_closed(case: str) -> str:
    """What to do after a case was closed for another FLAIR."""
    return f"Closed {case}, because another FLAIR was chosen. Press Run to segment the new one."


def to_be_segmented(name: str, others: Iterable[str] = ()) -> str:
    """Banner of the dock while no case is open but a FLAIR is chosen; scans of others that are shown too."""
    return "\n".join([f"To be segmented: {name}", *also_shown(others)])


def also_shown(others: Iterable[str]) -> list[str]:
    """Lines of a banner: which layers are shown that seem not to be of the case."""
    names = ", ".join(others)
    return [as_warning(f"Also shown, but not of this case: {names}")] if names else []
