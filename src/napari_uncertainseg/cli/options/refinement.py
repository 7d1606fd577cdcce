"""The words of ``uncertainseg radiomics`` and ``uncertainseg refine``."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import RESULTS_WITH_MEMBERS, command, reads, writes
from napari_uncertainseg.cli.options.numbers import count, index, width
from napari_uncertainseg.disk.outputs import NUMBERS, TABLE


def add_radiomics(commands: argparse._SubParsersAction) -> None:
    """Add ``radiomics``."""
    parser = command(
        commands,
        "radiomics",
        "lesions.refinement",
        "measure 93 features of each lesion of a folder of results",
    )
    reads(parser, "folder", holds=RESULTS_WITH_MEMBERS, metavar="DIR", help="a folder that `segment` wrote")
    _add_measuring(parser)
    _add_maps(parser)
    writes(parser, "--out", kind=TABLE, required=True, metavar="FILE.tsv", help="a row for each lesion")


def add_refine(commands: argparse._SubParsersAction) -> None:
    """Add ``refine`` and its actions."""
    parser = command(commands, "refine", "lesions.refinement", "learn which lesions are false, and apply it")
    actions = parser.add_subparsers(dest="action", metavar="fit|apply", required=True)
    fit = actions.add_parser("fit", help="learn from cases with a reference, and say what it does on others")
    reads(
        fit,
        "cases",
        table=True,
        metavar="CASES.tsv",
        help="a table with the columns folder and reference, perhaps patient, source, and one for each map",
    )
    _add_measuring(fit)
    writes(fit, "--out", kind=NUMBERS, metavar="FILE.json", help="the refinement")
    fit.add_argument(
        "--with-model",
        action="store_true",
        help="keep it for the model that made the results: *Lesions* then has the column Real (yours)",
    )
    writes(fit, "--tsv", kind=TABLE, metavar="FILE.tsv", help="write the lesions and their features there")
    apply = actions.add_parser(
        "apply", help="say of each lesion of a folder of results how probably it is real"
    )
    reads(apply, "refinement", metavar="FILE.json", help="that `refine fit` wrote")
    reads(apply, "folder", holds=RESULTS_WITH_MEMBERS, metavar="DIR", help="a folder that `segment` wrote")
    _add_maps(apply)
    writes(apply, "--out", kind=TABLE, required=True, metavar="FILE.tsv", help="label, p_true and kept")


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        dest="images",
        metavar="NAME",
        help="a scan that the results were made of; may be given again (flair)",
    )
    parser.add_argument(
        "--bin-width",
        type=width,
        default=25.0,
        metavar="W",
        help="of grey levels, in hundredths of the standard deviation in the brain (%(default)g)",
    )
    parser.add_argument(
        "--bin-count", type=count, metavar="N", help="instead: so many grey levels in each lesion"
    )
    parser.add_argument(
        "--margin", type=index, default=0, metavar="N", help="voxels around each lesion (%(default)d)"
    )


def _add_maps(parser: argparse.ArgumentParser) -> None:
    reads(
        parser,
        "--map",
        dest="maps",
        type=str,
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "FILE"),
        help="another image on the same grid, such as a saliency; may be given again",
    )
