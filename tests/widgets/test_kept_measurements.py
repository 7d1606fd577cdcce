"""Measurements of one scan in two windows: neither takes the other's away."""

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.folder_lock import claimed
from napari_uncertainseg.images.measures.records import Measurement, read
from napari_uncertainseg.images.measures.shapes import Slice
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.widgets.reading_bar.measure import kept as kept_module
from napari_uncertainseg.widgets.reading_bar.measure.kept import KeptMeasurements
from napari_uncertainseg.widgets.reading_bar.measure.measured import Measured

GRID = Grid((8, 20, 30), np.diag([1.0, 1.0, 3.0, 1.0]))


def ruler(row: int) -> Measurement:
    return Measurement("ruler", ((2, row, 4), (2, row, 9)), Slice(0, 2), length_mm=5.0)


class Window:
    """What a window does with its measurements, without the window."""

    def __init__(self, folder):
        self.kept, self.measured = KeptMeasurements(folder), Measured()
        self.measured.show(self.kept.of("scan", GRID))
        self.measured.changed.connect(self.keep)

    def keep(self):
        self.measured.join(self.kept.keep("scan", self.measured.items, GRID, "Ann", "FLAIR"))

    @property
    def rows(self):
        return sorted(round(one.points[0][1]) for one in self.measured.items)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "measurements"


def rows_of(folder):
    return sorted(round(one.points[0][1]) for one in read(folder / "scan.tsv", GRID))


def test_rulers_of_two_windows_are_both_kept_and_a_deletion_deletes_its_own(folder):
    one, other = Window(folder), Window(folder)
    one.measured.add(ruler(3))
    other.measured.add(ruler(5))
    one.measured.add(ruler(7))
    assert rows_of(folder) == one.rows == [3, 5, 7]
    other.measured.delete(other.rows.index(5))  # its own; it has not seen the last one yet
    assert rows_of(folder) == other.rows == [3, 7]
    one.measured.undo()
    assert rows_of(folder) == one.rows == [3]  # the other's is not brought back, nor taken away twice
    one.measured.redo()
    other.measured.undo()
    assert rows_of(folder) == [3, 5, 7] == Window(folder).rows
    assert not list(folder.glob(".*"))  # no lock is left


def test_two_rulers_at_the_same_place_are_two(folder):
    one, other = Window(folder), Window(folder)
    one.measured.add(ruler(3))
    other.measured.add(ruler(3))
    assert rows_of(folder) == [3, 3]
    other.measured.add(*read(folder / "scan.tsv", GRID))
    assert rows_of(folder) == [3] * 4


def test_a_table_without_keys_gets_the_same_ones_in_both_windows(folder):
    KeptMeasurements(folder).keep("scan", (ruler(3), ruler(5)), GRID, "Ann", "FLAIR")
    path = folder / "scan.tsv"
    lines = [line.rsplit("\t", 1)[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    one, other = Window(folder), Window(folder)
    other.measured.delete(0)
    one.measured.add(ruler(7))
    assert rows_of(folder) == [5, 7]


def test_keys_that_are_twice_in_a_table_are_told_apart(folder):
    same = replace(ruler(5), key="0123456789abcdef")
    KeptMeasurements(folder).keep("scan", (replace(ruler(3), key=same.key), same), GRID, "Ann", "FLAIR")
    assert len({one.key for one in read(folder / "scan.tsv", GRID)}) == 2


def test_a_window_waits_for_another_that_is_writing(folder, monkeypatch):
    one = Window(folder)
    one.measured.add(ruler(3))
    waited = []
    with claimed(folder):
        monkeypatch.setattr(kept_module.time, "sleep", waited.append)
        with pytest.raises(InputError):
            one.kept.keep("scan", (ruler(5),), GRID, "Ann", "FLAIR")
        assert rows_of(folder) == [3]
    assert math.isclose(sum(waited), 0.95)
    one.measured.add(ruler(5))
    assert rows_of(folder) == [3, 5]
