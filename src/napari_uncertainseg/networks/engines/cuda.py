"""What a GPU wants, after torch's documentation; on a CPU all of this does nothing.

Convolutions of three dimensions are faster in half precision when the channels of a voxel lie together
(`channels_last_3d`; ``torch.nn.utils.convert_conv3d_weight_memory_format``). A copy from page-locked memory
runs beside the program ("CUDA semantics", "Use pinned memory buffers"). Trying cuDNN's algorithms out pays
where the same shape comes again and again ("Performance tuning guide"): in windows of one size, not in the
box of each brain, whose shape is its own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def onto(image: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; to a GPU from page-locked memory, without waiting for the copy.

    What runs on the GPU afterwards comes after the copy, so that nothing else has to wait for it either.
    """
    if device.type != "cuda" or image.device.type != "cpu":
        return image.to(device)
    try:
        locked = image.pin_memory()
    except RuntimeError:  # the system gives no more of it: an ordinary copy waits, and works
        return image.to(device)
    return locked.to(device, non_blocking=True)


def channels_together(image: Tensor) -> Tensor:
    """The same numbers, the channels of each voxel beside each other in memory."""
    return image.contiguous(memory_format=torch.channels_last_3d)


def tried_algorithms(device: torch.device, *, one_size: bool) -> AbstractContextManager[None]:
    """Within: cuDNN tries its algorithms out for each new shape, if all windows have one size."""
    if device.type != "cuda" or not one_size:
        return nullcontext()
    known = torch.backends.cudnn
    return known.flags(
        enabled=known.enabled, benchmark=True, deterministic=known.deterministic, allow_tf32=known.allow_tf32
    )
