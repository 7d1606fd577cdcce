"""``uncertainseg session``."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.review.store import Store


def session(options: Namespace) -> None:
    """List the sessions of a file, verify, export or report them, or simulate readers."""
    from napari_uncertainseg.review.secrets import IN_SIGHT, has_password

    act = {
        "list": _list,
        "verify": _verify,
        "export": _export,
        "report": _report,
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


def _list(options: Namespace) -> None:
    with _open(options) as store:
        print(f"{'session':34}{'annotator':20}{'kind':10}{'judged':>10}  {'state':8}opened")
        for found in store.sessions():
            judged = f"{len(store.verdicts(found.id))}/{len(store.tasks(found.id))}"
            state = "open" if found.closed is None else "closed"
            opened = found.opened[:19].replace("T", " ")
            print(f"{found.id:34}{found.annotator[:19]:20}{found.kind:10}{judged:>10}  {state:8}{opened}")


def _verify(options: Namespace) -> None:
    with _open(options) as store:
        faults = store.verify(options.session)
        heads = {id: store.head(id) for id in faults}
    for id, fault in faults.items():
        print(f"{id}  {'sound, last hash ' + heads[id] if not fault else 'NOT SOUND'}")
    wrong = [fault for fault in faults.values() if fault]
    if options.head is not None and "".join(options.head.split()) not in heads.values():
        wrong.append("No session ends with that hash: entries were taken away at the end, or added.")
    if wrong:
        raise InputError(" ".join(wrong))


def _export(options: Namespace) -> None:
    from napari_uncertainseg.evaluate.folder import write_json
    from napari_uncertainseg.export import write_table
    from napari_uncertainseg.review.sharing import as_json, verdict_table

    if options.json is not None and options.without_names:
        raise InputError("A journal holds names: without them there is only the table.")
    with _open(options) as store:
        table = verdict_table(store, named=not options.without_names)
        write_table(options.out, table)
        if options.json is not None:
            write_json(as_json(store), options.json)
    print(f"{options.out}: {len(table)} tasks, {int((table['decision'] != '').sum())} with a verdict")


def _report(options: Namespace) -> None:
    from napari_uncertainseg.evaluate.session_report import write_report

    with _open(options) as store, ProgressLine() as progress:
        found = write_report(
            store,
            options.out,
            session=options.session,
            named=not options.without_names,
            pictures=not options.no_pictures,
            progress=progress,
        )
    unsound = sum(bool(part.fault) for part in found.sessions)
    print(f"{options.out}: {len(found.sessions)} sessions, {unsound} of them not sound")


def _migrate(options: Namespace) -> None:
    from napari_uncertainseg.review.database import connect, shown

    engine = connect(options.url, backed_up=True)
    print(f"{shown(engine.url)} is up to date")
    engine.dispose()


def _simulate(options: Namespace) -> None:
    from napari_uncertainseg.evaluate.cohort import notes_of
    from napari_uncertainseg.evaluate.simulating import review_tables
    from napari_uncertainseg.export import write_table
    from napari_uncertainseg.review.pace import Pace
    from napari_uncertainseg.review.simulation import Reader, compare

    if options.repeats < 1:
        raise InputError("There must be at least one reading.")
    reader = Reader(Pace(options.seconds), skill=options.skill)
    with ProgressLine() as progress:
        tables = review_tables(options.cases, progress=progress)
    found = compare(tables, reader=reader, repeats=options.repeats)
    print(
        f"simulated readers, {len(tables)} cases, {sum(map(len, tables))} lesions and candidates; "
        f"{options.seconds:g} s for 10 mm3, {options.skill:.0%} judged right"
    )
    before = found["before"][0]
    print(f"errors before: {before:.1f} a case; seconds until")
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
    from napari_uncertainseg.review.secrets import check_target
    from napari_uncertainseg.review.store import Store

    if "://" in options.file:
        return Store(options.file, options.masks)
    check_target(options.file)
    if not Path(options.file).is_file():
        raise InputError(f"{options.file} is not there; name the file of a Session dock.")
    return Store(options.file, options.masks)
