"""The words of ``uncertainseg audit groups``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import command, reads


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
        type=_names,
        required=True,
        metavar="COLUMN,...",
        help="columns whose values are the groups, such as sex,age_band,site",
    )


def _names(said: str) -> tuple[str, ...]:
    """Names of columns between commas."""
    names = tuple(name.strip() for name in said.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{said!r} should be names of columns with commas between them")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise argparse.ArgumentTypeError(f"the column {twice} is named twice")
    return names
