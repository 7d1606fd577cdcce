"""Each tab of the Cohort dock on a small cohort of real results, with clicks; and the real window."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg.audit.attributes import inputs as attribute_inputs
from napari_uncertainseg.audit.groups import measures as groups_measures
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_image, write_volume
from napari_uncertainseg.images.identity import case_sha256, scan_sha256
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.widgets import window as window_module
from napari_uncertainseg.widgets.cohort import inputs as inputs_module
from napari_uncertainseg.widgets.cohort.audits.all_audits import AUDITS
from napari_uncertainseg.widgets.cohort.dock import CohortDock
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.window import open_review

from ..random_models import write_model
from .actions import click
from .fake_window import docks_with
from .fakes import FakeSegmenter, fake_prediction

pytestmark = pytest.mark.usefixtures("quiet")
LESIONS = np.s_[4:7, 8:14, 6:12], np.s_[11:14, 20:24, 16:22], np.s_[17:20, 28:37, 22:30]
SIX = (("p1", "first", "F"), ("p1", "second", "F"), ("p2", "first", "M"), ("p2", "second", "M"))
SIX += (("p3", "first", "F"), ("p4", "first", "M"))


def write_case(base, number: int, grid: Grid, sha256_of_model: str) -> None:
    """A scan, what a network could say of it, and a reference that differs a little."""
    rng, mask = np.random.default_rng(number), np.zeros(grid.shape, bool)
    for lesion in LESIONS[: 2 + number % 2]:
        mask[lesion] = True
    mask[4 : 5 + number % 3, 20:24, 8:12] = True
    data = (0.4 + 0.05 * rng.standard_normal(grid.shape) + 0.6 * mask).astype(np.float32)
    path = write_volume(base / f"flair{number}.nii.gz", data, grid)
    sha256 = scan_sha256(read_image(path, modality="flair"))
    said = {"flair": {"name": "flair", "path": str(path), "scan_sha256": sha256}}
    about = {"case": {"sha256": case_sha256({"flair": sha256}), "name": f"case {number}"}, "inputs": said}
    about |= {"model": "tiny", "model_sha256": sha256_of_model, "method": "one-pass"}
    prediction = replace(fake_prediction(mask, grid), information=about)
    write_results(base / f"results{number}", prediction, rank_lesions(prediction, 0.5, 1.0))
    write_volume(base / f"mask{number}.nii.gz", np.roll(mask, number % 2, 2).astype(np.uint8), grid)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Six scans of four people, two of whom have two visits; and the model that is said to have made them."""
    base = tmp_path_factory.mktemp("study")
    model = find_model(write_model(base / "tiny")).sha256
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = 3, 1, 1, 1
    grid = Grid((24, 40, 32), affine)
    rows = ["folder\tpatient\tacquisition\treference\tsex"]
    for i, (patient, acquisition, sex) in enumerate(SIX):
        write_case(base, i, grid, model)
        rows.append(f"results{i}\t{patient}\t{acquisition}\tmask{i}.nii.gz\t{sex}")
    (base / "cohort.tsv").write_text("\n".join(rows) + "\n")
    return base


@pytest.fixture(autouse=True)
def forgotten():
    """No table is remembered from a test before, or after it."""
    store, none = PreferenceStore(), {"cohort_table": "", "scores_table": "", "acquisitions_table": ""}
    store.save(**none)
    yield
    store.save(**none)


def tab_of(dock: CohortDock, qtbot, key: str, table):
    index = [audit.key for audit in AUDITS].index(key)
    click(qtbot, dock.tab_row.buttons[1 + index])
    tab = dock.tabs[key]
    dock.sources[tab.audit.table].choose(table)
    qtbot.waitUntil(lambda: tab._source.glance is not None, timeout=10_000)
    return tab


def run(tab, qtbot):
    assert tab.run.isEnabled(), tab.problem.text()
    click(qtbot, tab.run)
    qtbot.waitUntil(lambda: tab._jobs.state is JobState.IDLE, timeout=60_000)
    assert not tab.message.text(), tab.message.text()
    assert tab.found.isVisible() and all(chart.chart.valid for chart in tab.found.charts)
    return tab.shown.findings


@pytest.fixture
def dock(shown, case, tmp_path):
    from napari_uncertainseg.widgets.shared.session_file import SessionFile

    sessions = SessionFile(tmp_path / "sessions.db")
    yield shown(CohortDock(case, lambda loaded: None, sessions))
    sessions.close()


def table_named(tab, title):
    tab.found.tables.setCurrentIndex(tab.found.tables.findText(title))
    return tab.found.table


def test_groups(dock, qtbot, study):
    tab = tab_of(dock, qtbot, "groups", study / "cohort.tsv")
    assert list(tab.inputs.fields["by"].boxes) == ["sex"]
    assert tab.inputs.fields["by"].value == ("sex",)
    assert list(tab.inputs.fields["covariates"].boxes) == ["volume"]
    found = run(tab, qtbot)
    assert "4 patients; visits of one patient count once." in found.sentences
    assert table_named(tab, "Gaps between groups").rowCount() == 4 * 1  # raw, as nothing is adjusted for
    assert table_named(tab, "Cases").rowCount() == 6 and tab.found.open_case.isVisible()
    assert found.folders["case 3"] == study / "results3"
    assert found.references["case 3"] == study / "mask3.nii.gz" and len(tab.found.charts) > 0


def test_attributes(dock, qtbot, study, monkeypatch):
    tiny = str(study / "tiny")
    monkeypatch.setattr(attribute_inputs, "SHAPE", (48, 48, 48))
    features = partial(attribute_inputs.cohort_features, encoder=tiny)
    monkeypatch.setattr(attribute_inputs, "cohort_features", features)
    tab = tab_of(dock, qtbot, "attributes", study / "cohort.tsv")
    tab.inputs.fields["permutations"].box.setValue(19)
    monkeypatch.setattr(inputs_module, "ask_dataset", lambda *_: study / "tiny")
    click(qtbot, tab.inputs.fields["model"].button)
    found = run(tab, qtbot)
    assert any("nothing can be tested" in sentence for sentence in found.sentences)
    assert table_named(tab, "How well each is told").rowCount() >= 4
    assert table_named(tab, "Cases").rowCount() == 6


def test_stability(dock, qtbot, study):
    tab = tab_of(dock, qtbot, "stability", study / "cohort.tsv")
    found = run(tab, qtbot)
    assert found.sentences[0].startswith("2 people, 2 acquisitions: first, second.")
    assert table_named(tab, "Agreement, of people").rowCount() > 5
    assert table_named(tab, "Acquisitions").rowCount() == 6
    assert found.folders["p1, second"] == study / "results1"


def test_patients(dock, qtbot, study, monkeypatch, tmp_path):
    tab = tab_of(dock, qtbot, "patients", study / "cohort.tsv")
    found = run(tab, qtbot)
    assert any("No interval for 6 scans" in sentence for sentence in found.sentences)
    assert table_named(tab, "Volumes and numbers").rowCount() == 6
    record = tmp_path / "record.json"
    record.write_text("{}")
    monkeypatch.setattr(inputs_module, "ask_record", lambda *_: record)
    field = tab.inputs.fields["record"]
    click(qtbot, field.button)
    assert field.value == record and "other choices" in tab.found.old.text()
    click(qtbot, tab.run)
    qtbot.waitUntil(lambda: tab._jobs.state is JobState.IDLE, timeout=60_000)
    assert tab.message.text().startswith("⚠") and "record.json" in tab.message.text()
    click(qtbot, field.clear)
    assert field.value is None and not tab.found.old.isVisible()


def test_challenge(dock, qtbot, study):
    tab = tab_of(dock, qtbot, "challenge", study / "cohort.tsv")
    domain, inside = tab.inputs.fields["domain"].box, tab.inputs.fields["inside"]
    assert not inside.widget.isVisible()
    domain.setCurrentIndex(domain.findData("sex"))
    assert list(inside.boxes) == ["F", "M"] and inside.widget.isVisible()
    assert tab.problem.text().startswith("Tick the values of sex that are in the domain")
    inside.boxes["F"].click()
    inside.boxes["M"].click()
    assert tab.problem.text().startswith("Leave a value unticked") and not tab.run.isEnabled()
    inside.boxes["M"].click()
    tab.inputs.fields["simulated"].box.setValue(1)
    assert tab.problem.text().startswith("One simulated rater")
    tab.inputs.fields["simulated"].box.setValue(2)
    found = run(tab, qtbot)
    assert "6 cases of 4 patients." in found.sentences
    assert any("SIMULATED" in sentence for sentence in found.sentences)
    assert table_named(tab, "Cases").rowCount() == 6


def test_columns_that_make_no_groups_are_named_with_the_reason(dock, qtbot, study):
    rows = (study / "cohort.tsv").read_text().splitlines()
    more = ["age\tsite\tbirth\tnotes\theight"]
    more += [f"{'unknown' if i == 2 else 30 + i}\tA\t{1950 + i}\tword{i}\t" for i in range(6)]
    path = study / "more.tsv"
    path.write_text("\n".join(f"{a}\t{b}" for a, b in zip(rows, more, strict=True)) + "\n")
    said = (
        "Not offered: age (not all are numbers, values do not repeat), site (one value only), birth "
        "(numbers of which too few are alike), notes (values do not repeat), height (no values)."
    )
    for key in ("groups", "attributes"):
        tab = tab_of(dock, qtbot, key, path)
        by = tab.inputs.fields["by"]
        assert list(by.boxes) == ["sex"] and by.note.text() == said and by.note.isVisible()
    measures = dock.tabs["groups"].inputs.fields["measures"]
    assert not measures.note.text() and not measures.note.isVisible()
    path.write_text("folder\tage\nresults0\t31\nresults1\tunknown\n")
    tab = tab_of(dock, qtbot, "groups", path)
    tab.look()
    qtbot.waitUntil(lambda: "such as sex" in tab.problem.text(), timeout=10_000)
    assert "age (not all are numbers, values do not repeat)." in tab.problem.text()


def test_a_table_of_results_that_is_chosen_as_cases(dock, qtbot, study, tmp_path):
    cases = dock.cases
    for path, hinted in ((study / "cohort.tsv", True), (tmp_path / "other.tsv", False)):
        (tmp_path / "other.tsv").write_text("scan\na.nii\n")
        cases.read(path)
        qtbot.waitUntil(lambda: cases._jobs.state is JobState.IDLE, timeout=10_000)
        assert "lacks the column 'flair'" in cases.message.text()
        assert ("the tabs beside Cases" in cases.message.text()) is hinted


def test_tables_that_lack_something(dock, qtbot, tmp_path):
    bare, none = tmp_path / "bare.tsv", tmp_path / "none.tsv"
    bare.write_text("folder\tpatient\na\tp1\nb\tp2\n")
    none.write_text("case\tdice\na\t0.5\n")
    for key, said in (("groups", "no column with sexes or sites"), ("attributes", "sexes or sites")):
        assert said in tab_of(dock, qtbot, key, bare).problem.text()
    assert "no column 'acquisition'" in tab_of(dock, qtbot, "stability", bare).problem.text()
    for key in ("groups", "attributes", "patients", "challenge"):
        tab = tab_of(dock, qtbot, key, none)
        qtbot.waitUntil(lambda tab=tab: not tab._source.reading, timeout=5000)
        assert "no column 'folder'" in tab.problem.text() and not tab.run.isVisible()


# -- the real window ------------------------------------------------------------------------------


@pytest.fixture
def viewer(make_viewer, tmp_path, monkeypatch):
    monkeypatch.setattr(window_module, "default_file", lambda: tmp_path / "sessions.db")
    made = make_viewer()
    open_review(made, docks_with(make_segmenter=FakeSegmenter)).open_dock("cohort")
    return made


def test_a_case_of_a_table_is_opened_in_the_window(viewer, qtbot, study):
    review = open_review(viewer)
    tab = tab_of(review.cohort, qtbot, "patients", study / "cohort.tsv")
    run(tab, qtbot)
    table = tab.found.table
    assert table.item(2, 0).text() == "case 2"
    table.selectRow(2)
    review.cohort._areas["patients"].ensureWidgetVisible(tab.found.open_case)
    click(qtbot, tab.found.open_case)
    qtbot.waitUntil(lambda: review.case.prediction is not None, timeout=10_000)
    assert review.case.images["flair"].path == study / "flair2.nii.gz"
    reference = viewer.layers["reference"]  # that the table names: missed lesions can be seen
    np.testing.assert_array_equal(reference.data, read_image(study / "mask2.nii.gz").data)
    assert not reference.visible and review.calibration.reference.findData("reference") >= 0
    assert review.cohort.cases.open_elsewhere("case 3", study / "results3", study / "flair3.nii.gz")
    qtbot.waitUntil(lambda: "reference mask cannot be used" in tab.message.text(), timeout=10_000)
    assert "reference" not in viewer.layers and review.case.images["flair"].path == study / "flair3.nii.gz"
    qtbot.waitUntil(review.lesions.isVisible, timeout=3000)
    review.show_dock("cohort")
    assert tab.found.isVisible() and tab.found.table.rowCount() == 6  # what was found is still there


def test_a_small_window_has_all_tabs_and_scrolls(viewer, qtbot, study):
    review = open_review(viewer)
    viewer.window.resize(1280, 720)
    tab = tab_of(review.cohort, qtbot, "groups", study / "cohort.tsv")
    run(tab, qtbot)
    qtbot.wait(50)
    area = review.cohort._areas["groups"]
    assert area.scrolls and not review.cohort.parent().parent().scrolls
    row = review.cohort.tab_row
    for button in row.buttons:
        assert button.width() >= button.sizeHint().width() and row.rect().contains(button.geometry())
    for theme in ("light", "dark"):
        viewer.theme = theme
        assert tab.found.charts[0].chart.valid


@pytest.mark.parametrize("what", ["dock", "window"])
def test_closing_in_the_middle(viewer, qtbot, study, monkeypatch, what):
    review = open_review(viewer)
    going = threading.Event()

    def measure(cohort, *, progress, **more):
        while True:
            going.set()
            progress("case 1 of 6", 0.1)
            time.sleep(0.01)

    monkeypatch.setattr(groups_measures, "measure_cohort", measure)
    tab = tab_of(review.cohort, qtbot, "groups", study / "cohort.tsv")
    click(qtbot, tab.run)
    qtbot.waitUntil(going.is_set, timeout=5000)
    scratch = Path(tab._scratch.name)
    if what == "dock":
        viewer.window.remove_dock_widget(review.opened.get("cohort").area)
    else:
        viewer.close()
    assert "uncertainseg-job" not in [thread.name for thread in threading.enumerate()]
    assert not scratch.exists()
