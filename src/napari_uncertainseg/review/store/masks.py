"""Masks as compressed files, named by their content: whole or not there, and never written twice."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import zlib
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.replaced_file import replaced_file

_LARGEST = 1 << 30
"""Bytes of a mask that is read."""
_NAME = re.compile(r"[0-9a-f]{64}")


class MaskStore:
    """A folder of masks.

    Parameters
    ----------
    folder
        Made when the first mask is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, mask: np.ndarray) -> str:
        """Write a mask, safe from a power cut when this returns; gives its name.

        Parameters
        ----------
        mask
            bool or small integers, any shape: a mask, or what was painted, -1, 0 or 1.

        Raises
        ------
        InputError
            If the folder cannot be written, or the disk is full.
        """
        if mask.dtype != bool and not np.issubdtype(mask.dtype, np.integer):
            raise InputError(f"A mask holds whole numbers, not {mask.dtype}.")
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(mask), allow_pickle=False)
        data = gzip.compress(buffer.getvalue(), compresslevel=6, mtime=0)
        name = hashlib.sha256(data).hexdigest()
        path = self.path(name)
        if not path.exists():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{path.parent}: cannot be made ({error.strerror or error}).") from error
            with replaced_file(path) as file:
                file.write(data)
            _settle(path.parent)
        return name

    def read(self, name: str) -> np.ndarray:
        """Read a mask by its name: bool or integers, of the shape in which it was kept.

        Raises
        ------
        InputError
            If it is missing, was changed, or is no mask.
        """
        path = self.path(name)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: the mask cannot be read ({error.strerror or error}).") from error
        if hashlib.sha256(data).hexdigest() != name:
            raise InputError(f"{path}: the mask is not what was written; it was changed or damaged.")
        found = _decode(data, path)
        if found.dtype != bool and not np.issubdtype(found.dtype, np.integer):
            raise InputError(f"{path}: this is not a mask, which holds whole numbers.")
        return found

    def path(self, name: str) -> Path:
        """Where the mask of a name is, or would be.

        Raises
        ------
        InputError
            If the name is none: it could lead out of the folder.
        """
        if not _NAME.fullmatch(name):
            raise InputError("A mask is named by 64 hexadecimal digits.")
        return self._folder / name[:2] / f"{name}.npy.gz"


def _decode(data: bytes, path: Path) -> np.ndarray:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:  # what gzip raises of bytes that it did not make
        raise InputError(f"{path}: this is not a mask.") from error
    if len(content) > _LARGEST:
        raise InputError(f"{path}: this is too large for a mask.")
    try:
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
    except (EOFError, ValueError, MemoryError) as error:  # what NumPy raises of a header that is none
        raise InputError(f"{path}: this is not a mask.") from error


def _settle(folder: Path) -> None:
    """Make a rename in a folder outlast a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
