"""Whose scan it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg.images.identity import case_name, case_sha256, scan_sha256
from napari_uncertainseg.images.volume import Grid, Volume


def a_scan(**changes):
    data = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    return replace(Volume(data, Grid(data.shape, np.diag([1.0, 1, 3, 1])), "FLAIR"), **changes)


def test_a_scan_is_known_by_what_it_holds_not_by_its_name():
    scan = a_scan()
    assert scan_sha256(scan) == scan_sha256(a_scan(name="other", path=Path("b/FLAIR.nii.gz")))
    assert scan_sha256(scan) == scan_sha256(a_scan(data=np.asfortranarray(scan.data)))
    other = scan.data.copy()
    other[0, 0, 0] += 1
    moved = scan.grid.affine.copy()
    moved[0, 3] = 1
    different = [
        a_scan(data=other),
        a_scan(grid=Grid(scan.grid.shape, moved)),
        a_scan(data=scan.data.reshape(4, 3, 5), grid=Grid((4, 3, 5), scan.grid.affine)),
        a_scan(uids={"study": "1.2.3"}),
    ]
    assert len({scan_sha256(scan), *map(scan_sha256, different)}) == 5


def test_a_visit_is_known_by_all_its_scans():
    assert case_sha256({"flair": "a", "t1": "b"}) == case_sha256({"t1": "b", "flair": "a"})
    assert len({case_sha256(x) for x in ({"flair": "a"}, {"t1": "a"}, {"flair": "a", "t1": "b"})}) == 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/d/sub-07/ses-2/anat/sub-07_ses-2_FLAIR.nii.gz", "sub-07_ses-2"),
        ("/d/sub-07/anat/sub-07_FLAIR.nii", "sub-07"),
        ("/d/patient01/t2flair-stripped.nii.gz", "patient01/t2flair-stripped"),
        ("/d/patient01/anat/FLAIR.nii.gz", "patient01/FLAIR"),
        ("/FLAIR.nii.gz", "FLAIR"),
    ],
)
def test_a_visit_is_called_by_subject_or_folder(path, expected):
    assert case_name(Path(path), "layer") == expected


def test_a_dicom_folder_is_called_by_the_folder_of_the_patient(tmp_path):
    for patient in ("A", "B"):
        (tmp_path / patient / "DICOM").mkdir(parents=True)
    assert case_name(tmp_path / "A" / "DICOM", "DICOM") == "A"
    assert case_name(tmp_path / "B" / "DICOM", "DICOM") == "B"
    assert case_name(None, "a layer") == "a layer"


def test_a_place_that_cannot_be_looked_at_has_a_name(tmp_path) -> None:
    """Too long for a file, as from somebody's summary; a share that does not answer raises the same."""
    (tmp_path / "Ann").mkdir()
    assert case_name(tmp_path / "Ann" / ("a" * 300 + ".nii.gz"), "flair") == f"Ann/{'a' * 300}"
