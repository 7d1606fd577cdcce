"""The words of ``uncertainseg audit patients``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import command, reads, writes
from napari_uncertainseg.disk.outputs import FOLDER


def add_patients(parts: argparse._SubParsersAction) -> None:
    """Add ``patients``."""
    parser = command(
        parts,
        "patients",
        "audit.patients",
        "volume and number of lesions of each patient with an interval, and scans unlike the others",
    )
    reads(
        parser,
        "cohort",
        table=True,
        metavar="COHORT.tsv",
        help="a table with the column folder (results), perhaps patient and reference; or a run's folder",
    )
    reads(
        parser,
        "--record",
        metavar="FILE.json",
        help="take the intervals from this record, which calibrate wrote of other patients; else each "
        "patient's come from the references of all others",
    )
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")
