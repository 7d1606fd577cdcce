"""Measurements are kept with their scan from the first one on, and come back when it is opened again."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.measures.records import Measurement, read, write
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.session.opening import default_file, make_folder

_FOLDER = "measurements"
_DIGITS = 24


def folder_of(location: str) -> Path:
    """The folder beside the file of sessions; beside the usual one where sessions are on a server."""
    file = default_file() if "://" in location else Path(location)
    return file.parent / _FOLDER


class KeptMeasurements:
    """One small table for each scan that was measured.

    Parameters
    ----------
    folder
        Made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def any(self) -> bool:
        """Whether something may be kept: only then a scan need be told by its voxels."""
        return self._folder.is_dir()

    def keep(self, sha256: str, measured: tuple[Measurement, ...], grid: Grid, case: str, scan: str) -> None:
        """Write the measurements of a scan; without any, its table goes.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        path = self._path(sha256)
        if measured:
            make_folder(self._folder)
            write(path, measured, grid, case, scan)
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be removed ({error.strerror or error}).") from error

    def of(self, sha256: str, grid: Grid) -> list[Measurement]:
        """The measurements that are kept of a scan; none where there are none.

        Raises
        ------
        InputError
            If its table cannot be read.
        """
        path = self._path(sha256)
        return read(path, grid) if path.is_file() else []

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256[:_DIGITS]}.tsv"
