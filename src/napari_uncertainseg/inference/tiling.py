"""Windows: the whole bounding box at once where memory allows, overlapping ones where it does not.

Why not `monai.inferers.SlidingWindowInferer`: it runs the whole network anew for each member. Here a brain
that fits into memory is one window, whose encoder runs once for all members of ``mc-dropout`` (10 members in
4.8 s, where 10 passes take 9.8 s), and when memory runs out the windows become smaller or the device changes.
A whole prediction took 4.1 s where MONAI with windows of 96 voxels took 21.4 s (two cores, see
docs/performance.md). Also, MONAI is an extra that nobody needs in order to segment.

Networks made elsewhere run in the windows that they were trained with, placed and weighted as their own tool
does: `Patches`.
"""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import psutil
from array_api_compat import array_namespace

from napari_uncertainseg._base import InputError
from napari_uncertainseg._parallel import in_parallel
from napari_uncertainseg.inference.arrays.either import on_host, padded
from napari_uncertainseg.networks.engines.class_outputs import ClassOutputs
from napari_uncertainseg.networks.engines.engine import Array, Encoded, Engine
from napari_uncertainseg.networks.engines.patches import Patches

T = TypeVar("T")
Size = tuple[int, int, int]
Job = Callable[[Engine, "Window"], Array]
"""Runs an engine on one window: logits (channels, z, y, x)."""

FEATURE_MAPS = 8
"""Feature maps at full resolution, in float32, that a pass may hold at its peak (measured: 3 to 8)."""

MEMORY_SHARE = 0.6
"""Share of the free memory that a pass may take."""

OVERLAP = 0.25
"""Share of a window's side that it has in common with its neighbour."""


@dataclass(eq=False)
class Window:
    """A part of the box, padded with zeros to a size that the network takes.

    The padding lies after it, unless `Patches` fix the size.

    Attributes
    ----------
    image
        (1, channels, z, y, x).
    where
        The part of the box that it covers, without the padding.
    inside
        The part of the window that is no padding.
    keep
        Whether the encoder's output may be kept for the next member.
    """

    image: Array
    where: tuple[slice, slice, slice]
    inside: tuple[slice, slice, slice]
    keep: bool
    _encoded: Encoded | None = field(default=None, repr=False)

    def encoded(self, engine: Engine) -> Encoded:
        """The encoder's output for this window; computed once when there is only one window."""
        if self._encoded is not None:
            return self._encoded
        encoded = engine.encode(self.image)
        if self.keep:
            self._encoded = encoded
        return encoded


class Windows:
    """A box as a list of windows.

    Parameters
    ----------
    image
        (channels, z, y, x), 0 outside the brain.
    engine
        Its `divisor` and `smallest` decide the sizes, or its `patches`.
    largest
        Voxels that one window may have, where there are no patches.
    """

    def __init__(self, image: Array, engine: Engine, largest: int) -> None:
        self._image = image
        self._engine = engine
        self._shape: Size = tuple(image.shape[1:])  # type: ignore[assignment]
        self._patches = engine.patches or _OWN
        self._done = 0
        if engine.patches is not None:
            self._size = engine.patches.size
        else:
            self._size = window_size(self._shape, largest, engine.divisor, engine.smallest)
        z, y, x = (_starts(n, size, self._patches) for n, size in zip(self._shape, self._size, strict=True))
        self._starts: list[Size] = list(itertools.product(z, y, x))
        self._single = self._window(self._starts[0]) if len(self._starts) == 1 else None

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def classes(self) -> ClassOutputs | None:
        """What the channels are that `run` gives, where they are logits of several classes."""
        return self._engine.classes

    @property
    def size(self) -> Size:
        """Size of a window, padding included."""
        return self._size

    @property
    def share_done(self) -> float:
        """Share of the windows that the run under way has done."""
        return self._done / len(self._starts)

    def __iter__(self) -> Iterator[Window]:
        if self._single is not None:
            yield self._single
            return
        for start in self._starts:
            yield self._window(start)

    def run(self, job: Job) -> Array:
        """Run a job on every window, and blend the results.

        Returns
        -------
        Array
            Logits (heads, z, y, x) of the box, float32, or (classes, z, y, x). Several windows are averaged
            with Gaussian weights (standard deviation an eighth of the side, as MONAI's default), or as the
            engine's `patches` say.

        Raises
        ------
        InputError
            If the network gives anything but finite numbers for each voxel.
        """
        self._done = 0
        if self._single is not None:
            logits = _checked(job(self._engine, self._single), self._single)
            return self._engine.finish(_crop(logits, self._single))
        xp = array_namespace(self._image)
        total: Array | None = None
        norm = xp.zeros(self._shape, dtype=xp.float32)  # sum of the weights at each voxel
        whole = _weights(self._size, self._patches, xp)
        for window in self:
            self._engine.check()
            logits = on_host(_crop(_checked(job(self._engine, window), window), window))
            weight = whole[window.inside]
            if total is None:
                total = xp.zeros((logits.shape[0], *self._shape), dtype=xp.float32)
            total[(slice(None), *window.where)] += logits * weight
            norm[window.where] += weight
            self._done += 1
        assert total is not None
        self._done = 0
        total /= norm
        return self._engine.finish(total)

    def _window(self, start: Size) -> Window:
        where = tuple(
            slice(a, min(a + size, n)) for a, size, n in zip(start, self._size, self._shape, strict=True)
        )
        part = self._image[(slice(None), *where)]
        missing = [size - n for size, n in zip(self._size, part.shape[1:], strict=True)]
        before = [n // 2 if self._engine.patches else 0 for n in missing]
        inside = tuple(slice(a, a + n) for a, n in zip(before, part.shape[1:], strict=True))
        after = [n - a for a, n in zip(before, missing, strict=True)]
        return Window(padded(part, before, after)[None], where, inside, keep=len(self._starts) == 1)  # type: ignore[arg-type]


def window_size(shape: Size, largest: int, divisor: int, smallest: int) -> Size:
    """Sides of a window: the box, or its longest sides shortened to make at most `largest` voxels.

    Sides are multiples of `divisor`, and never below `smallest`.
    """
    least = -(-smallest // divisor) * divisor  # rounded up to a multiple
    size = [max(least, -(-n // divisor) * divisor) for n in shape]
    while np.prod(size) > largest and max(size) > least:
        size[int(np.argmax(size))] -= divisor
    return size[0], size[1], size[2]


def largest_window(engine: Engine, channels: int) -> int:
    """Voxels of the largest window that the device's free memory allows."""
    per_voxel = 4 * (FEATURE_MAPS * engine.width + channels + 4 * engine.heads_count)
    return int(MEMORY_SHARE * _free_bytes(engine.device.kind) / per_voxel)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; torch, OpenVINO and Python each say it their way."""
    torch = sys.modules.get("torch")  # who raises torch's errors has imported it
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    signs = ("out of memory", "bad_alloc", "alloc", "not enough memory")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


def retry_with_smaller_windows(
    task: Callable[[Engine, int], T],
    engines: Sequence[Callable[[], Engine]],
    shape: Size,
    channels: int,
    tell: Callable[[str], None],
    share: float = 1.0,
) -> T:
    """Run a task; when memory runs out, again with smaller windows, then with the next engine.

    Parameters
    ----------
    task
        Called with an engine and the voxels that a window may have. It starts anew each time.
    engines
        Made when their turn comes, e.g. CUDA and then the CPU.
    shape, channels
        Of the box.
    tell
        Takes a sentence for the user.
    share
        Of the voxels that a window could have, how many it may have: below 1 where memory ran out before in
        a way that only the system saw.

    Raises
    ------
    InputError
        If memory runs out even with the smallest windows of the last engine.
    """
    for index, make in enumerate(engines):
        last = index + 1 == len(engines)
        try:
            engine = make()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if not last:
                tell("Memory ran out on the GPU: the CPU was used instead.")
            continue
        for largest, note in _sizes(engine, shape, channels, share):
            try:
                found = task(engine, largest)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            else:
                if note:
                    tell(note)
                return found
            # Out of the handler: the traceback would keep the failed run's memory alive.
            _release(engine)
        if not last:
            tell(f"Memory ran out on {engine.device.name}: the CPU was used instead.")
    raise InputError(
        "There is not enough free memory to segment this scan: close other programs and run again."
    )


def _sizes(engine: Engine, shape: Size, channels: int, share: float) -> Iterator[tuple[int, str]]:
    """Voxels of the largest window, smaller each time, and what is said if the run ends well with it."""
    if engine.patches is not None:
        yield int(np.prod(engine.patches.size)), ""
        return
    whole, least = _padded_voxels(shape, engine), engine.smallest**3
    largest = int(share * min(largest_window(engine, channels), whole))
    short = f"Free memory is short on {engine.device.name}: the brain was segmented in several windows."
    yield largest, short if largest < whole else ""
    while largest > least:
        size = window_size(shape, largest, engine.divisor, engine.smallest)
        largest = max(int(np.prod(size)) // 2, least)
        yield largest, f"Memory ran out on {engine.device.name}: the brain was segmented in smaller windows."


def _padded_voxels(shape: Size, engine: Engine) -> int:
    whole = window_size(shape, np.iinfo(np.int64).max, engine.divisor, engine.smallest)
    return int(np.prod(whole))


def _release(engine: Engine) -> None:
    gc.collect()
    if engine.device.kind == "cuda":
        import torch

        torch.cuda.empty_cache()


def _free_bytes(kind: str) -> int:
    if kind == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info()
        return free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return psutil.virtual_memory().available


_OWN = Patches((0, 0, 0), OVERLAP, "even", "gaussian")
"""How windows of any size lie and are weighted."""


def _starts(length: int, size: int, patches: Patches) -> list[int]:
    """First voxels of windows of one size that cover a length."""
    if size >= length:
        return [0]
    if patches.spread == "regular":
        distance = max(1, int(size * (1 - patches.overlap)))
        return [min(i * distance, length - size) for i in range(1 + -(-(length - size) // distance))]
    count = 1 + int(np.ceil((length - size) / (size * (1 - patches.overlap))))
    return [round(i * (length - size) / (count - 1)) for i in range(count)]


def _weights(size: Size, patches: Patches, xp: Any) -> Array:
    """Weights of the voxels of a window, float32, in numpy or torch as `xp` says."""
    if patches.weights == "constant":
        return xp.ones(size, dtype=xp.float32)
    sides = []
    for n in size:
        x = xp.arange(n, dtype=xp.float32) - (n // 2 if patches.centre == "voxel" else (n - 1) / 2)
        sides.append(xp.exp(-0.5 * (x / (n * patches.sigma)) ** 2))
    z, y, x = sides
    # Floored, so that a corner that only one window covers keeps its value.
    return xp.clip(z[:, None, None] * y[:, None] * x, patches.least, None)


def _crop(logits: Array, window: Window) -> Array:
    return logits[(slice(None), *window.inside)]


def _checked(logits: Array, window: Window) -> Array:
    """Refuse what cannot be a network's answer for a window."""
    wanted = tuple(window.image.shape[2:])
    if logits.ndim != 4 or tuple(logits.shape[1:]) != wanted:
        raise InputError(
            f"The network gives an array of {tuple(logits.shape)} for a window of {wanted} voxels: "
            "it should give a number for each of them."
        )
    if not _finite(logits):
        raise InputError("The network gives numbers that are not finite: its weights do not suit this scan.")
    return logits


def _finite(logits: Array) -> bool:
    if isinstance(logits, np.ndarray):
        return all(in_parallel([partial(_finite_numbers, channel) for channel in logits]))
    xp = array_namespace(logits)
    return bool(xp.isfinite(xp.min(logits))) and bool(xp.isfinite(xp.max(logits)))  # NaN where there is one


def _finite_numbers(values: np.ndarray) -> bool:
    """Whether all are; a sum that is finite tells it in one look, without an array of answers."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
    return bool(np.isfinite(total)) or bool(np.isfinite(values).all())
