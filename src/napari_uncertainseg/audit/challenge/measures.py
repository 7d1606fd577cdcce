"""The measures of the sheet: what each is, which way is good, and what is wrong with the published one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from napari_uncertainseg.audit.challenge.retained import POOR_PUBLISHED

Version = Literal["reference", "mended", "both"]
"""As the authors' code computes it; with its faults mended; no fault is known, so both are the same."""

RATERS = "Against several raters (CURVAS)"
BENCHMARK = "Detection and calibration (cortical-lesion benchmark)"
RETENTION = "Does doubt find errors? (retention and d-AUC)"
FAMILIES = (RATERS, BENCHMARK, RETENTION)


@dataclass(frozen=True)
class Measure:
    """A measure.

    Attributes
    ----------
    name
        Short; with the version it is unique.
    version
        See `Version`.
    family
        One of `FAMILIES`.
    title
        For people.
    definition
        A sentence.
    high
        Whether high values are good.
    ideal
        The best value that there is; NaN where it hangs on the cases.
    fault
        What is wrong with the published one (``reference``), or was mended; empty where nothing is known.
    unit
        Empty for a plain number.
    of_cohort
        Whether it is of all cases together, and no mean over cases.
    per_rater
        Whether each rater has an own value beside the mean over the raters.
    """

    name: str
    version: Version
    family: str
    title: str
    definition: str
    high: bool
    ideal: float
    fault: str = ""
    unit: str = ""
    of_cohort: bool = False
    per_rater: bool = False

    @property
    def key(self) -> str:
        """Name and version, as columns of tables have it."""
        return f"{self.name}_{self.version}"


_DEFECT_ROWS = (
    "The code hands a volume to MONAI's DiceMetric as cases (slices) and classes (rows): the value is a mean "
    "over rows of the image, and what is predicted in rows without consensus lesion costs nothing. Without "
    "consensus lesion it is 0."
)
_DEFECT_IMAGE = "Plain background, of which there is as much as the image is large, drives it towards 0."
_DEFECT_BOX = (
    "Where a mark lies within 20 voxels of the first slice, row or column, the start of the box is negative "
    "and counts from the other end: the box is wrong or empty."
)
_DEFECT_CRPS = (
    "The integral ends at 3 deviations: it is the same for all volumes beyond, and 0 for any volume where "
    "the raters' volumes are equal."
)
_DEFECT_RECALL = (
    "Recall sets predicted true lesions against missed reference lesions: a lesion in three pieces counts "
    "three times, an under-segmented one not at all, and 0 / 0 is 1."
)
_DEFECT_EMPTY = "0 / 0 is 1: with nothing predicted and nothing there, the case counts as perfect."
_DEFECT_ORDER = "What is equally doubtful comes in its order in memory."
_DEFECT_POOR = (
    f"{_DEFECT_ORDER} With Dice below {POOR_PUBLISHED:.2f} for poor, nearly all lesion segmentations are "
    "poor; where all are, it is 0 (best) whatever the doubt. That threshold could not be verified in code."
)


def _pair(
    name: str,
    family: str,
    title: str,
    definitions: tuple[str, str],
    *,
    high: bool,
    ideal: float,
    fault: str,
    unit: str = "",
    of_cohort: bool = False,
    per_rater: bool = False,
) -> tuple[Measure, Measure]:
    """A measure as published and mended, with a definition of each."""
    about = (high, ideal, fault, unit, of_cohort, per_rater)
    published, mended = definitions
    return (
        Measure(name, "reference", family, title, published, *about),
        Measure(name, "mended", family, title, mended, *about),
    )


def _of_consensus() -> tuple[Measure, ...]:
    """Masks and probabilities where the raters agree, and where they differ."""
    return (
        *_pair(
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
        *_pair(
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
            fault=_DEFECT_IMAGE,
            per_rater=True,
        ),
        *_pair(
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
        *_pair(
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


def _of_benchmark() -> tuple[Measure, ...]:
    return (
        *_pair(
            "f1",
            BENCHMARK,
            "Lesion F1",
            (
                "2 TPL / (2 TPL + FPL + USL + FNL), lesions with an adjusted IoU of at least 0.25.",
                "Harmonic mean of the mended precision and recall.",
            ),
            high=True,
            ideal=1,
            fault=f"{_DEFECT_RECALL} {_DEFECT_EMPTY}",
        ),
        *_pair(
            "precision",
            BENCHMARK,
            "Lesion precision",
            (
                "TPL / (TPL + FPL + USL); where nothing is predicted 1 if nothing is missed, else 0.",
                "TPL / (TPL + FPL + USL); not defined where nothing is predicted.",
            ),
            high=True,
            ideal=1,
            fault="Precision of no prediction is set to 1 or 0.",
        ),
        *_pair(
            "recall",
            BENCHMARK,
            "Lesion recall",
            (
                "TPL / (TPL + FNL).",
                "Share of the reference lesions that a true predicted lesion touches.",
            ),
            high=True,
            ideal=1,
            fault=_DEFECT_RECALL,
        ),
        *(
            one
            for name, title, said in (
                ("ece", "ECE", "Gaps of 30 bins of the probability of lesion, weighted by voxels"),
                ("mce", "MCE", "Largest gap of 30 bins"),
                ("ce", "CE", "Mean gap of 30 bins, each alike (elsewhere called ACE)"),
                ("brier", "Brier score", "Mean squared difference of probability and reference"),
            )
            for one in _pair(
                name,
                BENCHMARK,
                title,
                (f"{said}, over the whole image.", f"{said}, over the brain."),
                high=False,
                ideal=0,
                fault=_DEFECT_IMAGE
                if name in ("ece", "brier")
                else "Voxels outside the brain, where nothing can be found, count in the lowest bins.",
            )
        ),
    )


_ORDERS = ("equals in their order in memory", "equals as a random order on average")


def _of_curves_in_cases() -> tuple[Measure, ...]:
    """Curves over the voxels and lesions of each case."""
    kept = "the most doubtful voxels (entropy) of the brain are replaced by the reference"
    curves = (
        ("ndsc_aac", "nDSC retention", f"Area above the curve of nDSC (lesion share 0.001) as {kept}"),
        ("dsc_aac", "Dice retention", f"Area above the curve of Dice as {kept}"),
        (
            "lppv_aac",
            "Lesion retention",
            "Area above the curve of the share of true lesions (IoU at least 0.25) as the false ones that "
            "differ most between members (LSU) are taken away",
        ),
    )
    return (
        *(
            one
            for name, title, said in curves
            for one in _pair(
                name,
                RETENTION,
                title,
                (f"{said}; {_ORDERS[0]}.", f"{said}; {_ORDERS[1]}."),
                high=False,
                ideal=math.nan,
                fault=_DEFECT_ORDER,
            )
        ),
        Measure(
            "lesion_f1_aac",
            "mended",
            RETENTION,
            "Lesion F1 retention",
            "Area above the curve of F1 over lesions as the false ones with the highest LSU are taken away; "
            "missed lesions stay missed.",
            False,
            math.nan,
            "No public code was found to compare with: this definition is ours.",
        ),
        *(
            Measure(
                name,
                "mended",
                RETENTION,
                title,
                f"Area under the share of {said}, less that of the ideal order.",
                False,
                0,
                "The papers have d-AUC over cases: this use is ours.",
            )
            for name, title, said in (
                (
                    "d_auc_voxels",
                    "d-AUC of voxels",
                    "wrong voxels that is left as the brain's voxels with the highest entropy are discarded",
                ),
                (
                    "d_auc_lesions",
                    "d-AUC of lesions",
                    "false lesions that is left as the lesions with the highest LSU are discarded",
                ),
            )
        ),
    )


def _of_curves_over_cases(poor: float) -> tuple[Measure, ...]:
    """Curves over the cases by the doubt of each."""
    return (
        *(
            one
            for doubt, words in (("psu", "PSU"), ("entropy", "mean entropy of the brain"))
            for one in (
                *_pair(
                    f"r_auc_{doubt}",
                    RETENTION,
                    f"R-AUC of cases by {words}",
                    tuple(  # type: ignore[arg-type]
                        "Area under the curve of the mean Dice as the cases with the highest "
                        f"{words} are segmented perfectly; {order}."
                        for order in _ORDERS
                    ),
                    high=True,
                    ideal=math.nan,
                    fault=_DEFECT_ORDER,
                    of_cohort=True,
                ),
                *_pair(
                    f"d_auc_{doubt}",
                    RETENTION,
                    f"d-AUC of cases by {words}",
                    (
                        f"Area under the share of poor cases (Dice below {POOR_PUBLISHED:.2f}) that is left "
                        f"as the cases with the highest {words} are discarded, less that of the ideal order.",
                        f"The same with Dice below {poor:g} for poor; not defined where none or all are.",
                    ),
                    high=False,
                    ideal=0,
                    fault=_DEFECT_POOR,
                    of_cohort=True,
                ),
            )
        ),
    )


def measures(poor: float) -> tuple[Measure, ...]:
    """All measures, in the order of the sheet.

    Parameters
    ----------
    poor
        Dice below which a segmentation is poor, for the mended d-AUC.
    """
    against_raters = (*_of_consensus(), *_of_calibration())
    return (*against_raters, *_of_benchmark(), *_of_curves_in_cases(), *_of_curves_over_cases(poor))
