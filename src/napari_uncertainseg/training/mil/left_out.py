"""What networks say of patients, or of sources, that they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.training.mil.auxiliary import AuxiliaryTask
from napari_uncertainseg.training.mil.bags import Bag
from napari_uncertainseg.training.mil.fit import FitSetting, fit, read_bags
from napari_uncertainseg.training.mil.progress import part_of

FOLDS = 5
FEWEST = 2
"""Patients of each label, for one to be left out."""


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

    A patient whose visits differ in the label counts as one with it.

    Parameters
    ----------
    labels
        bool (bags,).
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
        If there are fewer than two patients with the label, or without it.
    """
    names = list(dict.fromkeys(patients))
    own = np.array([any(labels[i] for i, who in enumerate(patients) if who == name) for name in names], bool)
    rarer = int(min(own.sum(), (~own).sum()))
    if rarer < FEWEST:
        raise InputError(
            f"Of {len(names)} patients {int(own.sum())} have the label: at least {FEWEST} patients with it "
            f"and {FEWEST} without it are needed."
        )
    order = np.random.default_rng(seed)
    fold = dict.fromkeys(names, 0)
    count, position = min(FOLDS, rarer), 0
    for label in (True, False):
        for i in order.permutation(np.flatnonzero(own == label)):
            fold[names[i]] = position % count
            position += 1
    return np.array([fold[who] for who in patients])


def left_out_bags(
    bags: Sequence[Bag],
    labels: np.ndarray,
    groups: np.ndarray,
    setting: FitSetting | None = None,
    auxiliary: AuxiliaryTask | None = None,
    progress: Progress = silent,
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
    """
    said, attention = np.full(len(bags), np.nan), [np.zeros(0)] * len(bags)
    known = list(dict.fromkeys(groups.tolist()))
    for number, group in enumerate(known):
        inside: list[int] = np.flatnonzero(groups == group).tolist()
        rest: list[int] = np.flatnonzero(groups != group).tolist()
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
