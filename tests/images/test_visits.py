"""Other visits: whose they are, what they are called, which lie beside, how they are laid over this one."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_uncertainseg.images.belonging import SamePatient, ScanOrigin, same_patient
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.preparation.earlier_visit import align_visit
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.visits import name_of_visit, visits_beside
from napari_uncertainseg.images.volume import Grid, Volume


def origin(path: str = "", **uids: str) -> ScanOrigin:
    return ScanOrigin(Path(path).name, Path(path) if path else None, uids)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/d/P14_visit1/flair.nii.gz", "/d/P14_visit2/flair.nii.gz", True),
        ("/d/P14_visit1/flair.nii.gz", "/d/P15_visit1/flair.nii.gz", False),
        ("/b/sub-01/ses-1/anat/x_FLAIR.nii", "/b/sub-01/ses-2/anat/x_FLAIR.nii", True),
        ("/b/sub-01/ses-1/anat/x_FLAIR.nii", "/b/sub-02/ses-1/anat/x_FLAIR.nii", False),
        ("/b/sub-01/ses-1/anat/x_FLAIR.nii", "/c/sub-01/ses-2/anat/x_FLAIR.nii", None),
        ("/d/patient 7/2020/flair.nii", "/d/patient 7/2021/flair.nii", True),
        ("/d/patient 7/2020/flair.nii", "/d/patient 8/2021/flair.nii", False),
        ("/d/flat/ms012_FLAIR.nii", "/d/flat/ms013_FLAIR.nii", False),
        ("/d/old/flair.nii", "/d/new/flair.nii", None),
        ("/d/old/P14_flair.nii", "/d/new/P14_flair.nii", True),
        ("/d/patient19/study2_FLAIR.nii", "/d/patient19/study1_FLAIR.nii", True),
        ("/d/P14_v1/flair.nii", "/d/P14_v2/flair.nii", True),
        ("/d/ses-01/P14_flair.nii", "/d/ses-02/P15_flair.nii", False),
        ("/d/ses-01/P14_flair.nii", "/d/ses-02/P14_flair.nii", True),
        ("/d/ANNA/m06_flair.nii", "/d/BERTA/m06_flair.nii", None),
        ("/d/site2_anna_flair.nii", "/d/site2_berta_flair.nii", None),
        ("/d/anna_x2_flair.nii", "/d/berta_x2_flair.nii", None),
        ("/d/site1_anna/flair.nii", "/d/site1_berta/flair.nii", None),
    ],
)
def test_whose_another_visit_is(one, other, same):
    for a, b in ((origin(one), origin(other)), (origin(other), origin(one))):
        found = same_patient(a, b)
        assert found.known is same
        assert bool(found.why) or same is not False
        assert not found.why or same is not True


def test_dicom_identifiers_say_more_than_names():
    names = "/d/p1_visit1/flair", "/d/p2_visit2/flair"
    ids = [{"patient": "A", "study": "1"}, {"patient": "A", "study": "2"}, {"patient": "B", "study": "1"}]
    assert same_patient(origin(names[0], **ids[0]), origin(names[1], **ids[1])) == SamePatient(True)
    found = same_patient(origin(names[0], **ids[0]), origin(names[0], **ids[2]))
    assert found.known is False and "patient IDs differ" in found.why


def test_a_folder_of_a_visit_with_many_patients_offers_the_own_one_alone(tmp_path):
    for visit, names in (("ses-01", ("P13", "P14", "P15")), ("ses-02", ("P14",))):
        (tmp_path / visit).mkdir()
        for name in names:
            (tmp_path / visit / f"{name}_flair.nii.gz").touch()
    found = visits_beside(tmp_path / "ses-02" / "P14_flair.nii.gz", "flair")
    assert [visit.path.name for visit in found] == ["P14_flair.nii.gz"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/d/P14_visit02/flair.nii.gz", "visit 2"),
        ("/d/p1/2026-03-01/flair.nii.gz", "visit 2026-03-01"),
        ("/d/p1/flair_20260301.nii.gz", "visit 2026-03-01"),
        ("/d/p1/flair_20261301.nii.gz", "p1"),
        ("/backup_2024-01-01/p1/visit3/flair.nii.gz", "visit 3"),
        ("/b/sub-01/ses-20260301/anat/sub-01_ses-20260301_FLAIR.nii", "visit 2026-03-01"),
        ("/b/sub-01/ses-followup/anat/x_FLAIR.nii", "session followup"),
    ],
)
def test_what_a_visit_is_called(path, words):
    assert name_of_visit(Path(path)).words == words


def test_which_visit_is_earlier():
    first, second, third = (name_of_visit(Path(f"/d/P1_visit{n}/flair.nii")) for n in (1, 2, 10))
    assert first.against(second) == "earlier" and third.against(second) == "later"
    dated = name_of_visit(None, "flair", "20260301")
    assert dated.words == "visit 2026-03-01" and dated.against(first) == "other visit"


def test_visits_of_the_patient_beside_a_scan_the_last_one_first(tmp_path):
    for name in ("P1_visit1", "P1_visit2", "P1_visit3", "P1_visit10", "P2_visit2", "notes"):
        (tmp_path / name).mkdir()
        for file in ("flair_mask.nii.gz", "flair.nii.gz", "t1.nii.gz"):
            (tmp_path / name / file).touch()
    (tmp_path / "P1_visit1" / "anat").mkdir()
    (tmp_path / "P1_visit1" / "flair.nii.gz").rename(tmp_path / "P1_visit1" / "anat" / "flair.nii.gz")
    found = visits_beside(tmp_path / "P1_visit3" / "flair.nii.gz", "flair")
    assert [(v.name.words, v.when) for v in found] == [
        ("visit 2", "earlier"),
        ("visit 1", "earlier"),
        ("visit 10", "later"),
    ]
    assert found[1].path == tmp_path / "P1_visit1" / "anat" / "flair.nii.gz"
    assert visits_beside(tmp_path / "gone" / "x" / "flair.nii.gz", "flair") == []


def test_the_visits_of_p14_are_found(shared_data):
    own = shared_data / "mslesseg" / "P14_visit2" / "flair.nii.gz"
    found = [(v.path.parent.name, v.when) for v in visits_beside(own, "flair")]
    assert found == [("P14_visit1", "earlier"), ("P14_visit3", "later")]


# -- laid over this visit -------------------------------------------------------------------------


def head_on(grid: Grid, transform: np.ndarray) -> Volume:
    """A head of ellipsoids and blobs, moved by a transform in the patient, sampled on a grid."""
    rng = np.random.default_rng(4)
    places = (
        np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1) @ grid.affine[:3, :3].T
    )
    places = (places + grid.affine[:3, 3] - transform[:3, 3]) @ np.linalg.inv(transform[:3, :3]).T
    data = 50.0 * ((places / (60, 75, 55)) ** 2).sum(axis=-1).__lt__(1)
    data += 40.0 * (((places - (5, 10, 0)) / (25, 35, 20)) ** 2).sum(axis=-1).__lt__(1)
    for centre in rng.uniform(-35, 35, (25, 3)):
        data += rng.uniform(20, 60) * np.exp(-((places - centre) ** 2).sum(axis=-1) / 2 / 5**2)
    noisy = gaussian_filter(data, 0.6) + rng.normal(0, 1, grid.shape)
    return Volume(noisy.astype(np.float32), grid, "flair", "flair")


def grid_around(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> Grid:
    affine = np.zeros((4, 4))
    affine[[2, 1, 0], [0, 1, 2]] = spacing
    affine[3, 3] = 1
    affine[:3, 3] = -(affine[:3, :3] @ (np.array(shape) - 1)) / 2
    return Grid(shape, affine)


def test_a_head_that_lay_otherwise_is_laid_over_this_one():
    angle = np.deg2rad(6)
    moved = np.eye(4)
    moved[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    moved[:3, 3] = 5, -4, 6
    fixed = head_on(grid_around((3, 2, 2), (44, 86, 70)), np.eye(4))
    moving = head_on(grid_around((2.5, 2.2, 2.2), (56, 80, 66)), moved)
    found = align_visit(moving, fixed)
    by_header = resample_to(moving, fixed.grid)
    inside = fixed.data > 25
    error = [float(np.abs(x - fixed.data)[inside].mean()) for x in (by_header, found.data)]
    assert error[1] < 0.4 * error[0]
    assert found.turned_degrees == pytest.approx(6, abs=0.3)
    assert found.moved_mm == pytest.approx(np.linalg.norm((5, -4, 6)), abs=1.5)
    assert "registered" in found.how and not found.doubt
    again = align_visit(moving, fixed)
    np.testing.assert_allclose(
        again.data, found.data, atol=1e-3
    )  # voxels are drawn for it, the same each time


def test_scans_on_one_grid_that_show_one_head_stay_as_they_are():
    fixed = head_on(grid_around((3, 2, 2), (44, 86, 70)), np.eye(4))
    same = Volume(fixed.data * 2 + 1, fixed.grid, "before", "flair")
    found = align_visit(same, fixed)
    assert found.data is same.data and found.moved_mm == 0 and not found.doubt


def test_what_has_nothing_in_common_is_said():
    grid = grid_around((3, 2, 2), (44, 86, 70))
    noise = Volume(np.random.default_rng(1).random(grid.shape).astype(np.float32), grid, "noise", "flair")
    assert "little in common" in align_visit(noise, head_on(grid, np.eye(4))).doubt


def test_p14_moved_by_a_known_amount_comes_back(shared_data):
    scans = [read_volume(shared_data / "mslesseg" / f"P14_visit{n}" / "flair.nii.gz") for n in (1, 2)]
    angle = np.deg2rad(4)
    moved = np.eye(4)
    moved[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    moved[:3, 3] = 3, 5, -4
    grid = Grid(scans[0].grid.shape, moved @ scans[0].grid.affine)  # the header says that it lay otherwise
    moved_scan = Volume(scans[0].data, grid, "visit 1", "flair")
    itself = align_visit(moved_scan, scans[0])
    assert itself.turned_degrees == pytest.approx(4, abs=0.2) and not itself.doubt
    # The data set has its two visits about one degree apart: that much is found besides.
    found = align_visit(moved_scan, scans[1])
    assert found.turned_degrees == pytest.approx(4, abs=1.5) and not found.doubt
    brain = (scans[0].data > 0) & (scans[1].data > 0)
    shown = resample_to(moved_scan, scans[1].grid), scans[0].data, found.data
    alike = [float(np.corrcoef(x[brain], scans[1].data[brain])[0, 1]) for x in shown]
    assert alike[0] < alike[1] - 0.1 and alike[2] > alike[1] - 0.01
