"""Every word of the agreement with a reference."""

from __future__ import annotations

from html import escape
from math import isnan

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.lesions.against_reference import MIN_VOLUME, AgainstReference

REFERENCE = "Reference"
REFERENCE_NAME = "Reference"
FILTER_NAME = "Which lesions, by the reference"
MISSED_NAME = "Missed lesions"
REFERENCE_TIP = (
    "A label layer with lesions that somebody drew; every label above 0 counts. It must lie on the scan's\n"
    "voxel grid. It is the same choice as in Calibration."
)
FILTERS = (
    ("all", "List all lesions."),
    ("found", "List lesions that touch a lesion of the reference."),
    ("false", "List lesions that touch no lesion of the reference."),
    ("missed", "List lesions of the reference that no lesion touches; a click goes there."),
)
FILTER_TIP = "What is listed, by the reference."
NUMBERS_TIP = (
    "Of the lesions at this threshold, with what you painted. One voxel in common is a hit.\n"
    "Dice: 2 x voxels in common / (voxels of the lesions + voxels of the reference).\n"
    "Lesion F1: 2 x precision x recall / (precision + recall), over lesions. Precision: share of the\n"
    "lesions that touch the reference; recall: share of the reference's lesions that are touched.\n"
    f"Missed: lesions of the reference of at least {MIN_VOLUME:g} mm³ that no lesion touches; smaller ones\n"
    "are neither found nor missed. False: lesions that touch no voxel of the reference.\n"
    "The same numbers as of uncertainseg evaluate."
)
COLOURS = "Colours"
COLOURS_TIP = (
    "Colour outlines by the reference: found, false and missed. Switched off, they have the colours of\n"
    "doubt and verdicts again, and missed lesions are not outlined."
)
EMPTY = "The reference has no voxel: nothing can be found or missed."
NO_MISSED = "No lesion of the reference is missed."
SWITCHED = "Best Dice: threshold {:.3f}, Dice {:.3f}. It was chosen on this very case: expect less on others."
MISSED_COLUMNS = ("#", "mm³", "highest p")
MISSED_TIPS = (
    "Number of the lesion in the reference.",
    "Its volume.",
    "The largest probability that the model has in it: a lower threshold finds it.",
)
COLUMN_TIP = "By the reference: found (touches one of its lesions) or false."


def numbers(found: AgainstReference) -> str:
    """Dice, lesion F1, missed and false lesions, as HTML."""
    one, f1 = found.detection, found.detection.f1
    said = "-" if isnan(f1) else f"{f1:.2f}"
    return (
        f"Dice <b>{found.dice:.3f}</b> · lesion F1 <b>{said}</b> · "
        f"missed <b>{one.fn}</b> of {one.tp + one.fn} · false <b>{one.fp}</b> of {one.predicted}"
    )


def legend(colours: dict[str, str]) -> str:
    """The colours of outlines, as HTML: a mark and a word each."""
    marks = {"found": "■", "false": "■", "missed": "┅"}
    ground = "background-color:#202020"  # missed ones are bright, and so is a light theme
    return " · ".join(
        f'<span style="color:{colours[word]};{ground}">&nbsp;{mark}&nbsp;</span> {word}'
        for word, mark in marks.items()
    )


def problem(sentence: str) -> str:
    """Why there is no comparison, as HTML."""
    return escape(as_warning(sentence))
