"""Every word of the Calibration dock: labels, tooltips and messages."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg._base import as_warning

# -- reference and region -------------------------------------------------------------------------

REFERENCE, REGION, MASK = "Reference", "Region", "Mask"
REFERENCE_TIP = (
    "The label layer that the prediction is compared with. It must have the scan's voxel grid;\n"
    "every label above 0 counts as lesion."
)
MASK_TIP = "The label layer that limits the region: voxels with a label above 0 are used."
REGIONS = {
    "brain": (
        "whole brain",
        "All voxels of the brain. Most are far from lesions, so ECE is close to 0 here.",
    ),
    "lesions": ("around lesions", "Voxels within 5 mm of a predicted or a reference lesion."),
    "each": (
        "each lesion",
        "Whole lesions and candidates by their mean p: of lesions with mean p = 0.7, are 70 % real?",
    ),
    "mask": ("inside a mask", "Brain voxels inside a label layer, such as a structure or a part you drew."),
    "slice": ("this slice", "Brain voxels of the current slice; follows the viewer."),
}
"""Title and meaning of each kind of region."""

# -- measures -------------------------------------------------------------------------------------

METRICS = {
    "ace": (
        "ACE",
        "Average calibration error, 0 to 1: mean over bins of |mean probability - fraction that is lesion|.\n"
        "0 is best. All bins have the same weight, so the rare high probabilities count as much as the"
        " background.",
    ),
    "mce": ("MCE", "Maximum calibration error, 0 to 1: the largest difference of all bins. 0 is best."),
    "ece": (
        "ECE",
        "Expected calibration error, 0 to 1: the same differences, weighted by the number of voxels in the"
        " bin.\n0 is best. Over a whole brain it is small for any model, because background is easy.",
    ),
}
"""Title and meaning of each measure."""
COUNT_TIP = "Voxels (or lesions) in the region, and how many of them are lesion in the reference."
VOXELS, LESIONS = "voxels", "lesions"


def metric_tip(meaning: str) -> str:
    """Definition of a measure, and that a click opens all of them."""
    return f"{meaning}\nClick for all definitions and sources."


def metric(name: str, value: float | None) -> str:
    """A measure and its value, 0 to 1, as HTML; None or NaN where it cannot be computed."""
    return f"<b>{name}</b> " + ("-" if value is None or value != value else f"{value:.4f}")


def counts(total: int, reference: int, unit: str) -> str:
    """How many voxels or lesions the region has, and how many are lesion in the reference."""
    where = "in the reference" if unit == LESIONS else "lesion in the reference"
    return f"{total:,} {unit}, {reference:,} of them {where}"


# -- messages -------------------------------------------------------------------------------------

NO_PREDICTION = "No prediction yet: press Run in Segment."
CHOOSE_REFERENCE = "Choose a reference layer: an expert's mask on this scan's voxel grid."
CHOOSE_MASK = "Choose the mask's layer. Until then the whole brain is used."


def foreign_reference(name: str) -> str:
    """That the reference's file says that it is of somebody else."""
    return f"'{name}' seems to be of another patient or visit: do not compare this case with it."


# -- export ---------------------------------------------------------------------------------------

EXPORT_TITLE = "Export"
EXPORT_FIGURE = "Export figure…"
EXPORT_FIGURE_TIP = "Write the diagram as SVG, PDF or PNG."
NO_MATPLOTLIB_TIP = "Needs matplotlib, which is not installed: pip install matplotlib."
FIGURE_KINDS = "SVG (*.svg);;PDF (*.pdf);;PNG (*.png)"
EXPORT_BINS = "Export bins…"
EXPORT_BINS_TIP = (
    "Write a TSV file with one row per bin: edges, mean probability, fraction that is lesion, count,"
    " 95 % interval."
)
TABLE_KINDS = "Table (*.tsv)"


def saved(path: Path) -> str:
    """Where a file was saved."""
    return f"Saved to {path}"


def not_saved(error: Exception) -> str:
    """Why a file was not saved."""
    return as_warning(f"Not saved: {error}")


# -- recalibration --------------------------------------------------------------------------------

RECALIBRATION = "Recalibration"
RECALIBRATION_TIP = (
    "Change the probabilities so that they agree with the observed fractions.\n"
    "Verdicts, painting and threshold do not change.\n"
    "A fit on this case shows the best possible result: expect less on other cases.\n"
    "For the region 'each lesion' the fit uses the voxels of the brain."
)
KINDS = {
    "temperature": "One number: the logit is divided by it. Voxels above 0.5 stay above 0.5.",
    "platt": "Slope and shift of the logit.",
    "beta": "Two slopes and a shift.",
    "isotonic": "Step function: all voxels of a step become equal. Most flexible, overfits first.",
}
"""Meaning of each kind that can be fitted on this case."""
ORIGINAL = "original model output"
BY_HAND = "temperature, by hand"
TEMPERATURE = "Temperature"
TEMPERATURE_TIP = (
    "Temperature, 0.25 to 4: the logit is divided by it. Above 1 the probabilities move towards 0.5,\n"
    "below 1 away from it. Voxels above 0.5 stay above 0.5.\n"
    "The diagram changes at once; maps and list change when the slider stops."
)
RECALIBRATING = "Recalibrating …"
PREVIEW = "Preview in the diagram. Maps and list change when the slider stops."
NEEDS_VOXEL_REFERENCE = (
    "A temperature needs a reference and a region of voxels (not 'each lesion'): choose them first."
)
FIT_OUTDATED = "Reference or region changed: the original model output is shown again."
NO_BETTER = as_warning("not better here")


def fitted_on_cases(kind: str, cases: int) -> str:
    """A recalibration that was fitted on calibration cases."""
    return f"{kind}, from {cases} calibration cases"


def fitted_here(kind: str) -> str:
    """A recalibration that is fitted on this case."""
    return f"{kind}, fitted on this case"


def before_and_after(name: str, before: float, after: float) -> str:
    """A measure before and after a recalibration, as HTML that is not broken over two lines."""
    return f"{name} {before:.3f} → ".replace(" ", "&nbsp;") + f"<b>{after:.3f}</b>"


def dice_at(threshold: float) -> str:
    """Name of the Dice coefficient at a threshold."""
    return f"Dice at {threshold:.2f}"


# -- names of what has no word beside it, for programs that read the screen aloud --------------

TEMPERATURE_NAME = "Temperature"
