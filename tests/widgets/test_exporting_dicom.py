"""The button that writes the reviewed lesions as DICOM SEG: when it may be pressed, and what it writes."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

pydicom = pytest.importorskip("pydicom", reason="DICOM SEG needs the extra 'dicom'")
pytest.importorskip("highdicom", reason="DICOM SEG needs the extra 'dicom'")

from napari_uncertainseg.case import Case  # noqa: E402
from napari_uncertainseg.images.files import read_volume  # noqa: E402
from napari_uncertainseg.widgets.lesions import export as exporting  # noqa: E402
from napari_uncertainseg.widgets.lesions.export import ExportPanel  # noqa: E402

from ..images.dicom_series import frames_of, make_series  # noqa: E402
from .fakes import fake_prediction  # noqa: E402


@pytest.fixture
def series(tmp_path):
    return make_series(tmp_path / "series & <b>more</b>", "axial", shape=(12, 30, 26))


@pytest.fixture
def from_dicom(series):
    """A prediction of two lesions in a scan that was read from a DICOM folder."""
    grid = read_volume(series).grid
    mask = np.zeros(grid.shape, bool)
    mask[2:5, 4:10, 4:10] = mask[7:10, 16:22, 14:20] = True
    return _told(fake_prediction(mask, grid), str(series))


def _told(prediction, path):
    known = {"inputs": {"flair": {"name": "FLAIR", "path": path, "sha256": None}}, "model": "fake"}
    return replace(prediction, information={**prediction.information, **known})


@pytest.fixture
def case():
    return Case()


@pytest.fixture
def panel(qtbot, case):
    made = ExportPanel(case, lambda: None)
    made.show()
    yield made
    made.cleanup()
    made.cleanup()
    made.close()
    made.deleteLater()
    qtbot.wait(10)


def test_the_button_waits_for_a_flair_from_a_dicom_series(panel, case, prediction, from_dicom, tmp_path):
    assert not panel.seg_button.isEnabled()
    case.open_prediction(prediction)
    assert not panel.seg_button.isEnabled() and panel.results_button.isEnabled()
    assert "no file of its own" in panel.seg_button.toolTip()
    (tmp_path / "flair.nii.gz").write_bytes(b"")
    case.open_prediction(_told(prediction, str(tmp_path / "flair.nii.gz")))
    assert not panel.seg_button.isEnabled()
    assert "not a DICOM series" in panel.seg_button.toolTip()
    case.open_prediction(from_dicom)
    assert panel.seg_button.isEnabled()
    assert "series &amp; &lt;b&gt;more" in panel.seg_button.toolTip()
    case.close_prediction()
    assert not panel.seg_button.isEnabled()


def test_without_highdicom_the_tooltip_says_what_to_install(panel, case, from_dicom, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    case.open_prediction(from_dicom)
    assert not panel.seg_button.isEnabled()
    assert "napari-uncertainseg[dicom]" in panel.seg_button.toolTip()


def test_the_lesions_are_written_as_they_were_reviewed(qtbot, panel, case, from_dicom, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "ask_file", lambda *_: tmp_path / "lesions.dcm")
    case.open_prediction(from_dicom)
    rejected = tuple(int(v) for v in np.argwhere(case.lesions.labels == 1)[0])
    case.review.judge(rejected, "rejected")
    kept = case.lesions.labels == 2
    qtbot.mouseClick(panel.seg_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.message.text().startswith("Saved the reviewed"), timeout=10_000)
    assert str(tmp_path / "lesions.dcm") in panel.message.text()
    frames = frames_of(tmp_path / "lesions.dcm")
    assert sum(mask.sum() for mask, _, _ in frames) == kept.sum()
    planes = {round(float(affine[2, 3] + 12) / 3.3) for _, affine, _ in frames}
    assert planes == set(np.flatnonzero(kept.any((1, 2))))
    (segment,) = pydicom.dcmread(tmp_path / "lesions.dcm").SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert case.review.unsaved, "verdicts are not all in there"


def test_what_cannot_be_written_is_said_and_giving_up_writes_nothing(
    qtbot, panel, case, from_dicom, series, monkeypatch
):
    case.open_prediction(from_dicom)
    monkeypatch.setattr(exporting, "ask_file", lambda *_: None)
    panel.export_seg()
    assert panel.message.text() == ""
    before = sorted(series.iterdir())
    monkeypatch.setattr(exporting, "ask_file", lambda *_: series / "lesions.dcm")
    panel.export_seg()
    qtbot.waitUntil(lambda: "Not saved" in panel.message.text(), timeout=10_000)
    assert "choose another folder" in panel.message.text()
    assert sorted(series.iterdir()) == before
    assert panel.seg_button.isEnabled()
