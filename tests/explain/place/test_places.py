"""Places of lesions: by zones made by hand, and by a head whose ventricles are known."""

import numpy as np
import pytest

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.explain.place.atlas import read_atlas
from napari_uncertainseg.explain.place.lesions import DISTANCES, place_lesions, places_of_lesions
from napari_uncertainseg.explain.place.registration import affine_between
from napari_uncertainseg.explain.place.working_grid import WorkingGrid
from napari_uncertainseg.explain.place.zones import BrainZones, find_zones, gap_to
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Grid, Volume


def a_grid(shape, spacing):
    return Grid(shape, np.diag([*spacing, 1.0])[[2, 1, 0, 3]])


def head(turn=0.0, stop=None):
    """The template as a FLAIR with 6 mm slices, its brain and its ventricles; tilted by degrees."""
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    tilt = np.array([[1, 0, 0, 5.0], [0, c, -s, 3], [0, s, c, -4], [0, 0, 0, 1]])
    affine = tilt @ np.array([[0, 0, 2.0, -98], [0, 2.2, 0, -134], [6.0, 0, 0, -80], [0, 0, 0, 1]])
    grid = Grid((28, 106, 98), affine)
    atlas = read_atlas()
    back = np.linalg.inv(tilt)
    scan = resample_to(atlas.template, grid, back)[:stop]
    ventricles = resample_to(atlas.shares["ventricle"], grid, back)[:stop] > 0.5
    brain = scan > 20
    grid = Grid(scan.shape, affine)
    return Volume(np.where(brain, scan, 3 * scan).astype(np.float32), grid, "flair"), brain, ventricles


def test_zones_made_by_hand_give_each_lesion_its_place():
    grid = a_grid((4, 8, 20), (3.0, 1.0, 1.0))
    brain = np.ones(grid.shape, bool)
    working = WorkingGrid.around(brain, grid)
    ventricles, cortex, below = (np.zeros(grid.shape, bool) for _ in range(3))
    ventricles[:, :, 0], cortex[:, :, 19], below[0] = True, True, True
    gaps = [gap_to(mask, working) for mask in (cortex, ventricles, cortex)]
    zones = BrainZones(working, *gaps, below, ventricles, cortex)
    labels = np.zeros(grid.shape, np.uint16)
    labels[2, 3, 1] = 3  # touches the ventricle
    labels[2, 3, 4] = 4  # three voxels lie between
    labels[3, 0:4, 15:17] = 7  # two lie between it and the cortex
    labels[0, 2, 1] = 9
    table = place_lesions(zones, labels)
    assert table.index.tolist() == [3, 4, 7, 9]
    assert table["place"].tolist() == [
        "periventricular",
        "deep white matter",
        "juxtacortical",
        "infratentorial",
    ]
    assert table["to_ventricle_mm"].tolist() == [0, 3, 14, 0]
    nowhere = np.full(grid.shape, np.nan, np.float32)
    outside = BrainZones(working, gaps[0], nowhere, nowhere, below, ventricles, cortex)
    assert place_lesions(outside, labels)["place"].tolist() == [*["unknown"] * 3, "infratentorial"]
    assert table["to_cortex_mm"].tolist() == [17, 14, 2, 17]
    none = place_lesions(zones, np.zeros(grid.shape, int))
    assert none.empty and [*none.columns] == ["place", *DISTANCES]


def test_gap_over_slices_counts_what_lies_between():
    working = WorkingGrid.around(np.ones((5, 3, 3), bool), a_grid((5, 3, 3), (6.0, 1.0, 1.0)))
    mask = np.zeros((5, 3, 3), bool)
    mask[0, 1, 1] = True
    assert gap_to(mask, working)[:, 1, 1].tolist() == [0, 0, 6, 12, 18]
    assert np.isnan(gap_to(np.zeros((5, 3, 3), bool), working)).all()


def test_small_voxels_are_put_together_and_looked_up():
    scan = np.arange(4 * 7 * 6, dtype=float).reshape(4, 7, 6)
    grid = a_grid(scan.shape, (3.0, 0.3, 0.45))
    working = WorkingGrid.around(np.ones(scan.shape, bool), grid)
    assert working.blocks == (1, 3, 2) and working.grid.shape == (4, 3, 3)
    means = working.means(scan)
    assert means[1, 1, 2] == scan[1, 3:6, 4:6].mean()
    where = np.array([[1], [4], [5]])
    assert means.ravel()[working.blocks_of(where)[0]] == means[1, 1, 2]
    # the middle of a block lies where the middle of its voxels does
    middle = working.grid.affine @ [1, 1, 2, 1]
    assert np.allclose(middle, grid.affine @ [1, 4, 4.5, 1])


@pytest.mark.parametrize(("turn", "stop"), [(25, None), pytest.param(0, 17, marks=pytest.mark.slow)])
def test_ventricles_of_a_tilted_or_cut_head_are_found(turn, stop):
    scan, brain, ventricles = head(turn, stop)
    zones = find_zones(scan, brain)
    assert not zones.problem
    blocks = zones.working.blocks_of(np.indices(brain.shape).reshape(3, -1))
    found = zones.ventricles.ravel()[blocks].reshape(brain.shape)
    assert (found & ventricles).sum() > 0.7 * ventricles.sum() and found.sum() < 2 * ventricles.sum()
    labels = np.zeros(brain.shape, int)
    s, a, r = np.argwhere(ventricles)[ventricles.sum() // 2]
    labels[s, a, r] = 1
    labels[:, :, : brain.shape[2] // 2][brain[:, :, : brain.shape[2] // 2]] = 2  # half of the brain
    labels[s, a, r] = 1
    table = place_lesions(zones, labels)
    assert table.loc[1, "place"] == "periventricular" and table.loc[2, "to_edge_mm"] == 0


def test_a_brain_is_laid_on_the_atlas_in_the_same_way_each_time():
    """Or a lesion 2 mm from the cortex would change its place from one look to the next."""
    template = read_atlas().template
    part = Volume(template.data[20:60, ::2, ::2], template.grid, "part")
    once, again = (affine_between(part, part) for _ in range(2))
    np.testing.assert_allclose(again, once, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_noise_has_no_places_but_a_distance_to_its_edge():
    scan, brain, _ = head()
    noise = np.random.default_rng(0).normal(100, 10, brain.shape).astype(np.float32)
    labels = np.zeros(brain.shape, int)
    labels[tuple(np.argwhere(brain)[5000])] = 1
    table = places_of_lesions(Volume(noise, scan.grid, "noise"), brain, labels)
    assert table.loc[1, "place"] == "unknown" and np.isnan(table.loc[1, "to_ventricle_mm"])
    assert table.loc[1, "to_edge_mm"] >= 0


def test_why_a_brain_does_not_fit_is_said():
    scan, brain, _ = head()
    few = np.zeros(brain.shape, bool)
    few[10, 50:53, 50:53] = True
    assert "ml of it" in find_zones(scan, few).problem
    flat = Volume(np.ones(brain.shape, np.float32), scan.grid, "flat")
    assert "the same everywhere" in find_zones(flat, brain).problem


def test_an_empty_mask_is_refused_and_a_search_can_be_cancelled():
    scan, brain, _ = head()
    with pytest.raises(InputError, match="empty"):
        find_zones(scan, np.zeros(brain.shape, bool))
    with pytest.raises(InputError, match="shape"):
        find_zones(scan, brain[1:])

    def cancel(stage, done):
        if done > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        find_zones(scan, brain, cancel)
