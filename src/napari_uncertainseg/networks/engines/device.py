"""Where a network runs, and how that is shown to the user."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.without_torch.machine import may_have_cuda, thread_count

Precision = Literal["float32", "bf16", "fp16"]


@dataclass(frozen=True)
class Device:
    """A processor, the library that drives it, and the precision of the convolutions.

    Attributes
    ----------
    kind
        ``"cpu"`` or ``"cuda"``.
    library
        ``"openvino"`` (CPU only) or ``"torch"``.
    precision
        Of the convolutions; everything after the logits is float32.
    threads
        CPU threads.
    name
        As shown to the user, e.g. ``"CPU, 2 threads, bf16 (OpenVINO)"``.
    """

    kind: Literal["cpu", "cuda"]
    library: Literal["openvino", "torch"]
    precision: Precision
    threads: int
    processor: str = "CPU"

    @property
    def name(self) -> str:
        """What the user reads."""
        if self.kind == "cuda":
            return f"CUDA: {self.processor}"
        library = {"openvino": "OpenVINO", "torch": "torch"}[self.library]
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.processor}, {threads}, {self.precision} ({library})"

    def at(self, precision: Precision) -> Device:
        """The same device with another precision."""
        return replace(self, precision=precision)


def choose_device(wish: str = "auto") -> Device:
    """Choose the fastest way that this machine has.

    Parameters
    ----------
    wish
        ``"auto"`` (CUDA if there, else the CPU), ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    InputError
        If `wish` is none of these, or CUDA is asked for and not there.
    """
    if wish not in ("auto", "cpu", "cuda"):
        raise InputError(f"There is no device '{wish}': choose auto, cpu or cuda.")
    if wish != "cpu" and may_have_cuda():
        import torch

        if torch.cuda.is_available():
            return Device("cuda", "torch", "fp16", torch.get_num_threads(), torch.cuda.get_device_name())
    if wish == "cuda":
        raise InputError("CUDA was asked for, but torch finds no CUDA device here: choose auto or cpu.")
    return cpu_device()


def cpu_device(library: Literal["auto", "openvino", "torch"] = "auto") -> Device:
    """The CPU, through OpenVINO where it is installed unless torch is asked for."""
    if library == "auto":
        library = "openvino" if find_spec("openvino") else "torch"
    fast = _openvino_has_bf16() if library == "openvino" else torch_has_bf16()
    return Device("cpu", library, "bf16" if fast else "float32", thread_count())


@lru_cache(maxsize=1)
def _openvino_has_bf16() -> bool:
    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def torch_has_bf16() -> bool:
    """Whether the processor has bf16 arithmetic; emulated bf16 is slower than float32."""
    import torch

    # Absent from older torch versions, where float32 is the safe answer.
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))
