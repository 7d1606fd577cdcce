"""Groups as a folder: a page, tables, and all numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.audit.groups.audit import GroupsAudit
from napari_uncertainseg.audit.groups.page import groups_page
from napari_uncertainseg.audit.groups.tables import as_json, cases_table, gaps_table, group_rows
from napari_uncertainseg.audit.pages.files import write_audit

_NAME = "groups"
PAGE = f"{_NAME}.html"


def write_groups(
    folder: Path, cohort: AuditCohort, measured: pd.DataFrame, audit: GroupsAudit, to_see: float
) -> None:
    """Write ``groups.html``, ``groups.json`` and tables into a new folder, whole or not at all.

    The tables are ``groups.tsv``, ``gaps.tsv`` and ``cases.tsv``.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    tables = {
        "groups.tsv": pd.DataFrame(group_rows(audit)),
        "gaps.tsv": gaps_table(audit),
        "cases.tsv": cases_table(cohort, measured, list(audit.groups)),
    }
    page = groups_page(audit, str(cohort.source), cohort.notes, to_see)
    write_audit(folder, _NAME, page, tables, as_json(audit, cohort.notes, to_see))
