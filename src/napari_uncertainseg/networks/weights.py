"""Weights from files: safetensors, or torch files that ``weights_only`` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    from torch import Tensor


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors; nothing in the file is executed.

    Raises
    ------
    InputError
        If the file is corrupt, would run code when loaded, or holds anything but tensors.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling fails in many ways, and none of them is worth more to the user
        raise InputError(
            f"The weights '{path}' are corrupt or would run code when loaded, and are refused: "
            "save them as safetensors."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise InputError(f"The weights '{path}' should hold named tensors only: save them as safetensors.")
    return state


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The weights '{path}' are corrupt ({error}): copy or download them again."
        ) from error


def check_fit(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights whose names, shapes or values are not those of the architecture.

    Raises
    ------
    InputError
        With the first name that does not fit.
    """
    for word, names in (
        ("lack", expected.keys() - state.keys()),
        ("also hold", state.keys() - expected.keys()),
    ):
        if names:
            shown = ", ".join(sorted(names)[:3]) + (" ..." if len(names) > 3 else "")
            raise InputError(f"The weights '{path}' do not fit the architecture: they {word} {shown}.")
    for name, value in state.items():
        if value.shape != expected[name].shape:
            raise InputError(
                f"The weights '{path}' do not fit the architecture: {name} is {tuple(value.shape)}, "
                f"should be {tuple(expected[name].shape)}."
            )
        if not value.is_floating_point() or not bool(value.isfinite().all()):
            raise InputError(
                f"The weights '{path}' are corrupt: {name} holds values that are not finite numbers."
            )
