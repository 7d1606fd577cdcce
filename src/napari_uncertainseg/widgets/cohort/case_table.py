"""The cases of a list as a table."""

from __future__ import annotations

from napari_uncertainseg.evaluate.worklist import Worklist
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.widgets.cohort import texts
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.number_table import Table
from napari_uncertainseg.widgets.shared.session_file import shortened


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
