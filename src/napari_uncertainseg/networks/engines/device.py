"""Where a network runs, and how that is shown to the user."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.without_torch.machine import (
    has_vnni,
    may_have_cuda,
    torch_threads,
)

Precision = Literal["float32", "bf16", "fp16", "int8"]

WISHES = ("auto", "cpu", "cpu-float32", "cpu-int8", "cuda")
"""What a user may ask for."""


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
    note
        What the user must know of the choice, one sentence; mostly nothing.
    name
        As shown to the user, e.g. ``"CPU, 2 threads, bf16 (OpenVINO)"``.
    """

    kind: Literal["cpu", "cuda"]
    library: Literal["openvino", "torch"]
    precision: Precision
    threads: int
    processor: str = "CPU"
    note: str = ""

    @property
    def name(self) -> str:
        """What the user reads."""
        if self.kind == "cuda":
            return f"CUDA: {self.processor}" + ("" if self.precision == "fp16" else f", {self.precision}")
        library = {"openvino": "OpenVINO", "torch": "torch"}[self.library]
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.processor}, {threads}, {self.precision} ({library})"

    def at(self, precision: Precision) -> Device:
        """The same device with another precision."""
        return replace(self, precision=precision)

    def without_int8(self) -> Device:
        """The same device, in float32 where it would have been int8."""
        return self.at("float32") if self.precision == "int8" else self


def choose_device(wish: str = "auto") -> Device:
    """Choose the fastest way that this machine has.

    Parameters
    ----------
    wish
        One of `WISHES`: ``"auto"`` (CUDA if it is there and works, else the CPU), ``"cpu"``,
        ``"cpu-float32"`` (never in bf16 or int8), ``"cpu-int8"`` (in whole numbers of 8 bits what a model's
        ``int8.json`` covers, all else in float32) or ``"cuda"``.

    Raises
    ------
    InputError
        If `wish` is none of these, or CUDA is asked for and not there, or does not work.
    """
    if wish not in WISHES:
        known = f"{', '.join(WISHES[:-1])} or {WISHES[-1]}"
        raise InputError(f"There is no device '{wish}': choose {known}.")
    if wish == "cpu-float32":
        return cpu_device().at("float32")
    if wish == "cpu-int8":
        found_cpu = cpu_device()
        return found_cpu.at("int8" if found_cpu.library == "openvino" else "float32")
    found = cuda_device() if wish in ("auto", "cuda") and may_have_cuda() else None
    if isinstance(found, Device):
        return found
    if wish == "cuda":
        why = found or "torch finds no CUDA device here"
        raise InputError(f"CUDA was asked for, but {why}: choose auto or cpu.")
    note = f"{found[0].upper()}{found[1:]}: the CPU was used instead." if found else ""
    return replace(cpu_device(), note=note)


def cuda_device() -> Device | str | None:
    """The GPU; or in a few words why the one that is there cannot be used; None where there is none.

    Half precision is used from compute capability 7.0 on, which has the arithmetic for it; older ones run in
    float32.
    """
    import torch

    if not torch.cuda.is_available():
        return None
    try:
        # A GPU that torch has no code for, or whose memory others have taken, fails only when it works.
        torch.ones(1, device="cuda").add_(1).item()
        name, capability = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
    except RuntimeError as error:  # all errors of CUDA are
        return f"the GPU does not work ({str(error).strip().partition(chr(10))[0][:120]})"
    precision: Precision = "fp16" if capability >= (7, 0) else "float32"
    return Device("cuda", "torch", precision, torch.get_num_threads(), name)


def cpu_device(library: Literal["auto", "openvino", "torch"] = "auto") -> Device:
    """The CPU, through OpenVINO where it is installed unless torch is asked for.

    In bf16 where it has that; else, through OpenVINO, in int8 where it has AVX-512 VNNI: elsewhere int8 is
    less than twice as fast as float32 (docs/performance.md).
    """
    if library == "auto":
        library = "openvino" if find_spec("openvino") else "torch"
    if _openvino_has_bf16() if library == "openvino" else torch_has_bf16():
        return Device("cpu", library, "bf16", torch_threads())
    precision: Precision = "int8" if library == "openvino" and has_vnni() else "float32"
    return Device("cpu", library, precision, torch_threads())


@lru_cache(maxsize=1)
def _openvino_has_bf16() -> bool:
    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def torch_has_bf16() -> bool:
    """Whether the processor has bf16 arithmetic; emulated bf16 is slower than float32."""
    import torch

    # Absent from older torch versions, where float32 is the safe answer.
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))
