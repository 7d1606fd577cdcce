"""The Lesions dock, driven as a reader drives it."""

import dataclasses
import weakref

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_uncertainseg.calibration.real_by_cases import RealByCases
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.calibration.record import GRID, LOSSES, MEASURES, CalibrationRecord
from napari_uncertainseg.calibration.thresholds import best_dice
from napari_uncertainseg.case import Case
from napari_uncertainseg.networks.real_probability import RealProbability, Weight
from napari_uncertainseg.prediction.voxel_features import VOXEL_FEATURES, VoxelFeatures
from napari_uncertainseg.review.session.queue import queue_of
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.predictions import register_prediction
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.widgets.layers.by_reader.painting import STILL_DRAWN
from napari_uncertainseg.widgets.lesions import export as exporting
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.actions import ACTIONS
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.lesions.table import LesionTable
from napari_uncertainseg.widgets.lesions.table_model import BAR, COLUMNS, Filter

from .actions import discard, wait_until_gone
from .fake_layers import FakeLayers

KEYS = [column.key for column in COLUMNS]


@pytest.fixture
def layers():
    return FakeLayers()


@pytest.fixture
def dock(qtbot, case, layers):
    made = LesionsDock(case, layers)
    made.resize(400, 620)
    made.show()
    yield made
    made.cleanup()
    discard(qtbot, made)


@pytest.fixture
def view(qtbot):
    made = LesionTable()
    made.resize(420, 300)
    made.show()
    yield made
    discard(qtbot, made)


def cells(table, key):
    """What a column of a table shows, from top to bottom."""
    model = table.model()
    column = KEYS.index(key)
    return [model.index(row, column).data() for row in range(model.rowCount())]


def click_row(qtbot, table, row):
    place = table.visualRect(table.model().index(row, 2)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def click_header(qtbot, table, key):
    header = table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(KEYS.index(key)) + 10, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def random_table(n, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "label": np.arange(1, n + 1),
            "doubt": np.sort(rng.random(n))[::-1],
            "mean_probability": rng.random(n),
            "volume_mm3": rng.lognormal(3, 2, n),
            "mean_entropy": rng.random(n) * 0.69,
            "slice_s": 0,
            "slice_a": 0,
            "slice_r": np.arange(n),
        }
    )


def test_it_lists_what_the_ranking_found(dock, case):
    table = case.lesions.table
    shown = dock.tables[0]
    assert [int(x) for x in cells(shown, "label")] == list(table["label"])
    np.testing.assert_allclose([float(x) for x in cells(shown, "doubt")], table["doubt"], atol=0.005)
    volume = [float(x.replace(",", "")) for x in cells(shown, "volume_mm3")]
    np.testing.assert_allclose(volume, table["volume_mm3"], atol=0.5)
    assert f"Lesions {case.lesions.count}" in dock.header.text()
    assert f"{case.lesions.volume_ml:.1f}&nbsp;ml" in dock.header.text()


def test_a_click_selects_the_lesion_and_moves_the_viewer(qtbot, dock, case, layers):
    click_row(qtbot, dock.tables[0], 1)
    row = case.lesions.table.iloc[1]
    voxel = tuple(int(row[f"slice_{a}"]) for a in "sar")
    assert case.selected == voxel
    assert layers.visited == [voxel]
    assert case.lesions.labels[voxel] == 2


def test_a_candidate_that_becomes_a_lesion_stays_the_one_that_is_judged(dock, case):
    case.threshold = 0.9
    voxel = tuple(int(case.lesions.candidate_table.iloc[0][f"slice_{a}"]) for a in "sar")
    dock.tabs.setCurrentIndex(1)
    case.select(voxel)
    painted = np.zeros(case.grid.shape, np.int8)
    painted[voxel] = 1
    case.review.set_edit(painted)
    assert dock.tabs.currentIndex() == 0 and dock.table.selected is not None
    dock.accept()
    assert [v.decision for v in case.review.verdicts] == ["accepted"]


def test_calibration_cases_tell_how_probably_each_is_one(dock, case, records):
    entropy, real = (KEYS.index(key) for key in ("mean_entropy", "p_real"))
    for table in dock.tables:
        assert table.isColumnHidden(real) and not table.isColumnHidden(entropy)
    fitted = RealByCases(0.0, 1.0, 0.2, 0.0, 40, 20, 0.1, 0.25)
    losses, measures = {k: np.zeros((2, len(GRID))) for k in LOSSES}, {k: np.ones(2) for k in MEASURES}
    record = CalibrationRecord("m", "ab", "one-pass", (), 3.0, ("a", "b"), losses, measures, lesions=fitted)
    records.find = lambda information: record
    case.open_prediction(case.original)
    case.threshold = 0.6
    table = case.lesions.table
    expected = fitted.at(table["max_probability"], table["volume_mm3"], 0.6)
    assert cells(dock.tables[0], "p_real") == [f"{100 * p:.0f} %" for p in expected]
    assert dock.tables[0].isColumnHidden(entropy) and not dock.tables[0].isColumnHidden(real)
    assert dock.tables[1].isColumnHidden(real)  # too few candidates to say
    painted = np.zeros(case.grid.shape, np.int8)
    painted[0, :3, :3] = 1
    case.review.set_edit(painted)
    assert cells(dock.tables[0], "p_real").count("-") == 1  # the model saw nothing there
    case.review.set_edit(None)
    case.min_volume = 1.0  # its cases had none so small
    assert dock.tables[0].isColumnHidden(real)
    case.min_volume = 3.0
    case.threshold = 0.8
    assert not dock.tables[0].isColumnHidden(real)
    case.threshold = 0.99  # at none so high were the cases' lesions outlined
    assert dock.tables[0].isColumnHidden(real)
    case.threshold = 0.6
    case.recalibrate(Temperature(0.2, 0.1, 0.5))  # of these probabilities it says nothing
    assert dock.tables[0].isColumnHidden(real) and "p_real" not in case.lesions.table


def test_calibration_cases_replace_what_the_model_says_is_real(case, records):
    made = case.original
    where = np.flatnonzero(made.probability >= 0.05).astype(np.int64)
    around = VoxelFeatures(where, np.ones((len(VOXEL_FEATURES), len(where)), np.float16))
    known = RealProbability(
        version=1, methods=("one-pass",), thresholds=(0.2, 0.8), candidate_threshold=0.1,
        orders=True, constant=0.0, lesions=40, real=20, brier=0.1,
        brier_of_share=0.2, weights={"largest_probability": Weight(weight=1.0, centre=0.0)},
    )  # fmt: skip
    case.open_prediction(dataclasses.replace(made, voxel_features=around, real_probability=known))
    model = case.lesions
    assert model.real_by == "model" and "p_real" in model.candidate_table
    fitted = RealByCases(1.0, 1.0, 0.2, 0.0, 40, 20, 0.1, 0.25)
    losses, measures = {k: np.zeros((2, len(GRID))) for k in LOSSES}, {k: np.ones(2) for k in MEASURES}
    record = CalibrationRecord("m", "ab", "one-pass", (), 3.0, ("a", "b"), losses, measures, lesions=fitted)
    records.find = lambda information: record
    case.open_prediction(case.original)
    own = case.lesions
    assert own.real_by == "calibration" and "calibration cases" in own.columns["p_real"].definition
    expected = fitted.at(own.table["max_probability"], own.table["volume_mm3"], case.threshold)
    np.testing.assert_allclose(own.table["p_real"], expected)
    assert "p_real" not in own.candidate_table  # the cases say nothing of them, and nobody else is quoted
    np.testing.assert_array_equal(own.table["doubt"], model.table["doubt"])  # the order stays


def test_columns_sort_as_numbers(qtbot, view):
    table = view
    content = random_table(40)
    content.loc[3, "volume_mm3"] = np.nan
    table.set_table(content, {}, None)
    click_header(qtbot, table, "volume_mm3")
    ranks = [int(x) for x in cells(table, "label")]
    expected = content.sort_values("volume_mm3", ascending=False, na_position="last")["label"]
    assert ranks == list(expected)
    assert cells(table, "volume_mm3")[-1] == "-"
    click_header(qtbot, table, "volume_mm3")
    expected = content.sort_values("volume_mm3", na_position="last")["label"]
    assert [int(x) for x in cells(table, "label")] == list(expected)


def test_the_most_doubtful_lesion_has_the_full_bar_and_numbers_stay_absolute(view):
    content = random_table(4).assign(doubt=[0.16, 0.08, np.nan, 0.01])
    view.set_table(content, {}, None)
    model, column = view.lesions, KEYS.index("doubt")

    def shares():
        return [model.index(row, column).data(BAR) for row in range(model.rowCount())]

    np.testing.assert_allclose(shares(), [1, 0.5, np.nan, 0.0625])
    assert cells(view, "doubt") == ["0.16", "0.08", "-", "0.01"]
    view.set_filter(Filter(least_doubt=0.05))
    np.testing.assert_allclose(shares()[:2], [1, 0.5])
    tip = " ".join(model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole).split())
    assert "A full bar is the largest value of this list." in tip
    view.set_filter(Filter())
    view.set_table(content.assign(doubt=0.0), {}, None)
    assert shares() == [0, 0, 0, 0]


def test_a_verdict_is_written_in_words_and_the_next_lesion_selected(qtbot, dock, case, layers):
    click_row(qtbot, dock.tables[0], 0)
    qtbot.mouseClick(dock.buttons["reject"], Qt.MouseButton.LeftButton)
    assert case.review.decisions() == {1: "rejected"}
    assert cells(dock.tables[0], "verdict")[:2] == ["✗ rejected", "○ to do"]
    assert dock.tables[0].selected == 2
    assert layers.visited[-1] == case.selected
    assert dock.progress.text() == "1 of 3 reviewed"


def test_all_lesions_can_be_judged_by_the_methods_that_keys_call(dock, case):
    dock.next_lesion()
    for method in ("accept", "reject", "unsure"):
        getattr(dock, method)()
    assert [v.decision for v in case.review.verdicts] == ["accepted", "rejected", "unsure"]
    assert "reviewed" in dock.message.text()
    dock.undo()
    dock.undo()
    assert sorted(case.review.decisions()) == [1]
    assert dock.tables[0].selected == 2
    dock.redo()
    assert case.review.decisions() == {1: "accepted", 2: "rejected"}
    dock.previous_lesion()
    assert dock.tables[0].selected == 1
    dock.next_lesion()
    assert dock.tables[0].selected == 3


def test_every_action_has_a_method_a_key_and_a_button(dock):
    assert len({a.key for a in ACTIONS}) == len(ACTIONS)
    for action in ACTIONS:
        assert callable(getattr(dock, action.method))
        assert action.key in dock.keys.text()
        assert action.key in dock.buttons[action.method].toolTip()


def test_undo_without_a_verdict_says_so(dock):
    dock.undo()
    assert "nothing to undo" in dock.message.text()


def test_a_verdict_is_taken_back_by_a_right_click_on_its_row(qtbot, dock, case, layers):
    dock.next_lesion()
    first = case.selected
    dock.accept()
    dock.reject()
    dock.take_back()
    assert dock.message.text() == texts.NOTHING_TO_TAKE_BACK
    table = dock.table
    row = table.lesions.row(int(case.lesions.component_at(first)))
    at = table.visualRect(table.lesions.index(row, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.RightButton, pos=at)
    assert case.selected == first
    table.customContextMenuRequested.emit(at)
    menu = QApplication.activePopupWidget()
    (action,) = menu.actions()
    assert action.text() == texts.TAKE_BACK and action.isEnabled()
    action.trigger()
    menu.close()
    assert case.review.verdict_on(first) is None and len(case.review.verdicts) == 1
    assert case.selected == first  # to be judged again
    dock.undo()
    assert case.review.verdict_on(first).decision == "accepted"
    layers.unseen = True
    dock.take_back()
    assert case.review.verdict_on(first).decision == "accepted" and dock.message.text() == STILL_DRAWN


def test_next_follows_the_order_of_the_list(qtbot, dock, case):
    click_header(qtbot, dock.tables[0], "volume_mm3")
    dock.next_lesion()
    largest = case.lesions.table.sort_values("volume_mm3", ascending=False)["label"]
    assert dock.tables[0].selected == largest.iloc[0]
    dock.accept()
    assert dock.tables[0].selected == largest.iloc[1]


def test_the_filter_hides_what_is_judged_and_the_step_still_goes_on(dock):
    dock.verdict_filter.setCurrentText("to do")
    dock.next_lesion()
    dock.accept()
    assert dock.tables[0].model().rowCount() == 2
    assert dock.tables[0].selected == 2
    dock.verdict_filter.setCurrentText("accepted")
    assert cells(dock.tables[0], "label") == ["1"]
    dock.verdict_filter.setCurrentText("rejected")
    assert "filter" in dock.empty.text()
    assert dock.empty.isVisible()


@pytest.mark.parametrize("state", ["all", "to do", "accepted"])
@pytest.mark.parametrize("doubt", [0.0, 0.5])
def test_the_filter_keeps_what_it_says(view, state, doubt):
    table = view
    content = random_table(50)
    decisions = dict.fromkeys(range(1, 51, 3), "accepted")
    table.set_table(content, decisions, None)
    table.set_filter(Filter(state, doubt))
    words = content["label"].map(decisions).fillna("to do")
    kept = content[(content["doubt"] >= doubt) & ((words == state) | (state == "all"))]
    assert [int(x) for x in cells(table, "label")] == list(kept["label"])


def test_dragging_the_threshold_takes_list_header_and_case_along(qtbot, dock, case, layers):
    slider = dock.threshold.slider
    slider.setSliderDown(True)
    for value in range(500, 240, -20):
        slider.setValue(value)
    slider.setSliderDown(False)
    qtbot.waitUntil(lambda: case.threshold == 0.26, timeout=2000)
    expected = rank_lesions(case.prediction, 0.26, case.min_volume)
    assert dock.threshold.spin.value() == 0.26
    assert cells(dock.tables[0], "label") == [str(n) for n in expected.table["label"]]
    assert f"{expected.volume_ml:.1f}&nbsp;ml" in dock.header.text()
    assert layers.previewed[-1] == 0.26 and layers.settled == 1
    qtbot.mouseClick(dock.threshold.reset_button, Qt.MouseButton.LeftButton)
    assert case.threshold == case.prediction.threshold
    assert slider.value() == 500


def test_keys_move_the_threshold_in_hundredths(qtbot, dock, case):
    qtbot.keyClick(dock.threshold.slider, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: case.threshold == 0.49, timeout=2000)


def test_the_smallest_volume_leaves_small_lesions_out(qtbot, dock, case):
    volumes = np.sort(case.lesions.table["volume_mm3"])
    dock.threshold.volume.setValue(volumes[0] + 1)
    qtbot.waitUntil(lambda: case.lesions.count == len(volumes) - 1, timeout=2000)
    assert len(cells(dock.tables[0], "label")) == len(volumes) - 1


def test_the_selection_stays_with_its_lesion_when_numbers_change(qtbot, dock, case):
    click_row(qtbot, dock.tables[0], 2)
    voxel = case.selected
    for threshold in (0.3, 0.7, 0.9, 0.5):
        case.threshold = threshold
        label = int(case.lesions.labels[voxel]) or None
        assert dock.tables[0].selected == label
        assert case.selected == voxel


def test_the_view_keeps_its_place_when_the_table_changes(qtbot, view):
    table = view
    table.set_table(random_table(500), {}, None)
    qtbot.wait(10)
    table.verticalScrollBar().setValue(200)
    chosen = []
    table.chosen.connect(chosen.append)
    table.select(7, reveal=False)
    for n in (499, 350, 480):
        table.set_table(random_table(n, seed=n), {3: "accepted"}, 7)
        assert table.verticalScrollBar().value() == 200
        assert table.selected == 7
        assert table.currentIndex().row() == 6
    assert chosen == []


def test_rows_are_not_compared_in_python(view, python_calls):
    table = view
    content = random_table(10_000)
    decisions = dict.fromkeys(range(1, 200), "accepted")
    table.set_table(content, decisions, 5)
    with python_calls() as count:
        table.set_table(content, decisions, 5)
        table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
        table.set_filter(Filter("to do", 0.2))
    assert count[0] < 100_000  # a comparison in Python for each pair would be ten times that


def test_candidates_are_a_list_of_their_own(qtbot, dock, case):
    case.threshold = 0.9
    assert len(case.lesions.candidate_table)
    dock.tabs.setCurrentIndex(1)
    dock.next_lesion()
    dock.accept()
    assert -1 in case.review.decisions()
    assert cells(dock.tables[1], "verdict")[0] == "✓ accepted"
    assert "accepted" not in "".join(cells(dock.tables[0], "verdict"))


def test_a_lesion_chosen_elsewhere_is_shown_in_its_list(dock, case):
    row = case.lesions.table.iloc[2]
    case.select(tuple(int(row[f"slice_{a}"]) for a in "sar"))
    assert dock.tables[0].selected == 3
    case.select(None)
    assert dock.tables[0].selected is None


def test_best_dice_is_that_of_the_room_below(qtbot, dock, case, mask):
    assert not dock.threshold.best_button.isEnabled()
    case.comparison.reference = mask
    expected = best_dice(case.prediction.probability, mask)
    qtbot.mouseClick(dock.threshold.best_button, Qt.MouseButton.LeftButton)
    assert case.threshold == expected.threshold
    assert f"{expected.dice:.3f}" in dock.threshold.best_button.toolTip()
    case.comparison.reference = np.zeros_like(mask)
    assert not dock.threshold.best_button.isEnabled()
    assert "no voxel" in dock.threshold.best_button.toolTip()


def test_empty_states_say_what_to_do_next(qtbot, layers):
    case = Case()
    dock = LesionsDock(case, layers)
    assert dock.empty.text() == "No prediction yet: press Run in Segment."
    assert not dock.buttons["accept"].isEnabled()
    assert not dock.export.results_button.isEnabled()
    dock.cleanup()
    discard(qtbot, dock)


def test_no_lesion_at_the_threshold_says_lower_it(dock, case):
    case.threshold = 0.99
    case.min_volume = 1e4
    assert "lower the threshold" in dock.empty.text()
    assert dock.empty.isVisible()


def test_the_table_is_exported_with_its_verdicts(qtbot, dock, case, tmp_path, monkeypatch):
    dock.next_lesion()
    dock.reject()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "list"), ""))
    qtbot.mouseClick(dock.export.table_button, Qt.MouseButton.LeftButton)
    written = pd.read_csv(tmp_path / "list.tsv", sep="\t")
    assert list(written["label"]) == list(case.lesions.table["label"])
    assert written["verdict"][0] == "rejected"
    assert str(tmp_path / "list.tsv") in dock.export.message.text()


def test_all_results_are_exported_and_replaced_only_when_asked(qtbot, dock, case, tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    asked = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    monkeypatch.setattr(
        QMessageBox, "question", lambda *_: asked.append(1) or QMessageBox.StandardButton.Cancel
    )
    dock.next_lesion()
    dock.accept()
    qtbot.mouseClick(dock.export.results_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved all results" in dock.export.message.text(), timeout=10_000)
    assert not asked
    assert not case.review.unsaved
    assert (folder / "lesions.nii.gz").is_file()
    before = {f.name: f.stat().st_mtime_ns for f in folder.iterdir()}
    qtbot.mouseClick(dock.export.results_button, Qt.MouseButton.LeftButton)
    assert asked == [1]
    assert {f.name: f.stat().st_mtime_ns for f in folder.iterdir()} == before


def test_an_export_that_fails_says_why(qtbot, dock, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "t.tsv"), ""))
    dock.export.export_table()
    assert "Not saved" in dock.export.message.text()
    assert not list(tmp_path.iterdir())


def test_after_a_failed_export_the_next_one_says_where_it_went(
    qtbot, dock, case, prediction, tmp_path, monkeypatch
):
    blocked, free = tmp_path / "file", tmp_path / "free"
    blocked.write_text("not a folder")
    chosen = iter((blocked / "below", free))
    monkeypatch.setattr(exporting, "ask_folder", lambda *_: next(chosen))
    dock.next_lesion()
    dock.accept()
    dock.export.export_results()
    qtbot.waitUntil(lambda: "Not saved" in dock.export.message.text(), timeout=10_000)
    assert case.review.unsaved
    dock.export.export_results()
    qtbot.waitUntil(lambda: dock.export.message.text() == f"Saved all results into {free}", timeout=10_000)
    assert not case.review.unsaved
    dock.reject()
    assert case.review.unsaved
    dock.message.setText("about this prediction")
    case.open_prediction(prediction)
    assert dock.message.text() == ""
    assert not dock.export.message.isVisible()


def test_giving_up_the_dialog_writes_nothing(dock, monkeypatch):
    monkeypatch.setattr(exporting, "ask_file", lambda *_: None)
    monkeypatch.setattr(exporting, "ask_folder", lambda *_: None)
    dock.export.export_table()
    dock.export.export_results()
    assert dock.export.message.text() == ""


def test_cleanup_leaves_nothing_connected(qtbot, case, layers):
    dock = LesionsDock(case, layers)
    dock.cleanup()
    dock.cleanup()
    for signal in (case.lesions_changed, case.verdicts_changed, case.selection_changed):
        assert len(signal) == 0
    assert len(case.reliability_changed) == len(case.prediction_changed) == 0
    gone = weakref.ref(dock)
    dock.deleteLater()
    del dock
    wait_until_gone(qtbot, gone)


def test_it_says_for_whom_a_session_is_recorded(dock, case, tmp_path):
    assert dock.recorded.isHidden()
    with Store(tmp_path / "sessions.db") as store:
        tasks = queue_of(case.lesions, *register_prediction(store, case.prediction)).tasks
        name = "<b>reader</b> of very many lesions"
        id = store.open_session(store.project("p"), store.annotator(name), "review", tasks, {})
        case.review.set_recorder(Recorder(store, id))
        assert not dock.recorded.isHidden()
        assert dock.recorded.text() == "● recorded for <b>reader</b> of very m…"
        assert dock.recorded.textFormat() == Qt.TextFormat.PlainText
        case.review.set_recorder(None)
    assert dock.recorded.isHidden()


def test_the_rest_is_hidden_and_shown_again_by_key_or_button(qtbot, dock, layers, case, prediction):
    qtbot.mouseClick(dock.buttons["alone"], Qt.MouseButton.LeftButton)
    assert layers.alone and dock.buttons["alone"].isChecked()
    dock.alone()  # the key
    assert not layers.alone and not dock.buttons["alone"].isChecked()
    dock.alone()
    layers.alone = False  # as the layers do with another case
    case.open_prediction(dataclasses.replace(prediction))
    assert not dock.buttons["alone"].isChecked()
