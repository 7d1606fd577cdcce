"""The list on screen: its columns fit, and the selected lesion is not lost when it moves in the list."""

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.widgets.lesions.table import LesionTable
from napari_uncertainseg.widgets.lesions.table_model import BY_REFERENCE, REFERENCE


def made(count, **further):
    numbers = np.arange(1, count + 1)
    values = dict.fromkeys(("doubt", "lsu", "mean_probability", "mean_entropy"), numbers / (count + 1))
    places = {f"slice_{axis}": numbers for axis in "sar"}
    return pd.DataFrame({"label": numbers, "volume_mm3": 12.5 * numbers, **values, **places, **further})


@pytest.fixture
def table(shown):
    return shown(Table())


class Table(LesionTable):
    def cleanup(self):
        """As docks have it."""


@pytest.mark.parametrize("width", [388, 400, 600])
def test_the_columns_fit_with_the_reference_among_them(table, qtbot, width):
    table.resize(width, 300)
    rows = made(60, **{P_REAL: 0.5, REFERENCE: [BY_REFERENCE[i % 2] for i in range(60)]})
    table.set_table(rows, {}, None)
    qtbot.wait(20)
    bar = table.horizontalScrollBar()
    assert bar.maximum() == 0 and table.verticalScrollBar().maximum() > 0
    for column in range(table.lesions.columnCount()):
        if not table.isColumnHidden(column):
            title = table.lesions.headerData(column, Qt.Orientation.Horizontal)
            assert table.columnWidth(column) > table.fontMetrics().horizontalAdvance(str(title))


def test_a_width_that_the_user_chose_stays_while_the_list_changes(table, qtbot):
    table.resize(600, 300)
    table.set_table(made(5), {}, None)
    qtbot.wait(20)
    table.setColumnWidth(2, 133)
    table.set_table(made(6), {}, None)
    assert table.columnWidth(2) == 133


def in_sight(table, label):
    rect = table.visualRect(table.lesions.index(table.lesions.row(label), 0))
    return table.viewport().rect().contains(rect.center())


def test_a_lesion_that_moves_in_the_list_stays_in_sight_if_it_was(table, qtbot):
    table.resize(400, 200)
    rows = made(60)
    table.set_table(rows, {}, 2)
    qtbot.wait(20)
    assert in_sight(table, 2)
    moved = pd.concat([rows.drop(index=1), rows.iloc[[1]]], ignore_index=True)
    table.set_table(moved, {}, 2)
    assert table.lesions.row(2) == 59 and in_sight(table, 2) and table.selected == 2

    table.verticalScrollBar().setValue(0)
    assert not in_sight(table, 2)
    table.set_table(moved.copy(), {}, 2)
    assert table.verticalScrollBar().value() == 0, "who looks elsewhere is left there"


def test_the_selected_lesion_stays_in_sight_when_the_list_gets_smaller(table, qtbot):
    table.resize(400, 400)
    table.set_table(made(60), {}, 15)
    qtbot.wait(20)
    assert in_sight(table, 15)
    table.resize(400, 150)
    qtbot.wait(20)
    assert in_sight(table, 15)
    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
    assert not in_sight(table, 15)
    table.resize(400, 120)
    qtbot.wait(20)
    assert not in_sight(table, 15)
