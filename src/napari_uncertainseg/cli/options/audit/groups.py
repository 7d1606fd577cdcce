"""The words of ``uncertainseg audit groups``. Imports nothing heavy."""

from __future__ import annotations

import argparse
import math
from itertools import pairwise

from napari_uncertainseg.cli.options.declare import command, reads, writes
from napari_uncertainseg.cli.options.numbers import count, index, probability
from napari_uncertainseg.disk.outputs import FOLDER


def add_groups(parts: argparse._SubParsersAction) -> None:
    """Add ``groups``."""
    parser = command(
        parts, "groups", "audit.groups", "compare groups of patients, such as sexes, ages and sites"
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
        help="columns whose values are the groups, such as sex,age_band,site",
    )
    parser.add_argument(
        "--bands",
        type=_bands,
        action="append",
        default=[],
        metavar="COLUMN=LIMIT,...",
        help="part a column of numbers into bands at these limits, such as age=40,60; may be given again",
    )
    parser.add_argument(
        "--covariates",
        type=names_of_columns,
        default=(),
        metavar="COLUMN,...",
        help="what groups may differ in besides: columns of numbers or words, and volume, the reference's; "
        "gaps are then adjusted for them, and measured on matched pairs",
    )
    _add_comparison(parser)
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    """What is compared, and how."""
    parser.add_argument(
        "--measure",
        type=names_of_columns,
        default=(),
        metavar="NAME,...",
        help="measures to compare, such as dice,psu: the fewer tests, the more each can show (all)",
    )
    parser.add_argument(
        "--doubt",
        type=probability,
        default=0.2,
        metavar="D",
        help="from which on a reader has to see a lesion or candidate (%(default)g)",
    )
    parser.add_argument(
        "--draws",
        type=count,
        default=9_999,
        metavar="N",
        help="permutations, where there are too many to look at all (%(default)s)",
    )
    parser.add_argument("--seed", type=index, default=0, metavar="N", help="of the draws (%(default)s)")
    parser.add_argument(
        "--resample", action="store_true", help="bring references on other grids onto the scan's"
    )


def _bands(said: str) -> tuple[str, tuple[float, ...]]:
    """A column, and ascending limits between commas."""
    column, _, numbers = said.rpartition("=")
    try:
        limits = tuple(float(number) for number in numbers.split(","))
    except ValueError:
        limits = ()
    ascending = all(a < b for a, b in pairwise(limits)) and all(map(math.isfinite, limits))
    if not column or not limits or not ascending:
        raise argparse.ArgumentTypeError(f"{said} should be COLUMN=LIMIT,... with ascending numbers")
    return column, limits


def names_of_columns(said: str) -> tuple[str, ...]:
    """Names of columns between commas."""
    names = tuple(name.strip() for name in said.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{said!r} should be names of columns with commas between them")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise argparse.ArgumentTypeError(f"the column {twice} is named twice")
    return names
