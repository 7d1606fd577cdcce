"""Rows on lesions: all measures, and the threshold moved."""

from __future__ import annotations

import itertools
import statistics
import tracemalloc

import numpy as np
from scipy import ndimage

from napari_uncertainseg.bench.scene import Scene, lesion_maps, prediction_of
from napari_uncertainseg.bench.timing import Row, faster, seconds, times
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.calibration.recalibration_preview import reliability_after
from napari_uncertainseg.calibration.reliability import Binned
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.uncertainty.lesion_ranking import Ranker
from napari_uncertainseg.uncertainty.retention import voxel_retention
from napari_uncertainseg.uncertainty.voxel import binary_entropy

THRESHOLDS = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
_WHOLE = np.ones((3, 3, 3))
MOVED = 200  # lesions that a moved threshold is measured with
_FRAME = 0.016  # s
_POINTS = 400
_PROPERTIES = ("label", "area", "bbox", "centroid", "intensity_mean", "intensity_max")


def rows(scene: Scene) -> list[Row]:
    """Measure lesions and thresholds."""
    probability, members = lesion_maps(scene, scene.lesions)
    measures = _measures(scene, probability, binary_entropy(probability), members)
    probability, members = lesion_maps(scene, min(scene.lesions, MOVED))
    moved = _threshold(scene, probability, binary_entropy(probability), members)
    moved.append(_live_memory(scene, probability, members))
    return [measures, *moved, *_reliability(scene, probability), _retention(scene, probability)]


def _measures(scene: Scene, p: np.ndarray, entropy: np.ndarray, members: Members) -> Row:
    prediction = prediction_of(scene, p, members)
    own = seconds(
        lambda: Ranker(prediction).rank(0.5, 0),
        scene.repeats,
    )
    labels, n = ndimage.label(p >= 0.5, structure=_WHOLE)
    seen = [ndimage.label(m >= 0.5, structure=_WHOLE)[0] for m in members.values]
    some = range(1, min(n, 5) + 1)
    loop = seconds(lambda: [_one_lesion(labels == i, seen, p, entropy) for i in some], 1, warm=False)
    what = f"all lesion measures, {n} lesions, {len(members)} members"
    against = f"scipy.ndimage loop over whole volumes (from {len(some)} lesions)"
    return faster(what, against, own, loop * n / len(some), 200)


def _one_lesion(lesion: np.ndarray, seen: list[np.ndarray], p: np.ndarray, entropy: np.ndarray) -> float:
    """Measure a lesion as is usually done: on whole volumes."""
    ndimage.mean(p, lesion), ndimage.maximum(p, lesion), ndimage.mean(entropy, lesion)
    overlaps = []
    for labels in seen:
        best = 0.0
        for other in np.unique(labels[lesion]):
            if other:
                component = labels == other
                best = max(best, (component & lesion).sum() / (component | lesion).sum())
        overlaps.append(best)
    return 1 - float(np.mean(overlaps))


def _threshold(scene: Scene, p: np.ndarray, entropy: np.ndarray, members: Members) -> list[Row]:
    """Measure moves of the threshold: their median, and the 95th percentile that a hand feels."""
    reference = p >= 0.5
    ranker = Ranker(prediction_of(scene, p, members))
    ranker.prepare()  # as it is after a run, before the slider is touched
    binned = Binned.from_probability(p)
    moving = itertools.cycle(THRESHOLDS)

    def own() -> None:
        ranker.rank(next(moving))
        binned.against(reference)

    moves = times(own, max(20, 12 * scene.repeats))
    slow = float(np.percentile(moves, 95))
    other = seconds(lambda: _relabel(p, entropy, reference, next(moving)), scene.repeats)
    what = "threshold moved: labels, table, counts, volumes, reliability"
    against = "scipy.ndimage.label, regionprops_table, a histogram of 20 bins"
    detail = f"{slow * 1000:.1f} ms, {len(moves)} moves"
    frame = f"a picture at 60 Hz, {_FRAME * 1000:.0f} ms"
    return [
        faster(what, against, statistics.median(moves), other, 20),
        Row(
            "the same, 95th percentile",
            frame,
            slow / _FRAME,
            1,
            False,
            detail,
        ),
    ]


def _live_memory(scene: Scene, p: np.ndarray, members: Members) -> Row:
    """Measure what is kept so that a moved threshold is fast; numpy tells tracemalloc of its arrays."""
    prediction = prediction_of(scene, p, members)
    tracemalloc.start()
    ranker, binned = Ranker(prediction), Binned.from_probability(p)
    ranker.prepare()
    ranker.rank(0.5)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    what = f"memory kept for it, {len(members)} members, without the maps and members"
    ratio = kept / (4 * binned.index.size)
    return Row(what, "a float32 copy of the volume", ratio, 3, False, f"{kept / 2**20:.0f} MiB")


def _relabel(p: np.ndarray, entropy: np.ndarray, reference: np.ndarray, threshold: float) -> None:
    """Do what a plugin usually does when its threshold moves."""
    from skimage.measure import regionprops_table

    labels, _ = ndimage.label(p >= threshold, structure=_WHOLE)
    regionprops_table(labels, np.stack([p, entropy], axis=-1), properties=_PROPERTIES)
    _histogram(p, reference)


def _histogram(p: np.ndarray, reference: np.ndarray) -> None:
    np.histogram(p, 20, (0, 1))
    np.histogram(p, 20, (0, 1), weights=reference)
    np.histogram(p, 20, (0, 1), weights=p)


def _retention(scene: Scene, p: np.ndarray) -> Row:
    """As many voxels as a brain has: the middle of the volume, a fifth of it."""
    inside = tuple(slice(n // 5, n - n // 5) for n in p.shape)
    truth = np.roll(p >= 0.5, 1, axis=1)[inside].ravel()
    doubt, predicted = binary_entropy(p)[inside].ravel(), (p >= 0.5)[inside].ravel()
    some = np.linspace(0, 1, _POINTS)[:: _POINTS // 8]

    def again() -> None:
        order = np.argsort(doubt, kind="stable")
        for share in some:
            kept = predicted[order].copy()
            kept[round(share * len(kept)) :] = truth[order][round(share * len(kept)) :]
            dice(kept, truth[order])

    own = seconds(lambda: voxel_retention(predicted, truth, doubt, points=_POINTS), scene.repeats)
    loop = seconds(again, 1, warm=False) * _POINTS / len(some)
    what = f"voxel retention curve, {_POINTS} points, Dice and nDSC"
    return faster(what, f"the metric anew at each point, Dice only (from {len(some)} points)", own, loop, 50)


def _reliability(scene: Scene, p: np.ndarray) -> list[Row]:
    """Measure in the whole volume: more voxels than a brain has."""
    reference = p >= 0.5
    binned, evidence = Binned.from_probability(p), ProbabilityHistogram.from_probability(p, reference)
    temperatures = itertools.cycle(Temperature(0, 0, t) for t in (0.5, 0.8, 1.25, 2.0))
    against = "binning all voxels with numpy"
    other = seconds(lambda: _histogram(p, reference), scene.repeats)
    temperature = seconds(lambda: reliability_after(evidence, next(temperatures)), 4 * scene.repeats)
    moved = seconds(lambda: binned.against(reference), 2 * scene.repeats)
    return [
        faster("reliability diagram after a change of temperature", against, temperature, other, 50),
        faster("the same after a change of the reference", against, moved, other, 50),
    ]
