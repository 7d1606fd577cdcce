"""Planted lesions are bright and where they should be; the same number gives the same patch."""

import pytest
import torch
from scipy import ndimage

from napari_uncertainseg.training import planting, synthesis
from napari_uncertainseg.training.patches import emphasis
from napari_uncertainseg.training.randomness import Draw, blur, widest
from napari_uncertainseg.training.subjects import read_subject


@pytest.fixture
def scene():
    """White matter in a cube of brain, with a lake of fluid and two lesions' labels."""
    n = 40
    brain = torch.zeros(n, n, n, dtype=torch.bool)
    brain[4:-4, 4:-4, 4:-4] = True
    images = torch.zeros(3, n, n, n)
    images[1] = 0.8
    images[:2, :, :, 24:30] = -2.0
    images += 0.1 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(n, n, n, dtype=torch.long)
    labels[12:18, 12:18, 12:18] = 1
    labels[20:26, 20:26, 20:28] = 2  # reaches into the fluid
    return images * brain, labels, brain


@pytest.mark.parametrize("seed", range(8))
def test_planted_lesions_are_brighter_than_before_and_not_in_fluid(scene, seed):
    images, labels, brain = scene
    out, place = planting.plant_lesions(images, labels, brain, Draw.seeded(seed))
    assert not place[..., 24:30].any()
    assert place.sum() > 0
    gain = (out[0] - images[0])[place]
    assert gain.mean() > 0.1
    assert (out[:, ~brain] == images[:, ~brain]).all()
    far = torch.from_numpy(ndimage.distance_transform_edt(~place.numpy()) > 14)
    torch.testing.assert_close(out[:, far], images[:, far], rtol=0, atol=1e-3)


def test_small_planted_lesions_can_be_seen_and_end_at_their_outline():
    """As in patients 07 and 19: about one unit brighter inside, and hardly any beyond."""
    n = 48
    brain = torch.ones(n, n, n, dtype=torch.bool)
    images = torch.zeros(3, n, n, n)
    images[1] = 0.8
    labels = torch.zeros(n, n, n, dtype=torch.long)
    for i in range(27):  # one to four voxels each
        z, y, x = 6 + 16 * (i // 9), 6 + 16 * (i // 3 % 3), 6 + 16 * (i % 3)
        labels[z : z + 1 + i % 2, y : y + 1 + i // 2 % 2, x] = i + 1
    for seed in range(8):
        out, place = planting.plant_lesions(images, labels, brain, Draw.seeded(seed))
        inside = torch.bincount(labels.flatten(), out[0].flatten().double(), minlength=28)[1:]
        inside /= torch.bincount(labels.flatten())[1:]
        assert inside.min() > 0.15
        assert inside.median() > 0.4
        beyond = torch.from_numpy(ndimage.distance_transform_edt(~place.numpy()))
        rim = (beyond > 1.9) & (beyond < 3)
        assert out[0][rim].mean() < 0.35 * inside.mean()


def test_grafted_lesions_change_only_what_is_near_them_and_what_was_scanned(scene):
    images, labels, brain = scene
    images[2] = 0  # no T2
    signal = torch.stack([torch.full(brain.shape, level) for level in (1.0, -0.5, 0.5)])
    kept = labels * (labels == 1)
    for seed in range(6):
        out, place = planting.graft_lesions(images, kept, signal, brain, Draw.seeded(seed))
        assert torch.equal(place, kept > 0)
        change = out - images
        assert 0.5 < change[0][place].mean() < 1.6
        assert -1.0 < change[1][place].mean() < -0.2
        assert (out[2] == 0).all()
        far = torch.from_numpy(ndimage.distance_transform_edt(~place.numpy()) > 3.5)
        assert (change[:, far] == 0).all()


def test_contrast_varies_where_tissues_are_and_lesions_stay_as_bright(scene):
    healthy, labels, brain = scene
    sick, place = planting.plant_lesions(healthy, labels, brain, Draw.seeded(1))
    changed = 0
    for seed in range(40):
        pair = [synthesis.vary_contrast(x, healthy, brain, 0.3, Draw.seeded(seed)) for x in (sick, healthy)]
        assert ((pair[0] - pair[1])[0][place] > (sick - healthy)[0][place] - 1e-5).all()
        assert (pair[0][:, ~brain] == 0).all()
        changed += int(not torch.equal(pair[1], healthy))
    assert 8 < changed < 26


def test_lesions_left_out_are_gone_and_those_kept_are_as_they_were(scene):
    healthy, labels, brain = scene
    sick, place = planting.plant_lesions(healthy, labels, brain, Draw.seeded(1))
    numbers = labels[place].unique()
    kept = place & (labels == numbers[0])
    out = planting.leave_out(sick, healthy, place & ~kept, kept)
    assert torch.equal(out[:, kept], sick[:, kept])
    gone = place & ~kept
    assert gone.any() and (out - healthy)[0][gone].mean() < 0.2 * (sick - healthy)[0][gone].mean()
    assert torch.equal(planting.leave_out(sick, healthy, torch.zeros_like(place), place), sick)


def test_no_lesion_is_planted_in_fluid_that_only_a_flair_shows(scene):
    healthy, labels, brain = scene
    alone = healthy.clone()
    alone[1:] = 0
    alone[0, :, :, :15] = -2.0
    _, place = planting.plant_lesions(alone, labels, brain, Draw.seeded(1))
    assert (labels[:, :, :15] > 0).any() and not place[:, :, :15].any()
    assert place[:, :, 15:].any()


def test_lesions_are_brighter_than_grey_matter_however_bright_that_is(scene):
    healthy, labels, brain = scene
    healthy[1, :, :, 30:] = -0.2
    grey = brain & (healthy[1] == -0.2)
    for level in (0.0, 0.4, 0.75):
        images = healthy.clone()
        white = float(images[0][brain & (images[1] > 0.5)].median())
        images[0][grey] = white + level
        for seed in range(6):
            out, place = planting.plant_lesions(images, labels, brain, Draw.seeded(seed))
            assert out[0][place].mean() > white + level + 0.1


@pytest.mark.parametrize("seed", range(12))
def test_confounders_stay_in_the_brain_and_finite(scene, seed):
    images, _, brain = scene
    out = planting.plant_confounders(images, brain, Draw.seeded(seed))
    assert out.isfinite().all()
    assert (out[:, ~brain] == 0).all()
    empty = torch.zeros_like(brain)
    assert (planting.plant_confounders(images * 0, empty, Draw.seeded(seed)) == 0).all()


def test_filled_lesions_look_like_the_white_matter_around(scene):
    images, labels, brain = scene
    sick, place = planting.plant_lesions(images, labels, brain, Draw.seeded(1))
    healthy = planting.fill_lesions(sick, place, brain, Draw.seeded(2))
    assert abs(healthy[0][place].mean() - images[0][place].mean()) < 0.15
    assert sick[0][place].mean() - images[0][place].mean() > 0.3


def test_lesions_as_dark_as_fluid_on_t1_are_filled_and_ventricles_are_not(scene):
    images, labels, brain = scene
    sick = images.clone()
    hole = labels == 1
    sick[0][hole], sick[1][hole] = 1.5, -2.0
    lake = (images[0] < -1.5) & brain
    healthy = planting.fill_lesions(sick, hole, brain, Draw.seeded(0))
    assert abs(healthy[1][hole].mean() - 0.8) < 0.2
    torch.testing.assert_close(healthy[:, lake], sick[:, lake], rtol=0, atol=0.35)


def test_blur_agrees_with_scipy(scene):
    images, _, _ = scene
    for sigma, tolerance in ((0.7, 0.01), (1.5, 0.01), (3.0, 0.06)):
        ours = blur(images[:1], sigma)[0].numpy()
        theirs = ndimage.gaussian_filter(images[0].numpy(), sigma, mode="constant", truncate=3)
        inner = (slice(10, -10),) * 3
        assert abs(ours[inner] - theirs[inner]).max() < tolerance


def test_widest_is_a_cube_dilation(scene):
    mask = scene[1] > 0
    ours = widest(mask.float(), 2) > 0
    theirs = ndimage.binary_dilation(mask.numpy(), structure=torch.ones(5, 5, 5).numpy())
    assert (ours.numpy() == theirs).all()


def test_warping_moves_images_and_masks_alike():
    mask = torch.zeros(1, 40, 40, 40)
    mask[:, 14:26, 14:26, 14:26] = 1
    for seed in range(5):
        grid = synthesis.spatial_grid((24, 24, 24), (40, 40, 40), Draw.seeded(seed))
        image, warped = synthesis.warp(grid, mask.repeat(3, 1, 1, 1), mask)
        assert ((image[0] >= 0.5) == warped[0]).all()
        assert warped.any()


@pytest.mark.parametrize("seed", range(6))
def test_z_scores_drift_a_little(scene, seed):
    images, _, brain = scene
    out = synthesis.misnormalise(images, brain, Draw.seeded(seed))
    assert (out[:, ~brain] == 0).all()
    assert 0.05 < (out - images)[:, brain].abs().mean() < 1.0
    images[1] = 0
    assert (synthesis.misnormalise(images, brain, Draw.seeded(seed))[1] == 0).all()


def test_scanners_differ_and_stay_finite_with_nothing_outside_the_brain(scene):
    images, _, brain = scene
    drawn = [synthesis.imitate_scanner(images, brain, Draw.seeded(seed)) for seed in range(8)]
    for out in drawn:
        assert out.isfinite().all()
        assert (out[:, ~brain] == 0).all()
    assert sum(not torch.equal(out, images) for out in drawn) >= 6


def test_flair_is_never_dropped(scene):
    alone = 0
    for seed in range(60):
        out = synthesis.drop_modalities(scene[0], Draw.seeded(seed))
        assert torch.equal(out[0], scene[0][0])
        alone += int(out[1].abs().max() == 0 and out[2].abs().max() == 0)
    assert 12 < alone < 36


def test_small_lesions_and_their_surroundings_count_more():
    lesions = torch.zeros(30, 30, 30, dtype=torch.bool)
    lesions[4, 4, 4:6] = True
    lesions[14:24, 14:24, 14:24] = True
    weight = emphasis(lesions)
    assert weight[4, 4, 4] == weight[6, 4, 4] == 2.0
    assert (weight[12:26, 12:26, 12:26] == 1).all()
    assert weight.min() == 1


def test_planted_lesions_look_like_those_of_patient_19(shared_data):
    """Their own mask, planted into the scan that they were filled in: as bright, brightest near the rim."""
    subject = read_subject(shared_data, "3d-mr-ms/patient19/")
    healthy, brain, labels = (
        x[(..., *subject.box)] for x in (subject.healthy, subject.brain, subject.labels.long())
    )
    real = _levels(subject.images[0][subject.box], labels)
    planted = []
    for seed in range(5):
        out, _ = planting.plant_lesions(healthy, labels, brain, Draw.seeded(seed))
        planted.append(_levels(out[0], labels))
    mean = torch.stack(planted).mean(0)
    torch.testing.assert_close(mean, real, rtol=0.25, atol=0.15)
    assert mean[2] > mean[1] and mean[2] > mean[3]
    assert real[2] > real[1] and real[2] > real[3]


def _levels(flair: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Medians of small lesions, and of large ones at the rim, below it, and in the middle."""
    sizes = torch.bincount(labels.flatten())[labels]
    depth = torch.from_numpy(ndimage.distance_transform_edt((labels > 0).numpy()))
    large = (labels > 0) & (sizes >= 300)
    small = (labels > 0) & (sizes >= 30) & ~large
    parts = (small, large & (depth <= 1), large & (depth > 1) & (depth <= 2), large & (depth > 3))
    return torch.stack([flair[part].median() for part in parts])
