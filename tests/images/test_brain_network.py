"""From a scan to the network that finds the brain, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg import Cancelled, InputError
from napari_uncertainseg.images.preparation import brain_network
from napari_uncertainseg.images.preparation.brain import find_brain
from napari_uncertainseg.images.preparation.brain_network import brain_by_network
from napari_uncertainseg.images.preparation.skull import largest_part
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks import brain as network


@pytest.fixture
def head(ball):
    """A brain of brightness 100 in a fluid of 10, in a scalp of 300, with slices of 5 mm."""
    shape, spacing = (36, 90, 90), (5.0, 2.0, 2.0)
    radius = np.linalg.norm(
        (np.indices(shape) - (np.array(shape)[:, None, None, None] - 1) / 2)
        * np.array(spacing)[:, None, None, None],
        axis=0,
    )
    data = np.select([radius < 60, radius < 70, radius < 80], [100.0, 10.0, 300.0], 0.0)
    return replace(ball(shape, spacing), data=data.astype(np.float32)), radius < 60


def _by_brightness(scan: np.ndarray, path) -> np.ndarray:
    inside = np.abs(ndimage.gaussian_filter(scan, 1) - 100) < 50
    return np.where(largest_part(ndimage.binary_opening(inside, iterations=2)), 5.0, -5.0).astype(np.float32)


def test_the_brain_comes_back_on_the_scans_own_grid(head, monkeypatch):
    scan, brain = head
    looks = []
    monkeypatch.setattr(network, "brain_logits", lambda s, p: looks.append(s.shape) or _by_brightness(s, p))
    found = brain_by_network(scan)
    assert found.shape == scan.data.shape
    assert found.dtype == bool
    assert 2 * (found & brain).sum() / (found.sum() + brain.sum()) > 0.95
    assert len(looks) == 1


def test_much_else_in_the_scan_is_left_out_of_a_second_look(head, monkeypatch):
    scan, brain = head
    data = np.concatenate([np.zeros((40, *scan.data.shape[1:]), np.float32), scan.data])
    data[:44, 30:60, 30:60] = 300.0  # a neck
    longer = replace(scan, data=data, grid=Grid(data.shape, scan.grid.affine))
    looks = []
    monkeypatch.setattr(network, "brain_logits", lambda s, p: looks.append(s.shape) or _by_brightness(s, p))
    found = brain_by_network(longer)
    assert looks[1][0] < 0.7 * looks[0][0]
    assert 2 * found[40:][brain].sum() / (found.sum() + brain.sum()) > 0.95


def test_an_oblique_scan_gets_its_brain_on_its_own_grid(head, monkeypatch):
    scan, brain = head
    turn = np.eye(4)
    turn[:3, :3] = [[0.936, -0.352, 0], [0.352, 0.936, 0], [0, 0, 1]]
    monkeypatch.setattr(network, "brain_logits", _by_brightness)
    found = brain_by_network(replace(scan, grid=Grid(scan.grid.shape, turn @ scan.grid.affine)))
    assert 2 * (found & brain).sum() / (found.sum() + brain.sum()) > 0.95


def test_the_brain_is_one_piece_without_holes(head, monkeypatch):
    scan, _ = head

    def with_flaws(s: np.ndarray, path) -> np.ndarray:
        logits = _by_brightness(s, path)
        middle = [n // 2 for n in s.shape]
        logits[tuple(slice(m - 3, m + 3) for m in middle)] = -5  # a hole
        logits[:4, :4, :4] = 5  # a speck
        return logits

    monkeypatch.setattr(network, "brain_logits", with_flaws)
    found = brain_by_network(scan)
    assert ndimage.label(found)[1] == 1
    assert np.array_equal(ndimage.binary_fill_holes(found), found)


def test_scalp_that_was_taken_for_brain_is_cut_off(head, monkeypatch):
    scan, brain = head

    def with_scalp(s: np.ndarray, path) -> np.ndarray:
        return np.where(s > 200, 5.0, _by_brightness(s, path)).astype(np.float32)

    monkeypatch.setattr(network, "brain_logits", with_scalp)
    found = brain_by_network(scan)
    assert 2 * (found & brain).sum() / (found.sum() + brain.sum()) > 0.95


@pytest.mark.parametrize("offset", [300.0, -250.0])
def test_a_scan_whose_brightness_was_shifted_has_the_same_brain(head, monkeypatch, offset):
    scan, _ = head
    monkeypatch.setattr(network, "brain_logits", _by_brightness)
    moved = replace(scan, data=scan.data + np.float32(offset))
    assert np.array_equal(brain_by_network(moved), brain_by_network(scan))


def test_a_bulge_of_scalp_beyond_the_skull_is_cut_off(head, monkeypatch):
    scan, brain = head
    step = np.array(scan.grid.spacing)[:, None, None, None]
    up, front, right = (np.indices(brain.shape) - (np.array(brain.shape)[:, None, None, None] - 1) / 2) * step
    radius = np.sqrt(up**2 + front**2 + right**2)

    def with_bulge(s: np.ndarray, path) -> np.ndarray:
        middle = (np.array(s.shape)[:, None, None, None] - 1) / 2
        up, front, right = (np.indices(s.shape) - middle) * brain_network.SPACING
        bulge = (front > 0) & (np.hypot(up, right) < 35) & (np.sqrt(up**2 + front**2 + right**2) < 80)
        return np.where(bulge, 5.0, _by_brightness(s, path)).astype(np.float32)

    monkeypatch.setattr(network, "brain_logits", with_bulge)
    found = brain_by_network(scan)
    assert not found[radius > 67].any()  # 4 mm of fluid, and a voxel
    assert 2 * (found & brain).sum() / (found.sum() + brain.sum()) > 0.95
    monkeypatch.setattr(brain_network, "_without_scalp", lambda data, logits: logits)
    assert brain_by_network(scan)[radius > 72].any()


def test_voxels_are_of_the_size_that_the_network_reads():
    assert brain_network.SPACING == network.SPACING


def test_no_brain_is_said_and_the_search_can_be_cancelled(head, monkeypatch):
    scan, _ = head
    monkeypatch.setattr(network, "brain_logits", lambda s, p: np.full(s.shape, -5, np.float32))
    with pytest.raises(InputError, match="no brain was found; choose a brain mask"):
        find_brain(scan, finder="network")

    def cancel(stage: str, fraction: float) -> None:
        assert stage == "finding the brain"
        if fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        find_brain(scan, cancel, finder="network")


def test_a_scan_of_nothing_has_no_brain(head, monkeypatch):
    scan, _ = head
    monkeypatch.setattr(network, "brain_logits", lambda s, p: np.full(s.shape, -5, np.float32))
    assert not brain_by_network(replace(scan, data=np.zeros_like(scan.data))).any()
