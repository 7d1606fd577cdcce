"""Where sessions are saved."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.store.store import DATABASE


def default_file() -> Path:
    """Where sessions are saved unless the user chooses another file."""
    return Path(platformdirs.user_data_dir("napari-uncertainseg", appauthor=False)) / DATABASE


def make_folder(folder: Path) -> None:
    """Make the folder of a file of sessions where it is not there.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be created ({error.strerror or error}); choose another file."
        ) from error
