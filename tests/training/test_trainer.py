"""A run makes a model that the catalogue accepts, and a stopped run resumes as if it had not been."""

import itertools

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.kinds import read_model
from napari_uncertainseg.training import patches as module
from napari_uncertainseg.training import synthesis, trainer
from napari_uncertainseg.training.configuration import DataConfiguration, OptimisationConfiguration
from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.subjects import read_subject

pytest.importorskip("ignite", reason="training needs the extra 'train'")

RUN = """
name = "tiny run"
output = "{output}"
[data]
folder = "data"
subjects = ["a/"]
backgrounds = ["b/c_"]
masks = "masks"
patch = 16
[network]
features = [2, 4]
heads = 2
[optimisation]
steps = {steps}
warmup = 1
decay = 4
"""


def configuration(folder, output, steps):
    path = folder / f"{output}.toml"
    path.write_text(RUN.format(output=output, steps=steps))
    return path


def test_patches_are_the_same_for_the_same_number(folder, make_patches):
    settings = read_configuration(configuration(folder, "x", 1)).data
    first, second = (make_patches(settings, seed=3, length=4) for _ in range(2))
    for i in range(4):
        for key in ("image", "weight", "raters"):
            assert torch.equal(first[i][key], second[i][key])
        assert first[i]["image"].shape == (3, 16, 16, 16)
        assert first[i]["image"].isfinite().all()
    assert not torch.equal(first[0]["image"], first[1]["image"])
    with pytest.raises(IndexError):
        first[4]


def test_another_seed_is_another_run_beside_the_first(folder):
    path = configuration(folder, "x", 1)
    first, member = trainer.train(path), trainer.train(path, seed=7)
    assert member == first.parent.with_name("x-seed7") / "model"
    a, b = (load_file(f / "weights.safetensors") for f in (first, member))
    assert a.keys() == b.keys()
    assert any(not torch.equal(a[k], b[k]) for k in a)
    with pytest.raises(
        InputError, match="'seed' should be a whole number from 0 to 4294967295, not 4294967296"
    ):
        trainer.train(path, seed=1 << 32)


def test_some_patches_have_few_of_the_lesions():
    labels = torch.arange(1, 101, dtype=torch.int16).reshape(4, 5, 5)
    left = [int((module._fewer(labels, Draw.seeded(seed)) > 0).sum()) for seed in range(200)]
    assert left.count(100) / 200 == pytest.approx(1 - module._FEWER, abs=0.1)
    assert 0 < min(left) < 25


def test_patches_lie_anywhere_at_each_lesion_and_in_large_ones():
    brain = torch.ones(96, 96, 96, dtype=torch.bool)
    labels = torch.zeros(96, 96, 96, dtype=torch.int16)
    labels[8, 8, 8], labels[60:80, 60:80, 60:80] = 1, 2
    inside = brain.nonzero().to(torch.int16)
    data = DataConfiguration(folder="data", subjects=["a/"])
    found = torch.tensor([module._centre(labels, inside, data, Draw.seeded(seed)) for seed in range(300)])
    at_small = (found <= 28).all(1).float().mean()
    at_large = (found >= 40).all(1).float().mean()
    assert 0.1 < at_small < 0.3  # half of what is centred at one lesion
    assert at_large > 0.4
    nowhere = torch.zeros_like(labels)
    assert all(len(module._centre(nowhere, inside, data, Draw.seeded(seed))) == 3 for seed in range(5))


def test_real_lesions_are_grafted_where_their_labels_say(folder, monkeypatch, make_patches):
    """Without noise or warping, what is brighter than before is what is labelled."""
    monkeypatch.setattr(module, "_GRAFTED", 1.0)
    monkeypatch.setattr(module, "_CONFOUNDED", 0.0)
    patches = make_patches(read_configuration(configuration(folder, "x", 1)).data, seed=0, length=40)
    seen = []
    monkeypatch.setattr(synthesis, "vary_contrast", lambda images, *rest: images)
    monkeypatch.setattr(patches, "_finish", lambda images, masks, draw: seen.append((images, masks)) or {})
    for i in range(40):
        patches[i]
    grafted = [(images[0], masks[1]) for images, masks in seen if masks[1].sum() > 30]
    assert len(grafted) > 5
    for flair, lesion in grafted:
        assert flair[lesion].mean() > flair[~lesion & (flair != 0)].mean() + 2


@pytest.mark.slow
def test_a_thin_network_trains(folder):
    path = configuration(folder, "thin", 2)
    text = path.read_text().replace("heads = 2", "heads = 2\nthin = true")
    path.write_text(text.replace("[data]", "smoothing = 0.5\n[data]"))
    model = read_model(trainer.train(path))
    assert model.architecture.thin and model.preprocessing.smoothing == 0.5
    assert model.network()(torch.zeros(1, 3, 16, 16, 16)).shape == (1, 2, 16, 16, 16)


def test_a_subject_may_have_a_flair_alone(folder):
    for name in ("T1", "T2"):
        (folder / "data" / "a" / f"{name}.nii.gz").unlink()
    subject = read_subject(folder / "data", "a/")
    assert torch.isfinite(subject.healthy).all()
    assert (subject.images[1:] == 0).all()
    lesion = subject.labels > 0
    assert subject.healthy[0][lesion].mean() < subject.images[0][lesion].mean()


@pytest.mark.parametrize(
    ("name", "affine", "says"),
    [
        ("T1", np.diag([1.0, 1, 1.1, 1]), "grid"),
        ("T2", np.array([[1.0, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "grid"),
        ("FLAIR", np.diag([1.0, 1, 2, 1]), "resample the subject to 1 mm"),
    ],
)
def test_scans_off_the_grid_are_refused(folder, name, affine, says):
    path = folder / "data" / "a" / f"{name}.nii.gz"
    data = np.asarray(nibabel.load(path).dataobj)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    if name == "FLAIR":
        lesions = folder / "data" / "a" / "lesions.nii.gz"
        nibabel.save(nibabel.Nifti1Image(np.asarray(nibabel.load(lesions).dataobj), affine), lesions)
    with pytest.raises(InputError, match=says):
        read_subject(folder / "data", "a/")


def test_backgrounds_ignore_what_may_be_a_lesion_and_get_lesions_planted(folder, make_patches):
    settings = read_configuration(configuration(folder, "x", 1)).data
    patches = make_patches(settings, seed=0, length=250)
    (own,), (background,) = patches.cohort.subjects, patches.cohort.backgrounds
    assert not own.ignored.any()
    assert background.is_background
    assert not background.images[1:].any()
    assert background.ignored.any()
    lesion = (slice(18, 23), slice(18, 23), slice(14, 19))  # the box begins where the scan does
    assert background.images[0][lesion].min() > 3 and background.ignored[lesion].all()
    assert sum(int(patches[i]["raters"].any()) for i in range(250)) > 3


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(folder, monkeypatch):
    monkeypatch.setattr(trainer, "_SAVE_EVERY", 2)
    whole = trainer.train(configuration(folder, "whole", 4))

    class Stop(Exception):
        pass

    def stop(stage, fraction):
        if stage.startswith("step 3"):
            raise Stop

    stopped = configuration(folder, "stopped", 4)
    with pytest.raises(Stop):
        trainer.train(stopped, progress=stop)
    resumed = trainer.train(stopped)
    expected = load_file(whole / "weights.safetensors")
    for name, value in load_file(resumed / "weights.safetensors").items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)
    model = read_model(resumed)
    assert tuple(model.architecture.features) == (2, 4)
    assert model.network()(torch.zeros(1, 3, 16, 16, 16)).shape == (1, 2, 16, 16, 16)


def test_the_learning_rate_warms_up_and_ends_at_nothing():
    settings = OptimisationConfiguration(steps=100, warmup=10, decay=50, learning_rate=1.0)
    rates = [trainer.learning_rate(step, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:50] == pytest.approx([1.0] * 40)
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)
    assert all(b <= a for a, b in itertools.pairwise(rates[10:]))
