"""The words of ``uncertainseg audit stability``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import command, reads, writes
from napari_uncertainseg.cli.options.numbers import index
from napari_uncertainseg.cli.options.setting import add_setting
from napari_uncertainseg.disk.outputs import FOLDER
from napari_uncertainseg.modalities import MODALITIES, OPTIONAL


def add_stability(parts: argparse._SubParsersAction) -> None:
    """Add ``stability``."""
    parser = command(
        parts,
        "stability",
        "audit.stability",
        "compare acquisitions of the same people, real ones or imitated ones: what moves, and how far",
    )
    _add_acquisitions(parser)
    _add_scans(parser)
    _add_ways(parser)
    parser.add_argument(
        "--no-images",
        action="store_true",
        help="leave out distances of images and radiomic features, on which most of the time is spent",
    )
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")
    add_setting(parser)


def _add_acquisitions(parser: argparse.ArgumentParser) -> None:
    """Real acquisitions, as a table."""
    reads(
        parser,
        "acquisitions",
        nargs="?",
        table=True,
        metavar="ACQUISITIONS.tsv",
        help="people who were acquired several times: a table with the columns folder (results), patient and "
        "acquisition, perhaps reference; the first row of a person is what the others are compared with",
    )


def _add_scans(parser: argparse.ArgumentParser) -> None:
    """Scans that are acquired in other ways."""
    reads(
        parser,
        "--imitate",
        nargs="+",
        default=[],
        metavar="FLAIR",
        help="instead: scans of different people, which are acquired in other ways and segmented; or one "
        "table with the column flair, perhaps t1, t2, patient and reference",
    )
    for modality in OPTIONAL:
        title = MODALITIES[modality].title
        reads(
            parser, f"--{modality}", nargs="+", default=[], metavar="F", help=f"{title}, one for each FLAIR"
        )
    reads(
        parser,
        "--reference",
        nargs="+",
        default=[],
        metavar="MASK",
        help="an expert's mask, one for each FLAIR",
    )


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """In which ways, and where that stays."""
    parser.add_argument(
        "--ways",
        nargs="+",
        default=[],
        metavar="KIND[=STRENGTH,...]",
        help="noise (sigma, share of the brain's median), blur (mm), thick (slices, mm), bias (share), "
        "contrast (power); all in usual strengths if not given",
    )
    parser.add_argument(
        "--harmonise",
        nargs="+",
        default=[],
        choices=("landmarks", "matching"),
        metavar="WAY",
        help="segment all again after bringing the scans to one scale: landmarks (of the histogram, Nyul) or "
        "matching (of histograms, SimpleITK)",
    )
    parser.add_argument(
        "--imitation-seed", type=index, default=0, metavar="N", help="of noise and bias fields (%(default)s)"
    )
    reads(
        parser,
        "--keep",
        missing=None,  # it is made then
        metavar="DIR",
        help="where imitated scans and their results stay, so that a second run goes on where it stopped; "
        "needed with --imitate",
    )
