"""Weights from files: safetensors, or torch files that ``weights_only`` accepts."""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from napari_uncertainseg.networks.multihead import MultiHeadUNet


_LARGEST = 65504.0
"""What half precision holds, in which weights are kept and on some devices run."""
_WIDEST = 8
"""Bytes of a number in the widest type that weights may come in."""
_BESIDE = 1 << 22
"""Bytes that a file may hold beside its numbers."""
_GLOBALS = re.compile(
    r"collections OrderedDict|torch \w+Storage|torch\._utils _rebuild_(tensor_v2|parameter)"
)
"""What torch's own files of weights name; anything else makes objects of its own, some of any size."""
NUMPY_GLOBALS = re.compile(
    rf"{_GLOBALS.pattern}|torch device|numpy\.(_core|core)\.multiarray scalar|numpy dtype|_codecs encode"
)
"""The same, and numbers of numpy: what nnU-Net's checkpoints name."""

_STATES = ("state_dict", "model", "network", "network_weights", "net")
"""Where checkpoints of others keep a network's weights."""
_PREFIXES = tuple(
    outer + inner
    for outer in ("", "model.", "_model.", "net.", "network.")
    for inner in ("", "module.", "_orig_mod.")
)
"""What modules of Lightning, and within them several GPUs and ``torch.compile``, put before each name."""
_TRAINING = 4
"""How often the weights may be in a file: an optimiser holds as much again, twice."""


def bytes_of(expected: Mapping[str, Tensor]) -> int:
    """The most that a file with such tensors may hold."""
    return _WIDEST * sum(value.numel() for value in expected.values()) + _BESIDE


def read_weights(path: Path, *, most_bytes: int, inside: Sequence[str] = ()) -> dict[str, Tensor]:
    """Read named tensors; nothing in the file is executed, and no more is unpacked than they may be.

    Parameters
    ----------
    path
        Of safetensors, or of what ``torch.save`` wrote.
    most_bytes
        See `bytes_of`.
    inside
        Keys of an outer dictionary: the tensors may stand under the first of them that is there.

    Raises
    ------
    InputError
        If the file is corrupt or too large, would run code when loaded, or holds anything but tensors.
    """
    _check_size(path, path.stat().st_size, most_bytes)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    import torch

    check_archive(path, most_bytes, allowed=NUMPY_GLOBALS if inside else _GLOBALS)
    try:
        with torch.serialization.safe_globals(numbers_of_numpy() if inside else []):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types here; one message serves the user
        raise _refused(path) from error
    for key in inside:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
            break
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise InputError(f"The weights '{path}' should hold named tensors only: save them as safetensors.")
    return state


def read_checkpoint(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read named tensors that a tool of others saved: beside other things, from several GPUs, or in a module.

    Parameters
    ----------
    path
        Of the file.
    expected
        Tensors of the network: what is put before the names of all of them in the file is left out.

    Raises
    ------
    InputError
        As `read_weights`.
    """
    state = read_weights(path, most_bytes=_TRAINING * bytes_of(expected), inside=_STATES)
    for prefix in _PREFIXES:
        if all(prefix + name in state for name in expected):
            return {name: state[prefix + name] for name in expected} if prefix else state
    return state


def numbers_of_numpy() -> list[Any]:
    """What torch may make of numpy beside tensors: its numbers, which curves of a training hold."""
    return [
        np.dtype,
        type(np.dtype(np.float64)),
        type(np.dtype(np.float32)),
        type(np.dtype(np.int64)),
        *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    ]


def _refused(path: Path) -> InputError:
    return InputError(
        f"The weights '{path}' are corrupt or would run code when loaded, and are refused: "
        "save them as safetensors."
    )


def _check_size(path: Path, size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise InputError(
            f"The weights '{path}' hold {size / 1e6:.0f} MB, more than a network of this architecture has."
        )


def check_archive(path: Path, most_bytes: int, *, allowed: re.Pattern[str] = _GLOBALS) -> None:
    """Look at a torch file before it is unpacked: at its sizes, and at what its index would make.

    Parameters
    ----------
    path
        Of the file.
    most_bytes
        That it may hold.
    allowed
        What its index may name.

    Raises
    ------
    InputError
        If it is no such file, too large, TorchScript, or names anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _check_size(path, sum(part.file_size for part in parts), most_bytes)
            if any(part.filename.endswith("constants.pkl") for part in parts):
                raise InputError(
                    f"The weights '{path}' are TorchScript, which would run code when loaded, and are "
                    "refused: save the network's state_dict as safetensors."
                )
            indices = [archive.read(part) for part in parts if part.filename.endswith("data.pkl")]
        for index in indices:
            for operation, argument, _ in pickletools.genops(index):
                named = operation.name in ("GLOBAL", "INST", "STACK_GLOBAL")
                if named and not allowed.fullmatch(str(argument)):
                    raise _refused(path)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise _refused(path) from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The weights '{path}' are corrupt ({error}): copy or download them again."
        ) from error


def check_fit(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path, *, largest: float = _LARGEST
) -> None:
    """Refuse weights whose names, shapes or values are not those of the architecture.

    Parameters
    ----------
    state
        Tensors of a file, by name.
    expected
        Those of the network.
    path
        Of the file, for the message.
    largest
        What no value may exceed.

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
        if not expected[name].is_floating_point() and not value.is_floating_point():
            continue  # a counter, such as of the batches that a norm has seen
        if not value.is_floating_point() or not bool(value.isfinite().all()):
            raise InputError(
                f"The weights '{path}' are corrupt: {name} holds values that are not finite numbers."
            )
        if value.numel() and float(value.abs().max()) > largest:
            raise InputError(
                f"The weights '{path}' overflow: {name} holds values beyond {largest:g}, too large for "
                "half precision."
            )


def check_runs(network: MultiHeadUNet, path: Path) -> None:
    """Refuse weights that are numbers themselves, but make none of a scan.

    Parameters
    ----------
    network
        With the weights, in eval mode.
    path
        Of the weights, for the message.

    Raises
    ------
    InputError
        If a small made-up scan overflows.
    """
    import torch

    side = 2 * network.divisor
    shape = (1, network.in_channels, side, side, side)
    scan = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        heads, layers = network.decode_layers(network.encode(scan))
        found = [heads, *layers]
    if not all(bool((one.abs() <= _LARGEST).all()) for one in found):
        raise InputError(f"The weights '{path}' overflow: of a scan they make no finite numbers.")
