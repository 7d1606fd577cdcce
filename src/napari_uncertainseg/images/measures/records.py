"""Measurements as a reader made them, and the table in which they are saved."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.columns import Column, Layout, a_number, any_text, one_of, perhaps, read_table
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.tables import Row, as_tsv, read_rows
from napari_uncertainseg.images.measures.brightness import Values
from napari_uncertainseg.images.measures.shapes import PLANES, Slice, length_mm, to_patient, to_voxels
from napari_uncertainseg.images.volume import Grid

FILE = "measurements.tsv"
"""What the table is called in a folder of results."""
RULER = "ruler"
KINDS = {RULER: 2, "ellipse": 2, "polygon": 3, "lesion": 1}
"""Kinds of measurements, and the fewest points of each."""
_MOST_POINTS = 10_000
_MOST_ROWS = 100_000
_NUMBERS = ("length_mm", "voxels", "volume_ml", "area_mm2")
_KEY = re.compile(r"[0-9a-f]{16}")
_VALUES = ("mean", "sd", "minimum", "maximum")
_TABLE = Layout(
    "a table of measurements",
    "measurement",
    (
        Column("number", any_text("the number of the measurement")),
        Column("kind", one_of(f"one of {', '.join(KINDS)}", tuple(KINDS))),
        Column("name", any_text("what is measured"), filled=False),
        Column("plane", one_of(f"one of {', '.join(PLANES)}", PLANES)),
        Column("slice", any_text("the number of the slice"), filled=False),
        Column("points_ras_mm", any_text("places of three numbers, with ';' between")),
        *(Column(name, a_number(), filled=False) for name in _NUMBERS),
        *(perhaps(name, a_number()) for name in ("with_value", "without_value", *_VALUES)),
    ),
    further="what was measured of each image",
    may_be_empty=True,
)


@dataclass(frozen=True)
class Measurement:
    """A ruler or a region.

    Attributes
    ----------
    kind
        One of `KINDS`.
    points
        The ends of a ruler, opposite corners of an ellipse's box, corners of a polygon, or a voxel of a
        lesion: (s, a, r) voxels of the scan on which it was drawn, which need not be whole numbers.
    where
        The slice in which it was drawn; of a lesion, one that cuts it.
    name
        Of a lesion, such as ``"lesion 7"``; otherwise empty.
    length_mm
        Of a ruler, else NaN.
    voxels, volume_ml, area_mm2
        Of a region, else NaN or 0; the area of one in a slice.
    values
        Brightness in a region, for each scan and map, as it was when it was drawn.
    key
        Tells it from all others, also from one at the same place, wherever it is shown.
    """

    kind: str
    points: tuple[tuple[float, float, float], ...]
    where: Slice
    name: str = ""
    length_mm: float = math.nan
    voxels: int = 0
    volume_ml: float = math.nan
    area_mm2: float = math.nan
    values: tuple[Values, ...] = ()
    key: str = field(default_factory=lambda: secrets.token_hex(8), compare=False)


def _own_number(where: Slice) -> int:
    return where.index


def as_table(
    measured: Sequence[Measurement],
    grid: Grid,
    case: str,
    scan: str,
    shown: Callable[[Slice], int] = _own_number,
) -> pd.DataFrame:
    """One row for each ruler, and one for each region and image.

    Parameters
    ----------
    measured
        In the order of their numbers, which begin at 1.
    grid
        Of the scan on which they were drawn: their points are written in the patient's millimetres (RAS).
    case, scan
        What both are called.
    shown
        Number of a slice as the reader saw it; its own without one. It is not read again: places count.
    """
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(measured, 1):
        about = {
            "case": case,
            "number": number,
            "kind": one.kind,
            "name": one.name,
            "scan": scan,
            "plane": PLANES[one.where.axis],
            "slice": shown(one.where),
            "length_mm": one.length_mm,
            "voxels": one.voxels if one.kind != RULER else None,
            "volume_ml": one.volume_ml,
            "area_mm2": one.area_mm2,
        }
        points = _as_text(to_patient(np.array(one.points), grid))
        rows += [
            about | _about(values) | {"points_ras_mm": points, "key": one.key}
            for values in one.values or (None,)
        ]
    columns = list(_row_of_none())
    return pd.DataFrame(rows, columns=columns)


def as_text(
    measured: Sequence[Measurement],
    grid: Grid,
    case: str,
    scan: str,
    shown: Callable[[Slice], int] = _own_number,
) -> str:
    """The same as tab-separated text."""
    return as_tsv(as_table(measured, grid, case, scan, shown))


def write(
    path: Path,
    measured: Sequence[Measurement],
    grid: Grid,
    case: str,
    scan: str,
    shown: Callable[[Slice], int] = _own_number,
) -> None:
    """Write the table; one that is there is replaced whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    text = as_text(measured, grid, case, scan, shown)
    with replaced_file(path) as file:
        file.write(text.encode("utf-8"))


def read(path: Path, grid: Grid) -> list[Measurement]:
    """Read the table of measurements that were made on a scan with this grid.

    Raises
    ------
    InputError
        If it is no such table, or what it holds does not lie in slices of the scan.
    """
    table = read_table(path, _TABLE)
    if len(table.rows) > _MOST_ROWS:
        raise InputError(f"{path} has more than {_MOST_ROWS} rows, too many for a table of measurements.")
    found: dict[str, Measurement] = {}
    values: dict[str, list[Values]] = {}
    for row in table.rows:
        own = row["number"]
        if own not in found:
            found[own] = _measurement(row, grid, f"{path}, row {row.line}")
        values.setdefault(own, []).extend(_values(row))
    keys: set[str] = set()
    made = []
    for own, one in found.items():
        key = one.key if one.key not in keys else _key_of(f"{one.key} {own}")
        keys.add(key)
        made.append(replace(one, values=tuple(values[own]), key=key))
    return made


def cases_in(path: Path) -> list[str]:
    """Names of the cases on which the measurements of a table were made, as far as it says so.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    return [name for name in dict.fromkeys(row.name("case") for row in read_rows(path).rows) if name]


def _about(values: Values | None) -> dict[str, Any]:
    if values is None:
        return {}
    return {
        "image": values.image,
        "unit": values.unit,
        "with_value": values.voxels,
        "without_value": values.missing,
        **{name: getattr(values, name) for name in _VALUES},
        "how": "interpolated" if values.interpolated else "voxels",
    }


def _row_of_none() -> tuple[str, ...]:
    first = ("case", "number", "kind", "name", "scan", "plane", "slice", *_NUMBERS)
    return (*first, "image", "unit", "with_value", "without_value", *_VALUES, "how", "points_ras_mm", "key")


def _as_text(points: np.ndarray) -> str:
    return "; ".join(" ".join(f"{value:.3f}" for value in point) for point in points)


def _measurement(row: Row, grid: Grid, where: str) -> Measurement:
    kind, plane = row["kind"].casefold(), row["plane"].casefold()
    points = to_voxels(_points(row["points_ras_mm"], KINDS[kind], where), grid)
    axis = PLANES.index(plane)
    index = round(float(points[:, axis].mean()))
    inside = 0 <= index < grid.shape[axis]
    if not inside or (kind != "lesion" and np.abs(points[:, axis] - index).max() > 0.5):
        raise InputError(f"{where}: it lies in no {plane} slice of this scan: it was made on another one.")
    length, voxels, volume, area = map(row.number, _NUMBERS)
    drawn = tuple((float(s), float(a), float(r)) for s, a, r in points)
    count = 0 if math.isnan(voxels) else int(voxels)
    own = Slice(axis, index)
    if kind == RULER:  # what the places say counts: somebody may have changed one of the two
        length = length_mm(points, grid)
    name, key = row.name("name")[:80], row.get("key")
    if not _KEY.fullmatch(key):  # of a table that was written before measurements had one
        key = _key_of(f"{kind} {name} {plane} {row['points_ras_mm']}")
    return Measurement(kind, drawn, own, name, length, count, volume, area, key=key)


def _key_of(text: str) -> str:
    """The same for the same text, so that two windows agree on it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _points(text: str, fewest: int, where: str) -> np.ndarray:
    parts = text.split(";")
    try:
        points = np.array([[float(value) for value in part.split()] for part in parts[: _MOST_POINTS + 1]])
    except ValueError:
        points = np.empty((0, 0))
    fits = points.ndim == 2 and points.shape[1:] == (3,) and fewest <= len(points) <= _MOST_POINTS
    if not fits or not np.isfinite(points).all() or np.abs(points).max() > 1e6:
        raise InputError(
            f"{where}: points_ras_mm should be {fewest} or more places of three numbers, with ';' between."
        )
    return points


def _values(row: Row) -> tuple[Values, ...]:
    image = row.known("image")[:80]
    if not image:
        return ()
    counts = map(row.number, ("with_value", "without_value"))
    n, missing = (0 if math.isnan(count) else int(count) for count in counts)
    mean, sd, low, high = map(row.number, _VALUES)
    interpolated = row.get("how") == "interpolated"
    return (Values(image, row.known("unit")[:40], n, missing, mean, sd, low, high, interpolated),)
