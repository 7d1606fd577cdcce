"""While an exercise goes on nothing tells what model or consensus say: in no dock, layer, bar or key."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from napari.layers import Image, Labels, Points
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QWidget,
)

from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets import another_scan, menu
from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.layers.annotator_outline import NAME
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.shared.plots import ReliabilityView
from napari_uncertainseg.widgets.window import open_review

from .actions import areas_of, press

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def review(segmented_viewer, mask, grid):
    """All docks, after Run, with a reference and a consensus."""
    viewer, made = segmented_viewer, open_review(segmented_viewer)
    consensus = mask.copy()
    consensus[11:14] = False
    for name in ("experts", "another"):
        data, options, _ = layer_data(Volume(consensus.astype(np.uint8), grid, name), "labels")
        viewer.add_layer(Labels(data, **options))
    for dock in DOCKS:
        made.open_dock(dock.key)
    made.calibration.reference.setCurrentIndex(1)
    made.raters.choose(["experts", "another"])
    return weakref.proxy(made)


def begin(review, qtbot, exercise="judge"):
    dock = review.exercises
    review.show_dock("exercises")
    dock.annotator.setText("trainee")
    dock.consensus.setCurrentIndex(dock.consensus.findData("experts"))
    dock.exercise.setCurrentIndex(dock.exercise.findData(exercise))
    qtbot.mouseClick(dock.begin_button, LEFT)
    assert dock.busy
    return dock


def reachable(widget):
    """What of a widget a user can see, once its tab is in front, or press."""
    told = (QLabel, QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QProgressBar, ReliabilityView)
    return [x for x in widget.findChildren(QWidget) if isinstance(x, told) and x.isVisibleTo(widget)]


def tell_tale_layers(review):
    return [x.name for x in review.layers.viewer.layers if not isinstance(x, Image | Points)]


@pytest.mark.parametrize("exercise", ["judge", "outline"])
def test_no_dock_no_layer_and_no_key_tells(review, qtbot, exercise):
    viewer, case = review.layers.viewer, review.case
    before = [(x, x.visible) for x in viewer.layers]
    viewer.layers.selection.active = viewer.layers["lesions"]
    viewer.status = "lesions [5 10 8]: 3; doubt: 0.9"
    dock = begin(review, qtbot, exercise)
    for kind, area in areas_of(review).items():
        review.show_dock(kind)
        left = [x for x in reachable(area) if x not in (area.banner, area.cover)]
        assert bool(left) is (kind == "exercises"), (kind, left)
        assert area.cover.isVisibleTo(area) is (kind != "exercises")
        assert all(not b.isEnabled() for b in area.findChildren(QAbstractButton) if kind != "exercises")
    for kind in ("lesions", "session"):  # made anew it is covered, too
        again = getattr(menu, f"{kind}_dock")(viewer)
        viewer.window.add_dock_widget(again, name=kind, area="right")
        qtbot.wait(20)
        assert again.cover.isVisibleTo(again) and not again.widget().isVisibleTo(again)
    names = {x.name for x in viewer.layers}
    assert names == {"FLAIR", NAME if exercise == "outline" else "here?"}
    assert viewer.layers.selection.active.name in ("FLAIR", NAME)
    assert not any(word in str(viewer.status) for word in ("lesion", "doubt", "entropy"))
    assert "lesion" not in (dock.opinion.text() if dock.opinion.isVisibleTo(dock) else "")
    canvas = viewer.window._qt_viewer.canvas.native
    threshold = case.threshold
    for key in (Qt.Key.Key_N, Qt.Key.Key_U, Qt.Key.Key_Q):
        press(qtbot, canvas, key)
    assert case.selected is None and not case.review.verdicts and case.threshold == threshold
    if exercise == "outline":
        viewer.layers[NAME].data[5, 10, 8] = 1
    point = viewer.dims.point
    qtbot.mouseClick(dock.stop_button, LEFT)
    assert not dock.busy and viewer.dims.point == pytest.approx(point)  # to look at what was asked
    qtbot.wait(20)
    known = [x for x, _ in before]
    assert [x for x in viewer.layers if x in known] == known  # the same, in the same order
    assert all(not area.cover.isVisibleTo(area) for area in areas_of(review).values())
    assert review.lesions.isVisibleTo(areas_of(review)["lesions"])
    assert review.calibration.reference.currentData() == "experts"
    assert sorted(review.raters.chosen()) == ["another", "experts"]


def test_what_is_opened_meanwhile_is_shown_afterwards(review, qtbot, mask, grid):
    viewer = review.layers.viewer
    dock = begin(review, qtbot)
    for name in ("experts again", "probability"):
        volume = Volume(mask.astype(np.uint8 if "again" in name else np.float32), grid, name)
        data, options, kind = layer_data(volume, "labels" if "again" in name else "image")
        viewer.add_layer((Labels if kind == "labels" else Image)(data, **options))
        qtbot.wait(20)
        assert name not in viewer.layers and not tell_tale_layers(review)
    viewer.layers.selection = {viewer.layers["FLAIR"]}
    from napari.layers._layer_actions import _duplicate_layer

    _duplicate_layer(viewer.layers)
    qtbot.wait(20)
    assert {x.name for x in viewer.layers} == {"FLAIR", "here?"}
    qtbot.mouseClick(dock.stop_button, LEFT)
    assert {"experts again", "probability", "FLAIR copy"} <= {x.name for x in viewer.layers}
    assert "here?" not in viewer.layers


def test_an_exercise_ends_with_its_scan(review, qtbot):
    viewer = review.layers.viewer
    dock = begin(review, qtbot)
    viewer.layers.remove("FLAIR")
    qtbot.wait(20)
    assert not dock.busy and not review.layers.blinded and review.case.prediction is None
    assert {x.name for x in viewer.layers} == {"experts", "another"}
    assert review.lesions.empty.isVisibleTo(areas_of(review)["lesions"])


def test_a_scan_hidden_in_an_exercise_is_told_of_and_seen_at_the_next_question(review, qtbot, monkeypatch):
    told = []
    monkeypatch.setattr(another_scan, "show_info", told.append)
    viewer = review.layers.viewer
    dock = begin(review, qtbot)
    qtbot.waitUntil(lambda: "1 of" in dock.question.text())
    viewer.layers.selection.active = viewer.layers["FLAIR"]
    viewer.layers.toggle_selected_visibility()  # as V does
    qtbot.waitUntil(lambda: len(told) == 1)
    assert told[0].startswith("Scan hidden: press V, or its eye, to see it.")
    dock.answer(True)
    qtbot.waitUntil(lambda: "2 of" in dock.question.text())
    assert viewer.layers["FLAIR"].visible
    qtbot.mouseClick(dock.stop_button, LEFT)
    qtbot.waitUntil(lambda: not review.layers.blinded)
    assert viewer.layers["FLAIR"].visible and len(told) == 1


def test_the_ring_is_seen_whole_in_every_exercise_whatever_the_zoom_before(review, qtbot):
    """It is to lie in the middle third, also where a lesion was zoomed to since the last exercise."""
    viewer = review.layers.viewer
    for _ in range(2):
        viewer.scene.camera.zoom = min(viewer.canvas.size) / 35  # 35 mm across
        dock = begin(review, qtbot)
        qtbot.waitUntil(lambda dock=dock: "1 of" in dock.question.text())
        ring = review.layers._blinding.ring
        seen = float(ring.size[0]) * viewer.scene.camera.zoom
        assert seen <= min(viewer.canvas.size) / 3
        qtbot.mouseClick(dock.stop_button, LEFT)
        qtbot.waitUntil(lambda: not review.layers.settling, timeout=15_000)


def test_closing_the_training_dock_ends_it(review, qtbot):
    begin(review, qtbot)
    viewer = review.layers.viewer
    before = len(viewer.layers)
    viewer.window.remove_dock_widget(areas_of(review)["exercises"])
    qtbot.wait(50)
    assert not review.layers.blinded and len(viewer.layers) > before
    assert all(not area.cover.isVisibleTo(area) for area in areas_of(review).values())


def test_painting_and_its_undo_outlive_an_exercise(review, qtbot):
    lesions, case = review.layers.viewer.layers["lesions"], review.case
    lesions.paint((12, 5, 5), 1)
    qtbot.waitUntil(lambda: case.review.edit is not None and bool(case.review.edit[12, 5, 5]), timeout=1000)
    dock = begin(review, qtbot)
    assert review.lesions.export.results_button.isVisibleTo(areas_of(review)["lesions"]) is False
    qtbot.mouseClick(dock.stop_button, LEFT)
    assert lesions in review.layers.viewer.layers and lesions.data[12, 5, 5]
    lesions.undo()
    assert lesions.data[12, 5, 5]  # keys of the exercise may still come: nothing is undone by them
    qtbot.waitUntil(lambda: not review.layers.unseen, timeout=15_000)
    lesions.undo()
    qtbot.waitUntil(lambda: not lesions.data[12, 5, 5], timeout=5000)


def test_the_status_bar_says_nothing_of_lesions(review, qtbot):
    """The mouse over every tenth voxel of the slice with a lesion."""
    viewer = review.layers.viewer
    dock = begin(review, qtbot)
    canvas, said = viewer.window._qt_viewer.canvas.native, set()
    for x in range(5, canvas.width(), canvas.width() // 12):
        for y in range(5, canvas.height(), canvas.height() // 12):
            qtbot.mouseMove(canvas, QPoint(x, y))
            QApplication.processEvents()
            said.add(str(viewer.status))
    assert not [
        text for text in said if any(word in text for word in ("doubt", "lesions", "entropy", "experts"))
    ]
    qtbot.mouseClick(dock.stop_button, LEFT)
