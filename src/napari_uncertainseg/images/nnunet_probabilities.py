"""What nnU-Net's ``--save_probabilities`` writes: ``CASE.npz`` beside the segmentation ``CASE.nii.gz``.

The array of the ``.npz`` has a channel for each output of the network, and covers the whole scan: nnU-Net has
undone its crop and its transposition before it saves. Its axes are those of the segmentation's file in
reverse order; with the readers that reorient, of the file turned to RAS. Which of the two it is, the
segmentation tells: it is what the probabilities say, voxel for voxel; where it is empty, the plans beside it
name the reader. The ``.pkl`` beside is never opened,
because opening a pickle may run code.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_probabilities
from napari_uncertainseg.images.files import difference, read_labels
from napari_uncertainseg.images.formats import formats
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.networks.foreign_settings import read_settings
from napari_uncertainseg.networks.formats.markers import NNUNET
from napari_uncertainseg.networks.formats.nnunet.dataset import DATASET, Dataset, read_dataset, target_of
from napari_uncertainseg.networks.formats.nnunet.plans import read_reorients

SUFFIX = ".npz"
_KEY = "probabilities"
_WIDEST = 8
"""Bytes of a number in the widest type."""
_MOST_UNNAMED = 8
"""Channels that are unpacked where nothing says how many there are."""
_BESIDE = 1 << 20
"""Bytes that the file may hold beside its numbers."""


def one_saved_map(folder: Path, scan: Volume) -> Path:
    """The ``.npz`` in a folder: the only one, or the one that is called like the scan.

    Raises
    ------
    InputError
        If none of several is.
    """
    found = sorted(folder.glob(f"*{SUFFIX}"))
    # nnU-Net ends the names of scans with the number of their channel: CASE_0000.nii.gz.
    fits = [path for path in found if scan.name in (path.stem, f"{path.stem}_0000")]
    if len(found) > 1 and len(fits) != 1:
        raise InputError(
            f"{folder} holds the probabilities of {len(found)} cases, and none is called like '{scan.name}': "
            "name the .npz file itself."
        )
    return fits[0] if fits else found[0]


def read_saved_probabilities(path: Path, grid: Grid) -> np.ndarray:
    """Probability of the target from what nnU-Net saved.

    Parameters
    ----------
    path
        The ``.npz``. The segmentation lies beside it; so does ``dataset.json``, which nnU-Net writes there,
        and perhaps ``uncertainseg.json``, which says what the target is where several labels could be.
    grid
        Of the scan.

    Returns
    -------
    numpy.ndarray
        float32, of the grid's shape.

    Raises
    ------
    InputError
        If the file is not what nnU-Net writes, or the segmentation is missing, lies elsewhere, or is not what
        the probabilities say.
    """
    segmentation = _segmentation(path)
    if not segmentation.grid.same_as(grid, tolerance=1e-2):
        raise InputError(
            f"{segmentation.path}: the segmentation beside the probabilities does not lie on the scan's "
            "grid: "
            f"{difference(segmentation.grid, grid)}."
        )
    known = read_dataset(path.parent) if (path.parent / DATASET).is_file() else None
    most = _MOST_UNNAMED if known is None else len(known.classes)
    channels = _channels(path, most * int(np.prod(grid.shape)))
    dataset = known or _without_names(path, channels)
    if len(channels) != len(dataset.classes):
        raise InputError(
            f"{path}: there are {len(channels)} channels, but {len(dataset.classes)} outputs in {DATASET} "
            "beside it."
        )
    target = target_of(path.parent / DATASET, dataset, read_settings(path.parent))
    on_grid = _on_grid(path, channels, dataset, segmentation)
    chosen = on_grid[list(target)]
    together = chosen.max(axis=0) if dataset.regions else chosen.sum(axis=0)
    return np.ascontiguousarray(as_probabilities(together, f"{path}: the values"), np.float32)


def _segmentation(path: Path) -> Volume:
    """The label image beside a map, on its own grid."""
    beside = (path.with_name(path.stem + suffix) for suffix in formats.one_file_suffixes())
    found = next((file for file in beside if file.is_file()), None)
    if found is None:
        raise InputError(
            f"{path}: the segmentation that nnU-Net wrote beside it ({path.stem}.nii.gz) is missing; "
            "without it nothing tells where the probabilities lie."
        )
    return read_labels(found)


def _channels(path: Path, count: int) -> np.ndarray:
    """The array of the file, (channels, three axes), floating; nothing beyond so many numbers is unpacked."""
    try:
        with zipfile.ZipFile(path) as file:
            if sum(part.file_size for part in file.infolist()) > _WIDEST * count + _BESIDE:
                raise InputError(f"{path} is larger than probabilities of this scan can be.")
        with np.load(path, allow_pickle=False) as content:
            if _KEY not in content:
                raise InputError(
                    f"{path} holds no '{_KEY}': it should be what `nnUNetv2_predict --save_probabilities` "
                    "writes."
                )
            array = content[_KEY]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged, or no file of probabilities, and is refused.") from error
    except MemoryError as error:  # of what its header says, which may be anything
        raise InputError(f"{path} says to hold more than fits into memory, and is refused.") from error
    if array.ndim != 4 or array.dtype.kind != "f" or not len(array):
        raise InputError(f"{path}: '{_KEY}' should have channels and three axes, not {array.shape}.")
    return array


def _without_names(path: Path, channels: np.ndarray) -> Dataset:
    """What is known where nothing names the channels: of two, the second one is the lesion."""
    if len(channels) > 2:
        raise InputError(
            f"{path}: there are {len(channels)} channels and no {DATASET} beside it, which would say "
            "what they are: copy it there from the model's folder."
        )
    return Dataset((), ("background", "lesion")[-len(channels) :], regions=len(channels) == 1)


def _on_grid(path: Path, channels: np.ndarray, dataset: Dataset, segmentation: Volume) -> np.ndarray:
    """The channels in canonical order: in that of two orders in which they say what the segmentation says."""
    grid = segmentation.grid
    as_stored = [
        moved for moved in (_from_file_order(channels, grid), channels) if moved.shape[1:] == grid.shape
    ]
    fits = [moved for moved in as_stored if _says(moved, dataset, segmentation.data)]
    if not fits:
        raise InputError(
            f"{path}: the probabilities do not say what the segmentation beside them says: they are of "
            "another scan or run, or the segmentation was changed afterwards."
        )
    if len(fits) == 2 and not np.array_equal(fits[0], fits[1]):  # an empty segmentation fits both
        return fits[1] if _reorients(path) else fits[0]
    return fits[0]


def _reorients(path: Path) -> bool:
    """Whether nnU-Net turned the scan to RAS first, by the plans that it writes beside its results."""
    plans = path.parent / NNUNET
    if not plans.is_file():
        raise InputError(
            f"{path}: the segmentation beside it is empty, and there is no {NNUNET}: nothing tells how the "
            "probabilities lie."
        )
    return read_reorients(path.parent)


def _from_file_order(channels: np.ndarray, grid: Grid) -> np.ndarray:
    """From the reverse order of the file's axes to the canonical one."""
    turned = channels.transpose(0, 3, 2, 1)
    sizes = [0, 0, 0]
    for size, (axis, _) in zip(turned.shape[1:], grid.stored, strict=True):
        sizes[int(axis)] = size
    if tuple(sizes) != grid.shape:
        return turned  # it does not fit, and is sorted out by its shape
    return np.stack([grid.to_canonical(channel) for channel in turned])


def _says(channels: np.ndarray, dataset: Dataset, labels: np.ndarray) -> bool:
    """Whether a segmentation is what probabilities say: the likeliest label, or where a region is likely."""
    if dataset.regions:
        return np.array_equal((channels > 0.5).any(axis=0), labels != 0)
    return np.array_equal(channels.argmax(axis=0), labels)
