"""Every word of the panel of the selected lesion."""

from __future__ import annotations

from html import escape

from napari_uncertainseg.uncertainty.at_a_glance.doubt_words import CUTS
from napari_uncertainseg.uncertainty.at_a_glance.selected_lesion import SelectedLesion

NOTHING = "No lesion is selected: click one in the list or in the image."
FIT_ACTION, FIT_KEY = "fit_or_whole", "Shift+Z"
FIT, FIT_MEANING = "Fit", "Fit the zoom to the selected lesion; press again for the whole slice."
FIT_IN_3D = "Leave 3-D first: the zoom fits a lesion in slices."
ZOOM = "Zoom to the lesion"
ZOOM_TIP = (
    "Going to a lesion shows about three times its size, at least 40 mm.\n"
    "Switched off, only the slice moves, and the zoom stays as you have it."
)
SIZE_TIP = (
    "Longest diameter in 3-D: the largest distance between two points of the lesion's surface, in any\n"
    "direction and not only in this slice. The surface lies between the voxels inside and outside.\n"
    "Volume: that of its voxels; in mm³ below 1 ml."
)
PLACE_NOT_FOUND = "not looked for yet"
FIND_PLACE, EXPLAIN = "find", "Explain"
PLACE_TIP = "Where in the brain it lies, as in Places below. Found by an atlas; check it on the scan."
WHY_TIP = "What the Explain dock said of this lesion as it is outlined now."
DRAWN = "none: a human drew it"
OF_MODELS_OUTLINE = "for the model's outline"
DOUBT_TIP = (
    f"low: below {CUTS[0]:g}; some: below {CUTS[1]:g}; high: {CUTS[1]:g} and more. The number is that of\n"
    "the list (0 to 1). The higher, the fewer are real: of 512 lesions of hospitals that a model had not\n"
    "seen, 65 % with low doubt, 37 % with some and 24 % with high. Low doubt is no proof.\n"
    "What the model says of a lesion that you corrected it says of its own outline, not of yours."
)


def title(found: SelectedLesion) -> str:
    """What is selected."""
    return f"{'Lesion' if found.number > 0 else 'Candidate'} {abs(found.number)}"


def volume(mm3: float) -> str:
    """A volume: mm3 below 1 ml, then ml."""
    if mm3 >= 1000:
        return f"{mm3 / 1000:.1f} ml"
    return f"{mm3:.1f} mm³" if mm3 < 10 else f"{mm3:.0f} mm³"


def size(found: SelectedLesion) -> str:
    """Name, longest diameter and volume, as HTML."""
    return f"<b>{title(found)}</b> · diameter {found.diameter_mm:.1f} mm · {volume(found.volume_mm3)}"


def doubt(found: SelectedLesion, verdict: str) -> str:
    """Doubt in words with its number, and the verdict with its mark, as HTML."""
    said = DRAWN if found.word is None else f"<b>{found.word}</b> ({found.doubt:.2f})"
    whose = "" if found.models_volume_mm3 is None else f" {OF_MODELS_OUTLINE}"
    return f"Doubt: {said}{whose} · {escape(verdict)}"


def link(target: str, word: str, colour: str) -> str:
    """A link as HTML, in a colour that the theme lets be read."""
    return f'<a href="{target}" style="color:{colour}">{word}</a>'


def place(where: str, problem: str, colour: str) -> str:
    """Where it lies, as HTML; a link that looks for it while nobody has."""
    if problem:
        return f"Place: unknown. {escape(problem)}"
    if where:
        return f"Place: {escape(where)}"
    return f"Place: {PLACE_NOT_FOUND} · {link('place', FIND_PLACE, colour)}"


def why(sentence: str, colour: str) -> str:
    """Why it is doubtful, as HTML; a link to Explain while it was not explained."""
    return f"Why: {escape(sentence) if sentence else link('explain', EXPLAIN, colour)}"
