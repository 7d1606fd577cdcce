"""What is said of the shape of a brain: nothing of good ones, something of broken ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg import InputError
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.preparation import brain_search
from napari_uncertainseg.images.preparation.brain import strange_brain
from napari_uncertainseg.images.preparation.brain_shape import brain_shape
from napari_uncertainseg.images.preparation.found_brain import MENDED, FoundBrain, mended
from napari_uncertainseg.images.preparation.prepare import brain_of, prepare
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Grid, Volume

SHAPE, SPACING = (48, 100, 90), (4.0, 2.0, 2.0)


@pytest.fixture
def grid():
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *SPACING, 1
    return Grid(SHAPE, affine)


def _mm():
    """Distance of each voxel from the middle, along the axes, mm."""
    middle = (np.array(SHAPE) - 1) / 2
    return [(np.indices(SHAPE)[k] - middle[k]) * SPACING[k] for k in range(3)]


@pytest.fixture
def brain():
    """An egg of 1.4 l."""
    up, front, right = _mm()
    return (up / 60) ** 2 + (front / 85) ** 2 + (right / 66) ** 2 < 1


def test_an_egg_is_a_brain(brain, grid):
    assert brain_shape(brain, grid).strange == []


def _broken():
    up, front, right = _mm()
    yield "is in two pieces", lambda b: b | (up > 70) & (np.abs(front) < 30) & (np.abs(right) < 30)
    yield "has a hole", lambda b: b & (up**2 + front**2 + (right - 20) ** 2 > 15**2)
    yield "thin parts", lambda b: b | (np.abs(up) < 5) & (np.abs(front) < 96) & (np.abs(right) < 85)
    yield "deep clefts", lambda b: b & ~((np.abs(right) < 6) & (up > -40))
    yield "between left and right", lambda b: b & ~((right > 5) & (up < 0))
    yield "cut off flat at the front", lambda b: b & (front < 40)
    yield "cut off flat at the right", lambda b: b & (right < 45)
    yield "reaches the left of the scan", lambda b: b | (np.abs(up) < 12) & (np.abs(front) < 15) & (right < 0)


@pytest.mark.parametrize(("told", "broken"), list(_broken()), ids=[told for told, _ in _broken()])
def test_what_no_brain_looks_like_is_said(brain, grid, told, broken):
    assert any(told in words for words in brain_shape(broken(brain), grid).strange)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_brain_that_the_scan_cuts_off_is_not_strange(brain, grid, axis, share):
    part = np.take(brain, range(int(share * SHAPE[axis]), SHAPE[axis]), axis)
    words = brain_shape(part, Grid(part.shape, grid.affine)).strange
    assert [w for w in words if "left and right" not in w] == []


def _scan(grid, brain):
    """Brain and scalp, a dark skull between them."""
    up, front, right = _mm()
    away = [(up / (60 + mm)) ** 2 + (front / (85 + mm)) ** 2 + (right / (66 + mm)) ** 2 < 1 for mm in (8, 14)]
    data = np.select([brain, away[0], away[1]], [100.0, 15.0, 90.0], 0.0)
    return Volume(data.astype(np.float32), grid, "scan"), away[1]


def test_scalp_within_the_outline_is_said_and_the_way_out(brain, grid):
    scan, head = _scan(grid, brain)
    assert strange_brain(brain, scan) == ""
    said = strange_brain(brain | (head & (_mm()[0] > 20)), scan)
    assert "'scan' looks strange" in said and "takes in skull or scalp" in said
    assert "mend it by painting or choose a brain mask" in said


def test_a_strange_brain_is_looked_at_before_the_rest_is_done(brain, grid, monkeypatch):
    scan, _ = _scan(grid, brain)
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: brain & (_mm()[2] > 0))
    looked = []

    def stop(found):
        looked.append(found)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        prepare({"flair": scan}, look=stop)
    (found,) = looked
    assert "between left and right" in found.strange and found.strange in found.notes
    assert found.strange in prepare({"flair": scan}).notes
    assert brain_of({"flair": scan}).strange == found.strange


def test_a_brain_that_is_known_is_taken_as_it_is(brain, grid):
    scan, _ = _scan(grid, brain)
    painted = brain & (_mm()[1] < 30)
    prepared = prepare({"flair": scan}, brain=mended(painted, FoundBrain(brain, "network")))
    assert prepared.brain_source == MENDED and np.array_equal(prepared.brain, painted)
    assert prepared.bias_corrected  # the scan still shows the skull
    assert "mended by hand" in prepared.notes[0]
    with pytest.raises(InputError, match="does not lie on the voxels of 'scan'"):
        prepare({"flair": scan}, brain=FoundBrain(brain[1:], "network"))


@pytest.mark.parametrize("case", ["101228", "104899", "112776"])
def test_masks_of_real_scans_are_not_strange_but_with_scalp_they_are(shared_data, case):
    scan = read_volume(shared_data / "ms3seg" / case / "flair.nii.gz")
    mask = read_labels(shared_data / "ms3seg" / case / "brainmask.nii.gz", scan.grid)
    brain = mask.data > 0
    assert strange_brain(brain, scan) == ""
    wide = np.eye(4)
    wide[:3, :3] *= 0.88  # drawn 14 % larger
    centre = scan.grid.affine[:3] @ np.append(np.argwhere(brain).mean(axis=0), 1)
    wide[:3, 3] = 0.12 * centre
    larger = resample_to(replace(mask, data=brain.astype(np.uint8)), scan.grid, wide, nearest=True) > 0
    assert "takes in skull or scalp" in strange_brain(larger, scan)
