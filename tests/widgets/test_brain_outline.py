"""The outline of the brain: found, shown, looked at before a strange one is used, and mended by painting."""

from dataclasses import replace
from functools import partial
from threading import Event

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import Qt

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.preparation import brain_search
from napari_uncertainseg.images.preparation.found_brain import MENDED, FoundBrain
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.segment.dock import SegmentDock
from napari_uncertainseg.widgets.segment.options import Choices, MethodChoice

from .fakes import FakeSegmenter

CHOICES = Choices(
    (("small", "A small model."),), (MethodChoice("one-pass", "One pass", "", {"small": (5, 5)}),), "CPU"
)
OUTLINE, MENDING = "brain (outline)", "brain of FLAIR"
HELD = "brain for the next run (outline)"


class Looking(FakeSegmenter):
    """Looks at a brain before it segments, as the real one does, and remembers what it was given."""

    def __init__(self, *args, found, asked, **options):
        super().__init__(*args, **options)
        self._found, self._given = found, asked

    def predict(self, images, *, brain=None, look, **options):
        self._given.append(brain)
        used = brain or self._found
        look(used)
        made = super().predict(images, look=look, **options)
        information = {**made.information, "brain": used.source, "notes": list(used.notes)}
        return replace(made, brain=used.mask, information=information)


@pytest.fixture
def brain(grid):
    found = np.zeros(grid.shape, bool)
    found[2:22, 4:36, 4:28] = True
    return found


@pytest.fixture
def viewer(qtbot):
    return ViewerModel()


@pytest.fixture
def layers(viewer):
    made = ReviewLayers(viewer, Case())
    yield made
    made.cleanup()


@pytest.fixture
def asked():
    """The brains that the segmenter was given."""
    return []


@pytest.fixture
def make_dock(layers, qtbot, brain, asked):
    docks = []

    def make(strange=""):
        found = FoundBrain(brain, "network", (strange,) if strange else (), strange)
        segmenter = partial(Looking, found=found, asked=asked)
        dock = SegmentDock(layers._case, layers, make_segmenter=segmenter, load=lambda: CHOICES)
        dock.show()
        docks.append(dock)
        qtbot.waitUntil(lambda: dock.device.text() == "CPU", timeout=2000)
        return dock

    yield make
    for dock in docks:
        dock.cleanup()
        dock.close()
        dock.deleteLater()
    qtbot.wait(1)


def _add(viewer, volume, kind="image", **options):
    data, own, _ = layer_data(volume, kind)
    return viewer.add_layer((Image if kind == "image" else Labels)(data, **{**own, **options}))


def _click(qtbot, button):
    assert button.isVisible() and button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def _run(qtbot, dock, button=None):
    with qtbot.waitSignal(dock.done, timeout=5000):
        _click(qtbot, button or dock.run)


def _masks(dock):
    box = dock.findChild(object, "role-mask")
    return [box.itemText(i) for i in range(box.count())], box.currentText()


# -- before a run ------------------------------------------------------------------------------


def test_a_strange_brain_is_said_before_the_segmentation_and_the_user_may_go_on(
    viewer, layers, make_dock, qtbot, flair, brain
):
    dock = make_dock(strange="The brain found in 'FLAIR' looks strange: it has a hole. Look at its outline.")
    _add(viewer, flair)
    assert not dock.brain.go_on.isVisible()
    _click(qtbot, dock.run)
    qtbot.waitUntil(lambda: "looks strange" in dock.message.text(), timeout=3000)
    assert dock.message.text().startswith("⚠ Not segmented yet.") and layers._case.prediction is None
    assert dock.run.text() == "Run" and dock.run.isEnabled()
    assert np.array_equal(viewer.layers[HELD].data > 0, brain) and dock.brain.shown.isChecked()
    _run(qtbot, dock, dock.brain.go_on)
    assert "looks strange" in dock.message.text()  # as a note of the run
    assert not dock.brain.go_on.isVisible()
    assert np.array_equal(viewer.layers[OUTLINE].data > 0, layers._case.prediction.brain)


def test_run_alone_does_not_go_on_with_a_strange_brain(viewer, layers, make_dock, qtbot, flair):
    dock = make_dock(strange="The brain looks strange: it is in two pieces.")
    _add(viewer, flair)
    for _ in range(2):
        _click(qtbot, dock.run)
        qtbot.waitUntil(lambda: "two pieces" in dock.message.text(), timeout=3000)
    assert layers._case.prediction is None


def test_the_brain_is_found_without_a_run_and_the_next_run_uses_it(
    viewer, layers, make_dock, qtbot, flair, brain, asked, monkeypatch
):
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: brain)
    dock = make_dock()
    assert not dock.brain.search.isEnabled() and not dock.brain.mend.isEnabled()
    _add(viewer, flair)
    _click(qtbot, dock.brain.search)
    qtbot.waitUntil(lambda: HELD in viewer.layers, timeout=3000)
    assert "0.046 l" in dock.message.text() and layers._case.prediction is None
    assert dock.brain.mend.isEnabled() and dock.run.isEnabled()
    with qtbot.waitSignal(dock.done, timeout=5000):
        _click(qtbot, dock.brain.go_on)  # so little is strange
    assert np.array_equal(asked[-1].mask, brain)


def test_a_brain_that_was_found_holds_for_its_scan_and_skull_only(
    viewer, make_dock, qtbot, flair, brain, asked, monkeypatch
):
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: brain)
    dock = make_dock()
    layer = _add(viewer, flair)
    for change in (
        lambda: dock.skull.setCurrentIndex(dock.skull.findData("present")),
        lambda: _add(viewer, replace(flair, name="T1", modality="t1")),
        lambda: setattr(layer, "data", layer.data[::-1].copy()),
    ):
        _click(qtbot, dock.brain.search)
        qtbot.waitUntil(lambda: HELD in viewer.layers, timeout=3000)
        change()
        dock.roles.refill()
        assert HELD not in viewer.layers and not dock.brain.go_on.isVisible() and not dock.message.text()
    _run(qtbot, dock)
    assert asked == [None]


# -- mending -----------------------------------------------------------------------------------


@pytest.fixture
def mending(viewer, make_dock, qtbot, flair):
    """A dock after a run, and the layer on which its brain is mended."""
    dock = make_dock()
    _add(viewer, flair)
    _run(qtbot, dock)
    _click(qtbot, dock.brain.mend)
    return dock, viewer.layers[MENDING]


def test_the_outline_is_mended_by_painting_and_the_next_run_uses_it(
    viewer, layers, mending, qtbot, brain, asked
):
    dock, layer = mending
    assert layer.visible and layer.mode == "paint" and viewer.layers.selection.active is layer
    assert _masks(dock)[1] == MENDING and "key 2 paints" in dock.message.text()
    layer.paint((10, 20, 2), 1)
    assert layer.data[10, 20, 2] == 1
    layer.undo()
    assert np.array_equal(layer.data > 0, brain)
    layer.redo()
    painted = np.array(layer.data > 0)
    assert painted.sum() > brain.sum() == layers._case.prediction.brain.sum()
    _run(qtbot, dock)
    assert asked[-1].source == MENDED and np.array_equal(asked[-1].mask, painted)
    assert np.array_equal(layers._case.prediction.brain, painted)
    assert "The outline of the brain was mended by hand." in dock.message.text()
    assert not layer.visible
    _click(qtbot, dock.brain.mend)  # goes on with what was painted
    assert layer.visible and len([x for x in viewer.layers if x.name.startswith("brain of")]) == 1


def test_automatic_has_the_brain_found_again(mending, qtbot, asked):
    dock, layer = mending
    box = dock.findChild(object, "role-mask")
    box.setCurrentIndex(0)
    box.activated.emit(0)
    _run(qtbot, dock)
    assert asked[-1] is None
    _click(qtbot, dock.brain.mend)
    assert _masks(dock)[1] == layer.name


def test_an_outline_is_never_offered_for_another_scan(viewer, mending, qtbot, flair, asked):
    dock, layer = mending
    scan = viewer.layers["FLAIR"]
    twin = replace(flair, data=flair.data + np.float32(0.01))  # the same name, grid and folder
    viewer.layers.remove(scan)
    other = _add(viewer, twin)
    dock.roles.pick_flair(other)
    assert _masks(dock) == (["automatic"], "automatic")
    layer.name = "brainmask"
    assert _masks(dock) == (["automatic"], "automatic")
    dock.roles.pick_flair(_add(viewer, flair))  # the very scan, opened again
    assert "brainmask" in _masks(dock)[0]


def test_an_outline_is_not_used_when_its_layer_holds_another_scan_now(viewer, mending, qtbot, asked):
    dock, _ = mending
    scan = viewer.layers["FLAIR"]
    scan.data = scan.data[::-1].copy()
    before = len(asked)
    _click(qtbot, dock.run)
    assert "was mended on another scan" in dock.message.text() and len(asked) == before


@pytest.mark.parametrize(("spoil", "told"), [("moved", "was moved"), ("empty", "is empty")])
def test_an_outline_that_cannot_be_used_is_one_sentence(mending, qtbot, asked, spoil, told):
    dock, layer = mending
    if spoil == "moved":
        layer.translate = np.array(layer.translate) + 5
    else:
        layer.data = np.zeros_like(layer.data)
    _click(qtbot, dock.run)
    assert told in dock.message.text() and len(asked) == 1


def test_results_that_were_mended_bring_their_outline_back(viewer, layers, make_dock, flair, prediction):
    dock = make_dock()
    _add(viewer, flair)
    layers._case.set_images({"flair": flair})
    layers._case.open_prediction(replace(prediction, information={"brain": MENDED}))
    outline = viewer.layers[MENDING]
    assert not outline.visible and _masks(dock)[1] == MENDING
    assert np.array_equal(outline.data > 0, prediction.brain)
    assert dock._request().brain.source == MENDED


def test_an_outline_is_no_reference_for_lesions(layers, mending):
    assert MENDING not in layers.label_layers()


def test_a_scan_of_another_reader_is_mended_in_its_own_order(viewer, make_dock, qtbot, brain, asked, flair):
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    grid = Grid.from_file((32, 40, 24), affine)
    turned, _ = grid.to_file(flair.data)
    viewer.add_layer(Image(turned, name="FLAIR", affine=affine, metadata={"affine": affine}))
    dock = make_dock()
    _run(qtbot, dock)
    _click(qtbot, dock.brain.mend)
    assert viewer.layers[MENDING].data.shape == turned.shape
    _run(qtbot, dock)
    assert asked[-1].source == MENDED and np.array_equal(asked[-1].mask, brain)


def test_the_form_remembers_no_volume_of_a_mended_brain(mending):
    dock, _ = mending
    assert isinstance(dock._request().mask, Volume)


# -- what was found holds for what the user sees ---------------------------------------------------


def _pick(dock, name):
    box = dock.findChild(object, "role-mask")
    box.setCurrentIndex(box.findText(name))
    box.activated.emit(box.currentIndex())


def _find(qtbot, viewer, dock, monkeypatch, brain):
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: brain)
    _click(qtbot, dock.brain.search)
    qtbot.waitUntil(lambda: HELD in viewer.layers and dock.run.text() == "Run", timeout=3000)


def test_painting_on_an_own_mask_is_used_after_its_brain_was_shown(
    viewer, make_dock, qtbot, flair, grid, brain, asked, monkeypatch
):
    dock = make_dock()
    _add(viewer, flair)
    own = _add(viewer, Volume(brain, grid, "own brain"), "labels")
    _pick(dock, "own brain")
    _find(qtbot, viewer, dock, monkeypatch, ~brain)
    assert np.array_equal(viewer.layers[HELD].data > 0, brain)
    own.brush_size = 3
    own.paint((10, 20, 1), 1)
    qtbot.waitUntil(lambda: HELD not in viewer.layers, timeout=3000)  # a line of before the stroke
    request = dock._request()
    assert request.brain is None and np.array_equal(request.mask.data > 0, own.data > 0)
    _run(qtbot, dock)
    assert asked == [None]


@pytest.mark.parametrize("button", ["search", "run"])
def test_a_brain_is_dropped_when_the_skull_is_chosen_while_it_is_found(
    viewer, layers, make_dock, qtbot, flair, brain, monkeypatch, button
):
    begun, chosen = Event(), Event()

    def wait(found):
        begun.set()
        assert chosen.wait(5)
        return found

    dock = make_dock(strange="The brain looks strange: it has a hole.")
    _add(viewer, flair)
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: wait(brain))
    predict = Looking.predict
    monkeypatch.setattr(Looking, "predict", lambda self, *a, **o: predict(wait(self), *a, **o))
    _click(qtbot, dock.run if button == "run" else dock.brain.search)
    qtbot.waitUntil(begun.is_set, timeout=3000)
    dock.skull.setCurrentIndex(dock.skull.findData("removed"))
    chosen.set()
    qtbot.waitUntil(lambda: "was changed while the brain was found" in dock.message.text(), timeout=3000)
    assert HELD not in viewer.layers and not dock.brain.go_on.isVisible()
    assert dock._request().brain is None and layers._case.prediction is None


def test_a_brain_is_not_used_when_its_layer_holds_another_scan_now(
    viewer, make_dock, qtbot, flair, brain, asked, monkeypatch
):
    dock = make_dock()
    scan = _add(viewer, flair)
    _find(qtbot, viewer, dock, monkeypatch, brain)
    scan.data = scan.data[::-1].copy()  # the dock hears nothing of it
    _run(qtbot, dock)
    assert asked == [None]


def test_a_brain_found_again_is_mended_on_a_layer_of_its_own(viewer, mending, qtbot, brain, monkeypatch):
    dock, painted = mending
    painted.paint((10, 20, 2), 1)
    before = np.array(painted.data)
    _pick(dock, "automatic")
    again = np.roll(brain, 1, axis=1)
    _find(qtbot, viewer, dock, monkeypatch, again)
    assert OUTLINE not in viewer.layers  # it is not that of the results that are shown
    _click(qtbot, dock.brain.mend)
    name = _masks(dock)[1]
    assert name != painted.name and np.array_equal(viewer.layers[name].data > 0, again)
    assert np.array_equal(painted.data, before) and not painted.visible


def test_a_brain_of_another_patient_is_hidden_when_the_scan_changes(viewer, layers, mending, qtbot, flair):
    dock, painted = mending
    other = _add(viewer, replace(flair, data=flair.data + np.float32(0.01), name="second FLAIR"))
    painted.visible = True
    dock.roles.pick_flair(other)
    assert not painted.visible
    painted.visible = True
    _run(qtbot, dock)
    assert not painted.visible and painted in viewer.layers
    painted.visible = True
    assert painted.name in layers.also_shown()  # the banner names it


def test_every_label_that_counts_as_brain_is_seen(mending):
    _, layer = mending
    assert layer.get_color(2)[3] > 0
    assert layer.colormap.map(np.zeros((1, 1), np.uint8))[0, 0, 3] == 0


def test_a_flat_layer_is_no_error_of_the_window(mending, qtbot):
    dock, layer = mending
    layer.data = layer.data[0]
    dock.roles.refill()
    dock.brain.refresh()
    _click(qtbot, dock.run)
    assert "two-dimensional" in dock.message.text()
