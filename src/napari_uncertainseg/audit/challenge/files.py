"""The sheet as a folder."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg.audit.challenge.page import challenge_page
from napari_uncertainseg.audit.challenge.sheet import Sheet
from napari_uncertainseg.audit.challenge.tables import as_json, cases_table, long_table
from napari_uncertainseg.audit.pages.files import write_audit

NAME = "challenge"


def write_sheet(folder: Path, sheet: Sheet, source: str) -> None:
    """Write ``challenge.html``, ``challenge.tsv``, ``cases.tsv`` and ``challenge.json`` into a new folder.

    Parameters
    ----------
    folder
        Where to; whole or not at all.
    sheet
        What was measured.
    source
        The cohort, for the page.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    tables = {"challenge.tsv": long_table(sheet), "cases.tsv": cases_table(sheet)}
    write_audit(folder, NAME, challenge_page(sheet, source), tables, as_json(sheet, source))
