"""The Explain dock: a lesion, a candidate or a painted region of a small random network's results."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QFileDialog

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.case import Case
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.dock import ExplainDock
from napari_uncertainseg.widgets.explain.options import MoreOptions
from napari_uncertainseg.widgets.layers.colours import SIGNED
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

from ..inference.conftest import make_scan
from ..random_models import write_model

PATIENCE = 60_000


@pytest.fixture(scope="module")
def segmented(tmp_path_factory):
    """A FLAIR and a T1 on thick slices, what a random network says of them, and the network's folder."""
    folder = write_model(tmp_path_factory.mktemp("explained") / "tiny")
    scan = make_scan((12, 30, 28), (3.0, 1.0, 1.0))
    scans = {
        "flair": replace(scan, name="FLAIR", modality="flair"),
        "t1": replace(scan, data=np.sqrt(scan.data), name="T1", modality="t1"),
    }
    return scans, Segmenter(folder, device="cpu").predict(scans, skull="removed"), folder


def make_layers(segmented):
    viewer, case = ViewerModel(), Case()
    made = ReviewLayers(viewer, case)
    for scan in segmented[0].values():
        data, options, _ = layer_data(scan)
        viewer.add_layer(Image(data, **options))
    return made


@pytest.fixture
def layers(qapp, segmented):
    made = make_layers(segmented)
    yield made
    made.cleanup()


@pytest.fixture
def dock(layers, shown, segmented):
    return make_dock(layers, shown, segmented)


def make_dock(layers, shown, segmented):
    preferences = PreferenceStore()
    preferences._kept = replace(preferences.load(), model=str(segmented[2]))
    preferences.load = lambda: preferences._kept
    made = ExplainDock(layers._case, layers, preferences)
    made.resize(420, 800)
    made.options.passes.setValue(2)
    return shown(made)


@pytest.fixture
def opened(dock, segmented):
    """The dock with the case open, at thresholds that give some lesions and candidates."""
    return open_case(dock, segmented)


def open_case(dock, segmented):
    scans, prediction, _ = segmented
    case = dock._case
    low, high = np.quantile(prediction.probability[prediction.brain], (0.97, 0.99))
    case.set_images(scans)
    case.open_prediction(replace(prediction, candidate_threshold=float(low)))
    case.threshold = round(float(high), 3)
    assert case.lesions.count > 1 and len(case.lesions.candidate_table)
    return dock


def select(dock, row=0, *, candidates=False):
    lesions = dock._case.lesions
    one = (lesions.candidate_table if candidates else lesions.table).iloc[row]
    dock._case.select(tuple(int(one[f"slice_{axis}"]) for axis in "sar"))
    return int(one["label"])


def finish(qtbot, dock):
    qtbot.waitUntil(lambda: dock.work.jobs.state is JobState.IDLE, timeout=PATIENCE)


def explain(qtbot, dock):
    dock.button.click()
    finish(qtbot, dock)
    assert dock.answer is not None and dock.answer.complete, dock.message.text()


def maps(dock):
    return [x.name for x in dock._layers.viewer.layers if x.name.startswith(("saliency", "Grad"))]


def test_all_of_a_lesion_from_before_and_written(qtbot, opened, tmp_path, monkeypatch):
    dock, layers = opened, opened._layers.viewer.layers
    assert dock.empty.text() == texts.CHOOSE and not dock.button.isEnabled()
    number = select(dock)
    dock.show_keys({"explain": "Shift+E"})
    assert dock.empty.text() == f"Lesion {number} is not explained yet: press Explain (Shift+E)."
    explain(qtbot, dock)
    tiny = f"lesion {number}, tiny"
    assert maps(dock) == [
        f"saliency FLAIR, {tiny} (logits per unit)",
        f"saliency T1, {tiny} (logits per unit)",
        f"Grad-CAM++, {tiny} (no unit)",
    ]
    flair, t1, cam = (layers[name] for name in maps(dock))
    assert is_result(flair) and flair.visible and not (t1.visible or cam.visible)
    assert flair.colormap.name == SIGNED and flair.contrast_limits == t1.contrast_limits
    assert flair.contrast_limits[0] == -flair.contrast_limits[1] < 0
    assert f"{flair.contrast_limits[1]:.0e}"[0] in "1246"  # round: so the colour bar has numbers beside 0
    assert flair.colormap.map(np.array([0.5]))[0][3] == 0  # clear at 0
    assert layers.index(flair) < layers.index(layers["lesions"])
    panel = dock.results
    assert f"Lesion {number}: " in panel.heading.text() and "Model: tiny." in panel.heading.text()
    assert panel.changes_sentence.text().startswith("The model")
    assert (
        "the paper says 7 mm" in panel.context_sentence.text() or "Not found" in panel.context_sentence.text()
    )
    assert texts.WARNING in panel.notes.text() and "plain pass" in panel.notes.text()
    assert "Places are unknown" in panel.place.text() or "Place: " in panel.place.text()
    assert panel.doubt.text().endswith(".") and panel.doubt.toolTip()
    if "OpenVINO" in dock._case.original.information["device"]:
        assert "torch took over" in panel.notes.text()
    panel.shown.setCurrentIndex(panel.shown.findData("gradcam"))
    assert cam.visible and not flair.visible and panel.legend.text() == texts.LEGEND_CAM
    layers.remove(t1)
    before, dock.work.jobs.start = dock.work.jobs.start, None  # nothing is computed again
    dock.button.click()
    assert dock.message.text() == texts.FROM_BEFORE and len(maps(dock)) == 2
    panel.shown.setCurrentIndex(panel.shown.findData("saliency_t1"))
    assert len(maps(dock)) == 3 and layers[maps(dock)[-1]].visible and not cam.visible
    dock.work.jobs.start = before
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    panel.export.click()
    about = json.loads((tmp_path / "explanation.json").read_text())
    assert about["network"] == 1 and about["settings"]["passes"] == 2 and about["regions"][0]["sentence"]
    assert len(about["settings"]["prediction_sha256"]) == 64
    written = read_volume(tmp_path / f"lesion{number}_saliency_flair.nii.gz")
    np.testing.assert_allclose(written.data, flair.data, rtol=1e-6)
    facts = about["regions"][0]["facts"]
    assert facts["doubt"] == panel.doubt.text() and about["columns"]["noise"]["unit"] == "SD"
    (row,) = read_tsv(tmp_path / "drivers.tsv").to_dict("records")
    size = dock._case.lesions.table.set_index("label").loc[number, "volume_mm3"]
    assert row["region"] == f"lesion{number}" and row["volume_mm3"] == pytest.approx(size)
    panel.export.click()
    assert "not empty" in dock.message.text()


def test_a_folder_opened_again(qtbot, opened, tmp_path, monkeypatch):
    dock, layers, panel = opened, opened._layers.viewer.layers, opened.results
    number = select(dock)
    explain(qtbot, dock)

    def said():
        labels = (panel.doubt, panel.place, panel.context_sentence, panel.changes_sentence, panel.notes)
        return [label.text() for label in labels]

    shown, flair = said(), layers[maps(dock)[0]].data.copy()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    panel.export.click()
    select(dock, 1)  # another lesion is selected, which is not explained
    assert dock.answer is None
    dock.choice.open.click()
    assert dock.region.currentText() == f"lesion {number}, from the folder '{tmp_path.name}'"
    assert said() == shown and not dock.button.isEnabled() and not dock.options.isVisible()
    assert panel.passes.text().endswith("It was made with: average, 2 passes.")
    assert maps(dock)[0] == f"saliency FLAIR, lesion {number}, tiny (logits per unit)"
    np.testing.assert_allclose(layers[maps(dock)[0]].data, flair, rtol=1e-6)
    select(dock)  # on to what is selected
    assert dock.options.isVisible() and dock.region.currentIndex() == 0
    assert dock._request().answered_by(dock.answer)
    select(dock, 1)
    assert dock.answer is None and not maps(dock)
    about = json.loads((tmp_path / "explanation.json").read_text())
    about["settings"]["prediction_sha256"] = "0" * 64
    (tmp_path / "explanation.json").write_text(json.dumps(about))
    dock.choice.open.click()
    assert "other results" in dock.message.text() and dock.answer is None
    dock.region.setCurrentIndex(1)
    dock._case.close_prediction()
    assert dock.region.count() == 1 and dock.answer is None


def test_what_is_chosen_is_what_is_shown(qtbot, opened):
    dock, case = opened, opened._case
    select(dock)
    explain(qtbot, dock)
    first = dock.answer
    dock.button.click()
    assert dock.message.text() == texts.FROM_BEFORE
    candidate = select(dock, candidates=True)
    assert dock.answer is None and not maps(dock)
    assert dock.empty.text().startswith(f"Candidate {candidate} is not explained")
    assert dock.message.text() == ""  # that something is from before was about the lesion
    explain(qtbot, dock)
    assert f"Candidate {candidate}: " in dock.results.heading.text()
    select(dock)
    assert dock.answer is first and len(maps(dock)) == 3
    dock.options.passes.setValue(3)
    assert dock.answer is None
    again = MoreOptions()  # as when the dock is closed and opened again
    again.choose(dock._remembered["explain"])
    assert again.chosen.text() == "average, 3 passes" and again.setting == dock.options.setting
    dock.options.choose(replace(again.setting, passes=2, stage="decoder.9", network=3))
    assert dock.options.chosen.text() == "average, 2 passes, Grad-CAM++ at decoder.9, network 3"
    dock.options.forget()  # the next patient: what is chosen stays chosen
    assert dock.options.setting.network == 3
    explain(qtbot, dock)  # which this model does not have
    assert dock.message.text() == texts.not_there(["Grad-CAM++ stage decoder.9", "network 3"])
    assert dock.options.chosen.text() == "average, 2 passes"
    assert dock._remembered["explain"] == dock.options.setting == dock.answer.setting
    first = dock.answer
    dock.options.passes.setValue(3)
    dock.options.passes.setValue(2)
    assert dock.answer is first
    case.threshold += 0.01  # lesions are outlined anew
    assert dock.answer is None and not maps(dock)
    case.threshold -= 0.01
    case.recalibrate(Temperature(0.0, 0.0, 1.001))
    assert dock._request().threshold == case.original.threshold and "recalibrated" in dock._request().notes[0]
    case.close_prediction()
    assert dock.empty.text() == texts.NO_PREDICTION and not dock.work.kept and not maps(dock)


def test_a_painted_region(qtbot, opened, segmented):
    dock, scan = opened, segmented[0]["flair"]
    painted = np.zeros(scan.grid.shape, np.uint8)
    _, options, _ = layer_data(scan)
    place = {name: options[name] for name in ("scale", "translate")}
    layer = dock._layers.viewer.add_labels(painted, name="mine", **place)
    dock.region.setCurrentIndex(dock.region.findData("mine"))
    assert "nothing is painted with label 1" in dock.empty.text() and not dock.button.isEnabled()
    painted[6, 14:16, 13:15] = 2
    layer.selected_label = 2
    assert dock.button.isEnabled()
    painted[6, 14:16, 13:15] = layer.selected_label = 1
    explain(qtbot, dock)
    assert "Label 1 of 'mine': 4 voxels" in dock.results.heading.text()
    layer.name = "yours"
    assert dock.region.currentData() == "yours" and "Label 1 of 'yours'" in dock.results.heading.text()
    assert maps(dock) and all("of 'yours'" in name for name in maps(dock))
    layer.selected_label = 2
    assert dock.answer is None and "nothing is painted with label 2" in dock.empty.text()
    layer.selected_label = 1
    assert dock.answer is not None and dock.results.isVisible()
    painted[:] = 0
    painted[0, 0, 0] = 1  # outside the brain
    dock.choice.on_edited("yours")
    dock.button.click()
    qtbot.waitUntil(lambda: "outside the brain" in dock.message.text(), timeout=PATIENCE)
    number = select(dock)
    painted[:] = dock._case.lesions.labels == number
    dock.choice.on_edited("yours")
    explain(qtbot, dock)
    assert dock.results.heading.text().startswith("Label 1 of") and dock.answer.chosen.lesion == 0
    dock.region.setCurrentIndex(0)  # the same voxels, as a lesion: of that nothing is known yet
    assert dock.answer is None and dock.empty.text().startswith(f"Lesion {number} is not explained")
    dock._layers.viewer.layers.remove(layer)
    assert dock.region.currentData() is None


def test_a_place_is_told_where_doubt_cannot_be_explained(qtbot, opened, monkeypatch):
    def refuse(*_, **__):
        raise InputError("The T1 is of another head.")

    monkeypatch.setattr("napari_uncertainseg.explain.drivers.of_case.drivers_of_case", refuse)
    dock = opened
    select(dock)
    explain(qtbot, dock)
    told = dock.results.place.text()
    assert "mm to the brain's edge" in told and told.endswith("The T1 is of another head.")
    assert not dock.results.doubt.isVisible()


def test_a_threshold_that_moves_meanwhile(qtbot, opened):
    dock, case = opened, opened._case
    select(dock)
    asked = case.threshold
    dock.button.click()
    case.threshold = asked + 1e-6  # the same lesions, of another request
    finish(qtbot, dock)
    assert dock.answer is None and not maps(dock) and dock.button.isEnabled()
    case.threshold = asked
    assert dock.answer is not None and dock.answer.complete and dock.answer.threshold == asked
    number = case.lesions.component_at(case.selected)  # which may be another one now
    assert dock.results.heading.text().startswith(f"Lesion {number}: ")
    assert maps(dock)[0].startswith(f"saliency FLAIR, lesion {number}, ")


def test_cancelled_and_another_patient_meanwhile(qtbot, opened, segmented, monkeypatch):
    dock, case = opened, opened._case
    running = select(dock)
    dock.options.passes.setValue(500)
    dock.button.click()
    assert dock.empty.text() == f"Lesion {running} is being explained …"
    qtbot.waitUntil(lambda: dock.answer is not None, timeout=PATIENCE)
    assert dock.button.text() == "Cancel" and not dock.results.export.isEnabled()
    other = select(dock, 1)  # another lesion meanwhile: what comes is of the first, and is not shown
    qtbot.wait(100)
    assert dock.answer is None and not maps(dock)
    assert dock.empty.text() == texts.being_explained(f"lesion {other}", f"lesion {running}")
    select(dock)
    assert dock.answer is not None and not dock.answer.complete
    dock.button.click()
    qtbot.waitUntil(lambda: dock.work.jobs.state is JobState.IDLE, timeout=5000)
    assert dock.message.text() == texts.CANCELLED and not dock.work.kept
    select(dock, 1)
    assert dock.message.text() == "" and dock.empty.text() == texts.not_yet(f"lesion {other}", "")
    select(dock)
    assert dock.message.text() == texts.CANCELLED
    dock.button.click()
    select(dock, 1)
    dock.button.click()
    finish(qtbot, dock)
    assert dock.message.text() == texts.cancelled(f"lesion {running}")
    select(dock)
    dock.button.click()
    qtbot.waitUntil(
        lambda: dock.work.jobs.state is JobState.RUNNING and bool(dock.work.told), timeout=PATIENCE
    )
    case.open_prediction(replace(segmented[1], information={}))
    finish(qtbot, dock)
    assert dock.answer is None and not maps(dock) and not dock.work.kept and dock.message.text() == ""
    assert dock.empty.text() == texts.NO_MODEL
    select(dock)
    dock.button.click()
    qtbot.waitUntil(lambda: "No model made these results" in dock.message.text(), timeout=PATIENCE)


def test_scans_or_model_that_are_not_at_hand(qtbot, opened, segmented, tmp_path):
    dock, case, scans = opened, opened._case, segmented[0]
    case.set_images({"flair": scans["flair"]})
    select(dock)
    dock.button.click()
    qtbot.waitUntil(lambda: "T1 that was segmented is not open" in dock.message.text(), timeout=PATIENCE)
    case.set_images(scans)
    other = write_model(tmp_path / "tiny", networks=2)  # another network than that of the results
    dock._preferences._kept = replace(dock._preferences._kept, model=str(other))
    dock.button.click()
    qtbot.waitUntil(lambda: "There is no model 'tiny'" in dock.message.text(), timeout=PATIENCE)


def test_nothing_during_an_exercise(qtbot, opened):
    dock, layers = opened, opened._layers
    select(dock)
    explain(qtbot, dock)
    layers.blind()
    assert not maps(dock) and not dock.results.isVisible()
    dock.options.passes.setValue(3)
    dock.act("explain")
    assert dock.work.jobs.state is JobState.IDLE and not maps(dock)
    dock._show_answer(next(iter(dock.work.kept.values())))
    assert not maps(dock)
    layers.unblind()
    dock.options.passes.setValue(2)
    assert dock.answer is not None and len(maps(dock)) == 3


def test_two_windows_and_one_closed_in_the_middle(qtbot, opened, shown, segmented):
    layers = make_layers(segmented)
    other = open_case(make_dock(layers, shown, segmented), segmented)
    for dock, passes in ((opened, 4), (other, 500)):
        select(dock)
        dock.options.passes.setValue(passes)
        dock.button.click()
    qtbot.waitUntil(lambda: bool(other.work.told), timeout=PATIENCE)
    worker = other.work.jobs._worker
    other.cleanup()
    layers.cleanup()
    qtbot.waitUntil(lambda: worker.join(0), timeout=5000)
    assert not other.work.kept
    finish(qtbot, opened)  # Cancel in one window is none in the other
    assert opened.answer.complete and opened.answer.explanation.saliency["passes"] == 4
