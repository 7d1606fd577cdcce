"""The members of a prediction and the numbers of its lesions: what a review needs to be resumed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_probabilities
from napari_uncertainseg.disk.packing import write_arrays
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.voxel_features import VoxelFeatures
from napari_uncertainseg.uncertainty.lesion_numbers import MOST, LesionNumbers

_MOST = 256
"""Members that are read."""
_NUMBERS = ("lesions", "last_lesion", "candidates", "last_candidate")
_FEATURES = ("feature_where", "feature_values")


def write_members(
    path: Path,
    members: Members,
    variance: np.ndarray,
    numbers: LesionNumbers | None = None,
    features: VoxelFeatures | None = None,
) -> None:
    """Write members, and the variance map where they lie; whoever calls moves the file into place.

    Parameters
    ----------
    path
        Where to.
    members
        The members.
    variance
        Of the prediction, float32 of its grid's shape.
    numbers
        Of its lesions and candidates in a review, those of other thresholds among them.
    features
        Of the prediction, where they were measured.
    """
    given: dict[str, Any] = {}
    if numbers is not None:
        given = dict(zip(_NUMBERS, (*numbers.lesions.known, *numbers.candidates.known), strict=True))
    if features is not None:
        given |= dict(zip(_FEATURES, (features.where, features.values), strict=True))
    start = np.array([part.start or 0 for part in members.box])
    # Members that are all the mean are float32, see `Members.told_from`, and are told so again from halves.
    values = members.values.astype(np.float16, copy=False)
    with path.open("wb") as file:
        write_arrays(file, {"start": start, "values": values, "variance": variance[members.box], **given})


def read_members(path: Path, shape: tuple[int, int, int]) -> tuple[Members, np.ndarray]:
    """Members and variance map of a grid.

    Raises
    ------
    InputError
        If it cannot be read, is not what `write_members` wrote, or does not fit the grid.
    """
    try:
        _check_sizes(path, shape)
        with np.load(path, allow_pickle=False) as file:
            start, values, inside = (file[name] for name in ("start", "values", "variance"))
        box = _box(start, values.shape[1:], shape)
        fits = values.dtype == np.float16 and inside.dtype == np.float32 and inside.shape == values.shape[1:]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: this is not the file of members that this program writes.") from error
    if not fits or not np.isfinite(inside).all():
        raise InputError(f"{path}: these members do not belong to the maps beside them.")
    as_probabilities(values)
    variance = np.zeros(shape, np.float32)
    variance[box] = inside
    return Members(box, values), variance


def read_numbers(path: Path, shape: tuple[int, int, int]) -> LesionNumbers | None:
    """Numbers of a review's lesions and candidates; None where a file holds none. As `read_members`."""
    numbers = LesionNumbers(shape)
    try:
        _check_sizes(path, shape)
        with np.load(path, allow_pickle=False) as file:
            if _NUMBERS[0] not in file:
                return None
            said = [file[name] for name in _NUMBERS]
        for numbering, owner, last in zip(
            (numbers.lesions, numbers.candidates), said[::2], said[1::2], strict=True
        ):
            if owner.shape != shape or owner.dtype != np.uint16:
                raise ValueError("no numbers of this grid")
            where = np.flatnonzero(owner)
            numbering.know(where, owner.ravel()[where])
            numbering.know(np.zeros(0, np.intp), np.zeros(0, np.uint16), last=min(max(int(last), 0), MOST))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: this is not the file of members that this program writes.") from error
    return numbers


def read_voxel_features(path: Path, shape: tuple[int, int, int]) -> VoxelFeatures | None:
    """Features of the voxels that may be lesion; None where a file does not say it. As `read_members`."""
    try:
        _check_sizes(path, shape)
        with np.load(path, allow_pickle=False) as file:
            if _FEATURES[0] not in file:
                return None
            found = VoxelFeatures(*(file[name] for name in _FEATURES))
        if found.where.max(initial=0) >= np.prod(shape):
            raise ValueError("outside")
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: this is not the file of members that this program writes.") from error
    return found


def _check_sizes(path: Path, shape: tuple[int, int, int]) -> None:
    """Refuse what would unpack into more than members of this grid."""
    most = int(np.prod(shape)) * (2 * _MOST + 8) + 8192
    with zipfile.ZipFile(path) as file:
        if sum(part.file_size for part in file.infolist()) > most:
            raise ValueError("too large")


def _box(start: np.ndarray, size: tuple[int, ...], shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    first = [int(i) for i in start]
    if len(first) != 3 or len(size) != 3:
        raise ValueError("not 3-D")
    if not all(i >= 0 and i + n <= most for i, n, most in zip(first, size, shape, strict=True)):
        raise ValueError("outside")
    a, b, c = (slice(i, i + n) for i, n in zip(first, size, strict=True))
    return a, b, c
