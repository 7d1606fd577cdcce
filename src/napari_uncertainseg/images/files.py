"""Scans and label images from files, results into files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError, one_line
from napari_uncertainseg.disk.packing import GzipWriter
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.images.formats import formats
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import guess_modality

_FEW_LABELS = 16


class ConstantImage(InputError):
    """Every voxel has the same value: no scan, though it may be a mask that is empty."""


def read_volume(path: str | Path, *, index: int | None = None, modality: str | None = None) -> Volume:
    """Read a scan.

    Parameters
    ----------
    path
        A file of one of `formats.FORMATS`, a folder with a DICOM series, or one file of it.
    index
        Which volume of a 4-D file.
    modality
        ``"flair"``, ``"t1"`` or ``"t2"``; guessed from the names when None.

    Returns
    -------
    Volume
        float32 in canonical (s, a, r) order. Voxels that are not finite are 0, and a
        note says so.

    Raises
    ------
    InputError
        If it is not a three-dimensional scan with a voxel size.
    """
    volume = read_image(path, index=index, modality=modality)
    if looks_like_labels(volume.data):
        raise InputError(
            f"{path}: this looks like a label image (few values in solid patches), not like a scan; "
            "choose the scan itself."
        )
    return volume


def read_image(path: str | Path, *, index: int | None = None, modality: str | None = None) -> Volume:
    """Read as :func:`read_volume` does, but take label images too."""
    path = Path(path)
    stored = formats.load(path, index=index)
    grid = grid_of(path, stored.array.shape, stored.affine)
    data, notes = _finite(path, stored.array)
    low, high = float(data.min()), float(data.max())
    if low == high:
        raise ConstantImage(f"{path}: every voxel has the value {low:g}; the image is empty.")
    data = np.ascontiguousarray(grid.to_canonical(data))
    name = stem(path)
    told = guess_modality(name, stored.description)
    if modality and told not in (None, modality):
        said = f"{name} was given as the {modality.upper()}, but its name or header says {str(told).upper()}."
        notes += (said,)
    return Volume(data, grid, name, modality or told, path.absolute(), stored.notes + notes, stored.uids)


def read_labels(path: str | Path, grid: Grid | None = None) -> Volume:
    """Read a label image: a mask, lesions, a rater's outline.

    Parameters
    ----------
    path
        As for :func:`read_volume`.
    grid
        The scan's grid. The labels must lie on it, in whatever axis order the file has.

    Returns
    -------
    Volume
        The smallest integer dtype that holds the labels. It may be empty.

    Raises
    ------
    InputError
        If the values are not labels, or do not lie on ``grid``.
    """
    path = Path(path)
    stored = formats.load(path)
    found = grid_of(path, stored.array.shape, stored.affine)
    if grid is not None:
        _check_same(path, found, grid)
    array = stored.array
    if not np.isfinite(array).all() or (array.dtype.kind == "f" and (array != np.rint(array)).any()):
        raise InputError(
            f"{path}: the values are not whole numbers; a mask or label image is needed here, not a scan."
        )
    if _changing_neighbours(array) > 0.5:
        raise InputError(f"{path}: this looks like a scan; a mask or label image is needed here.")
    low, high = int(array.min()), int(array.max())
    dtype = np.result_type(np.min_scalar_type(low), np.min_scalar_type(high))
    data = np.ascontiguousarray(found.to_canonical(array.astype(dtype, copy=False)))
    return Volume(data, grid or found, stem(path), None, path.absolute(), stored.notes)


def grid_by_header(path: str | Path, *, index: int | None = None, whole: bool = False) -> Grid | None:
    """The grid of an image, of which the header alone is read; None where that takes reading all of it.

    Parameters
    ----------
    path, index
        As for `read_image`.
    whole
        See also that the file does not end early: it is unpacked for that.

    Raises
    ------
    InputError
        As `read_image`, but for what only the voxels say.
    """
    path = Path(path)
    found = formats.place(path, index=index, whole=whole)
    return None if found is None else grid_of(path, found.shape, found.affine)


def check_on_grid(path: str | Path, grid: Grid | None, *, whole: bool = False) -> None:
    """See by the header, before anything is read, that labels can be read and lie on a grid.

    Parameters
    ----------
    path, grid
        As for `read_labels`.
    whole
        As for `grid_by_header`.

    Raises
    ------
    InputError
        As `read_labels`, but for what only the voxels say.
    """
    found = grid_by_header(path, whole=whole)
    if found is not None and grid is not None:
        _check_same(Path(path), found, grid)


def _check_same(path: Path, found: Grid, grid: Grid) -> None:
    if not found.same_as(grid, tolerance=1e-2):
        raise InputError(f"{path}: the labels do not lie on the scan's grid: {difference(found, grid)}.")


def check_beside(path: Path, found: Grid, folder: Path, grid: Grid) -> None:
    """See that a map lies on the grid of the lesions in a folder.

    Raises
    ------
    InputError
        If it does not.
    """
    if not found.same_as(grid, tolerance=1e-2):
        raise InputError(f"{path} does not lie on the grid of the lesions in {folder}.")


def write_volume(
    path: str | Path, array: np.ndarray, grid: Grid, *, dtype: np.dtype | type | None = None
) -> Path:
    """Write a scan, a map or labels as NIfTI, with the true affine and in the file's own axis order.

    Parameters
    ----------
    path
        Ends in ``.nii`` or ``.nii.gz``. An existing file is replaced whole or not at all.
    array
        Canonical order, shape ``grid.shape``.
    dtype
        Of the file. By default bool becomes uint8, float64 float32, and whole numbers the
        smallest type that holds them.

    Raises
    ------
    InputError
        If the name, the shape or the folder does not do.
    """
    import nibabel as nib

    path = Path(path)
    suffix = formats.suffix_of(path)
    if suffix not in formats.NIFTI.suffixes:
        raise InputError(f"{path}: results are written as NIfTI; end the name in .nii.gz or .nii.")
    if array.shape != grid.shape:
        raise InputError(
            f"{path}: an array of shape {array.shape} does not fit a grid of shape {grid.shape}."
        )
    data, affine = grid.to_file(array.astype(dtype or _file_dtype(array), copy=False))
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1 if _is_rigid(affine) else 0)
    image.header.set_xyzt_units("mm")
    with replaced_file(path) as file:
        if suffix == ".nii":
            image.to_stream(file)  # type: ignore[arg-type]
        else:
            with GzipWriter(file) as packed:
                packed.write(image.to_bytes())
    return path


def looks_like_labels(data: np.ndarray) -> bool:
    """Whether an image holds labels: whole numbers, few of them or in solid patches.

    Parameters
    ----------
    data
        3-D, any real dtype.
    """
    if data.dtype.kind == "f" and (data != np.rint(data)).any():
        return False
    sample = data[:: max(1, data.shape[0] // 32)]
    return len(np.unique(sample)) <= _FEW_LABELS or _changing_neighbours(data) < 0.1


def stem(path: Path) -> str:
    """Name without folder and suffix."""
    name, suffix = path.name, formats.suffix_of(path)
    return one_line(name[: -len(suffix)] if suffix and not path.is_dir() else name)


def _changing_neighbours(array: np.ndarray) -> float:
    """Among neighbours that are both not 0, the share that differs; 0 when there are none."""
    part = array[:, :, :: max(1, array.shape[2] // 32)]
    one, other = part[1:], part[:-1]
    both = (one != 0) & (other != 0)
    count = int(both.sum())
    return float(((one != other) & both).sum()) / count if count else 0.0


def grid_of(path: Path, shape: tuple[int, ...], affine: np.ndarray) -> Grid:
    """Grid of a file's array; InputError where the header's affine cannot be one."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    # Wider than any scan's; a header in metres or micrometres lies outside.
    usable = np.isfinite(affine).all() and (sizes > 0.01).all() and (sizes < 100).all()
    if not usable or abs(np.linalg.det(affine[:3, :3] / sizes)) < 1e-3:
        raise InputError(
            f"{path}: the voxel size or orientation in the header cannot be used "
            f"(sizes {', '.join(f'{s:g}' for s in sizes)} mm); a correct header is needed."
        )
    return Grid.from_file(shape, affine)


def _finite(path: Path, array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: voxels of type {array.dtype} are no scan; real numbers are needed.")
    with np.errstate(over="ignore", invalid="ignore"):
        data = array.astype(np.float32, copy=False)
    good = np.isfinite(data)
    bad = data.size - int(good.sum())
    if bad == 0:
        return data, ()
    if array.dtype.kind == "f" and bad > array.size - int(np.isfinite(array).sum()):
        raise InputError(
            f"{path}: the scale factors in the header take the voxels beyond what a number can hold."
        )
    if bad == data.size:
        raise InputError(f"{path}: no voxel holds a finite number.")
    return np.where(good, data, np.float32(0)), (
        f"{path.name}: {bad} voxels were not finite numbers and count as 0.",
    )


def _file_dtype(array: np.ndarray) -> np.dtype:
    if array.dtype.kind == "b":
        return np.dtype(np.uint8)
    if array.dtype.kind == "f":
        return np.dtype(np.float32)
    if array.dtype.itemsize <= 2 or array.size == 0:
        return array.dtype
    found = np.result_type(np.min_scalar_type(int(array.min())), np.min_scalar_type(int(array.max())))
    return np.dtype(found)


def _is_rigid(affine: np.ndarray) -> bool:
    """Whether a qform can express an affine: no shear."""
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(unit.T @ unit, np.eye(3), atol=1e-5))


_AXES = ("head to foot", "front to back", "left to right")


def difference(found: Grid, scan: Grid) -> str:
    """What differs between the grid of labels and the scan's, and what to do about it.

    Resampling is advised only where the labels say where they lie: those that are mirrored were written
    with the orientation of another program, and would be put on the wrong side.
    """
    if found.shape != scan.shape or not np.allclose(found.spacing, scan.spacing, rtol=0, atol=1e-2):
        return f"{_describe(found)}, the scan has {_describe(scan)}; resample them onto the scan first"
    change = np.linalg.solve(scan.affine, found.affine)
    far = np.array([*(np.array(scan.shape) - 1), 1])
    apart = max(np.linalg.norm(((found.affine - scan.affine) @ at)[:3]) for at in ([0, 0, 0, 1], far))
    as_stored = [np.sign(found.stored[:, 1]), np.sign(scan.stored[:, 1])]
    if found.stored[:, 0].tolist() == scan.stored[:, 0].tolist() and not np.array_equal(*as_stored):
        flipped = [int(found.stored[k, 0]) for k in np.flatnonzero(as_stored[0] != as_stored[1])]
        named = " and ".join(_AXES[axis] for axis in sorted(flipped, reverse=True))
        return (
            f"their file runs {named} the other way than the scan's and lies up to {apart:.1f} mm from it; "
            "they may be mirrored, save them again with the scan's own header"
        )
    if np.allclose(change[:3, :3], np.eye(3), atol=1e-3):
        return (
            f"they are shifted by {np.linalg.norm((found.affine - scan.affine)[:3, 3]):.1f} mm against it; "
            "if they were drawn on this scan save them again with its header, else resample them"
        )
    return f"they are turned against it, up to {apart:.1f} mm; resample them onto the scan first"


def _describe(grid: Grid) -> str:
    shape = " x ".join(str(n) for n in grid.shape)
    return f"{shape} voxels of {' x '.join(f'{s:.2f}' for s in grid.spacing)} mm"
