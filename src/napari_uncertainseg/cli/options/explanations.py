"""The words of ``uncertainseg explain``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import MODEL, RESULTS_WITH_MEMBERS, command, reads, writes
from napari_uncertainseg.cli.options.numbers import count, fraction
from napari_uncertainseg.disk.outputs import FOLDER

_PARTS = ("saliency", "gradcam", "context", "counterfactuals", "drivers")


def add_explain(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = command(
        commands, "explain", "lesions.explain", "say why the model outlines a lesion, or doubts it"
    )
    reads(
        parser,
        "results",
        holds=RESULTS_WITH_MEMBERS,
        metavar="RESULTS",
        help="a folder that `segment` wrote; its scans are read again",
    )
    parser.add_argument(
        "--lesion", type=count, nargs="+", default=[], metavar="N", help="numbers in its lesions.tsv"
    )
    parser.add_argument(
        "--candidate", type=count, nargs="+", default=[], metavar="N", help="numbers of candidates"
    )
    reads(parser, "--region", metavar="MASK", help="any voxels: a mask on the scan's grid")
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--what", nargs="+", choices=_PARTS, default=[], metavar="PART", help=f"{', '.join(_PARTS)} (all)"
    )
    parser.add_argument(
        "--passes", type=count, default=50, metavar="N", help="copies with noise, of saliency (%(default)s)"
    )
    parser.add_argument(
        "--noise",
        type=fraction,
        default=0.05,
        metavar="SHARE",
        help="its standard deviation, as a share of the scan's range (%(default)s)",
    )
    parser.add_argument(
        "--gradients",
        choices=("average", "maximum"),
        default="average",
        help="of the region's sum, or the largest of its single voxels: much slower (%(default)s)",
    )
    parser.add_argument("--stage", metavar="NAME", help="of the network, for Grad-CAM++ (the finest)")
    parser.add_argument(
        "--network", type=count, default=1, metavar="K", help="which one of an ensemble (%(default)s)"
    )
    reads(
        parser,
        "--model",
        missing=None,  # it may be a name
        holds=MODEL,
        type=str,
        metavar="NAME|PATH",
        help="the model that made the results, where its name does not find it",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise (%(default)s)")
