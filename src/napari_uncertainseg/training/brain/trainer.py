"""Train the network that finds the brain: on heads drawn from label maps, and on real ones with a mask."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.brain import BrainNetwork, read_network, save_weights, standardise
from napari_uncertainseg.training.brain.configuration import BrainTraining
from napari_uncertainseg.training.interruption import Interruption, Stopped

_RIM = 5.0
"""Voxels at the border count as many times more."""
_SAVED_EVERY = 50  # steps


def train(configuration: BrainTraining, draw: Callable[[int], tuple[Tensor, Tensor]]) -> Path:
    """Train, and write ``weights.safetensors`` into the output folder.

    Parameters
    ----------
    configuration
        Of the run. A checkpoint of the same configuration in its output is resumed.
    draw
        Scans and share of brain, float32 (B, 1, z, y, x) each, by step; the same step gives the same.

    Returns
    -------
    pathlib.Path
        Of the weights: the average of those of the last steps.

    Raises
    ------
    Stopped
        After Ctrl+C, when the state is saved.
    InputError
        If the checkpoint there is of another configuration.
    """
    configuration.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(configuration.seed)
    start = configuration.start_from
    network = BrainNetwork()
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a tenth faster
    if start is not None:
        network.load_state_dict(read_network(start).state_dict())
    average = BrainNetwork()
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), configuration.learning_rate, weight_decay=1e-4)
    checkpoint = configuration.output / "checkpoint.pt"
    step = _resume(checkpoint, configuration, network, average, optimiser)
    with Interruption() as interruption, (configuration.output / "log.jsonl").open("a") as log:
        while step < configuration.steps:
            began = time.monotonic()
            for group in optimiser.param_groups:
                group["lr"] = configuration.rate(step)
            loss, dice = _step(network, optimiser, *draw(step))
            step += 1
            _average(average, network, min(0.995, step / (step + 10)))
            line = {"step": step, "loss": round(loss, 4), "dice": round(dice, 4)}
            log.write(json.dumps({**line, "seconds": round(time.monotonic() - began, 2)}) + "\n")
            log.flush()
            if step % _SAVED_EVERY == 0 or step == configuration.steps or interruption.asked:
                _save(checkpoint, configuration, network, average, optimiser, step)
                save_weights(average, configuration.output / "weights.safetensors")
            if interruption.asked:
                raise Stopped(f"stopped after step {step}; the same command resumes")
    return configuration.output / "weights.safetensors"


def _step(
    network: BrainNetwork, optimiser: torch.optim.Optimizer, scans: Tensor, brains: Tensor
) -> tuple[float, float]:
    logits = network(torch.stack([standardise(scan) for scan in scans]))
    loss, dice = brain_loss(logits, brains)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return float(loss.detach()), dice


def brain_loss(logits: Tensor, brain: Tensor) -> tuple[Tensor, float]:
    """Cross-entropy, more of it at the border, and Dice.

    Parameters
    ----------
    logits
        (B, 1, z, y, x).
    brain
        float32, same shape: share of each voxel that is brain.

    Returns
    -------
    tuple
        Loss, and the Dice of the masks at one half.
    """
    rim = _widest(brain) + _widest(-brain)
    weight = 1 + _RIM * rim
    entropy = F.binary_cross_entropy_with_logits(logits, brain, weight=weight, reduction="sum") / weight.sum()
    p = torch.sigmoid(logits)
    soft = 1 - (2 * (p * brain).sum() + 1) / (p.sum() + brain.sum() + 1)
    with torch.no_grad():
        found, true = logits >= 0, brain >= 0.5
        dice = float(2 * (found & true).sum() / (found.sum() + true.sum()).clamp_min(1))
    return entropy + soft, dice


def _widest(share: Tensor) -> Tensor:
    """Maximum over cubes of 5 voxels, (B, 1, z, y, x): one axis after the other."""
    for axis in range(3):
        size = [5 if k == axis else 1 for k in range(3)]
        share = F.max_pool3d(share, size, stride=1, padding=[n // 2 for n in size])
    return share


def _average(average: BrainNetwork, network: BrainNetwork, kept: float) -> None:
    with torch.no_grad():
        for a, b in zip(average.parameters(), network.parameters(), strict=True):
            a.lerp_(b, 1 - kept)


def _save(
    path: Path,
    configuration: BrainTraining,
    network: BrainNetwork,
    average: BrainNetwork,
    optimiser: torch.optim.Optimizer,
    step: int,
) -> None:
    state = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "made_from": configuration.made_from(),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _resume(
    path: Path,
    configuration: BrainTraining,
    network: BrainNetwork,
    average: BrainNetwork,
    optimiser: torch.optim.Optimizer,
) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["made_from"] != configuration.made_from():
        raise InputError(f"{path} was made by another configuration: choose another 'output'.")
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
