"""The result of a review in words: sentences for the panel, the PDF and a report."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from napari_uncertainseg._base import one_line, pluralised
from napari_uncertainseg.evaluate.result.case_result import CaseResult, Counted, Tally
from napari_uncertainseg.review.store.reading_speed import LONGEST_S

RESEARCH = "For research only. This is not a medical device."
_SUBJECT = "White matter lesions"
ABOUT = (
    "Case", "Scan date", "Lesions", "By place", "Counted", "Changes", "Doubt left", "Measured", "Time",
    "Reference", "Made with", "Reader",
)  # fmt: skip
"""What the lines are about, in their order; that about the reference is there only with one."""
_LONGEST_NAME = 120


class Line(NamedTuple):
    """A line of the result: what it is about, and what is so."""

    about: str
    says: str


def lines(result: CaseResult) -> list[Line]:
    """All that the result says, without the lesions one by one."""
    return list(_lines(result))


def title(result: CaseResult) -> str:
    """The heading of a result, which says when lesions in it were not judged."""
    counted = result.counted
    if not result.reviewed:
        return f"{_SUBJECT}, not reviewed"
    if not counted.not_judged.number:
        return f"{_SUBJECT} after review"
    there = counted.total.number
    return f"{_SUBJECT}, review not finished: {counted.not_judged.number} of {there} not judged"


def plain_text(result: CaseResult) -> str:
    """The result as plain text, without tabs, to be pasted into a report."""
    head = f"{title(result).upper()} ({RESEARCH})"
    return "\n".join([head, *(f"{line.about}: {line.says}" for line in _lines(result))]) + "\n"


def _lines(result: CaseResult) -> Iterator[Line]:
    made = result.made
    yield Line("Case", _name(made.case) or "without a name")
    yield Line("Scan date", made.scan_date or "not known: the file does not say it")
    yield Line("Lesions", _lesions(result))
    yield Line("By place", _places(result))
    yield Line("Counted", _counted(result.counted, result.reviewed))
    yield Line("Changes", _changes(result))
    yield Line("Doubt left", _doubt(result))
    if result.measurements:
        yield Line("Measured", "; ".join(map(one_line, result.measurements)) + ".")
    yield Line("Time", _time(result))
    if result.reference is not None:
        yield Line("Reference", _reference(result))
    yield Line("Made with", _made_with(result))
    yield Line("Reader", _name(made.annotator) or "without a name")


def _lesions(result: CaseResult) -> str:
    total = result.counted.total
    if not total.number:
        return "none"
    largest = max(one.volume_mm3 for one in result.lesions)
    longest = max(one.diameter_mm for one in result.lesions)
    return (
        f"{total.number}, {volume(total.ml)} in total. The largest has {volume(largest / 1000)}; "
        f"the longest diameter is {longest:.0f} mm."
    )


def _places(result: CaseResult) -> str:
    if result.place_problem:
        return f"unknown. {result.place_problem}"
    if result.places is None:
        return "not found yet"
    if not result.places:
        return "no lesion"
    return "; ".join(f"{place} {tally(found)}" for place, found in result.places) + "."


def _counted(counted: Counted, reviewed: bool) -> str:
    if not reviewed:
        return (
            f"nothing was reviewed: these are the lesions of the model, {counted.not_judged.number} in all."
        )
    parts = (
        f"{tally(counted.accepted)} accepted",
        f"{tally(counted.unsure)} unsure",
        f"{tally(counted.not_judged)} not judged",
    )
    return f"{', '.join(parts)}. Not counted: {tally(counted.rejected)} rejected."


def _changes(result: CaseResult) -> str:
    changes = result.changes
    own = f"The model itself found {tally(changes.model)} at threshold {changes.model_threshold:.2f}."
    if not result.reviewed and changes.threshold == changes.model_threshold:
        return f"none. {own}"
    together = (
        f"All together, {pluralised(changes.lesions_added, 'lesion')} and {volume(changes.added_ml)} more, "
        f"{pluralised(changes.lesions_removed, 'lesion')} and {volume(changes.removed_ml)} less than the "
        "model. "
    )
    return f"{_judging(result)}{_moving(result)}{_painting(result)}{together}{own}"


def _judging(result: CaseResult) -> str:
    """What verdicts did: a rejected lesion goes, an accepted candidate comes."""
    below = Tally.of(one.volume_mm3 for one in result.lesions if one.number < 0)
    parts = (
        f"{tally(gone)} rejected" if (gone := result.counted.rejected).number else "",
        f"{pluralised(below.number, 'candidate')} accepted ({volume(below.ml)})" if below.number else "",
    )
    did = ", ".join(filter(None, parts)) or "none took a lesion away or added one"
    return f"{pluralised(result.changes.verdicts, 'verdict')}: {did}. "


def _moving(result: CaseResult) -> str:
    new, models = result.changes.threshold, result.changes.model_threshold
    return "" if new == models else f"Threshold {new:.2f} instead of {models:.2f}. "


def _painting(result: CaseResult) -> str:
    changes = result.changes
    if not (changes.painted_added_ml or changes.painted_removed_ml or changes.drawn or changes.corrected):
        return "Nothing was painted. "
    strokes = f" ({pluralised(changes.strokes, 'stroke')})" if changes.strokes else ""
    parts = (
        f"{volume(changes.painted_added_ml)} added",
        f"{volume(changes.painted_removed_ml)} removed",
        f"{pluralised(changes.corrected, 'outline')} corrected" if changes.corrected else "",
        f"{pluralised(changes.drawn, 'lesion')} drawn by hand" if changes.drawn else "",
    )
    return f"Painting and tools{strokes}: {', '.join(filter(None, parts))}. "


def _doubt(result: CaseResult) -> str:
    left = result.doubt
    if left.open.number:
        text = f"{tally(left.open)} {_are(left.open.number)} unsure or not judged"
        if left.expected_wrong is not None:
            whose = "" if left.by_model == left.open.number else " by the model"
            text += f"; {_expected(left.expected_wrong, left.by_model, 'no lesion', whose)}"
        text += "."
    else:
        text = "every lesion is decided."
    below = f" Below the threshold {_are(left.candidates)} {pluralised(left.candidates, 'open candidate')}"
    if left.expected_missed is not None and left.candidates:
        below += f"; {_expected(left.expected_missed, left.candidates, 'real')}"
    return f"{text}{below}."


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _expected(number: float, among: int, to_be: str, whose: str = "") -> str:
    """How many of them are something; a number below one would be read as a share."""
    if among == 1:
        return f"the chance that {f'the one{whose}' if whose else 'it'} is {to_be} is {number:.0%}"
    of = f"of {'the' if whose else 'these'} {among}{whose}"
    if number < 0.95:
        return f"{of}, fewer than one is expected to be {to_be}"
    return f"{of}, about {number:.0f} {_are(round(number))} expected to be {to_be}"


def _time(result: CaseResult) -> str:
    if result.time is None:
        return "not known: nothing of this review was recorded"
    pauses = result.time.pauses
    rule = f"breaks of more than {LONGEST_S / 60:.0f} minutes, and while this was closed, do not count"
    told = f" ({pluralised(pauses, 'break')}, {duration(result.time.paused_s)})" if pauses else ""
    return f"{duration(result.time.active_s)} from the first to the last entry; {rule}{told}."


def _reference(result: CaseResult) -> str:
    found = result.reference
    assert found is not None
    f1 = "not defined" if math.isnan(found.f1) else f"{found.f1:.2f}"
    return (
        f"Dice {found.dice:.2f}, lesion F1 {f1}: {found.found} found, {found.missed} missed, "
        f"{found.false} false."
    )


def _made_with(result: CaseResult) -> str:
    made = result.made
    model = " ".join(part for part in (made.model, made.version) if part) or "a model without a name"
    method = f", {made.method}" if made.method else ""
    members = f" ({pluralised(made.members, 'member')})" if made.members > 1 else ""
    return (
        f"model {one_line(model)}{method}{members}, threshold {result.changes.threshold:.2f}, lesions from "
        f"{made.min_volume_mm3:g} mm³; {made.software}."
    )


def tally(found: Tally) -> str:
    """Such as ``3 (0.12 ml)``; ``0`` of none."""
    return f"{found.number} ({volume(found.ml)})" if found.number else "0"


def volume(ml: float) -> str:
    """A volume in ml, with so many digits that the smallest lesion is not 0."""
    return f"{ml:.2f} ml" if ml >= 0.1 or ml == 0 else f"{ml:.3f} ml"


def duration(seconds: float) -> str:
    """Such as ``6 min 10 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _name(text: str) -> str:
    """A name on one line, not endless: it may come from a file."""
    name = one_line(text)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
