"""The Dashboard dock, driven as its user drives it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.qt import get_stylesheet
from qtpy.QtWidgets import QMainWindow

from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.dashboard.dock import DashboardDock
from napari_uncertainseg.widgets.shared.session_file import SessionFile

from ..review.many_sessions import a_department, lesson, read
from .actions import click

ASK = "napari_uncertainseg.widgets.dashboard.dock.ask_file"
TABLES = ("annotators", "cases", "pairs", "times", "exercises")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kept" / "sessions.db"


@pytest.fixture
def full(file):
    file.parent.mkdir()
    with Store(file) as store:
        a_department(store)
    return file


@pytest.fixture
def make(shown):
    def build(file):
        dock = DashboardDock(file if isinstance(file, SessionFile) else SessionFile(file))
        dock.resize(400, 700)
        return shown(dock)

    return build


def rows(table):
    """Row title and cells, as they are read."""
    found = {}
    for i in range(table.rowCount()):
        cells = [table.item(i, j).text() for j in range(table.columnCount())]
        found.setdefault(table.verticalHeaderItem(i).text(), []).append(cells)
    return found


def everything(dock):
    """All text of the dock's tables and of the box of names."""
    cells = [
        text for name in TABLES for row in rows(getattr(dock, name)).items() for text in (row[0], str(row[1]))
    ]
    tips = [
        getattr(dock, name).verticalHeaderItem(i).toolTip()
        for name in TABLES
        for i in range(getattr(dock, name).rowCount())
    ]
    return " ".join([*cells, *tips, *(dock.annotator.itemText(i) for i in range(dock.annotator.count()))])


def test_looking_makes_no_file_and_it_says_what_to_do(make, file) -> None:
    dock = make(file)
    assert not file.parent.exists()
    assert "start a session" in dock.message.text() and not dock.message.isHidden()
    assert not dock.export_button.isEnabled()
    assert "Read again" in dock.agreement_note.text() and "No times yet" in dock.times_note.text()
    assert "begin one in Exercises" in dock.exercises_note.text() and dock.curves.isHidden()
    file.parent.mkdir()
    Store(file).close()
    dock.refresh()
    assert "No session yet" in dock.message.text()


def test_what_it_shows(make, full) -> None:
    dock = make(full)
    assert dock.message.isHidden() and dock.export_button.isEnabled()
    (review,) = rows(dock.annotators)["Anna Weber"]
    assert review[:3] == ["review", "2", "24/24, 100%"]
    (ben,) = rows(dock.annotators)["Ben"]
    assert ben[:3] == ["reread", "2, 1 open", "16/24, 67%"]
    assert [row[0] for row in rows(dock.cases)["patient07"]] == ["reread", "review", "exercise"]
    ((both, same, kappa, *_),) = rows(dock.pairs)["Anna Weber /\nBen"]
    pair = dock.statistics.agreements[0]
    assert (both, same, kappa) == ("12", f"{pair.share:.0%}", f"{pair.kappa:.2f}")
    assert rows(dock.pairs)["Anna Weber /\nChiara"][0][1].endswith("*")
    assert "1 open reading is included once it is closed" in dock.agreement_note.text()
    assert rows(dock.times)["Anna Weber"] == [["review", "24", "6.5 s", "3.8 to 9.2 s"]]
    assert list(rows(dock.exercises)) == ["Chiara", "trainee 1"]
    assert "closed or complete" in dock.agreement_note.toolTip()


def test_the_curves_are_first_answers_with_their_intervals(make, full) -> None:
    dock = make(full)
    bands, line = dock.curves._items[:2]
    points = dock.statistics.trained[0].curve
    x, y = line.getData()
    np.testing.assert_allclose(y, [p.right / p.first for p in points])
    assert (np.round(x) == np.arange(1, 6)).all()
    np.testing.assert_allclose(bands.opts["y"] + bands.opts["top"], [p.high for p in points])
    np.testing.assert_allclose(bands.opts["y"] - bands.opts["bottom"], [p.low for p in points])
    assert len(dock.curves._items) == 4 and dock.confidence.isHidden()
    dock.tabs.setCurrentIndex(3)
    dock.annotator.setCurrentIndex(2)
    assert len(dock.curves._items) == 2 and dock.confidence.isVisible()
    np.testing.assert_allclose(
        dock.curves._items[1].getData()[1], [p.accuracy for p in dock.statistics.trained[1].curve]
    )
    assert not dock.exercises.verticalHeaderItem(0).icon().isNull()


def test_a_lesson_of_known_places_has_no_point(make, file) -> None:
    file.parent.mkdir()
    with Store(file) as store:
        for _ in range(2):
            lesson(store, "t", [0, 1], [True, False])
    dock = make(file)
    assert len(dock.curves._items[1].getData()[0]) == 1
    assert rows(dock.exercises)["t"][0][-1] == "-"


def test_it_is_read_again_on_refresh_and_when_it_is_shown(qtbot, make, full) -> None:
    dock = make(full)
    for again in (lambda: click(qtbot, dock.refresh_button), lambda: (dock.hide(), dock.show())):
        before = dock.annotators.item(0, 1).text()
        with Store(full) as store:
            read(store, "Anna Weber", ["accepted"], "patient30")
        assert dock.annotators.item(0, 1).text() == before
        again()
        assert int(dock.annotators.item(0, 1).text()) == int(before) + 1


def test_pseudonyms_leave_no_name_and_keep_the_choice(make, full) -> None:
    dock = make(full)
    names = ("Anna Weber", "Ben", "Chiara", "trainee 1", "patient07", "patient12")
    assert all(name in everything(dock) for name in names)
    dock.annotator.setCurrentIndex(2)
    dock.pseudonyms.setChecked(True)
    assert not any(name in everything(dock) for name in names)
    assert "annotators 1 / 2" in rows(dock.pairs) and "case 1" in rows(dock.cases)
    assert dock.annotator.currentText() == "annotator 4"
    dock.refresh()
    assert dock.annotator.currentText() == "annotator 4"
    dock.pseudonyms.setChecked(False)
    assert dock.annotator.currentText() == "trainee 1"


def test_export(qtbot, make, full, tmp_path, monkeypatch) -> None:
    dock = make(full)
    path = tmp_path / "numbers.tsv"
    monkeypatch.setattr(ASK, lambda *args, **options: None)
    click(qtbot, dock.export_button)
    assert not path.exists() and dock.message.isHidden()
    monkeypatch.setattr(ASK, lambda *args, **options: path)
    click(qtbot, dock.export_button)
    assert str(path) in dock.message.text()
    table = pd.read_csv(path, sep="\t")
    assert "Anna Weber" in set(table["annotator"])
    dock.pseudonyms.setChecked(True)
    click(qtbot, dock.export_button)
    assert "Anna" not in path.read_text() and len(pd.read_csv(path, sep="\t")) == len(table)
    monkeypatch.setattr(ASK, lambda *args, **options: tmp_path / "nowhere" / "x.tsv")
    click(qtbot, dock.export_button)
    assert dock.message.text().startswith("⚠")


def test_another_file_is_chosen_in_session(make, full, tmp_path) -> None:
    file = SessionFile(full)
    dock = make(file)
    assert dock.annotators.rowCount() and dock.file.text() == full.name
    file.choose(tmp_path / "a&b.db")
    assert dock.file.text() == "a&b.db" and not (tmp_path / "a&b.db").exists()
    assert dock.annotators.rowCount() == 0 and "does not exist yet" in dock.message.text()


def test_a_file_that_is_no_database(qtbot, make, full) -> None:
    dock = make(full)
    assert dock.annotators.rowCount()
    full.write_bytes(b"no database at all, but long enough to be taken for one" * 40)
    click(qtbot, dock.refresh_button)
    assert dock.message.text().startswith("⚠") and dock.annotators.rowCount() == 0


def test_numbers_that_cannot_be_are_said(make, full) -> None:
    with Store(full) as store, store._engine.begin() as connection:
        connection.execute(schema.verdicts.update().values(confidence=7.0))
    dock = make(full)
    assert dock.message.text().startswith("⚠") and full.name in dock.message.text()


def test_names_are_shown_as_they_are(make, file) -> None:
    file.parent.mkdir()
    name = "<b>&amp;</b>"
    with Store(file) as store:
        read(store, name, ["accepted"])
        read(store, "the other reader of this place", ["accepted"])
    dock = make(file)
    assert name in rows(dock.annotators)
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in dock.annotators.verticalHeaderItem(0).toolTip()
    assert "&lt;b&gt;" in dock.pairs.verticalHeaderItem(0).toolTip()
    assert f"{name} /\nthe other reade…" in rows(dock.pairs)
    assert "the other reader of this place" in dock.pairs.verticalHeaderItem(0).toolTip()


def test_long_names_push_no_number_out_of_a_narrow_dock(qtbot, make, file) -> None:
    file.parent.mkdir()
    with Store(file) as store:
        for name in ("first radiologist", "other radiologist"):
            read(store, name, ["accepted"])
    dock = make(file)
    dock.setStyleSheet(get_stylesheet("dark"))
    dock.resize(390, 700)
    dock.tabs.setCurrentIndex(1)
    qtbot.waitUntil(dock.pairs.isVisible)
    last = dock.pairs.columnCount() - 1
    assert dock.pairs.horizontalHeader().sectionSize(last) > 0
    assert dock.pairs.horizontalScrollBar().maximum() == 0
    assert dock.pairs.rowHeight(0) >= 2 * dock.pairs.fontMetrics().height()


def test_nothing_is_held_open_between_looks(make, full) -> None:
    make(full)
    assert not [path for path in full.parent.iterdir() if path.name.endswith(("-wal", "-shm"))]


def test_it_follows_the_theme(qtbot, make, full) -> None:
    window = QMainWindow()
    dock = make(full)
    window.setCentralWidget(dock)
    window._qt_viewer = SimpleNamespace(viewer=ViewerModel())  # as napari's has one
    colours = []
    for theme in ("dark", "light"):
        window._qt_viewer.viewer.theme = theme
        window.setStyleSheet(get_stylesheet(theme))
        window.show()
        qtbot.wait(1)
        colours.append(dock.curves._items[1].opts["symbolBrush"].color().name())
    assert colours[0] != colours[1]
    window.takeCentralWidget()
    window.close()
    window.deleteLater()
