"""Places of the lesions in a folder of results."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.evaluate.written_results import result_file
from napari_uncertainseg.explain.place.column import find_places
from napari_uncertainseg.images.files import read_labels


def places_of_results(folder: str | Path, progress: Progress = silent) -> tuple[pd.DataFrame, str]:
    """Read a folder of results and its scan again, and find where its lesions lie.

    Parameters
    ----------
    folder
        As `segment` writes it; its scan must lie where it lay.
    progress
        May raise ``Cancelled``.

    Returns
    -------
    table
        A row for each lesion: ``label``, ``volume_mm3``, and what `place_lesions` gives.
    problem
        Why places are unknown, a sentence; empty where they are known.

    Raises
    ------
    InputError
        If the folder cannot be read, or its scan has moved or was changed.
    """
    saved = read_saved_results(folder)
    prediction = saved.prediction
    labels = read_labels(result_file(Path(folder), "lesions"), prediction.grid).data
    try:
        found = find_places(prediction, saved.scans, progress)
    except InputError as error:
        raise InputError(" ".join([f"{folder}: {error}", *saved.notes])) from error
    table = found.values(labels)
    voxels = pd.Series(labels[labels > 0]).value_counts()
    table.insert(0, "volume_mm3", voxels.reindex(table.index) * prediction.grid.voxel_volume)
    return table.reset_index(), found.zones.problem
