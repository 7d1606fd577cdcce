"""Drivers of the lesions that readers judged, from folders of results of the same scans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.evaluate.written_results import result_file
from napari_uncertainseg.explain.drivers.of_results import DOUBTS, drivers_of_results
from napari_uncertainseg.explain.feedback.answers import Answers
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.review.reports.report_data import Summary
from napari_uncertainseg.review.store.session_settings import ReviewSettings


def drivers_of_answers(
    found: Summary, answers: Answers, folders: Sequence[Path], progress: Progress = silent
) -> pd.DataFrame:
    """Measure what the doubt about each judged lesion may go with.

    A folder belongs to a session by its scans (their hash), and a lesion to a verdict by its voxel.

    Parameters
    ----------
    found, answers
        The sessions, and what was ticked in them.
    folders
        Results of `segment`.
    progress
        May raise `Cancelled`.

    Returns
    -------
    pandas.DataFrame
        A row for each row of ``answers.table``, columns as `measure_drivers`; NaN where not known.

    Raises
    ------
    InputError
        If a folder cannot be read, or no session is about its scans.
    """
    numbers = _cases(found)
    rows = answers.table
    parts = []
    for i, folder in enumerate(folders):

        def part(stage: str, fraction: float, i: int = i, name: str = folder.name) -> None:
            progress(f"{stage} of {name}", (i + fraction) / len(folders))

        part("drivers", 0)
        scans = load_summary(folder).get("case")
        sha256 = scans.get("sha256") if isinstance(scans, dict) else None
        if sha256 not in numbers:
            raise InputError(
                f"{folder}: no session of this report is about its scans; name folders of scans that were "
                "read."
            )
        table = drivers_of_results(folder, progress=part).drop(columns=list(DOUBTS))
        labels = read_labels(result_file(folder, "lesions")).data
        mine = rows[rows["case"] == numbers[sha256]]
        at = [_label(labels, voxel) for voxel in mine["voxel"]]
        parts.append(table.reindex(at).set_axis(mine.index))
    return pd.concat(parts).groupby(level=0).first().reindex(rows.index)


def _cases(found: Summary) -> dict[object, int]:
    """Numbers of the cases of the report, by the hash of their scans."""
    numbers: dict[object, int] = {}
    for part in found.sessions:
        settings = part.session.settings
        if isinstance(settings, ReviewSettings) and settings.case is not None and part.items:
            numbers[settings.case] = part.items[0].task.case
    return numbers


def _label(labels: np.ndarray, voxel: tuple[int, int, int]) -> int:
    inside = all(0 <= i < n for i, n in zip(voxel, labels.shape, strict=True))
    return int(labels[voxel]) if inside else 0
