"""Rows on lesions: all measures, and the threshold moved."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage

from napari_uncertainseg.bench.scene import Scene, lesion_maps
from napari_uncertainseg.bench.timing import Row, faster, seconds
from napari_uncertainseg.calibration.reliability import Binned
from napari_uncertainseg.uncertainty.members import Members
from napari_uncertainseg.uncertainty.ranking import Ranker, rank_lesions
from napari_uncertainseg.uncertainty.voxel import binary_entropy

THRESHOLDS = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
_WHOLE = np.ones((3, 3, 3))


def rows(scene: Scene) -> list[Row]:
    """Measure lesions and thresholds."""
    probability, members = lesion_maps(scene, scene.lesions)
    entropy = binary_entropy(probability)
    found = [
        _measures(scene, probability, entropy, members),
        _threshold(scene, probability, entropy, members),
    ]
    found.append(_reliability(scene, probability))
    return found


def _measures(scene: Scene, p: np.ndarray, entropy: np.ndarray, members: Members) -> Row:
    own = seconds(
        lambda: rank_lesions(p, entropy, entropy, members, scene.grid, threshold=0.5, min_volume=0),
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


def _threshold(scene: Scene, p: np.ndarray, entropy: np.ndarray, members: Members) -> Row:
    reference = p >= 0.5
    ranker = Ranker(p, entropy, entropy, members, scene.grid)
    binned = Binned.of(p)
    moving = itertools.cycle(THRESHOLDS)

    def own() -> None:
        ranker.rank(next(moving))
        binned.against(reference)

    return faster(
        "threshold moved: labels, table, counts, volumes, reliability",
        "scipy.ndimage.label, properties, a histogram of 20 bins",
        seconds(own, 4 * scene.repeats),
        seconds(lambda: _relabel(p, entropy, reference, next(moving)), scene.repeats),
        20,
    )


def _relabel(p: np.ndarray, entropy: np.ndarray, reference: np.ndarray, threshold: float) -> None:
    labels, n = ndimage.label(p >= threshold, structure=_WHOLE)
    index = np.arange(1, n + 1)
    np.bincount(labels.ravel())
    ndimage.find_objects(labels)
    ndimage.center_of_mass(labels > 0, labels, index)
    for measure in (ndimage.mean, ndimage.maximum):
        measure(p, labels, index)
    ndimage.mean(entropy, labels, index)
    _histogram(p, reference)


def _histogram(p: np.ndarray, reference: np.ndarray) -> None:
    np.histogram(p, 20, (0, 1))
    np.histogram(p, 20, (0, 1), weights=reference)
    np.histogram(p, 20, (0, 1), weights=p)


def _reliability(scene: Scene, p: np.ndarray) -> Row:
    reference = p >= 0.5
    binned = Binned.of(p)
    return faster(
        "reliability diagram after a change of the reference",
        "binning all voxels with numpy",
        seconds(lambda: binned.against(reference), 2 * scene.repeats),
        seconds(lambda: _histogram(p, reference), scene.repeats),
        50,
    )
