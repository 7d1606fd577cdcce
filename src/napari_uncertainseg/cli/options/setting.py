"""The words of what scans are segmented with. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import MODEL, reads
from napari_uncertainseg.cli.options.numbers import count, index, probability, volume

METHODS = ("one-pass", "layers", "mc-dropout", "flips", "ensemble")
DEVICES = ("auto", "cpu", "cpu-float32", "cpu-int8", "cuda")
SKULL = ("auto", "removed", "present")


def add_setting(parser: argparse.ArgumentParser) -> None:
    """Add what scans are segmented with, one or many."""
    reads(
        parser,
        "--model",
        missing=None,
        holds=MODEL,
        type=str,
        default="bundled",
        metavar="NAME|PATH",
        help="see `models` (%(default)s)",
    )
    parser.add_argument(
        "--skull", choices=SKULL, default="auto", help="whether the scans still show it (%(default)s)"
    )
    parser.add_argument(
        "--volume", type=index, metavar="N", help="which volume of 4-D files, the first one is 0"
    )
    parser.add_argument(
        "--method", choices=METHODS, default="one-pass", help="where members come from (%(default)s)"
    )
    parser.add_argument(
        "--members", type=count, metavar="N", help="number of members, for methods that sample"
    )
    parser.add_argument(
        "--target",
        nargs="+",
        metavar="CLASS",
        help="of a model with several classes: which, see `models show`",
    )
    parser.add_argument(
        "--threshold", type=probability, metavar="T", help="0 to 1; the model's own by default"
    )
    parser.add_argument(
        "--min-volume", type=volume, default=3.0, metavar="MM3", help="smallest lesion, mm3 (%(default)g)"
    )
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="cpu-float32: never in bf16 or int8; cpu-int8: in int8 on any CPU, see docs/performance.md "
        "(%(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of methods that sample (%(default)s)"
    )
    parser.add_argument(
        "--bias-correction",
        action=argparse.BooleanOptionalAction,
        help="correct uneven brightness first (N4), or never; by default where the scans show the skull",
    )
