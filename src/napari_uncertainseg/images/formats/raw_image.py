"""What a file holds: an array in its own axis order and its affine, nothing mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError

LARGEST = 1024**3
"""More voxels than this are refused before anything is allocated."""


class SeveralVolumes(InputError):
    """A 4-D file was opened without saying which volume; ``count`` is how many it holds."""

    def __init__(self, path: Path, count: int) -> None:
        super().__init__(
            f"{path}: the file holds {count} volumes; choose one, 0 to {count - 1} (on the command line "
            f"with --volume, in Python with index=)."
        )
        self.count = count


@dataclass(frozen=True, eq=False)
class Place:
    """Where a file's voxels lie.

    Attributes
    ----------
    shape
        In the file's axis order.
    affine
        4x4, voxel index to RAS+ mm.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray


@dataclass(frozen=True, eq=False)
class RawImage:
    """One file's content.

    Attributes
    ----------
    array
        In the file's axis order; 3-D, or 4-D with the volumes last. Scale factors are applied.
    affine
        4x4, voxel index of the first three axes to RAS+ mm.
    description
        What the header calls it (NIfTI ``descrip``, DICOM SeriesDescription).
    notes
        One sentence each, for the user.
    uids
        DICOM identifiers, see `Volume`.
    """

    array: np.ndarray
    affine: np.ndarray
    description: str = ""
    notes: tuple[str, ...] = ()
    uids: Mapping[str, str] = field(default_factory=dict)


def choose_volume(path: Path, shape: Sequence[int], index: int | None) -> int | None:
    """Index into the fourth axis, or None when there is no fourth axis; refuses what is not a volume."""
    trimmed = list(shape)
    while len(trimmed) > 3 and trimmed[-1] == 1:
        trimmed.pop()
    size = " x ".join(str(n) for n in trimmed)
    if 0 in trimmed:
        raise InputError(f"{path}: the image is empty ({size} voxels).")
    if len(trimmed) < 3 or min(trimmed[:3]) == 1:
        raise InputError(
            f"{path}: the image is two-dimensional ({size}); a three-dimensional scan is needed."
        )
    if len(trimmed) > 4:
        raise InputError(f"{path}: the image has {len(trimmed)} dimensions ({size}); a scan has three.")
    if int(np.prod([int(n) for n in trimmed[:3]], dtype=object)) > LARGEST:
        raise InputError(
            f"{path}: {size} voxels are too many; crop or resample it to at most 1024 x 1024 x 1024."
        )
    if len(trimmed) == 3:
        if index not in (None, 0):
            raise InputError(f"{path}: there is no volume {index}, the file holds one volume (index 0).")
        return 0 if len(shape) == 4 else None
    if index is None:
        raise SeveralVolumes(path, trimmed[3])
    if not 0 <= index < trimmed[3]:
        raise InputError(f"{path}: there is no volume {index}; the file holds 0 to {trimmed[3] - 1}.")
    return index


def first_line(error: BaseException) -> str:
    """What an error says, on one line and without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
