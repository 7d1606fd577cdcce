"""``fold_*/checkpoint_final.pth``: weights as nnU-Net's trainer saves them, with its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.foreign_settings import SETTINGS, check_inside
from napari_uncertainseg.networks.weights import (
    NUMPY_GLOBALS,
    bytes_of,
    check_archive,
    check_fit,
    numbers_of_numpy,
)

if TYPE_CHECKING:
    from torch import Tensor

_FINAL, _BEST = "checkpoint_final.pth", "checkpoint_best.pth"
_ALL = "fold_all"
_TRAINING = 4
"""A checkpoint holds the weights, and up to twice as much of the optimiser, and more yet in wide types."""
_LOGS = 64 << 20
"""Bytes that the curves of a training may take."""
MAX_FILE_BYTES = 8 << 30
_LARGEST = 1e30
"""What no weight may exceed; it runs in single precision."""


def find_folds(folder: Path) -> tuple[Path, ...]:
    """Checkpoints of the folds, in their order: the final ones, or the best ones where no training has ended.

    The network that was trained on all cases counts only where there are no folds, as in nnU-Net.

    Raises
    ------
    InputError
        If there is none, or one is a link that leads out of the folder, or is absurdly large.
    """
    numbered = sorted(
        (path for path in folder.glob("fold_*") if path.name[5:].isdecimal()),
        key=lambda path: int(path.name[5:]),
    )
    for folds in (numbered, [folder / _ALL]):
        for name in (_FINAL, _BEST):
            found = [fold / name for fold in folds if (fold / name).is_file()]
            for path in found:
                check_inside(path, folder)
                if path.stat().st_size > MAX_FILE_BYTES:
                    raise InputError(f"The weights '{path}' are larger than 8 GB, which no network here is.")
            if found:
                return tuple(found)
    raise InputError(f"'{folder}' has no trained network: there should be fold_0/{_FINAL}.")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What prediction needs of a checkpoint.

    Attributes
    ----------
    weights
        By name.
    mirrored
        Axes along which the network may be shown a scan mirrored.
    """

    weights: Mapping[str, Tensor]
    mirrored: tuple[int, ...]


def read_checkpoint(path: Path, expected: Mapping[str, Tensor], configuration: str) -> Checkpoint:
    """Read a checkpoint; nothing in it is executed.

    Parameters
    ----------
    path
        Of the file.
    expected
        Tensors of the network, on the meta device perhaps.
    configuration
        That the network was built from.

    Raises
    ------
    InputError
        If the file is corrupt, would run code, does not fit the network, or is of another configuration.
    """
    content = _load(path, _TRAINING * bytes_of(expected) + _LOGS)
    weights = content.get("network_weights")
    if not _are_tensors(weights):
        raise InputError(f"The weights '{path}' are no checkpoint of nnU-Net: 'network_weights' is missing.")
    trained = content.get("init_args")
    said = trained.get("configuration") if isinstance(trained, dict) else None
    if isinstance(said, str) and said != configuration:
        raise InputError(
            f"The weights '{path}' were trained with the configuration '{said}', not '{configuration}': "
            f"say so in 'configuration' of {SETTINGS}."
        )
    check_fit(weights, expected, path, largest=_LARGEST)
    return Checkpoint(weights, _axes(path, content.get("inference_allowed_mirroring_axes")))


def _load(path: Path, most_bytes: int) -> dict[str, Any]:
    import torch

    check_archive(path, most_bytes, allowed=NUMPY_GLOBALS)
    try:
        with torch.serialization.safe_globals(numbers_of_numpy()):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many types here; one message serves the user
        raise InputError(
            f"The weights '{path}' are corrupt or would run code when loaded, and are refused: "
            "get the model again from whoever trained it."
        ) from error
    return content if isinstance(content, dict) else {}


def _are_tensors(weights: Any) -> TypeGuard[dict[str, Tensor]]:
    import torch

    return isinstance(weights, dict) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in weights.items()
    )


def _axes(path: Path, said: Any) -> tuple[int, ...]:
    if said is None:
        return ()
    if not isinstance(said, list | tuple) or not all(type(axis) is int and 0 <= axis < 3 for axis in said):
        raise InputError(f"The weights '{path}' say to mirror along {said!r}, which are no axes of a scan.")
    return tuple(sorted(set(said)))
