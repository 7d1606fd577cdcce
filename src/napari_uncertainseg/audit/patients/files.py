"""The audit of patients as a folder: a page, a table, and all numbers."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg.audit.pages.files import write_audit
from napari_uncertainseg.audit.patients.analysis import PatientAudit, PatientResult
from napari_uncertainseg.audit.patients.page import patients_page
from napari_uncertainseg.audit.patients.sentences import sentences
from napari_uncertainseg.calibration.patients.intervals import LEVEL, QUANTITIES

NAME = "patients"


def write_patients(folder: Path, found: PatientAudit, source: str) -> None:
    """Write ``patients.html``, ``patients.tsv`` and ``patients.json`` into a new folder, whole or not at all.

    Parameters
    ----------
    folder
        Where to.
    found
        The audit.
    source
        What was read.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    rows = [row_of(one) for one in found.results]
    numbers = {
        "made_by": f"napari-uncertainseg {__version__}",
        "level": LEVEL,
        "intervals_by": "the other patients" if found.own else "a record",
        "coverage": {name: asdict(one) | {"share": one.share} for name, one in found.coverage.items()},
        "sentences": sentences(found),
        "notes": list(found.notes),
        "scans": rows,
    }
    write_audit(folder, NAME, patients_page(found, source), {f"{NAME}.tsv": pd.DataFrame(rows)}, numbers)


def row_of(one: PatientResult) -> dict[str, Any]:
    """All numbers of a scan; NaN where something is not known."""
    said, true, own = one.said.said, one.measured.load.true, one.measured
    row: dict[str, Any] = {
        "name": own.case.name,
        "patient": own.case.patient,
        "folder": str(own.case.folder),
        "volume_ml": said.volume_ml,
        "lesions": said.count,
        "members_volume_ml_low": said.volume_range_ml[0],
        "members_volume_ml_high": said.volume_range_ml[1],
        "members_lesions_low": said.count_range[0],
        "members_lesions_high": said.count_range[1],
    }
    for i, name in enumerate(QUANTITIES):
        interval = one.said.intervals.get(name)
        held = one.holds(name)
        row |= {
            f"{name}_low": math.nan if interval is None else interval.low,
            f"{name}_high": math.nan if interval is None else interval.high,
            f"{name}_reference": math.nan if true is None else true[i],
            f"{name}_holds": "" if held is None else str(held).lower(),
        }
    unlike = one.unlike_others
    return row | {
        "says": one.said.sentence,
        **own.measures,
        "highest_probability": own.highest,
        "unusual_result": "; ".join(own.unusual),
        "unlike_seen_scans": "" if own.unlike is None else "; ".join(own.unlike),
        "unlike_others": None if unlike is None else "; ".join(m.measure for m in unlike),
    }
