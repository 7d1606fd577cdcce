"""``uncertainseg evaluate``."""

from __future__ import annotations

import math
from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_uncertainseg.evaluate import Agreement, Evaluation

_ROWS = {
    "dice": "Dice",
    "lesion_f1": "lesion F1",
    "lesion_precision": "lesion precision",
    "lesion_recall": "lesion recall",
    "lesions_found": "lesions found",
    "lesions_missed": "lesions missed",
    "lesions_invented": "lesions invented",
    "volume_ml": "volume, ml",
    "reference_ml": "its volume, ml",
    "volume_difference_ml": "difference, ml",
    "ece": "ECE, brain",
    "ace": "ACE, brain",
    "mce": "MCE, brain",
}


def evaluate(options: Namespace) -> None:
    """Compare, show a table, and write the numbers where that is asked for."""
    from napari_uncertainseg.evaluate import evaluate_folder, write_json

    result = evaluate_folder(options.folder, options.reference, options.rater)
    if options.out is not None:
        write_json(result, options.out)
    print(table(result))


def table(evaluation: Evaluation) -> str:
    """The evaluation for the eye: a row for each measure, a column for each mask."""
    columns = {"reference": evaluation.reference, **evaluation.raters}
    width = max(12, *(len(name) + 2 for name in columns))
    lines = [" " * 18 + "".join(f"{name:>{width}}" for name in columns)]
    for key, title in _ROWS.items():
        lines.append(f"{title:18}" + "".join(f"{_cell(a, key):>{width}}" for a in columns.values()))
    lines += [f"Dice of {a} and {b}: {value:.3f}" for (a, b), value in evaluation.between.items()]
    return "\n".join(lines)


def _cell(agreement: Agreement, key: str) -> str:
    value = getattr(agreement, key)
    if isinstance(value, int):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.3f}"
