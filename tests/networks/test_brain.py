"""The network that finds the brain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_uncertainseg import InputError
from napari_uncertainseg.networks import brain as room


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    room.save_weights(room.BrainNetwork(), tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def test_voxels_come_back_from_channels_where_they_were():
    scan = torch.rand(2, 1, 8, 6, 4)
    assert torch.equal(room._from_channels(room._to_channels(scan)), scan)
    assert torch.equal(room._to_channels(scan)[0, 1, 0, 0, 0], scan[0, 0, 0, 0, 1])


def test_brightness_and_offset_of_a_scan_do_not_matter():
    scan = torch.rand(20, 20, 20)
    assert torch.allclose(room.standardise(scan), room.standardise(300 * scan - 40), atol=1e-4)


def test_any_shape_is_read_and_a_mirrored_head_gives_a_mirrored_brain(weights):
    scan = np.random.default_rng(0).random((21, 34, 32), dtype=np.float32)
    logits = room.brain_logits(scan, weights)
    assert logits.shape == scan.shape
    assert logits.dtype == np.float32
    assert np.allclose(room.brain_logits(scan[:, :, ::-1], weights)[:, :, ::-1], logits, atol=1e-3)


def test_the_weights_are_small(weights):
    assert weights.stat().st_size < 3_000_000


def test_weights_of_something_else_are_refused(weights, tmp_path):
    with pytest.raises(InputError, match="do not fit the architecture"):
        save_file({"x": torch.zeros(3)}, tmp_path / "other.safetensors")
        room.read_network(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"missing from .*none.safetensors: reinstall"):
        room.read_network(tmp_path / "none.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="corrupt"):
        room.read_network(damaged)
