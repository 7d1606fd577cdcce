"""Lesions that experts outlined in real patients, explained by the bundled network with real clicks."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QPoint, Qt
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.scans.volumes import layer_data, volume_of
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.window import open_review

from ..builders import make_prediction
from .actions import click

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.slow]
LEFT = Qt.MouseButton.LeftButton
PATIENCE = 240_000


@pytest.fixture(scope="module")
def model():
    from napari_uncertainseg.networks.catalog import find_model

    try:
        return find_model("bundled")
    except InputError as error:
        pytest.skip(f"no bundled model: {error}")


def open_patient(viewer, model, flair_file, lesions_file, brain_file=None):
    """The window with a FLAIR whose results are the expert's lesions, as if the model had found them."""
    review = open_review(viewer)
    data, options, _ = layer_data(read_volume(flair_file, modality="flair"))
    layer = Image(data, **options)
    viewer.add_layer(layer)
    flair = volume_of(layer, "flair")
    expert = read_labels(lesions_file, flair.grid).data > 0
    given = brain_file is not None
    brain = read_labels(brain_file, flair.grid).data > 0 if given else flair.data > 0
    said = {
        "model": model.name,
        "model_sha256": model.sha256,
        "method": "one-pass",
        "inputs": {"flair": {"scan_sha256": scan_sha256(flair)}},
        "brain": "given" if given else "already stripped",
        "bias_corrected": False,
    }
    soft = ndimage.gaussian_filter(expert.astype(np.float32), 0.5) * brain
    prediction = make_prediction(
        np.clip(soft, 0, 0.99), grid=flair.grid, brain=brain, threshold=0.5, information=said
    )
    review.case.set_images({"flair": flair})
    review.case.open_prediction(prediction)
    return review


def click_row(qtbot, review):
    """Click on the first lesion of 30 to 400 mm3 in the list."""
    review.show_dock("lesions")
    view = review.lesions.table
    qtbot.waitUntil(view.isVisible, timeout=5000)
    table = review.case.lesions.table
    label = int(table[table["volume_mm3"].between(30, 400)]["label"].iloc[0])
    index = view.lesions.index(view.lesions.row(label), 0)
    view.scrollTo(index)
    qtbot.mouseClick(view.viewport(), LEFT, pos=view.visualRect(index).center())
    assert view.selected == label
    return label


def is_known(dock, *, changes):
    """Whether there are a map and a place, and counterfactuals where they are waited for."""
    answer = dock.answer
    done = answer is not None and answer.facts is not None
    return done and (answer.explanation.changes is not None or not changes)


def explain_by_clicks(qtbot, viewer, review, *, changes):
    """Select in the list, press Explain, see the first parts, press Cancel."""
    label = click_row(qtbot, review)
    review.open_dock("explain")
    dock = review.explain
    qtbot.waitUntil(dock.button.isVisible, timeout=5000)
    dock.options.passes.setValue(1)
    assert f"Lesion {label} is not explained yet" in dock.empty.text()
    click(qtbot, dock.button)
    qtbot.waitUntil(lambda: is_known(dock, changes=changes) or bool(dock.message.text()), timeout=PATIENCE)
    assert is_known(dock, changes=changes), dock.message.text()
    panel = dock.results
    assert f"Lesion {label}: " in panel.heading.text() and "Model: bundled" in panel.heading.text()
    assert panel.changes.isVisible() or not changes
    assert panel.changes_sentence.text().startswith("The model") or not changes
    assert panel.place.text().startswith("Place: ") and "mm to the ventricles" in panel.place.text()
    assert panel.doubt.text().endswith(".")
    flair = viewer.layers[f"saliency FLAIR, lesion {label}, {dock.answer.short_model} (logits per unit)"]
    region = dock.answer.chosen.region
    inside = flair.data[region.box][region.inside]
    assert inside.mean() > 0  # as published, and as docs/explain.md found
    if dock.work.jobs.state is JobState.RUNNING:
        click(qtbot, dock.button)
        qtbot.waitUntil(lambda: dock.work.jobs.state is JobState.IDLE, timeout=5000)
        assert dock.message.text() == texts.CANCELLED and flair in viewer.layers
    return label


def click_in_image(qtbot, viewer, review, other_than):
    """Click on the middle of the image, where another lesion was brought to before."""
    table = review.case.lesions.table
    row = table[(table["label"] != other_than) & (table["volume_mm3"] > 300)].iloc[0]
    voxel = tuple(int(row[f"slice_{axis}"]) for axis in "sar")
    review.layers.go_to(voxel)
    qtbot.wait(200)
    canvas = viewer.window._qt_viewer.canvas.native

    def selected():
        return review.lesions.tables[0].selected == int(row["label"])

    for turn in range(200):  # a busy machine draws late, and a click counts where the picture is
        if turn % 10 == 0:
            qtbot.mouseClick(canvas, LEFT, pos=QPoint(canvas.width() // 2, canvas.height() // 2))
        if selected():
            break
        qtbot.wait(100)
    assert selected()
    assert f"Lesion {int(row['label'])} is not explained yet" in review.explain.empty.text()
    assert not [x for x in viewer.layers if x.name.startswith("saliency")]


def end(qtbot, review):
    """Let a pass that was cancelled end: no thread may be left."""
    worker = review.explain.work.jobs._worker
    if worker is not None:
        qtbot.waitUntil(lambda: worker.join(0), timeout=PATIENCE)


def test_patient_19(make_viewer, qtbot, model, shared_data):
    patient = shared_data / "3d-mr-ms" / "patient19"
    if not patient.is_dir():
        pytest.skip(f"no real data: {patient} is missing")
    viewer = make_viewer()
    review = open_patient(viewer, model, patient / "FLAIR.nii.gz", patient / "lesions.nii.gz")
    label = explain_by_clicks(qtbot, viewer, review, changes=True)
    click_in_image(qtbot, viewer, review, label)
    end(qtbot, review)


def test_ms3seg_on_thick_slices(make_viewer, qtbot, model, shared_data):
    patient = shared_data / "ms3seg" / "104899"
    if not patient.is_dir():
        pytest.skip(f"no real data: {patient} is missing")
    viewer = make_viewer()
    masks = patient / "lesion.nii.gz", patient / "brainmask.nii.gz"
    review = open_patient(viewer, model, patient / "flair.nii.gz", *masks)
    explain_by_clicks(qtbot, viewer, review, changes=False)
    end(qtbot, review)
