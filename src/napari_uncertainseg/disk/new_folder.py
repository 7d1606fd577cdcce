"""A folder that is made new, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import scratch_beside


def check_new(folder: Path) -> None:
    """Refuse, before long work, a folder that holds something.

    Raises
    ------
    InputError
        With its name.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is there and not empty; name a new folder.")
    except OSError as error:
        raise InputError(f"{folder}: cannot be looked at ({error.strerror or error}).") from error


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder to write into, which becomes the new one at the end; gone if that is not reached.

    Parameters
    ----------
    folder
        That is not there, or empty. Its parents are made.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    folder = folder.absolute()
    try:
        if folder.exists():
            folder.rmdir()  # an empty one
        folder.parent.mkdir(parents=True, exist_ok=True)
        with scratch_beside(folder) as scratch:
            whole = scratch / "whole"
            whole.mkdir()
            yield whole
            whole.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written {why_not(error)}.") from error
