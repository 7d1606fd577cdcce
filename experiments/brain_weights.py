"""Which weights find the brain: those that ship have seen the sources that an experiment leaves out."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_uncertainseg.networks import brain


def add_brain_option(parser: argparse.ArgumentParser) -> None:
    """Let a command name the weights with which brains are found, such as a fold's of brain.toml."""
    parser.add_argument(
        "--brain", type=_use, metavar="WEIGHTS", help="weights that find the brain, not those that ship"
    )


def _use(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    brain.WEIGHTS = path
    return path
