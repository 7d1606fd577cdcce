"""Who deletes the scan that is looked at sees another one, and is told how to come back."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from psygnal import Signal

from napari_uncertainseg.widgets import another_scan
from napari_uncertainseg.widgets.another_scan import AnotherScan
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.segment import leaving_case
from napari_uncertainseg.widgets.window import review_of


class FakeCase:
    prediction_changed = Signal()

    def __init__(self):
        self.prediction = None


@pytest.fixture
def told(monkeypatch):
    said = []
    monkeypatch.setattr(another_scan, "show_info", said.append)
    return said


class FakeReviewLayers:
    seen_changed = Signal()

    def __init__(self, viewer):
        self.viewer, self.blinded, self.scan = viewer, False, SimpleNamespace(layer=lambda: None)


@pytest.fixture
def part(qapp, told):
    viewer, case = ViewerModel(), FakeCase()
    layers = FakeReviewLayers(viewer)
    for name, visible in (("T2", False), ("T1", False), ("FLAIR", True)):
        viewer.add_layer(Image(np.zeros((3, 4, 5)), name=name, visible=visible))
    viewer.add_labels(np.zeros((3, 4, 5), int), name="drawing")
    made = AnotherScan(layers, case)
    yield SimpleNamespace(viewer=viewer, case=case, layers=layers, told=told)
    made.cleanup()
    made.cleanup()


def seen(viewer):
    return [x.name for x in viewer.layers if isinstance(x, Image) and x.visible]


def test_another_scan_is_shown_and_only_one(part, qtbot):
    part.viewer.layers.remove("FLAIR")
    qtbot.waitUntil(lambda: seen(part.viewer) == ["T1"])
    part.viewer.layers.remove("T1")
    qtbot.waitUntil(lambda: seen(part.viewer) == ["T2"])


def test_a_scan_is_shown_before_a_map_that_lies_over_it(part, qtbot):
    own = Image(np.zeros((3, 4, 5)), name="my map", colormap="red", blending="additive", visible=False)
    part.viewer.add_layer(own)
    part.viewer.layers.remove("FLAIR")
    qtbot.waitUntil(lambda: seen(part.viewer) == ["T1"])
    assert not own.visible


def test_who_hides_all_or_deletes_what_was_hidden_wants_it_so(part, qtbot):
    part.viewer.layers.remove("T1")
    part.viewer.layers["FLAIR"].visible = False
    part.viewer.layers.remove("FLAIR")
    part.viewer.layers.remove("drawing")
    qtbot.wait(20)
    assert seen(part.viewer) == []


def test_nothing_is_shown_beside_another_scan_that_is_seen(part, qtbot):
    part.viewer.layers["T2"].visible = True
    part.viewer.layers.remove("FLAIR")
    qtbot.wait(20)
    assert seen(part.viewer) == ["T2"]


@pytest.mark.parametrize("back", [True, False])
def test_while_results_are_there_it_waits_for_the_answer(part, qtbot, back):
    part.case.prediction = object()
    flair = part.viewer.layers["FLAIR"]
    part.viewer.layers.remove(flair)
    qtbot.wait(20)
    assert seen(part.viewer) == []
    if back:
        part.viewer.layers.insert(2, flair)
    part.case.prediction = None
    part.case.prediction_changed.emit()
    qtbot.wait(20)
    assert seen(part.viewer) == ["FLAIR" if back else "T1"]


def test_an_exercise_shows_nothing_that_it_hides(part, qtbot):
    part.layers.blinded = True
    part.viewer.layers.remove("FLAIR")
    qtbot.wait(20)
    assert seen(part.viewer) == []


def show(part, qtbot, *names):
    for layer in part.viewer.layers:
        layer.visible = layer.name in names
        part.layers.seen_changed.emit()
    qtbot.wait(20)


def test_it_is_said_once_that_no_scan_is_seen(part, qtbot):
    show(part, qtbot)
    assert not part.told, "without results nobody judges anything"
    part.case.prediction = object()
    show(part, qtbot, "FLAIR")
    show(part, qtbot, "T1")  # one after the other, as flip and side by side do
    assert not part.told
    for _ in range(2):
        show(part, qtbot, "drawing")
        assert len(part.told) == 1 and part.told[0].startswith("Scan hidden: press V, or its eye, to")
        assert "It is 'FLAIR' in the list of layers" in part.told[0]
    show(part, qtbot, "T2")
    show(part, qtbot)
    assert len(part.told) == 2


@pytest.mark.viewer
@pytest.mark.parametrize("in_file", [True, False])
def test_the_scan_of_a_saved_case_is_deleted_by_hand(
    make_filled, qtbot, monkeypatch, flair, tmp_path, in_file
):
    told = []
    monkeypatch.setattr(leaving_case, "show_info", told.append)
    path = tmp_path / "ann" / "FLAIR.nii.gz" if in_file else None
    viewer = make_filled(replace(flair, path=path))
    review = review_of(viewer)
    review.case.review.judge((5, 10, 8), "rejected")
    viewer.layers.selection = {viewer.layers["FLAIR"]}
    viewer.layers.remove_selected()  # as the Delete key and the bin do
    qtbot.waitUntil(lambda: review.case.prediction is None)
    qtbot.waitUntil(lambda: seen(viewer) == ["T1"])
    (said,) = told
    way = "Recent opens it" if in_file else "add it again"
    assert said.startswith(f"Scan removed, case closed: {way}. It was ") and "the scan 'FLAIR'." in said


@pytest.fixture
def make_filled(make_viewer, qtbot, tmp_path):
    """A window after Run, with a T1 that is hidden."""
    from .kept_window import segment

    def fill(flair):
        viewer = make_viewer()
        data, options, _ = layer_data(
            replace(flair, name="T1", modality="t1", data=flair.data * 0.5, path=None)
        )
        viewer.add_layer(Image(data, **options, visible=False))
        segment(viewer, qtbot, [flair], tmp_path / "sessions.db")
        return viewer

    return fill
