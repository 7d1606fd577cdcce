"""What a stopped run resumes from, and whether it may: only if one uninterrupted run would give the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.training.configuration import Configuration, DataConfiguration
from napari_uncertainseg.training.sources.visits import Visit
from napari_uncertainseg.training.subjects import find_image, mask_paths

_CONTENT = {"network": dict, "average": dict, "optimiser": dict, "step": int, "made_from": dict}
_FREE = ("[data] folder", "[data] cache", "[data] validation", "[optimisation] validate_every")
"""What weights do not depend on. Folders may move; their files are compared by content."""
_STEPS, _DECAY = "[optimisation] steps", "[optimisation] decay"
_ADDED: dict[str, Any] = {
    "[data] sources": [],
    "[data] left_out": None,
    "[data] by_lesion": 0.3,
    "[data] in_lesions": 0.3,
    "[data] favour_small": 0.0,
    "[data] label_maps": None,
    "[data] drawn_heads": 0,
    "[data] tissue_maps": None,
    "[data] background_share": 0.2,
    "[optimisation] lesion_loss": 0.0,
}
"""Keys that checkpoints of earlier versions do not name, and what those versions did."""
_SHOWN = 3
"""Differences that a message names."""


def made_from(configuration: Configuration) -> dict[str, Any]:
    """Tell what the weights of a run depend on, in simple types that a checkpoint may hold.

    Parameters
    ----------
    configuration
        Of the run.

    Returns
    -------
    dict
        Values by ``"[table] key"``, and the SHA-256 of each file by its name in the data folder.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    made: dict[str, Any] = {}
    for table in ("data", "network", "optimisation"):
        for key, value in getattr(configuration, table).model_dump().items():
            if (name := f"[{table}] {key}") not in _FREE:
                made[name] = list(value) if isinstance(value, tuple) else value
    for name, path in _files(configuration.data):
        made[name] = sha256_of(path)
    if configuration.start_from is not None:
        made["start_from"] = sha256_of(configuration.start_from)
    return made


def _files(data: DataConfiguration) -> Iterator[tuple[str, Path]]:
    for prefix in (*data.subjects, *data.backgrounds):
        modalities = (*MODALITIES, "lesions") if prefix in data.subjects else MODALITIES
        for name in modalities:
            if (path := find_image(data.folder, prefix, name)) is not None:
                yield f"{prefix}{name}", path
    for source in data.training_sources:
        for prefix in source.visits:
            for name, path in Visit.of_source(source, data.folder, prefix).files.items():
                yield f"{prefix}{name}", path
    if data.masks is not None:
        for path in mask_paths(data.folder / data.masks, data.masks_not_planted):
            yield f"{data.masks}/{path.name}", path
    for path in data.label_map_files:
        yield f"{data.label_maps}/{path.name}", path
    for patient in data.tissue_map_files:
        for path in patient.files:
            yield f"{data.tissue_maps}/{path.parent.name}/{path.name}", path


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU; nothing in it is executed.

    Raises
    ------
    InputError
        If it is damaged, or something else.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types here; one message serves the user
        raise InputError(
            f"{path} is damaged, or no checkpoint: delete it to start again, or choose another 'output'."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(state.get(k), t) for k, t in _CONTENT.items()):
        raise InputError(
            f"{path} is no checkpoint of this version: delete it to start again, or choose another 'output'."
        )
    return state


def check_same(state: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Refuse to resume from a checkpoint where one uninterrupted run would end elsewhere.

    Parameters
    ----------
    state
        What `read_checkpoint` gave.
    now
        What `made_from` gives for the present configuration.
    path
        Of the checkpoint, for the message.

    Raises
    ------
    InputError
        With what changed.
    """
    then = _ADDED | state["made_from"]
    changed = [name for name in dict.fromkeys((*then, *now)) if then.get(name) != now.get(name)]
    if not changed or (changed == [_STEPS] and state["step"] <= _last_step_at_full_rate(then, now)):
        return
    shown = "; ".join(_difference(name, then, now) for name in changed[:_SHOWN])
    more = f"; and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    hint = ""
    if _STEPS in changed:
        hint = (
            " (steps may change only until the learning rate falls; to train finished weights further, "
            "name them in 'start_from')"
        )
    raise InputError(
        f"{path} was made from something else: {shown}{more}; put that back to resume, "
        f"or choose another 'output' to start again{hint}."
    )


def _last_step_at_full_rate(then: dict[str, Any], now: dict[str, Any]) -> int:
    """Until when runs of the old and the new number of steps are the same."""
    return int(min(then[_STEPS], now[_STEPS]) - max(1, now[_DECAY]) + 1)


def _difference(name: str, then: dict[str, Any], now: dict[str, Any]) -> str:
    if name.startswith("["):
        return f"{name} was {then.get(name)}, is {now.get(name)}"
    change = "was not used" if name not in then else "is not used" if name not in now else "has other content"
    return f"{name} {change}"
