"""The scans of one visit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import grid_by_header, read_volume
from napari_uncertainseg.images.formats.raw_image import SeveralVolumes
from napari_uncertainseg.images.volume import Grid, Volume


def check_scan(path: Path, volume: int | None) -> Grid | None:
    """See by the header that a scan can be read; its grid, None where that takes reading all of it.

    Parameters
    ----------
    path, volume
        As of `read_scans`.

    Raises
    ------
    InputError
        As `read_scans`, but for what only the voxels say.
    """
    try:
        return grid_by_header(path)
    except SeveralVolumes:
        if volume is None:
            raise
        return grid_by_header(path, index=volume)


def read_scans(
    paths: Mapping[str, Path], volume: int | None, read: Callable[..., Volume] = read_volume
) -> dict[str, Volume]:
    """Read the scans of a visit.

    Parameters
    ----------
    paths
        By modality.
    volume
        Which volume of 4-D files; None where there are none.

    Raises
    ------
    InputError
        If one cannot be read, or a volume is named and all files hold one.
    """
    if volume is None:
        return {modality: read(path, modality=modality) for modality, path in paths.items()}
    scans: dict[str, Volume] = {}
    several = False
    for modality, path in paths.items():
        try:
            scans[modality] = read(path, modality=modality)
        except SeveralVolumes:
            several = True
            scans[modality] = read(path, index=volume, modality=modality)
    if not several:
        raise InputError(f"{next(iter(paths.values()))}: the file holds one volume; leave --volume out.")
    return scans
