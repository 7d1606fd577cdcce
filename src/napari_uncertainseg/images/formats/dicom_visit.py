"""Whose a DICOM scan is, and of which day, in words for the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import one_line
from napari_uncertainseg.images.formats.dicom_pixels import lenient

_DATE = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_MOST = 50
"""Files of a folder that are tried."""


@dataclass(frozen=True)
class Visit:
    """What a DICOM header says of a visit.

    Attributes
    ----------
    patient
        The patient's name, else the identifier; empty where there is neither.
    date
        Of the study, as 2019-03-02; empty where it is not known.
    """

    patient: str = ""
    date: str = ""


def visit_of(path: Path) -> Visit:
    """What the header of a DICOM file, or of the first in a folder, says; nothing for any other file."""
    import pydicom

    from napari_uncertainseg.images.formats.dicom import is_dicom

    try:
        files = sorted(p for p in path.iterdir() if p.is_file())[:_MOST] if path.is_dir() else [path]
        file = next((each for each in files if is_dicom(each)), None)
        if file is None:
            return Visit()
        tags = ["PatientName", "PatientID", "StudyDate", "SpecificCharacterSet"]
        with lenient(), file.open("rb") as opened:
            header = pydicom.dcmread(opened, stop_before_pixels=True, force=True, specific_tags=[*tags])
            name = str(header.get("PatientName") or "").replace("^", " ")
            patient = one_line(name) or one_line(str(header.get("PatientID") or ""))
            date = _DATE.match(str(header.get("StudyDate") or "").strip())
    except Exception:  # pydicom raises almost anything for a damaged file, and this is only a line to read
        return Visit()
    return Visit(patient, "-".join(date.groups()) if date else "")
