"""Rows on prediction: against MONAI's sliding window, plain passes, and one copy of the volume."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import torch
from torch import Tensor, nn

from napari_uncertainseg._parallel import thread_count
from napari_uncertainseg.bench.scene import Scene
from napari_uncertainseg.bench.timing import Row, costlier, faster, in_turns, seconds
from napari_uncertainseg.images.preparation.prepare import NetworkInput, prepare, smoothed
from napari_uncertainseg.inference.sampling import mean_pass
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.engines.device import Device, choose_device
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.model import Preprocessing
from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.uncertainty.voxel import binary_entropy

MEMBERS = 10
PREPARED = 0.4
"""Seconds that preparing a stripped scan of 1 mm with its T1 and T2 may take."""
STAGES = {
    "prepare": "preparing",
    "members": "the network",
    "maps": "maps and members",
    "real_probability": "what lies around lesions",
}
"""Parts of a prediction by their names in its information; what is left is hashing scans, and little else."""


def rows(scene: Scene) -> list[Row]:
    """Measure preparing and the network alone on this machine's best device."""
    return [_preparing(scene), *_passes(scene, _prepared(scene)[1])]


def whole_brain_rows(scene: Scene) -> list[Row]:
    """Measure against MONAI's sliding window, in each precision that the CPU can imitate, in turns."""
    channels, source = _prepared(scene)
    return _whole_brain(scene, channels, source)


def _prepared(scene: Scene) -> tuple[dict[str, np.ndarray], NetworkInput]:
    """The scene's scans on their own grid, and what the network reads of them."""
    prepared = prepare(scene.images)
    own = scene.model.preprocessing
    assert isinstance(own, Preprocessing)
    flair = smoothed(prepared.channels["flair"], prepared.brain, own.smoothing)
    return {**prepared.channels, "flair": flair}, prepared.network_input(own.spacing, own.smoothing)


def memory_rows(scene: Scene) -> list[Row]:
    """Measure memory above the start of prediction, each in a process of its own."""
    many, few = (_peak_bytes(scene, members) for members in (MEMBERS, 2))
    copy = 4 * float(np.prod(scene.shape))
    detail = f"{many / 2**20:.0f} MiB"
    return [
        Row(
            "memory above the start, 10 dropout members",
            "a float32 copy of the volume",
            many / copy,
            50,
            False,
            detail,
        ),
        Row("the same", "with 2 members", many / few, 1.1, False, f"{detail} against {few / 2**20:.0f} MiB"),
    ]


def _preparing(scene: Scene) -> Row:
    own = seconds(lambda: prepare(scene.images), scene.repeats)
    titles = [title_of(modality) for modality in scene.images]
    beside = f" with {' and '.join(titles[1:])} on its grid" if titles[1:] else ""
    what, against = f"preparing a stripped {titles[0]}{beside}", f"{PREPARED:g} s"
    return Row(what, against, own / PREPARED, 1, False, f"{own:.2f} s on {thread_count()} cores")


def _whole_brain(scene: Scene, channels: Mapping[str, np.ndarray], source: NetworkInput) -> list[Row]:
    segmenters = _segmenters(scene)
    parts: list[list[Mapping[str, float]]] = [[] for _ in segmenters]

    def predict(segmenter: Segmenter, seen: list[Mapping[str, float]]) -> None:
        seen.append(segmenter.predict(scene.images).information["seconds"])

    own = in_turns([partial(predict, *one) for one in zip(segmenters, parts, strict=True)], scene.repeats)
    network = scene.model.network()
    image = _image(scene, channels)
    other = seconds(lambda: monai_window(network, image, scene.window), 1, warm=False)
    against = f"MONAI sliding window, float32, {scene.window}^3, overlap 0.25, gaussian, numpy maps"
    target = 4 if segmenters[0].device.kind == "cuda" else 30 if has_amx() else 15
    rows = []
    for segmenter, times, seen in zip(segmenters, own, parts, strict=True):
        first, precision = segmenter is segmenters[0], segmenter.device.precision
        what = "whole-brain prediction, all maps, preparation included"
        if not first:
            what = f"the same in {precision}, as on a CPU without bf16"
        limit = _least_seconds(network, source.brain.shape, segmenter.device)
        spent = statistics.median(times)
        row = faster(what, against, spent, other, target, limit)
        rows.append(replace(row, detail=f"{row.detail}; {_shares(seen, spent)}"))
    return rows


def _segmenters(scene: Scene) -> list[Segmenter]:
    """On this machine's best device; where that is a CPU with bf16, also as on one without."""
    best = Segmenter(scene.model)
    if best.device.kind != "cpu" or best.device.precision == "float32":
        return [best]
    others = [Segmenter(scene.model, device=wish) for wish in ("cpu-float32", "cpu-int8")]
    shown = {best.device.precision}
    return [best, *(one for one in others if one.device.precision not in shown)]


def _shares(parts: Sequence[Mapping[str, float]], whole: float) -> str:
    """What each stage takes of a prediction, from the medians of some."""
    shares = {
        said: statistics.median(one.get(name, 0.0) for one in parts) / whole for name, said in STAGES.items()
    }
    return ", ".join(f"{said} {share:.0%}" for said, share in shares.items() if share >= 0.005)


def _passes(scene: Scene, source: NetworkInput) -> list[Row]:
    """Time the network alone, and what uncertainty adds to it."""
    engine = scene.model.engine(choose_device())
    shape = [-(-n // engine.divisor) * engine.divisor for n in source.brain.shape]
    image = torch.zeros(1, len(scene.model.modalities), *shape)
    masks = [torch.ones(s) for s in engine.mask_shapes]
    plain = seconds(lambda: engine.heads(image), scene.repeats)

    def dropout() -> None:
        encoded = engine.encode(image)
        for _ in range(MEMBERS):
            engine.decode(encoded, masks)

    def all_heads() -> None:
        p = engine.heads(image).sigmoid_()
        binary_entropy(mean_pass(p).members[0])

    one_pass = seconds(all_heads, scene.repeats)
    sampled = seconds(dropout, max(1, scene.repeats // 2))
    return [
        costlier("one-pass uncertainty, all heads", "one plain forward pass", one_pass, plain, 1.3),
        costlier("10 dropout members", "10 plain forward passes", sampled, MEMBERS * plain, 0.5),
    ]


def _image(scene: Scene, channels: Mapping[str, np.ndarray]) -> Tensor:
    nothing = np.zeros(scene.shape, np.float32)
    return torch.from_numpy(np.stack([channels.get(m, nothing) for m in scene.model.modalities])[None])


def monai_window(network: nn.Module, image: Tensor, window: int) -> tuple[np.ndarray, ...]:
    """What a user of MONAI would write."""
    from monai.inferers import sliding_window_inference

    device = "cuda" if choose_device().kind == "cuda" else "cpu"
    with torch.inference_mode():
        logits = sliding_window_inference(
            image.to(device), [window] * 3, 1, network.to(device), overlap=0.25, mode="gaussian"
        )
    assert isinstance(logits, Tensor)
    p = 1 / (1 + np.exp(-logits[0].cpu().numpy()))
    mean, expected = p.mean(0), _entropy(p).mean(0)
    entropy = _entropy(mean)
    return mean, entropy, expected, entropy - expected, p.var(0)


def _entropy(p: np.ndarray) -> np.ndarray:
    q = np.clip(p, 1e-7, 1 - 1e-7)
    return -q * np.log(q) - (1 - q) * np.log(1 - q)


def has_amx() -> bool:
    """Whether the processor multiplies matrices in bf16 by itself."""
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("amx_bf16"))


_TYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def _least_seconds(network: MultiHeadUNet, shape: tuple[int, ...], device: Device) -> float:
    """Time that the convolutions' multiply-adds take at this machine's matrix rate, in a precision.

    Where bf16 is emulated it takes a thousand times as long as float32, and is not used.
    """
    if device.precision == "int8":
        return _multiply_adds(network, shape) / _int8_rate(device)
    a = torch.randn(2048, 2048, dtype=_TYPES[device.precision], device=device.kind)

    def multiply() -> None:
        (a @ a)[0, 0].item()

    rate = 2048**3 / seconds(multiply, 5)
    return _multiply_adds(network, shape) / rate


def _int8_rate(device: Device) -> float:
    """Multiply-adds a second of OpenVINO with whole numbers of 8 bits."""
    openvino, side = import_openvino(), 2048
    operations = import_module("openvino.opset8")
    image = operations.parameter([side, side], np.float32)
    ends = [operations.constant(np.float32(value)) for value in (-1, 1, -1, 1)]
    rounded = operations.fake_quantize(image, *ends, 256)
    weights = np.random.default_rng(0).uniform(-1, 1, (side, side)).astype(np.float32)
    others = operations.fake_quantize(operations.constant(weights), *ends, 255)
    product = operations.result(operations.matmul(rounded, others, False, False))
    threads = {"INFERENCE_NUM_THREADS": device.threads, "INFERENCE_PRECISION_HINT": "f32"}
    run = openvino.Core().compile_model(openvino.Model([product], [image], "one"), "CPU", threads)
    return side**3 / seconds(lambda: run(weights), 5)


def _multiply_adds(network: MultiHeadUNet, shape: tuple[int, ...]) -> int:
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv3d | nn.ConvTranspose3d)
        if isinstance(module, nn.ConvTranspose3d):
            total += inputs[0][0, 0].numel() * module.weight.numel()
        else:
            total += output[0, 0].numel() * module.weight.numel()

    channels = network.in_channels
    with torch.device("meta"):
        copy = MultiHeadUNet(
            channels,
            network.features,
            network.heads.out_channels // network.styles,
            styles=network.styles,
            thin=network.thin,
        )
        padded = [-(-n // copy.divisor) * copy.divisor for n in shape]
        for module in copy.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                module.register_forward_hook(count)
        copy(torch.zeros(1, channels, *padded))
    return total


def _peak_bytes(scene: Scene, members: int) -> float:
    call = f"print_peak({str(scene.model.folder)!r}, {members}, {scene.shape!r})"
    code = f"from napari_uncertainseg.bench.prediction import print_peak; {call}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def print_peak(model: str, members: int, shape: tuple[int, int, int]) -> None:
    """Predict once in this process, and print how far memory rose, bytes."""
    import threading

    import psutil

    from napari_uncertainseg.bench.scene import _simulated

    images, _ = _simulated(shape)
    process, done = psutil.Process(), threading.Event()
    segmenter = Segmenter(model, method="mc-dropout", members=members)
    start = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    segmenter.predict(images)
    done.set()
    thread.join()
    print(peak - start)
