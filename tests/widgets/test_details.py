"""All measures of the selected lesion, and the definitions behind them."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QTextBrowser, QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.uncertainty.lesion import lesion_sum
from napari_uncertainseg.widgets.calibration.dock import CalibrationDock
from napari_uncertainseg.widgets.lesions.measures import MeasuresPanel
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel, show_definitions

from .fake_layers import FakeLayers


@pytest.fixture
def panel(qtbot, case):
    made = MeasuresPanel(case)
    made.show()
    yield made
    made.cleanup()
    made.cleanup()
    made.close()
    made.deleteLater()
    qtbot.wait(1)


def voxel_of(table, row):
    return tuple(int(table.iloc[row][f"slice_{axis}"]) for axis in "sar")


def cell(panel, row, column):
    table = panel.maps
    rows = [table.verticalHeaderItem(i).text() for i in range(table.rowCount())]
    columns = [table.horizontalHeaderItem(j).text() for j in range(table.columnCount())]
    return table.item(rows.index(row), columns.index(column)).text()


def test_the_selected_lesion_is_measured(qtbot, panel, case):
    assert not panel.maps.isVisible() and not panel.agreement.isVisible()
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert "Choose a lesion" in panel.agreement.text() and not panel.maps.isVisible()
    lesions = case.lesions
    case.select(voxel_of(lesions.table, 1))
    qtbot.waitUntil(panel.maps.isVisible, timeout=2000)
    expected = lesion_sum(lesions.labels, case.prediction.entropy)[1]
    assert float(cell(panel, "sum", "entropy")) == pytest.approx(expected, rel=0.01)
    assert f"persistence <b>{lesions.table['persistence'][1]:.2f}" in panel.agreement.text()
    assert "volume variation" in panel.agreement.text() and "adjusted" in panel.agreement.toolTip()


def test_it_follows_threshold_and_selection(qtbot, panel, case):
    panel.button.click()
    case.select(voxel_of(case.lesions.table, 0))
    qtbot.waitUntil(panel.maps.isVisible, timeout=2000)
    before = cell(panel, "sum", "entropy")
    case.threshold = 0.3
    qtbot.waitUntil(lambda: cell(panel, "sum", "entropy") != before, timeout=2000)
    case.threshold = 0.9
    found = case.lesions
    assert found.count == 0 and len(found.candidate_table)
    case.select(voxel_of(found.candidate_table, 0))
    expected = lesion_sum(found.candidates, case.prediction.variance)[0]
    qtbot.waitUntil(
        lambda: float(cell(panel, "sum", "variance")) == pytest.approx(expected, rel=0.01), timeout=2000
    )
    case.close_prediction()
    qtbot.waitUntil(lambda: "Choose" in panel.agreement.text(), timeout=2000)
    assert not panel.maps.isVisible()


def test_an_empty_case(qtbot):
    panel = MeasuresPanel(Case())
    panel.button.click()
    assert "Choose a lesion" in panel.agreement.text()
    panel.cleanup()
    panel.deleteLater()
    qtbot.wait(1)


def top_line(browser):
    return browser.cursorForPosition(QPoint(8, 12)).block().text()


def test_definitions_open_at_their_section(qtbot):
    window = QWidget()
    label = DefinedLabel("Calibration", "ACE", window)
    window.show()
    qtbot.mouseClick(label, Qt.MouseButton.LeftButton)
    browser = window.findChild(QTextBrowser)
    assert browser.isVisible() and top_line(browser).startswith("Calibration")
    assert show_definitions(label, "Uncertainty per lesion") is browser  # one window
    assert top_line(browser).startswith("Uncertainty per lesion")
    assert "arXiv 2311.08931" in browser.toPlainText()
    window.close()
    window.deleteLater()
    qtbot.wait(1)
    with pytest.raises(RuntimeError):  # it went with the window
        browser.isVisible()


@pytest.mark.parametrize("section", ["Uncertainty per lesion", "Calibration"])
def test_sections_that_are_linked_exist(section):
    from importlib.resources import files

    text = files("napari_uncertainseg").joinpath("methods.md").read_text(encoding="utf-8")
    assert any(line.startswith("## ") and line[3:].startswith(section) for line in text.splitlines())


def test_a_click_on_a_metric_defines_it(qtbot, case, mask):
    dock = CalibrationDock(case, FakeLayers())
    case.comparison.reference = np.asarray(mask)
    dock.resize(400, 600)
    dock.show()
    qtbot.mouseClick(dock.numbers["ace"], Qt.MouseButton.LeftButton)
    assert top_line(dock.findChild(QTextBrowser)).startswith("Calibration")
    dock.close()
    dock.cleanup()
    dock.deleteLater()
    qtbot.wait(1)
