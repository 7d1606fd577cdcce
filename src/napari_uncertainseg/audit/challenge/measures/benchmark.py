"""Measures of detection and calibration (cortical-lesion benchmark), and faults of the published ones."""

from __future__ import annotations

from napari_uncertainseg.audit.challenge.measures.measure import BENCHMARK, DEFECT_IMAGE, Measure, pair

_DEFECT_RECALL = (
    "Recall sets predicted true lesions against missed reference lesions: a lesion in three pieces counts "
    "three times, an under-segmented one not at all, and 0 / 0 is 1."
)
_DEFECT_EMPTY = "0 / 0 is 1: with nothing predicted and nothing there, the case counts as perfect."


def measures_of_benchmark() -> tuple[Measure, ...]:
    """All of them, in the order of the sheet."""
    return (
        *pair(
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
        *pair(
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
        *pair(
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
            for one in pair(
                name,
                BENCHMARK,
                title,
                (f"{said}, over the whole image.", f"{said}, over the brain."),
                high=False,
                ideal=0,
                fault=DEFECT_IMAGE
                if name in ("ece", "brier")
                else "Voxels outside the brain, where nothing can be found, count in the lowest bins.",
            )
        ),
    )
