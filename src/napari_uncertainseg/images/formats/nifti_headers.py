"""What NIfTI and mgz headers say before the library mends them."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.imageglobals import logger

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.formats.checked_stream import read_to_end

_LONGEST = 544  # bytes of a NIfTI-2 header, with what follows it
_UNITS = {1: "metres", 3: "micrometres"}
_MGH_GOOD_RAS = slice(28, 30)
_MGH_START = 284
_MGH_MORE = 1 << 16
"""Bytes that may follow an mgz file's voxels: how the scan was acquired, and what was done to it."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the library from printing what it mends in a header; what matters is refused or noted here."""
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def opened(path: Path) -> Any:
    """Open a file, unpacked where its name says that it is packed."""
    packed = path.name.lower().endswith(("gz", "mgz"))
    return gzip.open(path, "rb") if packed else path.open("rb")


def first_bytes(path: Path) -> bytes:
    """The header, as the file holds it."""
    with opened(path) as file:
        return file.read(_LONGEST)


def image_class(path: Path, head: bytes) -> Any:
    """Class of nibabel that reads a file, by its content: names are written in any way; None for none."""
    from nibabel import MGHImage, Nifti1Image, Nifti2Image

    if path.name.lower().endswith((".mgz", ".mgh")):
        return MGHImage if head[:4] == b"\0\0\0\1" else None
    kinds = (Nifti1Image, Nifti2Image)
    return next((kind for kind in kinds if kind.header_class.may_contain_header(head)), None)


def check_header(path: Path, kind: Any, head: bytes) -> int:
    """Refuse a header without voxel sizes, in another unit, or that takes itself for voxels.

    Returns
    -------
    int
        The byte with which the voxels begin.

    Raises
    ------
    InputError
        Says which.
    """
    from nibabel import MGHImage

    if kind is MGHImage:
        if head[_MGH_GOOD_RAS] == b"\0\0":
            raise InputError(
                f"{path}: the header gives no voxel size and no orientation (goodRASFlag is 0); "
                "a correct header is needed."
            )
        return _MGH_START
    with quiet():
        raw = kind.header_class(head[: kind.header_class.sizeof_hdr], check=False)
    start = kind.header_class.single_vox_offset
    if not raw["vox_offset"] >= start:
        raise InputError(
            f"{path}: the header says that the voxels begin at byte {float(raw['vox_offset']):g}, inside the "
            f"header itself; {start} is the least, copy or convert the scan again."
        )
    unit = _UNITS.get(int(raw["xyzt_units"]) & 7)
    if unit is not None:
        raise InputError(f"{path}: the header gives sizes in {unit}; a header in mm is needed.")
    sizes = raw["pixdim"][1:4]
    if raw["sform_code"] <= 0 and not (np.abs(sizes) > 0).all():
        raise InputError(
            f"{path}: the header gives no voxel size ({', '.join(f'{s:g}' for s in sizes)} mm); "
            "a correct header is needed."
        )
    return int(raw["vox_offset"])


def check_whole(path: Path, header: Any, end: int) -> tuple[str, ...]:
    """Read a file to its end, where a packed one has its checksum; a note where more follows the voxels.

    Parameters
    ----------
    end
        The byte after the last voxel.

    Raises
    ------
    OSError, EOFError, zlib.error
        If it is damaged.
    """
    if path.name.lower().endswith("gz"):
        with gzip.open(path, "rb") as file:
            size = read_to_end(file, end + (1 << 28))
    else:
        size = path.stat().st_size
    more = size - end
    if more <= (0 if "sform_code" in header else _MGH_MORE):
        return ()
    return (f"{path.name}: {more} bytes follow the voxels that the header tells of; they were left out.",)


def orientation_notes(path: Path, header: Any) -> tuple[str, ...]:
    """Say when a NIfTI header has no affine, or two that contradict each other."""
    if "sform_code" not in header:
        return ()
    known = int(header["sform_code"] > 0) + int(header["qform_code"] > 0)
    if known == 0:
        return (
            f"{path.name}: the header does not say how the patient lies; left and right, and all "
            "directions, are a guess.",
        )
    if known == 1:
        return ()
    try:
        sform, qform = header.get_sform(), header.get_qform()
    except ValueError:
        return ()
    far = np.array([*(np.array(header.get_data_shape()[:3]) - 1), 1])
    apart = max(np.linalg.norm((sform - qform)[:3, 3]), np.linalg.norm(((sform - qform) @ far)[:3]))
    if not apart > 1:
        return ()
    return (f"{path.name}: sform and qform disagree by up to {apart:.1f} mm; the sform is used.",)
