"""What `uncertainseg drivers` writes: tables, a figure and the fitted models, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from napari_uncertainseg.disk.new_folder import new_folder
from napari_uncertainseg.explain.drivers.design import title_of_number
from napari_uncertainseg.explain.drivers.figure import drivers_figure
from napari_uncertainseg.explain.drivers.model import FILE, DriversFile, save_drivers
from napari_uncertainseg.explain.drivers.sentences import describe
from napari_uncertainseg.explain.drivers.statistics.doubt_drivers import DoubtDrivers
from napari_uncertainseg.export import write_table
from napari_uncertainseg.figures import can_draw

LESIONS, CORRELATIONS, SHARES, FITS = "lesions.tsv", "correlations.tsv", "groups.tsv", "fits.tsv"
FIGURE = "drivers"
"""Begin of the names of the figure's files."""


def write_drivers(
    folder: Path, rows: pd.DataFrame, found: Sequence[DoubtDrivers], about: str = "", model_sha256: str = ""
) -> None:
    """Write what was found into a new folder.

    Parameters
    ----------
    folder
        That is not there, or empty.
    rows
        Of the lesions.
    found
        For each measure; at least one.
    about, model_sha256
        Of the file of drivers.

    Raises
    ------
    InputError
        If the folder holds something, or cannot be written.
    """
    with new_folder(folder) as whole:
        write_table(whole / LESIONS, rows)
        for name, table in tables(found).items():
            write_table(whole / name, table)
        models = {one.measure: one.model for one in found}
        save_drivers(
            DriversFile(version=1, model_sha256=model_sha256, about=about, measures=models), whole / FILE
        )
        if can_draw():
            figure = drivers_figure(found)
            for ending in ("png", "svg"):
                figure.savefig(whole / f"{FIGURE}.{ending}", dpi=150)


def tables(found: Sequence[DoubtDrivers]) -> dict[str, pd.DataFrame]:
    """The tables by their files' names, a row for each measure, and driver or group."""
    correlations = [
        one.correlations.rename_axis("driver").reset_index().assign(measure=one.measure) for one in found
    ]
    every = pd.concat(correlations, ignore_index=True)
    every.insert(1, "title", [title_of_number(name) for name in every["driver"]])
    groups = [one.groups.rename_axis("group").reset_index().assign(measure=one.measure) for one in found]
    return {
        CORRELATIONS: _measure_first(every),
        SHARES: _measure_first(pd.concat(groups, ignore_index=True)),
        FITS: pd.DataFrame([_fit(one) for one in found]),
    }


def _measure_first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["measure", *table.columns.drop("measure")]]


def _fit(one: DoubtDrivers) -> dict[str, object]:
    return {
        "measure": one.measure,
        "lesions": one.lesions,
        "patients": one.patients,
        **dict(zip(("r2", "r2_low", "r2_high"), one.r2, strict=True)),
        **dict(zip(("within", "within_low", "within_high"), one.within, strict=True)),
        **dict(zip(("chance_low", "chance_high"), one.null, strict=True)),
        "p": one.p,
        "sentence": describe(one),
    }
