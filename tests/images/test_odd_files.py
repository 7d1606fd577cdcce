"""Whatever a user types or drops is read, or refused with one sentence; nothing waits, no process ends."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from nibabel.freesurfer import MGHImage

from napari_uncertainseg import InputError
from napari_uncertainseg.images.files import read_image, read_volume

from .dicom_series import make_series

AFFINE = np.array([[-0.7, 0, 0, 10], [0, 1.1, 0.1, 9], [0, -0.1, 4, -70], [0, 0, 0, 1.0]])
NAMES = {
    "latin-1": os.fsdecode(b"caf\xe9"),
    "newline": "a\nb",
    "percent": "50%20off %s",
    "hash": "a#b?c",
    "spaces": "  two  words ",
    "emoji": "kopf \U0001f9e0",
    "long": "l" * 200,
    "dash": "-o",
}


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(100, 20, (6, 7, 8)).astype(np.float32)


def write(path: Path, array: np.ndarray) -> Path:
    if path.name.endswith(".nrrd"):
        image = sitk.GetImageFromArray(array.T)
        image.SetSpacing((1.5, 1.5, 3.9))
        sitk.WriteImage(image, str(path.with_name("plain.nrrd")), True)
        path.with_name("plain.nrrd").rename(path)
    else:
        nib.save((MGHImage if path.name.endswith(".mgz") else nib.Nifti1Image)(array, AFFINE), path)
    return path


def sentence(path) -> str:
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert str(caught.value).strip()
    return str(caught.value)


# -- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mgz", ".nrrd"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_have_any_name(tmp_path, array, name, suffix):
    path = write(tmp_path / f"x{suffix}", array).rename(tmp_path / f"{NAMES[name]}{suffix}")
    found = read_volume(path)
    assert np.array_equal(found.grid.to_file(found.data)[0], array)


def test_bytes_that_are_no_text_do_not_end_the_process(tmp_path, array):
    """In a process of its own: SimpleITK ends it when it is given such a name (exit status 134)."""
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    series = make_series(odd / "series", "axial")
    next(series.iterdir()).rename(series / os.fsdecode(b"\xe9.dcm"))
    nrrd = write(tmp_path / "a.nrrd", array).rename(odd / "a.nrrd")
    script = "import os, sys; from napari_uncertainseg import read_volume\n" + (
        "for name in sys.argv[1:]: print(read_volume(name).data.shape)"
    )
    done = subprocess.run([sys.executable, "-c", script, series, nrrd], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split("\n")) == (0, ["(7, 12, 10)", "(8, 7, 6)", ""]), done.stderr


@pytest.mark.parametrize("name", ["FLAIR.Nii", "FLAIR.NII.GZ", "FLAIR.nii.Gz", "FLAIR.MgZ", "FLAIR.NRRD"])
def test_suffixes_may_be_written_in_any_way(tmp_path, array, name):
    path = write(tmp_path / f"x{name[5:].lower()}", array).rename(tmp_path / name)
    found = read_volume(path)
    assert np.array_equal(found.grid.to_file(found.data)[0], array)
    assert (found.name, found.modality) == ("FLAIR", "flair")


@pytest.mark.posix
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".nhdr", ".mgz", ".dcm", ""])
def test_what_is_no_file_is_refused_at_once(tmp_path, suffix, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may have 103 characters on macOS
    folder, pipe, empty, broken, end = (tmp_path / f"{kind}{suffix}" for kind in ("d", "p", "e", "b", "s"))
    folder.mkdir()
    os.mkfifo(pipe)
    empty.touch()
    broken.symlink_to(tmp_path / "gone")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(end.name)
        assert "socket" in sentence(end)
    assert "no DICOM image series" in sentence(folder)
    assert "pipe" in sentence(pipe)
    assert "empty (0 bytes)" in sentence(empty)
    assert "no such file" in sentence(broken)
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    assert "device" in sentence(tmp_path / f"zero{suffix}")
    assert "cannot be read" in sentence(tmp_path / ("n" * 300 + suffix))
    assert "no name that a file can have" in sentence(Path(f"a\0b{suffix}"))
    loop = tmp_path / f"loop{suffix}"
    loop.symlink_to(loop)
    assert "cannot be read" in sentence(loop)


@pytest.mark.posix
def test_a_pipe_among_the_files_of_a_series_is_passed_over(tmp_path):
    folder = make_series(tmp_path / "s", "axial")
    os.mkfifo(folder / "pipe.dcm")
    (folder / "gone.dcm").symlink_to("nowhere")
    (folder / "text.dcm").write_text("no DICOM")
    assert read_volume(folder).data.shape == (7, 12, 10)


# -- damage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mgz", "a.nrrd"])
def test_a_flipped_bit_in_a_packed_file_is_noticed(tmp_path, array, name):
    """Every bit of what is packed; those that mean nothing (the time, the system) may be read."""
    path = write(tmp_path / name, array)
    whole, good = path.read_bytes(), read_volume(path)
    start = whole.index(b"\x1f\x8b")
    refused = 0
    for k in [
        *range(start, start + 30),
        *range(start + 30, len(whole), 23),
        *range(len(whole) - 8, len(whole)),
    ]:
        for bit in (0, 3, 7):
            path.write_bytes(whole[:k] + bytes([whole[k] ^ 1 << bit]) + whole[k + 1 :])
            try:
                found = read_volume(path)
            except InputError as error:
                refused += "\n" not in str(error)
                continue
            assert k - start < 10
            assert np.array_equal(found.data, good.data)
    assert refused > 150


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mgz", "a.nrrd"])
def test_what_is_cut_or_followed_by_something_else(tmp_path, array, name):
    path = write(tmp_path / name, array)
    whole, good = path.read_bytes(), read_volume(path)
    for size in (1, 5, 30, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert name in sentence(path)
    path.write_bytes(whole + b"garbage")
    assert "damaged" in sentence(path)
    path.write_bytes(whole + b"\0" * 512)  # what tapes and some servers fill up with
    assert np.array_equal(read_volume(path).data, good.data)


def test_a_file_of_several_packed_parts_is_one_file(tmp_path, array):
    path = write(tmp_path / "a.nii", array)
    plain = path.read_bytes()
    parts = tmp_path / "parts.nii.gz"
    parts.write_bytes(gzip.compress(plain[:700]) + gzip.compress(plain[700:]))
    assert np.array_equal(read_volume(parts).data, read_volume(path).data)
    assert read_volume(parts).notes == ()
    parts.write_bytes(gzip.compress(plain) + gzip.compress(plain))
    (note,) = read_volume(parts).notes
    assert "bytes follow the voxels" in note


def edited(path: Path, edit) -> Path:
    """Change a NIfTI header as it is stored."""
    raw = bytearray(path.read_bytes())
    header = nib.Nifti1Header(bytes(raw[:348]), check=False)
    edit(header)
    path.write_bytes(header.binaryblock + raw[348:])
    return path


@pytest.mark.parametrize("offset", [0, 1, 100, 348, 351, -352, np.nan])
def test_a_header_is_not_read_as_voxels(tmp_path, array, offset):
    path = write(tmp_path / "a.nii", array)
    edited(path, lambda header: header.__setitem__("vox_offset", offset))
    assert "inside the header" in sentence(path)


@pytest.mark.parametrize("offset", [np.inf, 1e30, 1e7, 353, 400])
def test_voxels_that_should_begin_elsewhere(tmp_path, array, offset):
    path = write(tmp_path / "a.nii", array)
    edited(path, lambda header: header.__setitem__("vox_offset", offset))
    assert "a.nii" in sentence(path)


@pytest.mark.parametrize(
    ("unit", "word"), [(1, "metres"), (3, "micrometres"), (9, "metres"), (11, "micrometres")]
)
def test_other_units_are_refused(tmp_path, array, unit, word):
    path = write(tmp_path / "a.nii", array)
    edited(path, lambda header: header.__setitem__("xyzt_units", unit))
    assert f"sizes in {word}; a header in mm" in sentence(path)
    edited(path, lambda header: header.__setitem__("xyzt_units", 10))  # mm and seconds
    assert read_volume(path).notes == ()


def test_an_mgz_that_does_not_know_its_geometry_is_refused(tmp_path, array):
    raw = bytearray(gzip.decompress(write(tmp_path / "a.mgz", array).read_bytes()))
    raw[28:30] = b"\0\0"
    (tmp_path / "a.mgh").write_bytes(raw)
    (tmp_path / "a.mgz").write_bytes(gzip.compress(raw))
    for name in ("a.mgh", "a.mgz"):
        assert "goodRASFlag" in sentence(tmp_path / name)


def test_nothing_is_printed_about_a_header_that_the_library_mends(tmp_path, array):
    path = write(tmp_path / "a.nii", array)

    def damage(header):
        header["sizeof_hdr"], header["pixdim"][1:4], header["qform_code"] = 340, -1, 77

    edited(path, damage)
    script = "import sys; from napari_uncertainseg import read_volume; read_volume(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_a_refused_header_names_its_file_once(tmp_path, array):
    path = write(tmp_path / "a.nii", array)
    raw = bytearray(path.read_bytes())
    raw[108:112] = b"\0\0\0\0"  # vox_offset
    path.write_bytes(raw)
    said = sentence(path)
    assert said.count(str(path)) == 1 and "inside the header itself" in said
