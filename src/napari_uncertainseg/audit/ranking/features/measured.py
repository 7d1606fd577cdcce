"""Lesions of folders of results, measured for what makes a case hard: one scan and two masks are read."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from napari_uncertainseg._base import InputError, Progress, pluralised, silent
from napari_uncertainseg.audit.cohort import AuditCase
from napari_uncertainseg.audit.ranking.features.of_lesions import LESIONS, LOAD, features_of_lesions
from napari_uncertainseg.disk.result_folder import load_summary, result_file
from napari_uncertainseg.explain.drivers.measure import measure_drivers
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.lesions.components import label_mask, voxels_of
from napari_uncertainseg.modalities import main_of

_LEAST_MM3 = 3.0
"""Smaller components of a reference are no lesions, as in the lesion F1."""


def measure_cases(
    cases: Sequence[tuple[str, AuditCase]], progress: Progress = silent
) -> tuple[pd.DataFrame, str]:
    """Features of cases, as `features_of_lesions` has them; nothing of places, for which an atlas is needed.

    Parameters
    ----------
    cases
        With the names that they are to have. Where each has a reference, its lesions are measured, which are
        the same for all models; else those that the results found.
    progress
        Told before each case; may raise ``Cancelled``.

    Returns
    -------
    features
        By name; a case without lesions has 0 of them, and NaN for their means.
    about
        Whose lesions these are, a sentence.

    Raises
    ------
    InputError
        If a scan or a mask cannot be read, or is another one.
    """
    of_reference = all(case.reference is not None for _, case in cases)
    parts = []
    for i, (name, case) in enumerate(cases):
        progress(f"lesions of {name}", i / len(cases))
        rows = _lesions(case, of_reference=of_reference)
        parts.append(rows.assign(case=name))
    rows = pd.concat(parts, ignore_index=True)
    found = features_of_lesions(rows, rows["case"]).reindex([name for name, _ in cases])
    found[[LESIONS, LOAD]] = found[[LESIONS, LOAD]].fillna(0.0)
    whose = (
        "the references"
        if of_reference
        else "one model's results, which lack what that model missed, as not every case has a reference"
    )
    return found, f"Features of {pluralised(len(cases), 'case')} are of the lesions in {whose}."


def _lesions(case: AuditCase, *, of_reference: bool) -> pd.DataFrame:
    scan = _main_scan(case)
    brain = read_labels(result_file(case.folder, "brain.nii.gz"), scan.grid).data > 0
    if of_reference and case.reference is not None:
        mask = read_labels(case.reference, scan.grid).data > 0
        voxel = float(scan.grid.spacing[0] * scan.grid.spacing[1] * scan.grid.spacing[2])
        labels = label_mask(mask, min_voxels=voxels_of(_LEAST_MM3, voxel))[0]
    else:
        labels = read_labels(result_file(case.folder, "lesions.nii.gz"), scan.grid).data
    return measure_drivers(labels, scan.grid.spacing, brain, {scan.modality or "flair": scan.data})


def _main_scan(case: AuditCase) -> Volume:
    """The scan that was segmented, where it lay."""
    inputs = load_summary(case.folder).get("inputs")
    modality = main_of(inputs) if isinstance(inputs, dict) and inputs else ""
    about = inputs.get(modality) if isinstance(inputs, dict) else None
    path = about.get("path") if isinstance(about, dict) else None
    if not isinstance(path, str) or not isinstance(about, dict):
        raise InputError(f"{case.folder} does not say which file its scan was; segment it again from a file.")
    scan = read_image(path, modality=modality)
    if scan_sha256(scan) != about.get("scan_sha256"):
        raise InputError(f"{path} is another scan than was segmented in {case.folder}; segment it again.")
    return scan
