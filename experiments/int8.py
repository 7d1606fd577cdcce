"""Make the numbers with which a model computes in int8, and measure what that costs.

usage: python experiments/int8.py --out int8.json [--model NAME|FOLDER] [--data FOLDER] [--cache FOLDER]
       python experiments/int8.py --check [--seeds 0 1] ...

Patches of the prepared scans, half of them around what the network takes for a lesion, say between which
values the input of each convolution lies: the range whose rounding has the smallest mean squared error.
`--float32` names the layers that are not rounded; by default those at full resolution. With `--shifts` each
convolution's output gets a shift that keeps its mean on some of the patches, which costs more than it brings.

`--check` leaves each source out in turn: numbers from patches of the others, and on the source that was left
out the Dice and ACE (brain, 20 bins) against the reference, in int8 less those in float32, and how far
probabilities move. With several seeds, other patches are drawn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from cached import Cache, network_heads, prepared_scan
from comparing import table
from sources import Scan, scans_at_hand
from torch import Tensor, nn

from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import Precision, cpu_device
from napari_uncertainseg.networks.engines.int8.whole_numbers import RoundedLayer, WholeNumbers
from napari_uncertainseg.networks.formats.multihead import MultiHeadModel

ROOT = Path(__file__).resolve().parents[1]
FULL_RESOLUTION = ("laterals.0", "decoder.0.up", "heads")
SIDE, PATCHES, FOR_SHIFTS, BINS = 48, 12, 5, 4096
IN_ORDER = ("encoder.1", "encoder", "laterals", "decoder", "")
"""Beginnings of names: shifts are found for these layers one after the other, and then for all again."""
Ranges = Mapping[str, tuple[float, float]]
ABOUT = "Made by experiments/int8.py on patches of the labelled scans that docs/performance.md names."


def main() -> None:
    """Write the numbers, or print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shifts", action="store_true")
    parser.add_argument("--float32", nargs="*", default=list(FULL_RESOLUTION), metavar="LAYER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    model = find_model(arguments.model)
    if not isinstance(model, MultiHeadModel):
        parser.error("only models of this project can be rounded")
    scans, cache = scans_at_hand(arguments.data), Cache(arguments.cache)
    maker = Maker(model, arguments.data, cache, tuple(arguments.float32), shifts=arguments.shifts)
    if arguments.out:
        arguments.out.write_text(
            maker.numbers(scans, 0, ABOUT).model_dump_json(indent=1, exclude_defaults=True) + "\n"
        )
    for seed in arguments.seeds if arguments.check else ():
        print(f"## Seed {seed}\n\n{maker.left_out(scans, seed)}\n", flush=True)


class Maker:
    """Makes the numbers for a model."""

    def __init__(
        self, model: MultiHeadModel, data: Path, cache: Cache, kept: tuple[str, ...], *, shifts: bool
    ) -> None:
        self._model, self._data, self._cache, self._kept, self._shifts = model, data, cache, kept, shifts
        self._sources: dict[Scan, NetworkInput] = {}

    def numbers(self, scans: Sequence[Scan], seed: int, about: str = "") -> WholeNumbers:
        """Numbers for the first network of the model, the one that `left_out` measures."""
        network = self._model.network()
        layers = rounded_layers(network, self._patches(scans, seed), self._kept, shifts=self._shifts)
        return WholeNumbers(version=1, about=about, networks={self._model.weight_sha256(): layers})

    def left_out(self, scans: Sequence[Scan], seed: int) -> str:
        """What int8 costs on each source, with numbers from the others."""
        rows = []
        for source in dict.fromkeys(scan.source for scan in scans):
            others = [scan for scan in scans if scan.source != source]
            model = replace(self._model, whole_numbers=self.numbers(others, seed))
            rows += [self._cost(model, scan) for scan in scans if scan.source == source]
            print(f"{source} is done.", file=sys.stderr, flush=True)
        found = pd.DataFrame(rows)
        parts = [*found.groupby("source", sort=False), ("all", found)]
        shown = [[str(name), str(len(one)), *_summary(one)] for name, one in parts]
        head = ["source", "scans", "Dice, mean", "Dice, worst", "ACE, mean", "ACE, worst", "masks agree"]
        return table([*head, "p, mean change", "p, largest change"], shown)

    def _cost(self, model: MultiHeadModel, scan: Scan) -> dict[str, Any]:
        """What the numbers of a model cost on a scan."""
        prepared, reference = prepared_scan(self._data, scan, self._cache)
        plain = self._cache.get_one("plain", scan, lambda: self._mean(scan, self._model, "float32"))
        whole = self._mean(scan, model, "int8")
        masks = [p >= model.threshold for p in (plain, whole)]
        scores = [dice(mask, reference) for mask in masks]
        aces = [reliability(p, reference, region=prepared.brain).ace for p in (plain, whole)]
        change = np.abs(whole - plain)
        return {
            "source": scan.source,
            "dice": scores[1] - scores[0],
            "ace": aces[1] - aces[0],
            "agree": dice(masks[1], masks[0]),
            "mean": change[plain > 0.05].mean(),
            "largest": change.max(),
        }

    def _mean(self, scan: Scan, model: MultiHeadModel, precision: Precision) -> np.ndarray:
        """Mean probability of the heads, on the scan's grid."""
        source = self._source(scan)
        engine = model.engine(cpu_device("openvino").at(precision))
        found = source.back(network_heads(source, model, engine).mean(axis=0))
        assert engine.device.precision == precision
        return found

    def _source(self, scan: Scan) -> NetworkInput:
        if scan not in self._sources:
            prepared, _ = prepared_scan(self._data, scan, self._cache)
            own = self._model.preprocessing
            self._sources[scan] = prepared.network_input(own.spacing, own.smoothing)
        return self._sources[scan]

    def _patches(self, scans: Sequence[Scan], seed: int) -> list[Tensor]:
        """Cubes of prepared scans, (1, channels, z, y, x), every second one around a lesion."""
        random = np.random.default_rng(seed)
        order = [scans[n] for n in random.permutation(len(scans))]
        places = [order[n % len(order)] for n in range(PATCHES)]
        return [self._patch(scan, random, lesion=n % 2 == 0) for n, scan in enumerate(places)]

    def _patch(self, scan: Scan, random: np.random.Generator, *, lesion: bool) -> Tensor:
        source = self._source(scan)
        nothing = np.zeros(source.brain.shape, np.float32)
        image = np.stack([source.channels.get(m, nothing) for m in self._model.modalities])
        image = np.pad(image, [(0, 0), *[(0, max(0, SIDE - n)) for n in image.shape[1:]]])
        where = source.brain
        if lesion:
            seen = self._cache.get_one("seen", scan, lambda: self._seen(scan))
            where = seen if seen.any() else where
        centre = random.choice(np.argwhere(where))
        firsts = np.clip(centre - SIDE // 2, 0, np.array(image.shape[1:]) - SIDE)
        cube = image[(slice(None), *[slice(a, a + SIDE) for a in firsts])]
        return torch.from_numpy(cube.copy())[None]

    def _seen(self, scan: Scan) -> np.ndarray:
        source, engine = self._source(scan), self._model.engine(cpu_device("openvino").at("float32"))
        return np.asarray(network_heads(source, self._model, engine).mean(axis=0) > 0.2)


def _summary(rows: pd.DataFrame) -> list[str]:
    worst = [rows[name].iloc[int(rows[name].abs().argmax())] for name in ("dice", "ace")]
    means = [rows[name].mean() for name in ("dice", "ace")]
    signed = [f"{value:+.4f}" for pair in zip(means, worst, strict=True) for value in pair]
    return [
        *signed,
        f"{rows['agree'].min():.3f}",
        f"{rows['mean'].mean():.4f}",
        f"{rows['largest'].max():.3f}",
    ]


def rounded_layers(
    network: nn.Module, patches: Sequence[Tensor], kept: Sequence[str], *, shifts: bool
) -> dict[str, RoundedLayer]:
    """Ranges, and shifts if wanted, of all convolutions but those that are kept in float32."""
    names = [name for name in convolutions(network) if name not in kept]
    ranges = best_ranges(network, names, patches)
    found = best_shifts(network, ranges, patches[:FOR_SHIFTS]) if shifts else {}
    for name in found:  # a norm that follows at once is part of the convolution in a converted network
        if name.startswith("encoder."):
            norm = network.get_submodule(name[:-1] + "1")
            found[name] = found[name] * (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
    return {
        name: RoundedLayer(low=low, high=high, shift=tuple(round(v, 5) for v in _plain(found.get(name))))
        for name, (low, high) in ranges.items()
    }


def _plain(values: Tensor | None) -> list[float]:
    return [] if values is None else [float(value) for value in values]


def convolutions(network: nn.Module) -> dict[str, nn.Module]:
    """All convolutions by name, but those of the heads at lower resolutions."""
    kinds = (nn.Conv3d, nn.ConvTranspose3d)
    found = {name: one for name, one in network.named_modules() if isinstance(one, kinds)}
    return {name: one for name, one in found.items() if not name.startswith("layer_heads")}


def best_ranges(network: nn.Module, names: Sequence[str], patches: Sequence[Tensor]) -> Ranges:
    """For each layer the range of its input that rounds with the smallest mean squared error."""
    extremes = dict.fromkeys(names, (0.0, 0.0))
    counts = {name: torch.zeros(BINS) for name in names}

    def widen(name: str, x: Tensor) -> None:
        low, high = extremes[name]
        extremes[name] = (min(low, float(x.min())), max(high, float(x.max())))

    def count(name: str, x: Tensor) -> None:
        counts[name] += torch.histc(x, BINS, *extremes[name])

    for note in (widen, count):
        with _noted(network, names, note):
            _run(network, patches)
    return {name: _best_range(counts[name].numpy(), *extremes[name]) for name in names}


def _best_range(count: np.ndarray, low: float, high: float) -> tuple[float, float]:
    edges = np.linspace(low, high, BINS + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    best = (np.inf, low, high)
    for share in np.linspace(0.15, 1, 35):
        # What LeakyReLU leaves below 0 is small and common: only ranges that are wide there are cut there.
        below, above = low * (share if low < -0.2 * high else 1), high * share
        step = (above - below) / 255
        zero = np.round(-below / step)
        rounded = (np.clip(np.round(middle / step) + zero, 0, 255) - zero) * step
        best = min(best, (float(((rounded - middle) ** 2 * count).sum()), below, above))
    return round(best[1], 4), round(best[2], 4)


def best_shifts(network: nn.Module, ranges: Ranges, patches: Sequence[Tensor]) -> dict[str, Tensor]:
    """What to add to each layer's output so that its mean over patches stays as in float32."""
    wanted = _means(network, list(ranges), patches)
    shifts = {name: torch.zeros_like(value) for name, value in wanted.items()}
    for beginning in IN_ORDER:
        with _rounding(network, ranges, shifts):
            found = _means(network, list(ranges), patches)
        for name in shifts:
            if name.startswith(beginning):
                shifts[name] += wanted[name] - found[name]
    return shifts


@contextmanager
def _rounding(network: nn.Module, ranges: Ranges, shifts: Mapping[str, Tensor]) -> Iterator[None]:
    """Within: layers compute as `networks.engines.int8.rounded_graph` makes OpenVINO compute."""
    layers = {name: one for name, one in convolutions(network).items() if name in ranges}
    kept = {name: one.weight.data for name, one in layers.items()}
    hooks = []
    for name, one in layers.items():
        axis = 1 if isinstance(one, nn.ConvTranspose3d) else 0
        largest = one.weight.data.abs().amax(dim=[d for d in range(5) if d != axis]).clamp_min(1e-12)
        zeros = torch.zeros_like(largest, dtype=torch.int32)
        one.weight.data = torch.fake_quantize_per_channel_affine(
            one.weight.data, largest / 63, zeros, axis, -63, 63
        )
        shift = shifts[name].float().view(1, -1, 1, 1, 1)
        hooks.append(one.register_forward_pre_hook(lambda m, x, r=ranges[name]: (_rounded(x[0], *r),)))
        hooks.append(one.register_forward_hook(lambda m, x, y, shift=shift: y + shift))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for name, one in layers.items():
            one.weight.data = kept[name]


def _rounded(x: Tensor, low: float, high: float) -> Tensor:
    step = (high - low) / 255
    return torch.fake_quantize_per_tensor_affine(x, step, round(-low / step), 0, 255)


def _means(network: nn.Module, names: Sequence[str], patches: Sequence[Tensor]) -> dict[str, Tensor]:
    """Mean output of each channel of each layer."""
    total: dict[str, Tensor] = {}
    layers = convolutions(network)

    def add(name: str, y: Tensor) -> None:
        mean = y[0].double().mean(dim=(1, 2, 3)) / len(patches)
        total[name] = total[name] + mean if name in total else mean

    hooks = [layers[name].register_forward_hook(lambda m, x, y, name=name: add(name, y)) for name in names]
    _run(network, patches)
    for hook in hooks:
        hook.remove()
    return total


@contextmanager
def _noted(network: nn.Module, names: Sequence[str], note: Any) -> Iterator[None]:
    layers = convolutions(network)
    hooks = [
        layers[name].register_forward_pre_hook(lambda m, x, name=name: note(name, x[0])) for name in names
    ]
    yield
    for hook in hooks:
        hook.remove()


def _run(network: nn.Module, patches: Sequence[Tensor]) -> None:
    with torch.inference_mode():
        for patch in patches:
            network(patch)


if __name__ == "__main__":
    main()
