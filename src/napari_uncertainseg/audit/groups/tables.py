"""Groups as tables and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.audit.groups.audit import GroupsAudit
from napari_uncertainseg.audit.groups.measures import MEASURES
from napari_uncertainseg.audit.groups.sentences import of_attribute, sentences


def group_rows(audit: GroupsAudit) -> list[dict[str, Any]]:
    """A row for each attribute, measure and group: patients with a value, mean, spread, middle, ends."""
    rows = []
    for attribute, groups in audit.groups.items():
        of = audit.patients.groups[attribute]
        for measure in audit.setting.measures:
            values = audit.patients.values[measure].to_numpy(float)
            for group in groups:
                own = values[(of == group) & np.isfinite(values)]
                found = [own.mean(), np.median(own), own.min(), own.max()] if len(own) else [np.nan] * 4
                rows.append(
                    {
                        "attribute": attribute,
                        "measure": measure,
                        "group": group,
                        "patients": len(own),
                        "mean": found[0],
                        "standard_deviation": own.std(ddof=1) if len(own) > 1 else np.nan,
                        "median": found[1],
                        "lowest": found[2],
                        "highest": found[3],
                    }
                )
    return rows


def gaps_table(audit: GroupsAudit) -> pd.DataFrame:
    """A row for each gap."""
    rows = [asdict(gap) | {"exact": "yes" if gap.exact else "no"} for gap in audit.gaps]
    columns = [
        *("attribute", "measure", "first", "second", "kind", "value", "low", "high", "p", "p_holm"),
        *("floor", "exact", "first_n", "second_n", "why_not"),
    ]
    return pd.DataFrame(rows, columns=columns).rename(columns={"value": "gap", "floor": "smallest_p"})


def cases_table(cohort: AuditCohort, measured: pd.DataFrame, attributes: Sequence[str]) -> pd.DataFrame:
    """A row for each case: who, which groups (``_group`` behind a name that is taken), and all measures."""
    about: list[dict[str, str | None]] = []
    for case in cohort.cases:
        who: dict[str, str | None] = {"case": case.name, "patient": case.patient, "folder": str(case.folder)}
        taken = {*who, *measured.columns}
        about.append(
            who
            | {f"{name}_group" if name in taken else name: case.attributes.get(name) for name in attributes}
        )
    return pd.concat([pd.DataFrame(about), measured.reset_index(drop=True)], axis=1)


def as_json(audit: GroupsAudit, notes: Sequence[str], to_see: float) -> dict[str, Any]:
    """Everything that was found."""
    return {
        "made_by": f"napari-uncertainseg {__version__}",
        "setting": asdict(audit.setting) | {"to_see": to_see},
        "patients": len(audit.patients.names),
        "tests": audit.tests,
        "covariates": [one.name for one in audit.patients.covariates],
        "sentences": sentences(audit),
        "notes": list(notes),
        "attributes": {
            name: {"groups": groups, "sentences": of_attribute(audit, name)}
            for name, groups in audit.groups.items()
        },
        "measures": {name: asdict(MEASURES[name]) for name in audit.setting.measures},
        "groups": group_rows(audit),
        "gaps": [asdict(gap) for gap in audit.gaps],
    }
