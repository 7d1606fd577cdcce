"""From the referral list of a run to review sessions: one for each visit, in the order of the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError, Progress, pluralised, silent
from napari_uncertainseg.case import Case
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.evaluate.worklist import RESULTS, VISITS, UnusableCase, Worklist, read_worklist_for
from napari_uncertainseg.review.session.opening import UNNAMED, open_reading
from napari_uncertainseg.review.store.predictions import open_readings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.runs.places import COHORT, find_referral, referral_rows

MOST_VISITS = 20
"""Visits that get a session unless another number is asked for: as many as the report lists first."""


@dataclass(frozen=True)
class PreparedSessions:
    """What became of the visits of a referral list, by name and in its order.

    Attributes
    ----------
    referral
        The list.
    opened
        Visits that have a new session.
    known
        Visits of which the annotator has an open session already.
    left_out
        Visits whose results cannot be read, with the sentence.
    """

    referral: Path
    opened: tuple[str, ...]
    known: tuple[str, ...]
    left_out: tuple[UnusableCase, ...]


def prepare_sessions(
    source: Path,
    store: Store,
    annotator: str = "",
    *,
    visits: int = MOST_VISITS,
    order: str = "doubt",
    progress: Progress = silent,
) -> PreparedSessions:
    """Open a review session of each visit that a reader should see first.

    The last of them is opened first, so that lists that begin with the latest session begin with the visit
    to read first. Sessions that were opened before an error stay.

    Parameters
    ----------
    source
        As for `find_referral`.
    store
        For the sessions.
    annotator
        Who reads.
    visits
        How many, from the top of the list.
    order
        In which each session shows its lesions, see `queue.ORDERS`.
    progress
        Told of each visit; may raise `Cancelled`.

    Raises
    ------
    InputError
        If there is no referral list, the results of no visit can be read, or sessions cannot be written.
    """
    referral = find_referral(source)
    rows = referral_rows(referral)[:visits]
    name = " ".join(annotator.split()) or UNNAMED
    opened, known, left_out = [], [], []
    for done, row in enumerate(reversed(rows)):
        visit = row["name"]
        progress(f"reading {visit}", done / len(rows))
        try:
            case = _read(_results_of(referral, row))
        except InputError as error:
            left_out.append(UnusableCase(visit, str(error)))
            continue
        prediction, lesions = case.original, case.lesions
        if prediction is None or lesions is None:
            continue
        if open_readings(store, prediction.sha256, name):
            known.append(visit)
            continue
        open_reading(store, prediction, lesions, name, order)
        opened.append(visit)
    if not opened and not known:
        raise InputError(f"{referral}: no session was made. {left_out[-1].why}")
    return PreparedSessions(referral, tuple(opened[::-1]), tuple(known[::-1]), tuple(left_out[::-1]))


def describe_prepared(found: PreparedSessions) -> str:
    """What became of the visits, for display."""
    parts = [f"{pluralised(len(found.opened), 'session')} opened"]
    if found.known:
        parts.append(f"{pluralised(len(found.known), 'visit')} had one already")
    if found.left_out:
        parts.append(f"{pluralised(len(found.left_out), 'visit')} left out")
    return ", ".join(parts)


@dataclass(frozen=True)
class ReviewOfRun:
    """The cases of a run in the order in which they should be read, and what became of their sessions."""

    worklist: Worklist
    said: str


def review_of_run(
    folder: Path, open_store: Callable[[], Store], annotator: str, model: str, progress: Progress
) -> ReviewOfRun:
    """Open sessions for a run, and list its cases; for any thread.

    Parameters
    ----------
    folder
        Of the run.
    open_store
        Opens the store of the sessions, for this thread.
    annotator
        Who reads.
    model
        What the window segments with, which tells what scans a case has where the run does not.
    progress
        Told of each visit.

    Raises
    ------
    InputError
        As for `prepare_sessions`, or if no scan of the list is there any more.
    """
    with open_store() as store:
        found = prepare_sessions(folder, store, annotator, progress=progress)
    said = describe_prepared(found)
    worklist = read_worklist_for(_model_of(folder) or model, found.referral)
    return ReviewOfRun(worklist, " ".join([f"{said}.", *(one.why for one in found.left_out[:3])]))


def _model_of(folder: Path) -> str:
    """The model of a run, if its folder tells."""
    with suppress(InputError, KeyError, TypeError):
        return str(read_json(folder / COHORT, most_bytes=100_000)["setting"]["model"])
    return ""


def _results_of(referral: Path, row: Mapping[str, str]) -> Path:
    """Where the results of a visit lie: where the list says, or beside it where the run was moved."""
    named = Path(row[RESULTS])
    beside = referral.parent / VISITS / named.name
    found = next((one for one in (named, beside) if is_results(one)), None)
    if found is None:
        raise InputError(
            f"{row['name']}: its results are neither at {named} nor at {beside}; move the folder {VISITS} "
            "back beside the list, or start the run again."
        )
    return found


def _read(folder: Path) -> Case:
    """A visit as the window shows it when its results are opened."""
    saved = read_saved_results(folder)
    case = Case()
    case.set_images(saved.scans)
    case.open_prediction(saved.prediction)
    case.number_by(saved.numbers)
    case.threshold, case.min_volume = saved.threshold, saved.min_volume
    case.reset_review((), saved.edit)
    return case
