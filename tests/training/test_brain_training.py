"""Training of the network that finds the brain."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_uncertainseg import InputError
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.training.brain.configuration import BrainTraining, read_brain_training
from napari_uncertainseg.training.brain.examples import RealExample, real_examples, vary_real
from napari_uncertainseg.training.brain.real_heads import itk_affine
from napari_uncertainseg.training.brain.trainer import brain_loss, train
from napari_uncertainseg.training.randomness import Draw


def _ball(size: int, radius: float) -> torch.Tensor:
    axes = torch.meshgrid(*[torch.arange(size) - (size - 1) / 2] * 3, indexing="ij")
    return (sum(axis**2 for axis in axes) <= radius**2).float()


def _pairs(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    brain = _ball(32, 9.0)[None, None].repeat(2, 1, 1, 1, 1)
    noise = torch.randn(brain.shape, generator=torch.Generator().manual_seed(step))
    return brain + 0.1 * noise, brain


def _configuration(folder, **changes) -> BrainTraining:
    paths = dict.fromkeys(("label_maps", "lesion_masks", "cache", "data"), folder)
    return BrainTraining(output=folder / "run", **paths, **{"steps": 4, **changes})


def test_a_resumed_run_gives_the_weights_of_an_uninterrupted_one(tmp_path):
    whole = train(_configuration(tmp_path / "a"), _pairs)
    calls = []

    def stopping(step: int):
        calls.append(step)
        if len(calls) == 3:  # ends between two steps, after the state of the second was not yet saved
            raise KeyboardInterrupt
        return _pairs(step)

    with pytest.raises(KeyboardInterrupt):
        train(_configuration(tmp_path / "b"), stopping)
    resumed = train(_configuration(tmp_path / "b"), _pairs)
    one, other = load_file(whole), load_file(resumed)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert all(value.dtype == torch.float16 for value in one.values())
    lines = [json.loads(line) for line in (tmp_path / "a/run/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    again = train(_configuration(tmp_path / "a"), _pairs)  # nothing is left to do
    assert all(torch.equal(one[name], value) for name, value in load_file(again).items())


def test_another_configuration_does_not_resume(tmp_path):
    train(_configuration(tmp_path, steps=1), _pairs)
    with pytest.raises(InputError, match="another configuration"):
        train(_configuration(tmp_path, steps=1, seed=1), _pairs)


def test_it_learns(tmp_path):
    train(_configuration(tmp_path, steps=15, learning_rate=5e-3), _pairs)
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < 0.7 * lines[0]["loss"]


def test_a_wrong_border_costs_more_than_a_wrong_middle():
    brain = _ball(24, 8.0)[None, None]
    logits = 6 * (2 * brain - 1)
    right, dice = brain_loss(logits, brain)
    assert dice == 1
    at_border, elsewhere = logits.clone(), logits.clone()
    at_border[0, 0, 12, 12, 18:21] *= -1
    elsewhere[0, 0, 12, 12, 11:14] *= -1
    assert right < brain_loss(elsewhere, brain)[0] < brain_loss(at_border, brain)[0]


def test_real_heads_are_read_once_and_those_with_wrong_masks_left_out(tmp_path):
    data, cache = tmp_path / "data", tmp_path / "cache"
    ball = _ball(24, 8.0).numpy()
    noise = np.random.default_rng(0).random(ball.shape, np.float32)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1] * 3.0
    for name in ("sim-vent/104252", "sim-vent/1"):
        (data / name).mkdir(parents=True)
        for file, array in (("flair", 100 * ball + noise), ("brainmask", ball.astype(np.uint8))):
            write_volume(data / name / f"{file}.nii.gz", array, Grid(ball.shape, affine))
    (example,) = real_examples(data, "sim-vent", cache)
    assert example.modality == "flair"
    assert example.scan.shape == example.brain.shape == (36, 36, 36)  # 3 mm voxels on those of 2 mm
    assert float(example.brain.sum()) * 8 == pytest.approx(ball.sum() * 27, rel=0.02)
    (data / "sim-vent/1/flair.nii.gz").unlink()
    (again,) = real_examples(data, "sim-vent", cache)
    assert torch.equal(again.scan, example.scan)


def test_a_varied_head_keeps_its_brain_where_it_is_bright():
    brain = _ball(60, 18.0)
    example = RealExample("flair", 100 * brain + 5, brain)
    for seed in range(5):
        scan, found = vary_real(example, (48, 48, 48), Draw.seeded(seed))
        assert scan.shape == found.shape == (48, 48, 48)
        assert scan.isfinite().all()
        assert scan[found > 0.9].mean() > 2 * scan[found < 0.1].mean()


def test_a_table_of_the_file_replaces_what_stands_above_it(tmp_path):
    path = tmp_path / "brain.toml"
    text = "".join(f'{name} = "x"\n' for name in ("output", "label_maps", "lesion_masks", "cache", "data"))
    path.write_text(text + 'steps = 5\n[fold]\nsteps = 2\nsources = ["ms3seg"]\n')
    assert read_brain_training(path).steps == 5
    fold = read_brain_training(path, "fold")
    assert (fold.steps, fold.sources, fold.output) == (2, ("ms3seg",), tmp_path / "x")
    with pytest.raises(InputError, match=r"no table \[other\]: name one of fold"):
        read_brain_training(path, "other")
    path.write_text(text + "steps = 5\nstepps = 5\n")
    with pytest.raises(InputError, match="stepps"):
        read_brain_training(path)
    with pytest.raises(InputError, match="cannot be read as TOML"):
        read_brain_training(tmp_path / "none.toml")


def test_the_rate_rises_and_falls(tmp_path):
    run = _configuration(tmp_path, steps=100, learning_rate=1.0)
    assert [run.rate(step) for step in (0, 50, 99)] == pytest.approx([0.05, 1.0, 1 / 30])


def test_an_itk_transform_is_read_as_simpleitk_reads_it(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    transform = sitk.Euler3DTransform((3, -4, 5), 0.2, -0.1, 0.3, (7, 8, -9))
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(transform.GetMatrix())
    affine.SetTranslation(transform.GetTranslation())
    affine.SetCenter(transform.GetCenter())
    sitk.WriteTransform(affine, str(tmp_path / "t.txt"))
    point = np.array([10.0, 20.0, 30.0])
    lps = np.array([-1, -1, 1])
    found = (itk_affine(tmp_path / "t.txt") @ np.r_[point * lps, 1])[:3] * lps
    assert found == pytest.approx(transform.TransformPoint(tuple(point)), abs=1e-4)
