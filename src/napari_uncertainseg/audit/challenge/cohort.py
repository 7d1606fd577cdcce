"""From a cohort's table to its sheet."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg._base import InputError, Progress, pluralised, silent
from napari_uncertainseg.audit.challenge.case import ChallengeCase, score_case
from napari_uncertainseg.audit.challenge.sheet import Sheet, SheetSetting, make_sheet
from napari_uncertainseg.audit.cohort import AuditCase, AuditCohort, read_audit_cohort
from napari_uncertainseg.audit.doubtful_references import notes_on_references
from napari_uncertainseg.disk.result_folder import note_on

LIST = "raters"
"""A column with the masks of all raters of a case, semicolons between, as `evaluate` reads it."""
_NUMBERED = re.compile(r"rater[ _-]?\d+", re.IGNORECASE)


def measure_cohort(
    path: Path, setting: SheetSetting, columns: Sequence[str] = (), progress: Progress = silent
) -> Sheet:
    """Measure the cases that a table lists.

    Parameters
    ----------
    path
        As for `read_audit_cohort`.
    setting
        How.
    columns
        Of the raters, each with a mask in a cell, or with several and semicolons between. If none are named:
        ``raters``, and those called ``rater1``, ``rater2`` and so on.
    progress
        Told before each case.

    Raises
    ------
    InputError
        If the table or one of its cases cannot be used; the message names the row.
    """
    cohort = read_audit_cohort(path, (setting.domain,) if setting.domain else (), columns=tuple(columns))
    cases, notes = _cases(cohort, setting, columns)
    if not cases:
        raise InputError(
            f"{path}: no case has a reference and all that was asked for; nothing can be measured."
        )
    scores = []
    for i, case in enumerate(cases):
        progress(f"case {i + 1} of {len(cases)}", i / len(cases))
        scores.append(score_case(case, simulated=setting.simulated, seed=setting.seed))
        notes += [note] if (note := note_on(case.folder)) else []
    notes += notes_on_references([one.compared for one in scores if one.compared is not None])
    return make_sheet(scores, setting, (*cohort.notes, *notes))


def _cases(
    cohort: AuditCohort, setting: SheetSetting, columns: Sequence[str]
) -> tuple[list[ChallengeCase], list[str]]:
    notes = []
    without = [case.name for case in cohort.cases if case.reference is None]
    if without:
        notes.append(
            f"{pluralised(len(without), 'case')} without a reference left out: {', '.join(without)}."
        )
    found = []
    for case in cohort.cases:
        if case.reference is None or (setting.domain and setting.domain not in case.attributes):
            continue
        place = f"{cohort.source}, row {case.line}" if case.line else ""
        found.append(
            ChallengeCase(
                case.name,
                case.patient,
                case.folder,
                case.reference,
                _raters(case, columns, cohort.source.parent, place),
                case.attributes.get(setting.domain, ""),
                place,
            )
        )
    return found, notes


def _raters(case: AuditCase, columns: Sequence[str], folder: Path, place: str) -> dict[str, Path]:
    """Masks of the raters of a case, by the column, and by their number where a cell lists several."""
    names = columns or [one for one in case.attributes if one == LIST or _NUMBERED.fullmatch(one)]
    found: dict[str, Path] = {}
    for name in names:
        masks = [one.strip() for one in case.attributes.get(name, "").split(";") if one.strip()]
        for i, mask in enumerate(masks):
            own = f"rater {i + 1}" if name == LIST else name if len(masks) == 1 else f"{name} {i + 1}"
            if own in found:
                raise InputError(f"{place}: two raters are called {own}; name columns in other words.")
            found[own] = folder / mask
    paths = [Path(os.path.realpath(path)) for path in found.values()]  # a name too long is no error yet
    for i, one in enumerate(paths):
        if one in paths[:i]:
            raise InputError(f"{place}: the mask {list(found.values())[i]} stands for two raters.")
    return found
