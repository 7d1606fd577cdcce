"""Make the atlas that *Place* goes by: the MNI152 template at 2 mm with what lies where in 20 label maps.

    python experiments/place_atlas.py LABEL_MAPS OUT

`LABEL_MAPS` is a folder of label maps with FreeSurfer's numbers (those of SynthSeg, Apache 2.0). Each is
registered onto nilearn's ICBM 2009a T1 template by an affine, and the structures are averaged.

`OUT` gets `atlas.nii.gz`, uint8, 2 mm: the template, and the share of people who have each of `STRUCTURES`
there, 0 to 255 each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from nilearn.datasets import load_mni152_template
from scipy import ndimage

from napari_uncertainseg.explain.place.registration import affine_between
from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Grid, Volume

STRUCTURES = {
    "ventricle": (4, 5, 43, 44),  # lateral, with their lower horns
    "fluid": (14, 15, 24),  # third, fourth, and around the brain
    "cortex": (3, 42),
    "white_matter": (2, 41, 77, 251, 252, 253, 254, 255, 85),
    "infratentorial": (7, 8, 46, 47, 16),
}
TISSUE = {3: 150, 42: 150, 2: 220, 41: 220, 7: 210, 46: 210, 8: 150, 47: 150, 16: 200}
TISSUE |= dict.fromkeys((10, 11, 12, 13, 17, 18, 26, 28, 49, 50, 51, 52, 53, 54, 58, 60), 170)
TISSUE |= dict.fromkeys((4, 5, 14, 15, 43, 44), 40)
LEVELS = {"ventricle": 16}
"""Shares are kept in so many steps, 8 where nothing is said, which makes the file small."""


def main() -> None:
    """Register, average, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("label_maps", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    template = template_volume()
    total = {name: np.zeros(template.grid.shape, np.float32) for name in STRUCTURES}
    paths = sorted(options.label_maps.glob("training_seg_*.nii.gz"))
    for path in paths:
        labels = read_image(path)
        head = labels.data.astype(int)
        brain = np.isin(head, [*TISSUE, 85, 30, 62, 72, 77])
        brain = ndimage.binary_closing(brain, iterations=4)
        looks = np.where(brain, 40, 0).astype(np.float32)
        for number, value in TISSUE.items():
            looks[head == number] = value
        image = isotropic(Volume(looks, labels.grid, path.name), 2.0)
        matrix = affine_between(template, image)
        for name, numbers in STRUCTURES.items():
            mask = np.isin(head, numbers) & brain
            total[name] += resample_to(
                Volume(mask.astype(np.float32), labels.grid, name), template.grid, matrix
            )
        print(path.name, flush=True)
    channels = [np.minimum(8 * np.round(template.data / 8), 255)]
    for name in STRUCTURES:
        share, levels = np.clip(total[name] / len(paths), 0, 1), LEVELS.get(name, 8)
        channels.append(np.round(np.round(share * levels) / levels * 255))
    stacked = np.stack(channels, axis=-1).astype(np.uint8)
    options.out.mkdir(parents=True, exist_ok=True)
    moved = stacked.transpose(2, 1, 0, 3)  # (s, a, r) -> (x, y, z)
    affine = template.grid.affine @ np.eye(4)[[2, 1, 0, 3]]
    image = nib.Nifti1Image(moved, affine)
    image.to_filename(options.out / "atlas.nii.gz")


def template_volume() -> Volume:
    """The template at 2 mm, cropped to the brain and one voxel around it, 0 to 255."""
    image = load_mni152_template(resolution=2)
    data = image.get_fdata().astype(np.float32)
    grid = Grid.from_file(data.shape, image.affine)
    data = np.ascontiguousarray(grid.to_canonical(data)) * (255 / data.max())
    low = np.maximum(np.argwhere(data > 0).min(axis=0) - 1, 0)
    high = np.argwhere(data > 0).max(axis=0) + 2
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    part = np.ascontiguousarray(data[box])
    return Volume(part, Grid(part.shape, affine), "MNI152")  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
