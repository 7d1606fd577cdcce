"""nrrd files: against ITK's reader, and headers that leave out or point to what they should not."""

from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest
import SimpleITK as sitk

from napari_uncertainseg import InputError
from napari_uncertainseg.images.files import read_image, read_labels, read_volume

ARRAY = np.random.default_rng(0).integers(0, 200, (4, 5, 6)).astype(np.uint8)
HEADER = {
    "type": "uint8",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "4 5 6",
    "space directions": "(1.5,0,0) (0,1.25,0) (0,0,3.9)",
    "space origin": "(-1.5,2.5,3)",
    "encoding": "raw",
}


def write(path, payload=None, extra="", **changed):
    fields = {**HEADER, **{name.replace("_", " "): value for name, value in changed.items()}}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    data = ARRAY.tobytes(order="F") if payload is None else payload
    lines = ["NRRD0005", "# made up", *lines, *([extra] if extra else [])]
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + data)
    return path


def file_array(volume):
    return volume.grid.to_file(volume.data)[0]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_what_itk_writes_is_read_as_itk_reads_it(tmp_path, kind, packed):
    values = (np.random.default_rng(1).random((6, 5, 4)) * 100).astype(kind)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.5, 1.25, 3.9))
    image.SetOrigin((-10.5, 20.25, 7))
    image.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"), packed)
    volume = read_image(tmp_path / "a.nrrd")
    array, affine = volume.grid.to_file(volume.data)
    assert np.array_equal(array, values.T.astype(np.float32))
    for index in ((0, 0, 0), (3, 4, 5)):
        lps = image.TransformIndexToPhysicalPoint(index)
        assert np.allclose((affine @ (*index, 1))[:3], np.array(lps) * (-1, -1, 1), atol=1e-5)
    assert volume.notes == ()


def test_real_files_are_read_as_itk_reads_them(shared_data):
    for name in ("stroke_FLAIR", "brain1_image"):
        path = shared_data / "reader-samples" / f"{name}.nrrd"
        image, volume = sitk.ReadImage(str(path)), read_image(path)
        array, affine = volume.grid.to_file(volume.data)
        assert np.array_equal(array, sitk.GetArrayFromImage(image).T.astype(np.float32))
        assert np.allclose(
            (affine @ (3, 4, 5, 1))[:3] * (-1, -1, 1), image.TransformIndexToPhysicalPoint((3, 4, 5))
        )


def test_masks_can_be_painted_on(tmp_path):
    mask = (ARRAY > 150).astype(np.uint8)
    labels = read_labels(write(tmp_path / "a.nrrd", mask.tobytes(order="F")))
    labels.data[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("raw", bytes),
        ("gzip", gzip.compress),
        ("gz", gzip.compress),
        ("bzip2", bz2.compress),
        ("hex", lambda raw: raw.hex().encode()),
        ("ascii", lambda raw: " ".join(map(str, raw)).encode()),
        ("txt", lambda raw: b"\n".join(b"%d.0" % value for value in raw)),
    ],
)
def test_encodings(tmp_path, encoding, pack):
    payload = pack(ARRAY.tobytes(order="F"))
    path = write(tmp_path / "a.nrrd", payload, encoding=encoding)
    assert np.array_equal(file_array(read_image(path)), ARRAY)
    path = write(tmp_path / "a.nrrd", payload[: len(payload) // 2], encoding=encoding)
    with pytest.raises(InputError, match="damaged"):
        read_image(path)


def test_order_of_bytes_and_skips(tmp_path):
    big = ARRAY.astype(">i2").tobytes(order="F")
    for payload, more in (
        (big, {}),
        (b"\1\2\3" + big, {"byte_skip": "3"}),
        (b"one\ntwo\n" + big, {"line_skip": "2"}),
        (b"who knows" + big, {"byte_skip": "-1"}),
    ):
        path = write(tmp_path / "a.nrrd", payload, type="short", endian="big", **more)
        assert np.array_equal(file_array(read_image(path)), ARRAY)
    with pytest.raises(InputError, match="order of bytes"):
        read_image(write(tmp_path / "a.nrrd", big, type="short"))


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
    ],
)
def test_the_space_turns_it_round(tmp_path, space, signs):
    volume = read_image(write(tmp_path / "a.nrrd", space=space))
    affine = volume.grid.to_file(volume.data)[1]
    assert np.allclose(affine[:3], np.diag(signs) @ [[1.5, 0, 0, -1.5], [0, 1.25, 0, 2.5], [0, 0, 3.9, 3]])
    assert volume.notes == ()


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"space": None}, "does not say how the patient lies"),
        ({"space": "scanner-xyz"}, "does not say how the patient lies"),
        ({"space": "3D-right-handed"}, "does not say how the patient lies"),
        ({"space": None, "space_dimension": "3"}, "does not say how the patient lies"),
        ({"space": None, "space_directions": None, "spacings": "1 2 3"}, "does not say how the patient lies"),
        ({"space_origin": None}, "does not say where the scan begins"),
    ],
)
def test_what_the_header_leaves_out_is_said(tmp_path, changed, note):
    (found,) = read_image(write(tmp_path / "a.nrrd", **changed)).notes
    assert note in found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"space_directions": None}, "no voxel spacing"),
        ({"space_directions": None, "spacings": "1 nan 1"}, "voxel size or orientation"),
        ({"space_directions": None, "spacings": "1 1"}, "do not fit"),
        ({"space_directions": "(1,0,0) (0,1,0)"}, "do not fit"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,0)"}, "voxel size or orientation"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,x)"}, "space directions cannot be read"),
        ({"space_directions": "(1,0,0) (0,1,0) none"}, "do not fit"),
        ({"space_directions": "none (1,0,0) (0,1,0)"}, "several values"),
        ({"kinds": "RGB-color domain domain"}, "several values"),
        ({"space_units": '"m" "m" "m"'}, "sizes in 'm'; a header in mm"),
        ({"space_units": '"mm" "mm" "um"'}, "sizes in 'um'"),
        ({"space_directions": None, "spacings": "1 2 3", "units": '"cm" "cm" "cm"'}, "sizes in 'cm'"),
        ({"sizes": "4 5"}, "dimension does not fit"),
        ({"sizes": "4 5 six"}, "sizes cannot be read"),
        ({"sizes": "4 5 " + "9" * 30}, "sizes cannot be read"),
        ({"sizes": "4000 5000 6000"}, "too many"),
        ({"sizes": "4 0 6"}, "empty"),
        ({"sizes": "4 5 7"}, "damaged .*ends early"),
        ({"type": "block"}, "'block' cannot be read"),
        ({"type": None}, "'unknown' cannot be read"),
        ({"encoding": "zip"}, "encoding zip|encoding 'zip'"),
        ({"encoding": None}, "encoding"),
        ({"byte_skip": "1e3"}, "byte skip cannot be read"),
        ({"space_origin": "(a,b,c)"}, "space origin cannot be read"),
        ({"space_origin": "(-1,5,2,3)"}, "space origin has 4 numbers"),  # decimal commas
        ({"space_directions": "(1,5,0,0) (0,1,25,0) (0,0,3,9)"}, "do not fit its sizes and its space"),
        ({"extra": "space: right-anterior-superior"}, "gives 'space' twice"),
        ({"extra": "Space  Directions: (-1,0,0) (0,1,0) (0,0,1)"}, "gives 'space directions' twice"),
        ({"space_units": "cm cm cm"}, "sizes in 'cm'"),
        ({"kinds": "time domain domain"}, "should be those of space"),
        ({"kinds": "domain list domain"}, "should be those of space"),
        ({"byte_skip": "-7"}, "byte skip is -7"),
        ({"byte_skip": "-1", "encoding": "gzip"}, "byte skip is -1"),
        ({"encoding": "zrl"}, r"a\.nrrd: voxels in the encoding 'zrl' cannot be read\.$"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path, changed, message):
    with pytest.raises(InputError, match=message) as caught:
        read_image(write(tmp_path / "a.nrrd", **changed))
    assert "\n" not in str(caught.value)


def test_millimetres_may_be_said(tmp_path):
    assert read_image(write(tmp_path / "a.nrrd", space_units='"mm" "mm" "mm"')).notes == ()


def test_a_space_with_a_time_has_vectors_of_four(tmp_path):
    directions = "(1.5,0,0,0) (0,1.25,0,0) (0,0,3.9,0)"
    space = {"space": "right-anterior-superior-time", "space_origin": "(-1.5,2.5,3,0)"}
    found = read_image(write(tmp_path / "a.nrrd", **space, space_directions=directions))
    assert np.allclose(
        found.grid.file_affine, [[1.5, 0, 0, -1.5], [0, 1.25, 0, 2.5], [0, 0, 3.9, 3], [0, 0, 0, 1]]
    )


@pytest.mark.posix
def test_a_detached_header_is_read_from_its_own_folder_only(tmp_path):
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    away.mkdir()
    for folder in (home, away):
        (folder / "voxels.raw").write_bytes(ARRAY.tobytes(order="F"))
    (home / "link.raw").symlink_to(away / "voxels.raw")
    (home / "inside").mkdir()
    (home / "inside" / "voxels.raw").write_bytes(ARRAY.tobytes(order="F"))
    for name in ("voxels.raw", "./voxels.raw", str(home / "voxels.raw")):
        path = write(home / "a.nhdr", b"", extra=f"data file: {name}")
        assert np.array_equal(file_array(read_image(path)), ARRAY)
    for name in (
        "../away/voxels.raw",
        str(away / "voxels.raw"),
        "link.raw",
        "inside/voxels.raw",
        "/etc/passwd",
        "gone.raw",
        ".",
        "a\0b",
        "x" * 300,
    ):
        path = write(home / "a.nhdr", b"", extra=f"data file: {name}")
        with pytest.raises(InputError, match="not a file of the header's own folder"):
            read_image(path)
    for name in ("LIST", "slice%03d.raw 1 6 1"):
        with pytest.raises(InputError, match="several files"):
            read_image(write(home / "a.nhdr", b"", extra=f"datafile: {name}"))


def test_four_dimensions_have_volumes(tmp_path):
    both = np.stack([ARRAY, ARRAY[::-1]], axis=-1)
    path = write(
        tmp_path / "a.nrrd",
        both.tobytes(order="F"),
        dimension="4",
        sizes="4 5 6 2",
        space_directions="(1,0,0) (0,1,0) (0,0,1) none",
    )
    assert np.array_equal(file_array(read_volume(path, index=1)), ARRAY[::-1])
    with pytest.raises(InputError, match=r"2 volumes; choose one, 0 to 1 .*--volume"):
        read_volume(path)
