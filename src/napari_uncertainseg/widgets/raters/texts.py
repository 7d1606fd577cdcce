"""Every word of the Raters dock: labels, tooltips, table rows and messages."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.raters.consensus import UncertaintySource
from napari_uncertainseg.uncertainty.against_raters import DISTANCE, UNSURE_ENTROPY, UNSURE_LSU

_NEAR = f"within {DISTANCE:g} mm of any rater's mark"

# -- choices --------------------------------------------------------------------------------------

RATERS, CONSENSUS = "Raters", "Consensus"
RATERS_TIP = "Label layers, one per rater. Tick two or more; every label above 0 counts as lesion."
CONSENSUS_KINDS = {
    "majority": ("Majority", "Voxels that more than half of the raters marked."),
    "staple": (
        "STAPLE",
        "Raters who agree better with the others have more weight (Warfield et al. 2004).\n"
        "Estimated in the box around all marks, with 5 mm on each side.",
    ),
}
"""Title and meaning of each kind of consensus."""
CONSENSUS_LAYER_TIP = "Outline of the consensus."
DISAGREEMENT_LAYER_TIP = "Population variance of the raters' marks: 0 where all agree, at most 0.25."
COMPARE = "Compare"
COMPARE_TIP = "Compare the ticked raters with each other, and with the prediction if there is one."
CANCEL_TIP = "Stop this comparison. A stopped comparison changes nothing."
RUN_LABELS = {"IDLE": COMPARE, "RUNNING": "Cancel", "CANCELLING": "Cancelling …"}
"""By the name of a job's state."""

# -- messages -------------------------------------------------------------------------------------

NO_LABELS = "No label layer yet: open or draw one per rater, all with the same voxel grid."
TICK_TWO = "Tick two label layers or more, one per rater."
CANCELLED = "Cancelled. Nothing was changed."
LAYERS_REMOVED = as_warning("The raters' layers were removed; choose others.")
DURING_EXERCISE = "An exercise was running when the comparison ended: press Compare again."
OUTDATED = as_warning("Prediction, threshold or painting changed: press Compare again.")
NO_PREDICTION = "No prediction of this scan yet: press Run in Segment, then Compare again."
MODEL_STAGE = "uncertainty of the model"


def note(sentence: str) -> str:
    """Something that the user should know; empty without one."""
    return f"• {sentence}" if sentence else ""


def not_compared(reason: InputError) -> str:
    """Why the raters are not compared with the prediction."""
    return f"Not compared with the prediction: {reason}"


def compared_at(threshold: float) -> str:
    """Which lesions and voxels are compared."""
    return f"Lesions at the threshold {threshold:.2f}; voxels {_NEAR}."


# -- tabs -----------------------------------------------------------------------------------------

AGREEMENT, EACH_RATER, MODEL = "Agreement", "Each rater", "Model"
DEFINITIONS = "definitions"
RATER_COLUMNS = {
    "volume": "Volume of the rater's marks, mm³ (mm² for a 2-D image).",
    "bias": "Volume above that of the consensus, in per cent of it. Above 0 the rater over-segments.",
    "distance": "Mean distance of the rater's boundary from the consensus boundary, mm.",
    "sens.": "Sensitivity: share of the true lesion voxels that the rater marked, 0 to 1, by STAPLE.",
    "spec.": (
        "Specificity: share of the other voxels in the box of all marks that the rater did not mark,\n"
        "0 to 1, by STAPLE."
    ),
}
"""Title and meaning of each column about single raters."""
SOURCES = {
    UncertaintySource.BOTH: "raters differ, model uncertain",
    UncertaintySource.RATERS: "raters differ, model certain",
    UncertaintySource.MODEL: "raters agree, model uncertain",
    UncertaintySource.NEITHER: "raters agree, model certain",
}
_SOURCE_TIP = (
    f"Volume in ml of voxels {_NEAR}; uncertain: entropy above {UNSURE_ENTROPY:g} nats.\n"
    f"Number of the model's lesions; uncertain: LSU above {UNSURE_LSU:g};\n"
    "raters differ: some of them marked it, others did not."
)
MODEL_ROWS = {
    "rank correlation, voxels": (
        "Spearman's rank correlation, -1 to 1, of entropy and rater variance over voxels\n"
        f"{_NEAR}. 1: the model is most uncertain where the raters differ most."
    ),
    "rank correlation, lesions": (
        "Spearman's rank correlation, -1 to 1, of structural uncertainty (LSU)\n"
        "and mean rater variance over the model's lesions."
    ),
    **dict.fromkeys(SOURCES.values(), _SOURCE_TIP),
    "Dice with the consensus": "Where all raters agree; other voxels are left out (CURVAS). 1 is best.",
    "thresholded soft Dice": (
        "Dice of the probability and the raters' mean, averaged over six thresholds (CURVAS). 1 is best."
    ),
    "ECE, mean over raters": f"Top-label calibration error against each rater, voxels {_NEAR}. 0 is best.",
    "CRPS of the volume": (
        "Distance of the predicted volume from the distribution of the raters' volumes, ml. 0 is best."
    ),
}
"""Title and meaning of each row about the model."""


def pair_mean(mean: str, unit: str, fleiss: str) -> str:
    """Mean of a measure over all pairs, and Fleiss' kappa, as HTML."""
    value = f"{mean} {unit}" if unit else mean
    return f"<b>mean of all pairs</b> {value} &nbsp; <b>Fleiss' kappa</b> {fleiss}"


def pair_mean_tip(definition: str) -> str:
    """What the two numbers are."""
    return f"{definition}\nFleiss' kappa: agreement of all raters beyond chance. 1 is best."


def volume_and_lesions(volume_mm3: float, lesions: int) -> str:
    """Volume (given in mm3, shown in ml) and number of lesions of one kind."""
    return f"{volume_mm3 / 1000:.2f} ml, {lesions} lesions"


# -- scatter --------------------------------------------------------------------------------------

SCATTER_TIP = (
    "Each point is a lesion of the model. Further right: the model is more uncertain. Higher: the raters\n"
    "differ more. Top left is the blind spot: the raters differ, but the model is certain."
)
SCATTER_ACROSS = "model uncertainty (LSU)"
SCATTER_UP = "rater variance"

# -- export ---------------------------------------------------------------------------------------

EXPORT_TITLE = "Export"
EXPORT_TABLE = "Export table…"
EXPORT_TABLE_TIP = "Write a TSV file with one row per pair of raters and all measures."
TABLE_KINDS = "Table (*.tsv)"


def saved(path: Path) -> str:
    """Where the table was saved."""
    return f"Saved to {path}"


def not_saved(reason: Exception) -> str:
    """Why the table was not saved."""
    return as_warning(f"Not saved: {reason}")


# -- names of what has no word beside it, for programs that read the screen aloud --------------

MEASURE_NAME, PAIRS_NAME = "Measure of agreement", "Agreement of each pair"
EACH_NAME, MODEL_NAME = "Each rater", "Raters and the model"
