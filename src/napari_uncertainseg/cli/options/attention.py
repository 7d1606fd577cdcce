"""The words of ``uncertainseg train-mil`` and ``uncertainseg attention``. Imports nothing heavy."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import MODEL, RESULTS_WITH_MEMBERS, command, later, reads, writes
from napari_uncertainseg.cli.options.numbers import count, index, width
from napari_uncertainseg.disk.outputs import FOLDER


def add_train_mil(commands: argparse._SubParsersAction) -> None:
    """Add ``train-mil``."""
    parser = command(
        commands,
        "train-mil",
        "lesions.attention",
        "learn a label of patients without outlines, and where to look for it",
    )
    # A function has no dash in its name.
    parser.set_defaults(run=later("lesions.attention", "train_mil"))
    reads(
        parser,
        "cohort",
        table=True,
        metavar="COHORT.tsv",
        help="a table with the columns folder (of results) or flair, t1, ..., and label (1 or 0), perhaps "
        "patient and source",
    )
    writes(parser, "--out", kind=FOLDER, required=True, metavar="FOLDER", help="for what is learned")
    parser.add_argument("--label", default="label", metavar="COLUMN", help="another name (%(default)s)")
    parser.add_argument(
        "--instances",
        choices=("candidates", "patches"),
        default="candidates",
        help="lesions and candidates, or cubes of the brain (%(default)s)",
    )
    parser.add_argument(
        "--patch", type=width, default=24.0, metavar="MM", help="edge of a cube, mm (%(default)g)"
    )
    parser.add_argument(
        "--stage", metavar="NAME", help="of the network, whose activations are read (the second deepest)"
    )
    parser.add_argument(
        "--network", type=count, default=1, metavar="K", help="which one of an ensemble (%(default)s)"
    )
    parser.add_argument(
        "--auxiliary",
        default="size",
        metavar="size|none|COLUMN",
        help="a second task: the size of each instance, none, or what a column says (%(default)s)",
    )
    parser.add_argument(
        "--rule",
        choices=("cosine", "online"),
        default="cosine",
        help="how the second task is weighed (%(default)s)",
    )
    parser.add_argument("--members", type=count, default=5, metavar="N", help="networks (%(default)s)")
    parser.add_argument("--steps", type=count, default=150, metavar="N", help="of training (%(default)s)")
    parser.add_argument("--seed", type=index, default=0, metavar="N", help="(%(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace what FOLDER holds")
    _add_network(parser)


def add_attention(commands: argparse._SubParsersAction) -> None:
    """Add ``attention``."""
    parser = command(
        commands, "attention", "lesions.attention", "say where trained attention looks in a folder of results"
    )
    reads(
        parser,
        "results",
        holds=RESULTS_WITH_MEMBERS,
        metavar="RESULTS",
        help="a folder that `segment` wrote; its scans are read again",
    )
    reads(parser, "--mil", required=True, metavar="FOLDER", help="that `train-mil` wrote")
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")
    _add_network(parser)


def _add_network(parser: argparse.ArgumentParser) -> None:
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
