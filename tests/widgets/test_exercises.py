"""The Exercises dock, driven as an annotator who practises drives it."""

import dataclasses

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.session.queue import queue_of
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.predictions import register_prediction
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.exercises.dock import ExercisesDock
from napari_uncertainseg.widgets.shared.definitions import SCORES
from napari_uncertainseg.widgets.shared.session_file import SessionFile

from .actions import click
from .fake_layers import FakeLayers


@pytest.fixture
def prediction(prediction):
    """One that suspects nothing but its three lesions: what wraps around the edge is taken off."""
    p = prediction.probability
    return dataclasses.replace(prediction, maps={**prediction.maps, "probability": np.where(p < 0.02, 0, p)})


@pytest.fixture
def layers(mask):
    made = FakeLayers()
    consensus = mask.copy()
    consensus[11:14] = False  # one of the model's three lesions is false
    made.masks["consensus"] = consensus.astype(np.uint8)
    return made


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sessions.db"


@pytest.fixture
def dock(shown, case, layers, file):
    return shown(ExercisesDock(case, layers, SessionFile(file)))


def begin(qtbot, dock):
    qtbot.keyClicks(dock.annotator, "trainee")
    dock.consensus.setCurrentIndex(dock.consensus.findData("consensus"))
    click(qtbot, dock.begin_button)


def test_it_says_what_to_do_next(qtbot, dock, file):
    assert "Choose the label layer" in dock.question.text() and not dock.begin_button.isEnabled()
    dock.consensus.setCurrentIndex(dock.consensus.findData("consensus"))
    assert "Enter the annotator" in dock.question.text() and not file.exists()
    empty = ExercisesDock(Case(), FakeLayers(), SessionFile(file))
    assert "press Run" in empty.question.text()
    empty.cleanup()
    empty.deleteLater()
    qtbot.wait(1)


def test_a_whole_lesson(qtbot, dock, case, layers, file):
    begin(qtbot, dock)
    assert layers.blinded and "1 of 2" in dock.question.text() and not dock.score.sizes.isVisible()
    truth = layers.masks["consensus"] > 0
    dock.confidence.setValue(90)
    click(qtbot, dock.yes if truth[layers.visited[-1]] else dock.no)
    assert "2 of 2" in dock.question.text()
    dock.confidence.setValue(60)
    missed = bool(truth[layers.visited[-1]])
    click(qtbot, dock.no if missed else dock.yes)  # wrong
    assert not layers.blinded and "2 answers, 50% right" in dock.score.summary.text()
    assert dock.question.text() == "Done. Press Begin for another exercise."
    assert not hasattr(layers, "revealed")
    columns = [dock.score.sizes.horizontalHeaderItem(i).text() for i in range(dock.score.sizes.columnCount())]
    assert columns[0] == "all" and dock.score.sizes.item(0, 0).text() == "50%"
    assert dock.score.wrong.rowCount() == 1 and dock.score.wrong.item(0, 3).text() == "60%"
    assert dock.score.wrong.item(0, 1).text() == ("lesion" if missed else "no lesion")
    place = layers.visited[-1]
    layers.visited.clear()
    dock.score.wrong.selectRow(0)
    assert layers.revealed == "consensus"
    assert layers.visited == [place]
    with Store(file) as store:
        (session,) = store.sessions()
        given = list(store.verdicts(session.id).values())
        assert session.kind == "training" and session.closed and store.verify() == {session.id: ""}
    assert [v.confidence for v in given] == [0.9, 0.6] and given[0].seconds is not None
    click(qtbot, dock.begin_button)
    assert layers.visited[-1] == place  # it comes back, first
    click(qtbot, dock.stop_button)
    assert (
        dock.score.summary.text() == "You gave no answer: there is nothing to score."
        and not dock.yes.isEnabled()
    )
    assert dock.score.isVisible()
    assert not any(part.isVisible() for part in (dock.score.sizes, dock.score.view, dock.score.wrong))
    click(qtbot, dock.begin_button)
    click(qtbot, dock.yes)
    click(qtbot, dock.stop_button)
    assert all(part.isVisible() for part in (dock.score.sizes, dock.score.view, dock.score.wrong))


def test_nothing_reads_as_minus_nought(qtbot, dock, layers):
    begin(qtbot, dock)
    truth = layers.masks["consensus"] > 0
    while dock.busy:
        click(qtbot, dock.yes if truth[layers.visited[-1]] else dock.no)
    texts = [dock.score.sizes.item(i, 0).text() for i in range(len(SCORES))]
    assert texts[list(SCORES).index("criterion")] == "0.00", texts


def test_another_prediction_ends_the_lesson(qtbot, dock, case, layers):
    begin(qtbot, dock)
    case.open_prediction(dataclasses.replace(case.prediction))
    assert not layers.blinded and not dock.yes.isEnabled()


def test_what_cannot_be_asked_or_written_is_said(qtbot, dock, case, layers, monkeypatch):
    layers.masks["consensus"] = np.zeros_like(layers.masks["consensus"])
    begin(qtbot, dock)
    assert "no lesion" in dock.question.text() and not layers.blinded
    layers.masks["consensus"] = (case.prediction.probability > 0.5).astype(np.uint8)
    layers.masks["consensus"][11:14] = 0
    click(qtbot, dock.begin_button)
    assert layers.blinded, dock.question.text()

    def fail(*args, **options):
        raise InputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "record_all", fail)
        click(qtbot, dock.yes)
    assert "Not recorded: the disk is full" in dock.question.text()
    click(qtbot, dock.yes)
    assert "2 of" in dock.question.text()


def test_the_model_is_shown_first_or_after(qtbot, dock, layers, file):
    dock.plan.setCurrentIndex(dock.plan.findData("first"))
    begin(qtbot, dock)
    assert dock.opinion.isVisible() and "The model's answer: <b>a lesion" in dock.opinion.text()
    click(qtbot, dock.stop_button)
    dock.plan.setCurrentIndex(dock.plan.findData("after"))
    click(qtbot, dock.begin_button)
    truth = layers.masks["consensus"] > 0
    for _ in range(2):
        assert not dock.opinion.isVisible()
        n, right = len(layers.visited), bool(truth[layers.visited[-1]])
        click(qtbot, dock.no if right else dock.yes)  # wrong at first
        assert dock.opinion.isVisible() and "again: you may change" in dock.question.text()
        assert layers.visited[n:] == layers.visited[n - 1 : n]
        click(qtbot, dock.yes)  # as the model says
    assert (
        "you changed 1 of 2 answers. Where only the model was right, you followed it 1 of 1 times"
        in dock.score.summary.text()
    )
    assert "50% right" in dock.score.summary.text()


def test_who_leaves_the_model_is_not_moved_by_it_but_counted(qtbot, dock, layers):
    dock.plan.setCurrentIndex(dock.plan.findData("after"))
    begin(qtbot, dock)
    while dock.busy:
        click(qtbot, dock.yes)  # as the model will say
        click(qtbot, dock.no)
    said = dock.score.summary.text()
    assert "you changed 2 of 2 answers, 2 of them against the model" in said
    assert "Where only you were right, you followed it 0 of 0 times" in said


def test_where_the_model_suspects_nothing_else_it_says_what_to_do(qtbot, dock, case, layers):
    layers.masks["consensus"] = (case.prediction.probability >= 0.01).astype(np.uint8)
    begin(qtbot, dock)
    assert "choose another consensus" in dock.question.text() and not layers.blinded


def test_a_balanced_lesson_is_scored_by_arm(qtbot, dock, layers):
    layers.masks["consensus"] = np.zeros_like(layers.masks["consensus"])
    layers.masks["consensus"][4:7, 8:14, 6:12] = 1  # one true lesion, two false
    dock.plan.setCurrentIndex(dock.plan.findData("balanced"))
    begin(qtbot, dock)
    while dock.busy:
        click(qtbot, dock.yes)
    columns = [dock.score.sizes.horizontalHeaderItem(i).text() for i in range(dock.score.sizes.columnCount())]
    assert columns[0] == "all" and set(columns) & {"alone", "model first", "model after"}


def outline(qtbot, dock):
    dock.exercise.setCurrentIndex(dock.exercise.findData("outline"))
    begin(qtbot, dock)


def test_an_outline_is_compared_and_kept(qtbot, dock, layers, file):
    outline(qtbot, dock)
    assert layers.blinded and "your outline" in dock.question.text() and not dock.yes.isVisible()
    click(qtbot, dock.stop_button)
    assert "Nothing is outlined yet" in dock.question.text() and layers.blinded  # goes on
    layers.own_outline.drawn[4:7, 8:14, 6:10] = 1
    layers.own_outline.drawn[4:7, 30:32, 6:10] = 2
    dock.confidence.setValue(80)
    click(qtbot, dock.stop_button)
    assert not layers.blinded and dock.outline.isVisible() and not dock.score.isVisible()
    assert np.bincount(layers.own_outline.compared.ravel()).tolist()[1:] == [72, 36, 24]
    assert "3 slices. Lesions missed: 0, false positives: 1" in dock.outline.summary.text()
    assert dock.outline.numbers.item(0, 0).text() == f"{2 * 72 / (72 + 24 + 108):.2f}"
    dock.outline.alone.selectRow(0)
    assert layers.own_outline.drawn[layers.visited[-1]] == 2
    with Store(file) as store:
        (session,) = store.sessions()
        (verdict,) = store.verdicts(session.id).values()
        assert verdict.decision == "outlined" and verdict.confidence == 0.8 and session.closed
        np.testing.assert_array_equal(store.masks.read(verdict.mask), layers.own_outline.drawn)
    dock.whole.setChecked(True)
    click(qtbot, dock.begin_button)
    layers.own_outline.drawn[4:7, 8:14, 6:12] = 1
    click(qtbot, dock.stop_button)
    assert (
        "24 slices. Lesions missed: 1, false positives: 0. Dice before: 0.71." in dock.outline.summary.text()
    )


def test_another_prediction_ends_an_outline(qtbot, dock, case, layers):
    outline(qtbot, dock)
    case.open_prediction(dataclasses.replace(case.prediction))
    assert not layers.blinded and not dock.busy


def test_recalibrating_does_not_end_an_exercise(qtbot, dock, case, layers):
    outline(qtbot, dock)
    case.recalibrate(Temperature(0.2, 0.1, 0.5))
    assert layers.blinded and dock.busy


def test_a_recorded_session_comes_first(qtbot, dock, case, layers, file):
    store = dock._file.store()
    tasks = queue_of(case.lesions, *register_prediction(store, case.prediction)).tasks
    id = store.open_session(store.project("x"), store.annotator("a"), "review", tasks, {})
    case.review.set_recorder(Recorder(store, id))
    begin(qtbot, dock)
    assert "press Leave in Session first" in dock.question.text() and not layers.blinded
    case.review.set_recorder(None)
    click(qtbot, dock.begin_button)
    assert layers.blinded


def test_keys_make_surer_only_while_asked(qtbot, dock):
    dock.change_confidence(1)
    assert dock.confidence.value() == 75
    begin(qtbot, dock)
    dock.change_confidence(1)
    assert dock.confidence.value() == 85
    dock.change_confidence(-9)
    assert dock.confidence.value() == 50


@pytest.mark.viewer
def test_everything_but_the_scans_is_hidden_and_comes_back(make_viewer, case, flair, mask, qtbot):
    from napari.layers import Image

    from napari_uncertainseg.widgets.layers.blinding import RING
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    viewer = make_viewer()
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    viewer.add_labels(mask.astype(np.uint8), name="consensus", scale=options["scale"])
    fresh = Case()
    layers = ReviewLayers(viewer, fresh)
    fresh.set_images({"flair": flair})
    fresh.open_prediction(case.prediction)
    before = {layer.name: layer.visible for layer in viewer.layers}
    layers.blind()
    layers.point_at((5, 10, 8))
    shown = [layer.name for layer in viewer.layers if layer.visible]
    assert shown == [flair.name, RING]
    assert viewer.layers.selection.active.name == flair.name  # its values, not the model's, in the status bar
    step = viewer.dims.current_step[0]
    layers.go_to((5, 10, 8))
    assert viewer.dims.current_step[0] == step
    layers.unblind()
    assert {layer.name: layer.visible for layer in viewer.layers} == before
    layers.cleanup()


def test_what_makes_it_hard_is_ticked_before_the_answer_and_the_model(qtbot, dock, file):
    assert not dock._answering.hard.isVisible()
    dock.plan.setCurrentIndex(dock.plan.findData("after"))
    begin(qtbot, dock)
    row = dock._answering.hard
    assert row.isVisible() and "sureness_1" not in row.buttons and not dock.opinion.isVisible()
    click(qtbot, row.buttons["hard_place"])
    dock.act("hard_size")
    dock.act("hard_place")
    dock.act("hard_border")
    dock.act("accept")
    assert dock.opinion.isVisible() and not any(button.isChecked() for button in row.buttons.values())
    dock.act("accept")  # nothing is ticked of the second answer: nothing is kept
    with Store(file) as store:
        (session,) = store.sessions()
        entries = store.entries(session.id)[1:]
        assert [entry.kind for entry in entries] == ["first", "feedback", "verdict"]
        assert entries[1].details.feedback.reasons == ("size", "border")
        assert entries[1].details.verdict == entries[0].number
        assert store.verify() == {session.id: ""}
    dock.stop()
    assert not row.isVisible()
