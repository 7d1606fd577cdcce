"""``uncertainseg audit stability``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine
from napari_uncertainseg.modalities import OPTIONAL

if TYPE_CHECKING:
    from napari_uncertainseg._base import Progress


def stability(options: Namespace) -> None:
    """Compare acquisitions, write the folder, and say what can be said."""
    from napari_uncertainseg.audit.stability.analysis import stability_of
    from napari_uncertainseg.audit.stability.cases import read_acquisitions
    from napari_uncertainseg.audit.stability.files import PAGE, write_stability
    from napari_uncertainseg.audit.stability.sentences import all_sentences
    from napari_uncertainseg.disk.new_folder import check_new

    _check(options)
    check_new(options.out)
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
    """Refuse what does not go together."""
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


def _imitated(options: Namespace, progress: Progress) -> tuple[Path, list[str]]:
    """The table of imitated acquisitions that were segmented, and what was not made."""
    from napari_uncertainseg.audit.stability.imitated.imitation import parse_imitations
    from napari_uncertainseg.audit.stability.imitated.runs import Plan, people_of_scans, segment_imitations
    from napari_uncertainseg.cli.run import run_options

    others = {name: getattr(options, name) for name in (*OPTIONAL, "reference")}
    ways, chosen = parse_imitations(options.ways), run_options(options)
    plan = Plan(ways, tuple(options.harmonise), options.imitation_seed, chosen)
    people = people_of_scans(options.imitate, others)
    return segment_imitations(people, plan, options.keep, progress)
