"""The words of ``uncertainseg audit attributes``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.audit.groups import names_of_columns
from napari_uncertainseg.cli.options.declare import MODEL, command, reads, writes
from napari_uncertainseg.cli.options.numbers import count, index
from napari_uncertainseg.disk.outputs import FOLDER


def add_attributes(parts: argparse._SubParsersAction) -> None:
    """Add ``attributes``."""
    parser = command(
        parts,
        "attributes",
        "audit.attributes",
        "find whether an attribute, such as the sex or the scanner, can be told from the images",
    )
    reads(
        parser,
        "cohort",
        table=True,
        metavar="COHORT.tsv",
        help="a table with the column folder (results), perhaps patient and reference, and the attributes",
    )
    parser.add_argument(
        "--by",
        type=names_of_columns,
        required=True,
        metavar="COLUMN,...",
        help="columns with the attributes, such as sex,age_band,scanner",
    )
    writes(parser, "--out", kind=FOLDER, metavar="DIR", help="a new folder for the page, tables and numbers")
    reads(
        parser,
        "--features",
        missing=None,  # it is made then
        metavar="DIR",
        help="folder where features of scans are kept, so that a second run is quick (the user's cache)",
    )
    _add_models(parser)


def _add_models(parser: argparse.ArgumentParser) -> None:
    """What looks at the scans, and how often labels are permuted."""
    parser.add_argument(
        "--permutations",
        type=count,
        default=199,
        metavar="N",
        help="of the labels, at most, for each input (%(default)s)",
    )
    parser.add_argument(
        "--seed", type=index, default=0, metavar="N", help="of all that is drawn (%(default)s)"
    )
    reads(
        parser,
        "--encoder",
        missing=None,  # it may be a name
        holds=MODEL,
        type=str,
        default="bundled",
        metavar="MODEL",
        help="a model of this program whose network reads the whole scans (%(default)s)",
    )
    reads(
        parser,
        "--model",
        missing=None,
        holds=MODEL,
        type=str,
        metavar="MODEL",
        help="name or folder of the model that made the results",
    )
    parser.add_argument(
        "--stage", metavar="NAME", help="whose activations are its bottleneck (the deepest of the encoder)"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="(%(default)s)")
