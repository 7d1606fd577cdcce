"""What torch knows of this machine, found without importing it: that takes seconds."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psutil

from napari_uncertainseg._parallel import threads_told, usable_processors

_DRIVERS = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}
"""Of NVIDIA, by `sys.platform`: without it torch finds no CUDA device."""
_BUILT_FOR = re.compile(r"^(cuda|hip)\b[^=\n]*=\s*(\S+)", re.MULTILINE)
_VNNI = ("AVX512VNNI", "AVX512_CLX", "AVX512_ICL")
"""Names of AVX-512 VNNI, and of processors that have it, in the versions of numpy."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def may_have_cuda() -> bool:
    """Whether torch could find a CUDA device here: only then is it worth asking.

    It cannot where it was built without CUDA and ROCm, or where NVIDIA's driver is not installed.
    """
    if "torch" in sys.modules:
        return True  # asking costs nothing
    built_for = _built_for()
    if built_for.get("hip", "None") != "None":
        return True  # AMD's driver is part of Linux
    return built_for.get("cuda", "") != "None" and _has_driver()


@lru_cache(maxsize=1)
def _built_for() -> Mapping[str, str]:
    """What torch's ``version.py`` says of CUDA and ROCm: "None" where built without; {} if unknown."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return {}
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return dict(_BUILT_FOR.findall(text))


@lru_cache(maxsize=1)
def _has_driver() -> bool:
    name = _DRIVERS.get(sys.platform)
    if name is None:
        return False  # macOS has had no CUDA since 2019
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def torch_threads() -> int:
    """Threads that torch would take: as it was told, by the environment, or one for each physical core."""
    if "torch" in sys.modules:
        import torch

        return torch.get_num_threads()
    for variable in _THREAD_VARIABLES:
        if told := threads_told(variable):
            return told
    usable = usable_processors()
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable))


@lru_cache(maxsize=1)
def has_vnni() -> bool:
    """Whether the processor adds up products of whole numbers of 8 bits in one step of 512 bits.

    Numpy has found out when it was imported, and says it in public by `numpy.show_runtime` alone, which
    prints; torch says it too, but its import takes seconds.
    """
    try:
        found = import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError):
        return False  # another version of numpy: float32 is the safe answer
    return any(bool(found.get(name)) for name in _VNNI)
