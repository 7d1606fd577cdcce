"""A calibration record from a file that the user names."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.record import CalibrationRecord, read_record


def record_of_file(path: Path) -> CalibrationRecord:
    """Read a record that `calibrate` wrote.

    Raises
    ------
    InputError
        If it cannot be read, or is none; the message names the file.
    """
    try:
        return read_record(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read; name a record that `calibrate` wrote.") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
