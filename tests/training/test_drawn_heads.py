"""Heads drawn from label maps and tissue maps serve as brains to plant lesions in."""

import nibabel
import numpy as np
import pytest
import torch

from napari_uncertainseg import InputError
from napari_uncertainseg.training import patches
from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.heads.classes import Tissue
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.sources import drawn_heads
from napari_uncertainseg.training.sources.cohort import read_cohort
from napari_uncertainseg.training.sources.drawn_heads import (
    TissueMap,
    draw_healthy,
    draw_patient,
    read_tissue_map,
)

SHELLS = ((46, 511), (44, 507), (38, 515), (32, 24), (28, 3), (24, 2), (6, 4))
"""Radius in mm and FreeSurfer's number: skin, fat, bone, fluid, grey, white, ventricle."""
DRAWN = 'label_maps = "maps"\ndrawn_heads = 2\ntissue_maps = "patients"\nbackground_share = 1.0\n'


@pytest.fixture
def heads(folder, monkeypatch):
    """Beside the small subject: a label map of shells, and a patient's tissue map with two lesions."""
    monkeypatch.setattr(drawn_heads, "SHAPE", (72, 76, 74))
    radius = np.linalg.norm(np.indices((100, 100, 100)) - 49.5, axis=0)
    labels = np.zeros(radius.shape, np.int16)
    for reach, number in SHELLS:
        labels[radius <= reach] = number
    save(labels, folder / "data" / "maps" / "one.nii.gz")
    radius = np.linalg.norm((np.indices((100, 100, 50)).T - [49.5, 49.5, 24.5]) * [0.5, 0.5, 1.0], axis=-1).T
    tissue = (radius <= 22) * 1 + (radius <= 20) * 1 + (radius <= 16) * 1
    lesions = np.zeros(radius.shape, np.int16)
    lesions[60:72, 46:58, 20:26] = lesions[30:36, 46:52, 20:23] = 1
    patient = folder / "data" / "patients" / "p1"
    names = {"t1_Tissue_Classes": tissue, "mask": lesions, "brain_mask": tissue > 0}
    for name, data in names.items():
        save(data.astype(np.int16), patient / f"{name}.nii.gz", (0.5, 0.5, 1.0))
    return folder / "data"


def save(data, path, spacing=(1.0, 1.0, 1.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(data, np.diag([*spacing, 1.0])), path)


def with_heads(write_run, text=DRAWN, patch=8):
    return read_configuration(write_run(patch=f"{text}patch = {patch}"))


def test_a_drawn_head_is_read_as_a_users_scan_is(heads):
    one, same, other = (draw_healthy(heads / "maps" / "one.nii.gz", seed, None) for seed in (3, 3, 4))
    assert torch.equal(one.images, same.images)
    assert one.images.shape != other.images.shape or not torch.equal(one.images, other.images)
    assert one.is_background and not one.stripped and not one.labels.any() and not one.ignored.any()
    assert one.images.dtype == torch.float16 and one.images.isfinite().all()
    assert (one.images[:, ~one.brain] == 0).all()
    sphere = 4 / 3 * np.pi * 28**3  # to the cortex; it is scaled by up to 1.2 in each direction
    assert 0.5 * sphere < int(one.brain.sum()) < 2.2 * sphere


def test_a_patients_lesions_lie_where_they_were_and_are_not_drawn(heads):
    files = TissueMap.in_folder(heads / "patients" / "p1")
    anatomy, lesions = read_tissue_map(files)
    assert anatomy.tissue.shape == (44, 44, 44)
    assert int(lesions.sum()) == pytest.approx(12 * 12 * 6 / 4 + 6 * 6 * 3 / 4, rel=0.15)
    assert (anatomy.tissue[lesions] == Tissue.WHITE).all()
    assert (anatomy.brain == (anatomy.tissue > 0)).float().mean() > 0.98
    subject = draw_patient(files, 1)
    assert int(subject.labels.max()) == 2
    assert 0.4 < int((subject.labels > 0).sum()) / int(lesions.sum()) < 2.2  # scaled as the head is
    inside = subject.images[0][subject.labels > 0].float()
    around = subject.images[0][subject.brain].float()
    assert inside.mean() < around.mean() + around.std()  # no brighter than white matter


def test_drawn_heads_are_backgrounds_kept_in_the_cache(heads, write_run, monkeypatch, tmp_path):
    data = with_heads(write_run).data
    cohort = read_cohort(data, tmp_path / "cache")
    assert [int(b.labels.max()) for b in cohort.backgrounds] == [0, 0, 2]
    monkeypatch.setattr(drawn_heads, "draw_head", None)
    again = read_cohort(data, tmp_path / "cache")
    for one, same in zip(cohort.backgrounds, again.backgrounds, strict=True):
        assert torch.equal(one.images, same.images) and torch.equal(one.labels, same.labels)
        assert one.spacing == same.spacing and same.is_background


def test_a_patients_own_lesions_are_planted_into_its_brain(heads, write_run, make_patches, monkeypatch):
    data = with_heads(write_run, DRAWN.replace("drawn_heads = 2", "drawn_heads = 1"), patch=32).data
    monkeypatch.setattr(patches, "_OWN", 1.0)
    drawn = make_patches(data, seed=0, length=12)
    patient = drawn.cohort.backgrounds[-1]
    kept = drawn._drawn_lesions(patient, Draw.seeded(1)).labels
    assert (kept[kept > 0] == patient.labels[kept > 0]).all()
    assert sum(bool(drawn[i]["reference"].any()) for i in range(12)) >= 2


def test_whose_masks_are_not_planted_is_not_drawn(heads, write_run):
    text = DRAWN + 'masks = "masks"\nexcluded_masks = ["p1"]\n'
    save(np.zeros((4, 4, 4), np.int16), heads / "masks" / "p1.nii.gz")
    assert with_heads(write_run, text).data.tissue_map_files == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("drawn_heads = 2\n", "", "needs both 'label_maps' and 'drawn_heads'"),
        ('label_maps = "maps"\n', "", "needs both 'label_maps' and 'drawn_heads'"),
        ('"maps"', '"masks/none"', "holds no label map"),
        ('"patients"', '"nobody"', "is no folder"),
        ('"patients"', '"."', r"has no file \*Tissue\*"),
        ("= 1.0", "= 1.5", "background_share"),
    ],
)
def test_mistakes_are_named(heads, write_run, tmp_path, old, new, says):
    assert old in DRAWN
    with pytest.raises(InputError, match=says):
        read_cohort(with_heads(write_run, DRAWN.replace(old, new)).data, tmp_path / "cache")


def test_files_of_different_shapes_are_refused(heads):
    patient = heads / "patients" / "p1"
    save(np.zeros((4, 4, 4), np.int16), patient / "mask.nii.gz")
    with pytest.raises(InputError, match="should have one shape"):
        read_tissue_map(TissueMap.in_folder(patient))
