"""What is measured of each lesion, as features of its case: number, load, means, and where lesions lie."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.drivers.definitions import (
    CONTRAST,
    PLACE,
    PLACES,
    UNKNOWN,
    driver_columns,
    driver_of,
)

LESIONS, LOAD = "lesions", "lesion load, ml"
_MEANS = ("volume_mm3", "sphericity", "noise", "slice_mm", "neighbours")
"""Of these and of the contrasts the mean is taken. Surface, elongation, flatness and distances say much the
same, and each more feature makes every test harder to pass."""


def features_of_lesions(rows: pd.DataFrame, case_of: pd.Series) -> pd.DataFrame:
    """A row for each case.

    Parameters
    ----------
    rows
        A row for each lesion, with columns of `drivers.definitions`; others are not looked at.
    case_of
        The case of each row.

    Returns
    -------
    pandas.DataFrame
        By case: the number of lesions, their whole volume, means over the lesions, and the share of the
        lesions whose place is known that lie in each place; float64.

    Raises
    ------
    InputError
        If none of the columns is there, or one of them holds a text.
    """
    columns = [
        name
        for name in driver_columns(list(rows.columns))
        if name in _MEANS or name.startswith(CONTRAST) or name == PLACE
    ]
    if not columns:
        raise InputError("The lesions have none of the columns that `uncertainseg drivers` measures.")
    found = {LESIONS: rows.groupby(case_of).size().astype(float)}
    for name in columns:
        if name == PLACE:
            found |= _shares(rows[PLACE], case_of)
            continue
        try:
            values = rows[name].replace("", np.nan).astype(float)
        except (TypeError, ValueError) as error:
            raise InputError(f"The column {name} of the lesions should be numbers.") from error
        driver = driver_of(name)
        unit = f", {driver.unit}" if driver.unit and driver.unit != "SD" else ""
        if name == "volume_mm3":
            found[LOAD] = values.groupby(case_of).sum() / 1000
        title = driver.title[:1].lower() + driver.title[1:]
        found[title + unit if name == "slice_mm" else f"mean {title}{unit}"] = values.groupby(case_of).mean()
    return pd.DataFrame(found)


def _shares(places: pd.Series, case_of: pd.Series) -> dict[str, pd.Series]:
    """Of the lesions of each case whose place is known; nothing where none is."""
    known = places.astype(str).str.strip().where(lambda text: text.isin(list(PLACES)) & (text != UNKNOWN))
    if known.isna().all():
        return {}
    number = known.notna().groupby(case_of).sum()
    return {
        f"share of lesions {words}": (known == place).groupby(case_of).sum() / number.where(number > 0)
        for place, words in PLACES.items()
    }
