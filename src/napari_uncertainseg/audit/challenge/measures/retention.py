"""Measures of whether doubt finds errors (retention and d-AUC), and faults of the published ones."""

from __future__ import annotations

import math

from napari_uncertainseg.audit.challenge.measures.measure import RETENTION, Measure, pair
from napari_uncertainseg.audit.challenge.retained import POOR_PUBLISHED

_DEFECT_ORDER = "What is equally doubtful comes in its order in memory."
_DEFECT_POOR = (
    f"{_DEFECT_ORDER} With Dice below {POOR_PUBLISHED:.2f} for poor, nearly all lesion segmentations are "
    "poor; where all are, it is 0 (best) whatever the doubt. That threshold could not be verified in code."
)
_ORDERS = ("equals in their order in memory", "equals as a random order on average")


def measures_of_retention(poor: float) -> tuple[Measure, ...]:
    """All of them, in the order of the sheet; ``poor`` as for `all_measures.measures`."""
    return (*_of_published_curves(), *_of_own_curves(), *_of_curves_over_cases(poor))


def _of_published_curves() -> tuple[Measure, ...]:
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
    return tuple(
        one
        for name, title, said in curves
        for one in pair(
            name,
            RETENTION,
            title,
            (f"{said}; {_ORDERS[0]}.", f"{said}; {_ORDERS[1]}."),
            high=False,
            ideal=math.nan,
            fault=_DEFECT_ORDER,
        )
    )


def _of_own_curves() -> tuple[Measure, ...]:
    """Likewise; the definitions are our own."""
    return (
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
    return tuple(
        one
        for doubt, words in (("psu", "PSU"), ("entropy", "mean entropy of the brain"))
        for one in (
            *pair(
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
            *pair(
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
    )
