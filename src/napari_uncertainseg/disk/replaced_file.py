"""Files that are replaced whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import clear_partials, partial_prefix
from napari_uncertainseg.disk.outputs import NUMBERS, check_output, check_replaceable

if TYPE_CHECKING:
    from pydantic import BaseModel


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` only when it was written whole.

    Whatever goes wrong, an existing file stays as it was and nothing else is left behind.

    Raises
    ------
    InputError
        If the folder cannot be written, the disk is full, or what is there must not be replaced.
    """
    temporary: Path | None = None
    check_replaceable(path)
    try:
        clear_partials(path)
        temporary = path.parent / f"{partial_prefix(path)}{secrets.token_hex(4)}"
        with os.fdopen(_created(temporary), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written {why_not(error)}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _created(path: Path) -> int:
    """Make a new file, open to write; who may read it is for the user's umask to say."""
    binary = getattr(os, "O_BINARY", 0)  # Windows would change line ends otherwise
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)


def write_numbers(found: BaseModel, path: Path) -> None:
    """Write what was fitted or measured as JSON.

    Raises
    ------
    InputError
        If it cannot be written, or the ending is another one than ``.json``.
    """
    check_output(path, NUMBERS)
    text = json.dumps(found.model_dump(mode="json"), indent=1, allow_nan=False)
    with replaced_file(path) as file:
        file.write(f"{text}\n".encode())
