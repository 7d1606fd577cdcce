"""What window presets and heat maps leave to be seen: ``python experiments/reading_window.py RESULTS...``.

RESULTS are folders of results whose scans are where they were. Prints what docs/methods.md says of window and
level and of heat maps over the scan: by how much of the whole range from black to white the lesions of a
result differ from the tissue 1 to 3 voxels around them, under each preset; and on the FLAIR, how much of that
the entropy map leaves, and how many voxels of lesions it draws at full light.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_uncertainseg.images.files import read_image, read_labels, read_volume
from napari_uncertainseg.images.grey_windows import GreyWindow, brain_values, presets
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.voxel_maps import VOXEL_MAPS
from napari_uncertainseg.widgets.layers.colours import MAP_OPACITY, clear_colormap
from napari_uncertainseg.widgets.scans.volumes import layer_data

_LUMINANCE = np.array((0.2126, 0.7152, 0.0722))


def at(scan: Volume, mask: np.ndarray, like: Volume) -> np.ndarray:
    """Values of a scan at a mask on another grid."""
    return brain_values(np.asarray(scan.data), scan.grid.affine, mask, like.grid.affine)


def grey(values: np.ndarray, window: GreyWindow) -> np.ndarray:
    """What is drawn: 0 black, 1 white."""
    return np.clip((values - window.low) / window.width, 0, 1)


def rows(folder: Path) -> Iterator[str]:
    """Lines of one result."""
    inputs = json.loads((folder / "summary.json").read_text())["inputs"]
    brain, lesions = (read_labels(folder / f"{name}.nii.gz") for name in ("brain", "lesions"))
    inside = np.asarray(lesions.data) > 0
    wide, near = (ndimage.binary_dilation(inside, iterations=n) for n in (3, 1))
    around = wide & ~near & (np.asarray(brain.data) > 0)
    for modality, about in inputs.items():
        if not Path(about["path"]).is_file():
            continue
        scan = read_volume(about["path"], modality=modality)
        opened = GreyWindow(*layer_data(scan)[1]["contrast_limits"])
        windows = presets(at(scan, np.asarray(brain.data) > 0, brain), modality)
        lesion, tissue = at(scan, inside, lesions), at(scan, around, lesions)
        said = []
        for name, window in {"as opened": opened, **windows}.items():
            differ = abs(np.mean(grey(lesion, window)) - np.mean(grey(tissue, window)))
            said.append(f"{name} {100 * differ:.0f} %")
        yield f"{folder.name[:24]:24} {modality:6} " + ", ".join(said)
        if modality == "flair":
            entropy = read_image(folder / "entropy.nii.gz")
            maps = at(entropy, inside, lesions), at(entropy, around, lesions)
            yield from blended(windows["tissue"], (lesion, tissue), maps)


def blended(
    window: GreyWindow, values: tuple[np.ndarray, ...], maps: tuple[np.ndarray, ...]
) -> Iterator[str]:
    """How two ways to lay a map over the scan look in lesions and around them."""
    plain = [grey(each, window) for each in values]
    differ = plain[0].mean() - plain[1].mean()
    share = [np.clip(each / VOXEL_MAPS["entropy"].largest, 0, 1) for each in maps]
    colours = [clear_colormap("inferno").map(each) for each in share]
    added = [np.clip(g[:, None] + 0.6 * c[:, :3], 0, 1) for g, c in zip(plain, colours, strict=True)]
    mixed = [
        g[:, None] * (1 - MAP_OPACITY * c[:, 3:]) + MAP_OPACITY * c[:, 3:] * c[:, :3]
        for g, c in zip(plain, colours, strict=True)
    ]
    for name, drawn in (("added, 60 %", added), ("clear at 0, 50 %", mixed)):
        left = ((drawn[0] @ _LUMINANCE).mean() - (drawn[1] @ _LUMINANCE).mean()) / differ
        full = (drawn[0].max(axis=1) >= 1).mean()
        yield f"{'':24} entropy {name}: {100 * left:.0f} % of it left, {100 * full:.0f} % at full light"


def main() -> None:
    """Print the lines of all results that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path)
    for folder in parser.parse_args().results:
        for line in rows(folder):
            print(line)


if __name__ == "__main__":
    main()
