"""Whether results may go into a folder, asked before long work."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import is_of_runs
from napari_uncertainseg.disk.result_folder import check_own


def check_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Make sure, before long work, that results may go into a folder.

    Raises
    ------
    InputError
        If it is a file, if it holds something and ``overwrite`` is False, if ``overwrite`` would replace what
        this program did not write, or if it cannot be written.
    """
    folder = Path(folder).absolute()
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; name a folder for the results.")
        if folder.exists():
            check_content(folder, overwrite)
    except OSError as error:
        raise unwritable(folder, error) from error
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir():
        raise InputError(f"{folder} cannot be made: {existing} is a file.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise unwritable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def check_content(folder: Path, overwrite: bool) -> None:
    """Refuse what a folder holds: see `check_folder`."""
    if overwrite:
        check_own(folder)
    elif not all(map(is_of_runs, folder.iterdir())):
        raise InputError(f"{folder} is not empty; name a new folder, or ask to overwrite the results in it.")


def unwritable(folder: Path, error: OSError) -> InputError:
    """The sentence for a folder that an error of the system keeps us out of."""
    return InputError(f"{folder}: results cannot be written {why_not(error)}.")
