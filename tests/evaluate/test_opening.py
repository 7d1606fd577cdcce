"""What is opened for one person, and which mask beside a scan is offered: by names and contents."""

import os

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.opening.beside import masks_beside, may_be_mask
from napari_uncertainseg.evaluate.opening.one_person import scans_of_person
from napari_uncertainseg.images.files import read_volume, write_volume
from napari_uncertainseg.images.volume import Grid

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


@pytest.fixture
def grid():
    return Grid.from_file((12, 10, 8), AFFINE)


@pytest.fixture
def put(grid):
    """Write a scan or a mask; gives the path."""
    rng = np.random.default_rng(0)

    def write(path, mask=False, filled=0.02):
        path.parent.mkdir(parents=True, exist_ok=True)
        data = rng.random(grid.shape).astype(np.float32)
        return write_volume(path, (data < filled).astype(np.uint8) if mask else data, grid)

    return write


@pytest.mark.parametrize(
    ("mask", "scan", "offered"),
    [
        ("P1_T1_MASK", "P1_FLAIR", True),
        ("P2_T1_MASK", "P1_FLAIR", False),
        ("consensus_gt", "FLAIR", True),
        ("07_lesion", "07_FLAIR", True),
        ("08_lesion", "07_FLAIR", False),
        ("07_lesion", "7_flair", True),
        ("lesions_gt", "FLAIR", True),
        ("lesions", "flair", True),
        ("rater2", "flair", True),
        ("seg", "flair", True),
        ("brainmask", "flair", False),
        ("brain_mask", "flair", False),
        ("coreg_brainmask", "study1_FLAIR", False),
        ("ventricle_seg", "flair", False),
        ("T1_masked", "flair", False),
        ("lesion_probability", "flair", False),
        ("segovia", "flair", False),
        ("target", "flair", False),
    ],
)
def test_names_of_masks(tmp_path, mask, scan, offered):
    """`gt` in `target`, or `seg` in `segovia`, is no whole word."""
    assert may_be_mask(tmp_path / f"{mask}.nii.gz", tmp_path / f"{scan}.nii.gz") is offered


def test_the_likeliest_reference_comes_first_and_scans_are_none(put, tmp_path, grid):
    scan = put(tmp_path / "FLAIR.nii.gz")
    for name in ("rater1", "mask", "lesion", "consensus_gt"):
        put(tmp_path / f"{name}.nii.gz", mask=True)
    put(tmp_path / "T1.nii.gz")
    put(tmp_path / "T2_seg.nii.gz")  # named like a mask, and a scan
    found = masks_beside(scan, read_volume(scan).grid)
    assert [mask.name for mask in found] == ["consensus_gt", "lesion", "mask", "rater1"]
    assert all(mask.grid.same_as(read_volume(scan).grid) for mask in found)


def test_a_brain_is_no_lesion_whatever_it_is_called(put, tmp_path):
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    grid = Grid.from_file((40, 40, 40), affine)
    rng = np.random.default_rng(1)
    scan = write_volume(tmp_path / "FLAIR.nii.gz", rng.random(grid.shape).astype(np.float32), grid)
    brain = np.zeros(grid.shape, np.uint8)
    brain[10:32, 10:32, 10:32] = 1  # 681 ml
    write_volume(tmp_path / "mask.nii.gz", brain, grid)
    assert masks_beside(scan, read_volume(scan).grid) == []
    lesion = np.zeros(grid.shape, np.uint8)
    lesion[10:12, 10:12, 10:12] = 1
    write_volume(tmp_path / "mask.nii.gz", lesion, grid)
    assert len(masks_beside(scan, read_volume(scan).grid)) == 1


@pytest.mark.posix
def test_odd_folders_are_passed_over(put, tmp_path):
    """Links in a circle, a pipe, a folder called so, what cannot be read, another grid, hundreds of files."""
    scan = put(tmp_path / "FLAIR.nii.gz")
    grid = read_volume(scan).grid
    (tmp_path / "mask.nii.gz").symlink_to(tmp_path / "mask.nii.gz")
    (tmp_path / "gone_gt.nii.gz").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "lesion.nii.gz")
    (tmp_path / "gt.nii.gz").mkdir()
    (tmp_path / "seg.nii.gz").write_bytes(b"no image")
    (tmp_path / "lesions.nii").write_bytes(b"")
    other = Grid.from_file((6, 5, 4), AFFINE)
    write_volume(tmp_path / "a_mask.nii.gz", np.ones(other.shape, np.uint8), other)
    for number in range(300):
        (tmp_path / f"note{number}.txt").write_text("x")
    assert masks_beside(scan, grid) == []
    assert masks_beside(tmp_path / "nowhere" / "FLAIR.nii.gz", grid) == []
    put(tmp_path / "z_lesion.nii.gz", mask=True)
    assert [mask.name for mask in masks_beside(scan, grid)] == ["z_lesion"]


@pytest.mark.parametrize(
    ("folder", "scan", "expected"),
    [
        ("3d-mr-ms/patient07", "FLAIR", ["lesions"]),
        ("ms3seg/101228", "flair", ["lesion"]),
        ("mslesseg/P14_visit1", "flair", ["lesions"]),
        ("3d-mr-ms-longitudinal/patient19", "study1_FLAIR", None),
    ],
)
def test_real_folders(shared_data, folder, scan, expected):
    path = shared_data / folder / f"{scan}.nii.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    found = [mask.name for mask in masks_beside(path, read_volume(path).grid)]
    if expected is None:  # a mask of what is new, in a space of its own, and a brain
        assert "coreg_brainmask" not in found
    else:
        assert found == expected


def test_of_a_folder_the_scans_are_opened_the_flair_first(put, tmp_path):
    for name in ("T1", "flair", "T2"):
        put(tmp_path / f"{name}.nii.gz")
    put(tmp_path / "flair_mask.nii.gz", mask=True)
    assert [path.name for path in scans_of_person([tmp_path])] == ["flair.nii.gz", "T1.nii.gz", "T2.nii.gz"]


def test_files_come_with_the_flair_first(put, tmp_path):
    t1, flair = put(tmp_path / "T1.nii.gz"), put(tmp_path / "FLAIR.nii.gz")
    assert scans_of_person([t1, flair, t1]) == [flair, t1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda put, at: [put(at / "P1_FLAIR.nii.gz"), put(at / "P2_T1.nii.gz")], "of another patient"),
        (lambda put, at: [[put(at / each / "flair.nii.gz") for each in "ab"][-1].parents[1]], "of 2 visits"),
        (lambda put, at: [put(at / "scan.nii.gz").parent], "called FLAIR"),
        (lambda put, at: [at / "nowhere"], "no such file or folder"),
        (lambda put, at: [at], "called FLAIR"),
    ],
)  # fmt: skip
def test_what_is_not_one_person_is_refused_in_a_sentence(put, tmp_path, make, words):
    with pytest.raises(InputError, match=words):
        scans_of_person(make(put, tmp_path))
