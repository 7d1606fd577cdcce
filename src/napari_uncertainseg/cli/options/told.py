"""What the user says of a model made elsewhere when it is added; it is kept with the model."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError

from napari_uncertainseg.cli.options.declare import reads
from napari_uncertainseg.cli.options.numbers import probability

KINDS = ("monai", "nnunet")
"""`networks.kinds.NAMES`, which would bring torch along."""


def add_told(parser: ArgumentParser) -> None:
    """Options for what a model made elsewhere does not say itself; it is kept with the model."""
    parser.add_argument(
        "--kind", choices=KINDS, help="which model is meant, where the folder holds two kinds"
    )
    parser.add_argument("--name", metavar="NAME", help="what the model is called here")
    parser.add_argument(
        "--scan",
        type=_scan,
        action="append",
        metavar="SCAN=CHANNEL",
        help="which scan a channel is, by its number or name: flair=0; may be given again",
    )
    parser.add_argument(
        "--target", nargs="+", metavar="LABEL", help="what is segmented; several labels count as one"
    )
    parser.add_argument(
        "--threshold", type=probability, metavar="T", help="0 to 1, in place of the model's own"
    )
    reads(
        parser,
        "--merge",
        missing=None,  # within the model's folder
        type=str,
        nargs="+",
        metavar="FILE",
        help="further files in configs that belong to a bundle's inference.json, such as common.yaml",
    )


def _scan(text: str) -> tuple[str, str]:
    scan, mark, channel = text.partition("=")
    if not (scan and mark and channel):
        raise ArgumentTypeError(f"{text} should be a scan and its channel, such as flair=0")
    return scan, channel
