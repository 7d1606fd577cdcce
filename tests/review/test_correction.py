"""What a journal keeps of the tool with which an outline was corrected."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.correction import TOOLS, Correction
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.store.entry_details import PaintedDetails, entry_details
from napari_uncertainseg.review.store.store import Store

from ..widgets.fakes import fake_prediction
from .conftest import fill

SHAPE = (8, 20, 20)
GROW = Correction("grow", {"distance_mm": 1.5})
BRUSH = Correction(
    "brush", {"does": "erase", "shape": "ball", "diameter_mm": 4.0, "limit": "above", "level": 231.5}
)


@pytest.fixture
def case() -> Case:
    mask = np.zeros(SHAPE, bool)
    mask[2:6, 5:12, 5:12] = True
    made = Case()
    made.open_prediction(fake_prediction(mask, Grid(SHAPE, np.eye(4)[[2, 1, 0, 3]]), sigma=0.7))
    return made


def painted(*voxels):
    edit = np.zeros(SHAPE, np.int8)
    for voxel in voxels:
        edit[voxel] = 1
    return edit


def test_each_tool_has_words():
    assert GROW.in_words() == "grow by 1.5 mm"
    assert BRUSH.in_words() == "erase with a ball of 4 mm, only above 232"
    assert Correction("brush", {"diameter_mm": 2}).in_words() == "paint with a disc of 2 mm"
    assert Correction("merge", {"farthest_mm": 5.0}).in_words() == "merge over at most 5 mm"
    assert Correction("split", {"by": "line"}).in_words() == "split by a line"
    assert Correction("click", {"threshold": 0.3456}).in_words().endswith("probability 0.346")
    assert Correction("conjure").in_words() == "conjure"
    for tool in TOOLS:  # a file may lack any setting, or hold another kind of value
        for settings in ({}, {"distance_mm": "x", "limit": 3, "level": "y", "by": 1.0, "holes": 2}):
            assert "None" not in Correction(tool, settings).in_words()


@pytest.fixture(params=["file", "server"])
def kept(request, tmp_path):
    """A store in a file, and one on a PostgreSQL server."""
    if request.param == "file":
        yield request.getfixturevalue("store")
        return
    with Store(request.getfixturevalue("server"), tmp_path / "masks") as made:
        yield made


def test_a_use_of_a_tool_is_one_entry_one_undo_and_is_played_back(case, kept):
    store = kept
    recorder = Recorder(store, fill(store))
    case.review.set_recorder(recorder)
    heard = []
    case.stepped.connect(heard.append)
    first, second = painted((1, 3, 3)), painted((1, 3, 3), (6, 15, 15))
    case.review.set_edit(first, GROW)
    case.review.set_edit(second, BRUSH)
    case.review.set_edit(second)  # nothing changed
    case.review.undo()
    np.testing.assert_array_equal(case.review.edit, first)
    case.review.undo()
    assert case.review.edit is None
    case.review.redo()
    replay = Replay(store, recorder.session.id)
    assert [step.what for step in replay.steps[1:]] == [
        "grow by 1.5 mm",
        "erase with a ball of 4 mm, only above 232",
        "painted",
        "erase with a ball of 4 mm, only above 232 undone",
        "grow by 1.5 mm undone",
        "grow by 1.5 mm redone",
    ]
    np.testing.assert_array_equal(replay.painting(2), second)
    assert replay.painting(5) is None
    np.testing.assert_array_equal(replay.painting(6), first)
    assert heard[1] == "Undone: grow by 1.5 mm on no lesion"
    entry = store.entries(recorder.session.id)[1].details
    assert entry.correction == GROW and entry.step == "" and entry.added_mm3 == 1.0
    assert store.verify() == {recorder.session.id: ""}
    resumed = Recorder(store, recorder.session.id)
    np.testing.assert_array_equal(resumed.painted(), first)


def test_strokes_of_the_brush_say_when_they_were_undone(case, store):
    recorder = Recorder(store, fill(store))
    case.review.set_recorder(recorder)
    case.review.set_edit(painted((1, 3, 3)))
    case.review.undo()
    case.review.redo()
    what = [step.what for step in Replay(store, recorder.session.id).steps[1:]]
    assert what == ["painted", "stroke undone", "stroke redone"]


def test_entries_of_earlier_versions_say_no_tool_and_odd_ones_are_refused():
    old = entry_details("painted", {"mask": None}, "It")
    assert isinstance(old, PaintedDetails) and old.correction is None and old.step == ""
    for odd in (
        {"tool": 3},
        {"settings": [1]},
        {"settings": {"a": [1]}},
        {"settings": {"a": True}},
        {"step": 1},
    ):
        with pytest.raises(Unreadable, match="not as this program writes it"):
            entry_details("painted", odd, "It")
    with pytest.raises(Unreadable):
        entry_details("painted", {"tool": "grow", "settings": {"distance_mm": 1e300}}, "It")
