"""A file of the version before settings and entries had models, with a session of each kind."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.session_report import write_report
from napari_uncertainseg.review.lessons.lesson import Lesson, is_lesson
from napari_uncertainseg.review.lessons.outlining import earlier_outline_scores
from napari_uncertainseg.review.reports.verdict_table import as_json, verdict_table
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.session.rereading import first_reading_id, reading_status
from napari_uncertainseg.review.store.entry_details import VerdictDetails, entry_details
from napari_uncertainseg.review.store.session_settings import (
    ExerciseSettings,
    RereadingSettings,
    ReviewSettings,
    read_settings,
    settings_fault,
)
from napari_uncertainseg.review.store.store import Store

_FOLDER = Path(__file__).with_name("written_before")
_FIRST = "123ca27434d344f4a7e5f5a2ae752cdc"


@pytest.fixture
def before(path):
    """A store of the sessions that the version before wrote."""
    connection = sqlite3.connect(path)
    connection.executescript((_FOLDER / "sessions.sql").read_text())
    connection.close()
    shutil.copytree(_FOLDER / "masks", path.parent / "masks")
    with Store(path) as store:
        yield store


def test_all_sessions_are_sound_and_say_the_same(before, tmp_path) -> None:
    sessions, odd = before.readable()
    assert len(sessions) == 6 and not odd and not any(before.verify().values())
    decisions = verdict_table(before)["decision"].value_counts().to_dict()
    assert decisions == {"": 7, "accepted": 6, "rejected": 2, "unsure": 1, "outlined": 1}
    write_report(before, tmp_path / "report.html", pictures=False)
    assert not verdict_table(before)["reasons"].any()  # which that version did not ask for
    settings = {session["id"]: session["settings"] for session in as_json(before)["sessions"]}
    assert settings[_FIRST]["ranks"] == [0, 2, 1, 3] and settings[_FIRST]["flair"] == "d" * 64


def test_readings_are_tied_to_the_first(before) -> None:
    status = reading_status(before, _FIRST)
    assert (status.both, status.same, len(status.differing)) == (3, 1, 2)
    assert status.second is not None and status.third is not None
    assert first_reading_id(status.third) == _FIRST
    assert isinstance(status.second.settings, RereadingSettings) and status.second.settings.reading == 2
    assert not Recorder(before, status.third.id).accepts_new_tasks


def test_a_review_is_played_back(before) -> None:
    replay = Replay(before, _FIRST)
    painted = next(i for i, step in enumerate(replay.steps) if step.what == "painted")
    expected = np.zeros((6, 5, 5), np.int8)
    expected[4, 1:3, 1:3] = 1
    np.testing.assert_array_equal(replay.painting(painted), expected)
    assert replay.seen_at(len(replay.steps) - 1) == (0.4, 3.0)
    recorder = Recorder(before, _FIRST)
    assert recorder.painted() is None and len(recorder.verdicts) == 3 and recorder.outlook().unseen == 1 + 1


def test_exercises_are_scored(before) -> None:
    (lesson,) = (Lesson(before, s.id) for s in before.sessions() if is_lesson(s))
    assert lesson.answered == 3 and lesson.influence() is not None and lesson.score().accuracy == 2 / 3
    assert earlier_outline_scores(before, "pupil") == [0.625]
    kinds = {type(session.settings) for session in before.sessions()}
    assert kinds == {ReviewSettings, RereadingSettings, ExerciseSettings}


# -- wrong values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("verdict", {}, "'decision' is missing, it should be text"),
        ("verdict", {"decision": 5}, "'decision' should be text, not 5"),
        (
            "verdict",
            {"decision": "accepted", "voxel": [1, -1, 1]},
            "'voxel' should be three whole numbers of 0 or more (s, a, r), not -1",
        ),
        ("verdict", {"decision": "accepted", "voxel": [1, 2]}, "(s, a, r), not [1, 2]"),
        ("verdict", {"decision": "accepted", "seconds": True}, "'seconds' should be a number of 0 or more"),
        ("verdict", {"decision": "accepted", "mask": "../x"}, "'mask' should be a SHA-256 (64 digits), not"),
        ("verdict", {"decision": "accepted", "score": {"dice": "x"}}, "'dice' in 'score' should be a number"),
        ("undo", {"of": "x"}, "'of' should be a whole number of 0 or more, not \"x\""),
        ("undo", {"of": -1}, "'of' should be a whole number of 0 or more, not -1"),
        ("painted", {"mask": "a" * 64}, "where its mask lies"),
        ("painted", {"shape": [1 << 11] * 3}, "its shape should have at most"),
        ("first", {"is_lesion": 1}, "'is_lesion' should be true or false, not 1"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_is_right(kind, content, said) -> None:
    with pytest.raises(InputError, match="Entry 7") as error:
        entry_details(kind, content, "Entry 7")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_what_is_not_known_is_kept_and_whole_numbers_are_numbers() -> None:
    details = entry_details("verdict", {"decision": "unsure", "seconds": 2, "more": [1]}, "It")
    assert isinstance(details, VerdictDetails) and details.seconds == 2.0
    assert entry_details("closed", {"judged": 3}, "It").model_extra == {"judged": 3}


def test_a_wrong_setting_is_left_out_and_told() -> None:
    stored = '{"threshold": "low", "min_volume": 3, "ranks": [0, 1], "drawn": [-1], "own": 5}'
    settings = read_settings("review", stored)
    assert settings.written() == {"min_volume": 3.0, "ranks": [0, 1], "own": 5}
    assert settings_fault("review", stored) == "'threshold' should be a number, not \"low\""
    assert settings_fault("review", "{}") == "" and "JSON" in settings_fault("qc", "{")
    assert read_settings("qc", b"\xff").written() == {}
    assert settings_fault("review", '{"ranks": [0, -1]}') == (
        "'ranks' should be a list of whole numbers of 0 or more, not -1"
    )


def test_a_setting_has_one_name_in_a_file() -> None:
    """The name that the code has for it is another key, which is kept as it is."""
    settings = read_settings("qc", '{"first_reading": "a", "of": "b"}')
    assert isinstance(settings, RereadingSettings) and settings.first_reading == "b"
    settings = read_settings("qc", '{"first_reading": "a"}')
    assert isinstance(settings, RereadingSettings) and settings.first_reading is None
