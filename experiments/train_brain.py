"""Train the network that finds the brain: ``python experiments/train_brain.py [TABLE of brain.toml]...``.

Without names all tables are trained, one after the other. Ctrl+C saves; the same command resumes.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import torch

from napari_uncertainseg.training.brain.configuration import read_brain_training
from napari_uncertainseg.training.brain.examples import Examples
from napari_uncertainseg.training.brain.trainer import train

FILE = Path(__file__).parent / "brain.toml"


def main(names: list[str]) -> None:
    """Train, or train on."""
    torch.set_num_threads(1)
    tables = [key for key, value in tomllib.loads(FILE.read_text()).items() if isinstance(value, dict)]
    for name in names or tables:
        configuration = read_brain_training(FILE, name)
        print(train(configuration, Examples(configuration)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
