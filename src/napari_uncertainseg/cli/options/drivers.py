"""The words of ``uncertainseg drivers``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import command, reads, writes
from napari_uncertainseg.cli.options.numbers import index
from napari_uncertainseg.disk.outputs import FOLDER


def add_drivers(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = command(
        commands,
        "drivers",
        "lesions.drivers",
        "say what the doubt about lesions goes with: size, shape, place, contrast, noise",
    )
    reads(
        parser,
        "results",
        nargs="+",
        table=True,
        metavar="RESULTS",
        help="folders that `segment` wrote, the folder of a run, or a table with the columns folder, patient "
        "and perhaps source; of three patients at least",
    )
    writes(parser, "--out", kind=FOLDER, metavar="DIR", help="a new folder for tables, figure and fits")
    parser.add_argument(
        "--measure",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="of lesions.tsv (doubt, lsu, mean_entropy and mean_mutual_information)",
    )
    parser.add_argument("--seed", type=index, default=0, metavar="N", help="of draws (%(default)s)")
