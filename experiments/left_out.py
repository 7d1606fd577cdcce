"""Predictions of sources that a model has not seen, kept small: what is fitted and chosen on them.

Each scan goes the way of a user's (experiments/sources.py). Kept are the members' probabilities where the
mean is at least `FLOOR` or the mask has a voxel, and a histogram of all other voxels of the brain, none of
which is lesion. So a recalibration of the members, a threshold or a smallest lesion can be tried in moments.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sources import Scan, scans_at_hand

from napari_uncertainseg import Segmenter
from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.networks import brain
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.training.subjects import find_image, read_scans

HOSPITALS: Mapping[str, str] = {"MS3SEG": "Toshiba", "Sim-Vent": "Toshiba"}
"""Sources of one hospital are left out together; all others are hospitals of their own."""
FLOOR = 1e-3
"""Voxels of which the mean of the members is below this, and which are no lesion, are only counted."""
_EDGES = np.linspace(-20, 0, 81)
"""Of the histogram of those, in logits."""
_FARTHEST = 9.0
"""Logit of a member that is kept as 1: halves end there."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What a model said about a scan that it had not seen.

    Attributes
    ----------
    scan
        Whose it is.
    information
        Of the prediction.
    shape, spacing
        Of its grid; voxels and mm.
    threshold
        The model's own.
    where
        Flat positions of the voxels that are kept, (n,).
    members
        Their logits, float32 (members, n).
    truth, inside, near
        Whether each is lesion, in the brain, and at most 5 mm from a lesion of mask or outline; bool (n,).
    rest, rest_near
        Number of all other voxels of the brain, and of those near lesions, in bins of the mean's logit.
    """

    scan: Scan
    information: Mapping[str, Any]
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    threshold: float
    where: np.ndarray
    members: np.ndarray
    truth: np.ndarray
    inside: np.ndarray
    near: np.ndarray
    rest: np.ndarray
    rest_near: np.ndarray

    @property
    def hospital(self) -> str:
        """What is left out together with it."""
        return HOSPITALS.get(self.scan.source, self.scan.source)

    @property
    def voxel_volume(self) -> float:
        """mm3."""
        return float(np.prod(self.spacing))

    def mean(self, slope: float = 1.0, shift: float = 0.0) -> np.ndarray:
        """Mean of the members' recalibrated probabilities at `where`, float64 (n,)."""
        found: np.ndarray = expit(slope * self.members.astype(float) + shift).mean(0) * self.inside
        return found

    def image(self, values: np.ndarray) -> np.ndarray:
        """Values at `where` in a volume of the grid's shape, 0 elsewhere; of their type."""
        out = np.zeros(int(np.prod(self.shape)), values.dtype)
        out[self.where] = values
        return out.reshape(self.shape)


def rest_logits() -> np.ndarray:
    """Logits that stand for the bins of `LeftOut.rest`, (bins,)."""
    return (_EDGES[:-1] + _EDGES[1:]) / 2


def folds(said: Sequence[str]) -> list[tuple[str, frozenset[str]]]:
    """Models and the sources that each has not seen, from ``MODEL:SOURCE,SOURCE``."""
    found = []
    for text in said:
        model, colon, sources = text.rpartition(":")
        names = frozenset(name for name in sources.split(",") if name)
        if not (colon and model and names):
            raise InputError(f"--fold is MODEL:SOURCE,SOURCE, not '{text}'.")
        if any(names & others for _, others in found):
            raise InputError("A source is named in two folds: name each where it was left out.")
        found.append((model, names))
    return found


def predict_folds(
    said: Sequence[str], inputs: str, method: str, data: Path, keep: Path, *, seen: bool = False
) -> list[LeftOut]:
    """Predictions of all folds, from the folder where they are kept if they were made before.

    Parameters
    ----------
    said
        As for `folds`.
    inputs
        ``"flair"`` or ``"all"`` scans at hand.
    method
        Of the members.
    data
        The data folder.
    keep
        Where predictions are kept.
    seen
        Whether of all other sources, which each fold's model was trained on, in place of those left out.
    """
    known = {scan.source for scan in scans_at_hand(data)}
    found = []
    for model, sources in folds(said):
        if sources - known:
            raise InputError(f"There is no source {min(sources - known)}: name {', '.join(sorted(known))}.")
        # What is fitted is fitted to the network itself, whatever its folder already says.
        plain = replace(find_model(model), recalibrations=(), seen=None)
        segmenter = Segmenter(plain, method=method)
        for scan in scans_at_hand(data):
            if (scan.source in sources) != seen:
                found.append(_kept_or_made(segmenter, scan, inputs, data, keep))
    return found


def _kept_or_made(segmenter: Segmenter, scan: Scan, inputs: str, data: Path, keep: Path) -> LeftOut:
    model, finder = segmenter.model, sha256_of(brain.WEIGHTS)
    made = (model.sha256, model.temperature, segmenter.method, inputs, scan.prefix, finder)
    key = hashlib.sha256(json.dumps(made).encode()).hexdigest()[:24]
    path = keep / f"{key}.npz"
    if not path.exists():
        images = read_scans(data, scan.prefix)
        grid = images["flair"].grid
        mask = read_labels(find_image(data, scan.prefix, "lesion"), grid).data > 0
        if inputs == "flair":
            images = {"flair": images["flair"]}
        write(path, segmenter.predict(images), mask)
        print(f"{scan.prefix}: predicted", flush=True)
    return read(path, scan)


def write(path: Path, prediction: Prediction, mask: np.ndarray) -> None:
    """Keep what is needed of a prediction and its mask."""
    mean, brain, grid = prediction.probability, prediction.brain, prediction.grid
    kept = (mean >= FLOOR) | mask
    around = Region("lesions").mask(brain, mask | (mean >= prediction.threshold), grid.spacing)
    members = np.broadcast_to(mean, (len(prediction.members), *mean.shape)).copy()
    members[(slice(None), *prediction.members.box)] = prediction.members.values
    limit = expit(_FARTHEST)
    logits = logit(np.clip(members[:, kept].astype(float), 1 - expit(2 * _FARTHEST), limit))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        information=json.dumps(dict(prediction.information)),
        shape=mean.shape,
        spacing=grid.spacing,
        threshold=prediction.threshold,
        where=np.flatnonzero(kept),
        members=logits.astype(np.float16),
        truth=mask[kept],
        inside=brain[kept],
        near=around[kept],
        rest=_counts(mean[brain & ~kept]),
        rest_near=_counts(mean[around & ~kept]),
    )


def _counts(p: np.ndarray) -> np.ndarray:
    found = logit(np.clip(p.astype(float), 1e-8, 0.5 - 1e-8))
    return np.histogram(found, _EDGES)[0]


def read(path: Path, scan: Scan) -> LeftOut:
    """Read what `write` wrote."""
    with np.load(path, allow_pickle=False) as file:
        shape, spacing = (tuple(file[name].tolist()) for name in ("shape", "spacing"))
        arrays = {n: file[n] for n in ("where", "truth", "inside", "near", "rest", "rest_near")}
        members = file["members"].astype(np.float32)
        about = json.loads(str(file["information"]))
        return LeftOut(scan, about, shape, spacing, float(file["threshold"]), members=members, **arrays)
