"""``uncertainseg train``."""

from __future__ import annotations

import sys
from argparse import Namespace

from napari_uncertainseg.cli import INTERRUPTED
from napari_uncertainseg.cli.progress import ProgressLine


def train(options: Namespace) -> None:
    """Train a network, and say where it is; after Ctrl+C, say how to resume."""
    from napari_uncertainseg.training import trainer
    from napari_uncertainseg.training.interruption import Stopped

    try:
        with ProgressLine() as progress:
            result = trainer.train(options.configuration, seed=options.seed, progress=progress)
    except Stopped as stopped:
        print(f"uncertainseg: {stopped}", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    print(result)
