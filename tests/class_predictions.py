"""A prediction of a model with three classes, without a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.classes import entropy

NAMES = ("background", "oedema", "tumour core")


def with_classes(prediction: Prediction, target: tuple[int, ...] = (1, 2), *, overlapping: bool = False):
    """The same prediction of a model with three classes: the core lies where the target is likeliest."""
    brain = prediction.brain
    box = tuple(slice(int(x.min()), int(x.max()) + 1) for x in np.nonzero(brain))
    inside, p = brain[box], prediction.probability[box]
    core = p**3 * 0.8
    p = np.where(inside, np.stack([1 - p, p - core, core]), 0).astype(np.float16)
    doubt = np.zeros(inside.shape, np.float32)
    doubt[inside] = entropy(p[:, inside].astype(np.float32))
    classes = Classes(
        NAMES,
        target,
        box,
        inside,
        p,
        None if overlapping else doubt,
        None if overlapping else doubt / 10,
    )
    about = {
        "target": "tumour",
        "classes": list(NAMES),
        "target_classes": [NAMES[number] for number in target],
    }
    return replace(prediction, classes=classes, information={**prediction.information, **about})


def label_map(prediction: Prediction, seed: int = 0) -> np.ndarray:
    """Labels drawn from the probabilities of the classes: they are well calibrated."""
    classes = prediction.classes
    assert classes is not None
    p = classes.probability.astype(float).cumsum(axis=0)
    drawn = (np.random.default_rng(seed).random(classes.inside.shape) >= p[:-1]).sum(axis=0)
    return classes.on_grid(np.where(classes.inside, drawn, 0), prediction.grid.shape).astype(np.uint8)
