"""A network that OpenVINO has in its cache runs without torch, and gives the same numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.inference.arrays.draws import TorchDraws
from napari_uncertainseg.inference.arrays.either import flipped, mean_and_variance, padded, sigmoid
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.inference.tiling import Windows
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.engines.openvino_engine import OpenVinoEngine
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.recalibration import LogitLine
from napari_uncertainseg.networks.without_torch import machine
from napari_uncertainseg.prediction.prediction import Prediction

METHODS = ("one-pass", "layers", "mc-dropout", "flips", "ensemble")
NOT_NEEDED = {
    "torch", "monai", "napari", "qtpy", "matplotlib", "sklearn", "skimage", "sqlalchemy", "pydicom",
    "requests", "scipy.stats", "scipy.optimize", "scipy.integrate", "scipy.interpolate",
}  # fmt: skip
CLOSE = 2e-6
"""By how much the maps of numpy and torch may differ."""


@pytest.mark.parametrize("seed", [0, 1, 4357, 2**31 + 5, 2**40 + 7])
def test_draws_are_those_of_torch(seed):
    draws, generator = TorchDraws(seed), torch.Generator().manual_seed(seed)
    for shape in [(1, 16, 1, 1, 1), (1, 700, 1, 1, 1), (3,)]:
        assert np.array_equal(draws.uniform(shape), torch.rand(shape, generator=generator).numpy())
        assert draws.whole(2**62) == int(torch.randint(2**62, (1,), generator=generator))


@pytest.mark.parametrize("line", [LogitLine(), LogitLine(1.7, -0.4), LogitLine(0.3, 2.0)])
@pytest.mark.parametrize("shape", [(7,), (5, 9, 30, 31), (2, 3, 400, 500)])
def test_probabilities_are_those_of_torch(shape, line):
    logits = np.random.default_rng(0).normal(0, 6, shape).astype(np.float32)
    logits.flat[:4] = (-200, 200, 0, -90)
    expected = sigmoid(torch.from_numpy(logits), line).numpy()
    found = sigmoid(logits, line)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-30)
    assert np.abs(found - expected).max() < 2.5e-7


def test_means_and_variances_are_those_of_torch():
    heads = np.random.default_rng(1).random((15, 11, 200, 300), dtype=np.float32)
    expected, found = mean_and_variance(torch.from_numpy(heads)), mean_and_variance(heads)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=2.5e-7)


def test_images_are_padded_and_turned_as_by_torch():
    image = np.random.default_rng(2).random((2, 5, 6, 7), dtype=np.float32)
    sides = ((1, 0, 2), (3, 4, 0))
    assert np.array_equal(padded(image, *sides), padded(torch.from_numpy(image), *sides).numpy())
    for axes in [(), (1,), (1, 3), (1, 2, 3)]:
        assert np.array_equal(flipped(image, axes), flipped(torch.from_numpy(image), axes).numpy())


@pytest.mark.parametrize("patches", [None, Patches((16, 16, 20), 0.5, weights="gaussian", centre="voxel")])
def test_windows_are_blended_as_by_torch(patches):
    engine = SimpleNamespace(
        divisor=8, smallest=16, patches=patches, check=lambda: None, finish=lambda outputs: outputs
    )
    image = np.random.default_rng(3).random((1, 37, 29, 41), dtype=np.float32)
    job = lambda engine, window: window.image[0] * 2 + 1  # noqa: E731
    by_numpy = Windows(image, engine, 20**3).run(job)
    by_torch = Windows(torch.from_numpy(image), engine, 20**3).run(job)
    assert isinstance(by_numpy, np.ndarray)
    np.testing.assert_allclose(by_numpy, by_torch.numpy(), atol=1e-6)
    np.testing.assert_allclose(by_numpy, 2 * image + 1, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "driver", "expected"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None", True, False),
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None", True, True),
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None", False, False),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.4'", False, True),
        ("cuda = '11.8'\nhip = None", True, True),
        ("something = 'else'", True, True),  # unknown: torch is asked
    ],
)
def test_torch_is_asked_for_cuda_only_where_it_could_find_it(monkeypatch, tmp_path, text, driver, expected):
    (tmp_path / "version.py").write_text(text)
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(machine, "find_spec", lambda name: spec)
    monkeypatch.setattr(machine, "_built_for", machine._built_for.__wrapped__)
    monkeypatch.setattr(machine, "_has_driver", lambda: driver)
    monkeypatch.delitem(sys.modules, "torch")
    assert machine.may_have_cuda() is expected


def test_threads_and_cuda_are_those_of_torch():
    """Before torch is imported, and after."""
    code = """
        import sys
        from napari_uncertainseg.networks.without_torch.machine import may_have_cuda, torch_threads
        before, cuda = torch_threads(), may_have_cuda()
        assert "torch" not in sys.modules
        import torch
        assert before == torch.get_num_threads() == torch_threads(), (before, torch.get_num_threads())
        assert cuda or not torch.cuda.is_available()
    """
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    lines = "\n".join(line.strip() for line in code.splitlines())
    subprocess.run([sys.executable, "-c", lines], env=environment, check=True)


def largest_difference(one: Prediction, other: Prediction) -> float:
    assert one.members.box == other.members.box
    members = np.abs(one.members.values.astype(float) - other.members.values).max()
    assert members <= 2**-11  # half floats: one step next to 1
    return max(float(np.abs(one.maps[name] - other.maps[name]).max()) for name in one.maps)


@pytest.mark.parametrize("method", METHODS)
def test_predictions_are_those_of_torch_tensors(ensemble_folder, scan, brain_mask, method, monkeypatch):
    pytest.importorskip("openvino")
    device = cpu_device("openvino").at("float32")

    def predict() -> Prediction:
        segmenter = Segmenter(ensemble_folder, method=method, members=2, seed=7, device=device)
        return segmenter.predict({"flair": scan}, mask=brain_mask)

    by_numpy = predict()
    monkeypatch.setattr(OpenVinoEngine, "place", Engine.place)
    assert largest_difference(by_numpy, predict()) < CLOSE


def test_with_a_warm_cache_nothing_is_imported_that_is_not_needed(
    ensemble_folder, scan, brain_mask, tmp_path
):
    """From the command line, in a process of its own: which modules are there is counted, no time is."""
    pytest.importorskip("openvino")
    flair = write_volume(tmp_path / "flair.nii.gz", scan.data, scan.grid)
    mask = write_volume(tmp_path / "brain.nii.gz", brain_mask.data, brain_mask.grid)
    cold, warm = (
        run(tmp_path / name, flair, mask, ensemble_folder, tmp_path / "cache") for name in ("cold", "warm")
    )
    assert "torch" in cold[METHODS[0]]  # it converts
    for method in METHODS:
        assert not warm[method] & NOT_NEEDED, method
        for file in sorted((tmp_path / "cold" / method).iterdir()):
            if file.name != "summary.json":  # it has the seconds
                assert file.read_bytes() == (tmp_path / "warm" / method / file.name).read_bytes(), file


def run(out: Path, flair: Path, mask: Path, model: Path, cache: Path) -> dict[str, set[str]]:
    """Segment in another process, by each method in turn; the modules that it had imported after each."""
    words = ["segment", str(flair), "--mask", str(mask), "--model", str(model), "--members", "2"]
    code = (
        "import json, sys\n"
        "from napari_uncertainseg.cli import main\n"
        "found = {}\n"
        f"for method in {METHODS!r}:\n"
        f"    out = {str(out)!r} + '/' + method\n"
        f"    sys.argv = ['uncertainseg', *{words!r}, '--method', method, '--out', out]\n"
        "    assert main() == 0\n"
        "    found[method] = sorted(sys.modules)\n"
        "print(json.dumps(found))"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return {method: set(names) for method, names in json.loads(done.stdout.splitlines()[-1]).items()}
