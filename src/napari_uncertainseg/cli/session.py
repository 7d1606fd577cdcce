"""``uncertainseg session``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    from napari_uncertainseg.review.store import Store


def session(options: Namespace) -> None:
    """List the sessions of a file, or verify them."""
    {"list": _list, "verify": _verify}[options.action](options)


def _list(options: Namespace) -> None:
    with _open(options.file) as store:
        print(f"{'session':34}{'annotator':20}{'kind':10}{'judged':>10}  {'state':8}opened")
        for found in store.sessions():
            judged = f"{len(store.verdicts(found.id))}/{len(store.tasks(found.id))}"
            state = "open" if found.closed is None else "closed"
            opened = found.opened[:19].replace("T", " ")
            print(f"{found.id:34}{found.annotator:20}{found.kind:10}{judged:>10}  {state:8}{opened}")


def _verify(options: Namespace) -> None:
    with _open(options.file) as store:
        faults = store.verify(options.session)
        heads = {id: store.head(id) for id in faults}
    for id, fault in faults.items():
        print(f"{id}  {'sound, last hash ' + heads[id] if not fault else 'NOT SOUND'}")
    wrong = [fault for fault in faults.values() if fault]
    if options.head is not None and options.head not in heads.values():
        wrong.append("No session ends with that hash: entries were taken away at the end, or added.")
    if wrong:
        raise InputError(" ".join(wrong))


def _open(file: Path) -> Store:
    from napari_uncertainseg.review.store import Store

    if not file.is_file():
        raise InputError(f"{file} is not there; name the file of a Session dock.")
    return Store(file)
