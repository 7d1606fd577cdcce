"""Measures against several raters (CURVAS), and faults of the published ones."""

from __future__ import annotations

import math

from napari_uncertainseg.audit.challenge.measures.measure import DEFECT_IMAGE, RATERS, Measure, pair

_DEFECT_ROWS = (
    "The code hands a volume to MONAI's DiceMetric as cases (slices) and classes (rows): the value is a mean "
    "over rows of the image, and what is predicted in rows without consensus lesion costs nothing. Without "
    "consensus lesion it is 0."
)
_DEFECT_BOX = (
    "Where a mark lies within 20 voxels of the first slice, row or column, the start of the box is negative "
    "and counts from the other end: the box is wrong or empty."
)
_DEFECT_CRPS = (
    "The integral ends at 3 deviations: it is the same for all volumes beyond, and 0 for any volume where "
    "the raters' volumes are equal."
)


def measures_against_raters() -> tuple[Measure, ...]:
    """All of them, in the order of the sheet."""
    return (*_of_consensus(), *_of_calibration())


def _of_consensus() -> tuple[Measure, ...]:
    """Masks and probabilities where the raters agree, and where they differ."""
    return (
        *pair(
            "consensus_dice",
            RATERS,
            "Consensus Dice",
            (
                "Dice with the consensus outside dissensus, of each row of the image, averaged over rows.",
                "Dice with the consensus over all voxels outside dissensus.",
            ),
            high=True,
            ideal=1,
            fault=_DEFECT_ROWS,
        ),
        Measure(
            "dissensus_dice",
            "mended",
            RATERS,
            "Dissensus Dice",
            "Mean Dice with each rater over the voxels in which the raters differ.",
            True,
            math.nan,
            "The challenge's code has none: this definition is ours. No mask can agree with all raters.",
        ),
        Measure(
            "dissensus_between",
            "mended",
            RATERS,
            "Dissensus Dice of a rater",
            "The same of each rater with each other rater: a yardstick for the one above.",
            True,
            math.nan,
            "The challenge's code has none: this definition is ours.",
        ),
        Measure(
            "confidence",
            "both",
            RATERS,
            "Confidence in consensus",
            "Half of the mean probability in the consensus lesion, half of one minus that outside all marks.",
            True,
            1,
        ),
    )


def _of_calibration() -> tuple[Measure, ...]:
    """Probabilities and volumes against all raters."""
    return (
        *pair(
            "ece_2024",
            RATERS,
            "ECE against the raters (2024)",
            (
                "Gap of the likelier label's probability and how often it is right, 50 bins, over the whole "
                "image; mean over the raters.",
                "The same within 5 mm of what a rater or the model marked.",
            ),
            high=False,
            ideal=0,
            fault=DEFECT_IMAGE,
            per_rater=True,
        ),
        *pair(
            "ece_2025",
            RATERS,
            "ECE against the raters (2025)",
            (
                "The same within the box of all marks and 20 voxels around it.",
                "The same in that box, cut at the border of the image.",
            ),
            high=False,
            ideal=0,
            fault=_DEFECT_BOX,
            per_rater=True,
        ),
        *pair(
            "crps",
            RATERS,
            "CRPS of the volume",
            (
                "Squared distance of the raters' volumes, as a normal distribution, from the predicted "
                "volume (sum of the probabilities), within 3 deviations.",
                "The same in closed form; the plain difference where the raters' volumes are equal.",
            ),
            high=False,
            ideal=0,
            fault=_DEFECT_CRPS,
            unit="ml",
        ),
        Measure(
            "soft_dice",
            "both",
            RATERS,
            "Thresholded soft Dice",
            "Mean over six thresholds of the Dice of the probability with the raters' mean, both above it.",
            True,
            1,
        ),
    )
