"""DICOM SEG: every voxel lies where the mask was, little of the patient is copied, and refusals are clear."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pydicom = pytest.importorskip("pydicom", reason="DICOM SEG needs the extra 'dicom'")
hd = pytest.importorskip("highdicom", reason="DICOM SEG needs the extra 'dicom'")

from napari_uncertainseg import InputError  # noqa: E402
from napari_uncertainseg.cli import main  # noqa: E402
from napari_uncertainseg.images.dicom.seg import Algorithm, source_of, write_dicom_seg  # noqa: E402
from napari_uncertainseg.images.files import read_volume, write_volume  # noqa: E402
from napari_uncertainseg.images.volume import Grid  # noqa: E402

from .dicom_series import ORIENTATIONS, SHAPE, frames_of, make_series  # noqa: E402

MODEL = Algorithm("bundled", "3", {"method": "one-pass", "threshold": "0.4"})


@pytest.fixture
def mask(scan):
    found = np.zeros(scan.grid.shape, bool)
    found[tuple(n // 2 for n in found.shape)] = True
    return found


def where(frames, grid: Grid) -> set[tuple[int, ...]]:
    """Voxels of the grid under the frames, by their places in the patient alone."""
    found: set[tuple[int, ...]] = set()
    for mask, affine, _ in frames:
        rows, columns = np.nonzero(mask)
        lps = affine @ np.stack([columns, rows, np.zeros_like(rows), np.ones_like(rows)])
        voxels = np.linalg.solve(grid.affine, np.diag([-1, -1, 1, 1]) @ lps)[:3].T
        assert np.allclose(voxels, np.rint(voxels), atol=1e-3)
        found |= {tuple(v) for v in np.rint(voxels).astype(int)}
    return found


def values_under(frames, folder: Path) -> list[int]:
    """Values of the source's own pixels under the frames; each voxel of a made-up series has its own."""
    found = []
    for mask, _, source in frames:
        (pixels,) = (
            one.pixel_array for one in map(pydicom.dcmread, folder.iterdir()) if one.SOPInstanceUID == source
        )
        found += pixels[mask].tolist()
    return sorted(found)


def voxels_of(mask) -> set[tuple[int, ...]]:
    return {tuple(v) for v in np.argwhere(mask)}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from((0.003, 0.1, 0.6, 1.0)))
def test_any_mask_comes_back_where_it_was(series, scan, seed, share):
    rng = np.random.default_rng(seed)
    mask = rng.random(scan.grid.shape) < share
    mask.flat[rng.integers(mask.size)] = True
    with tempfile.TemporaryDirectory() as folder:
        path = write_dicom_seg(Path(folder, "a.dcm"), mask, scan.grid, series, algorithm=MODEL)
        frames = frames_of(path)
        assert where(frames, scan.grid) == voxels_of(mask)
        assert values_under(frames, series) == sorted(scan.data[mask].astype(int).tolist())


@pytest.mark.parametrize("downwards", [False, True])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_comes_back_where_it_was(tmp_path, orientation, downwards):
    folder = make_series(tmp_path / "series", orientation, downwards=downwards)
    scan = read_volume(folder)
    mask = np.random.default_rng(1).random(scan.grid.shape) < 0.2
    path = write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, folder, algorithm=MODEL)
    frames = frames_of(path)
    assert where(frames, scan.grid) == voxels_of(mask)
    assert values_under(frames, folder) == sorted(scan.data[mask].astype(int).tolist())


def test_highdicom_reads_the_same(series, scan, tmp_path):
    mask = np.random.default_rng(2).random(scan.grid.shape) < 0.1
    seg = hd.seg.segread(write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, series, algorithm=MODEL))
    volume = seg.get_volume(combine_segments=True)
    lps = volume.affine @ np.c_[np.argwhere(volume.array), np.ones(mask.sum())].T
    voxels = np.linalg.solve(scan.grid.affine, np.diag([-1, -1, 1, 1]) @ lps)[:3].T
    assert {tuple(v) for v in np.rint(voxels).astype(int)} == voxels_of(mask)


def test_a_real_series_comes_back_where_it_was(shared_data, tmp_path):
    file = shared_data / "reader-samples" / "dicom-mr-t1" / "000003.dcm"
    if not file.is_file():
        pytest.skip(f"no sample series: {file}")
    scan = read_volume(file)
    mask = np.random.default_rng(4).random(scan.grid.shape) < 0.01
    mask[5:9] = False
    frames = frames_of(write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, file, algorithm=MODEL))
    assert len(frames) == scan.grid.shape[0] - 4
    assert where(frames, scan.grid) == voxels_of(mask)


def test_other_programs_may_put_it_beside_its_series(tmp_path):
    folder = make_series(tmp_path / "series")
    scan = read_volume(folder)
    mask = scan.data > scan.data.mean()
    written = write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, folder, algorithm=MODEL)
    beside = Path(shutil.copy(written, folder))
    np.testing.assert_array_equal(read_volume(folder).data, scan.data)
    write_dicom_seg(tmp_path / "b.dcm", mask, scan.grid, folder, algorithm=MODEL)
    with pytest.raises(InputError, match="no DICOM image series"):
        read_volume(beside)


def test_labels_are_one_segment(series, scan, mask, tmp_path):
    labels = mask.astype(np.uint16) * 7
    labels[0, 0, 0] = 3
    frames = frames_of(write_dicom_seg(tmp_path / "a.dcm", labels, scan.grid, series, algorithm=MODEL))
    assert where(frames, scan.grid) == voxels_of(labels)


def test_it_says_what_it_is_and_of_whom(series, scan, mask, tmp_path):
    seg = pydicom.dcmread(
        write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, series, algorithm=MODEL, reviewed=True)
    )
    source = pydicom.dcmread(next(series.iterdir()))
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName", "PatientSex",
                    "PatientBirthDate", "StudyDate", "StudyID", "AccessionNumber"):  # fmt: skip
        assert seg[keyword].value == source[keyword].value, keyword
    assert seg.SeriesInstanceUID != source.SeriesInstanceUID
    assert (seg.Modality, seg.SegmentationType) == ("SEG", "BINARY")
    assert "ContentCreatorName" in seg and not seg.ContentCreatorName
    (referred,) = seg.ReferencedSeriesSequence
    assert referred.SeriesInstanceUID == source.SeriesInstanceUID
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.PixelSpacing == [0.9, 1.2]
    assert (float(measures.SliceThickness), round(float(measures.SpacingBetweenSlices), 6)) == (3.0, 3.3)
    (segment,) = seg.SegmentSequence
    assert segment.SegmentLabel == "White matter lesion"
    codes = [
        (item.CodeValue, item.CodingSchemeDesignator)
        for item in (
            segment.SegmentedPropertyCategoryCodeSequence[0],
            segment.SegmentedPropertyTypeCodeSequence[0],
            segment.AnatomicRegionSequence[0],
        )
    ]
    assert codes == [("49755003", "SCT"), ("110702", "DCM"), ("12738006", "SCT")]
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("bundled", "3")
    assert "threshold=0.4" in algorithm.AlgorithmParameters


@pytest.mark.parametrize(
    ("algorithm", "reviewed", "kind"),
    [(MODEL, False, "AUTOMATIC"), (MODEL, True, "SEMIAUTOMATIC"), (None, True, "MANUAL")],
)
def test_it_says_who_found_the_lesions(series, scan, mask, tmp_path, algorithm, reviewed, kind):
    path = write_dicom_seg(
        tmp_path / "a.dcm", mask, scan.grid, series, algorithm=algorithm, reviewed=reviewed
    )
    assert pydicom.dcmread(path).SegmentSequence[0].SegmentAlgorithmType == kind


def test_a_models_long_name_is_cut_to_what_dicom_holds(series, scan, mask, tmp_path):
    model = Algorithm.from_information({"model": "C:\\models\\" + "m" * 99, "model_version": 2})
    path = write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, series, algorithm=model)
    name = pydicom.dcmread(path).SegmentSequence[0].SegmentAlgorithmName
    assert name.startswith("C:/models/mm") and len(name) == 64


def test_nothing_of_the_patient_is_copied_that_need_not_be(series, scan, mask, tmp_path):
    source = next(series.iterdir()).read_bytes()
    assert source.count(b"SECRET") == 11
    path = write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, series, algorithm=MODEL)
    assert b"SECRET" not in path.read_bytes()


def test_a_series_without_names_is_fine(tmp_path):
    gone = dict.fromkeys(("PatientName", "PatientID", "PatientBirthDate", "StudyTime", "StudyID",
                          "AccessionNumber", "ReferringPhysicianName", "SliceThickness"))  # fmt: skip
    folder = make_series(
        tmp_path / "series", PatientSex="X", StudyDate="", PatientIdentityRemoved="YES", **gone
    )
    scan = read_volume(folder)
    seg = pydicom.dcmread(
        write_dicom_seg(tmp_path / "a.dcm", scan.data > 300, scan.grid, folder, algorithm=MODEL)
    )
    assert not seg.PatientName and not seg.PatientID and not seg.StudyDate and not seg.PatientSex
    assert seg.PatientIdentityRemoved == "YES"
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SliceThickness) == pytest.approx(3.3)


# -- refusals -------------------------------------------------------------------------------------


def refused(tmp_path, mask, grid, source, match, path=None):
    """It is refused with one sentence, and nothing is left behind."""
    path = path or tmp_path / "out" / "a.dcm"
    path.parent.mkdir(exist_ok=True)
    before = sorted(path.parent.iterdir())
    with pytest.raises(InputError, match=match) as caught:
        write_dicom_seg(path, mask, grid, source, algorithm=MODEL)
    assert "\n" not in str(caught.value)
    assert sorted(path.parent.iterdir()) == before


def test_what_is_no_series_is_refused(scan, mask, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.dcm").write_text("no DICOM")
    refused(tmp_path, mask, scan.grid, tmp_path / "gone", "there is no such folder")
    refused(tmp_path, mask, scan.grid, tmp_path / "empty", "no DICOM image series")
    refused(tmp_path, mask, scan.grid, tmp_path / "text.dcm", "not a DICOM file")


def test_another_series_is_refused(scan, mask, tmp_path):
    for changed in ({"orientation": "axial"}, {"step": 3.4}, {"shape": (6, 12, 10)}, {"downwards": True}):
        folder = make_series(tmp_path / str(changed), **changed)
        refused(tmp_path, mask, scan.grid, folder, "does not lie on the grid of the lesions")


def test_several_series_are_refused_but_a_file_says_which(scan, series, mask, tmp_path):
    both = tmp_path / "both"
    make_series(both, seed=1)
    for k, file in enumerate(series.iterdir()):
        (both / f"other{k}.dcm").write_bytes(file.read_bytes())
    refused(tmp_path, mask, scan.grid, both, "2 image series were found")
    path = write_dicom_seg(tmp_path / "a.dcm", mask, scan.grid, both / "other0.dcm", algorithm=MODEL)
    (referred,) = pydicom.dcmread(path).ReferencedSeriesSequence
    assert referred.SeriesInstanceUID == pydicom.dcmread(next(series.iterdir())).SeriesInstanceUID


def test_an_enhanced_file_is_refused(scan, mask, tmp_path):
    folder = make_series(tmp_path / "series", shape=(1, 12, 10))
    (file,) = folder.iterdir()
    one = pydicom.dcmread(file)
    one.SOPClassUID = pydicom.uid.EnhancedMRImageStorage
    one.NumberOfFrames, one.PixelData = 7, one.PixelData * 7
    one.save_as(file)
    refused(tmp_path, mask, scan.grid, folder, "not for an enhanced")


@pytest.mark.parametrize(("keyword", "name"), [("FrameOfReferenceUID", "Frame of Reference")])
def test_a_series_that_cannot_be_referred_to_is_refused(tmp_path, keyword, name):
    folder = make_series(tmp_path / "series")
    for file in folder.iterdir():
        one = pydicom.dcmread(file)
        del one[keyword]
        one.save_as(file)
    scan = read_volume(folder)
    refused(tmp_path, scan.data > 300, scan.grid, folder, f"has no {name}")


def test_slices_of_two_frames_of_reference_are_refused(tmp_path):
    folder = make_series(tmp_path / "series")
    scan = read_volume(folder)
    file = next(folder.iterdir())
    one = pydicom.dcmread(file)
    one.FrameOfReferenceUID = pydicom.uid.generate_uid()
    one.save_as(file)
    refused(tmp_path, scan.data > 300, scan.grid, folder, "several frames of reference")


def test_no_lesion_another_shape_and_another_name_are_refused(series, scan, mask, tmp_path):
    refused(tmp_path, np.zeros_like(mask), scan.grid, series, "there is no lesion")
    refused(tmp_path, mask[1:], scan.grid, series, "must lie on the same grid")
    refused(tmp_path, mask, scan.grid, series, "end the name in .dcm", tmp_path / "a.nii.gz")


@pytest.mark.posix
def test_the_folder_of_the_series_stays_one_series(series, scan, mask, tmp_path):
    refused(tmp_path, mask, scan.grid, series, "choose another folder", series / "a.dcm")
    link = tmp_path / "link"
    link.symlink_to(series)
    refused(tmp_path, mask, scan.grid, series, "choose another folder", link / "a.dcm")


def test_without_highdicom_it_says_what_to_install(series, scan, mask, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    refused(tmp_path, mask, scan.grid, series, r'pip install "napari-uncertainseg\[dicom\]"')
    with pytest.raises(InputError, match="needs highdicom"):
        source_of({"inputs": {"flair": {"path": str(series)}}})


def test_headers_that_highdicom_cannot_take_are_refused(series, scan, mask, tmp_path, monkeypatch):
    def broken(**_):
        raise ValueError("no such thing\nmore")

    monkeypatch.setattr(hd.seg, "Segmentation", broken)
    refused(tmp_path, mask, scan.grid, series, r"do not allow a DICOM SEG \(no such thing\)")


def test_it_is_written_whole_or_not_at_all(series, scan, mask, tmp_path, monkeypatch):
    path = tmp_path / "out" / "a.dcm"
    path.parent.mkdir()
    path.write_bytes(b"what was there")

    def full(self, file, *_, **__):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hd.seg.Segmentation, "save_as", full)
    refused(tmp_path, mask, scan.grid, series, "No space left on device", path)
    assert path.read_bytes() == b"what was there"


def test_a_folder_that_is_not_there_is_refused(series, scan, mask, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_dicom_seg(tmp_path / "gone" / "a.dcm", mask, scan.grid, series, algorithm=MODEL)
    assert not list(tmp_path.iterdir())


# -- where the FLAIR came from ------------------------------------------------------------------------


def test_the_source_is_found_or_it_says_why_not(series, tmp_path):
    def of(path):
        return source_of({"inputs": {"flair": {"name": "FLAIR", "path": path, "sha256": None}}})

    assert of(str(series)) == series
    file = next(series.iterdir())
    assert of(str(file)) == file
    (tmp_path / "flair.nii.gz").write_bytes(b"no DICOM")
    for path, match in (
        (None, "no file of its own"),
        (str(tmp_path / "gone"), "no longer there"),
        (str(tmp_path / "flair.nii.gz"), "not a DICOM series"),
        (str(tmp_path), "not a DICOM series"),
    ):
        with pytest.raises(InputError, match=match):
            of(path)
    with pytest.raises(InputError, match="no file of its own"):
        source_of({"notes": []})


# -- the command line ------------------------------------------------------------------------------------


@pytest.fixture
def results(scan, mask, tmp_path):
    """A folder as `segment` writes it, as far as this command reads it."""
    folder = tmp_path / "results"
    folder.mkdir()
    write_volume(folder / "lesions.nii.gz", mask.astype(np.uint16), scan.grid)
    summary = {"threshold": 0.35, "min_volume_mm3": 3, "patient_uncertainty": {"psu": 0.1},
               "model": "bundled", "model_version": "2", "method": "layers"}  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_the_command_writes_what_was_found_and_after_review_what_was_left(
    results, series, scan, mask, tmp_path, capsys
):
    arguments = ["export-seg", str(results), "--dicom", str(series), "--out", str(tmp_path / "a.dcm")]
    assert main(arguments) == 0
    assert "1 voxels of lesions.nii.gz" in capsys.readouterr().out
    assert where(frames_of(tmp_path / "a.dcm"), scan.grid) == voxels_of(mask)
    (segment,) = pydicom.dcmread(tmp_path / "a.dcm").SegmentSequence
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmVersion == "2" and "threshold=0.35" in algorithm.AlgorithmParameters
    reviewed = np.zeros_like(mask)
    reviewed[1, 2, 3] = True
    write_volume(results / "reviewed.nii.gz", reviewed, scan.grid)
    assert main(arguments) == 0
    assert where(frames_of(tmp_path / "a.dcm"), scan.grid) == {(1, 2, 3)}
    (segment,) = pydicom.dcmread(tmp_path / "a.dcm").SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    (results / "lesions.nii.gz").unlink()
    assert main(arguments) == 0, "what was found before the review is not read"


def test_the_command_says_in_one_line_what_is_wrong(results, series, tmp_path, capsys):
    out = ["--out", str(tmp_path / "a.dcm")]
    for folder, source, match in (
        (tmp_path / "gone", series, "there is no such file or folder"),
        (results, tmp_path / "gone", "there is no such file or folder"),
    ):
        assert main(["export-seg", str(folder), "--dicom", str(source), *out]) == 2
        error = capsys.readouterr().err
        assert match in error and error.count("\n") == 1
    (results / "summary.json").write_text("[]")
    assert main(["export-seg", str(results), "--dicom", str(series), *out]) == 2
    (results / "lesions.nii.gz").unlink()
    assert main(["export-seg", str(results), "--dicom", str(series), *out]) == 2
    assert not (tmp_path / "a.dcm").exists()


def test_the_series_of_these_tests_is_what_they_need(scan):
    """Otherwise a swap of axes could go unseen: all sizes differ, and no voxel is like another."""
    assert len(set(SHAPE)) == 3 and len(np.unique(scan.data)) == scan.data.size
