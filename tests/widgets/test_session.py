"""The Session dock, driven as a reader drives it."""

import dataclasses
import sqlite3

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.feedback import Feedback
from napari_uncertainseg.review.lessons.lesson import start_lesson
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.predictions import register_prediction
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Verdict
from napari_uncertainseg.widgets.exercises.dock import ExercisesDock
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.session import dock as dock_module
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.session.dock import SessionDock
from napari_uncertainseg.widgets.session.server_dialog import Server, ServerDialog
from napari_uncertainseg.widgets.shared import dialogs
from napari_uncertainseg.widgets.shared.session_file import SessionFile

from .actions import agreement_known, click
from .fake_layers import FakeLayers


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kept" / "sessions.db"


@pytest.fixture(autouse=True)
def asked(answer_questions):
    return answer_questions(dock_module, dialogs)


@pytest.fixture
def make(shown, case, file):
    def build(of=case):
        return shown(SessionDock(of, FakeLayers(), SessionFile(file)))

    return build


@pytest.fixture
def dock(make):
    return make()


@pytest.fixture
def lesions(qtbot, case):
    made = LesionsDock(case, FakeLayers())
    made.show()
    yield made
    made.cleanup()
    made.close()
    made.deleteLater()
    qtbot.wait(1)


def start(qtbot, dock, name="reader 1"):
    qtbot.keyClicks(dock.annotator, name)
    click(qtbot, dock.start_button)


def verify(qtbot, dock):
    click(qtbot, dock.tools.verify_button)
    qtbot.waitUntil(lambda: dock.message.text() != texts.VERIFYING)


def test_it_says_what_to_do_next(qtbot, make, dock, file):
    assert "Enter the annotator's name" in dock.progress.state.text() and not dock.start_button.isEnabled()
    assert not file.parent.exists()  # nothing is made before it is needed
    dock.annotator.setText("  ")
    assert not dock.start_button.isEnabled()
    empty = make(Case())
    assert "press Run" in empty.progress.state.text() and not empty.start_button.isEnabled()


def test_each_verdict_is_on_disk_before_the_next_lesion(qtbot, dock, case, lesions, file):
    start(qtbot, dock)
    assert "0 of" in dock.progress.state.text() and "reader 1" in dock.progress.state.text()
    assert (
        "is estimated after 10 verdicts" in dock.progress.remaining.text()
        and "no random check has been reviewed" in dock.progress.remaining.text()
    )
    lesions.next_lesion()
    shown = case.selected
    click(qtbot, lesions.buttons["accept"])
    assert case.selected != shown
    with Store(file) as reader:
        (session,) = reader.sessions()
        (stands,) = reader.verdicts(session.id).values()
        entry = reader.entries(session.id)[-1]
    assert stands.decision == "accepted" and entry.details.voxel == shown
    assert entry.details.visible == ("FLAIR", "entropy")
    assert entry.details.threshold == case.threshold and stands.seconds is not None
    assert "1 of" in dock.progress.state.text() and "median" in dock.progress.state.text()
    assert "1 of" in dock.table.item(0, 2).text()
    click(qtbot, lesions.buttons["undo"])
    with Store(file) as reader:
        assert not reader.verdicts(session.id) and reader.verify() == {session.id: ""}


def test_a_verdict_that_cannot_be_written_does_not_count(qtbot, dock, case, lesions, monkeypatch):
    start(qtbot, dock)
    lesions.next_lesion()
    shown = case.selected

    def fail(*args, **options):
        raise InputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "record_all", fail)
        click(qtbot, lesions.buttons["reject"])
    assert "Not recorded: the disk is full" in lesions.message.text()
    assert case.selected == shown and not case.review.verdicts
    click(qtbot, lesions.buttons["reject"])
    assert len(case.review.verdicts) == 1


def test_a_session_is_gone_on_with(qtbot, make, dock, case, prediction, flair, file, asked):
    case.review.judge((5, 10, 8), "unsure")  # before the session
    start(qtbot, dock)
    assert "painting on screen" in asked.questions[0]
    case.review.judge((12, 22, 18), "accepted")
    edit = np.zeros(case.grid.shape, np.int8)
    edit[1, 1, 1:5] = 1
    case.review.set_edit(edit)
    dock.cleanup()

    later = Case()
    later.set_images({"flair": flair})
    later.open_prediction(dataclasses.replace(prediction))
    again = make(later)
    assert again.table.item(0, 1).text() == "reader 1" and "2 of" in again.table.item(0, 2).text()
    assert not again.resume_button.isEnabled()
    again.table.selectRow(0)
    click(qtbot, again.resume_button)
    assert again.message.text() == ""
    assert later.review.verdicts == (Verdict((5, 10, 8), "unsure"), Verdict((12, 22, 18), "accepted"))
    np.testing.assert_array_equal(later.review.edit, edit)
    later.review.judge((18, 32, 25), "rejected")
    click(qtbot, again.close_button)
    assert "last hash" in again.message.text() and later.review.recorder is None and not later.review.unsaved
    assert again.table.item(0, 3).text() == "closed"
    verify(qtbot, again)
    assert "1 of 1 sessions" in again.message.text()
    with Store(file) as reader:
        (session,) = reader.sessions()
        assert len(reader.verdicts(session.id)) == 3 and session.closed


def test_what_was_left_open_is_selected_again(qtbot, make, dock, case, prediction, flair, file):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    click(qtbot, dock.leave_button)
    assert dock.table.selected_row == 0 and "press Resume" in dock.progress.state.text()
    dock.cleanup()
    other = dataclasses.replace(
        prediction, maps={**prediction.maps, "probability": prediction.probability * 0.9}
    )
    later = Case()
    later.set_images({"flair": flair})
    again = make(later)
    qtbot.keyClicks(again.annotator, "reader 1")
    later.open_prediction(other)
    assert again.table.selected_row is None and again.progress.state.text() == "Not recording."
    with Store(file) as reader:
        assert not reader.outputs("0" * 64) and len(reader.sessions()) == 1
    later.open_prediction(dataclasses.replace(prediction))
    assert again.table.selected_row == 0 and again.resume_button.isEnabled()
    again.annotator.setText("reader 2")
    assert again.progress.state.text() == "Not recording."
    again.annotator.setText("reader 1")
    click(qtbot, again.resume_button)
    assert later.review.verdicts == (Verdict((5, 10, 8), "accepted"),)


def test_another_prediction_is_not_gone_on_with(qtbot, make, dock, case, prediction):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    dock.cleanup()
    case.open_prediction(
        dataclasses.replace(prediction, maps={**prediction.maps, "probability": prediction.probability * 0.9})
    )
    again = make()
    again.table.selectRow(0)
    click(qtbot, again.resume_button)
    assert (
        "another prediction" in again.message.text()
        and case.review.recorder is None
        and not case.review.verdicts
    )


def test_it_says_how_to_come_by_the_prediction_of_a_session(qtbot, make, dock, case, prediction):
    made = {"model": "bundled", "method": "ensemble", "members": 4}
    case.open_prediction(dataclasses.replace(prediction, information=made))
    start(qtbot, dock)
    dock.cleanup()
    case.open_prediction(
        dataclasses.replace(prediction, maps={**prediction.maps, "probability": prediction.probability * 0.9})
    )
    again = make()
    again.table.selectRow(0)
    click(qtbot, again.resume_button)
    for said in ("'bundled'", "method ensemble", "4 members", f"{prediction.threshold:.2f}"):
        assert said in again.message.text()


def test_the_order_of_the_session_is_that_of_next(qtbot, dock, case, lesions, monkeypatch):
    monkeypatch.setattr("napari_uncertainseg.review.session.queue.CHECKS", 0.0)
    dock.order.setCurrentIndex(dock.order.findData("size"))
    start(qtbot, dock)
    lesions.next_lesion()
    volumes = case.lesions.table["volume_mm3"]
    assert case.lesions.labels[case.selected] == volumes.idxmax() + 1
    seen = [case.selected]
    for _ in range(len(volumes) - 1):
        click(qtbot, lesions.buttons["accept"])
        seen.append(case.selected)
    sizes = [volumes[case.lesions.labels[voxel] - 1] for voxel in seen]
    assert sizes == sorted(volumes, reverse=True)
    click(qtbot, lesions.buttons["accept"])
    assert (
        "All tasks have been reviewed" in dock.progress.remaining.text() or case.lesions.candidate_table.size
    )


def test_painting_that_cannot_be_written_is_said(qtbot, dock, case, monkeypatch):
    start(qtbot, dock)
    monkeypatch.setattr(
        "napari_uncertainseg.review.store.masks.MaskStore.keep",
        lambda *a: (_ for _ in ()).throw(InputError("no room")),
    )
    edit = np.zeros(case.grid.shape, np.int8)
    edit[1, 1, 1] = 1
    case.review.set_edit(edit)
    assert case.review.edit is edit and "not recorded: no room" in dock.message.text()


def test_a_second_reader_is_blinded_and_a_third_decides(qtbot, dock, case, lesions):
    start(qtbot, dock, "first")
    lesions.next_lesion()
    for _ in range(3):
        click(qtbot, lesions.buttons["accept"])
    click(qtbot, dock.close_button)

    def again(name):
        dock.annotator.clear()
        qtbot.keyClicks(dock.annotator, name)
        row = next(i for i, s in enumerate(dock.table._listed) if s.kind == "review")
        dock.table.selectRow(row)
        click(qtbot, dock.again_button)

    again("first")
    assert "first has read this already" in dock.message.text() and case.review.recorder is None
    again("second")
    assert case.review.recorder is not None and not case.review.verdicts and dock.message.text() == ""
    assert not dock.agreement.isVisible()
    lesions.next_lesion()
    for name in ("accept", "reject", "accept"):
        click(qtbot, lesions.buttons[name])
    click(qtbot, dock.close_button)
    dock.table.selectRow(next(i for i, s in enumerate(dock.table._listed) if s.kind == "review"))
    agreement_known(qtbot, dock)
    assert "first and second agree on 2 of 3" in dock.agreement.text() and dock.agreement.isVisible()
    again("third")
    assert len(case.review.recorder.tasks) == 1
    (place,) = case.review.recorder.tasks
    elsewhere = next(v for v in ((5, 10, 8), (12, 22, 18), (18, 32, 25)) if v != place.voxel)
    with pytest.raises(InputError, match="about the 1 locations on which the first two readers differ"):
        case.review.judge(elsewhere, "accepted")
    assert not case.review.verdicts and len(case.review.recorder.tasks) == 1
    for _ in range(2):
        lesions.next_lesion()
    assert lesions.message.text() == "Only the selected location is left."
    assert case.selected == place.voxel and lesions.recorded.text() == "● recorded for third"
    click(qtbot, lesions.buttons["reject"])
    assert case.selected == place.voxel  # not on to a lesion that is none of the third reading's
    assert lesions.message.text() == "All 1 lesions of this session are reviewed: close it in Session."
    assert "You can close the session" in dock.progress.state.text()
    click(qtbot, dock.close_button)
    assert not lesions.message.text() and not lesions.recorded.isVisible()
    for row in range(3):  # whichever of the readings is selected
        dock.table.selectRow(row)
        agreement_known(qtbot, dock)
        assert "Of the other 1, third reviewed 1: 0 agree with first, 1 with second." in dock.agreement.text()
        assert dock.again_button.isEnabled()
    assert [dock.table.item(row, 3).text() for row in range(3)] == ["3rd closed", "2nd closed", "closed"]


def test_what_another_wrote_or_reads_again_is_not_shown_to_a_third(qtbot, dock, case):
    start(qtbot, dock, "first")
    for task, decision in zip(case.review.recorder.tasks, ("accepted", "accepted", "unsure"), strict=False):
        case.review.judge(task.voxel, decision)
    click(qtbot, dock.close_button)
    for name, decision in (("second", "rejected"), ("third", "")):
        dock.annotator.setText(name)
        dock.table.selectRow(dock.table.rowCount() - 1)
        click(qtbot, dock.again_button)
        for task in case.review.recorder.tasks[: 99 if decision else 0]:
            case.review.judge(task.voxel, decision)
        click(qtbot, dock.leave_button)
    for row in range(1, 3):
        dock.table.selectRow(row)
        click(qtbot, dock.replay_button)
        assert "third reading is in progress" in dock.message.text() and not dock.replay.active


def test_ones_own_verdicts_are_asked_about_though_anothers_were_on_screen(qtbot, dock, case, asked):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    click(qtbot, dock.leave_button)
    dock.annotator.setText("reader 2")
    case.review.judge((12, 22, 18), "rejected")
    case.review.mark_saved()  # exported
    click(qtbot, dock.start_button)
    assert "some of them by reader 1, as the work of reader 2?" in asked.questions[-1]


def _goes_on_in_no_session(qtbot, dock, case):
    """A session with two verdicts is left; then one is changed, one taken back, one given, and painted."""
    start(qtbot, dock)
    one, two, three = (task.voxel for task in case.review.recorder.tasks[:3])
    case.review.judge(one, "accepted")
    case.review.judge(two, "accepted")
    click(qtbot, dock.leave_button)
    case.review.judge(one, "rejected")
    case.review.give_feedback(one, Feedback(sureness=2))
    case.review.judge(two, None)
    case.review.judge(three, "unsure")
    edit = np.zeros(case.grid.shape, np.int8)
    edit[2:4, 3, 3] = 1
    case.review.set_edit(edit)


def test_what_was_done_after_leaving_can_be_recorded_when_the_session_is_resumed(
    qtbot, dock, case, file, asked
):
    _goes_on_in_no_session(qtbot, dock, case)
    shown, edit = case.review.verdicts, case.review.edit
    assert case.review.unsaved and case.review.was_left
    asked.says = None
    click(qtbot, dock.resume_button)
    assert "Record them in it, too?" in asked.questions[-1]
    assert case.review.recorder is None and case.review.verdicts == shown
    asked.says = True
    click(qtbot, dock.resume_button)
    assert case.review.verdicts == shown and not case.review.unsaved and not case.review.was_left
    with Store(file) as store:
        (session,) = store.sessions()
        kept = Recorder(store, session.id, list)
        assert set(kept.verdicts) == set(shown) and np.array_equal(kept.painted(), edit)
        assert not any(store.verify().values())
    click(qtbot, dock.leave_button)
    case.review.judge(shown[-1].voxel, "accepted")
    asked.says = False
    click(qtbot, dock.resume_button)  # discard them
    assert set(case.review.verdicts) == set(shown) and case.review.recorder is not None


def test_what_was_done_after_leaving_overwrites_nothing_of_another_window(qtbot, dock, case, file, asked):
    _goes_on_in_no_session(qtbot, dock, case)
    shown = case.review.verdicts
    with Store(file) as other:
        (session,) = other.sessions()
        other.record(session.id, "shown")
    asked.says = True
    click(qtbot, dock.resume_button)
    assert "changed in another window" in dock.message.text()
    assert case.review.recorder is None and case.review.verdicts == shown and case.review.unsaved


def test_a_selected_session_stays_selected_while_a_name_is_typed(qtbot, dock, case):
    for name in ("An", "Bo"):
        dock.annotator.setText(name)
        click(qtbot, dock.start_button)
        case.review.judge((5, 10, 8), "accepted")
        click(qtbot, dock.leave_button)
    dock.annotator.clear()
    dock.table.selectRow(0)
    assert dock.table.session.annotator == "Bo"
    qtbot.keyClicks(dock.annotator, "Anna")
    assert dock.table.session.annotator == "Bo"


def test_closing_before_the_end_is_asked_about(qtbot, dock, case, asked):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    asked.says = None
    click(qtbot, dock.close_button)
    left = len(case.review.recorder.tasks) - 1
    assert f"{left} of {left + 1} tasks have no verdict yet" in asked.questions[-1]
    asked.says = True
    for task in case.review.recorder.tasks:
        case.review.judge(task.voxel, "accepted")
    n = len(asked.questions)
    click(qtbot, dock.close_button)
    assert case.review.recorder is None and len(asked.questions) == n


def test_the_docks_share_who_judges(qtbot, shown, case, file):
    sessions = SessionFile(file)
    made = shown(SessionDock(case, FakeLayers(), sessions))
    qtbot.keyClicks(made.annotator, "reader")
    exercises = shown(ExercisesDock(case, FakeLayers(), sessions))
    assert exercises.annotator.text() == "reader"
    exercises.annotator.setText("reader 2")
    assert made.annotator.text() == "reader 2" and made.start_button.isEnabled()
    click(qtbot, made.start_button)
    exercises.annotator.setText("somebody else")
    assert made.annotator.text() == "reader 2"  # whose session goes on
    click(qtbot, made.leave_button)
    assert made.annotator.text() == "somebody else"


def test_a_reading_of_a_strange_file_is_listed(qtbot, make, dock, file):
    start(qtbot, dock)
    tasks = dock._case.review.recorder.tasks[:1]
    click(qtbot, dock.leave_button)
    with Store(file) as store:
        known = NewTask(tasks[0].case, tasks[0].output, "lesion", 1, tasks[0].voxel)
        store.open_session(store.project("p"), store.annotator("x"), "qc", [known], {"reading": []})
    assert {make().table.item(row, 3).text() for row in range(2)} == {"open"}


def test_the_whole_path_of_the_file_is_told(dock, file):
    assert str(file) in dock.location.file_button.toolTip()


def test_verdicts_on_screen_are_asked_about(qtbot, make, dock, case, asked):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    click(qtbot, dock.close_button)
    asked.says = None
    click(qtbot, dock.start_button)
    assert case.review.recorder is None and len(case.review.verdicts) == 1  # cancelled
    assert "the work of reader 1?" in asked.questions[-1]
    dock.annotator.clear()
    n = len(asked.questions)
    start(qtbot, dock, "reader 2")
    assert (
        case.review.recorder is not None and not case.review.verdicts
    )  # the first reader's are not the second's
    assert len(asked.questions) == n  # and safe where they are
    case.review.judge((5, 10, 8), "rejected")
    click(qtbot, dock.leave_button)
    assert case.review.recorder is None and len(case.review.verdicts) == 1 and dock.start_button.isEnabled()
    case.review.judge((12, 22, 18), "accepted")  # in no session
    dock.annotator.setText("reader 3")
    click(qtbot, dock.start_button)
    assert (
        "some of them by reader 2, as the work of reader 3?" in asked.questions[-1]
        and case.review.recorder is None
    )
    dock.annotator.setText("reader 2")
    dock.table.selectRow(0)
    asked.says = None
    click(qtbot, dock.resume_button)
    assert "after you left this session" in asked.questions[-1] and len(case.review.verdicts) == 2
    asked.says = False
    click(qtbot, dock.resume_button)
    assert case.review.verdicts == (Verdict((5, 10, 8), "rejected"),)


def test_a_lesion_that_was_repainted_was_wrong(qtbot, dock, case, file):
    start(qtbot, dock)
    edit = np.zeros(case.grid.shape, np.int8)
    labels = case.lesions.labels
    edit[tuple(np.argwhere(labels == labels[5, 10, 8])[0])] = -1
    case.review.set_edit(edit)
    case.review.judge((5, 10, 8), "accepted")
    edit2 = edit.copy()
    edit2[tuple(np.argwhere(labels == labels[5, 10, 8])[0] - [0, 1, 0])] = 1
    case.review.set_edit(edit2)
    case.review.judge((5, 10, 8), "accepted")
    case.review.judge((12, 22, 18), "accepted")
    with Store(file) as store:
        (session,) = store.sessions()
        painted = [found.painted for found in store.verdicts(session.id).values()]
    assert painted == [True, False]


def test_the_last_threshold_is_gone_on_with(qtbot, dock, case):
    start(qtbot, dock)
    case.threshold = 0.3
    case.review.judge((5, 10, 8), "accepted")
    click(qtbot, dock.leave_button)
    case.threshold = 0.7
    dock.table.selectRow(0)
    click(qtbot, dock.resume_button)
    assert case.threshold == 0.3


def test_a_window_that_was_overtaken_can_be_left(qtbot, dock, case, file):
    start(qtbot, dock)
    with Store(file) as other:
        (session,) = other.sessions()
        other.record(session.id, "shown")
    with pytest.raises(InputError, match="another window"):
        case.review.judge((5, 10, 8), "accepted")
    click(qtbot, dock.leave_button)
    dock.table.selectRow(0)
    click(qtbot, dock.resume_button)
    case.review.judge((5, 10, 8), "accepted")
    assert len(case.review.verdicts) == 1


def test_names_are_shown_as_they_are(qtbot, dock, case):
    start(qtbot, dock, "<b>bold</b>")
    assert "&lt;b&gt;" in dock.progress.state.text()
    click(qtbot, dock.leave_button)
    dock.annotator.setText("x" * 160)
    click(qtbot, dock.start_button)
    assert dock.minimumSizeHint().width() <= 420


def test_a_folder_that_cannot_be_made_is_said(qtbot, case, tmp_path):
    (tmp_path / "text").write_text("")
    made = SessionDock(case, FakeLayers(), SessionFile(tmp_path / "text" / "x.db"))
    made.annotator.setText("a")
    made.start_button.click()
    assert "cannot be created" in made.message.text()
    made.tools.verify()
    assert "no session yet" in made.message.text()
    made.cleanup()
    made.deleteLater()
    qtbot.wait(1)


def test_verdicts_are_exported(qtbot, dock, case, tmp_path, monkeypatch):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    path = tmp_path / "out.tsv"
    monkeypatch.setattr("napari_uncertainseg.widgets.session.file_buttons.ask_file", lambda *a, **k: path)
    click(qtbot, dock.tools.export_button)
    assert "Saved" in dock.message.text()
    assert path.read_text().count("accepted") == 1 and "reader 1" in path.read_text()


def test_an_export_leaves_names_out(qtbot, dock, case, tmp_path, monkeypatch):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    asked = []

    def save_as(path):
        monkeypatch.setattr(
            "napari_uncertainseg.widgets.session.file_buttons.ask_file",
            lambda *a: asked.append(a[-1]) or path,
        )

    save_as(tmp_path / "all.json")
    click(qtbot, dock.tools.export_button)
    assert "reader 1" in (tmp_path / "all.json").read_text() and ".json" in asked[-1]
    dock.tools.pseudonyms.setChecked(True)
    save_as(tmp_path / "other.json")
    click(qtbot, dock.tools.export_button)
    assert "names" in dock.message.text() and not (tmp_path / "other.json").exists()
    save_as(tmp_path / "out.tsv")
    click(qtbot, dock.tools.export_button)
    save_as(tmp_path / "out.html")
    click(qtbot, dock.tools.report_button)
    qtbot.waitUntil(lambda: "Saved the report" in dock.message.text())
    for name in ("out.tsv", "out.html"):
        text = (tmp_path / name).read_text()
        assert "annotator 1" in text and "reader 1" not in text, name


def test_another_file_is_chosen(qtbot, dock, tmp_path, monkeypatch):
    other = tmp_path / "other.db"
    monkeypatch.setattr("napari_uncertainseg.widgets.session.location.ask_file", lambda *a, **k: other)
    click(qtbot, dock.location.file_button)
    assert dock.location.file_button.text() == "other.db" and dock.table.rowCount() == 0
    start(qtbot, dock)
    assert other.is_file() and dock.table.rowCount() == 1 and not dock.location.file_button.isEnabled()


def test_a_damaged_file_is_named(qtbot, make, file):
    file.parent.mkdir()
    file.write_text("nothing " * 200)
    dock = make()
    assert "is not a database of sessions" in dock.message.text()
    start(qtbot, dock)
    assert "is not a database of sessions" in dock.message.text()


def test_changes_afterwards_are_told(qtbot, dock, case, file):
    import sqlite3

    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE entry SET content = replace(content, 'accepted', 'rejected')")
    connection.close()
    verify(qtbot, dock)
    assert "0 of 1 sessions" in dock.message.text() and "was changed after" in dock.message.text()


def test_the_stop_rule_follows_the_target_and_says_when_it_cannot_be_trusted(qtbot, dock, case):
    assert dock.progress.diagram is None  # it takes as long as the rest of the dock
    start(qtbot, dock)
    assert dock.progress.stop.text() == "not known: no random checks yet"
    assert not dock.progress.diagram.isVisible() and not dock.progress.caution.isVisible()
    for task in case.review.recorder.tasks[:-1]:
        case.review.judge(task.voxel, "accepted" if task.target == "lesion" else "rejected")
    assert dock.progress.diagram.isVisible()
    found = case.review.recorder.outlook()
    assert dock.progress.caution.isVisible() == (found.judged < 10)
    assert "mostly the model's own" in dock.progress.caution.text() or found.judged >= 10
    assert found.unseen == 1
    dock.progress.target.setValue(found.most)
    assert "you may stop" in dock.progress.stop.text()
    if found.most:
        dock.progress.target.setValue(found.most - 1)
        expected = f"not yet: up to {found.most}" if found.checks else "not known: no random checks yet"
        assert dock.progress.stop.text() == expected
    case.review.judge(case.review.recorder.tasks[-1].voxel, "unsure")
    assert dock.progress.stop.text() == "all reviewed"


def test_a_session_is_played_back_and_scored(qtbot, dock, case, mask):
    start(qtbot, dock)
    places = [task.voxel for task in case.review.recorder.tasks if task.target == "lesion"]
    case.review.judge(places[0], "accepted")
    edit = np.zeros(case.grid.shape, np.int8)
    edit[5, 9, 7] = 1
    case.review.set_edit(edit)
    case.review.judge(places[1], "rejected")
    case.review.undo()
    click(qtbot, dock.close_button)
    dock._layers.masks["experts"] = mask.astype(np.uint8)
    dock._layers.layers_changed.emit()
    dock.table.selectRow(0)
    click(qtbot, dock.replay_button)
    replay = dock.replay
    assert (
        replay.isVisible()
        and case.review.verdicts == ()
        and case.review.edit is None
        and case.review.recorder is None
    )
    assert "1 of 6" in replay.step.text() and "session opened" in replay.step.text()
    assert not dock.start_button.isEnabled() and "Replay: nothing is recorded" in dock.progress.state.text()
    seen = []
    for _ in range(5):
        click(qtbot, replay.forward_button)
        seen.append(([v.decision for v in case.review.verdicts], case.review.edit is not None))
    both = ["accepted", "rejected"]
    one = ["accepted"]
    assert seen == [(one, False), (one, True), (both, True), (one, True), (one, True)]
    assert case.selected is None or case.selected in places
    click(qtbot, replay.back_button)
    assert "verdict undone" in replay.step.text() and case.selected == places[1]
    assert dock._layers.visited[-1] == places[1]  # the viewer goes along
    replay.consensus.setCurrentIndex(replay.consensus.findData("experts"))
    assert replay.score.text().startswith("1 decided, 100% right. Lesions missed: 0")
    click(qtbot, replay.end_button)
    assert (
        not replay.isVisible()
        and [v.decision for v in case.review.verdicts] == one  # as on screen before
        and np.array_equal(case.review.edit, edit)
        and not case.review.unsaved
    )
    assert dock.start_button.isEnabled()


def test_it_plays_by_itself_and_stops_at_the_end(qtbot, dock, case):
    start(qtbot, dock)
    case.review.judge(case.review.recorder.tasks[0].voxel, "accepted")
    click(qtbot, dock.close_button)
    dock.table.selectRow(0)
    click(qtbot, dock.replay_button)
    dock.replay._timer.setInterval(20)
    click(qtbot, dock.replay.play_button)
    assert dock.replay.play_button.text() == "Stop"
    qtbot.waitUntil(lambda: dock.replay.play_button.text() == "Play", timeout=3000)
    assert "session closed" in dock.replay.step.text()
    other = dataclasses.replace(case.prediction)
    case.open_prediction(other)  # another case was opened
    assert not dock.replay.active and not dock.replay.isVisible() and dock.start_button.isEnabled()


def test_what_is_on_screen_is_asked_about_before_a_replay(qtbot, dock, case, asked):
    start(qtbot, dock)
    click(qtbot, dock.close_button)
    case.review.judge((5, 10, 8), "accepted")
    dock.table.selectRow(0)
    asked.says = False
    click(qtbot, dock.replay_button)
    assert (
        not dock.replay.active and len(case.review.verdicts) == 1 and "Continue anyway" in asked.questions[-1]
    )


def test_sessions_may_be_kept_on_a_server(qtbot, dock, case, tmp_path, monkeypatch):
    where = Server(f"sqlite:///{tmp_path / 'study.db'}", tmp_path / "masks")  # a URL, as a server has one
    monkeypatch.setattr("napari_uncertainseg.widgets.session.location.ask_server", lambda parent: where)
    click(qtbot, dock.location.server_button)
    assert dock.location.file_button.text().endswith("study.db") and dock.message.text() == ""
    start(qtbot, dock)
    edit = np.zeros(case.grid.shape, np.int8)
    edit[5, 9, 7] = 1
    case.review.set_edit(edit)
    assert (
        any(path.is_file() for path in (tmp_path / "masks").rglob("*")) and (tmp_path / "study.db").exists()
    )
    assert dock.table.rowCount() == 1
    assert not dock.location.server_button.isEnabled()


def test_a_server_is_asked_for_without_keeping_its_password(qtbot, tmp_path, monkeypatch):
    dialog = ServerDialog()
    qtbot.addWidget(dialog)
    dialog.url.setText("mysql://a@b/c")
    dialog._check()
    assert "Name a PostgreSQL server" in dialog.problem.text()
    dialog.url.setText("postgresql://reader@host/study")
    dialog.password.setText("hunter/2")
    dialog._check()
    assert "folder for the masks" in dialog.problem.text() and dialog.result() == 0
    monkeypatch.setattr("napari_uncertainseg.widgets.session.server_dialog.ask_folder", lambda *a: tmp_path)
    click(qtbot, dialog.folder_button)
    found = dialog.server
    assert "hunter%2F2" in found.url and found.masks == tmp_path
    file = SessionFile(*found)
    assert "hunter" not in file.name and "host/study" in file.name
    dialog._check()
    assert dialog.result() == 1
    file.close()


def test_going_on_takes_nothing_along_that_is_somebody_elses(qtbot, dock, case, asked):
    start(qtbot, dock)  # reader 1 judges nothing
    click(qtbot, dock.leave_button)
    dock.annotator.setText("reader 2")
    click(qtbot, dock.start_button)
    case.review.judge((5, 10, 8), "accepted")
    click(qtbot, dock.leave_button)
    assert not case.review.unsaved and not asked.questions  # all of it is in the session
    dock.table.selectRow(1)
    click(qtbot, dock.resume_button)
    assert "belongs to reader 1" in dock.message.text() and case.review.recorder is None
    dock.annotator.clear()
    click(qtbot, dock.resume_button)
    assert case.review.recorder.session.annotator == "reader 1" == dock.annotator.text()
    assert case.review.verdicts == () and not case.review.recorder.current_verdicts


def test_reading_again_asks_before_it_drops(qtbot, dock, case, asked):
    start(qtbot, dock)
    click(qtbot, dock.close_button)
    case.reset_review()
    case.review.judge((5, 10, 8), "accepted")
    dock.annotator.setText("second")
    dock.table.selectRow(0)
    asked.says = False
    click(qtbot, dock.again_button)
    assert (
        len(case.review.verdicts) == 1
        and case.review.recorder is None
        and "will be lost" in asked.questions[-1]
    )


def test_a_blinded_reader_is_shown_nothing_of_the_first(qtbot, dock, case):
    start(qtbot, dock)
    for task in case.review.recorder.tasks:
        case.review.judge(task.voxel, "accepted")
    click(qtbot, dock.close_button)
    dock.annotator.setText("second")
    dock.table.selectRow(0)
    click(qtbot, dock.again_button)
    assert not dock.tools.isEnabled()
    case.review.judge(case.review.recorder.tasks[0].voxel, "rejected")
    click(qtbot, dock.leave_button)
    first = next(i for i, s in enumerate(dock.table._listed) if s.kind == "review")
    dock.table.selectRow(first)
    agreement_known(qtbot, dock)
    assert not dock.agreement.isVisible()  # it would tell whether the first said the same
    for button in (dock.replay_button, dock.tools.export_button, dock.tools.report_button):
        click(qtbot, button)
        assert "reading" in dock.message.text() and dock.message.text().startswith("⚠")
    assert not dock.replay.active


def test_a_lesson_is_not_gone_on_with_as_a_review(qtbot, dock, case, mask):
    consensus = mask.copy()
    consensus[11:14] = False
    store, now = dock._file.store(), case.prediction
    number, output = register_prediction(store, now)
    lesson = start_lesson(
        store,
        annotator="t",
        case=number,
        output=output,
        consensus=consensus,
        lesions=case.lesions,
        probability=now.probability,
        grid=case.grid,
        brain=now.brain,
        seed=1,
    )
    dock._list()
    dock.table.selectRow(0)
    assert lesson.at is not None and not dock.resume_button.isEnabled()


def test_an_exercise_ends_a_replay_and_keeps_sessions_still(qtbot, dock, case):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    click(qtbot, dock.close_button)
    dock.table.selectRow(0)
    click(qtbot, dock.replay_button)
    assert case.review.verdicts == ()
    dock._layers.blind()
    assert not dock.replay.active and len(case.review.verdicts) == 1  # the own review
    for widget in (dock.start_button, dock.replay_button, dock.location, dock.tools):
        assert not widget.isEnabled()
    dock._layers.unblind()
    assert dock.start_button.isEnabled() and dock.tools.isEnabled()


def test_closing_the_dock_in_a_replay_leaves_nobodys_verdicts(qtbot, dock, case):
    start(qtbot, dock)
    case.review.judge((5, 10, 8), "accepted")
    threshold = case.threshold
    click(qtbot, dock.close_button)
    case.reset_review()
    case.threshold = 0.9
    dock.table.selectRow(0)
    click(qtbot, dock.replay_button)
    click(qtbot, dock.replay.forward_button)
    assert len(case.review.verdicts) == 1 and case.threshold == threshold
    dock.cleanup()
    assert case.review.verdicts == () and not case.review.unsaved and case.threshold == 0.9


def test_names_are_no_markup(qtbot, dock, case):
    dock.annotator.setText("<img src=//e.vil/a.png>")
    click(qtbot, dock.start_button)
    case.review.judge(case.review.recorder.tasks[0].voxel, "accepted")
    click(qtbot, dock.close_button)
    dock.annotator.setText("b")
    dock.table.selectRow(0)
    click(qtbot, dock.again_button)
    case.review.judge(case.review.recorder.tasks[0].voxel, "accepted")
    click(qtbot, dock.close_button)
    first = next(i for i, s in enumerate(dock.table._listed) if s.kind == "review")
    dock.table.selectRow(first)
    agreement_known(qtbot, dock)
    if dock.agreement.isVisible():
        assert "<img" not in dock.agreement.text()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET content = '{}' WHERE kind = 'verdict'",
        'UPDATE entry SET content = \'{"decision": "accepted", "seconds": "x"}\' WHERE kind = \'verdict\'',
        "DELETE FROM task",
        "UPDATE session SET settings = 'null'",
        "UPDATE session SET settings = '[1]'",
        "DELETE FROM entry",
        "UPDATE task SET probability = 'x'",
    ],
)
def test_what_somebody_made_of_the_file_is_said_or_left_out(qtbot, make, case, file, statement):
    dock = make()
    start(qtbot, dock)
    case.review.judge(case.review.recorder.tasks[0].voxel, "accepted")
    click(qtbot, dock.leave_button)
    dock._file.close()
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()
    again = make()  # no traceback
    again.table.selectRow(0)
    for button in (again.resume_button, again.replay_button):
        click(qtbot, button)
    verify(qtbot, again)
    assert "⚠" in again.message.text() or "0 of 1" in again.message.text()


@pytest.mark.parametrize(
    "said", [{"number": 3}, {"voxel": [900, 1, 1], "number": 3}, {"voxel": [900, 1, 1]}, None]
)
def test_places_outside_of_the_scan_are_refused_in_a_sentence(qtbot, case, dock, file, said):
    """Of a file from elsewhere, whose chain is sound: whoever writes it can see to that."""
    file.parent.mkdir()
    with Store(file) as store:
        case_number, output = register_prediction(store, case.prediction)
        voxel = (1, 1, 900) if said is None else (1, 1, 1)
        task = NewTask(case_number, output, "lesion", 1, voxel)
        project, who = store.project("review"), store.annotator("reader 1")
        session = store.open_session(project, who, "review", [task], {})
        (made,) = store.tasks(session)
        store.record(session, "verdict", made.id, {"decision": "accepted", **(said or {})})
    dock._on_file()
    dock.annotator.setText("reader 1")
    dock.table.selectRow(0)
    inside = said == {"number": 3}
    for button in (dock.replay_button, dock.resume_button):
        click(qtbot, button)
        assert ("outside" in dock.message.text()) is not inside
        if dock.replay.active:
            dock.replay.end()
    assert (case.review.recorder is not None) is inside


def test_a_session_of_recalibrated_probabilities_is_gone_on_with(qtbot, case, dock):
    case.recalibrate(Temperature(0.2, 0.1, 2.0))
    start(qtbot, dock)
    row = case.lesions.table.iloc[0]
    case.review.judge(tuple(int(row[f"slice_{axis}"]) for axis in "sar"), "accepted")
    click(qtbot, dock.leave_button)
    assert dock.table.selected_row == 0 and "press Resume" in dock.progress.state.text()
    click(qtbot, dock.resume_button)
    assert case.review.recorder is not None and len(case.review.verdicts) == 1
