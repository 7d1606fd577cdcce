"""The words of ``uncertainseg audit challenge``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import command, reads, writes
from napari_uncertainseg.cli.options.numbers import count, fraction, index
from napari_uncertainseg.disk.outputs import FOLDER


def add_challenge(parts: argparse._SubParsersAction) -> None:
    """Add ``challenge``."""
    parser = command(
        parts,
        "challenge",
        "audit.challenge",
        "all measures of challenges and benchmarks on a cohort, as published and mended",
    )
    reads(
        parser,
        "cohort",
        table=True,
        metavar="COHORT.tsv",
        help="a table with the column folder (results), perhaps patient, reference, and masks of raters in "
        "the columns raters (semicolons between) or rater1, rater2, ...; or the folder of a run",
    )
    parser.add_argument(
        "--domain",
        default="",
        metavar="COLUMN",
        help="the column that tells what is in the domain, as source",
    )
    parser.add_argument(
        "--in",
        dest="inside",
        action="append",
        default=[],
        metavar="VALUE",
        help="a value of that column that is in the domain, such as a source that the model learnt from; may "
        "be given again",
    )
    parser.add_argument(
        "--raters",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column with a rater's mask; may be given again (raters, rater1, rater2, ... where there)",
    )
    parser.add_argument(
        "--simulate-raters",
        type=index,
        default=0,
        metavar="N",
        help="simulate N raters on the reference of each case that has none; the page says so",
    )
    parser.add_argument(
        "--poor",
        type=fraction,
        default=0.7,
        metavar="DICE",
        help="a segmentation with a lower Dice is poor, in the mended d-AUC (%(default)s; published 0.9)",
    )
    parser.add_argument(
        "--draws", type=count, default=1000, metavar="N", help="of the patients, for intervals (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=index, default=0, metavar="N", help="of draws and simulated raters (%(default)s)"
    )
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")
