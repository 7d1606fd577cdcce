"""Lesions as shapes in the patient's space, each with its row of the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.shapes.columns import DOUBT, LABEL, PLACE
from napari_uncertainseg.evaluate.shapes.mesh_files import NamedMesh
from napari_uncertainseg.evaluate.written_results import measured_lesions, read_summary, result_file
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.shapes.mesh import Mesh, mesh_of
from napari_uncertainseg.lesions.shapes.shape import shape_of

NOT_STATED = "not stated"
_BAND = re.compile(r"(\d{1,3})-(\d{1,3})|\d{1,3}\+|<\d{1,3}")
_LONGEST = 80


@dataclass(frozen=True)
class Origin:
    """What goes into each row, and is only known to who exports.

    Attributes
    ----------
    name
        With which the names of all files begin, such as ``dataset_patient``.
    source, licence
        Of the scan.
    age_band, sex
        Empty where they are not to be told.
    """

    name: str
    source: str = NOT_STATED
    licence: str = NOT_STATED
    age_band: str = ""
    sex: str = ""

    def columns(self) -> dict[str, str]:
        """Of a row of the table; age band and sex only where they are said."""
        told = {"age_band": self.age_band, "sex": self.sex}
        return {"source": self.source, "licence": self.licence, **{k: v for k, v in told.items() if v}}


@dataclass(frozen=True, eq=False)
class LesionShape(NamedMesh):
    """One lesion; its row is that of the table, see docs/shapes.md.

    Attributes
    ----------
    mask
        bool, its box and a voxel around it.
    grid
        Of the mask.
    """

    mask: np.ndarray
    grid: Grid


@dataclass(frozen=True, eq=False)
class Collection:
    """The lesions of a folder of results.

    Attributes
    ----------
    labels
        Of the lesions, on `grid`.
    grid
        The scan's.
    said
        Doubt and place by the lesion's number; NaN and empty where they are not known.
    origin
        What is only known to who exports.
    about
        What made the lesions, JSON-serialisable; no path.
    """

    labels: np.ndarray
    grid: Grid
    said: pd.DataFrame
    origin: Origin
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Of lesions."""
        return len(self.said)

    def shapes(self) -> Iterator[LesionShape]:
        """Each lesion, by its number."""
        boxes = ndimage.find_objects(self.labels)
        for label, said in zip(self.said.index.tolist(), self.said.to_dict("records"), strict=True):
            yield _shape(self, label, boxes[label - 1], {str(name): value for name, value in said.items()})


def as_name(text: str) -> str:
    """A text as the beginning of file names: letters, digits, dots, lines."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.")[:_LONGEST] or "lesions"


def check_age_band(text: str) -> str:
    """See that an age is told as a band, such as ``40-49``, ``80+`` or ``<18``.

    Raises
    ------
    InputError
        If it is another text, or a single year.
    """
    found = _BAND.fullmatch(text)
    if not found or (found[1] and int(found[1]) >= int(found[2])):
        raise InputError(f"'{text}' is no age band; name two ages such as 40-49, or 80+ or <18.")
    return text


def read_collection(folder: Path, origin: Origin, places: pd.DataFrame | None = None) -> Collection:
    """Read the lesions of a folder of results.

    Parameters
    ----------
    folder
        That `segment` or the window wrote.
    origin
        What is only known to who exports.
    places
        With the columns ``label`` and ``place``, such as `places_of_results` makes it; None where places are
        not to be told.

    Raises
    ------
    InputError
        If a file is missing, was changed, or is not as this program writes it, or places are of others.
    """
    summary = read_summary(folder)
    image = read_labels(result_file(folder, "lesions"))
    labels = image.data.astype(np.int32)
    numbers = np.unique(labels[labels > 0])
    said = pd.DataFrame(index=pd.Index(numbers, name=LABEL))
    said[DOUBT] = _column(measured_lesions(folder, (DOUBT,)), DOUBT, folder, float)
    if places is not None:
        said[PLACE] = _column(places, PLACE, "The table of places", str)
        if said[PLACE].isna().any():
            missing = ", ".join(map(str, said.index[said[PLACE].isna()][:5]))
            raise InputError(f"The table of places lacks lesions of {folder} (such as {missing}).")
    about = {name: getattr(summary, name) for name in ("model", "model_sha256", "method", "threshold")}
    return Collection(labels, image.grid, said, origin, about)


def places_in(table: pd.DataFrame, folder: Path, path: Path) -> pd.DataFrame:
    """The rows of a table that `places` wrote which are of a folder of results.

    Parameters
    ----------
    table
        Perhaps of several folders, in its column ``folder``.
    folder
        Of results.
    path
        Of the table, for errors.

    Raises
    ------
    InputError
        If it has no row of that folder, while it has a column ``folder``.
    """
    if "folder" not in table:
        return table
    same = [_same(Path(str(one)), folder) for one in table["folder"]]
    if len(table) and not any(same):
        raise InputError(f"{path}: no row is of the folder {folder}; write the table again.")
    return table[same]


def _same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError, ValueError):
        return False


def _column(table: pd.DataFrame, name: str, where: object, kind: Callable[[Any], Any]) -> pd.Series:
    """A column by the lesion's number."""
    cells, numbers = [kind(one) for one in table[name]], table[LABEL].astype(int)
    found = pd.Series(cells, pd.Index(numbers), dtype=float if kind is float else object)
    if found.index.has_duplicates:
        raise InputError(f"{where}: a lesion is there twice.")
    return found


def _shape(
    collection: Collection, label: int, box: tuple[slice, ...], said: Mapping[str, Any]
) -> LesionShape:
    start = np.array([one.start for one in box])
    mask = collection.labels[box] == label
    affine = collection.grid.affine
    mesh = mesh_of(mask).shifted(start).moved(affine)
    around = affine.copy()
    around[:3, 3] += affine[:3, :3] @ (start - 1)
    padded = np.pad(mask, 1)
    a, b, c = padded.shape
    grid = Grid((a, b, c), around, collection.grid.stored)
    name = f"{collection.origin.name}_lesion_{label:03d}"
    row = {"name": name, LABEL: label, **said, **_measures(mesh, mask, affine)}
    centre = affine[:3, :3] @ (np.argwhere(mask).mean(0) + start) + affine[:3, 3]
    row |= dict(zip(("x_mm", "y_mm", "z_mm"), centre.tolist(), strict=True))
    return LesionShape(name, mesh, row | collection.origin.columns(), padded, grid)


def _measures(mesh: Mesh, mask: np.ndarray, affine: np.ndarray) -> dict[str, Any]:
    shape = shape_of(mesh, mask, affine[:3, :3])
    voxels = int(np.count_nonzero(mask))
    low, high = mesh.points.min(0).tolist(), mesh.points.max(0).tolist()
    return {
        "voxels": voxels,
        "voxels_mm3": voxels * abs(float(np.linalg.det(affine[:3, :3]))),
        "mesh_mm3": shape.mesh_mm3,
        "surface_mm2": shape.surface_mm2,
        "sphericity": shape.sphericity,
        "elongation": shape.elongation,
        "flatness": shape.flatness,
        **{f"{axis}_min_mm": value for axis, value in zip("xyz", low, strict=True)},
        **{f"{axis}_max_mm": value for axis, value in zip("xyz", high, strict=True)},
        "parts": mesh.parts,
        "euler": mesh.euler,
        "watertight": "yes" if mesh.watertight else "no",
        "points": len(mesh.points),
        "triangles": len(mesh.triangles),
    }
