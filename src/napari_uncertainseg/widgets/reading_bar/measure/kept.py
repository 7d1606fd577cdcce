"""Measurements are kept with their scan from the first one on, and come back when it is opened again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from operator import attrgetter
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.folder_lock import claimed
from napari_uncertainseg.images.measures.records import Measurement, read, write
from napari_uncertainseg.images.measures.shapes import Slice
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.session.place import default_file, make_folder

_FOLDER = "measurements"
_DIGITS = 24
_TRIES, _WAIT_S = 20, 0.05


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
        self._known: dict[Path, set[str]] = {}
        """Keys that a table had when it was last read or written here: what lacks one of them was deleted."""

    @property
    def any(self) -> bool:
        """Whether something may be kept: only then a scan need be told by its voxels."""
        return self._folder.is_dir()

    def keep(
        self,
        key: str,
        measured: tuple[Measurement, ...],
        grid: Grid,
        case: str,
        scan: str,
        shown: Callable[[Slice], int] = attrgetter("index"),
    ) -> tuple[Measurement, ...]:
        """Write the measurements of a scan, with those that another window has added.

        Without any, the table goes. A table that could not be read is set aside first: it may hold
        somebody's work.

        Returns
        -------
        tuple of Measurement
            All that are kept now: without those that another window has deleted.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        path = self._path(key)
        if not measured and not self.any:
            return measured
        make_folder(self._folder)
        with _alone(self._folder):
            if path in self._unread:
                self._set_aside(path)
            merged = self._merged(path, measured, grid)
            if merged:
                write(path, merged, grid, case, scan, shown)
            else:
                _remove(path)
        self._known[path] = {one.key for one in merged}
        return merged

    def _merged(self, path: Path, mine: tuple[Measurement, ...], grid: Grid) -> tuple[Measurement, ...]:
        """What another window has added, before what this one has; each deletes only what it has seen."""
        if not path.is_file():
            return mine
        try:
            theirs = read(path, grid)
        except InputError:
            self._set_aside(path)
            return mine
        known, there, own = self._known.get(path, set()), {x.key for x in theirs}, {x.key for x in mine}
        added = (one for one in theirs if one.key not in known | own)
        return (*added, *(one for one in mine if one.key in there or one.key not in known))

    def of(self, key: str, grid: Grid) -> list[Measurement]:
        """The measurements that are kept of a scan; none where there are none.

        Raises
        ------
        InputError
            If its table cannot be read.
        """
        path = self._path(key)
        self._known.pop(path, None)
        if not path.is_file():
            return []
        self._unread.add(path)
        found = read(path, grid)
        self._unread.discard(path)
        self._known[path] = {one.key for one in found}
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


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other windows out while a table is read and written again, which takes a moment."""
    for rest in reversed(range(_TRIES)):
        with ExitStack() as stack:
            try:
                stack.enter_context(claimed(folder))
            except InputError:
                if not rest:
                    raise
                time.sleep(_WAIT_S)
                continue
            yield
            return


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be removed ({error.strerror or error}).") from error


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
