"""Hashes of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from napari_uncertainseg._base import InputError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
