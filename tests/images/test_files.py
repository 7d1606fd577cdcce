"""Files in and out, and files broken on purpose."""

from __future__ import annotations

import errno
import gzip
import itertools
import os
import tracemalloc

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg import InputError
from napari_uncertainseg.disk import replaced_file
from napari_uncertainseg.images.files import read_labels, read_volume, write_volume
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.modalities import guess_modality

ORIENTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def oriented(order, signs, tilt=0.0, sizes=(0.7, 1.1, 4.0)):
    linear = np.zeros((3, 3))
    for file_axis, (ras, sign) in enumerate(zip(order, signs, strict=True)):
        linear[ras, file_axis] = sign * sizes[file_axis]
    c, s = np.cos(tilt), np.sin(tilt)
    affine = np.eye(4)
    affine[:3, :3] = (
        np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ linear
    )
    affine[:3, 3] = (0.0, -33.3, 1e-7)
    return affine.astype(np.float32).astype(float)


@pytest.mark.parametrize("tilt", [0.0, 0.3])
@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_round_trip_is_exact_in_every_orientation(tmp_path, scan_array, order, signs, tilt):
    affine = oriented(order, signs, tilt)
    nib.save(nib.Nifti1Image(scan_array, affine), tmp_path / "in.nii")
    volume = read_volume(tmp_path / "in.nii")
    assert np.argmax(np.abs(volume.grid.affine[:3, :3]), axis=0).tolist() == [2, 1, 0]
    assert (np.diag(volume.grid.affine[:3, :3][::-1]) > 0).all()
    out = nib.load(write_volume(tmp_path / "out.nii.gz", volume.data, volume.grid))
    assert np.array_equal(np.asanyarray(out.dataobj), scan_array)
    assert np.array_equal(out.affine, affine)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 47), st.integers(0, 11), st.integers(0, 13), st.integers(0, 15))
def test_a_voxel_keeps_its_place_in_the_patient(which, i, j, k):
    affine = oriented(*ORIENTATIONS[which], tilt=0.2)
    array = np.zeros((12, 14, 16))
    array[i, j, k] = 1
    grid = Grid.from_file(array.shape, affine)
    s, a, r = np.argwhere(grid.to_canonical(array))[0]
    assert np.allclose(grid.affine @ (s, a, r, 1), affine @ (i, j, k, 1), atol=1e-9)


def test_a_grid_without_a_file_is_written_and_read_back(tmp_path):
    affine = np.array([[0, 0, 1.0, -5], [0, 1.5, 0, 7], [2, 0, 0, 3], [0, 0, 0, 1]])
    grid = Grid((4, 5, 6), affine)
    data = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    back = read_volume(write_volume(tmp_path / "x.nii.gz", data, grid))
    assert np.array_equal(back.data, data)
    assert back.grid.same_as(grid)


def test_a_file_named_from_its_own_folder_is_known_by_its_whole_path(tmp_path, monkeypatch, scan_array):
    """Whose it is stands in the folder's name, and it is looked for there again from elsewhere."""
    folder = tmp_path / "anna"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_volume("FLAIR.nii.gz", scan_array, Grid(scan_array.shape, np.eye(4)))
    write_volume("mask.nii.gz", scan_array > 100, Grid(scan_array.shape, np.eye(4)), dtype=np.uint8)
    scan, mask = read_volume("FLAIR.nii.gz"), read_labels("mask.nii.gz")
    assert scan.path == folder / "FLAIR.nii.gz" and mask.path == folder / "mask.nii.gz"
    assert case_name(scan.path, scan.name) == "anna/FLAIR"


def test_scale_factors_are_applied(tmp_path):
    raw = np.random.default_rng(0).integers(0, 1000, (8, 8, 8)).astype(np.int16)
    image = nib.Nifti1Image(raw, np.eye(4))
    image.header.set_slope_inter(0.25, -3)
    nib.save(image, tmp_path / "s.nii")
    stored = nib.load(tmp_path / "s.nii")
    volume = read_volume(tmp_path / "s.nii")
    assert volume.data.dtype == np.float32
    assert np.allclose(volume.data, stored.get_fdata().transpose(2, 1, 0))
    assert volume.data.min() >= -3


def test_scale_factors_that_overflow_are_refused(tmp_path):
    image = nib.Nifti1Image(np.arange(512, dtype=np.int16).reshape(8, 8, 8) + 1000, np.eye(4))
    path = tmp_path / "s.nii"
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[112:116] = np.float32(3e38).tobytes()  # scl_slope
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"s\.nii.*scale factors"):
        read_volume(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.random.default_rng(0).normal(size=(20, 20)), "two-dimensional"),
        (np.random.default_rng(0).normal(size=(20, 20, 1)), "two-dimensional"),
        (
            np.random.default_rng(0).normal(size=(8, 8, 8, 3)),
            "holds 3 volumes; choose one, 0 to 2",
        ),
        (np.full((8, 8, 8), np.nan), "no voxel holds a finite number"),
        (np.zeros((8, 8, 8)), "every voxel has the value 0"),
        (np.pad(np.ones((4, 4, 4)), 2), "label image"),
    ],
)
def test_what_is_no_scan_is_refused(save, array, message):
    path = save(array)
    with pytest.raises(InputError, match=f"{path.name}.*{message}"):
        read_volume(path)


def test_a_volume_of_a_4d_file_is_chosen(save):
    data = np.random.default_rng(0).normal(size=(8, 9, 10, 3)).astype(np.float32)
    path = save(data)
    assert np.array_equal(read_volume(path, index=2).data, data[..., 2].transpose(2, 1, 0))
    with pytest.raises(InputError, match="no volume 3"):
        read_volume(path, index=3)


def test_colour_is_refused(tmp_path):
    rgb = np.zeros((8, 8, 8), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(rgb, np.eye(4)), tmp_path / "c.nii")
    with pytest.raises(InputError, match="colour"):
        read_volume(tmp_path / "c.nii")


def test_colour_and_vectors_in_nrrd_are_refused(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((8, 8, 8, 3), np.uint8), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "c.nrrd"))
    with pytest.raises(InputError, match=r"c\.nrrd.*several values"):
        read_volume(tmp_path / "c.nrrd")


def test_an_image_without_voxels_is_refused(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_shape((8, 0, 8))
    header["magic"], header["vox_offset"] = b"n+1", 352
    (tmp_path / "e.nii").write_bytes(header.binaryblock + b"\0" * 100)
    with pytest.raises(InputError, match=r"e\.nii.*empty"):
        read_volume(tmp_path / "e.nii")


def test_some_voxels_that_are_not_finite_become_zero_with_a_note(save, scan_array):
    scan_array[3, 4, 5], scan_array[0, 0, 0] = np.nan, np.inf
    volume = read_volume(save(scan_array))
    assert volume.data[5, 4, 3] == 0
    assert np.isfinite(volume.data).all()
    assert volume.notes == ("scan.nii.gz: 2 voxels were not finite numbers and count as 0.",)


def test_missing_truncated_and_false_files_are_refused(tmp_path, save, scan_array):
    with pytest.raises(InputError, match="no such file"):
        read_volume(tmp_path / "nothing.nii.gz")
    path = save(scan_array)
    whole = path.read_bytes()
    for size in (len(whole) // 2, 200, 0):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"scan\.nii\.gz"):
            read_volume(path)
    path.write_bytes(b"no gzip at all" * 100)
    with pytest.raises(InputError, match=r"scan\.nii\.gz"):
        read_volume(path)
    plain = save(scan_array, "plain.nii")
    plain.write_bytes(plain.read_bytes()[:2000])
    with pytest.raises(InputError, match="cut off"):
        read_volume(plain)
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(InputError, match="unknown kind"):
        read_volume(tmp_path / "a.png")


@pytest.mark.parametrize(("size", "message"), [(1000, "cut off"), (2000, "too many")])
def test_an_absurd_size_is_refused_before_memory_is_taken(tmp_path, size, message):
    header = nib.Nifti1Header()
    header.set_data_shape((size, size, size))
    header["magic"], header["vox_offset"] = b"n+1", 352
    path = tmp_path / "huge.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * 100))
    with pytest.raises(InputError, match=message):
        read_volume(path)


@pytest.mark.parametrize(
    "diagonal", [(0, 1, 1, 1), (np.nan, 1, 1, 1), (1e-7, 1, 1, 1), (1e-3, 1e-3, 1e-3, 1), (900, 900, 900, 1)]
)
def test_a_voxel_size_that_cannot_be_is_refused(tmp_path, scan_array, diagonal):
    image = nib.Nifti1Image(scan_array, np.eye(4))
    path = tmp_path / "scan.nii"
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    affine = np.diag(np.array(diagonal, np.float32))
    raw[280:328] = affine[:3].tobytes()  # srow_x, srow_y, srow_z
    path.write_bytes(raw)
    with pytest.raises(InputError, match="voxel size"):
        read_volume(path)


@pytest.mark.parametrize("qform", [False, True])
@pytest.mark.parametrize("size", [0.0, np.nan])
def test_a_missing_voxel_size_is_not_filled_in(tmp_path, scan_array, size, qform, capfd):
    """nibabel would take 1 mm, and print that it did."""
    image = nib.Nifti1Image(scan_array, np.diag([2.0, 2, 2, 1]))
    image.set_sform(None, 0)
    image.set_qform(np.diag([2.0, 2, 2, 1]) if qform else None, int(qform))
    path = tmp_path / "scan.nii.gz"
    raw = bytearray(image.to_bytes())
    raw[80:84] = np.float32(size).tobytes()  # pixdim[1]
    path.write_bytes(gzip.compress(raw))
    with pytest.raises(InputError, match=r"scan\.nii\.gz.*voxel size"):
        read_volume(path)
    assert capfd.readouterr().err == ""


def test_a_header_without_orientation_is_read_with_a_note(tmp_path, scan_array):
    image = nib.Nifti1Image(scan_array, np.diag([2.0, 2, 2, 1]))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "scan.nii")
    volume = read_volume(tmp_path / "scan.nii")
    assert volume.grid.spacing == (2, 2, 2)
    assert "left and right" in volume.notes[0]


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_a_scan_is_never_a_float64_copy(tmp_path, dtype):
    """512^3 voxels as float64 are a gigabyte; here 64^3, and what is allocated is counted."""
    data = np.random.default_rng(0).integers(1, 200, (64, 64, 64)).astype(dtype)
    image = nib.Nifti1Image(data, np.eye(4))
    if dtype != np.float32:
        image.header.set_slope_inter(0.5, 3)
    nib.save(image, tmp_path / "scan.nii")
    read_volume(tmp_path / "scan.nii")  # imports
    tracemalloc.start()
    volume = read_volume(tmp_path / "scan.nii")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert volume.data.dtype == np.float32
    # what the file holds, the scan, one copy of it and a mask
    assert peak < 3.5 * volume.data.nbytes


def test_the_sform_wins_and_a_note_says_so(tmp_path, scan_array):
    image = nib.Nifti1Image(scan_array, np.eye(4))
    shifted = np.eye(4)
    shifted[0, 3] = 12
    image.set_sform(np.eye(4), 1)
    image.set_qform(shifted, 1)
    nib.save(image, tmp_path / "s.nii")
    volume = read_volume(tmp_path / "s.nii")
    assert volume.grid.affine[0, 3] == 0
    assert "12.0 mm" in volume.notes[0]


def test_labels_are_read_and_must_lie_on_the_grid(tmp_path, save, scan_array):
    grid = read_volume(save(scan_array)).grid
    mask = (scan_array > 130).astype(np.float64)
    assert read_labels(save(mask, "mask.nii.gz"), grid).data.dtype == np.uint8
    flipped = nib.as_closest_canonical(nib.Nifti1Image(mask, np.eye(4))).as_reoriented(
        [[0, -1], [2, 1], [1, 1]]
    )
    nib.save(flipped, tmp_path / "flipped.nii.gz")
    assert np.array_equal(read_labels(tmp_path / "flipped.nii.gz", grid).data, mask.transpose(2, 1, 0))
    with pytest.raises(InputError, match="do not lie on the scan's grid"):
        read_labels(save(mask[1:], "short.nii.gz"), grid)
    with pytest.raises(InputError, match="not whole numbers"):
        read_labels(save(scan_array, "scan2.nii.gz"))
    with pytest.raises(InputError, match="looks like a scan"):
        read_labels(save(np.rint(scan_array), "scan3.nii.gz"))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, scan_array):
    grid = Grid(scan_array.shape, np.eye(4)[:, [2, 1, 0, 3]])
    path = write_volume(tmp_path / "m.nii.gz", scan_array, grid)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(replaced_file.os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_volume(path, scan_array * 2, grid)
    monkeypatch.setattr(replaced_file.os, "fsync", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_volume(path, scan_array * 2, grid)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.nii.gz"]


def test_where_nothing_can_be_written(tmp_path, scan_array):
    grid = Grid(scan_array.shape, np.eye(4)[:, [2, 1, 0, 3]])
    with pytest.raises(InputError, match="cannot be written"):
        write_volume(tmp_path / "no" / "m.nii.gz", scan_array, grid)
    with pytest.raises(InputError, match=r"\.nii\.gz"):
        write_volume(tmp_path / "m.png", scan_array, grid)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub-01_FLAIR", "flair"), ("t2_space_dark-fluid_sag", "flair"), ("T2FLAIR", "flair"),
        ("t2_tirm_tra", "flair"),
        ("study1_T1W", "t1"), ("t1_mprage_sag", "t1"), ("MPRAGE", "t1"), ("T1", "t1"), ("study1_T2W", "t2"),
        ("T1POST", None), ("t1ce", None), ("t2_star", None), ("T1KS", None), ("lesions", None), ("t10", None),
    ],
)  # fmt: skip
def test_modalities_are_guessed(name, expected):
    assert guess_modality(name) == expected


def test_a_description_helps_where_the_name_does_not():
    assert guess_modality("IM0001", "AX FLAIR") == "flair"


def test_nrrd_without_spacing_is_refused(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(
        b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n\n" + b"a" * 64
    )
    with pytest.raises(InputError, match="no voxel spacing"):
        read_volume(tmp_path / "a.nrrd")


def test_real_samples_read(shared_data):
    folder = shared_data / "reader-samples"
    nrrd, nifti = (
        read_volume(folder / "stroke_FLAIR.nrrd"),
        read_volume(shared_data / "stroke-flair/FLAIR.nii.gz"),
    )
    assert np.array_equal(nrrd.data, nifti.data)
    assert nrrd.grid.same_as(nifti.grid, tolerance=1e-2)
    assert read_volume(folder / "wm.mgz").grid.shape == (256, 256, 256)
    assert set(np.unique(read_labels(folder / "brain1_label.nrrd").data)) == {0, 1}


def test_a_dicom_series_reads_as_a_folder_and_by_one_file(shared_data):
    folder = shared_data / "reader-samples" / "dicom-mr-t1"
    volume = read_volume(folder)
    assert volume.data.shape[0] == 35
    assert volume.modality == "t1"
    assert np.array_equal(read_volume(folder / "000007.dcm").data, volume.data)
    one = sitk.ReadImage(str(folder / "000000.dcm"))
    lps = np.array(one.TransformIndexToPhysicalPoint((0, 0, 0)))
    value = float(sitk.GetArrayFromImage(one)[0, 0, 0])
    where = np.linalg.solve(volume.grid.affine, np.append(lps * (-1, -1, 1), 1))[:3]
    assert np.allclose(where, np.rint(where), atol=1e-3)
    assert volume.data[tuple(np.rint(where).astype(int))] == value


@pytest.mark.posix
def test_a_missing_dicom_slice_is_noticed(shared_data, tmp_path):
    for file in (shared_data / "reader-samples" / "dicom-mr-t1").glob("0*.dcm"):
        if file.name != "000010.dcm":
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(InputError, match="not evenly spaced"):
        read_volume(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (np.diag([-1.0, 1, 1, 1]), r"runs left to right the other way .* may be mirrored"),
        (np.diag([1.0, -1, 1, 1]), r"runs front to back the other way"),
        (
            np.diag([-1.0, 1, -1, 1]),
            r"runs left to right and head to foot the other way|head to foot and left",
        ),
        (np.array([[1.0, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), r"shifted by 2\.0 mm"),
        (np.diag([1.0, 1, 2, 1]), r"voxels of 2\.00 x 1\.00 x 1\.00 mm, the scan has .*resample"),
    ],
)
def test_it_says_what_differs_between_a_mask_and_the_scan(save, scan_array, change, said):
    scan = read_volume(save(scan_array))
    mask = save((scan_array > 130).astype(np.uint8), "mask.nii.gz", change)
    with pytest.raises(InputError, match=said) as caught:
        read_labels(mask, scan.grid)
    assert ("resample" in str(caught.value)) != ("mirrored" in str(caught.value))


@pytest.mark.parametrize(
    ("name", "role", "said"),
    [
        ("sub_T1w", "flair", "says T1"),
        ("FLAIR", "t1", "says FLAIR"),
        ("FLAIR", "flair", ""),
        ("scan", "t1", ""),
    ],
)
def test_a_scan_given_as_another_kind_is_noted(tmp_path, name, role, said):
    data = np.random.default_rng(0).normal(100, 10, (6, 7, 8)).astype(np.float32)
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / f"{name}.nii")
    notes = [n for n in read_volume(tmp_path / f"{name}.nii", modality=role).notes if "was given as" in n]
    assert len(notes) == bool(said) and all(said in note for note in notes)
