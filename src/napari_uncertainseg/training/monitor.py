"""How a training run goes: one JSON line per step, and TensorBoard where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

EXAMPLE_EVERY = 100
"""Steps between pictures."""
_LOW, _HIGH = -2.5, 3.5
"""Normalised brightness shown as black and white."""


def example(image: Tensor, reference: Tensor, heads: Tensor) -> Tensor:
    """One slice of a patch: FLAIR, reference, mean probability, and variance of the heads times four.

    Parameters
    ----------
    image
        (channels, z, y, x), FLAIR first.
    reference
        (z, y, x), 0 or 1.
    heads
        Probabilities, (heads, z, y, x).

    Returns
    -------
    torch.Tensor
        (1, y, 4 x), 0 to 1, of the slice with most lesion, superior as in the patch.
    """
    z = int(reference.sum((1, 2)).argmax())
    flair = (image[0, z] - _LOW) / (_HIGH - _LOW)
    views = [flair, reference[z], heads[:, z].mean(0), 4 * heads[:, z].var(0, correction=0)]
    return torch.cat([v.float().clamp(0, 1) for v in views], dim=1)[None].cpu()


class Monitor:
    """Writes the figures of each step, and a picture now and then.

    Parameters
    ----------
    folder
        Output folder of the run: gets ``log.jsonl`` and, with TensorBoard, ``tensorboard/``.
    step
        Step that the run starts at; what TensorBoard has beyond it came from a run that was killed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._log = folder / "log.jsonl"
        self._board = _board(folder / "tensorboard", step)

    def tell(self, step: int, values: Mapping[str, float], picture: Tensor | None = None) -> None:
        """Record one step."""
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        if self._board is None:
            return
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        if picture is not None:
            self._board.add_image("FLAIR, reference, probability, variance of heads", picture, step)

    def close(self) -> None:
        """Write what is still in memory."""
        if self._board is not None:
            self._board.close()


def _board(folder: Path, step: int) -> Any:
    """TensorBoard's writer, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step)  # type: ignore[no-untyped-call]
