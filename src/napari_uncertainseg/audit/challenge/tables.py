"""The sheet as tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg.audit.challenge.case import CaseScores
from napari_uncertainseg.audit.challenge.sentences import sentences
from napari_uncertainseg.audit.challenge.sheet import Row, Sheet
from napari_uncertainseg.calibration.dataset import join


def long_table(sheet: Sheet) -> pd.DataFrame:
    """A row for each measure, version, rater and set of cases."""
    return pd.DataFrame([_row(row) for row in sheet.rows])


def _row(row: Row) -> dict[str, Any]:
    one = row.measure
    return {
        "family": one.family,
        "measure": one.name,
        "version": one.version,
        "rater": row.rater,
        "cases_of": row.cases,
        "value": row.estimate.value,
        "low": row.estimate.low,
        "high": row.estimate.high,
        "ideal": row.ideal,
        "random": row.random,
        "gain": row.gain.value,
        "gain_low": row.gain.low,
        "gain_high": row.gain.high,
        "better": "high" if one.high else "low",
        "unit": one.unit,
        "cases": row.estimate.cases,
        "patients": row.estimate.patients,
        "title": one.title,
        "definition": one.definition,
        "fault": one.fault,
    }


def cases_table(sheet: Sheet) -> pd.DataFrame:
    """A row for each case, a column for each measure that is of single cases.

    The column that tells the domain has ``_group`` behind its name where that is one of these.
    """
    return pd.DataFrame([_case(one, sheet) for one in sheet.cases])


def _case(one: CaseScores, sheet: Sheet) -> dict[str, Any]:
    found = {
        "case": one.case.name,
        "patient": one.case.patient,
        "folder": str(one.case.folder),
        "raters": "; ".join(one.raters),
        "simulated": "yes" if one.simulated else "no",
        "dice": one.dice,
        "psu": one.psu,
        "entropy": one.entropy,
        **asdict(one.detected),
    }
    if sheet.setting.domain:
        domain = sheet.setting.domain
        taken = domain in {*found, *one.judged, "in_domain"}
        found[f"{domain}_group" if taken else domain] = one.case.group
        found["in_domain"] = _yes(one.case.group in sheet.setting.inside)
    for key, judged in one.judged.items():
        found[key] = judged.value
        if judged.random == judged.random and not key.endswith("_reference"):
            found |= {f"{key}_ideal": judged.ideal, f"{key}_random": judged.random}
    return found


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def as_json(sheet: Sheet, source: str) -> dict[str, Any]:
    """Everything, for `audit.pages.files.write_audit`."""
    groups = {"all": [True] * len(sheet.cases), **{k: v.tolist() for k, v in sheet.groups.items()}}
    bins = {
        name: join([one.bins for one, inside in zip(sheet.cases, members, strict=True) if inside])
        for name, members in groups.items()
    }
    return {
        "made_by": f"napari-uncertainseg {__version__}",
        "cohort": source,
        "setting": asdict(sheet.setting),
        "patients": sheet.patients,
        "sentences": sentences(sheet),
        "measures": [_row(row) for row in sheet.rows],
        "cases": [_case(one, sheet) for one in sheet.cases],
        "reliability": {
            name: {
                "edges": found.edges,
                "mean_probability": found.mean_probability,
                "fraction": found.fraction,
                "count": found.count,
            }
            for name, found in bins.items()
        },
    }
