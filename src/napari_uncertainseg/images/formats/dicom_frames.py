"""Where the slices of a DICOM series lie: each is looked at, and a stack that is not even is refused.

Attributes are those of DICOM PS3.3 (C.7.6.2 image plane, C.7.6.16 functional groups, C.11.1 modality LUT).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_ALIKE = 1e-4
"""Of direction cosines and of pixel sizes in mm: what scanners write of one series differs less."""
_ROUNDING, _OFF, _OFF_STEP, _OFF_FAR = 0.01, 0.1, 0.05, 1e-3
"""How far a slice may lie from its even place: what positions are rounded to (mm), then mm or a share of
the slice distance, whichever is less; within the plane 1 mm more a metre, as directions are rounded too."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice.

    Attributes
    ----------
    file, index
        Where its pixels are: the file, and which frame of it.
    position
        Centre of the first pixel, LPS+ mm, shape (3,).
    directions
        Unit vectors along a row and along a column, shape (2, 3).
    spacing
        Between rows and between columns, mm.
    slope, intercept
        From what is stored to what is meant.
    """

    file: str
    index: int
    position: np.ndarray
    directions: np.ndarray
    spacing: np.ndarray
    slope: float
    intercept: float


def frames_of(path: Path, file: str, header: Any) -> list[Frame]:
    """Frames of one file, from its own attributes, or from the functional groups of an enhanced one.

    Parameters
    ----------
    path
        What the user named.
    file
        The file.
    header
        pydicom's dataset of it.

    Raises
    ------
    InputError
        If it does not say of each frame where it lies.
    """
    count = int(header.get("NumberOfFrames") or 1)
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if groups is None:
        if count > 1:
            raise InputError(
                f"{path}: {Path(file).name} holds {count} frames and does not say where each lies; export "
                "the series as one file for each slice."
            )
        return [_frame(path, file, 0, [header])]
    shared = list(header.get("SharedFunctionalGroupsSequence") or [])[:1]
    if len(groups) != count:
        raise InputError(
            f"{path}: {Path(file).name} describes {len(groups)} of its {count} frames; export it again."
        )
    return [_frame(path, file, k, [group, *shared]) for k, group in enumerate(groups)]


_HOMES = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}
"""Which functional group of an enhanced file holds an attribute."""


def _frame(path: Path, file: str, index: int, places: Sequence[Any]) -> Frame:
    where = f"{path}: {Path(file).name}"

    def numbers(keyword: str, count: int, default: float | None = None) -> np.ndarray:
        found = next((v for place in places if (v := _value(place, keyword)) is not None), default)
        try:
            values = np.array([float(v) for v in np.atleast_1d(np.asarray(found, object))])
        except (TypeError, ValueError):
            values = np.empty(0)
        if len(values) != count or not np.isfinite(values).all():
            raise InputError(f"{where} does not say {_WANTED[keyword]} ({keyword}); export the series again.")
        return values

    spacing = numbers("PixelSpacing", 2)
    if not (spacing > 0).all():
        raise InputError(
            f"{where}: PixelSpacing is {_list(spacing)} mm and should be above 0; export it again."
        )
    directions = numbers("ImageOrientationPatient", 6).reshape(2, 3)
    lengths = np.linalg.norm(directions, axis=1)
    if not np.allclose(lengths, 1, atol=0.01) or abs(directions[0] @ directions[1]) > 0.01:
        raise InputError(f"{where}: ImageOrientationPatient is no right angle; export the series again.")
    return Frame(
        file,
        index,
        numbers("ImagePositionPatient", 3),
        directions / lengths[:, None],
        spacing,
        float(numbers("RescaleSlope", 1, 1.0)[0]),
        float(numbers("RescaleIntercept", 1, 0.0)[0]),
    )


_WANTED = {
    "PixelSpacing": "how large its pixels are: there is no pixel spacing",
    "ImageOrientationPatient": "how its slice is turned",
    "ImagePositionPatient": "where its slice lies",
    "RescaleSlope": "how its values are scaled",
    "RescaleIntercept": "how its values are scaled",
}


def _value(place: Any, keyword: str) -> Any:
    """An attribute of a dataset, or of the functional group that holds it; None if it is missing or empty."""
    value = place.get(keyword)
    if value is None:
        group = place.get(_HOMES[keyword])
        value = group[0].get(keyword) if group else None
    return None if value is None or value == "" else value


def stacked(path: Path, frames: Sequence[Frame]) -> tuple[list[Frame], np.ndarray]:
    """Order the slices along their normal, and check that they are one even, straight stack.

    Returns
    -------
    frames, affine
        4x4, index (column, row, slice) to RAS+ mm.

    Raises
    ------
    InputError
        Says what is not even: another orientation or pixel size, a gap, a doubled, shifted or slanted slice.
    """
    first = frames[0]
    for one in frames:
        _check_alike(path, first, one)
    normal = np.cross(*first.directions)
    ordered = sorted(frames, key=lambda one: float(one.position @ normal))
    places = np.array([one.position for one in ordered])
    step = float((places[-1] - places[0]) @ normal) / max(len(ordered) - 1, 1)
    if len(ordered) > 1:
        _check_even(path, ordered, places, normal, step)
    affine = np.eye(4)
    affine[:3, 0] = first.directions[0] * first.spacing[1]
    affine[:3, 1] = first.directions[1] * first.spacing[0]
    affine[:3, 2] = normal * (step or 1.0)
    affine[:3, 3] = places[0]
    return ordered, _LPS_TO_RAS @ affine


def _check_alike(path: Path, first: Frame, one: Frame) -> None:
    for values, others, keyword, unit in (
        (first.directions, one.directions, "ImageOrientationPatient", ""),
        (first.spacing, one.spacing, "PixelSpacing", " mm"),
    ):
        if not np.allclose(values, others, rtol=0, atol=_ALIKE):
            raise InputError(
                f"{path}: the slices do not all lie the same way: {keyword} is {_list(values)}{unit} in "
                f"{_name(first)} and {_list(others)}{unit} in {_name(one)}; one stack of parallel slices is "
                "needed."
            )


def _check_even(
    path: Path, frames: Sequence[Frame], places: np.ndarray, normal: np.ndarray, step: float
) -> None:
    along = (places - places[0]) @ normal
    gaps = np.diff(along)
    k = int(gaps.argmin())
    if gaps[k] < _ROUNDING:
        raise InputError(
            f"{path}: {_name(frames[k])} and {_name(frames[k + 1])} lie at one place: a slice is doubled, or "
            "the series holds several images (echoes, time points); export one of them."
        )
    off = np.abs(along - step * np.arange(len(along)))
    if (off > _ROUNDING + min(_OFF, _OFF_STEP * step)).any():
        raise InputError(
            f"{path}: the slices are not evenly spaced ({gaps.min():.2f} to {gaps.max():.2f} mm); "
            "some are missing or of another series, export the series again."
        )
    aside = np.linalg.norm(places - places[0] - along[:, None] * normal, axis=1)
    if (aside > _ROUNDING + _OFF + _OFF_FAR * along).any():
        k = int(aside.argmax())
        raise InputError(
            f"{path}: {_name(frames[k])} lies {aside[k]:.1f} mm beside the normal of the first slice: the "
            "stack is slanted (a tilted gantry) or a slice is shifted; resample it to a straight stack first."
        )


def _name(frame: Frame) -> str:
    return Path(frame.file).name + (f" (frame {frame.index + 1})" if frame.index else "")


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{v:.4g}" for v in values.ravel())
