"""Which way a metric is better: of metrics that this program writes, known; of others, told by the user."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from napari_uncertainseg._base import InputError

HIGH, LOW = "high", "low"

KNOWN: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "dice",
            "best_dice",
            "jaccard",
            "iou",
            "lesion_f1",
            "lesion_f1_adjusted",
            "lesion_precision",
            "lesion_recall",
            "precision",
            "recall",
            "sensitivity",
            "specificity",
            "surface_dice",
            "nsd",
            "lesion_auroc",
            "voxel_auroc",
            "lesion_aupr",
            "voxel_aupr",
        ),
        HIGH,
    ),
    **dict.fromkeys(
        (
            "ece",
            "ace",
            "mce",
            "brier",
            "nll",
            "crps",
            "hd95_mm",
            "hd95",
            "hausdorff",
            "assd",
            "lesions_missed",
            "lesions_invented",
            "ndsc_above",
            "true_lesions_above",
        ),
        LOW,
    ),
}
"""Names of columns in small letters."""
_NO_LIMIT = ("nll", "crps", "hd95_mm", "hd95", "hausdorff", "assd", "lesions_missed", "lesions_invented")
"""From 0 on; all others that are known are shares."""
_LARGEST = dict.fromkeys(_NO_LIMIT, math.inf) | {"brier": 2.0}
"""Brier's own score over all classes reaches 2, that of one class 1."""
_ROUNDING = 1e-6
USUAL = ("dice", "lesion_f1", "surface_dice", "ace")
"""What is ranked where nothing is said: a table of `evaluate` has many metrics, which say much the same."""


def directions(said: Sequence[str], columns: Iterable[str], source: str) -> dict[str, bool]:
    """Metrics to rank by, and whether high values of each are good.

    Parameters
    ----------
    said
        Names of columns, each perhaps with ``=high`` or ``=low``; none for `USUAL`, or all that are known.
    columns
        Of the table.
    source
        The table, for messages.

    Returns
    -------
    dict of str to bool
        In the order said.

    Raises
    ------
    InputError
        If a column is missing, a metric is told twice, or it is not known which way one is better.
    """
    there = list(columns)
    if not said:
        known = {name: KNOWN[name.lower()] == HIGH for name in there if name.lower() in KNOWN}
        if not known:
            raise InputError(
                f"{source} has no metric that is known here; name one and what is good, as in --metric "
                f"NAME=high or --metric NAME=low. Its columns are {', '.join(there)}."
            )
        return {name: high for name, high in known.items() if name.lower() in USUAL} or known
    found: dict[str, bool] = {}
    for one in said:
        name, high = _direction(one, there, source)
        if name in found:
            raise InputError(f"The metric {name} is given twice; give it once.")
        found[name] = high
    return found


def _direction(said: str, columns: Sequence[str], source: str) -> tuple[str, bool]:
    name, mark, word = (said, "", "") if said in columns else said.rpartition("=")
    if name not in columns:
        raise InputError(f"{source} has no column {name or said!r}; it has {', '.join(columns)}.")
    if mark and word not in (HIGH, LOW):
        raise InputError(f"{said}: what is good should be high or low, as in {name}=high.")
    if not mark:
        word = KNOWN.get(name.lower(), "")
    if not word:
        raise InputError(
            f"It is not known whether high or low values of {name} are good: say {name}=high or {name}=low."
        )
    return name, word == HIGH


def impossible(metric: str, value: float) -> str:
    """Why a value cannot be one of a metric that is known here, and what would be right; empty if it can.

    Parameters
    ----------
    metric
        Name of a column.
    value
        NaN where it is missing.
    """
    name = metric.lower()
    if name not in KNOWN or math.isnan(value):
        return ""
    largest = _LARGEST.get(name, 1.0)
    if -_ROUNDING <= value <= largest + _ROUNDING:
        return ""
    if math.isinf(largest):
        return f"{metric} is {value:g}; it cannot be below 0."
    hint = ""
    if largest < value <= 100:
        hint = " Is it in percent? Then divide the values by 100."
    return f"{metric} is {value:g}; it lies between 0 and {largest:g}.{hint}"


def reversed_sentence(metric: str, high: bool) -> str:
    """That a metric was ranked against what is known of it; empty if it was not.

    Parameters
    ----------
    metric
        Name of a column.
    high
        Whether high values counted as good.
    """
    asked, usual = (HIGH, LOW) if high else (LOW, HIGH)
    if KNOWN.get(metric.lower(), asked) == asked:
        return ""
    return (
        f"{asked.capitalize()} values of {metric} counted as good, as was asked for; of this metric {usual} "
        "values are good, so the order may be upside down."
    )
