"""``uncertainseg train``."""

from __future__ import annotations

from argparse import Namespace

from napari_uncertainseg.cli.progress import ProgressLine


def train(options: Namespace) -> None:
    """Train a network, and say where it is."""
    from napari_uncertainseg.training import trainer

    with ProgressLine() as progress:
        result = trainer.train(options.configuration, progress=progress)
    print(result)
