"""When a scan was acquired, as far as its own file says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_uncertainseg.images.formats.dicom import dicom_series, is_dicom
from napari_uncertainseg.modalities import main_of

_DATES = ("AcquisitionDate", "SeriesDate", "StudyDate")


def scan_date(information: Mapping[str, Any]) -> str:
    """The date of the scan that a prediction was made of, ``2024-03-01``; empty where nobody knows.

    Only DICOM says it: a NIfTI file has no date.

    Parameters
    ----------
    information
        What the prediction says of itself; its ``inputs`` hold the paths.
    """
    inputs = information.get("inputs")
    about = inputs.get(main_of(inputs)) if isinstance(inputs, Mapping) else None
    path = about.get("path") if isinstance(about, Mapping) else None
    try:
        return _date_in(Path(path)) if isinstance(path, str) and path else ""
    except (OSError, ValueError, AttributeError, KeyError, NotImplementedError, TypeError):
        return ""  # the file has gone, or is odd: then nobody knows


def _date_in(path: Path) -> str:
    import pydicom

    if not path.exists() or not is_dicom(path):
        return ""
    with Path(dicom_series(path)[0]).open("rb") as file:
        head = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=[*_DATES])
    for name in _DATES:
        text = str(head.get(name) or "").strip()
        if len(text) == 8 and text.isdigit():
            return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return ""
