"""The refined p in the Lesions dock: measured in the background, listed, filtered by."""

from __future__ import annotations

import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.refinement.model import P_TRUE
from napari_uncertainseg.late_columns import KeptValues
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.lesions.refined import panel
from napari_uncertainseg.widgets.lesions.table_model import COLUMNS

from .fake_layers import FakeLayers
from .fakes import fake_prediction

COLUMN = [column.key for column in COLUMNS].index(P_TRUE)


def listed(dock):
    model = dock.tables[0].lesions
    return [model.index(row, COLUMN).data() for row in range(model.rowCount())]


def test_refined_p_is_listed_and_hides_on_demand(qtbot, case, shown, grid, mask, monkeypatch):
    asked = []

    def column(prediction, labels, threshold, scans, progress):
        asked.append(threshold)
        if threshold < 0.4:
            raise InputError("The refinement was fitted at a threshold of 0.5; this list is at 0.3.")
        numbers = sorted(set(labels[labels > 0].tolist()))
        table = pd.DataFrame(
            {P_TRUE: [0.1, *[0.8] * (len(numbers) - 2)]}, index=numbers[:-1]
        )  # not of the last
        return KeptValues({P_TRUE: MeasureColumn("Real", "", "By your own cases.")}, labels, table)

    monkeypatch.setattr(panel, "refined_column", column)
    dock = shown(LesionsDock(case, FakeLayers()))
    qtbot.waitUntil(lambda: P_TRUE in case.lesions.table)
    assert not dock.tables[0].isColumnHidden(COLUMN) and sorted(listed(dock)) == ["-", "10 %", "80 %"]
    assert "By your own cases" in dock.tables[0].lesions.index(0, COLUMN).data(3)
    assert dock.refined.filter.isVisible()
    dock.refined.filter.setCurrentText("Real (yours) ≥ 50 %")
    assert sorted(listed(dock)) == ["-", "80 %"]  # what is not known is not hidden
    assert case.lesions.count == 3  # nothing is taken away
    case.threshold = 0.3
    qtbot.waitUntil(lambda: dock.refined.message.text().endswith("this list is at 0.3."))
    assert len(listed(dock)) == case.lesions.count and not dock.refined.filter.isVisible()
    monkeypatch.setattr(panel, "refined_column", lambda *_: asked.append("none"))
    case.open_prediction(fake_prediction(mask, grid))
    qtbot.waitUntil(lambda: asked[-1] == "none" and not dock.refined.isVisible())
    assert dock.tables[0].isColumnHidden(COLUMN)
    assert len(asked) == 3  # once for each list
