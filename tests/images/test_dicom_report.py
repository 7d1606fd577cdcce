"""The DICOM report: what highdicom and pydicom read of it, that it fits its SEG, and who is named in it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom", reason="DICOM reports need the extra 'dicom'")
hd = pytest.importorskip("highdicom", reason="DICOM reports need the extra 'dicom'")

from napari_uncertainseg import InputError  # noqa: E402
from napari_uncertainseg.images.dicom import report as dicom_report  # noqa: E402
from napari_uncertainseg.images.dicom.report import ReportedLesion, seg_beside, write_dicom_report  # noqa: E402
from napari_uncertainseg.images.dicom.seg import Algorithm  # noqa: E402
from napari_uncertainseg.images.dicom.source import read_series, scan_date  # noqa: E402
from napari_uncertainseg.images.files import read_volume  # noqa: E402

from .dicom_series import SECRETS, make_series  # noqa: E402

MODEL = Algorithm("bundled", "8", {"method": "one-pass", "threshold": "0.5"})
NAN = float("nan")
LESIONS = (
    ReportedLesion(1, "4", 40.5, 7.25, 0.75, 0.125, 0.5, "periventricular", "accepted"),
    ReportedLesion(2, "9", 12.0, 3.5, 0.5, 0.25, 0.25, "infratentorial", "unsure"),
    ReportedLesion(3, "candidate 3", 6.0, 2.0, NAN, NAN, NAN, "", "", drawn=True),
)


@pytest.fixture
def labels(scan):
    found = np.zeros(scan.grid.shape, np.uint16)
    found[1:3, 1:3, 1:3], found[4, 4:7, 4], found[-1, -1, -1] = 1, 2, 3
    return found


@pytest.fixture
def written(series, scan, labels, tmp_path):
    return write_dicom_report(
        tmp_path / "result.dcm", labels, LESIONS, scan.grid, series, algorithm=MODEL, observer="Zoë 李"
    )


def content_of(report, name):
    """The direct children of the root with a concept, by its meaning."""
    return [item for item in report.ContentSequence if item.ConceptNameCodeSequence[0].CodeMeaning == name]


def test_each_lesion_has_its_measurements_and_its_verdict(written):
    report = hd.sr.srread(written[0])
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == len(LESIONS)
    for group, lesion in zip(groups, LESIONS, strict=True):
        found = {
            (m.name.value, m.name.scheme_designator): (m.value, m.unit.value)
            for m in group.get_measurements()
        }
        expected = {
            ("118565006", "SCT"): (lesion.volume_mm3, "mm3"),
            ("L0JK", "IBSI"): (lesion.diameter_mm, "mm"),
            ("122157", "DCM"): (lesion.probability, "1"),
            ("doubt", "99NUS"): (lesion.doubt, "1"),
            ("entropy", "99NUS"): (lesion.entropy, "{nat}"),
        }
        assert found == {name: what for name, what in expected.items() if what[0] == what[0]}
        said = {e.name.value: e.value.meaning for e in group.get_qualitative_evaluations()}
        assert said["verdict"] == (lesion.verdict or "not judged")
        assert said.get("place", "") == lesion.place
        assert (group.finding_type.value, group.finding_type.scheme_designator) == ("110702", "DCM")
        assert group.finding_category.value == "49755003"
        white = lesion.place == "periventricular"
        assert [site.value.value for site in group.finding_sites] == ["68523003" if white else "12738006"]
    for mean in ("122157", "entropy"):
        (one,) = [m for m in groups[0].get_measurements() if m.name.value == mean]
        assert one.derivation.meaning == "Mean"


def test_it_refers_to_the_segments_of_the_seg_beside_it_and_to_the_series(written, series, labels, scan):
    report, seg = hd.sr.srread(written[0]), hd.seg.segread(written[1])
    assert written[1] == seg_beside(written[0]) and written[1].name == "result-seg.dcm"
    source = pydicom.dcmread(next(series.iterdir()))
    assert report.StudyInstanceUID == seg.StudyInstanceUID == source.StudyInstanceUID
    assert len({report.SeriesInstanceUID, seg.SeriesInstanceUID, source.SeriesInstanceUID}) == 3
    for group, lesion in zip(report.content.get_volumetric_roi_measurement_groups(), LESIONS, strict=True):
        segment = group.referenced_segment
        assert segment.referenced_sop_instance_uid == seg.SOPInstanceUID
        assert segment.referenced_segment_numbers == [lesion.number]
        assert segment.source_series_for_segmentation.value == source.SeriesInstanceUID
        described = seg.get_segment_description(lesion.number)
        assert described.tracking_uid == group.tracking_uid
        assert described.tracking_id == group.tracking_identifier
        pixels = seg.get_volume(segment_numbers=[lesion.number]).array
        assert np.count_nonzero(pixels) == np.count_nonzero(labels == lesion.number)
        assert described.algorithm_type.value == ("MANUAL" if lesion.drawn else "SEMIAUTOMATIC")
    current = {
        one.ReferencedSOPInstanceUID
        for study in (
            *report.CurrentRequestedProcedureEvidenceSequence,
            *report.get("PertinentOtherEvidenceSequence", ()),
        )
        for referred in study.ReferencedSeriesSequence
        for one in referred.ReferencedSOPSequence
    }
    every = {pydicom.dcmread(one, stop_before_pixels=True).SOPInstanceUID for one in series.iterdir()}
    assert current == every | {seg.SOPInstanceUID}


def test_it_has_what_the_template_asks_for(written):
    report = pydicom.dcmread(written[0])
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33" and report.Modality == "SR"
    (template,) = report.ContentTemplateSequence
    assert (template.TemplateIdentifier, template.MappingResource) == ("1500", "DCMR")
    assert report.ConceptNameCodeSequence[0].CodeValue == "126000", "Imaging Measurement Report"
    assert len(content_of(report, "Language of Content Item and Descendants")) == 1
    (procedure,) = content_of(report, "Procedure reported")
    assert procedure.ConceptCodeSequence[0].CodingSchemeDesignator == "LN"
    (measured,) = content_of(report, "Imaging Measurements")
    assert len(measured.ContentSequence) == 1 + len(LESIONS)
    assert [one.ConceptNameCodeSequence[0].CodeValue for one in measured.ContentSequence] == ["125007"] * 4
    (scheme,) = report.CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == "99NUS"
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert "research only" in report.SeriesDescription


def test_the_group_of_all_says_how_many_and_how_much(written):
    (whole,) = hd.sr.srread(written[0]).content.get_image_measurement_groups()
    found = {m.name.value: m.value for m in whole.get_measurements()}
    assert found == {"246206008": 3.0, "118565006": 58.5}


def test_it_names_the_reader_and_of_the_patient_only_what_the_study_repeats(written, series):
    report, source = pydicom.dcmread(written[0]), pydicom.dcmread(next(series.iterdir()))
    for keyword in ("PatientID", "PatientName", "PatientSex", "PatientBirthDate", "StudyDate",
                    "AccessionNumber"):  # fmt: skip
        assert report[keyword].value == source[keyword].value, keyword
    (reader,) = content_of(report, "Person Observer Name")
    assert str(reader.PersonName).rstrip("^") == "Zoë 李"
    for path in written:
        text = path.read_bytes()
        assert not [secret for secret in SECRETS.values() if secret.encode() in text]


def test_names_that_dicom_cannot_hold_as_they_are(series, scan, labels, tmp_path):
    odd = "a\\b^c=d" + "x" * 200
    path, _ = write_dicom_report(
        tmp_path / "r.dcm", labels, LESIONS, scan.grid, series, algorithm=MODEL, observer=odd
    )
    (reader,) = content_of(pydicom.dcmread(path), "Person Observer Name")
    assert str(reader.PersonName).startswith("a b c d") and len(str(reader.PersonName)) <= 64
    path, _ = write_dicom_report(tmp_path / "n.dcm", labels, LESIONS, scan.grid, series, algorithm=MODEL)
    assert not content_of(pydicom.dcmread(path), "Person Observer Name")


def test_a_patient_of_any_script_stays_who_it_is(tmp_path):
    folder = make_series(
        tmp_path / "s", "axial", SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg"
    )
    scan = read_volume(folder)
    labels = np.zeros(scan.grid.shape, np.uint16)
    labels[2, 2, 2] = 1
    path, seg = write_dicom_report(
        tmp_path / "r.dcm", labels, LESIONS[:1], scan.grid, folder, algorithm=MODEL, observer="李"
    )
    assert str(pydicom.dcmread(path).PatientName) == str(pydicom.dcmread(seg).PatientName) == "Müller^Jörg"


def test_without_a_lesion_the_report_says_so_and_there_is_no_seg(series, scan, tmp_path):
    nothing = np.zeros(scan.grid.shape, np.uint16)
    path, seg = write_dicom_report(tmp_path / "r.dcm", nothing, (), scan.grid, series, algorithm=MODEL)
    assert seg is None and list(tmp_path.iterdir()) == [path]
    content = hd.sr.srread(path).content
    assert not content.get_volumetric_roi_measurement_groups()
    (whole,) = content.get_image_measurement_groups()
    assert {m.name.value: m.value for m in whole.get_measurements()} == {"246206008": 0.0, "118565006": 0.0}


def test_many_lesions_each_have_a_segment(series, scan, tmp_path):
    many = [ReportedLesion(i, str(i), 1.0, 1.0, 0.5, 0.5, 0.1, "unknown", "") for i in range(1, 301)]
    labels = np.zeros(scan.grid.shape, np.uint16)
    labels.flat[: 40 * 2 : 2] = np.arange(1, 41)
    path, _ = write_dicom_report(tmp_path / "r.dcm", labels, many[:40], scan.grid, series, algorithm=MODEL)
    (measured,) = content_of(pydicom.dcmread(path), "Imaging Measurements")
    assert len(measured.ContentSequence) == 41
    labels.flat[: 300 * 2 : 2] = np.arange(1, 301)
    seg, uids = dicom_report._segmentation(read_series(series, scan.grid), labels, many, MODEL, True)
    assert seg.number_of_segments == len(set(uids)) == 300
    np.testing.assert_array_equal(seg.get_volume(segment_numbers=[300]).array.sum(), 1)


def test_what_cannot_be_written_is_refused_and_leaves_nothing(series, scan, labels, tmp_path, monkeypatch):
    def write(path, lesions=LESIONS, array=labels):
        write_dicom_report(path, array, lesions, scan.grid, series, algorithm=MODEL)

    for path, words in (
        (tmp_path / "r.pdf", "end the name in .dcm"),
        (series / "r.dcm", "choose another folder"),
        (tmp_path / "not there" / "r.dcm", "r"),
    ):
        before = sorted(series.iterdir())
        with pytest.raises(InputError, match=words):
            write(path)
        assert sorted(series.iterdir()) == before
    with pytest.raises(InputError, match="numbered from 1"):
        write(tmp_path / "r.dcm", LESIONS[1:])
    with pytest.raises(InputError, match="shape"):
        write(tmp_path / "r.dcm", array=labels[1:])

    def fail(*_, **__):
        raise ValueError("no good header")

    monkeypatch.setattr(hd.sr, "ComprehensiveSR", fail)
    with pytest.raises(InputError, match="do not allow a DICOM report"):
        write(tmp_path / "r.dcm")
    assert not list(tmp_path.iterdir()), "the SEG is not written either"
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(InputError, match="napari-uncertainseg\\[dicom\\]"):
        write(tmp_path / "r.dcm")


def test_the_place_in_the_report_is_one_of_ours():
    from napari_uncertainseg.explain.place.lesions import PLACES

    assert set(dicom_report._IN_WHITE_MATTER) < set(PLACES)


def test_the_date_is_that_of_the_series(series, tmp_path):
    def asked(path):
        return scan_date({"inputs": {"flair": {"path": None if path is None else str(path)}}})

    dated = make_series(tmp_path / "dated", AcquisitionDate="20240301")
    assert asked(dated) == "2024-03-01"
    odd = make_series(tmp_path / "odd", AcquisitionDate="", StudyDate="19991231")
    assert asked(odd) == "1999-12-31"
    (tmp_path / "x.nii").write_bytes(b"")
    assert asked(tmp_path / "x.nii") == asked(tmp_path / "gone") == asked(None) == scan_date({}) == ""
