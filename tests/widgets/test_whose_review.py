"""One name for a window: it is said before the first verdict, and the same sessions go on in all docks."""

from dataclasses import replace

import pytest

from napari_uncertainseg.images.identity import case_sha256, scan_sha256
from napari_uncertainseg.review.session.opening import UNNAMED
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.exercises.dock import ExercisesDock
from napari_uncertainseg.widgets.lesions import resume_offer
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.session import dock as session_module
from napari_uncertainseg.widgets.session.dock import SessionDock
from napari_uncertainseg.widgets.shared import dialogs
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper, waiting_review
from napari_uncertainseg.widgets.shared.session_file import SessionFile

from .actions import click
from .fake_layers import FakeLayers

FIRST, SECOND = (5, 10, 8), (12, 21, 18)


@pytest.fixture(autouse=True)
def asked(answer_questions):
    return answer_questions(session_module, resume_offer, dialogs)


@pytest.fixture
def known(prediction, flair):
    """A prediction that says of which scan it is."""
    about = {"case": {"sha256": case_sha256({"flair": scan_sha256(flair)})}}
    return replace(prediction, information=about)


class Docks:
    """The docks of one window that share its name, without a viewer."""

    def __init__(self, case, file, shown):
        layers = FakeLayers()
        self.case, self.file = case, SessionFile(file)
        self.keeper = ReviewKeeper(case, self.file, lambda: [], lambda: False)
        self.exercises = shown(ExercisesDock(case, layers, self.file))
        self.session = shown(SessionDock(case, layers, self.file))
        self.lesions = shown(LesionsDock(case, layers, keeper=self.keeper))

    @property
    def said(self):
        recorded = self.lesions.recorded
        return "" if recorded.isHidden() else recorded.text()


@pytest.fixture
def docks(case, known, tmp_path, shown):
    case.close_prediction()
    made = Docks(case, tmp_path / "sessions.db", shown)
    case.open_prediction(known)
    yield made
    made.keeper.cleanup()
    made.file.close()


def again(docks, known):
    """Close the case, and open it again."""
    docks.case.close_prediction()
    docks.case.open_prediction(known)


def test_the_name_typed_for_an_exercise_is_said_before_the_first_verdict(qtbot, docks, file_of):
    assert docks.said == f"○ next verdict: saved automatically for {UNNAMED}"
    qtbot.keyClicks(docks.exercises.annotator, " trainee  7")
    assert docks.said == "○ next verdict: saved automatically for trainee 7"
    assert "automatically for trainee 7, from the first verdict" in docks.session.progress.state.text()
    assert "Session or in Exercises" in docks.lesions.recorded.toolTip()
    docks.case.review.judge(FIRST, "rejected")
    assert docks.said == "● saved automatically for trainee 7"
    assert file_of() == [("trainee 7", 1)]


@pytest.fixture
def file_of(tmp_path):
    def sessions():
        with Store(tmp_path / "sessions.db") as store:
            return [(s.annotator, len(store.verdicts(s.id))) for s in store.sessions()]

    return sessions


def test_nothing_is_promised_where_nothing_will_be_saved(docks, known):
    docks.case.review.judge(FIRST, "rejected")
    docks.session.leave_button.click()
    assert docks.case.review.recorder is None  # who leaves is not recorded again, and reads so
    assert docks.said.startswith("⚠ In no session: you left or closed it")
    docks.case.close_prediction()
    assert not docks.said
    docks.case.open_prediction(known)
    assert docks.said


@pytest.mark.parametrize("why_not", ["another prediction", "the reader says no"])
def test_a_session_that_is_not_resumed_leaves_no_name(qtbot, docks, known, asked, file_of, why_not):
    """What is judged next is of who reads, and not of who began the session."""
    docks.file.annotator = "Bo"
    docks.case.review.judge(FIRST, "rejected")
    docks.case.close_prediction()
    docks.file.annotator = ""
    maps = {name: values.copy() for name, values in known.maps.items()}
    other = why_not == "another prediction"
    maps["probability"][0, 0, 0] += 0.01 * other
    docks.case.open_prediction(replace(known, maps=maps))
    if not other:
        docks.case.review.keep_with(None)
        docks.case.review.judge(SECOND, "accepted")  # in no session: to resume another would lose it
        asked.says = None
    docks.session.table.selectRow(0)
    click(qtbot, docks.session.resume_button)
    assert docks.case.review.recorder is None and docks.file.annotator == "" == docks.session.annotator.text()
    assert len(asked.questions) == (not other)


@pytest.mark.parametrize("name", ["", "Ada"])
def test_a_review_without_a_name_goes_on_in_both_docks(qtbot, docks, known, name, file_of):
    docks.case.review.judge(FIRST, "rejected")
    for resume in (docks.lesions.resume.accept_button, docks.session.resume_button):
        again(docks, known)
        docks.file.annotator = name
        docks.session.table.selectRow(0)
        click(qtbot, resume)
        assert docks.case.review.recorder is not None, docks.session.message.text()
        assert docks.case.review.recorder.session.annotator == UNNAMED and docks.file.annotator == name
        assert docks.said == f"● saved automatically for {UNNAMED}"
    assert file_of() == [(UNNAMED, 1)]


@pytest.mark.parametrize("typed", ["", "Ada"])
def test_a_review_of_somebody_else_goes_on_in_none(qtbot, docks, known, typed):
    docks.file.annotator = "Bo"
    docks.case.review.judge(FIRST, "rejected")
    said = []
    for resume, where in (
        (docks.lesions.resume.accept_button, docks.lesions.resume.text),
        (docks.session.resume_button, docks.session.message),
    ):
        docks.file.annotator = ""
        again(docks, known)
        docks.file.annotator = typed  # after the review was offered
        docks.session.table.selectRow(0)
        click(qtbot, resume)
        recorder = docks.case.review.recorder
        assert (recorder is None) == bool(typed) and docks.file.annotator == (typed or "Bo")
        said.append(where.text())
    if typed:
        assert said[0] == said[1] and "belongs to Bo, and the name here is Ada" in said[0]


def test_verdicts_that_are_copied_stay_those_of_their_reader(qtbot, docks, known, file_of):
    docks.file.annotator = "Bo"
    docks.case.review.judge(FIRST, "rejected")
    docks.file.annotator = ""
    other = replace(known, maps={**known.maps, "probability": known.probability * 0.99})
    again(docks, other)
    assert not docks.keeper.offer.same
    click(qtbot, docks.lesions.resume.accept_button)
    assert docks.file.annotator == "Bo" and file_of() == [("Bo", 1), ("Bo", 1)]


def test_a_name_is_not_taken_over_from_a_review_that_cannot_be_read(docks, known, monkeypatch):
    docks.file.annotator = "Bo"
    docks.case.review.judge(FIRST, "rejected")
    docks.file.annotator = ""
    again(docks, known)

    def fails(*_):
        raise session_module.InputError("The painting is damaged.")

    monkeypatch.setattr("napari_uncertainseg.review.session.recorder.Recorder.painted", fails)
    docks.lesions.resume.accept()
    assert docks.file.annotator == "" and "damaged" in docks.lesions.resume.text.text()


def with_inputs(prediction, flair, *modalities, **case):
    """A prediction of some scans, which says so."""
    inputs = {name: {"scan_sha256": scan_sha256(flair)} for name in modalities}
    about = {"inputs": inputs, "case": {"sha256": case_sha256(dict.fromkeys(modalities, "a")), **case}}
    more = 1.0 if len(modalities) == 1 else 0.99
    maps = {**prediction.maps, "probability": prediction.probability * more}
    return replace(prediction, information=about, maps=maps)


@pytest.fixture
def older(monkeypatch):
    """Begin sessions as older versions did: their settings lack some names."""

    def lacking(*names):
        def open_session(self, project, annotator, kind, tasks, settings):
            kept = {name: value for name, value in settings.items() if name not in names}
            return begin(self, project, annotator, kind, tasks, kept)

        monkeypatch.setattr(Store, "open_session", open_session)

    begin = Store.open_session
    return lacking


SCANS_UNKNOWN = "oes not say with which scans it was made (older versions did not note them)"


def test_a_review_that_does_not_note_its_scans_says_so(docks, prediction, flair, older):
    older("scans")
    again(docks, with_inputs(prediction, flair, "flair", "t1"))
    docks.case.review.judge(FIRST, "rejected")
    docks.case.close_prediction()
    assert waiting_review(docks.file, scan_sha256(flair)) == (
        f"A review of this scan waits: 1 verdict. It d{SCANS_UNKNOWN}: press Run with the same ones as then."
    )
    docks.case.open_prediction(with_inputs(prediction, flair, "flair"))
    needed = f"It d{SCANS_UNKNOWN}: open the same ones as then, and press Run."
    assert docks.lesions.resume.text.text().endswith(needed)


def test_a_review_that_notes_no_scan_at_all_says_so_where_it_is_refused(docks, prediction, flair, older):
    older("scans", "flair")
    again(docks, with_inputs(prediction, flair, "flair", "t1"))
    docks.case.review.judge(FIRST, "rejected")
    again(docks, with_inputs(prediction, flair, "flair"))
    assert docks.keeper.offer is None
    docks.session.table.selectRow(0)
    docks.session.resume_button.click()
    assert f"another prediction of the case scan: it d{SCANS_UNKNOWN}; first" in docks.session.message.text()
