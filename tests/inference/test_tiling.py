"""Windows cover the box, blend to what the whole gives, and shrink when memory runs out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.inference import tiling
from napari_uncertainseg.inference.tiling import (
    Windows,
    is_out_of_memory,
    retry_with_smaller_windows,
    window_size,
)
from napari_uncertainseg.networks.engines.patches import Patches

ENGINE = SimpleNamespace(
    divisor=8,
    smallest=16,
    width=4,
    heads_count=2,
    device=SimpleNamespace(kind="cpu", name="CPU"),
    patches=None,
    check=lambda: None,
    finish=lambda outputs: outputs,
)
sides = st.integers(1, 70)


def local(engine, window) -> torch.Tensor:
    """A network that sees one voxel around: windows change nothing but the outermost voxels."""
    kernel = torch.arange(27.0).reshape(1, 1, 3, 3, 3) / 27
    return F.conv3d(window.image, kernel, padding=1)[0]


@settings(deadline=None)  # a busy machine is no failure
@given(st.tuples(sides, sides, sides), st.integers(1, 40**3))
def test_window_sizes_fit_the_network_and_the_limit(shape, largest):
    size = window_size(shape, largest, 8, 16)
    assert all(n % 8 == 0 and n >= 16 for n in size)
    assert all(n < side + 8 or n == 16 for n, side in zip(size, shape, strict=True))
    assert np.prod(size) <= largest or size == (16, 16, 16)


@settings(deadline=None)  # a busy machine is no failure
@given(st.tuples(sides, sides, sides))
def test_windows_cover_every_voxel(shape):
    windows = Windows(torch.zeros(1, *shape), ENGINE, 20**3)
    seen = torch.zeros(shape)
    for window in windows:
        assert window.image.shape[2:] == windows.size
        seen[window.where] += 1
    assert seen.min() >= 1


def test_blended_windows_equal_the_whole():
    image = torch.zeros(1, 50, 44, 60)
    image[:, 3:-3, 3:-3, 3:-3] = torch.randn(1, 44, 38, 54, generator=torch.Generator().manual_seed(0))
    whole = Windows(image, ENGINE, 10**9)
    tiled = Windows(image, ENGINE, 24**3)
    assert (len(whole), len(tiled) > 8) == (1, True)
    expected, found = whole.run(local), tiled.run(local)
    assert found.shape == image.shape
    # a window's outermost voxels lack their neighbours, and weigh little
    assert (found - expected).abs().max() < 0.2 * expected.abs().max()
    assert (found - expected).abs().mean() < 0.03 * expected.abs().mean()
    # a network that sees one voxel only is blended exactly
    assert torch.allclose(tiled.run(lambda e, w: w.image[0] * 2), image * 2, atol=1e-5)


def test_the_padding_is_background_and_cut_off_again():
    image = torch.ones(1, 17, 20, 16)
    (window,) = Windows(image, ENGINE, 10**9)
    assert window.image.shape == (1, 1, 24, 24, 16)
    assert window.image.sum() == image.sum()
    assert Windows(image, ENGINE, 10**9).run(lambda e, w: w.image[0]).equal(image)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("Exception from src/inference: std::bad_alloc"), True),
        (RuntimeError("shape mismatch"), False),
        (Cancelled(), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_told_from_other_errors(error, expected):
    assert is_out_of_memory(error) is expected


def test_free_memory_decides_the_largest_window(monkeypatch):
    monkeypatch.setattr(tiling, "_free_bytes", lambda kind: 10**9)
    one = tiling.largest_window(ENGINE, 3)
    monkeypatch.setattr(tiling, "_free_bytes", lambda kind: 2 * 10**9)
    assert tiling.largest_window(ENGINE, 3) == pytest.approx(2 * one, abs=2)
    assert 0 < one < 10**9


@pytest.mark.parametrize("gigabytes", [1, 4, 16])
def test_a_volume_of_512_cubed_is_cut_to_the_free_memory(monkeypatch, gigabytes):
    """Planned, not run: the image is one number seen 512^3 times, and takes no memory."""
    monkeypatch.setattr(tiling, "_free_bytes", lambda kind: gigabytes * 10**9)
    engine = SimpleNamespace(**vars(ENGINE) | {"width": 16, "heads_count": 5})
    image = torch.zeros(1, 1, 1, 1).expand(3, 512, 512, 512)
    windows = Windows(image, engine, tiling.largest_window(engine, 3))
    # the network's own peak: at most 8 float32 feature maps of 16 channels at full resolution
    assert np.prod(windows.size) * 8 * 16 * 4 < 0.6 * gigabytes * 10**9
    assert len(windows) > 1
    seen = [np.zeros(512, bool) for _ in range(3)]
    for starts in windows._starts:
        for axis, start in enumerate(starts):
            assert 0 <= start <= 512 - windows.size[axis]
            seen[axis][start : start + windows.size[axis]] = True
    assert all(axis.all() for axis in seen)
    first = next(iter(windows))
    assert first.image.shape[2:] == windows.size and first.image.dtype == torch.float32


def run(limits: dict[str, int]):
    """Run a task on a GPU and a CPU that take windows of at most so many voxels each."""
    notes, tried = [], []

    def task(engine, largest):
        tried.append((engine.device.name, largest))
        if largest > limits[engine.device.name]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return engine.device.name

    def make(name):
        return SimpleNamespace(**vars(ENGINE) | {"device": SimpleNamespace(kind="cpu", name=name)})

    engines = [lambda: make("GPU"), lambda: make("CPU")]
    return retry_with_smaller_windows(task, engines, (48, 48, 48), 3, notes.append), notes, tried


def test_enough_memory_needs_one_try_and_no_note():
    assert run({"GPU": 10**9}) == ("GPU", [], [("GPU", 48**3)])


def test_windows_shrink_before_the_device_is_left():
    used, notes, tried = run({"GPU": 30**3})
    assert used == "GPU" and "smaller windows" in notes[0]
    voxels = [n for _, n in tried]
    assert voxels == sorted(voxels, reverse=True) and len(voxels) >= 3


def test_the_cpu_takes_over_with_a_note():
    used, notes, _ = run({"GPU": 0, "CPU": 10**9})
    assert used == "CPU" and any("CPU was used instead" in note for note in notes)


def test_only_what_the_result_was_made_with_is_told():
    _, notes, tried = run({"GPU": 0, "CPU": 10**9})
    assert len(tried) > 2  # windows shrank on the GPU, which is of no interest any more
    assert notes == ["Memory ran out on GPU: the CPU was used instead."]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_a_gpu_without_room_for_the_network_is_left_too(error):
    def full():
        raise error

    notes = []
    found = retry_with_smaller_windows(
        lambda engine, largest: engine.device.name, [full, lambda: ENGINE], (48, 48, 48), 3, notes.append
    )
    assert (found, notes) == ("CPU", ["Memory ran out on the GPU: the CPU was used instead."])
    with pytest.raises(InputError, match="not enough free memory"):
        retry_with_smaller_windows(lambda engine, largest: "", [full], (48, 48, 48), 3, notes.append)


def test_when_nothing_helps_the_user_is_told():
    with pytest.raises(InputError, match="not enough free memory"):
        run({"GPU": 0, "CPU": 0})


def test_little_free_memory_is_known_beforehand(monkeypatch):
    monkeypatch.setattr(tiling, "largest_window", lambda engine, channels: 32**3)
    _, notes, tried = run({"GPU": 10**9})
    assert tried == [("GPU", 32**3)] and "several windows" in notes[0]


def test_other_errors_pass():
    def task(engine, largest):
        raise Cancelled

    with pytest.raises(Cancelled):
        retry_with_smaller_windows(task, [lambda: ENGINE], (16, 16, 16), 3, print)


@pytest.mark.parametrize("weights", ["gaussian", "constant"])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.625])
@pytest.mark.parametrize("shape", [(37, 12, 21), (16, 16, 16), (50, 33, 18)])
def test_patches_lie_and_weigh_as_in_monai(shape, overlap, weights):
    inferers = pytest.importorskip("monai.inferers")

    def network(image):  # says where in its window a voxel lies: another place gives other numbers
        ramp = torch.linspace(-1, 1, image.shape[-1]) + torch.linspace(-3, 2, image.shape[-3])[:, None, None]
        return torch.cat([image * ramp, image + ramp], 1)

    image = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
    engine = SimpleNamespace(**vars(ENGINE) | {"patches": Patches((16, 16, 20), overlap, weights=weights)})
    found = Windows(image, engine, 0).run(lambda engine, window: network(window.image)[0])
    inferer = inferers.SlidingWindowInferer((16, 16, 20), overlap=overlap, mode=weights)
    torch.testing.assert_close(found, inferer(image[None], network)[0], rtol=1e-5, atol=1e-5)
