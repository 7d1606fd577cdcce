"""Exported cases with a reference as what simulated readers go through."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD
from napari_uncertainseg.evaluate.cohort import for_each_case
from napari_uncertainseg.evaluate.written_results import read_summary, result_file, table_of_lesions
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.lesions.components import label_components, voxels_of
from napari_uncertainseg.lesions.matching import lesions_touching
from napari_uncertainseg.uncertainty.lesion import lesion_maximum
from napari_uncertainseg.uncertainty.lesion_numbers import in_rows


def review_tables(path: Path, *, progress: Progress = silent) -> list[pd.DataFrame]:
    """A table per case for `simulation.compare`.

    Parameters
    ----------
    path
        As of `cohort.evaluate_cases`.
    progress
        Told before each case.
    """

    def look(folder: Path, reference: Path, raters: Sequence[Path]) -> pd.DataFrame:
        return review_table(folder, reference)

    return for_each_case(path, look, progress)


def review_table(folder: Path, reference: Path) -> pd.DataFrame:
    """Lesions and candidates of a case: ``candidate``, ``peak``, ``volume_mm3``, ``exists``."""
    image = read_image(result_file(folder, "probability"))
    grid, p = image.grid, image.data
    labels = read_labels(result_file(folder, "lesions"), grid).data
    truth = read_labels(reference, grid).data != 0
    summary = read_summary(folder)
    listed = table_of_lesions(folder, int(labels.max(initial=0)))
    listed = listed[~listed["drawn"]]
    own = in_rows(labels, listed["label"].to_numpy())
    least = voxels_of(summary.min_volume_mm3, grid.voxel_volume)
    candidates, n = label_components(p, CANDIDATE_THRESHOLD, min_voxels=least)
    free = ~lesions_touching(candidates, labels > 0, n)
    sizes = np.bincount(candidates.ravel(), minlength=n + 1)[1:]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "candidate": False,
                    "peak": listed["max_probability"].to_numpy(float),
                    "volume_mm3": listed["volume_mm3"].to_numpy(float),
                    "exists": lesions_touching(own, truth, len(listed)),
                }
            ),
            pd.DataFrame(
                {
                    "candidate": True,
                    "peak": lesion_maximum(candidates, p)[free],
                    "volume_mm3": sizes[free] * grid.voxel_volume,
                    "exists": lesions_touching(candidates, truth, n)[free],
                }
            ),
        ],
        ignore_index=True,
    ).astype({"candidate": bool, "exists": bool})
