"""Saliency maps for `refine.py --saliency`: SmoothGrad of all lesions of a scan at once.

usage: python experiments/refine_saliency.py --kept FOLDER --brains FOLDER --data FOLDER --runs /work/runs \
           --out FOLDER [--scan PREFIX] [--passes 2]

The map is the gradient of the sum of the logits in all lesions with respect to the FLAIR, with its sign, mean
over noisy passes (sigma 5 % of the range), by the network that had not seen the source. SmoothGrad adds up:
this is the sum of the maps of the lesions, and near each lesion mostly its own. One map for each lesion, with
50 passes, as published, would take days here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from left_out import LeftOut
from refine import MIN_MM3, brain_file, kept_predictions

from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.resample import zoom
from napari_uncertainseg.lesions.components import label_components, voxels_of
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.training.subjects import read_scans

NOISE = 0.05
"""Standard deviation of the noise, in the range of the FLAIR, as published (arXiv 2406.09335)."""


def main() -> None:
    """Write the map of each scan that has none yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("--kept", "--brains", "--data", "--runs", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--scan")
    parser.add_argument("--passes", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for one in kept_predictions(arguments.kept, arguments.data):
        path = arguments.out / f"{one.scan.prefix.strip('/').replace('/', '-')}.npz"
        if not path.is_file() and arguments.scan in (None, one.scan.prefix):
            np.savez_compressed(path, map=saliency(one, arguments).astype(np.float32))
            print(f"{one.scan.prefix}: written", flush=True)


def saliency(one: LeftOut, arguments: argparse.Namespace) -> np.ndarray:
    """On the scan's grid, float32, 0 outside of the brain's box."""
    images = read_scans(arguments.data, one.scan.prefix)
    mask = read_labels(brain_file(arguments.brains, one.scan), images["flair"].grid)
    model = find_model(str(arguments.runs / one.information["model"] / "model"))
    prepared = prepare(images, mask=mask, bias_correction="off")
    said = model.configuration
    source = prepared.network_input(said["spacing"], said.get("smoothing", 0.0))
    fewest = voxels_of(MIN_MM3, one.voxel_volume)
    labels, _ = label_components(one.image(one.mean().astype(np.float32)), one.threshold, min_voxels=fewest)
    inside = labels[source.box] > 0
    region = torch.from_numpy(zoom(inside.astype(np.float32), source.brain.shape) >= 0.5)
    network = model.network().eval()
    nothing = np.zeros(source.brain.shape, np.float32)
    image = torch.from_numpy(np.stack([source.channels.get(m, nothing) for m in model.modalities]))
    found = gradient(network, image, region, arguments.passes)
    out = np.zeros(labels.shape, np.float32)
    out[source.box] = zoom(found, inside.shape)
    return out


def gradient(network: torch.nn.Module, image: torch.Tensor, region: torch.Tensor, passes: int) -> np.ndarray:
    """Mean over passes of the FLAIR's gradient, float32 (z, y, x)."""
    torch.manual_seed(0)
    sides = image.shape[1:]
    more = [(-n) % network.divisor for n in sides]
    sigma = NOISE * float(image[0].max() - image[0].min())
    total = torch.zeros(sides)
    for _ in range(passes):
        noisy = image + sigma * torch.randn_like(image) * (image != 0)
        padded = torch.nn.functional.pad(noisy, (0, more[2], 0, more[1], 0, more[0]))[None].requires_grad_()
        logits = network(padded)[0].mean(0)[: sides[0], : sides[1], : sides[2]]
        logits[region].sum().backward()
        total += padded.grad[0, 0, : sides[0], : sides[1], : sides[2]]
    return (total / passes).numpy()


if __name__ == "__main__":
    main()
