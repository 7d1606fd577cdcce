"""The words of ``uncertainseg rank``. Imports nothing heavy."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from napari_uncertainseg.cli.options.declare import command, reads, writes
from napari_uncertainseg.cli.options.numbers import count, index
from napari_uncertainseg.disk.outputs import FOLDER


def add_rank(commands: argparse._SubParsersAction) -> None:
    """Add ``rank``."""
    parser = command(
        commands, "rank", "audit.ranking", "rank models over cases, and say how sure the ranking is"
    )
    _add_scores(parser)
    _add_way(parser)
    _add_stability(parser)
    writes(parser, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")


def _add_scores(parser: argparse.ArgumentParser) -> None:
    """What is ranked, and by what."""
    reads(
        parser,
        "results",
        type=_named_path,
        nargs="+",
        metavar="RESULTS.tsv",
        help="a table with the columns case, model and metrics, perhaps patient and task; or for each model "
        "MODEL=TABLE (of `evaluate --tsv`) or MODEL=FOLDER (of a `run` with references)",
    )
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME[=high|low]",
        help="a column to rank by, and whether high or low values are good where that is not known; may be "
        "given again (dice, lesion_f1, surface_dice and ace if they are there)",
    )


def _add_way(parser: argparse.ArgumentParser) -> None:
    """How a ranking is made of scores."""
    parser.add_argument(
        "--method",
        default="mean-then-rank",
        metavar="WAY",
        help="mean-then-rank, median-then-rank, rank-then-mean, rank-then-median, test-then-rank, "
        "test-then-rank-holm; also min, max or q5 in place of mean (%(default)s)",
    )
    parser.add_argument(
        "--weight",
        type=_weight,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="what a task or a metric counts in the consensus (1 if not given); may be given again",
    )
    parser.add_argument(
        "--ties",
        choices=("min", "average"),
        default="min",
        help="what equal models get: the best of their ranks, or the mean (%(default)s)",
    )
    parser.add_argument(
        "--missing",
        type=_missing,
        metavar="worst|drop|NUMBER",
        help="what stands for a missing score: the worst score of all, nothing, or a number",
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help="take exact tests where there are fewer than 50 patients and no ties, as R does by itself",
    )


def _add_stability(parser: argparse.ArgumentParser) -> None:
    """How sure the ranking is, and what hard cases share."""
    parser.add_argument(
        "--draws", type=count, default=1000, metavar="N", help="of the patients, for stability (%(default)s)"
    )
    parser.add_argument("--seed", type=index, default=0, metavar="N", help="of the draws (%(default)s)")
    reads(
        parser,
        "--features",
        action="append",
        default=[],
        metavar="PATH",
        help="features of the cases, to find what hard ones share: a table with the column case; what "
        "`drivers` wrote; or a run, a folder of results or a table of such folders, whose lesions are "
        "measured; may be given again",
    )


def _named_path(said: str) -> list[str | Path]:
    """A path, perhaps after the name of a model; what is there as it stands is a path."""
    name, mark, path = said.partition("=")
    if not mark or Path(said).exists():
        return ["", Path(said)]
    if not name or not path:
        raise argparse.ArgumentTypeError(f"{said} should be MODEL=TABLE or MODEL=FOLDER")
    return [name, Path(path)]


def _weight(said: str) -> tuple[str, float]:
    name, mark, text = said.rpartition("=")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (mark and name) or not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{said} should be NAME=NUMBER, of a number that is 0 or more")
    return name, number


def _missing(said: str) -> str | float:
    if said in ("worst", "drop"):
        return said
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{said} should be worst, drop or a number")
    return number
