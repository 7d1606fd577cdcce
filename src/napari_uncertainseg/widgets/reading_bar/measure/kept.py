"""Measurements are kept with their scan from the first one on, and come back when it is opened again."""

from __future__ import annotations

from datetime import datetime
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
        self._unread: set[Path] = set()
        """Tables that are there, and could not be read."""

    @property
    def any(self) -> bool:
        """Whether something may be kept: only then a scan need be told by its voxels."""
        return self._folder.is_dir()

    def keep(self, key: str, measured: tuple[Measurement, ...], grid: Grid, case: str, scan: str) -> None:
        """Write the measurements of a scan; without any, its table goes.

        A table that could not be read is set aside first: it may hold somebody's work.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        path = self._path(key)
        if path in self._unread:
            self._set_aside(path)
        if measured:
            make_folder(self._folder)
            write(path, measured, grid, case, scan)
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be removed ({error.strerror or error}).") from error

    def of(self, key: str, grid: Grid) -> list[Measurement]:
        """The measurements that are kept of a scan; none where there are none.

        Raises
        ------
        InputError
            If its table cannot be read.
        """
        path = self._path(key)
        if not path.is_file():
            return []
        self._unread.add(path)
        found = read(path, grid)
        self._unread.discard(path)
        return found

    def _set_aside(self, path: Path) -> None:
        try:
            path.replace(path.with_name(f"{path.stem}-{datetime.now():%Y%m%d-%H%M%S-%f}.unread"))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise InputError(f"{path}: cannot be set aside ({error.strerror or error}).") from error
        self._unread.discard(path)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.tsv"


def key_of(sha256: str, reading: str = "") -> str:
    """Under which the measurements of a scan are kept.

    Parameters
    ----------
    sha256
        Of the scan.
    reading
        Id of a second or third reading, whose reader must not see where others have measured.
    """
    return "-".join(filter(None, [sha256[:_DIGITS], reading]))
