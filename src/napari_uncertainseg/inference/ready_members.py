"""Probability maps made elsewhere as the members of a prediction: no network runs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.identity import case_name, case_sha256
from napari_uncertainseg.images.preparation.found_brain import GIVEN, WHOLE
from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.images.probability_maps import read_probabilities
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.inference.prediction_accumulator import AccumulatedMaps, PredictionAccumulator
from napari_uncertainseg.inference.provenance import READY, describe_scan, versions
from napari_uncertainseg.inference.sampling import MAX_SAMPLES, Pass
from napari_uncertainseg.modalities import REFERENCE
from napari_uncertainseg.prediction.prediction import Prediction

MODEL = "maps made elsewhere"
"""What stands for the model and the method in the information of such a prediction."""


def predict_from_maps(
    scan: Volume,
    paths: Sequence[str | Path],
    *,
    mask: Volume | None = None,
    threshold: float = 0.5,
    modality: str = REFERENCE,
    progress: Progress = silent,
) -> Prediction:
    """Make a prediction of probability maps, one of each member.

    Parameters
    ----------
    scan
        That they are of.
    paths
        Of the maps, see `images.probability_maps.read_probabilities`.
    mask
        The user's brain mask, on the scan's grid: maps count within it only.
    threshold
        Probability at and above which a voxel is lesion.
    modality
        Of the scan.
    progress
        Called after each map; may raise ``Cancelled``.

    Raises
    ------
    InputError
        If there is no map, there are too many, one is named twice, or one cannot be used.
    """
    started = time.perf_counter()
    if not 1 <= len(paths) <= MAX_SAMPLES:
        raise InputError(f"There should be 1 to {MAX_SAMPLES} probability maps, not {len(paths)}.")
    _check_differ(paths)
    brain = _brain(scan, mask)
    collected, sha256 = _collected(scan, paths, brain, progress)
    progress("done", 1.0)
    information = {
        **_information(scan, paths, modality),
        "brain": WHOLE if mask is None else GIVEN,
        "model_sha256": sha256,
        "seconds": {"members": round(time.perf_counter() - started, 3)},
    }
    return Prediction(scan.grid, collected.maps, brain, collected.members, threshold, information=information)


def _information(scan: Volume, paths: Sequence[str | Path], modality: str) -> dict[str, Any]:
    """What the prediction is of, JSON-serialisable."""
    about = describe_scan(scan)
    return {
        "case": {
            "sha256": case_sha256({modality: about["scan_sha256"]}),
            "name": case_name(scan.path, scan.name),
        },
        "inputs": {modality: about},
        "bias_corrected": False,
        "model": MODEL,
        "model_version": "",
        "method": READY,
        "members": len(paths),
        "maps": [Path(path).name for path in paths],
        "notes": list(scan.notes),
        "versions": versions(),
    }


def _brain(scan: Volume, mask: Volume | None) -> np.ndarray:
    """Where maps count."""
    shape = scan.grid.shape
    brain: np.ndarray = np.ones(shape, bool) if mask is None else mask.data != 0
    if brain.shape != shape or not brain.any():
        raise InputError("The brain mask is empty, or does not lie on the scan's grid.")
    return brain


def _collected(
    scan: Volume, paths: Sequence[str | Path], brain: np.ndarray, progress: Progress
) -> tuple[AccumulatedMaps, str]:
    """What the maps say together, and the hash of their values."""
    box, shape = bounding_box(brain), scan.grid.shape
    collector = PredictionAccumulator(NetworkInput({}, brain[box], box, brain[box], shape), shape)
    digest = hashlib.sha256()
    for number, path in enumerate(paths):
        progress(f"reading map {number + 1} of {len(paths)}", number / len(paths))
        values = read_probabilities(path, scan)
        digest.update(np.ascontiguousarray(values).data)
        member = values[box]
        collector.add(Pass(member[None], np.zeros_like(member)))
    return collector.result(), digest.hexdigest()


def _check_differ(paths: Sequence[str | Path]) -> None:
    """Refuse a map that is named twice: members that are one and the same always agree."""
    known: set[Path] = set()
    for path in paths:
        there = Path(path).resolve()
        if there in known:
            raise InputError(f"{path} is named twice: each member needs a probability map of its own.")
        known.add(there)
