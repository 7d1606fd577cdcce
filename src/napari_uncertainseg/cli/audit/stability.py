"""``uncertainseg audit stability``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine
from napari_uncertainseg.modalities import OPTIONAL

if TYPE_CHECKING:
    from napari_uncertainseg._base import Progress
    from napari_uncertainseg.audit.stability.imitated.imitation import Imitation
    from napari_uncertainseg.audit.stability.imitated.people import Person


def stability(options: Namespace) -> None:
    """Compare acquisitions, write the folder, and say what can be said."""
    _check(options)
    from napari_uncertainseg.audit.stability.analysis import stability_of
    from napari_uncertainseg.audit.stability.cases import read_acquisitions
    from napari_uncertainseg.audit.stability.files import PAGE, write_stability
    from napari_uncertainseg.audit.stability.sentences import all_sentences

    with ProgressLine() as progress:
        made: list[str] = []
        table = options.acquisitions
        if table is None:
            table, made = _imitated(options, progress)
        acquisitions, notes = read_acquisitions(table)
        sets = stability_of(acquisitions, progress, images=not options.no_images)
        write_stability(options.out, sets, str(table), [*made, *notes])
    print("\n".join([*all_sentences(sets), *(f"note: {note}" for note in (*made, *notes))]))
    print(f"{options.out}: written; open {options.out / PAGE}")


def _check(options: Namespace) -> None:
    """Refuse what does not go together, or cannot be used."""
    from napari_uncertainseg.audit.stability.cases import read_acquisitions
    from napari_uncertainseg.disk.new_folder import check_new

    if (options.acquisitions is None) == (not options.imitate):
        raise InputError("Name a table of acquisitions, or scans to be imitated with --imitate.")
    if options.imitate and options.keep is None:
        raise InputError("Name a folder with --keep, in which the imitated scans and their results stay.")
    if options.acquisitions is not None:
        given = ("keep", "ways", "harmonise", "reference", *OPTIONAL)
        if useless := [name for name in given if getattr(options, name)]:
            raise InputError(
                f"--{useless[0]} is for imitated acquisitions: a table names results that are there already."
            )
    check_new(options.out)
    if options.acquisitions is not None:
        read_acquisitions(options.acquisitions)
    else:
        _imitations(options)


def _imitations(options: Namespace) -> tuple[Sequence[Person], tuple[Imitation, ...]]:
    """Whose scans are imitated, and how."""
    from napari_uncertainseg.audit.stability.imitated.imitation import parse_imitations
    from napari_uncertainseg.audit.stability.imitated.people import people_of_scans
    from napari_uncertainseg.images.scans import check_scan

    ways = parse_imitations(options.ways)
    others = {name: getattr(options, name) for name in (*OPTIONAL, "reference")}
    people = people_of_scans(options.imitate, others)
    for path in (path for person in people for path in person.paths.values()):
        check_scan(path, options.volume)
    return people, ways


def _imitated(options: Namespace, progress: Progress) -> tuple[Path, list[str]]:
    """The table of imitated acquisitions that were segmented, and what was not made."""
    from napari_uncertainseg.audit.stability.imitated.runs import Plan, segment_imitations
    from napari_uncertainseg.cli.run import run_options

    people, ways = _imitations(options)
    plan = Plan(ways, tuple(options.harmonise), options.imitation_seed, run_options(options))
    return segment_imitations(people, plan, options.keep, progress)
