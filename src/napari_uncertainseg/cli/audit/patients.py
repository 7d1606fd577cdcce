"""``uncertainseg audit patients``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.record import CalibrationRecord


def patients(options: Namespace) -> None:
    """Find intervals and unlike scans, write the folder, and say what can be said."""
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.audit.patients.analysis import audit_patients
    from napari_uncertainseg.audit.patients.files import NAME, write_patients
    from napari_uncertainseg.audit.patients.sentences import sentences
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    record = None if options.record is None else _record(options.record)
    with ProgressLine() as progress:
        found = audit_patients(read_audit_cohort(options.cohort), progress, record)
        progress("writing", 1.0)
        write_patients(options.out, found, str(options.cohort))
    print("\n".join([*sentences(found), *(f"note: {note}" for note in found.notes)]))
    print(f"{options.out}: written; open {options.out / f'{NAME}.html'}")


def _record(path: Path) -> CalibrationRecord:
    from napari_uncertainseg.calibration.record import read_record

    try:
        return read_record(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read; name a record that `calibrate` wrote.") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
