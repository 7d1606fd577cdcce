"""The tabs of the Cohort dock beside its cases: any audit, as its description says; and Ranking."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QLineEdit, QTableWidget

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.audit.table_glance import look_at_table, stamp_of
from napari_uncertainseg.case import Case
from napari_uncertainseg.runs.current_run import CurrentRun
from napari_uncertainseg.widgets.cohort import audit_tab as tab_module
from napari_uncertainseg.widgets.cohort import table_source
from napari_uncertainseg.widgets.cohort.audits.all_audits import AUDITS
from napari_uncertainseg.widgets.cohort.audits.description import (
    COHORT,
    SCORES,
    Audit,
    Choice,
    Count,
    Findings,
    FoundTable,
    Option,
    PathInput,
    Switch,
    Ticks,
)
from napari_uncertainseg.widgets.cohort.dock import CohortDock
from napari_uncertainseg.widgets.cohort.page_pictures import pictures_of
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile

from .actions import click

LEFT = Qt.MouseButton.LeftButton
PAGE = (
    '<h1>Page</h1><h2>Gaps</h2><p>What it is &amp; is not.</p><h3>First</h3><p class="x">About it.</p><div>'
    '<svg viewBox="0 0 200 100" width="200" height="100" fill="currentColor"><text x="50" y="20" '
    'text-anchor="end"><title>the whole name</title>name</text><rect x="100" y="40" width="50" height="50" '
    'fill="rgba(255,0,0,0.5)"><title>a &lt;red&gt; box</title></rect><polyline points="0,0 1,1"/></svg></div>'
    "<h3>Broken</h3><svg><text>no end</svg>"
)


class Computing:
    """An audit that does what a test says."""

    def __init__(self):
        self.requests, self.waits, self.fails, self.going = [], False, "", False

    def __call__(self, request, progress):
        self.requests.append(request)
        self.going = True
        try:
            while self.waits:
                progress("computing", 0.25)
                time.sleep(0.005)
        except Cancelled:
            self.going = False
            raise
        if self.fails:
            raise InputError(self.fails)
        request.out.mkdir(parents=True)
        (request.out / "page.html").write_text(PAGE)
        (request.out / "rows.tsv").write_text("case\n")
        frame = pd.DataFrame({"case": ["one", "two"], "gap": [0.123456, float("nan")], "n": [3, 4]})
        tables = (FoundTable("Cases", frame, {"gap": "A <gap>."}, "case"), FoundTable("Other", frame[["n"]]))
        places = {"one": Path("/results/one")}, {"one": Path("/masks/one.nii.gz")}
        return Findings(("A sentence.", "<b>Another</b> one."), tables, "page.html", *places)


def columns(glance, values):
    return [
        Option(name, name, str(dict(c.values)), name == "sex")
        for name, c in glance.columns.items()
        if name != "folder"
    ]


@pytest.fixture
def computing():
    return Computing()


@pytest.fixture
def audit(computing):
    def problem(glance, values):
        return "" if values["by"] else "Tick a column."

    def lacks(glance):
        return "" if len(glance.columns) > 1 else "This table has no column with sexes or sites: add one."

    inputs = (
        Ticks("by", "Groups", "By which.", columns),
        Choice(
            "way", "Way", "How.", lambda glance, values: [Option(1, "one"), Option(2, "two", ticked=True)]
        ),
        Count("draws", "Draws", "How many.", 2, 10, 5),
        PathInput("other", "Other", "More."),
        Switch("exact", "Exact", "Or not."),
    )
    return Audit("groups", "Groups", "Are all treated alike?", COHORT, inputs, computing, lacks, problem)


@pytest.fixture
def preferences():
    store = PreferenceStore()
    store.save(cohort_table="", scores_table="")  # whatever other tests chose
    yield store
    store.save(cohort_table="", scores_table="")


@pytest.fixture
def opened():
    return []


@pytest.fixture
def make(shown, tmp_path, preferences, audit):
    sessions = SessionFile(tmp_path / "kept" / "sessions.db")

    def build(audits=(audit,), **more):
        options = {"preferences": preferences, "audits": audits} | more
        return shown(CohortDock(Case(), lambda loaded: None, sessions, **options))

    yield build
    sessions.close()


@pytest.fixture
def dock(make):
    return make()


@pytest.fixture
def cohort(tmp_path):
    path = tmp_path / "study" / "cohort.tsv"
    path.parent.mkdir()
    path.write_text("folder\tsex\tage\na\tF\t31\nb\tM\t\nc\tF\t44\n\t\t\n")
    return path


def tick(qtbot, box):
    qtbot.mouseClick(box, LEFT, pos=QPoint(9, box.height() // 2))


def idle(tab, qtbot):
    qtbot.waitUntil(lambda: tab._jobs.state is JobState.IDLE and not tab._source.reading, timeout=10_000)


def tab_of(dock, qtbot, index=1):
    click(qtbot, dock.tab_row.buttons[index])
    return next(tab for tab in dock.tabs.values() if tab.isVisible())


def choose(tab, qtbot, path, monkeypatch):
    monkeypatch.setattr(table_source, "ask_table", lambda *_: path)
    tab.source_row.table_action.trigger()
    idle(tab, qtbot)


def run(tab, qtbot):
    click(qtbot, tab.run)
    idle(tab, qtbot)


# -- any audit ------------------------------------------------------------------------------------


def test_the_cases_come_first_and_tabs_are_made_when_they_are_seen(dock, qtbot):
    assert dock.cases.isVisible() and not dock.tabs
    assert [button.text() for button in dock.tab_row.buttons] == ["Cases", "Groups"]
    tab = tab_of(dock, qtbot)
    assert not dock.cases.isVisible() and tab.question.text() == "Are all treated alike?"
    assert tab.source_row.name.text().startswith("No cohort yet: press Choose…")
    assert not tab.run.isVisible() and not tab.found.isVisible() and not tab.inputs.isVisible()
    click(qtbot, dock.tab_row.buttons[0])
    assert dock.cases.isVisible() and not tab.isVisible()


def test_a_table_is_chosen_and_what_is_in_it_is_offered(dock, qtbot, cohort, monkeypatch, computing):
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    assert (
        tab.source_row.name.text() == "study/cohort.tsv, 3 rows"
        and str(cohort) in tab.source_row.name.toolTip()
    )
    boxes = tab.inputs.fields["by"].boxes
    assert [(name, box.isChecked()) for name, box in boxes.items()] == [("sex", True), ("age", False)]
    assert "F" in boxes["sex"].toolTip() and tab.run.isEnabled() and not tab.problem.isVisible()
    tick(qtbot, boxes["sex"])
    assert tab.problem.text() == "Tick a column." and not tab.run.isEnabled()
    tick(qtbot, boxes["age"])
    run(tab, qtbot)
    (request,) = computing.requests
    assert request.table == cohort
    assert request.values == {"by": ("age",), "way": 2, "draws": 5, "other": None, "exact": False}


def test_what_is_found_is_shown_and_stays_when_tabs_are_switched(dock, qtbot, cohort, monkeypatch):
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    found = tab.found
    assert found.isVisible() and found.sentences.text() == "• A sentence.\n• <b>Another</b> one."
    assert found.sentences.textFormat() == Qt.TextFormat.PlainText and found.sentences.wordWrap()
    cells = [[found.table.item(i, j).text() for j in range(3)] for i in range(2)]
    assert cells == [["one", "0.1235", "3"], ["two", "-", "4"]]
    assert "A &lt;gap&gt;." in found.table.horizontalHeaderItem(1).toolTip()
    assert [chart.chart.valid for chart in found.charts] == [True, False]
    click(qtbot, dock.tab_row.buttons[0])
    assert not found.isVisible()
    click(qtbot, dock.tab_row.buttons[1])
    assert found.isVisible() and not found.old.isVisible()
    found.tables.setCurrentIndex(1)
    assert found.table.columnCount() == 1 and not found.open_case.isVisible()


def test_it_is_said_why_a_table_cannot_be_used(dock, qtbot, cohort, monkeypatch, tmp_path):
    tab = tab_of(dock, qtbot)
    bare = tmp_path / "bare.tsv"
    bare.write_text("folder\na\n")
    choose(tab, qtbot, bare, monkeypatch)
    assert tab.problem.text() == "⚠ This table has no column with sexes or sites: add one."
    assert not tab.run.isVisible() and not tab.inputs.isVisible()
    for content, said in (("", "names no column"), ("a\ta\n1\t2\n", "twice"), (None, "Cannot read")):
        if content is None:
            bare.unlink()
        else:
            bare.write_text(content)
        choose(tab, qtbot, bare, monkeypatch)
        name = tab.source_row.name.text()
        assert name.startswith("⚠") and (said in name or "first line" in name), name
    choose(tab, qtbot, cohort, monkeypatch)
    assert tab.run.isEnabled()


def test_a_table_that_changes_on_disk_marks_what_was_found_as_old(dock, qtbot, cohort, monkeypatch):
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    cohort.write_text("folder\tsex\tsite\na\tF\tX\nb\tM\tY\n")
    os.utime(cohort, (1, 1))
    dock.on_front()
    idle(tab, qtbot)
    assert "was changed" in tab.found.old.text() and tab.found.old.isVisible()
    groups = tab.inputs.fields["by"]
    assert list(groups.boxes) == ["sex", "site"] and groups.value == ("sex",)
    run(tab, qtbot)
    assert not tab.found.old.isVisible()
    tick(qtbot, tab.inputs.fields["exact"].box)
    assert "other choices" in tab.found.old.text()
    other = cohort.with_name("other.tsv")
    other.write_text(cohort.read_text())
    choose(tab, qtbot, other, monkeypatch)
    assert "These were found in study/cohort.tsv" in tab.found.old.text()


def test_cancel_leaves_what_was_found_before(dock, qtbot, cohort, monkeypatch, computing):
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    before, computing.waits = tab.shown, True
    click(qtbot, tab.run)
    qtbot.waitUntil(lambda: "computing · estimating the time left" in tab.stage.text(), timeout=5000)
    assert tab.run.text() == "Cancel" and tab.progress.value() == 250 and not tab.inputs.isEnabled()
    assert not tab.source_row.button.isEnabled()
    run(tab, qtbot)
    assert tab.message.text() == "Cancelled. Nothing was changed." and tab.run.text() == "Run"
    assert tab.shown is before and (before.folder / "page.html").is_file() and not tab.progress.isVisible()
    computing.waits = False
    run(tab, qtbot)
    assert tab.shown is not before and not before.folder.exists() and not tab.message.isVisible()


def test_what_goes_wrong_is_said_in_one_sentence(dock, qtbot, cohort, monkeypatch, computing):
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    computing.fails = "Row 2: there is no folder <b>."
    run(tab, qtbot)
    assert tab.message.text() == "⚠ Row 2: there is no folder <b>." and not tab.found.isVisible()


def test_closing_in_the_middle_stops_and_leaves_no_file(dock, qtbot, cohort, monkeypatch, computing):
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    scratch, computing.waits = tab.shown.folder.parent, True
    click(qtbot, tab.run)
    qtbot.waitUntil(lambda: computing.going, timeout=5000)
    dock.cleanup()
    assert not computing.going and not scratch.exists()


def test_names_without_an_end_make_the_dock_no_wider(dock, qtbot, tmp_path, monkeypatch, computing):
    tab = tab_of(dock, qtbot)
    least = dock.minimumSizeHint().width()
    path = tmp_path / ("t" * 200 + ".tsv")
    path.write_text(f"folder\tsex\t{'age_' * 60}\n" + "".join(f"{i}\t{'F' * 300}\t{i}\n" for i in range(3)))
    choose(tab, qtbot, path, monkeypatch)
    box = tab.inputs.fields["by"].boxes["age_" * 60]
    assert len(box.text()) <= 40 and "age_" * 60 in box.toolTip()
    run(tab, qtbot)
    tab.found.sentences.setText("name_" * 60)
    for fails in ("", "of_a_row_" * 30):
        computing.fails = fails
        run(tab, qtbot)
        assert max(area.widget().minimumSizeHint().width() for area in dock._areas.values()) < 420
        assert dock.minimumSizeHint().width() <= max(least, 420)


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_what_nobody_waits_for_leaves_no_folder(dock, qtbot, cohort, monkeypatch, computing, how):
    """As inside a long call into a library, which cannot be stopped and comes to its end."""
    tab, begun, goes_on = tab_of(dock, qtbot), threading.Event(), threading.Event()
    choose(tab, qtbot, cohort, monkeypatch)

    def stubborn(request, progress):
        begun.set()
        assert goes_on.wait(300)
        return computing(request, progress)

    tab.audit = replace(tab.audit, compute=stubborn)
    click(qtbot, tab.run)
    qtbot.waitUntil(begun.is_set, timeout=5000)
    scratch = Path(tab._scratch.name)
    if how == "closed":
        dock.cleanup()
    else:
        run(tab, qtbot)
        assert tab.message.text() == "Cancelled. Nothing was changed."
    workers = [thread for thread in threading.enumerate() if thread.name == "uncertainseg-job"]
    goes_on.set()
    for worker in workers:
        worker.join(300)
    assert workers and computing.requests, "it did come to its end"
    assert not scratch.exists()
    if how == "cancelled":
        tab.audit = replace(tab.audit, compute=computing)
        run(tab, qtbot)
        assert tab.shown is not None and (tab.shown.folder / "page.html").is_file()


def test_a_tab_says_what_becomes_of_its_case_and_nothing_else(make, qtbot, cohort, monkeypatch):
    dock = make(open_results=lambda *_: True)
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    tab.found.table.selectRow(0)
    click(qtbot, tab.found.open_case)
    idle(tab, qtbot)
    qtbot.waitUntil(lambda: tab.message.text().startswith("⚠"), timeout=10_000)
    click(qtbot, dock.tab_row.buttons[0])
    dock.cases._show_message("Of another case.")
    click(qtbot, dock.tab_row.buttons[1])
    assert not tab.message.text()


def test_a_case_that_cannot_be_opened_now_is_not_passed_over(dock, qtbot, cohort, monkeypatch):
    tab, goes_on = tab_of(dock, qtbot), threading.Event()
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    dock.cases._jobs.start(lambda progress: goes_on.wait(20) and 1 / 0)
    tab.found.table.selectRow(0)
    click(qtbot, tab.found.open_case)
    assert tab.message.text().startswith("Files are being read for the tab Cases")
    goes_on.set()
    qtbot.waitUntil(lambda: dock.cases._jobs.state is JobState.IDLE, timeout=5000)


def test_what_was_found_is_kept_in_a_new_folder_and_shown_in_the_browser(
    dock, qtbot, cohort, monkeypatch, tmp_path
):
    tab, pages = tab_of(dock, qtbot), []
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    monkeypatch.setattr(
        tab_module.QDesktopServices, "openUrl", lambda url: pages.append(Path(url.toLocalFile()))
    )
    click(qtbot, tab.found.open_page)
    assert pages[0].read_text() == PAGE
    out = tmp_path / "kept here"
    monkeypatch.setattr(tab_module, "ask_new_folder", lambda *_: out)
    click(qtbot, tab.found.save)
    assert sorted(path.name for path in out.iterdir()) == ["page.html", "rows.tsv"]
    assert tab.message.text() == f"Saved in {out}."
    click(qtbot, tab.found.save)
    assert tab.message.text().startswith("⚠ It was not saved:") and "not empty" in tab.message.text()
    other = cohort.with_name("other.tsv")
    other.write_text(cohort.read_text())
    choose(tab, qtbot, other, monkeypatch)
    assert not tab.message.text() and not tab.message.isVisible()
    monkeypatch.setattr(tab_module, "ask_new_folder", lambda *_: None)
    click(qtbot, tab.found.save)  # given up
    assert len(list(out.iterdir())) == 2


def test_the_name_of_a_new_folder_can_be_typed(dock, qtbot, cohort, monkeypatch, tmp_path):
    tab, met = tab_of(dock, qtbot), []
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    own, name = Qt.ApplicationAttribute.AA_DontUseNativeDialogs, tmp_path / "not there yet"
    before = QApplication.testAttribute(own)

    def answer():
        dialog = QApplication.activeModalWidget()
        try:
            met.append(dialog.findChild(QLineEdit).text())
            dialog.findChild(QLineEdit).setText(str(name))
            button = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save)
            met.append(button.isEnabled())
            button.click()
        finally:
            if dialog.isVisible():
                dialog.reject()

    QApplication.setAttribute(own, True)
    try:
        QTimer.singleShot(300, answer)
        click(qtbot, tab.found.save)
    finally:
        QApplication.setAttribute(own, before)
    assert met == ["groups", True] and (name / "page.html").read_text() == PAGE


def test_a_click_on_a_title_sorts_and_rows_stay_whose_they_are(dock, qtbot, cohort, monkeypatch, audit):
    tab, wanted = tab_of(dock, qtbot), []
    frame = pd.DataFrame(
        {
            "case": ["b", "a", "C", "d"],
            "gap": ["0.5 (0.1 to 0.9)", "-", "-0.25", "10 (2 to 12)"],
            "n": [3.0, 20.0, float("nan"), 1.0],
        }
    )
    findings = Findings((), (FoundTable("T", frame, case="case"), FoundTable("U", frame)), "page.html")

    def compute(request, progress):
        request.out.mkdir(parents=True)
        (request.out / "page.html").write_text("")
        return findings

    tab.audit = replace(audit, compute=compute)
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    monkeypatch.setattr(dock.cases, "open_elsewhere", lambda *a: wanted.append(a[0]) or True)
    table: QTableWidget = tab.found.table
    head = table.horizontalHeader()

    def order_after_click(column):
        at = QPoint(head.sectionViewportPosition(column) + 8, head.height() // 2)
        qtbot.mouseClick(head.viewport(), LEFT, pos=at)
        return "".join(table.item(i, 0).text() for i in range(table.rowCount()))

    assert [order_after_click(1) for _ in range(3)] == ["Cbda", "dbCa", "baCd"]
    assert [order_after_click(2) for _ in range(2)] == ["dbaC", "abdC"]
    assert order_after_click(0) == "abCd"
    assert order_after_click(0) == "dCba"
    table.selectRow(1)
    click(qtbot, tab.found.open_case)
    assert wanted == ["C"]
    tab.found.tables.setCurrentIndex(1)
    assert table.item(0, 0).text() == "b" and head.sortIndicatorSection() == -1


def test_a_file_that_may_be_left_out(make, qtbot, cohort, audit, monkeypatch, tmp_path):
    model = PathInput("model", "Model", "Of the results.", "folder", without="found by itself")
    dock = make([replace(audit, inputs=(*audit.inputs, model))])
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    fields = tab.inputs.fields
    assert (fields["other"].name.text(), fields["model"].name.text()) == ("none", "found by itself")
    monkeypatch.setattr("napari_uncertainseg.widgets.cohort.inputs.ask_dataset", lambda *_: tmp_path / "m")
    click(qtbot, fields["model"].button)
    clear = fields["model"].clear
    words = clear.fontMetrics().horizontalAdvance(clear.text())
    assert fields["model"].value == tmp_path / "m" and clear.isVisible() and clear.width() > words + 8
    click(qtbot, clear)
    assert fields["model"].value is None and fields["model"].name.text() == "found by itself"


def test_a_row_that_is_a_case_opens_it(dock, qtbot, cohort, monkeypatch):
    tab, wanted = tab_of(dock, qtbot), []
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    known = {"one"}
    monkeypatch.setattr(dock.cases, "open_elsewhere", lambda *a: wanted.append(a) or a[0] in known)
    table: QTableWidget = tab.found.table
    assert not tab.found.open_case.isEnabled()
    at = table.visualItemRect(table.item(0, 1)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=at)
    click(qtbot, tab.found.open_case)
    qtbot.mouseDClick(table.viewport(), LEFT, pos=at)
    assert wanted == [("one", Path("/results/one"), Path("/masks/one.nii.gz"))] * 2
    below = table.visualItemRect(table.item(1, 1)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=below)
    qtbot.mouseDClick(table.viewport(), LEFT, pos=below)
    assert (
        wanted[-1] == ("two", None, None)
        and "Where the results of two lie is not known" in tab.message.text()
    )


def test_the_table_is_remembered_and_shown_by_name(make, qtbot, cohort, monkeypatch):
    first = make()
    choose(tab_of(first, qtbot), qtbot, cohort, monkeypatch)
    later = make()
    tab = tab_of(later, qtbot)
    idle(tab, qtbot)
    assert tab.source_row.name.text() == "study/cohort.tsv, 3 rows"
    cohort.unlink()
    assert tab_of(make(), qtbot).source_row.name.text().startswith("No cohort yet")


def test_the_run_that_cases_shows_is_read_until_another_is_chosen(make, qtbot, cohort, monkeypatch, tmp_path):
    folder = tmp_path / "run 7"
    folder.mkdir()
    (folder / "referral.tsv").write_text("visit\tfolder\nv1\tvisits/v1\n")
    run_shown = CurrentRun()
    dock = make(run=run_shown)
    tab = tab_of(dock, qtbot)
    assert tab.source_row.name.text().startswith("No cohort yet")
    run_shown.folder = folder
    tab.look()
    idle(tab, qtbot)
    assert tab.source_row.name.text().endswith("run 7, 1 row")
    choose(tab, qtbot, cohort, monkeypatch)
    tab.look()
    idle(tab, qtbot)
    assert tab.source_row.name.text() == "study/cohort.tsv, 3 rows"
    tab.source_row.run_action.trigger()
    idle(tab, qtbot)
    assert tab.source_row.name.text().endswith("run 7, 1 row")


def test_another_table_is_chosen_while_one_is_read(dock, qtbot, cohort, monkeypatch, tmp_path):
    tab, source = tab_of(dock, qtbot), dock.sources[COHORT]
    slow = tmp_path / "slow.tsv"
    slow.write_text("folder\tb\n")

    def look(path, progress):
        time.sleep(0.2 if path == slow else 0)
        return look_at_table(path)

    monkeypatch.setattr(table_source, "look_at_table", look)
    source.choose(slow)
    source.choose(cohort)
    idle(tab, qtbot)
    assert source.glance.path == cohort and tab.source_row.name.text() == "study/cohort.tsv, 3 rows"


def test_a_table_that_was_half_written_when_it_was_read_is_read_again(dock, qtbot, tmp_path, monkeypatch):
    tab, source = tab_of(dock, qtbot), dock.sources[COHORT]
    written = tmp_path / "written.tsv"
    written.write_text("")
    begun, go_on = threading.Event(), threading.Event()

    def look(path, progress):
        try:
            return look_at_table(path)
        finally:
            begun.set()
            go_on.wait(10)

    monkeypatch.setattr(table_source, "look_at_table", look)
    source.choose(written)
    assert begun.wait(300)
    written.write_text("folder\tb\nresults\t1\n")
    source.choose(written)
    go_on.set()
    idle(tab, qtbot)
    assert not source.problem and source.glance.path == written and not source.reading


def test_a_tab_that_was_in_front_is_there_again(make, qtbot, audit):
    remembered = {}
    first = make(remembered=remembered)
    tab_of(first, qtbot)
    again = make(remembered=remembered)
    assert again.tab_row.current == 1 and again.tabs["groups"].isVisible() and not again.cases.isVisible()


def test_names_of_tabs_are_not_cut_in_a_narrow_dock(make, qtbot):
    dock = make(audits=AUDITS)
    dock.resize(330, 560)
    qtbot.wait(20)
    assert dock.minimumSizeHint().width() <= 330
    for button in dock.tab_row.buttons:
        assert (
            button.width() >= button.sizeHint().width() and button.geometry().right() <= dock.tab_row.width()
        )
    for index in range(1, len(AUDITS) + 1):
        tab_of(dock, qtbot, index)
        assert dock.minimumSizeHint().width() <= 330, AUDITS[index - 1].title


# -- what a table holds, and the pictures of a page -----------------------------------------------


def test_a_glance_at_a_table(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("a\tb\tc\n1\tx\t\n2.5\tn/a\t\n\t x \tNA\n\t\t\n")
    glance = look_at_table(path)
    assert glance.rows == 3 and glance.stamp == stamp_of(path)
    a, b, c = (glance.columns[name] for name in "abc")
    assert a.numbers and a.missing == 1 and a.different == 2
    assert not b.numbers and b.values == {"x": 2} and b.missing == 1
    assert not c.numbers and not c.values and c.missing == 3
    assert stamp_of(tmp_path / "gone") == (0, 0)
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="is not the folder of a run"):
        look_at_table(tmp_path / "run")
    (tmp_path / "run" / "cohort.json").write_text("{}")
    with pytest.raises(InputError, match="has not ended yet"):
        look_at_table(tmp_path / "run")


def test_pictures_are_taken_out_of_a_page():
    first, broken = pictures_of(PAGE)
    assert (first.title, first.about) == ("Gaps: First", "About it.") and broken.title == "Gaps: Broken"
    name, box = first.marks
    assert name.said == "the whole name" and name.x < 50 <= name.x + name.width + 1
    assert box.said == "a <red> box" and (box.x, box.y, box.width, box.height) == (100, 40, 50, 50)
    assert b'fill="rgb(255,0,0)" fill-opacity="0.5"' in first.coloured("#ffffff")
    assert pictures_of("<h2>x</h2><p>no picture</p>") == ()
    (png,) = pictures_of('<h2>A</h2><figure><img src="data:image/png;base64,aGFsbG8=" alt="x"></figure>')
    assert png.png == b"hallo" and not png.svg


def test_a_chart_is_drawn_in_the_colours_of_the_theme(dock, qtbot, cohort, monkeypatch):
    tab = tab_of(dock, qtbot)
    choose(tab, qtbot, cohort, monkeypatch)
    run(tab, qtbot)
    chart = tab.found.charts[0].chart
    image = QImage(chart.size(), QImage.Format.Format_ARGB32)
    image.fill(0)
    chart.render(image, QPoint())
    scale = chart.width() / 200
    red = image.pixelColor(round(125 * scale), round(65 * scale))
    assert red.red() > red.green() + 50
    assert chart.said_at(125 * scale, 65 * scale) == "a <red> box" and chart.said_at(1, 99 * scale) == ""


# -- ranking --------------------------------------------------------------------------------------


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / "scores.tsv"
    rows = ["case\tmodel\tdice\tspeed\tnote"]
    for i in range(8):
        rows += [
            f"case {i}\t{model}\t{0.5 + 0.04 * i + shift}\t{i + 1}\tx"
            for model, shift in (("A<b>", 0.1), ("B", 0))
        ]
    path.write_text("\n".join(rows))
    return path


def test_models_are_ranked(make, qtbot, scores, monkeypatch):
    dock = make(audits=AUDITS)
    tab = tab_of(dock, qtbot)
    assert tab.audit.title == "Ranking" and tab.audit.table == SCORES
    choose(tab, qtbot, scores, monkeypatch)
    boxes = tab.inputs.fields["metrics"].boxes
    ticked = {name: box.isChecked() for name, box in boxes.items()}
    assert ticked == {"dice": True, "speed=high": False, "speed=low": False}
    for name in ("speed=high", "speed=low"):
        tick(qtbot, boxes[name])
    assert "speed is ticked twice" in tab.problem.text() and not tab.run.isEnabled()
    tick(qtbot, boxes["speed=high"])
    run(tab, qtbot)
    assert tab.message.text() == "" and tab.found.isVisible()
    assert "First by mean-then-rank: A<b>, on 8 cases of 8 patients." in tab.found.sentences.text()
    head = [tab.found.table.horizontalHeaderItem(j).text() for j in range(tab.found.table.columnCount())]
    first = dict(zip(head, (tab.found.table.item(0, j).text() for j in range(len(head))), strict=True))
    assert first["model"] == "A<b>" and first["rank"] == "1" and first["value"].startswith("0.740 (")
    assert len(tab.found.charts) >= 2 * 5 and all(chart.chart.valid for chart in tab.found.charts)
    assert sorted(path.name for path in tab.shown.folder.iterdir()) == [
        "consensus.tsv",
        "failures.tsv",
        "frequencies.tsv",
        "ranking.html",
        "ranking.json",
        "ranks.tsv",
        "significance.tsv",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("folder\tsex\na\tF\n", "no column 'case'"),
        ("case\tmodel\tdice\nx\tA\t0.5\n", "only one model"),
        ("case\tmodel\tnote\nx\tA\tg\nx\tB\th\n", "no column of numbers"),
    ],
)
def test_tables_that_cannot_be_ranked(make, qtbot, tmp_path, monkeypatch, text, said):
    path = tmp_path / "t.tsv"
    path.write_text(text)
    tab = tab_of(make(audits=AUDITS), qtbot)
    choose(tab, qtbot, path, monkeypatch)
    assert said in tab.problem.text() and not tab.run.isVisible()


def test_a_missing_score_is_asked_about(make, qtbot, scores, monkeypatch):
    scores.write_text(scores.read_text().replace("0.6\t", "n/a\t", 1))
    tab = tab_of(make(audits=AUDITS), qtbot)
    choose(tab, qtbot, scores, monkeypatch)
    run(tab, qtbot)
    assert tab.message.text().startswith("⚠ dice: 1 score missing") and not tab.found.isVisible()
    box = tab.inputs.fields["missing"].box
    box.setCurrentIndex(box.findData("worst"))
    run(tab, qtbot)
    assert tab.found.isVisible() and "1 missing score counted as the worst" in tab.found.sentences.text()
