"""DICOM series: each slice is looked at, and what is no even stack is refused with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, generate_uid

from napari_uncertainseg import InputError
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.formats.dicom import dicom_series

from .dicom_series import ORIENTATIONS, make_enhanced, make_series


def moved(which, along=0.0, aside=0.0):
    """Shift slices of an axial series: along the normal, and along the rows."""

    def edit(k, one):
        if which(k):
            x, y, z = one.ImagePositionPatient
            one.ImagePositionPatient = [x + aside, y, z + along]

    return edit


def set_in(which, **changed):
    def edit(k, one):
        if which(k):
            for keyword, value in changed.items():
                delattr(one, keyword) if value is None else setattr(one, keyword, value)

    return edit


def third(k):
    return k == 3


def every(k):
    return True


@pytest.mark.parametrize("downwards", [False, True])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_voxel_lies_where_its_own_slice_says(tmp_path, orientation, downwards):
    """Against each file's own header and pixels, taken alone."""
    folder = make_series(tmp_path / "s", orientation, downwards=downwards)
    volume = read_volume(folder)
    for file in folder.iterdir():
        one = pydicom.dcmread(file)
        turned = np.array(one.ImageOrientationPatient, float).reshape(2, 3)
        for row, column in ((0, 0), (11, 9), (4, 7)):
            lps = np.array(one.ImagePositionPatient) + column * 1.2 * turned[0] + row * 0.9 * turned[1]
            where = np.linalg.solve(volume.grid.affine, np.append(lps * (-1, -1, 1), 1))[:3]
            assert np.allclose(where, np.rint(where), atol=1e-3)
            assert volume.data[tuple(np.rint(where).astype(int))] == one.pixel_array[row, column]


def test_an_independent_reader_agrees(tmp_path):
    folder = make_series(tmp_path / "s", "oblique")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    assert [str(f) for f in reader.GetFileNames()] == list(dicom_series(folder))
    volume = read_volume(folder)
    array, affine = volume.grid.to_file(volume.data)
    assert np.array_equal(array, sitk.GetArrayFromImage(image).T)
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    assert np.allclose(lps[:3, 3], image.GetOrigin(), atol=1e-4)
    assert np.allclose(np.linalg.norm(lps[:3, :3], axis=0), image.GetSpacing(), atol=1e-4)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (set_in(third, ImagePositionPatient=None), "where its slice lies"),
        (set_in(every, ImagePositionPatient=None), "where its slice lies"),
        (set_in(every, ImageOrientationPatient=None), "how its slice is turned"),
        (set_in(third, ImageOrientationPatient=None), "how its slice is turned"),
        (set_in(every, PixelSpacing=None), "no pixel spacing"),
        (set_in(third, PixelSpacing=None), "no pixel spacing"),
        (set_in(third, PixelSpacing=[0.9, 1.3]), "do not all lie the same way: PixelSpacing"),
        (set_in(third, ImageOrientationPatient=[1, 0, 0, 0, 0.9998, 0.02]), "ImageOrientationPatient is"),
        (set_in(every, ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "no right angle"),
        (set_in(every, ImageOrientationPatient=[0, 0, 0, 0, 0, 0]), "no right angle"),
        (moved(third, along=1.0), "not evenly spaced"),
        (moved(lambda k: k > 3, along=0.4 * 3.3), "not evenly spaced"),
        (moved(lambda k: k > 5, along=0.4 * 3.3), "not evenly spaced"),
        (moved(lambda k: k > 2, along=3.3), "not evenly spaced"),
        (moved(third, along=-3.3), "lie at one place"),
        (moved(third, aside=1.0), "beside the normal"),
        (moved(lambda k: k > 3, aside=0.5), "beside the normal"),
        (set_in(third, Rows=10, PixelData=b"\0" * 200), "differ in size"),
        (set_in(third, StudyInstanceUID=generate_uid()), "several studies"),
        (set_in(third, PatientID="P-18"), "several patients"),
        (set_in(third, FrameOfReferenceUID=generate_uid()), "several frames of reference"),
        (set_in(third, PixelData=b"\0" * 20), "pixels of .* cannot be read"),
        (set_in(third, RescaleSlope=float("nan"), RescaleIntercept=0), "how its values are scaled"),
    ],
)
def test_what_is_no_even_stack_is_refused_with_the_reason(tmp_path, edit, message):
    folder = make_series(tmp_path / "s", "axial", edit=edit)
    with pytest.raises(InputError, match=message) as caught:
        read_volume(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tilt", [0.8, 0.1, -0.5])
def test_a_slanted_stack_is_refused(tmp_path, tilt):
    with pytest.raises(InputError, match="beside the normal"):
        read_volume(make_series(tmp_path / "s", "oblique", tilt=tilt))


def test_a_doubled_file_is_refused(tmp_path):
    folder = make_series(tmp_path / "s")
    shutil.copy(folder / "1.dcm", folder / "1 copy.dcm")
    with pytest.raises(InputError, match="lie at one place"):
        read_volume(folder)


def test_what_scanners_round_is_read(tmp_path):
    """Positions with two decimals, directions with four."""

    def edit(k, one):
        one.ImagePositionPatient = [round(float(v), 2) for v in one.ImagePositionPatient]
        one.ImageOrientationPatient = [round(float(v), 4) for v in one.ImageOrientationPatient]

    exact = read_volume(make_series(tmp_path / "exact", "oblique", step=1.0))
    rounded = read_volume(make_series(tmp_path / "rounded", "oblique", step=1.0, edit=edit))
    assert np.array_equal(exact.data, rounded.data)
    assert np.allclose(exact.grid.affine, rounded.grid.affine, atol=0.02)


def test_each_slice_has_its_own_scale(tmp_path):
    def edit(k, one):
        one.RescaleSlope, one.RescaleIntercept = [1.0, 2.5, 0.125][k % 3], -k

    plain = read_volume(make_series(tmp_path / "plain", "axial"))
    scaled = read_volume(make_series(tmp_path / "scaled", "axial", edit=edit))
    for k in range(7):
        assert np.array_equal(scaled.data[k], plain.data[k] * [1.0, 2.5, 0.125][k % 3] - k)


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000", "rle", "implicit", "bare", "signed"])
def test_however_the_pixels_are_written(tmp_path, kind):
    folder = make_series(tmp_path / "s", "axial")
    expected = read_volume(folder).data
    for file in sorted(folder.iterdir()):
        one = pydicom.dcmread(file)
        if kind == "rle":
            one.compress(RLELossless)
            one.save_as(file)
        elif kind == "signed":
            one.PixelRepresentation = 1
            one.PixelData = (one.pixel_array.astype(np.int16) - 500).tobytes()
            one.save_as(file)
        elif kind in ("implicit", "bare"):
            one.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
            one.save_as(file, implicit_vr=True, little_endian=True)
            if kind == "bare":
                bare = pydicom.Dataset({element.tag: element for element in one})
                bare.save_as(file, implicit_vr=True, little_endian=True)
        else:
            _packed(file, one, kind)
    found = read_volume(folder / "1.dcm" if kind == "bare" else folder).data
    assert np.array_equal(found, expected - (500 if kind == "signed" else 0))


def _packed(file, one, kind):
    """The pixels as ITK packs them, in the file's own header."""
    image = sitk.GetImageFromArray(one.pixel_array[None])
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(file.with_suffix(".tmp.dcm")))
    writer.SetUseCompression(True)
    writer.SetCompressor(kind)
    writer.Execute(image)
    packed = pydicom.dcmread(file.with_suffix(".tmp.dcm"))
    file.with_suffix(".tmp.dcm").unlink()
    assert packed.file_meta.TransferSyntaxUID.is_compressed
    one.PixelData = packed.PixelData
    one["PixelData"].VR = "OB"
    one.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
    one.save_as(file)
    assert one.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian


# -- enhanced multi-frame -----------------------------------------------------------------------

VALUES = np.random.default_rng(5).integers(1, 60000, (6, 12, 10)).astype(np.uint16)
PLACES = [(-20.0, 30.0, 3.3 * k) for k in range(6)]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]])
def test_an_enhanced_file_is_read_frame_by_frame(tmp_path, order):
    path = make_enhanced(tmp_path / "e.dcm", VALUES, [PLACES[k] for k in order])
    volume = read_volume(path)
    assert volume.grid.spacing == pytest.approx((3.3, 0.9, 1.2))
    for frame, k in enumerate(order):
        for row, column in ((0, 0), (11, 9)):
            lps = np.add(PLACES[k], (column * 1.2, row * 0.9, 0))
            where = np.linalg.solve(volume.grid.affine, np.append(lps * (-1, -1, 1), 1))[:3]
            assert volume.data[tuple(np.rint(where).astype(int))] == float(VALUES[frame, row, column]) * (
                frame + 1
            )
    assert np.array_equal(read_volume(tmp_path).data, volume.data)
    assert set(volume.uids) == {"patient", "study", "series", "frame"}


@pytest.mark.parametrize(
    ("places", "changed", "message"),
    [
        ([PLACES[0], *PLACES[:5]], {}, "lie at one place"),
        (PLACES[:3] * 2, {}, r"lie at one place.*\(echoes, time points\)"),
        ([*PLACES[:5], (-20, 30, 20)], {}, "not evenly spaced"),
        ([*PLACES[:5], (-19, 30, 16.5)], {}, "beside the normal"),
        (PLACES[:4], {}, "describes 4 of its 6 frames"),
        (PLACES, {"SharedFunctionalGroupsSequence": None}, "no pixel spacing"),
        (PLACES, {"PerFrameFunctionalGroupsSequence": None}, "does not say where each lies"),
    ],
)
def test_an_enhanced_file_that_is_no_stack_is_refused_with_the_reason(tmp_path, places, changed, message):
    path = make_enhanced(tmp_path / "e.dcm", VALUES, places, **changed)
    with pytest.raises(InputError, match=message):
        read_volume(path)


# -- names and places -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["MR.1.2.840.113654.2.{}", "i4004.MRDC.{}", "{}.dicom", "IM{}", "{}.IMA", "{}.v1"]
)
def test_files_may_have_any_name(tmp_path, name):
    folder = make_series(tmp_path / "s", "axial")
    expected = read_volume(folder).data
    for k, file in enumerate(sorted(folder.iterdir())):
        file.rename(folder / name.format(k))
    assert np.array_equal(read_volume(folder).data, expected)
    assert np.array_equal(read_volume(folder / name.format(2)).data, expected)


def test_a_real_series_is_as_an_independent_reader_has_it(shared_data):
    folder = shared_data / "reader-samples" / "dicom-mr-t1"
    series = dicom_series(folder)
    image = sitk.ReadImage(series)
    volume = read_volume(folder)
    array, affine = volume.grid.to_file(volume.data)
    assert np.array_equal(array, sitk.GetArrayFromImage(image).T)
    assert np.allclose(np.linalg.norm(affine[:3, :3], axis=0), image.GetSpacing(), atol=1e-4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"PixelSpacing": [-0.9, 1.2]}, "PixelSpacing is -0.9, 1.2 mm and should be above 0"),
        ({"PixelSpacing": [0.9, 0]}, "should be above 0"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "stored as a negative"),
    ],
)
def test_what_would_mirror_or_invert_it_is_refused(tmp_path, changed, message):
    with pytest.raises(InputError, match=message):
        read_volume(make_series(tmp_path / "s", edit=set_in(every, **changed)))


def test_a_damaged_slice_at_the_end_is_not_left_out_in_silence(tmp_path):
    folder = make_series(tmp_path / "s")
    assert read_volume(folder).notes == ()
    last = dicom_series(folder)[-1]
    for kept in (200, 300):
        with Path(last).open("r+b") as file:
            file.truncate(kept)
        (note,) = read_volume(folder).notes
        assert note.endswith("is a damaged DICOM file and was left out: slices of the scan may be missing.")
        assert note.split()[0] in last


def test_what_is_no_scan_is_left_out_without_a_note(tmp_path):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import MediaStorageDirectoryStorage

    folder = make_series(tmp_path / "s")
    listing, report = Dataset(), Dataset()
    listing.FileSetID, report.Modality = "A", "SR"
    for name, one, kind in (("DICOMDIR", listing, MediaStorageDirectoryStorage), ("sr", report, "1.2.3")):
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = kind, generate_uid()
        one.save_as(folder / name, enforce_file_format=True)
    (folder / "notes.txt").write_text("no DICOM at all")
    assert read_volume(folder).notes == ()
