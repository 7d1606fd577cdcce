"""The words of ``uncertainseg export-shapes``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import RESULTS, command, later, reads, writes
from napari_uncertainseg.disk.outputs import FOLDER


def add_export_shapes(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = command(
        commands,
        "export-shapes",
        "lesions.shapes",
        "write each lesion as a closed mesh (STL, PLY, glTF), a mask and a cloud of points, with a table",
    )
    parser.set_defaults(run=later("lesions.shapes", "export_shapes"))
    reads(
        parser,
        "results",
        holds=RESULTS,
        metavar="RESULTS",
        help="a folder that `segment` or the window wrote",
    )
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--name",
        metavar="TEXT",
        help="with which all file names begin, such as DATASET_PATIENT; the name of RESULTS if not given",
    )
    parser.add_argument("--source", metavar="TEXT", help="whose scan it is, for every row and file")
    parser.add_argument("--licence", metavar="TEXT", help="under which the shapes may be used, likewise")
    parser.add_argument(
        "--places", action="store_true", help="say where in the brain each lies; takes seconds more"
    )
    reads(
        parser,
        "--places-from",
        metavar="TABLE.tsv",
        help="the same from a table that `places` wrote",
    )
    parser.add_argument("--age-band", metavar="A-B", help="of the patient, such as 40-49; left out otherwise")
    parser.add_argument(
        "--sex", choices=("female", "male", "other"), help="of the patient; left out otherwise"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the clouds of points (%(default)s)"
    )
