"""Heads drawn from label maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_uncertainseg import InputError
from napari_uncertainseg.training.heads.anatomy import RIM, Anatomy, anatomy_arrays, closed_brain
from napari_uncertainseg.training.heads.classes import NUMBERS, Tissue, tissues
from napari_uncertainseg.training.heads.collection import HeadCollection
from napari_uncertainseg.training.heads.contrasts import draw_contrast
from napari_uncertainseg.training.heads.head import draw_head
from napari_uncertainseg.training.heads.position import Ageing, LesionMask, tissue_at
from napari_uncertainseg.training.heads.scanner import (
    coil_field,
    field_of_view,
    rician,
    strip,
    thick_slices,
)
from napari_uncertainseg.training.randomness import Draw

SHELLS = (  # radius in mm, FreeSurfer's number
    (46, 511),
    (44, 507),
    (38, 515),
    (32, 24),
    (28, 3),
    (24, 2),
    (6, 4),
)


def _labels() -> np.ndarray:
    """A head of shells: ventricle, white, grey, fluid, bone, fat, skin."""
    radius = np.linalg.norm(np.indices((100, 100, 100)) - 49.5, axis=0)
    labels = np.zeros(radius.shape, np.int32)
    for reach, number in SHELLS:
        labels[radius <= reach] = number
    return labels


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    arrays = anatomy_arrays(tissues(_labels()))
    return Anatomy(**{name: torch.from_numpy(array) for name, array in arrays.items()})


@pytest.fixture(scope="module")
def lesions() -> LesionMask:
    data = torch.zeros(182, 218, 182, dtype=torch.bool)
    data[85:110, 60:160, 40:140] = True
    return LesionMask(data, torch.tensor([-72.0, -126.0, -91.0]))


def _head(anatomy, lesions, seed, **settings):
    return draw_head(anatomy, seed, shape=(48, 52, 48), spacing=2.0, lesions=lesions, **settings)


def test_a_seed_gives_one_head(anatomy, lesions):
    one, same, other = (_head(anatomy, lesions, seed, stripped=0.5) for seed in (1, 1, 2))
    for name in ("images", "brain", "lesions"):
        assert torch.equal(getattr(one, name), getattr(same, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_a_head_tells_its_slices_and_what_is_drawn_without_images_is_the_same(anatomy, lesions):
    heads = [_head(anatomy, lesions, seed) for seed in range(8)]
    assert any(max(head.spacing) > 2.4 for head in heads)
    for seed, head in enumerate(heads):
        assert sorted(head.spacing)[:2] == [2.0, 2.0]
        labels_only = _head(anatomy, lesions, seed, modalities=())
        assert labels_only.images.shape == (0, 48, 52, 48) and torch.equal(labels_only.lesions, head.lesions)


@pytest.mark.parametrize("seed", range(8))
def test_heads_are_finite_and_lesions_lie_in_the_brain(anatomy, lesions, seed):
    head = _head(anatomy, lesions, seed, modalities=("flair", "t1", "t2", None), stripped=0.3)
    assert head.images.shape == (4, 48, 52, 48)
    assert head.brain.shape == head.lesions.shape == (48, 52, 48)
    for array in (head.images, head.brain, head.lesions):
        assert array.dtype == torch.float32
        assert array.isfinite().all()
        assert array.min() >= 0
    assert head.brain.max() == 1
    assert head.lesions.sum() > 0
    assert (head.lesions <= head.brain).all()


def test_a_patch_of_1_mm_is_all_field_of_view(anatomy):
    head = draw_head(anatomy, 3, shape=(40, 40, 40), spacing=1.0, whole=True, modalities=("t1",))
    assert (head.brain >= 0.5).float().mean() > 0.5
    assert (head.images[0] == 0).float().mean() < 0.2


def test_every_number_is_one_tissue():
    numbers = [number for each in NUMBERS.values() for number in each]
    assert len(numbers) == len(set(numbers))
    assert tissues(np.array([0, 41.0, 2, 999])).tolist() == [0, Tissue.WHITE, Tissue.WHITE, Tissue.OTHER]


def test_the_brain_holds_its_ventricles_and_furrows_but_not_all_fluid():
    tissue = tissues(_labels())
    tissue[49:51, 49:51, 50:78] = np.where(  # a furrow of 2 mm
        np.isin(tissue[49:51, 49:51, 50:78], (Tissue.GREY, Tissue.WHITE)), Tissue.FLUID, Tissue.VENTRICLE
    )
    brain = closed_brain(tissue)
    core = np.isin(tissue, (Tissue.GREY, Tissue.WHITE, Tissue.VENTRICLE))
    assert brain[core].all()
    assert brain[49:51, 49:51, 60:75].all()
    radius = (brain.sum() * 3 / 4 / np.pi) ** (1 / 3)
    assert radius == pytest.approx(SHELLS[4][0] + RIM, abs=0.6)  # of the 4 mm of fluid half
    assert not brain[np.isin(tissue, (Tissue.BONE, Tissue.SKIN, Tissue.AIR))].any()


def test_bone_holds_marrow_and_fat_lies_beneath_skin(anatomy):
    present = {Tissue(n) for n in anatomy.tissue.unique().tolist()}
    assert {Tissue.MARROW, Tissue.BONE, Tissue.FAT, Tissue.SKIN} <= present


@pytest.mark.parametrize("seed", range(20))
def test_known_sequences_keep_the_order_of_tissues(seed):
    t = Tissue
    flair, t1, t2 = (draw_contrast(name, Draw.seeded(seed)).mean for name in ("flair", "t1", "t2"))
    assert flair[t.LESION] > flair[t.GREY] > flair[t.WHITE] > flair[t.FLUID]
    assert t1[t.WHITE] > t1[t.GREY] > t1[t.FLUID]
    assert t1[t.WHITE] > t1[t.LESION]
    assert t2[t.FLUID] > t2[t.GREY] > t2[t.WHITE]
    assert t2[t.LESION] > t2[t.WHITE]


def test_other_sequences_have_any_order():
    drawn = [draw_contrast(None, Draw.seeded(seed)).mean for seed in range(20)]
    assert 3 < sum(bool(mean[Tissue.GREY] > mean[Tissue.WHITE]) for mean in drawn) < 17


def test_with_age_ventricles_and_furrows_grow(anatomy):
    grid = torch.meshgrid(*[torch.arange(n).float() for n in anatomy.tissue.shape], indexing="ij")
    young, _ = tissue_at(anatomy, torch.stack(grid), Ageing(0, 0), None)
    old, brain = tissue_at(anatomy, torch.stack(grid), Ageing(3.0, 1.0), None)
    radius = [((tissue == Tissue.VENTRICLE).sum() * 3 / 4 / np.pi) ** (1 / 3) for tissue in (young, old)]
    assert radius[1] - radius[0] == pytest.approx(3.0, abs=0.5)
    assert (old == Tissue.GREY).sum() < (young == Tissue.GREY).sum()
    assert torch.equal(brain, anatomy.brain)  # what was brain stays within its mask


def test_thick_slices_blur_across_and_keep_the_mean():
    image = torch.zeros(40, 10, 10)
    image[20] = 1
    assert torch.equal(thick_slices(image, None, 6.0, False, 1.0), image)
    thick = thick_slices(image, 0, 8.0, False, 1.0)
    assert thick.sum() == pytest.approx(float(image.sum()), rel=0.05)
    assert (thick[:, 0, 0] > 0).sum() > 8
    assert torch.equal(thick[:, 0, 0], thick[:, 5, 5])


def test_coils_are_smooth_and_positive():
    field = coil_field((40, 40, 40), 2.0, Draw.seeded(0))
    assert field.min() > 0
    assert (field.diff(dim=0) / field[1:]).abs().max() < 0.2


def test_the_field_of_view_shows_some_brain():
    brain = torch.zeros(50, 60, 50, dtype=torch.bool)
    brain[10:40, 10:50, 10:40] = True
    shares = [
        float(brain[field_of_view((50, 60, 50), brain, 2.0, Draw.seeded(n))].sum() / brain.sum())
        for n in range(40)
    ]
    assert min(shares) > 0.4
    assert 0 < sum(share < 1 for share in shares) < 40


def test_noise_is_rician():
    noisy = rician(torch.zeros(50, 50, 50), 0.1, Draw.seeded(0))
    assert float(noisy.mean()) == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.02)


def test_stripping_is_imperfect_but_about_right():
    brain = torch.zeros(50, 60, 50, dtype=torch.bool)
    brain[10:40, 10:50, 10:40] = True
    kept = strip(brain, Draw.seeded(1), 2.0)
    assert not torch.equal(kept, brain)
    assert (kept & brain).sum() > 0.8 * brain.sum()


def test_a_folder_without_label_maps_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no label map"):
        HeadCollection(tmp_path, None)


def test_lesions_of_a_patient_lie_in_the_white_matter_of_a_real_head(shared_data, tmp_path):
    heads = HeadCollection(shared_data / "synthseg-label-maps", shared_data / "3d-mr-ms" / "masks")
    mask = heads.lesions(17)
    assert 0 < mask.data.sum() < 80_000
    assert mask.data.shape == (182, 218, 182)
