"""What numpy and torch do in different words: members are handled as whichever the engine gives.

Nothing here imports torch, unless a torch tensor comes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from array_api_compat import is_torch_array

from napari_uncertainseg.networks.engines.engine import Array
from napari_uncertainseg.networks.recalibration import LogitLine

_CACHED = 1 << 17
"""Numbers that numpy handles at a time: what is made on the way then stays in the processor's cache."""


def as_numpy(array: Array) -> np.ndarray:
    """The same numbers in numpy, on the host."""
    found: np.ndarray = array.cpu().numpy() if is_torch_array(array) else array
    return found


def on_host(array: Array) -> Array:
    """The same array; of torch, on the CPU."""
    return array.cpu() if is_torch_array(array) else array


def like(values: np.ndarray, array: Array) -> Array:
    """A numpy array as another array is: numpy, or torch on the same device."""
    if not is_torch_array(array):
        return values
    import torch

    return torch.from_numpy(values).to(array.device)


def padded(image: Array, before: Sequence[int], after: Sequence[int]) -> Array:
    """Put zeros around an image.

    Parameters
    ----------
    image
        (channels, z, y, x).
    before, after
        Voxels along z, y and x.
    """
    sides = list(zip(before, after, strict=True))
    if not is_torch_array(image):
        return np.pad(image, ((0, 0), *sides))
    from torch.nn import functional as F

    return F.pad(image, (*sides[2], *sides[1], *sides[0]))


def flipped(array: Array, axes: tuple[int, ...]) -> Array:
    """An array with some axes the other way round."""
    return array.flip(axes) if is_torch_array(array) else np.flip(array, axes)


def sigmoid(logits: Array, line: LogitLine) -> Array:
    """Probabilities of recalibrated logits, of any shape; a line that changes nothing costs nothing."""
    if is_torch_array(logits):
        if line.temperature != 1:
            logits = logits / line.temperature
        if line.shift:
            logits = logits + line.shift
        return logits.sigmoid()
    out = np.empty(logits.shape, np.float32)
    with np.errstate(over="ignore"):  # e to a large number is infinite, and the probability 0
        for part in _parts(logits.shape):
            p = out[part]
            np.divide(logits[part], -line.temperature, out=p)
            if line.shift:
                p -= np.float32(line.shift)
            np.exp(p, out=p)
            p += 1
            np.reciprocal(p, out=p)
    return out


def mean_and_variance(heads: Array) -> tuple[Array, Array]:
    """Mean and population variance over the first axis, float32 (z, y, x).

    Parameters
    ----------
    heads
        float32 (heads, z, y, x).
    """
    if is_torch_array(heads):
        middle = heads.mean(dim=0)
        # a tenth of the time of torch.var_mean over the first axis
        return middle, (heads - middle).square_().mean(dim=0)
    mean, variance = (np.empty(heads.shape[1:], np.float32) for _ in range(2))
    for part in _parts(heads.shape[1:]):
        seen = heads[(slice(None), *part)]
        np.mean(seen, axis=0, out=mean[part])
        apart = seen - mean[part]
        np.mean(np.square(apart, out=apart), axis=0, out=variance[part])
    return mean, variance


def _parts(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Parts of an array that together cover it, each a few slices of its last axes."""
    whole = (slice(None),) * len(shape)
    if len(shape) < 3:
        yield whole
        return
    slices = max(1, _CACHED // max(1, shape[-1] * shape[-2]))
    for outer in np.ndindex(*shape[:-3]):
        for start in range(0, shape[-3], slices):
            yield (*(slice(n, n + 1) for n in outer), slice(start, start + slices), *whole[-2:])
