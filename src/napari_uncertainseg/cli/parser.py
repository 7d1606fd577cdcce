"""The words of the command line. Imports nothing heavy: `--help` answers at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

from napari_uncertainseg import __version__
from napari_uncertainseg.cli.options.attention import add_attention, add_train_mil
from napari_uncertainseg.cli.options.audit.audit import add_audit
from napari_uncertainseg.cli.options.audit.ranking import add_rank
from napari_uncertainseg.cli.options.declare import (
    MODEL,
    NOTICE,
    SCAN,
    command,
    later,
    reads,
    writes,
)
from napari_uncertainseg.cli.options.drivers import add_drivers
from napari_uncertainseg.cli.options.explanations import add_explain
from napari_uncertainseg.cli.options.numbers import count, probability
from napari_uncertainseg.cli.options.places import add_places
from napari_uncertainseg.cli.options.refinement import add_radiomics, add_refine
from napari_uncertainseg.cli.options.sessions import add_session
from napari_uncertainseg.cli.options.setting import add_setting
from napari_uncertainseg.cli.options.shapes import add_export_shapes
from napari_uncertainseg.cli.options.told import add_told
from napari_uncertainseg.disk.outputs import FOLDER, NUMBERS, SEG, SHEET, TABLE
from napari_uncertainseg.images.formats.formats import formats_in_words
from napari_uncertainseg.modalities import MODALITIES, OPTIONAL


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where to find help."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line.

    Returns
    -------
    argparse.Namespace
        The options; ``run(options)`` carries the command out.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if options.command == "bench":
        options.arguments = rest
    elif rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    return options


@cache  # who calls `main` often makes the words once
def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="uncertainseg",
        description="Segment lesions, see where the model doubts, and check what its confidence means.",
        epilog=NOTICE,
    )
    parser.add_argument("--version", action="version", version=f"uncertainseg {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the whole traceback of an internal error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        _add_view,
        _add_demo,
        _add_segment,
        _add_run,
        _add_evaluate,
        _add_calibrate,
        add_rank,
        add_audit,
        add_explain,
        add_drivers,
        add_places,
        add_radiomics,
        add_refine,
        _add_export_seg,
        add_export_shapes,
        add_session,
        _add_models,
        _add_train,
        add_train_mil,
        add_attention,
        _add_bench,
    ):
        add(commands)
    return parser


def _add_view(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "view", "window", "open napari with the scans and the Review docks")
    reads(parser, "scans", nargs="*", metavar="SCAN", help=f"{formats_in_words()}, or a folder of results")


def _add_demo(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "demo", "window", "segment a simulated case and show it in the window")
    parser.add_argument(
        "--headless",
        action="store_true",
        help="use a virtual screen; leave pictures of the window and every output in a folder",
    )
    writes(
        parser,
        "--out",
        kind=FOLDER,
        default=Path("demo-output"),
        metavar="DIR",
        help="that folder (%(default)s)",
    )


def _add_segment(commands: argparse._SubParsersAction) -> None:
    parser = command(
        commands, "segment", "segment", "segment a scan and write the maps and the list of lesions"
    )
    reads(
        parser,
        "scan",
        holds=SCAN,
        metavar="SCAN",
        help=f"the FLAIR, or what the model reads: {formats_in_words()}",
    )
    for modality in OPTIONAL:
        title = MODALITIES[modality].title
        reads(parser, f"--{modality}", holds=SCAN, metavar="F", help=f"{title} of the same visit")
    reads(
        parser,
        "--scan",
        dest="scans",
        holds=SCAN,
        type=str,
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "F"),
        help="any other scan that the model reads, by the name in `models show`; may be given again",
    )
    reads(parser, "--mask", metavar="F", help="brain mask on the FLAIR's grid; found when not given")
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="folder for the results")
    add_setting(parser)
    reads(
        parser,
        "--probabilities",
        nargs="+",
        default=[],
        metavar="FILE",
        help="in place of a model: a probability map for each member, as image or as nnU-Net saves it",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the results that DIR holds")


def _add_run(commands: argparse._SubParsersAction) -> None:
    parser = command(
        commands, "run", "run", "segment every visit of a cohort, and report on what should be read first"
    )
    reads(
        parser,
        "cohort",
        table=True,
        metavar="COHORT",
        help="a BIDS dataset, a folder of folders, or a table (flair, t1, ..., name, reference)",
    )
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="folder for the results")
    add_setting(parser)
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of Dask, for the workers of other computers; else this one's"
    )
    parser.add_argument(
        "--workers", type=count, metavar="N", help="on this computer; by memory and cores if not given"
    )
    parser.add_argument(
        "--resample", action="store_true", help="bring references on other grids onto the scan's"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="make anew what DIR holds of another setting"
    )


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    parser = command(
        commands, "evaluate", "evaluate", "compare what `segment` wrote with a reference and with raters"
    )
    reads(parser, "folder", nargs="?", metavar="DIR", help="a folder that `segment` wrote")
    reads(parser, "--reference", metavar="MASK", help="label image, nonzero is lesion")
    reads(
        parser,
        "--rater",
        action="append",
        default=[],
        metavar="MASK",
        help="a rater's label image; repeatable",
    )
    reads(
        parser,
        "--cases",
        table=True,
        metavar="FILE.tsv",
        help="many cases: a table with the columns folder, reference and perhaps raters (a.nii.gz;b.nii.gz)",
    )
    parser.add_argument(
        "--label-map", action="store_true", help="masks hold the classes' numbers: compare each class too"
    )
    parser.add_argument(
        "--resample", action="store_true", help="bring masks on other grids onto the scan's (nearest voxel)"
    )
    writes(parser, "--out", kind=NUMBERS, metavar="FILE.json", help="write the numbers there too")
    writes(parser, "--tsv", kind=TABLE, metavar="FILE.tsv", help="write a row for each case")
    writes(
        parser,
        "--sheet",
        kind=SHEET,
        metavar="FILE",
        help="draw a page for each case: .pdf, or of one case .svg",
    )


def _add_calibrate(commands: argparse._SubParsersAction) -> None:
    parser = command(
        commands,
        "calibrate",
        "calibrate",
        "from cases with a reference: thresholds with a guarantee, and a recalibration",
    )
    reads(
        parser,
        "cases",
        table=True,
        metavar="CASES.tsv",
        help="a table with the columns folder and reference",
    )
    parser.add_argument(
        "--limit", type=probability, default=0.1, metavar="SHARE", help="what may be missed or false (0.1)"
    )
    parser.add_argument(
        "--confidence", type=probability, default=0.9, metavar="P", help="of the second guarantee (0.9)"
    )
    parser.add_argument(
        "--kind",
        choices=("temperature", "platt", "beta", "isotonic"),
        default="temperature",
        help="of the recalibration (temperature)",
    )
    writes(
        parser,
        "--out",
        kind=NUMBERS,
        metavar="FILE.json",
        help="where to; beside your models if not given",
    )


def _add_export_seg(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "export-seg", "short_commands", "write the lesions of a folder as a DICOM SEG")
    parser.set_defaults(run=later("short_commands", "export_seg"))
    reads(parser, "folder", metavar="DIR", help="a folder that `segment` or the window wrote")
    reads(parser, "--dicom", required=True, metavar="SERIES", help="folder of the FLAIR's DICOM series")
    writes(parser, "--out", kind=SEG, required=True, metavar="FILE.dcm", help="where to")


def _add_models(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "models", "models", "list the models, show one, or add one")
    actions = parser.add_subparsers(dest="action", metavar="[list|show|add]")
    actions.add_parser("list", help="every model that can be named (the default)")
    show = actions.add_parser("show", help="what a model is, and its card")
    reads(show, "name", missing=None, holds=MODEL, type=str, metavar="NAME|PATH", help="name or folder")
    add = actions.add_parser("add", help="check a model folder or zip file and copy it to your models")
    reads(add, "path", metavar="PATH|ZIP", help="the folder, or a zip file of it")
    add_told(add)


def _add_train(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "train", "short_commands", "train a network as a configuration file says")
    reads(parser, "configuration", metavar="CONFIG", help="a TOML file")
    parser.add_argument(
        "--seed",
        type=count,
        metavar="N",
        help="another run of it, as a member of an ensemble; its output ends in '-seedN'",
    )


def _add_bench(commands: argparse._SubParsersAction) -> None:
    # The benchmark knows its own options, --help among them.
    parser = commands.add_parser(
        "bench", help="the figures of docs/performance.md on this machine", add_help=False
    )
    parser.set_defaults(run=later("short_commands", "bench"))
