"""Words of the lamp in the Lesions dock."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from napari_uncertainseg._base import WARNING_SIGN, pluralised

LIGHT_CALIBRATION_CASE = "<b>○ Guarantee not valid</b>: this is one of the calibration cases"
WARNING_GROUND, WARNING_INK = "#ffb000", "#000000"
"""Black on amber, which stands out from both themes."""
_WARNING_STYLE = f"background-color:{WARNING_GROUND}; color:{WARNING_INK}"
LIKE_COLOUR = "#009060"
"""Of the sign of a scan that is like others: seen on both themes."""
LIGHT_UNLIKE_TIP = (
    "Seven numbers are compared with those of the scans that the model learnt from: slice thickness,\n"
    "voxel size, volume of the brain, its dark and bright shares, contrast and noise.\n"
    "A scan that passes can still be unlike them."
)
LIGHT_SEEN = "Looks like the scans that the model has seen"
LIGHT_NOT_KNOWN = "Not known: whether the model has seen such scans"
LIGHT_NOT_KNOWN_TIP = (
    "The model does not say what scans it learnt from, and there are no calibration cases to compare with.\n"
    "Only a result that is odd by itself is pointed out: nothing found, a tenth of the brain outlined,\n"
    "or uncertain nearly everywhere. That nothing is pointed out says nothing about this scan.\n"
    "Cases with a reference help: uncertainseg calibrate cases.tsv"
)


def light_unusual(parts: Sequence[str]) -> str:
    """In what a result is unusual by itself, as HTML."""
    sign = f"{WARNING_SIGN} Unusual result"
    return f"<b style='{_WARNING_STYLE}'>&nbsp;{sign}&nbsp;</b> {escape('; '.join(parts))}"


def light_too_few(cases: int) -> str:
    """That the number of calibration cases is too small for a comparison."""
    return f"○ {pluralised(cases, 'calibration case')}: too few to compare this case with"


def light_valid(cases: int) -> str:
    """That a case is like the calibration cases, as HTML."""
    return f"<span style='color:{LIKE_COLOUR}'>●</span> like the {cases} calibration cases"


def light_out_of_range(measures: Sequence[str]) -> str:
    """In what a case differs from the calibration cases, as HTML."""
    named = ", ".join(measures)
    return f"<b>○ Guarantee not valid</b>: this case differs from the calibration cases in {escape(named)}"


def light_unlike(parts: Sequence[str]) -> str:
    """In what a scan is unlike all that the model has seen, as HTML."""
    sign = f"{WARNING_SIGN} Unlike all scans that the model has seen"
    return f"<b style='{_WARNING_STYLE}'>&nbsp;{sign}&nbsp;</b> {escape('; '.join(parts))}"


def light_tip(measures: Sequence[tuple[str, float, float, float]]) -> str:
    """The numbers that are compared.

    Parameters
    ----------
    measures
        For each its name with unit, its value in this case, and its smallest and largest value in the
        calibration cases.
    """
    head = (
        "Only these numbers are compared. You must decide yourself whether scanner, patients and readers\n"
        "are comparable. Only the very same scan is recognised as a calibration case: for another visit of\n"
        "a calibration patient nothing holds, and nothing warns you."
    )
    lines = [
        f"{name}: {value:.3g}, calibration cases {low:.3g} to {high:.3g}"
        for name, value, low, high in measures
    ]
    return "\n".join([head, *lines])
