"""The cases of a list: read for the tab *Cases*, and as a table."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.audit.table_glance import look_at_table
from napari_uncertainseg.evaluate.worklist import RESULTS, Worklist, read_worklist_for
from napari_uncertainseg.modalities import MODALITIES, title_of
from napari_uncertainseg.widgets.cohort import texts
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.number_table import Table
from napari_uncertainseg.widgets.shared.session_file import shortened


def read_cases(model: str, path: Path, progress: Progress) -> Worklist:
    """List the cases of a folder, a BIDS dataset or a table for a model.

    Raises
    ------
    InputError
        As `read_worklist_for`; where the table is one of results, with which tabs read it.
    """
    try:
        return read_worklist_for(model, path, progress)
    except InputError as error:
        if _lists_results_alone(path):
            raise InputError(f"{error} {texts.OTHER_TABS}") from error
        raise


def _lists_results_alone(path: Path) -> bool:
    """Whether a table has folders of results, and no scans."""
    with suppress(InputError):
        if path.is_file():
            titles = {title.strip().lower() for title in look_at_table(path).columns}
            return RESULTS in titles and titles.isdisjoint(MODALITIES)
    return False


def case_table(worklist: Worklist) -> Table:
    """A row for each case: its name, its files, and an empty cell for its state."""
    rows, tips = [], {}
    for i, case in enumerate(worklist.cases, start=1):
        scans = [title_of(name) for name in case.images]
        scans += [texts.REFERENCE] if case.reference is not None else []
        scans += [texts.RESULTS] if case.results is not None else []
        rows.append((shortened(case.name, ends=True), " ".join(scans), ""))
        files = [*case.images.values(), *filter(None, [case.reference, case.results])]
        tips[str(i)] = plain_tooltip("\n".join(map(str, [case.name, *files])))
    return Table(tuple(tips), texts.COLUMNS, tuple(rows), texts.COLUMN_TIPS | tips)
