"""Scans that a network had not seen, to be explained: `refine_saliency.py`, `explain_lesions.py`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from left_out import LeftOut
from refine import MIN_MM3, brain_file, kept_predictions

from napari_uncertainseg.explain.scene import Scene
from napari_uncertainseg.explain.voxels import VoxelMap
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.lesions.components import label_components, voxels_of
from napari_uncertainseg.lesions.matching import lesions_touching
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.training.subjects import find_image, read_scans


@dataclass(frozen=True, eq=False)
class LeftOutCase:
    """A scan and the network that had not seen its source.

    Attributes
    ----------
    one
        The kept prediction.
    scene, voxels
        What the network reads, and the way there from the scan's voxels.
    lesions
        Labels of what it outlined, on the scan's grid.
    missed
        Labels of the experts' lesions of which it outlined no voxel.
    real
        Of each lesion, whether it holds a voxel of the experts' mask.
    """

    one: LeftOut
    scene: Scene
    voxels: VoxelMap
    lesions: np.ndarray
    missed: np.ndarray
    real: np.ndarray

    @property
    def name(self) -> str:
        """For files."""
        return file_name(self.one)

    def lesion(self, number: int) -> np.ndarray:
        """A lesion on the network's voxels."""
        return self.voxels.to_network(self.lesions == number)

    def others(self, region: np.ndarray) -> np.ndarray:
        """All lesions on the network's voxels but a region."""
        return self.voxels.to_network(self.lesions > 0) & ~region


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Where predictions, brains, scans and models lie, and which scans."""
    for name in ("--kept", "--brains", "--data", "--runs", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--scan", nargs="*", help="prefixes of scans, all if none")


def chosen(arguments: argparse.Namespace) -> Iterator[LeftOut]:
    """The kept predictions of the scans that were named."""
    known = {one.scan.prefix: one for one in kept_predictions(arguments.kept, arguments.data)}
    for prefix in arguments.scan or known:
        yield known[prefix]


def file_name(one: LeftOut) -> str:
    """Its scan, without a slash."""
    return one.scan.prefix.strip("/").replace("/", "-")


def opened(one: LeftOut, arguments: argparse.Namespace) -> LeftOutCase:
    """Prepare a scan and load the network; all of its heads are meant.

    Scans with a skull were corrected (N4) for the prediction, and are not here: it takes half a minute each.
    """
    images = read_scans(arguments.data, one.scan.prefix)
    images = {name: images[name] for name in one.information["inputs"]}
    grid = images["flair"].grid
    mask = read_labels(brain_file(arguments.brains, one.scan), grid)
    prepared = prepare(images, mask=mask, bias_correction="off")
    model = find_model(str(arguments.runs / one.information["model"] / "model"))
    source = prepared.network_input(model.configuration["spacing"], model.configuration["smoothing"])
    nothing = np.zeros(source.brain.shape, np.float32)
    image = np.stack([source.channels.get(name, nothing) for name in model.modalities])
    voxels = VoxelMap.of(source, grid)
    engine = model.engine(cpu_device("torch").at("float32"), 0)
    scene = Scene(engine, image, model.modalities, voxels.spacing, one.threshold)
    fewest = voxels_of(MIN_MM3, one.voxel_volume)
    labels, n = label_components(one.image(one.mean().astype(np.float32)), one.threshold, min_voxels=fewest)
    truth = read_labels(find_image(arguments.data, one.scan.prefix, "lesion"), grid).data > 0
    experts, _ = label_components(truth.astype(np.float32), 0.5, min_voxels=fewest)
    found = np.unique(experts[labels > 0])
    missed = np.where(np.isin(experts, found) | ~prepared.brain, 0, experts)
    return LeftOutCase(one, scene, voxels, labels, missed, lesions_touching(labels, truth, n))
