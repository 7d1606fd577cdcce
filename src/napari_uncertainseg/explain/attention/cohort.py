"""The bags of the patients that attention is learned from."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.attention.case_bags import BagSetting, CaseBag, kept_bag
from napari_uncertainseg.explain.attention.labelled_visits import NO_TASK, LabelledVisits
from napari_uncertainseg.progress.parts import part_of
from napari_uncertainseg.training.mil.auxiliary import AuxiliaryTask, column_task, size_task
from napari_uncertainseg.training.mil.table_rules import SIZE


def make_bags(
    path: Path,
    visits: LabelledVisits,
    setting: BagSetting,
    kept: Path,
    *,
    model: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> list[CaseBag]:
    """The bags of all visits, made by one network.

    Parameters
    ----------
    path
        Of the table, for messages.
    visits
        Its rows.
    setting, kept, model, device
        As for `kept_bag`.
    progress
        Told which visit; what it raises ends the work, and the bags that are made stay.

    Raises
    ------
    InputError
        If a visit cannot be used, or was segmented by another network than the first; with the row.
    """
    made: list[CaseBag] = []
    for number, (folder, line) in enumerate(zip(visits.folders, visits.lines, strict=True)):
        count = len(visits.folders)
        what = f"visit {number + 1} of {count}"
        progress(what, number / count)
        part = part_of(progress, number / count, (number + 1) / count, what)
        try:
            one = kept_bag(folder, setting, kept=kept, model=model, device=device, progress=part)
            if made and one.encoder != made[0].encoder:
                raise InputError(
                    f"its results are of the model '{one.encoder.model}', those of row {visits.lines[0]} of "
                    f"'{made[0].encoder.model}' with other weights: all must be of one network."
                )
        except InputError as error:
            raise InputError(f"{path}, row {line}: {error}") from error
        made.append(one)
    return made


def task_of(visits: LabelledVisits, bags: list[CaseBag], auxiliary: str) -> AuxiliaryTask | None:
    """The auxiliary task by its name; None for ``"none"``."""
    if auxiliary == NO_TASK:
        return None
    if auxiliary == SIZE:
        return size_task([one.bag for one in bags])
    return column_task(auxiliary, visits.auxiliary)
