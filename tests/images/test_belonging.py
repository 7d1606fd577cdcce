"""Which scans are of one visit: by DICOM, by subject and session, by folder and name, by place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg.images.belonging import (
    SamePatient,
    ScanOrigin,
    belongs,
    contradiction,
    mismatch,
    same_patient,
)
from napari_uncertainseg.images.volume import Grid


def grid_at(r: float = 0.0, size: float = 1.0) -> Grid:
    """10 x 20 x 30 voxels whose first voxel lies at (r, 0, 0)."""
    affine = np.zeros((4, 4))
    affine[[0, 1, 2], [2, 1, 0]] = size
    affine[0, 3], affine[3, 3] = r, 1
    return Grid((10, 20, 30), affine)


def scan(where="", name="", grid=None, **uids) -> ScanOrigin:
    path = Path(where) if where else None
    return ScanOrigin(name or (path.name if path else "layer"), path, uids, grid or grid_at())


FLAIR = "/d/p1/flair.nii.gz"


@pytest.mark.parametrize(
    ("flair", "other"),
    [
        (FLAIR, "/d/p1/t1.nii.gz"),
        ("/d/p1/FLAIR/image.nii", "/d/p1/T1/image.nii"),
        ("/b/sub-01/anat/sub-01_FLAIR.nii.gz", "/b/sub-01/anat/sub-01_T1w.nii.gz"),
        ("/b/sub-01/ses-2/anat/x_FLAIR.nii.gz", "/b/sub-01/ses-2/extra/x_T1w.nii.gz"),
        ("/b/sub-01/anat/sub-01_FLAIR.nii.gz", "/b/derivatives/bet/sub-01/anat/sub-01_brainmask.nii.gz"),
        ("/d/flat/patient01_FLAIR.nii.gz", "/d/flat/patient01_T1.nii.gz"),
        ("/d/p1/3D_FLAIR_sag.nii.gz", "/d/p1/T1_MPRAGE_tra.nii.gz"),
    ],
)
def test_of_one_visit(flair, other):
    assert mismatch(scan(other), scan(flair)) == ""
    assert belongs(scan(other), scan(flair)) and belongs(scan(flair), scan(other))


@pytest.mark.parametrize(
    ("flair", "other", "why"),
    [
        (FLAIR, "/d/p2/t1.nii.gz", "another folder"),
        ("/b/sub-01/anat/sub-01_FLAIR.nii", "/b/sub-02/anat/sub-02_T1w.nii", "sub-02, not sub-01"),
        ("/b/sub-01/ses-1/f_FLAIR.nii", "/b/sub-01/ses-2/f_T1w.nii", "ses-2, not ses-1"),
        ("/d/flat/patient01_FLAIR.nii.gz", "/d/flat/patient02_T1.nii.gz", "patient02, not patient01"),
        ("/d/flat/MS012_FLAIR.nii.gz", "/d/flat/MS013_brain.nii.gz", "ms013, not ms012"),
        ("/d/sub-01_FLAIR.nii.gz", "/e/t1.nii.gz", "another folder"),
        ("/d/flat/patient_01_FLAIR.nii.gz", "/d/flat/patient_02_T1.nii.gz", "patient 02, not patient 01"),
        ("/d/flat/MS case 7 FLAIR.nii.gz", "/d/flat/MS case 12 T1.nii.gz", "case 12, not case 7"),
        ("/d/flat/sub_01_ses_1_FLAIR.nii.gz", "/d/flat/sub_02_ses_1_T1.nii.gz", "sub 02, not sub 01"),
    ],
)
def test_of_two(flair, other, why):
    assert why in mismatch(scan(other), scan(flair))
    assert not belongs(scan(other), scan(flair))


@pytest.mark.parametrize(
    ("flair", "other"),
    [
        ("/d/flat/A_FLAIR.nii.gz", "/d/flat/B_T1.nii.gz"),
        ("/d/flat/01_FLAIR.nii.gz", "/d/flat/02_T1.nii.gz"),
        ("/d/flat/scan_01_FLAIR.nii.gz", "/d/flat/scan_02_T1.nii.gz"),  # of a series, it may be
        ("/d/flat/patient_A_FLAIR.nii.gz", "/d/flat/patient_B_T1.nii.gz"),
        ("/d/flat/patient_01_FLAIR.nii.gz", "/d/flat/patient_1_scan_2_T1.nii.gz"),
        ("/one/sub-01/anat/sub-01_FLAIR.nii", "/two/sub-01/anat/sub-01_T1w.nii"),  # two data sets
        (FLAIR, ""),  # pasted
    ],
)
def test_nothing_known_is_neither(flair, other):
    assert mismatch(scan(other), scan(flair)) == "" and not belongs(scan(other), scan(flair))


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        ("/d/patient07/lesions.nii.gz", "another patient: patient 7, not patient 19"),
        ("/masks/patient07.nii.gz", "another patient"),
        ("/d/patient_07/lesions.nii.gz", "another patient"),
        ("/d/patient19/visit2/lesions.nii.gz", "another session: visit 2, not visit 1"),
        ("/masks/patient19.nii.gz", ""),
        ("/masks/Patient 019/lesions.nii.gz", ""),
        ("/masks/lesions.nii.gz", ""),
        ("/d/patient19/rater2/lesions.nii.gz", ""),
    ],
)
def test_a_mask_whose_folder_counts_another_patient_is_not_of_the_scan(mask, why):
    found = contradiction(scan(mask), scan("/d/patient19/visit1/FLAIR.nii.gz"))
    assert why in found and bool(found) == bool(why)


def test_dicom_identifiers_come_before_folders():
    flair = scan("/x/flair", patient="7", study="1.2", frame="9")
    assert belongs(scan("/y/t1", patient="7", study="1.2", frame="9"), flair)
    assert belongs(scan("/y/t1", study="1.2"), flair)
    other_frame = scan("/x/t1", patient="7", study="1.2", frame="8")
    assert mismatch(other_frame, flair) == "" and not belongs(other_frame, flair)
    assert "DICOM study" in mismatch(scan("/x/leg", patient="7", study="1.3", frame="9"), flair)
    assert "patient" in mismatch(scan("/x/t1", patient="8", study="1.2", frame="9"), flair)


def test_what_does_not_lie_over_the_flair_is_not_of_it():
    flair = scan(FLAIR)
    far = scan("/d/p1/t1.nii.gz", grid=grid_at(500))
    assert "no part of it" in mismatch(far, flair) and not belongs(far, flair)
    assert belongs(scan("/d/p1/t1.nii.gz", grid=grid_at(20)), flair)


def test_layers_of_which_nothing_is_known_must_lie_on_each_other():
    flair = scan(name="FLAIR")
    assert belongs(scan(name="T1"), flair)
    assert not belongs(scan(name="T1", grid=grid_at(20)), flair)
    assert not belongs(ScanOrigin("T1"), flair)
    assert "sub-02" in mismatch(scan(name="sub-02_T1w"), scan(name="sub-01_FLAIR"))
    assert not belongs(scan(name="B T1"), scan(name="A FLAIR"))


@pytest.mark.parametrize(
    ("scan", "flair", "another"),
    [
        ("/d/patient07/FLAIR.nii", "/d/patient19/FLAIR.nii", True),
        ("/d/patient07/T1.nii", "/d/patient07/FLAIR.nii", False),
        ("/d/P14_visit2/flair.nii", "/d/P14_visit1/flair.nii", False),
        ("/d/P15_visit1/flair.nii", "/d/P14_visit1/flair.nii", True),
        ("/d/patient19/study2_FLAIR.nii", "/d/patient19/study1_FLAIR.nii", False),
        ("/d/patient20/study2_FLAIR.nii", "/d/patient19/study1_FLAIR.nii", True),
        ("/d/Ann/2019-03-02/flair.nii", "/d/Ann/2021-11-30/flair.nii", False),
        ("/d/Bob/2019-03-02/flair.nii", "/d/Ann/2019-03-02/flair.nii", True),
        ("/d/sub-1/ses-2/anat/sub-1_ses-2_FLAIR.nii", "/d/sub-1/ses-1/anat/sub-1_ses-1_FLAIR.nii", False),
        ("/d/sub-2/ses-1/anat/sub-2_ses-1_FLAIR.nii", "/d/sub-1/ses-1/anat/sub-1_ses-1_FLAIR.nii", True),
        ("/e/sub-1/anat/sub-1_FLAIR.nii", "/d/sub-1/anat/sub-1_FLAIR.nii", True),
        ("/d/P2_FLAIR.nii", "/d/P1_FLAIR.nii", True),
    ],
)
def test_another_visit_is_no_other_patient(scan, flair, another):
    origins = (ScanOrigin(Path(each).stem, Path(each)) for each in (scan, flair))
    assert bool(same_patient(*origins).why) is another


def test_identifiers_say_more_than_folders():
    one = ScanOrigin("a", Path("/d/x/FLAIR.nii"), {"patient": "7", "study": "1"})
    same = ScanOrigin("b", Path("/d/y/FLAIR.nii"), {"patient": "7", "study": "2"})
    other = ScanOrigin("a", Path("/d/x/FLAIR.nii"), {"patient": "8", "study": "3"})
    assert same_patient(same, one) == SamePatient(True)
    assert "patient IDs differ" in same_patient(replace(other, path=Path("/d/z/FLAIR.nii")), one).why


def test_a_session_alone_is_not_whose_scan_it_is():
    one, other = scan("/d/ses-01/P14_flair.nii"), scan("/d/ses-01/P15_t1.nii")
    assert not belongs(other, one) and "p15, not p14" in mismatch(other, one)
    assert belongs(scan("/d/ses-01/P14_t1.nii"), one)
    assert "another folder" in mismatch(scan("/d/P15/ses-01/flair.nii"), scan("/d/P14/ses-01/flair.nii"))
