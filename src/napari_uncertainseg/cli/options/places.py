"""The words of ``uncertainseg places``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import RESULTS_WITH_MEMBERS, command, reads, writes
from napari_uncertainseg.disk.outputs import TABLE


def add_places(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = command(
        commands,
        "places",
        "lesions.places",
        "say where lesions lie: periventricular, juxtacortical, infratentorial or deep white matter",
    )
    reads(
        parser,
        "results",
        holds=RESULTS_WITH_MEMBERS,
        nargs="+",
        metavar="RESULTS",
        help="folders that `segment` wrote; the scan is read again",
    )
    writes(
        parser,
        "--out",
        kind=TABLE,
        metavar="TABLE.tsv",
        help="a row for each lesion, with its distances to ventricle, cortex and the brain's edge in mm",
    )
