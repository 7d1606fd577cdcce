"""Whole brains are scored as they are, and scoring them changes nothing in the training."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from napari_uncertainseg.training import trainer
from napari_uncertainseg.training.subjects import Subject
from napari_uncertainseg.training.validation import Validation, WholeBrain, scores

pytest.importorskip("ignite", reason="training needs the extra 'train'")


def test_scores_are_one_and_nothing_where_all_is_right():
    reference = torch.zeros(1, 4, 4, 4)
    region = torch.ones_like(reference, dtype=torch.bool)
    assert scores(reference, reference, region) == {"dice": 1, "ace": 0}
    reference[0, 1:3] = 1
    assert scores(reference, reference, region)["dice"] == 1
    assert scores(1 - reference, reference, region)["dice"] == 0
    assert scores(1 - reference, reference, region)["ace"] > 0.9


def test_the_box_of_the_brain_is_padded_to_what_the_network_takes():
    brain = torch.zeros(20, 20, 20, dtype=torch.bool)
    brain[2:5, 3:16, 1:9] = True
    images = torch.randn(3, 20, 20, 20, generator=torch.Generator().manual_seed(0)) * brain
    whole = WholeBrain.from_subject(Subject(images, images, brain, brain.short() * 2, ~brain), 4, 8)
    assert whole.image.shape == (1, 3, 8, 16, 8)
    assert whole.brain.shape == whole.reference.shape == (1, 8, 16, 8)
    assert torch.equal(whole.brain.float(), whole.reference)
    assert torch.equal(whole.image[0, :, :3, :13, :8], images[:, 2:5, 3:16, 1:9])
    assert int(whole.brain.sum()) == int(brain.sum())


def test_validation_is_logged_and_changes_neither_weights_nor_random_numbers(write_run, folder, monkeypatch):
    plain = load_file(trainer.train(write_run()) / "weights.safetensors")
    shutil.copytree(folder / "data" / "a", folder / "data" / "v")
    path = write_run(
        output='output = "validated"',
        patch='patch = 8\nvalidation = ["v/"]',
        steps="steps = 4\nvalidate_every = 2",
    )
    measure, kept = Validation.measure, []

    def watched(self, network):
        before = torch.get_rng_state()
        found = measure(self, network)
        kept.append(torch.equal(before, torch.get_rng_state()))
        return found

    monkeypatch.setattr(Validation, "measure", watched)
    validated = load_file(trainer.train(path) / "weights.safetensors")
    assert kept == [True, True]
    for name, value in plain.items():
        assert torch.equal(value, validated[name])
    lines = [json.loads(line) for line in (folder / "validated" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "validation_dice" in line] == [2, 4]
    assert all(0 <= lines[i][f"validation_{key}"] <= 1 for i in (1, 3) for key in ("dice", "ace"))


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on one core
def test_batches_are_the_same_with_any_number_of_workers(write_run, monkeypatch, make_patches):
    settings = trainer.read_configuration(write_run()).data
    patches = make_patches(settings, seed=0, length=6)
    batches = []
    for workers in (1, 2):
        monkeypatch.setattr(trainer, "_workers", lambda device, n=workers: n)
        batches.append(list(trainer._loader(patches, 2, 2, torch.device("cpu"))))
    assert len(batches[0]) == len(batches[1]) == 2
    for one, other in zip(*batches, strict=True):
        for key, value in one.items():
            assert torch.equal(value, other[key])


def test_a_gpu_gets_more_workers_and_pinned_memory(write_run, make_patches):
    patches = make_patches(trainer.read_configuration(write_run()).data, seed=0, length=2)
    beside_gpu = trainer._loader(patches, 0, 1, torch.device("cuda"))
    alone = trainer._loader(patches, 0, 1, torch.device("cpu"))
    assert beside_gpu.pin_memory and not alone.pin_memory
    assert 1 <= beside_gpu.num_workers <= 8 and alone.num_workers == 1
