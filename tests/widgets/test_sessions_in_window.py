"""Whole sessions through the real window, with clicks and keys: exercises, and three readers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.review.lessons.outlining import Side
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.voxel_maps import shown_maps
from napari_uncertainseg.widgets.layers.annotator_outline import COMPARISON, NAME
from napari_uncertainseg.widgets.session import dock as session_module
from napari_uncertainseg.widgets.session import file_buttons as buttons_module
from napari_uncertainseg.widgets.shared import dialogs
from napari_uncertainseg.widgets.window import open_review

from .actions import agreement_known, areas_of, focus, press

LEFT = Qt.MouseButton.LeftButton
G, N, Q, U, W = (getattr(Qt.Key, f"Key_{letter}") for letter in "GNQUW")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sessions.db"


@pytest.fixture
def viewer(segmented_viewer):
    return segmented_viewer


def canvas_of(review, qtbot):
    canvas = review.layers.viewer.window._qt_viewer.canvas.native
    focus(qtbot, canvas)
    return canvas


def type_into(field, text, qtbot):
    field.clear()
    qtbot.keyClicks(field, text)


def shown(review):
    return [layer.name for layer in review.layers.viewer.layers if layer.visible]


def test_a_whole_training_session(viewer, qtbot, mask, file):
    review = open_review(viewer)
    case = review.case
    consensus = mask.copy()
    consensus[11:14] = False  # one of three is false
    scan = next(layer for layer in viewer.layers if isinstance(layer, Image))
    truth = viewer.add_labels(
        consensus.astype(np.uint8), name="experts", scale=scan.scale, translate=scan.translate
    )
    review.open_dock("exercises")
    dock = review.exercises
    type_into(dock.annotator, "trainee", qtbot)
    dock.consensus.setCurrentIndex(dock.consensus.findData("experts"))
    dock.plan.setCurrentIndex(dock.plan.findData("after"))
    before = shown(review)
    qtbot.mouseClick(dock.begin_button, LEFT)
    assert shown(review) == [scan.name, "here?"]
    canvas = canvas_of(review, qtbot)
    press(qtbot, canvas, N)  # the list would tell: keys only answer now
    assert case.selected is None
    sure = dock.confidence.value()
    for key in QKeySequence("."), QKeySequence("."), QKeySequence(","):
        press(qtbot, canvas, key[0].key())
    assert dock.confidence.value() == sure + 10
    questions = 4  # two lesions, what the model invented, and a place that it suspects a little
    for _ in range(questions):
        assert dock.busy
        press(qtbot, canvas, W)
        assert dock.opinion.isVisible() and "The model's answer" in dock.opinion.text()
        press(qtbot, canvas, G)
    assert not dock.busy and shown(review) == before
    assert "4 answers, 50% right" in dock.score.summary.text()
    assert "you changed 4 of 4 answers, 1 of them against the model" in dock.score.summary.text()
    assert (
        "you followed it 2 of 2 times. Where only you were right, you followed it 1 of 1"
        in dock.score.summary.text()
    )
    assert case.review.verdicts == ()  # answers are no verdicts on the list

    dock.exercise.setCurrentIndex(dock.exercise.findData("outline"))
    qtbot.mouseClick(dock.begin_button, LEFT)
    outline = viewer.layers[NAME]
    assert shown(review) == [scan.name, NAME] and truth not in viewer.layers
    assert viewer.layers.selection.active is outline and outline.mode == "paint"
    for a in range(9, 13):
        outline.paint((5, a, 9), 1)
    qtbot.mouseClick(dock.stop_button, LEFT)
    assert dock.outline.isVisible() and "Lesions missed: 0, false positives: 0" in dock.outline.summary.text()
    assert float(dock.outline.numbers.item(0, 0).text()) > 0.5
    assert not dock.busy and set(shown(review)) == {*before, COMPARISON}  # maps, too, are as they were
    assert set(before) & {each.title_with_unit for each in shown_maps().values()}
    compared = viewer.layers[COMPARISON]
    assert not compared.editable and {Side.BOTH, Side.CONSENSUS} >= set(np.unique(compared.data[5])) - {0}
    assert (np.asarray(compared.data)[5] > 0).sum() >= (outline.data[5] > 0).sum() > 0
    assert not np.delete(compared.data, 5, 0).any()  # only what was compared
    with Store(file) as store:
        kinds = [(s.kind, s.annotator, s.closed is not None) for s in store.sessions()]
        assert kinds == [("training", "trainee", True)] * 2
        assert set(store.verify().values()) == {""}
    case.open_prediction(replace(case.prediction))  # of another run: the comparison was of the one before
    assert COMPARISON not in viewer.layers and NAME in viewer.layers


def read(review, qtbot, *keys):
    canvas = canvas_of(review, qtbot)
    press(qtbot, canvas, N)
    for key in keys:
        press(qtbot, canvas, key)


def judge_all(review, qtbot, decide):
    """Judge until nothing is left, by key, as `decide` says of the place."""
    canvas, case = canvas_of(review, qtbot), review.case
    press(qtbot, canvas, N)
    for _ in range(20):
        recorder = case.review.recorder
        if len(recorder.current_verdicts) == len(recorder.tasks):
            return
        press(qtbot, canvas, decide(case.selected))
    raise AssertionError("more verdicts than tasks")


def test_two_readers_and_a_third(viewer, qtbot, file, tmp_path, monkeypatch):
    review = open_review(viewer)
    for module in (session_module, dialogs):
        monkeypatch.setattr(module, "ask_yes_no_cancel", lambda *a, **k: True)
    case = review.case
    review.open_dock("session")
    dock = review.session
    canvas_of(review, qtbot)  # the window is in front
    dock.annotator.setFocus()
    type_into(dock.annotator, "first", qtbot)
    qtbot.mouseClick(dock.start_button, LEFT)
    qtbot.keyClick(QApplication.focusWidget(), N)  # wherever the focus went: keys work at once
    assert case.selected is not None
    case.select(None)
    n = len(case.review.recorder.tasks)
    assert n >= 3 and dock.progress.state.text().startswith("<b>first</b>: 0 of")
    read(review, qtbot, G, W, Q)  # one taken back
    assert [v.decision for v in case.review.verdicts] == ["accepted"]
    judge_all(review, qtbot, lambda voxel: G)
    qtbot.mouseClick(dock.close_button, LEFT)
    assert "Session closed. Keep its last hash" in dock.message.text()
    first = {v.voxel: v.decision for v in case.review.verdicts}

    type_into(dock.annotator, "first", qtbot)
    dock.table.selectRow(0)
    qtbot.mouseClick(dock.again_button, LEFT)
    assert "has read this already" in dock.message.text()
    type_into(dock.annotator, "second", qtbot)
    dock.table.selectRow(0)
    qtbot.mouseClick(dock.again_button, LEFT)
    agreement_known(qtbot, dock)
    assert case.review.verdicts == () and not dock.agreement.isVisible()  # blinded
    review.open_dock("dashboard")
    others = areas_of(review)["dashboard"]
    assert others.cover.isVisible() and "what other readers decided" in others.cover.text()
    assert not review.dashboard.isVisible()
    review.show_dock("session")
    other = next(iter(first))
    judge_all(review, qtbot, lambda voxel: U if voxel == other else G)
    qtbot.mouseClick(dock.close_button, LEFT)
    assert not others.cover.isVisibleTo(others)
    dock.table.selectRow(1)
    agreement_known(qtbot, dock)
    assert f"first and second agree on {n - 1} of {n}" in dock.agreement.text()
    assert "1 left for a third reader" in dock.agreement.text()

    type_into(dock.annotator, "third", qtbot)
    qtbot.mouseClick(dock.again_button, LEFT)
    assert [t.voxel for t in case.review.recorder.tasks] == [other]
    judge_all(review, qtbot, lambda voxel: W)
    qtbot.mouseClick(dock.close_button, LEFT)
    qtbot.mouseClick(dock.tools.verify_button, LEFT)
    qtbot.waitUntil(lambda: dock.message.text() == "3 of 3 sessions are unchanged.")
    out = tmp_path / "verdicts.tsv"
    monkeypatch.setattr(buttons_module, "ask_file", lambda *a, **k: out)
    qtbot.mouseClick(dock.tools.export_button, LEFT)
    table = pd.read_csv(out, sep="\t")
    assert table.groupby("annotator", sort=False).size().to_dict() == {"first": n, "second": n, "third": 1}
    with Store(file) as store:
        assert all(s.closed for s in store.sessions())
