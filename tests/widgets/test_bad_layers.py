"""Layers that cannot be what they were chosen for: one sentence in the dock, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import Qt

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.segment import leaving_case as leaving
from napari_uncertainseg.widgets.segment.dock import SegmentDock
from napari_uncertainseg.widgets.segment.options import Choices, MethodChoice

from .fakes import FakeSegmenter, fake_prediction

CHOICES = Choices(
    (("small", "A small model."),), (MethodChoice("one-pass", "One pass", "", {"small": (5, 5)}),), "CPU"
)


class PreparingSegmenter(FakeSegmenter):
    """Prepares the scans as the real one does, and then needs no network."""

    def predict(self, images, *, mask=None, skull="auto", bias_correction="auto", progress, **options):
        from napari_uncertainseg.images.preparation.prepare import prepare

        prepared = prepare(images, mask=mask, progress=progress)
        found = fake_prediction(prepared.channels["flair"] > 2, prepared.grid)
        return replace(found, information={"seconds": {"total": 1.0}, "notes": prepared.notes})


@pytest.fixture
def viewer(qtbot):
    return ViewerModel()


@pytest.fixture
def dock(viewer, qtbot):
    layers = ReviewLayers(viewer, Case())
    made = SegmentDock(layers._case, layers, make_segmenter=PreparingSegmenter, load=lambda: CHOICES)
    made.show()
    qtbot.waitUntil(lambda: made.settings.device.text() == "CPU", timeout=2000)
    yield made
    made.cleanup()
    layers.cleanup()
    made.close()
    made.deleteLater()
    qtbot.wait(1)


def _choose(dock, role, name):
    box = dock.findChild(object, f"role-{role}")
    index = box.findText(name)
    assert index >= 0
    box.setCurrentIndex(index)
    box.activated.emit(index)


def _refused(dock, viewer, qtbot):
    """Press Run; what the dock says when nothing may have changed."""
    before = list(viewer.layers)
    qtbot.mouseClick(dock.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.message.text().startswith("⚠"), timeout=20_000)
    assert list(viewer.layers) == before and dock._case.prediction is None
    assert dock.run.text() == "Run" and dock.run.isEnabled()
    told = dock.message.text()
    assert told.count("\n") == 0 and "error" not in told.lower()
    return told


ARRAYS = {
    "RGB": (np.zeros((8, 20, 20, 3), np.uint8), {"rgb": True}, "colour (RGB) image"),
    "2-D": (np.zeros((20, 20)), {}, "two-dimensional"),
    "one slice": (np.zeros((1, 20, 20)), {}, "two-dimensional"),
    "4-D": (np.zeros((2, 8, 20, 20)), {}, "4 dimensions"),
    "multiscale": ([np.zeros((8, 20, 20)), np.zeros((4, 10, 10))], {"multiscale": True}, "multiscale image"),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("role", ["flair", "t1"])
def test_an_image_that_is_no_scan(viewer, dock, qtbot, flair, kind, role):
    data, options, told = ARRAYS[kind]
    scan, arguments, _ = layer_data(flair)
    viewer.add_layer(Image(scan, **arguments))
    viewer.add_layer(Image(data, name="odd", **options))
    _choose(dock, role, "odd")
    said = _refused(dock, viewer, qtbot)
    assert told in said and "'odd'" in said
    assert "choose" in said or "open" in said


def test_points_shapes_and_labels_are_not_offered_as_scans(viewer, dock, flair):
    viewer.add_points(np.zeros((2, 3)), name="FLAIR points")
    viewer.add_shapes(name="FLAIR shapes")
    viewer.add_labels(np.zeros((8, 20, 20), int), name="FLAIR labels")
    box = dock.findChild(object, "role-flair")
    assert [box.itemText(i) for i in range(box.count())] == ["choose a scan"]
    assert not dock.run.isEnabled() and "drop a NIfTI" in dock.empty.text() and dock.empty.isVisible()


def test_no_flair_among_the_scans(viewer, dock, qtbot, flair):
    for name in ("T1", "T2"):
        data, arguments, _ = layer_data(Volume(flair.data, flair.grid, name))
        viewer.add_layer(Image(data, **arguments))
    assert "Choose the layer that is the FLAIR" in _refused(dock, viewer, qtbot)


@pytest.mark.slow
def test_the_t1_of_another_patient_is_said_to_be_one(viewer, dock, qtbot, shared_data, monkeypatch):
    files = (
        shared_data / "3d-mr-ms" / "patient07" / "FLAIR.nii.gz",
        shared_data / "stroke-flair" / "T1.nii.gz",
    )
    if not all(path.is_file() for path in files):
        pytest.skip(f"no real data: {files[0]} or {files[1]} is missing")
    for path in files:
        data, arguments, _ = layer_data(read_volume(path))
        viewer.add_layer(Image(data, **arguments))
    assert dock.roles.layer("t1") is None  # it is not offered
    _choose(dock, "t1", "T1")
    asked = []
    monkeypatch.setattr(leaving, "ask_yes_no_cancel", lambda *words: asked.append(words[2]) or True)
    with qtbot.waitSignal(dock.done, timeout=90_000):
        qtbot.mouseClick(dock.run, Qt.MouseButton.LeftButton)
    assert len(asked) == 1 and "it lies in another folder" in asked[0]
    assert "'T1' has little in common with 'FLAIR': check that both show the same patient" in (
        dock.message.text()
    )
