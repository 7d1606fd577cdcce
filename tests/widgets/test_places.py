"""Places in the Lesions dock: found in the background, listed, filtered and counted; gone with the result."""

import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.place.column import PlaceColumns, find_places
from napari_uncertainseg.explain.place.working_grid import WorkingGrid
from napari_uncertainseg.explain.place.zones import BrainZones, gap_to
from napari_uncertainseg.late_columns import KeptValues
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.widgets.lesions import places
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.lesions.table_model import COLUMNS

from .fake_layers import FakeLayers
from .fakes import fake_prediction

PLACE = [column.key for column in COLUMNS].index("place")


def zones_of(grid, problem=""):
    """The first slices are cerebellum, the lesion in the middle touches the ventricle."""
    working = WorkingGrid.around(np.ones(grid.shape, bool), grid)
    ventricles, cortex, below = (np.zeros(grid.shape, bool) for _ in range(3))
    ventricles[11:14, 19, 16:22] = cortex[23] = below[:8] = True
    gaps = [gap_to(mask, working) for mask in (cortex, ventricles, cortex)]
    if problem:
        gaps[1:], below = [np.full(grid.shape, np.nan)] * 2, np.zeros(grid.shape, bool)
    return BrainZones(working, *gaps, below, ventricles, cortex, problem)


@pytest.fixture
def dock(case, shown, monkeypatch):
    monkeypatch.setattr(
        places, "find_places", lambda prediction, scans, progress, find: PlaceColumns(zones_of(case.grid))
    )
    return shown(LesionsDock(case, FakeLayers()))


def listed(dock):
    model = dock.tables[0].lesions
    return [model.index(row, PLACE).data() for row in range(model.rowCount())]


def test_places_come_when_asked_for_and_follow_the_lesions(qtbot, dock, case):
    assert "place" not in case.lesions.table and dock.tables[0].isColumnHidden(PLACE)
    assert not dock.places.filter.isVisible()
    dock.places.button.click()
    qtbot.waitUntil(lambda: "place" in case.lesions.table)
    assert not dock.tables[0].isColumnHidden(PLACE)
    assert sorted(listed(dock)) == ["deep WM", "infratent.", "periventr."]
    volume = case.lesions.table.set_index("label")["volume_mm3"][case.lesions.labels[12, 21, 18]] / 1000
    assert dock.places.counts.text().startswith(f"1 periventricular ({volume:.1f} ml) · 1 infratentorial (")
    assert "mm from a lateral ventricle" in dock.tables[0].lesions.index(0, PLACE).data(3)
    dock.places.filter.setCurrentText("Periventricular")
    assert listed(dock) == ["periventr."]
    case.threshold = 0.3  # another list, of which the place is known as well
    assert listed(dock) == ["periventr."] and len(case.lesions.table["place"].dropna()) == case.lesions.count
    _, rows = dock._listed_table()
    assert set(rows["place"]) <= {"periventricular", "infratentorial", "deep white matter"}
    assert rows["to_ventricle_mm"].min() == 0
    dock.places.button.click()  # folded in, the filter hides nothing; the column stays
    assert len(listed(dock)) == case.lesions.count and not dock.tables[0].isColumnHidden(PLACE)


def test_they_go_with_the_result_and_never_come_to_another(qtbot, dock, case, grid, mask, monkeypatch):
    may_end, began = threading.Event(), []

    def slow(prediction, scans, progress, find):
        began.append(prediction)
        assert may_end.wait(300)
        return PlaceColumns(zones_of(grid))

    monkeypatch.setattr(places, "find_places", slow)
    first = case.prediction
    dock.places.button.click()
    qtbot.waitUntil(lambda: began == [first])
    case.open_prediction(fake_prediction(mask, grid))
    may_end.set()
    qtbot.waitUntil(lambda: len(began) == 2 and "place" in case.lesions.table)
    assert began[1] is case.original
    case.add_columns(PlaceColumns(zones_of(grid, "no")), first)  # comes too late
    assert set(case.lesions.table["place"]) != {"unknown"}
    dock.places.button.click()
    case.open_prediction(fake_prediction(mask, grid))
    assert "place" not in case.lesions.table and dock.tables[0].isColumnHidden(PLACE)


def test_why_places_are_unknown_is_said(qtbot, dock, case, grid, monkeypatch):
    def refuse(prediction, scans, progress, find):
        raise InputError("Places are unknown: no scan.")

    monkeypatch.setattr(places, "find_places", refuse)
    dock.places.button.click()
    qtbot.waitUntil(lambda: "no scan" in dock.places.counts.text())
    assert not dock.places.filter.isEnabled() and "place" not in case.lesions.table
    dock.places.button.click()
    monkeypatch.setattr(places, "find_places", lambda *_: PlaceColumns(zones_of(grid, "It does not fit.")))
    dock.places.button.click()
    qtbot.waitUntil(lambda: "does not fit" in dock.places.counts.text())
    assert set(listed(dock)) == {"unknown"} and not dock.places.filter.isEnabled()


def test_the_scan_must_be_the_one_that_was_segmented(case, flair):
    inputs = {"flair": {"scan_sha256": "0" * 64}}
    other = replace(case.prediction, information={**case.prediction.information, "inputs": inputs})
    with pytest.raises(InputError, match="not the one"):
        find_places(other, {"flair": flair})
    with pytest.raises(InputError, match="not loaded"):
        find_places(other, {})


def test_a_value_of_a_lesion_is_kept_while_its_voxels_stay():
    before = np.array([1, 1, 0, 2, 2, 0, 7])
    kept = KeptValues(
        {"v": MeasureColumn("V", "", "")}, before, pd.DataFrame({"v": [0.1, 0.2]}, index=[1, 2])
    )
    assert kept.values(before)["v"].to_dict() == {1: 0.1, 2: 0.2}
    assert kept.values(np.array([1, 1, 1, 2, 2, 0, 0]))["v"].to_dict() == {2: 0.2}
    assert kept.values(np.array([1, 0, 0, 4, 4, 0, 0]))["v"].to_dict() == {4: 0.2}  # by another number
    assert kept.values(np.array([0, 0, 3, 3, 3, 0, 0])).empty and kept.values(np.array([5] * 7)).empty
    assert kept.values(np.zeros(7, int)).empty
