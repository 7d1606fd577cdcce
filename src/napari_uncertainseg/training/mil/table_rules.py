"""What a table of patients must say for attention to be learned from it. Without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from napari_uncertainseg._base import InputError

SIZE = "size"
"""The auxiliary task that needs no column: how large each instance is."""
FEWEST = 2
"""Patients of each label, for one to be left out."""
_MOST_CLASSES = 20


def labels_of_patients(labels: np.ndarray, patients: Sequence[str]) -> Mapping[str, set[bool]]:
    """The labels of each patient.

    Parameters
    ----------
    labels
        bool, of each visit. Visits of one patient may differ.
    patients
        Whose visit it is.

    Raises
    ------
    InputError
        If there are fewer than four patients, two with the label and two without it; one whose visits differ
        counts as both.
    """
    names = list(dict.fromkeys(patients))
    known = {name: {bool(labels[i]) for i, who in enumerate(patients) if who == name} for name in names}
    having, lacking = (sum(label in own for own in known.values()) for label in (True, False))
    if len(names) < 2 * FEWEST or min(having, lacking) < FEWEST:
        raise InputError(
            f"Of {len(names)} patients {having} have the label and {lacking} lack it: {2 * FEWEST} patients "
            f"are needed, {FEWEST} with it and {FEWEST} without it."
        )
    return known


def numbers_of_cells(name: str, cells: Sequence[str]) -> tuple[list[float], int]:
    """What a column says of each bag: numbers if all cells are, else classes.

    Parameters
    ----------
    name
        Of the column, for messages.
    cells
        Texts, one for each bag; an empty one, ``n/a`` and ``nan`` are not known.

    Returns
    -------
    numbers, classes
        NaN where it is not known; the number of classes, 0 of numbers.

    Raises
    ------
    InputError
        If fewer than two different values are known, or more than 20 words.
    """
    texts = ["" if cell.strip().lower() in ("n/a", "nan") else cell.strip() for cell in cells]
    words = sorted({text for text in texts if text})
    if len(words) < 2:
        raise InputError(f"The column '{name}' holds fewer than two different values: it teaches nothing.")
    try:
        numbers = [float(text) if text else math.nan for text in texts]
        classes = 0
    except ValueError:
        numbers = [words.index(text) if text else math.nan for text in texts]
        classes = len(words)
    if classes > _MOST_CLASSES:
        raise InputError(f"The column '{name}' holds {classes} different words, more than {_MOST_CLASSES}.")
    return numbers, classes
