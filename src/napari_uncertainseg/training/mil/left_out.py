"""What networks say of patients, or of sources, that they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.progress.parts import part_of
from napari_uncertainseg.training.mil.auxiliary import AuxiliaryTask
from napari_uncertainseg.training.mil.bags import Bag
from napari_uncertainseg.training.mil.fit import FitSetting, fit, read_bags
from napari_uncertainseg.training.mil.table_rules import labels_of_patients

FOLDS = 5


@dataclass(frozen=True, eq=False)
class LeftOutBags:
    """What was said of bags by networks that had not seen their group.

    Attributes
    ----------
    probabilities
        float64 (bags,), the members' mean; NaN where nothing could be trained without the group.
    attention
        For each bag float64 (instances,); empty where nothing could be trained.
    """

    probabilities: np.ndarray
    attention: tuple[np.ndarray, ...]


def patient_folds(labels: np.ndarray, patients: Sequence[str], seed: int = 0) -> np.ndarray:
    """A fold for each bag, all bags of a patient in one, each fold with about as many patients of each label.

    Parameters
    ----------
    labels
        bool (bags,). Visits of one patient may differ.
    patients
        Whose bag it is.
    seed
        Of the order.

    Returns
    -------
    np.ndarray
        int (bags,).

    Raises
    ------
    InputError
        If there are fewer than four patients, two with the label and two without it; one whose visits differ
        counts as both.
    """
    known = labels_of_patients(labels, patients)
    names = list(known)
    having, lacking = (sum(label in own for own in known.values()) for label in (True, False))
    order = np.random.default_rng(seed)
    count, dealt = min(FOLDS, having, lacking), 0
    fold: dict[str, int] = {}
    for kind in ({True}, {True, False}, {False}):
        alike = [name for name in names if known[name] == kind]
        for i in order.permutation(len(alike)):
            fold[alike[i]] = dealt % count
            dealt += 1
    return np.array([fold[who] for who in patients])


def left_out_bags(
    bags: Sequence[Bag],
    labels: np.ndarray,
    groups: np.ndarray,
    setting: FitSetting | None = None,
    auxiliary: AuxiliaryTask | None = None,
    progress: Progress = silent,
    *,
    patients: Sequence[str] = (),
) -> LeftOutBags:
    """Leave each group out, train on the others, and read it.

    Parameters
    ----------
    bags
        Of all patients.
    labels
        bool (bags,).
    groups
        Of each bag; such as its fold or its source.
    setting, auxiliary
        As for `fit`.
    progress
        Told which group; what it raises ends the work.
    patients
        Whose bag it is. Nothing is learned from further bags of a group's patients, such as the visit in
        another hospital; where this is empty, no patient has bags in two groups.
    """
    said, attention = np.full(len(bags), np.nan), [np.zeros(0)] * len(bags)
    known, names = list(dict.fromkeys(groups.tolist())), np.array(patients or range(len(bags)))
    for number, group in enumerate(known):
        inside: list[int] = np.flatnonzero(groups == group).tolist()
        rest: list[int] = np.flatnonzero((groups != group) & ~np.isin(names, names[inside])).tolist()
        if len(set(labels[rest].tolist())) < 2 or not any(len(bags[i]) for i in rest):
            continue
        what = f"left out: {number + 1} of {len(known)}"
        part = part_of(progress, number / len(known), (number + 1) / len(known), what)
        task = None if auxiliary is None else auxiliary.part(rest)
        fitted = fit([bags[i] for i in rest], labels[rest], setting, task, part)
        probabilities, own = read_bags(fitted.networks, [bags[i] for i in inside])
        said[inside] = probabilities.mean(axis=0)
        for i, one in zip(inside, own, strict=True):
            attention[i] = one
    return LeftOutBags(said, tuple(attention))
