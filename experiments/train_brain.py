"""Train the network that finds the brain: ``python experiments/train_brain.py [TABLE of brain.toml]``.

Ctrl+C saves; the same command resumes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from napari_uncertainseg.training.brain.configuration import read_brain_training
from napari_uncertainseg.training.brain.examples import Examples
from napari_uncertainseg.training.brain.trainer import train


def main(fold: str | None = None) -> None:
    """Train, or train on."""
    torch.set_num_threads(1)
    configuration = read_brain_training(Path(__file__).with_suffix("").parent / "brain.toml", fold)
    print(train(configuration, Examples(configuration)))


if __name__ == "__main__":
    main(*sys.argv[1:2])
