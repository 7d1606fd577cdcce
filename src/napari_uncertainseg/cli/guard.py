"""What a command line says is written, against what it says is read."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.outputs import Kind, check_output
from napari_uncertainseg.review.database.passwords import may_be_server


def check_files(options: Namespace) -> None:
    """See, before a command begins, that what it reads is there, and that it writes over nothing of it.

    Only names are looked at, so that a wrong one is told at once: what a command imports takes seconds.

    Parameters
    ----------
    options
        Of a parsed command line; its ``reads``, ``needed`` and ``writes`` say which options are files.

    Raises
    ------
    InputError
        With the option whose file would be replaced, has an ending of another kind, is named twice, or is
        not there.
    """
    reads: Mapping[str, bool] = getattr(options, "reads", {})
    writes: Mapping[str, Kind] = getattr(options, "writes", {})
    tables = [path for name, table in reads.items() if table for path in _paths(options, name)]
    inputs = [path for name in reads for path in _paths(options, name)]
    seen: set[Path] = set()
    for name, kind in writes.items():
        for path in _paths(options, name):
            check_output(path, kind, inputs, tables)
            place = _resolved(path)
            if place in seen:
                raise InputError(f"{path} is named for two outputs; name two files.")
            seen.add(place)
    for name, sentence in getattr(options, "needed", {}).items():
        for path in _paths(options, name):
            _check_there(path, sentence)


def _check_there(path: Path, missing: str) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if not may_be_server(str(path)):  # else the command refuses it, without a word of its password
            raise InputError(missing.format(path)) from error
    except (OSError, ValueError):
        return  # the command says why it cannot be read


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a link that leads to itself
        raise InputError(f"{path}: nothing can be written there ({error}); name another place.") from error


def _paths(options: Namespace, name: str) -> Iterator[Path]:
    """Files that an option names; the URL of a server is none."""
    value = getattr(options, name, None)
    for one in value if isinstance(value, list) else [value]:
        one = one[-1] if isinstance(one, list) else one  # of a name and a file
        if one is not None and "://" not in str(one):
            yield Path(one)
