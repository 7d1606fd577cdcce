"""What is packed fast is read by everyone, and is the same bytes whenever it is written."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import zipfile
import zlib

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg.disk import packing
from napari_uncertainseg.disk.packing import GzipWriter, write_arrays
from napari_uncertainseg.images.files import read_image, write_volume
from napari_uncertainseg.images.volume import Grid


@pytest.fixture(params=["zlib", "isal"], autouse=True)
def packer(request, monkeypatch):
    """With ISA-L where it is installed, and without."""
    if request.param == "isal":
        pytest.importorskip("isal", reason="isal is not installed")
    else:
        monkeypatch.setitem(sys.modules, "isal", None)
    return request.param


def packed(*parts: bytes) -> bytes:
    file = io.BytesIO()
    with GzipWriter(file) as writer:
        for part in parts:
            writer.write(part)
    return file.getvalue()


@settings(deadline=None, max_examples=40)  # a busy machine is no failure
@given(st.lists(st.binary(max_size=5000), max_size=4))
def test_gzip_unpacks_to_what_was_packed(parts):
    assert gzip.decompress(packed(*parts)) == b"".join(parts)


def test_large_content_is_packed_in_pieces(monkeypatch):
    monkeypatch.setattr(packing, "_TOGETHER", 1000)
    content = np.random.default_rng(0).integers(0, 9, 100_001).astype(np.uint16)
    assert gzip.decompress(packed(memoryview(content))) == content.tobytes()


def test_the_header_says_nothing_of_time_name_or_machine():
    found = packed(b"lesions")
    assert found[:10] == bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
    assert found == packed(b"lesions")


def test_an_image_is_read_by_other_programs(tmp_path, packer):
    shape = (31, 40, 37)
    data = np.random.default_rng(1).random(shape).astype(np.float32)
    data[:10] = 0
    grid = Grid.from_file(shape[::-1], np.diag([1.0, 1.2, 0.9, 1.0]))
    path = write_volume(tmp_path / "map.nii.gz", data, grid)
    expected = read_image(path).data
    assert np.array_equal(expected, data)
    by_nibabel = np.asarray(nib.load(path).dataobj)
    assert by_nibabel.dtype == np.float32
    by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T
    assert np.array_equal(by_itk, by_nibabel)
    assert sorted(by_itk.ravel()) == sorted(data.ravel())
    if shutil.which("gzip"):
        subprocess.run(["gzip", "--test", str(path)], check=True)
    again = write_volume(tmp_path / "again.nii.gz", data, grid)
    assert again.read_bytes() == path.read_bytes()


def test_arrays_are_read_by_numpy_and_zip():
    arrays = {"start": np.arange(3), "values": np.random.default_rng(2).random((3, 40, 41)).astype("f2")}
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        write_arrays(file, {**arrays, "number": 7})
    assert files[0].getvalue() == files[1].getvalue()
    files[0].seek(0)
    with np.load(files[0], allow_pickle=False) as found:
        assert {name: found[name].tolist() for name in found} == {
            **{name: values.tolist() for name, values in arrays.items()},
            "number": 7,
        }
        assert found["values"].dtype == np.float16
    with zipfile.ZipFile(files[0]) as archive:
        assert archive.testzip() is None
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {part.compress_type for part in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_zip_files_are_packed_with_isal_where_it_is_there(packer):
    """The place in Python's zipfile is not documented; else nobody would see that it is slow again."""
    file, content = io.BytesIO(), np.random.default_rng(3).integers(0, 50, 40_000).astype(np.uint8)
    write_arrays(file, {"values": content})
    raw = packing._raw_packer()
    whole = io.BytesIO()
    np.lib.format.write_array(whole, content)
    alone = raw.compress(whole.getvalue()) + raw.flush()
    with zipfile.ZipFile(file) as archive:
        assert archive.infolist()[0].compress_size == pytest.approx(len(alone), rel=0.02)
    assert zlib.decompress(alone, -15) == whole.getvalue()
