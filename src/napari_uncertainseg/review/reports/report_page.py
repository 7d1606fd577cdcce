"""A report of sessions as one HTML page: who reviewed what, where readers differ, errors of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    escaped,
    format_number,
    in_words_of,
    name_span,
    short_id,
    table,
    whole_page,
)
from napari_uncertainseg.review.reports.report_data import SessionPart, Summary
from napari_uncertainseg.review.reports.report_places import most_uncertain, reader_differences
from napari_uncertainseg.review.reports.report_training import training_part
from napari_uncertainseg.review.session.rereading import Location
from napari_uncertainseg.review.store.journal import GENESIS
from napari_uncertainseg.review.store.session_settings import SECOND, THIRD, RereadingSettings

TITLE = "Report of reading sessions"
NOTICE = "For research only: this is not a medical device. Do not use it to diagnose or to treat a patient."
_PICTURES = (
    "Axial slices of the FLAIR, read from disk when this report was made: 100 mm wide, anterior up, the "
    "patient's right on the left (R). A ring marks the location."
)
_WORDS = {
    "probability": "The largest probability that the model gives to a voxel of the lesion, 0 to 1.",
    "doubt (LSU)": "Uncertainty of the lesion (lesion structural uncertainty), 0 to 1: 1 minus the mean "
    "intersection over union of the lesion with that of each member of the model.",
    "volume": "mm³, within the model's outline at the session's threshold.",
    "location": "Voxel index (superior, anterior, right), from 0; the first number is the axial slice.",
    "candidate": "A region below the session's threshold that may be a missed lesion.",
    "model wrong": "A lesion that the reader did not accept as outlined, or a candidate that the reader did "
    "not reject. Undecided counts as wrong.",
    "kappa": "Cohen's kappa of the two readers' decisions on what both reviewed: 1 is full agreement, 0 is "
    "agreement by chance.",
    "d' (sensitivity)": "How well lesions are told from other findings: 0 is chance, 3 is nearly perfect.",
    "criterion": "Above 0: the annotator tends to answer no lesion; below 0: tends to answer lesion.",
    "Brier": "Mean squared difference between stated probability and truth: 0 is best, 0.25 is guessing.",
    "last hash": "SHA-256 of the last entry of a journal. Kept elsewhere, it proves that no entry was "
    "removed from the end.",
}


def report_page(
    found: Summary,
    pictures: Mapping[Location, bytes] | None = None,
    notes: Sequence[str] = (),
    *,
    program: str = "napari-uncertainseg",
    further: Sequence[Markup] = (),
) -> str:
    """Write a report.

    Parameters
    ----------
    found
        What it says.
    pictures
        PNG by location, from `evaluate.place_pictures`; the tables name all locations anyway.
    notes
        Why pictures are missing, a sentence each.
    program
        What made it, with its version.
    further
        Parts from above this floor, before the terms.

    Returns
    -------
    HTML that needs no other file.
    """
    shown = pictures or {}
    content = [
        _head(found, program),
        *_integrity(found.sessions, found.odd),
        *_sessions(found.sessions),
        *_about_pictures(bool(shown), notes),
        *reader_differences(found, shown),
        *_wrong(found),
        *training_part(found.training),
        *most_uncertain(found, shown),
        *_comments(found),
        *further,
        element("h2", "Terms and units"),
        element("dl", *(_word(what, meaning) for what, meaning in _WORDS.items())),
    ]
    return whole_page(TITLE, (in_words_of(part, found.noun) for part in content))


def _word(what: str, meaning: str) -> Markup:
    return Markup(element("dt", what) + element("dd", meaning))


def _head(found: Summary, program: str) -> Markup:
    made = found.made.strftime("%Y-%m-%d %H:%M UTC")
    file = found.file or "not shown, like the names of people and cases, and comments"
    about = f"Made on {made} by {program}. File: "
    return Markup(
        element("h1", TITLE)
        + element("p", about, element("code", file) if found.file else file, ".")
        + element("p", NOTICE, class_="notice")
    )


def _integrity(sessions: Sequence[SessionPart], odd: Mapping[str, str]) -> list[Markup]:
    unsound = sum(bool(one.fault) for one in sessions) + len(odd)
    verdict = (
        element("p", f"{pluralised(unsound, 'journal')} not sound: do not trust these numbers.", class_="bad")
        if unsound
        else element("p", "All journals are sound: nothing was changed after it was written.", class_="good")
    )
    rows = [
        (
            element("code", one.session.id, class_="hash"),
            element("span", one.fault, class_="bad") if one.fault else "sound",
            element("code", one.head if one.head != GENESIS else "none", class_="hash"),
        )
        for one in sessions
    ]
    for session_id, why in odd.items():
        fault = f"not in this report: {why}"
        rows.append(
            (
                element("code", session_id, class_="hash"),
                element("span", fault, class_="bad"),
                escaped("none"),
            )
        )
    if not rows:
        return [
            element("h2", "Integrity"),
            element("p", "There is no session, so no journal to check."),
        ]
    return [element("h2", "Integrity"), verdict, table(("session", "journal", "last hash"), rows)]


def _sessions(sessions: Sequence[SessionPart]) -> list[Markup]:
    if not sessions:
        return [
            element("h2", "Sessions"),
            element("p", "The file holds no session yet. Start one in the Session dock."),
        ]
    head = (
        "session",
        "annotator",
        "case",
        "kind",
        "reviewed",
        "state",
        "opened (UTC)",
        "seconds per lesion, median",
        "verdicts",
        "painted",
    )
    rows = [
        (
            short_id(one.session.id),
            name_span(one.annotator),
            name_span(", ".join(one.cases)),
            _kind(one),
            f"{len(one.judged)} of {len(one.items)}",
            "open" if one.session.closed is None else "closed",
            one.session.opened[:16].replace("T", " "),
            format_number(one.seconds_each, 1),
            ", ".join(f"{n}\N{NO-BREAK SPACE}{decision}" for decision, n in one.decisions.items())
            or "none yet",
            "nothing" if one.painted is None else one.painted.in_words(),
        )
        for one in sessions
    ]
    return [element("h2", "Sessions"), table(head, rows, right=(4, 7))]


def _kind(part: SessionPart) -> Markup:
    """The kind of a session, and of a further reading which and of what."""
    settings = part.session.settings
    if not isinstance(settings, RereadingSettings) or settings.first_reading is None:
        return escaped(part.session.kind)
    which = {SECOND: "second", THIRD: "third"}.get(settings.reading or 0, "further")
    return Markup(escaped(f"{which} reading of ") + short_id(settings.first_reading))


def _about_pictures(some: bool, notes: Sequence[str]) -> list[Markup]:
    said = [_PICTURES, *notes] if some else list(notes)
    return [element("h2", "Pictures"), *(element("p", one) for one in said)] if said else []


def _wrong(found: Summary) -> list[Markup]:
    content = [element("h2", "Errors of the model found by the readers")]
    if not found.wrong:
        return [*content, element("p", "No lesion was reviewed yet.")]
    head = (
        "session",
        "annotator",
        "target",
        "reviewed",
        "model wrong",
        "opposite decision",
        "undecided",
        "outline changed",
    )
    rows = [
        (
            short_id(one.session),
            name_span(one.annotator),
            one.target,
            str(one.judged),
            f"{one.wrong} ({one.wrong / one.judged:.0%})",
            f"{one.opposite} {'no lesion' if one.target == 'lesion' else 'lesion'}",
            str(one.undecided),
            str(one.painted),
        )
        for one in found.wrong
    ]
    return [*content, table(head, rows, right=range(3, 8))]


def _comments(found: Summary) -> list[Markup]:
    if not found.named:
        return []
    rows = [
        (
            short_id(part.session.id),
            name_span(part.annotator),
            name_span(one.case),
            ", ".join(map(str, one.task.voxel)),
            one.decision,
            element("span", one.comment, class_="words"),
        )
        for part in found.sessions
        for one in part.judged
        if one.comment
    ]
    head = ("session", "annotator", "case", "location", "decision", "comment")
    said = table(head, rows, right=(3,)) if rows else element("p", "There are no comments.")
    return [element("h2", "Comments"), said]
