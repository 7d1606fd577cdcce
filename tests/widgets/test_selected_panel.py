"""The panel of the selected lesion: what it says, its links, and that it remembers the zoom."""

import re
import weakref

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_uncertainseg.explain.kept import Region
from napari_uncertainseg.uncertainty.at_a_glance.doubt_words import doubt_word
from napari_uncertainseg.widgets.layers.selection.known_reasons import KnownReasons
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.lesions.selected import texts
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.window import open_review

from .actions import click, press
from .fake_layers import FakeLayers


@pytest.fixture
def layers():
    return FakeLayers()


@pytest.fixture
def remembered():
    return {}


@pytest.fixture
def preferences():
    return PreferenceStore()


@pytest.fixture
def opened():
    return []


@pytest.fixture
def dock(shown, case, layers, remembered, preferences, opened):
    made = LesionsDock(case, layers, preferences=preferences, remembered=remembered, open_dock=opened.append)
    made.resize(400, 700)
    return shown(made)


def _plain(label):
    return re.sub("<[^>]*>", "", label.text())


def _select(case, row=0, table="table"):
    one = getattr(case.lesions, table).iloc[row]
    voxel = tuple(int(one[f"slice_{axis}"]) for axis in "sar")
    case.select(voxel)
    return one


def test_nothing_selected_is_one_sentence(dock):
    panel = dock.selected
    assert panel.measure.text() == texts.NOTHING and panel.isVisible()
    assert not panel.doubt.isVisible() and not panel.why.isVisible() and not panel.fit.isEnabled()


def test_it_says_what_the_list_has(dock, case):
    row = _select(case)
    panel = dock.selected
    assert _plain(panel.measure).startswith(f"Lesion {int(row['label'])} · diameter ")
    assert texts.volume(row["volume_mm3"]) in _plain(panel.measure)
    assert f"Doubt: {doubt_word(row['doubt'])} ({row['doubt']:.2f}) · ○ to do" == _plain(panel.doubt)
    dock.accept()
    _select(case)
    assert _plain(panel.doubt).endswith("✓ accepted")
    case.select(None)
    assert panel.measure.text() == texts.NOTHING


@pytest.mark.parametrize(
    ("mm3", "text"),
    [(3.0, "3.0 mm³"), (190.0, "190 mm³"), (999.9, "1000 mm³"), (1000.0, "1.0 ml"), (3049.0, "3.0 ml")],
)
def test_volumes_have_the_unit_that_fits(mm3, text):
    assert texts.volume(mm3) == text


def test_candidates_and_drawn_lesions(dock, case):
    painted = np.zeros(case.grid.shape, np.int8)
    painted[10:12, 5:9, 24:28] = 1
    case.review.set_edit(painted)
    case.select((10, 6, 25))
    assert texts.DRAWN in _plain(dock.selected.doubt)
    case.review.set_edit(None)
    before = _select(case)
    assert texts.OF_MODELS_OUTLINE not in _plain(dock.selected.doubt)
    inside = case.lesions.labels == before["label"]
    case.review.set_edit((inside ^ np.roll(inside, 1, axis=1)).astype(np.int8))
    said = _plain(dock.selected.doubt)
    assert f"({before['doubt']:.2f}) {texts.OF_MODELS_OUTLINE}" in said  # as the list has it, which stays too
    after = case.lesions.table
    assert after["label"].iloc[0] == before["label"] and after["doubt"].iloc[0] == before["doubt"]
    case.review.set_edit(None)
    case.threshold = 0.9
    row = _select(case, 0, "candidate_table")
    assert _plain(dock.selected.measure).startswith(f"Candidate {int(row['label'])} ")


def test_it_follows_threshold_and_painting(dock, case):
    _select(case)
    before = dock.selected.measure.text()
    case.threshold = 0.3
    assert dock.selected.measure.text() != before
    case.threshold = 0.5
    assert dock.selected.measure.text() == before


def test_why_is_what_explain_said_of_this_lesion_and_of_no_other(dock, case, remembered, opened):
    _select(case)
    panel = dock.selected
    assert "Explain" in _plain(panel.why)
    panel.why.linkActivated.emit("explain")
    assert opened == ["explain"]
    found = panel.found
    box = tuple(slice(start, start + n) for start, n in zip(found.start, found.inside.shape, strict=True))
    reasons = KnownReasons.among(remembered)
    reasons.tell(case.original, Region(box, found.inside).sha256(), "More doubtful because <small>.")
    assert "Why: More doubtful because &lt;small&gt;." in panel.why.text()
    _select(case, 1)
    assert "Explain" in _plain(panel.why)
    _select(case)
    case.threshold = 0.3  # another outline
    assert "Explain" in _plain(panel.why)
    assert not reasons.find(None, Region(box, found.inside).sha256())


def test_the_place_is_looked_for_when_asked(dock, case):
    _select(case)
    assert texts.PLACE_NOT_FOUND in _plain(dock.selected.place)
    dock.selected.place.linkActivated.emit("place")
    assert dock.places.button.isChecked()


def test_unknown_says_why_and_known_says_where():
    assert texts.place("", "The scan is not loaded.", "red") == "Place: unknown. The scan is not loaded."
    assert texts.place("deep white matter", "", "red") == "Place: deep white matter"


def test_the_zoom_is_remembered(dock, layers, case, preferences, shown):
    assert layers.framing.zooms and dock.selected.zoom.isChecked()
    dock.selected.zoom.click()  # wider than what can be clicked
    assert not layers.framing.zooms and not preferences.load().zoom_to_lesion
    again = FakeLayers()
    other = shown(LesionsDock(case, again, preferences=preferences))
    assert not again.framing.zooms and not other.selected.zoom.isChecked()


def test_the_button_and_the_key_fit(dock, layers, case, qtbot):
    _select(case)
    click(qtbot, dock.selected.fit)
    dock.act("fit_or_whole")
    assert layers.fitted == 2
    dock.show_keys({"fit_or_whole": "Ctrl+9"})
    assert "(Ctrl+9)" in dock.selected.fit.toolTip()


@pytest.mark.viewer
def test_the_real_key_in_the_real_window(segmented_viewer, qtbot):
    review = weakref.proxy(open_review(segmented_viewer))
    review.lesions.next_lesion()
    qtbot.wait(50)  # drawn
    camera = segmented_viewer.scene.camera
    fitted = camera.zoom  # in so small a world that is the whole slice
    camera.zoom = 3 * fitted
    canvas = segmented_viewer.window._qt_viewer.canvas.native
    press(qtbot, canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: camera.zoom == pytest.approx(fitted), timeout=3000)
