"""``uncertainseg session``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import SOME_FAILED
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.review.store.store import Store


def session(options: Namespace) -> None:
    """Open sessions from a run, list those of a file, verify, export or report them, or simulate readers."""
    from napari_uncertainseg.review.database.passwords import IN_SIGHT, has_password

    act = {
        "new": _new,
        "list": _list,
        "verify": _verify,
        "export": _export,
        "report": _report,
        "adjudicate": _adjudicate,
        "migrate": _migrate,
        "simulate": _simulate,
    }
    in_sight = has_password(str(getattr(options, "file", getattr(options, "url", ""))))
    try:
        act[options.action](options)
    except InputError as error:
        raise InputError(f"{error} {IN_SIGHT}" if in_sight else str(error)) from error
    if in_sight:
        print(f"note: {IN_SIGHT}", file=sys.stderr)


def _new(options: Namespace) -> None:
    """Make the referral list of a run into review sessions; exit status 3 where visits were left out."""
    from napari_uncertainseg.review.database.passwords import check_target
    from napari_uncertainseg.runs.places import find_referral, referral_rows

    referral = find_referral(options.source)
    referral_rows(referral)
    from napari_uncertainseg.review.session.place import default_file, make_folder
    from napari_uncertainseg.review.store.store import Store

    target = options.file or str(default_file())
    if "://" not in target:
        check_target(target)
        make_folder(Path(target).absolute().parent)
    with Store(target, options.masks) as store, ProgressLine() as progress:
        from napari_uncertainseg.runs.review_sessions import describe_prepared, prepare_sessions

        found = prepare_sessions(
            referral, store, options.annotator, visits=options.visits, order=options.order, progress=progress
        )
        place = store.name
    print(f"{place}: {describe_prepared(found)}")
    print(f"to read them: open {found.referral} as a table in the Cohort dock, and press Open next")
    for one in found.left_out:
        print(f"uncertainseg: {one.name}: {one.why}", file=sys.stderr)
    if found.left_out:
        raise SystemExit(SOME_FAILED)


def _list(options: Namespace) -> None:
    with _open(options) as store, store.reading():
        sessions, odd = store.readable()
        called = store.case_names()
        print(f"{'session':34}{'annotator':20}{'kind':10}{'reviewed':>10}  {'state':8}{'opened':21}case")
        for found in sessions:
            tasks = store.tasks(found.id)
            cases = ", ".join(dict.fromkeys(called[task.case] for task in tasks)) or "?"
            judged = f"{len(store.verdicts(found.id))}/{len(tasks)}"
            state = "open" if found.closed is None else "closed"
            opened = found.opened[:19].replace("T", " ")
            who = f"{found.id:34}{found.annotator[:19]:20}{found.kind:10}"
            print(f"{who}{judged:>10}  {state:8}{opened:21}{cases}")
    _tell(odd)


def _verify(options: Namespace) -> None:
    with _open(options) as store, store.reading():
        from napari_uncertainseg.review.store.verification.kept_hashes import not_as_kept

        faults = store.verify(options.session)
        sound = [session_id for session_id, fault in faults.items() if not fault]
        heads = {session_id: store.head(session_id) for session_id in sound}
        partly = {session_id: store.not_covered(session_id) for session_id in sound}
        wrong = [fault for fault in faults.values() if fault]
        if options.hashes is not None:
            wrong += not_as_kept(store, options.hashes, options.session)
    for session_id in faults:
        sound_or_not = f"sound, last hash {heads[session_id]}" if session_id in heads else "NOT SOUND"
        print(f"{session_id}  {sound_or_not}")
        if partly.get(session_id):
            print(f"  {partly[session_id]}")
    if options.head is not None and "".join(options.head.split()) not in heads.values():
        wrong.append("No session ends with that hash: entries were removed from the end, or added.")
    if wrong:
        raise InputError(" ".join(wrong))


def _export(options: Namespace) -> None:
    if options.json is not None and options.without_names:
        raise InputError("A journal holds names: leave --json out, or --without-names.")
    with _open(options) as store:
        from napari_uncertainseg.evaluate.case_folder import write_json
        from napari_uncertainseg.export import write_table
        from napari_uncertainseg.review.reports.verdict_table import as_json, verdict_table
        from napari_uncertainseg.review.store.verification.kept_hashes import hashes, hashes_file

        beside = hashes_file(options.out)
        table = verdict_table(store, named=not options.without_names)
        write_table(options.out, table)
        write_table(beside, hashes(store))
        if options.json is not None:
            write_json(as_json(store), options.json)
        odd = store.readable()[1]
    judged = int((table["decision"] != "").sum())
    print(f"{options.out}: {len(table)} tasks, {judged} with a verdict")
    print(f"{beside}: the last hash of each session, to keep elsewhere")
    _tell(odd)


def _tell(odd: Mapping[str, str]) -> None:
    """End with status 2 where sessions could not be read: the others were."""
    if odd:
        raise InputError(" ".join(["Not all sessions can be read.", *odd.values()]))


def _report(options: Namespace) -> None:
    with _open(options) as store, ProgressLine() as progress:
        from napari_uncertainseg.evaluate.session_report import write_report
        from napari_uncertainseg.explain.feedback.section import feedback_section

        found = write_report(
            store,
            options.out,
            session_id=options.session,
            named=not options.without_names,
            pictures=not options.no_pictures,
            further=lambda found: feedback_section(found, options.results or (), progress),
            progress=progress,
        )
    unsound = sum(bool(part.fault) for part in found.sessions)
    print(f"{options.out}: {len(found.sessions)} sessions, {unsound} of them not sound")


def _adjudicate(options: Namespace) -> None:
    with _open(options) as store:
        from napari_uncertainseg.evaluate.adjudication.combine import RULES, adjudicate
        from napari_uncertainseg.evaluate.adjudication.files import write_adjudication
        from napari_uncertainseg.evaluate.adjudication.reviews import finished_reviews, read_masks
        from napari_uncertainseg.evaluate.saved_results import read_saved_results

        prediction = read_saved_results(Path(options.results)).prediction
        offered = [found.id for found in finished_reviews(store, prediction).sessions]
        chosen = options.sessions or offered
        if missing := [one for one in chosen if one not in offered]:
            raise InputError(
                f"{store.name}: {missing[0]} is no finished review of these results; `uncertainseg session "
                "list` shows the sessions."
            )
        masks = [read_masks(store, one, prediction) for one in chosen]
    found = adjudicate(masks, options.rule, prediction.grid)
    write_adjudication(Path(options.out), found, prediction, "")
    outcomes = [one.outcome for one in found.lesions]
    print(RULES[options.rule])
    print(
        f"{options.out}: {outcomes.count('kept')} lesions kept, {outcomes.count('dropped')} dropped, "
        f"{outcomes.count('open')} to be decided (not in the mask)"
    )


def _migrate(options: Namespace) -> None:
    from napari_uncertainseg.review.database.connection import connect, display_name

    engine = connect(options.url, backed_up=True, create=False)
    print(f"{display_name(engine.url)} is up to date")
    engine.dispose()


def _simulate(options: Namespace) -> None:
    from napari_uncertainseg.evaluate.listed_cases import check_cases, notes_of

    if options.repeats < 1:
        raise InputError("There must be at least one reading.")
    check_cases(options.cases)
    from napari_uncertainseg.evaluate.simulated_readers import review_tables
    from napari_uncertainseg.export import write_table
    from napari_uncertainseg.review.simulation import SimulatedReader, compare
    from napari_uncertainseg.review.store.reading_speed import ReadingSpeed

    reader = SimulatedReader(ReadingSpeed(options.seconds), skill=options.skill)
    with ProgressLine() as progress:
        tables = review_tables(options.cases, progress=progress)
    found = compare(tables, reader=reader, repeats=options.repeats)
    print(
        f"simulated readers, {len(tables)} cases, {sum(map(len, tables))} lesions and candidates; "
        f"{options.seconds:g} s for 10 mm3, {options.skill:.0%} of the verdicts right"
    )
    before = found["before"][0]
    print(f"errors before: {before:.1f} per case; seconds until")
    print(f"{'order':10}{'half of the errors':>20}{'a fifth left':>14}{'all':>10}{'errors left':>13}")
    for row in found.to_dict("records"):
        print(
            f"{row['order']:10}{row['half']:>18.0f} s{row['fifth']:>12.0f} s{row['all']:>8.0f} s"
            f"{row['left']:>13.1f}"
        )
    if options.tsv is not None:
        write_table(options.tsv, found)
    for note in notes_of(options.cases):
        print(f"note: {note}")


def _open(options: Namespace) -> Store:
    """Look at a file or server, without changing anything."""
    from napari_uncertainseg.review.database.passwords import check_target
    from napari_uncertainseg.review.store.store import Store

    if "://" not in options.file:
        check_target(options.file)
    return Store(options.file, options.masks, reading=True)
