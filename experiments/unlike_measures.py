"""What a network says and sees of scans as they are and of planted ones: the numbers of unlike_scores.py.

usage: python experiments/unlike_measures.py [--model NAME|FOLDER] [--keep FILE.json] [--data FOLDER]

FLAIR alone, the model's first network, torch. Kept for each scan: the seven numbers of its appearance; means
of the activations of each stage of the encoder over the brain; agreement of the depths; entropy, probability
and expected volume. What is kept already is not measured again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from shifted_scans import CHANGES, changed
from sources import ROOT, scans_at_hand
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.preparation.appearance import measure_appearance
from napari_uncertainseg.images.preparation.brain_search import search_brain
from napari_uncertainseg.images.preparation.found_brain import known_from
from napari_uncertainseg.images.preparation.prepare import Prepared, prepare
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.training.subjects import find_image, read_scans
from napari_uncertainseg.uncertainty.patient import layer_agreement

_PLANTED_IN = frozenset(
    {
        "3d-mr-ms/patient07/",
        "3d-mr-ms/patient19/",
        "mslesseg/P14_visit1/",
        "ms3seg/101228/",
        "sim-vent/104252/",
    }
)
"""Scans in which changes are planted: five patients of all sources."""


class Planted(NamedTuple):
    """A scan to be measured: what it is, whose, and its FLAIR with the brain (None: to be found)."""

    kind: str
    source: str
    patient: str
    name: str
    flair: Volume
    brain: np.ndarray | None
    skull: bool


def main() -> None:
    """Measure every scan that is not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--keep", type=Path, default=ROOT / "runs" / "unlike.json")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    known: dict[str, Any] = json.loads(arguments.keep.read_text()) if arguments.keep.is_file() else {}
    arguments.keep.parent.mkdir(parents=True, exist_ok=True)
    model = find_model(arguments.model)
    network = model.network(0).eval()  # type: ignore[attr-defined]
    for one in planted(arguments.data, set(known)):
        key = f"{one.name} | {one.kind}"
        if key in known:
            continue
        about = {"kind": one.kind, "source": one.source, "patient": one.patient}
        try:
            known[key] = about | measure(one, network, model.preprocessing.smoothing)  # type: ignore[union-attr]
        except InputError as error:
            known[key] = about | {"refused": str(error)}
        arguments.keep.write_text(json.dumps(known))
        print(key, {k: v for k, v in known[key].items() if isinstance(v, str | float)}, flush=True)


def planted(data: Path, known: set[str]) -> Iterator[Planted]:
    """Labelled scans as they are, what is no FLAIR of MS, raw ones without outlines, then planted changes."""
    yield from _changed(data, known, ["as it is"])
    yield from _others(data)
    for kind in ("T1 as FLAIR", *CHANGES):
        yield from _changed(data, known, [kind])
    yield from _raw(data)


def _changed(data: Path, known: set[str], kinds: list[str]) -> Iterator[Planted]:
    for scan in scans_at_hand(data):
        if kinds != ["as it is"] and scan.prefix not in _PLANTED_IN:
            continue
        own = scan.source, scan.patient, scan.prefix
        wanted = [kind for kind in kinds if f"{scan.prefix} | {kind}" not in known]
        if not wanted:
            continue
        images = read_scans(data, scan.prefix)
        flair = images["flair"]
        found = search_brain({"flair": flair}, _mask(data, scan.prefix, flair), "auto")
        brain, skull = found.mask, scan.source in ("MS3SEG", "Sim-Vent")
        for kind in wanted:
            if kind == "as it is":
                yield Planted(kind, *own, flair, brain, skull)
            elif kind in CHANGES:
                yield Planted(kind, *own, *changed(flair, brain, kind), skull)
            elif "t1" in images and images["t1"].grid.same_as(flair.grid):
                yield Planted(kind, *own, replace(images["t1"], modality="flair"), brain, skull)


def _others(data: Path) -> Iterator[Planted]:
    for kind, name in (
        ("stroke", "stroke-flair/FLAIR.nii.gz"),
        ("DICOM leg (T1)", "reader-samples/dicom-mr-t1"),
    ):
        yield Planted(kind, kind, kind, name, _as_flair(data / name), None, False)
    for path in sorted((data / "bu-bil-phase-contrast").glob("*.npz"))[::3]:
        image = np.load(path)["image"][::5, ::5].astype(np.float32)
        stack = np.repeat(image[None], 64, axis=0)
        grid = Grid.from_file(stack.T.shape, np.eye(4))
        volume = Volume(np.ascontiguousarray(stack), grid, path.stem, "flair")
        yield Planted("cells", "cells", path.stem, path.stem, volume, np.ones(stack.shape, bool), False)


def _raw(data: Path) -> Iterator[Planted]:
    for path in sorted((data / "3d-mr-ms-longitudinal").glob("*/study1_FLAIR.nii.gz")):
        own = "longitudinal", path.parent.name, f"{path.parent.name}/{path.name[:6]}"
        yield Planted("raw, no outlines", *own, _as_flair(path), None, True)


def _as_flair(path: Path) -> Volume:
    return replace(read_volume(path), modality="flair")


def _mask(data: Path, prefix: str, flair: Volume) -> Volume | None:
    """The brain mask that came with the scan, so that no network has to find it again."""
    path = find_image(data, prefix, "brainmask")
    return None if path is None else read_labels(path, flair.grid)


def measure(one: Planted, network: MultiHeadUNet, smoothing: float) -> dict[str, Any]:
    """All numbers of one scan."""
    brain = None if one.brain is None else known_from(one.brain, "given")
    correction = "on" if one.skull and one.brain is not None else "auto"
    try:
        prepared = prepare({"flair": one.flair}, brain=brain, bias_correction=correction)
        said = ""
    except InputError as error:  # what follows is what a user would get who insists
        said = str(error)
        whole = known_from(np.asarray(one.flair.data) > 0, "given")
        prepared = prepare({"flair": one.flair}, brain=whole, bias_correction="off")
    return {"search": said} | _numbers(prepared, network, smoothing)


@torch.inference_mode()
def _numbers(prepared: Prepared, network: MultiHeadUNet, smoothing: float) -> dict[str, Any]:
    source = prepared.network_input(1.0, smoothing)
    flair = torch.from_numpy(np.ascontiguousarray(source.channels["flair"], np.float32))
    size = [max(-(-n // network.divisor) * network.divisor, network.smallest) for n in flair.shape]
    pad = [p for n, s in zip(reversed(flair.shape), reversed(size), strict=True) for p in (0, s - n)]
    image = torch.zeros(1, network.in_channels, *size)
    image[0, 0] = F.pad(flair, pad)
    brain = F.pad(torch.from_numpy(source.brain.astype(np.float32)), pad)[None, None]
    stages = []
    hooks = [
        stage.register_forward_hook(lambda module, inputs, output: stages.append(_pooled(output, brain)))
        for stage in network.encoder
    ]
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as the program's own engine computes
        heads, deeper = network.decode_layers(network.encode(image))
    heads, deeper = heads.float(), [one.float() for one in deeper]
    for hook in hooks:
        hook.remove()
    p = heads[0].sigmoid()
    mean = p.mean(dim=0)
    inside = brain[0, 0] > 0
    depths = network.depths(heads, deeper)[0].unflatten(0, (network.styles, -1)).mean(dim=0).sigmoid()
    masks = [(depth >= 0.5).numpy() & inside.numpy() for depth in reversed(depths)]
    own = mean[inside].double()
    entropy = -(torch.special.xlogy(own, own) + torch.special.xlogy(1 - own, 1 - own))
    return {
        "appearance": measure_appearance(prepared.channels["flair"], prepared.brain, prepared.grid),
        "stages": [one.tolist() for one in stages],
        "agreement": layer_agreement(masks),
        "entropy": float(entropy.mean()),
        "confidence": float(torch.maximum(own, 1 - own).mean()),
        "highest": float(own.max()),
        "expected_ml": float(own.sum()) / 1000,
        "outlined_ml": float((own >= 0.5).sum()) / 1000,
        "doubtful": float(own[(own >= 0.1) & (own <= 0.9)].sum() / own.sum()),
    }


def _pooled(output: torch.Tensor, brain: torch.Tensor) -> torch.Tensor:
    """Mean of each channel over the brain, float32 (channels,)."""
    weight = F.adaptive_avg_pool3d(brain, output.shape[2:])
    return (output.float() * weight).sum(dim=(0, 2, 3, 4)) / weight.sum()


if __name__ == "__main__":
    main()
