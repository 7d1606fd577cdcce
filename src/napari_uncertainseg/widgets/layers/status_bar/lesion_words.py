"""What napari's status bar says of a lesion under the mouse."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_uncertainseg.networks.real_probability import P_REAL

_SHOWN = {"label": "label", "doubt": "doubt", "mean_probability": "mean p", "volume_mm3": "mm³"}
"""Columns of the ranking that are shown, and their names there."""


def lesion_words(table: pd.DataFrame) -> pd.DataFrame:
    """Few words of each lesion.

    Parameters
    ----------
    table
        The ranking.

    Returns
    -------
    pandas.DataFrame
        Row i for label i, as `features` of a layer of labels.
    """
    shown = table[list(_SHOWN)].rename(columns=_SHOWN).set_index("label", drop=False)
    if P_REAL in table:  # is understood at once; the list has the doubt
        real = [None if np.isnan(p) else f"{100 * p:.0f} %" for p in table[P_REAL]]
        shown.insert(1, "real", real)
        shown = shown.drop(columns="doubt")
    if table["drawn"].any():  # the status bar has little room
        shown["drawn"] = table["drawn"].map({True: "by hand", False: None})
    return shown.reindex(range(int(table["label"].max()) + 1 if len(table) else 1)).reset_index(drop=True)
