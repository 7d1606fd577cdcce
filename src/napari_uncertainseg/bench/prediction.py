"""Rows on prediction: against MONAI's sliding window, plain passes, and one copy of the volume."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from napari_uncertainseg._parallel import thread_count
from napari_uncertainseg.bench.scene import Scene
from napari_uncertainseg.bench.timing import Row, costlier, faster, seconds
from napari_uncertainseg.images.preparation.prepare import NetworkInput, prepare, smoothed
from napari_uncertainseg.inference.sampling import mean_pass
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.engines.device import choose_device
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
    """Measure prediction on this machine's best device."""
    prepared = prepare(scene.images)
    own = scene.model.preprocessing
    assert isinstance(own, Preprocessing)
    source = prepared.network_input(own.spacing, own.smoothing)
    flair = smoothed(prepared.channels["flair"], prepared.brain, own.smoothing)
    channels = {**prepared.channels, "flair": flair}
    return [*_whole_brain(scene, channels, source), _preparing(scene), *_passes(scene, source)]


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


def _whole_brain(scene: Scene, channels: object, source: NetworkInput) -> list[Row]:
    """Measure against MONAI's sliding window; with a reference, also what the speed costs in Dice."""
    segmenter = Segmenter(scene.model)
    parts: list[Mapping[str, float]] = []
    own = seconds(lambda: parts.append(segmenter.predict(scene.images).information["seconds"]), scene.repeats)
    network = scene.model.network()
    image = _image(scene, channels)
    theirs: list[np.ndarray] = []
    other = seconds(lambda: theirs.extend(_monai(network, image, scene.window)), 1, warm=False)
    what = "whole-brain prediction, all maps, preparation included"
    against = f"MONAI sliding window, float32, {scene.window}^3, overlap 0.25, gaussian, numpy maps"
    target = 4 if segmenter.device.kind == "cuda" else 30 if has_amx() else 15
    whole = faster(what, against, own, other, target, _least_seconds(network, source.brain.shape))
    rows = [replace(whole, detail=f"{whole.detail}; {_shares(parts, own)}")]
    if scene.reference is not None and scene.trained:
        ours = segmenter.predict(scene.images).probability
        rows.append(_dice_lost(ours, theirs[0], scene.reference, scene.model.threshold))
    return rows


def _shares(parts: Sequence[Mapping[str, float]], whole: float) -> str:
    """What each stage takes of a prediction, from the medians of some."""
    shares = {
        said: statistics.median(one.get(name, 0.0) for one in parts) / whole for name, said in STAGES.items()
    }
    return ", ".join(f"{said} {share:.0%}" for said, share in shares.items() if share >= 0.005)


def _dice_lost(ours: np.ndarray, theirs: np.ndarray, reference: np.ndarray, threshold: float) -> Row:
    own, other = (dice(p >= threshold, reference) for p in (ours, theirs))
    detail = f"{own:.4f} against {other:.4f}, threshold {threshold:g}"
    what, against = "Dice lost by it, against the reference mask", "that sliding window"
    return Row(what, against, other - own, 0.005, False, detail, unit="")


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


def _image(scene: Scene, channels: object) -> Tensor:
    assert isinstance(channels, dict)
    nothing = np.zeros(scene.shape, np.float32)
    return torch.from_numpy(np.stack([channels.get(m, nothing) for m in scene.model.modalities])[None])


def _monai(network: nn.Module, image: Tensor, window: int) -> tuple[np.ndarray, ...]:
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


_TYPES = {"float32": torch.float32, "int8": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def _least_seconds(network: MultiHeadUNet, shape: tuple[int, ...]) -> float:
    """Time that the convolutions' multiply-adds take at this machine's matrix rate, in its precision.

    Where bf16 is emulated it takes a thousand times as long as float32, and is not used.
    """
    device = choose_device()
    a = torch.randn(2048, 2048, dtype=_TYPES[device.precision], device=device.kind)

    def multiply() -> None:
        (a @ a)[0, 0].item()

    rate = 2048**3 / seconds(multiply, 5)
    return _multiply_adds(network, shape) / rate


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
