"""Imitated acquisitions do what they say, and harmonising takes a contrast curve away."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.stability.images import RANGE, Frame, image_distances
from napari_uncertainseg.audit.stability.imitated.harmonise import StandardScale, match_histogram
from napari_uncertainseg.audit.stability.imitated.imitation import (
    KINDS,
    Imitation,
    imitate,
    parse_imitations,
    usual_imitations,
)
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.volume import Grid, Volume

from ..builders import AFFINE

SHAPE = (30, 32, 34)


@pytest.fixture
def scan():
    """A ball of tissue of 100, with fluid of 20 and a lesion of 160; around it exactly 0."""
    at = np.stack(np.meshgrid(*(np.arange(n) - n / 2 for n in SHAPE), indexing="ij"))
    radius = np.sqrt((at**2).sum(0))
    data = np.where(radius < 13, 100.0, 0.0)
    data[(radius < 4)] = 20
    data[20:23, 20:24, 10:14] = 160
    smooth = ndimage.gaussian_filter(data, 0.8)
    return Volume(np.where(data > 0, smooth, 0).astype(np.float32), Grid(SHAPE, AFFINE), "flair", "flair")


@pytest.fixture
def flat():
    data = np.full((40, 40, 40), 100, np.float32)
    return Volume(data, Grid(data.shape, AFFINE), "flair", "flair")


@pytest.mark.parametrize("sigma", [0.02, 0.05])
def test_noise_of_a_known_sigma_gives_a_known_rmse(flat, sigma):
    noisy = imitate(flat, Imitation("noise", sigma))
    brain = np.ones(flat.data.shape, bool)
    frame = Frame.of(flat.grid, brain)
    found = image_distances([frame.image(flat), frame.image(noisy)], brain)
    # Rician noise far above 0 is Gaussian, and a little brighter, which the median takes away.
    assert found["rmse"][0, 1] == pytest.approx(sigma, rel=0.02)
    assert found["psnr"][0, 1] == pytest.approx(20 * math.log10(RANGE / sigma), abs=0.2)
    assert 0 < found["ssim"][0, 1] < 1


def test_rician_noise_of_little_signal_is_rayleighs():
    """Where there is hardly a signal, the mean is sigma times the root of pi / 2."""
    data = np.full((40, 40, 41), 1e-3, np.float32)
    data[..., :21] = 100  # the larger half: the median
    volume = Volume(data, Grid(data.shape, AFFINE), "flair", "flair")
    dark = imitate(volume, Imitation("noise", 0.1)).data[..., 21:]
    assert dark.mean() == pytest.approx(10 * math.sqrt(math.pi / 2), rel=0.02)


def test_the_same_seed_gives_the_same_scan(scan):
    one, same = (imitate(scan, Imitation("noise", 0.05), person="a", seed=3).data for _ in range(2))
    assert np.array_equal(one, same)
    for other in ({"person": "b", "seed": 3}, {"person": "a", "seed": 4}):
        assert not np.array_equal(one, imitate(scan, Imitation("noise", 0.05), **other).data)
    assert imitate(scan, Imitation()) is scan


@pytest.mark.parametrize("imitation", [one for one in usual_imitations() if one.kind not in ("thick",)])
def test_what_was_cut_out_stays_out(scan, imitation):
    made = imitate(scan, imitation)
    assert not made.data[scan.data == 0].any() and made.grid.same_as(scan.grid)
    assert made.data.dtype == np.float32 and np.isfinite(made.data).all()


def test_blur_has_the_width_that_is_named():
    data = np.full((41, 41, 41), 1e-6, np.float32)
    data[20, 20, 20] = 1
    volume = Volume(data, Grid(data.shape, np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]), "flair", "flair")
    blurred = imitate(volume, Imitation("blur", 6.0)).data
    profile = blurred[20, 20]
    half = np.flatnonzero(profile >= profile.max() / 2)
    assert half[-1] - half[0] + 1 == pytest.approx(6, abs=1.1)  # voxels along this axis are of 1 mm


def test_thick_slices_lie_where_the_thin_ones_lay(scan):
    made = imitate(scan, Imitation("thick", 3.0))
    assert made.grid.spacing == pytest.approx((3, 1, 1)) and made.data.shape == (10, 32, 34)

    def centre(volume):
        return volume.grid.affine @ np.append(ndimage.center_of_mass(volume.data), 1)

    assert centre(made) == pytest.approx(centre(scan), abs=0.15)
    inside = made.data[4:6, 14:18, 25]
    assert inside == pytest.approx(scan.data[14:16, 14:18, 25].mean(), rel=0.05)
    with pytest.raises(InputError, match="no thicker"):
        imitate(made, Imitation("thick", 2.0))


def test_a_bias_field_stays_within_what_is_named(scan):
    made = imitate(scan, Imitation("bias", 0.3))
    gain = made.data[scan.data > 0] / scan.data[scan.data > 0]
    assert gain.min() == pytest.approx(0.7, abs=0.01) and gain.max() == pytest.approx(1.3, abs=0.01)


def test_a_contrast_curve_keeps_the_order_and_the_bright_end(scan):
    made = imitate(scan, Imitation("contrast", 0.7))
    order = np.argsort(scan.data, axis=None)
    assert (np.diff(made.data.ravel()[order]) >= -1e-3).all()
    bright = np.percentile(scan.data[scan.data > 0], 99.5)
    assert made.data[np.isclose(scan.data, bright, rtol=1e-3)] == pytest.approx(bright, rel=1e-2)
    assert np.median(made.data[made.data > 0]) > np.median(scan.data[scan.data > 0])


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("fog", "not by 'fog'"),
        ("noise=much", "not 'much'"),
        ("noise=nan", "not 'nan'"),
        ("blur=-1", "above 0"),
        ("bias=1", "at most 0.95"),
        ("contrast=0", "above 0.05"),
    ],
)
def test_strengths_that_mean_nothing(said, wrong):
    with pytest.raises(InputError, match=wrong):
        parse_imitations([said])


def test_ways_in_words():
    found = parse_imitations(["noise=0.05,0.1", "blur"])
    assert found[:3] == (Imitation(), Imitation("noise", 0.05), Imitation("noise", 0.1))
    assert len(found) == 3 + len(KINDS["blur"].usual) and found[1].name == "noise 5 %"
    assert parse_imitations([]) == usual_imitations()
    with pytest.raises(InputError, match="twice"):
        parse_imitations(["noise=0.05", "noise=0.050"])


def test_an_empty_scan_cannot_be_acquired_in_another_way():
    nothing = Volume(np.zeros((8, 8, 8), np.float32), Grid((8, 8, 8), AFFINE), "flair", "flair")
    with pytest.raises(InputError, match="positive"):
        imitate(nothing, Imitation("noise", 0.1))


def textured(scan, seed=0):
    """The scan with texture, so that its histogram has more than three steps."""
    rng = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(rng.standard_normal(scan.data.shape), 1.5)
    data = np.where(scan.data > 0, scan.data * (1 + 0.8 * texture), 0).astype(np.float32)
    return Volume(data, scan.grid, scan.name, scan.modality)


@pytest.mark.parametrize("power", [0.7, 1.4])
def test_landmarks_take_a_contrast_curve_away(scan, power):
    """A curve that keeps the order moves no voxel's percentile: harmonised images are nearly the same."""
    scan = textured(scan)
    brain = scan.data > 0
    scale = StandardScale.of([(scan.data, brain)])
    curved = imitate(scan, Imitation("contrast", power)).data
    before = np.abs(curved / np.median(curved[brain]) - scan.data / np.median(scan.data[brain]))[brain].mean()
    one, other = (scale.apply(data, brain) / scale.landmarks[6] for data in (scan.data, curved))
    after = np.abs(one - other)[brain].mean()
    assert after < 0.25 * before
    assert not other[~brain].any()


def test_landmarks_of_a_gain_and_of_the_scale_itself(scan):
    scan = textured(scan)
    brain = scan.data > 0
    scale = StandardScale.of([(scan.data, brain), (3 * scan.data, brain)])
    once = scale.apply(scan.data, brain)
    assert scale.apply(7 * scan.data, brain) == pytest.approx(once, abs=1e-3)
    assert scale.apply(once, brain) == pytest.approx(once, abs=1e-3)
    assert once[brain].max() > 100 and scale.landmarks[-1] == 100 and scale.landmarks[0] == 0


def test_scans_without_landmarks(scan):
    with pytest.raises(InputError, match="no landmarks"):
        StandardScale.of([(np.ones(SHAPE), np.ones(SHAPE, bool))])
    with pytest.raises(InputError, match="at least one"):
        StandardScale.of([])
    with pytest.raises(InputError, match="no landmarks"):
        StandardScale.of([(scan.data, scan.data > 1e9)])


def test_matching_takes_a_contrast_curve_away(scan):
    scan = textured(scan)
    brain = scan.data > 0
    curved = imitate(scan, Imitation("contrast", 1.4))
    made = match_histogram(curved, scan)
    before, after = (np.abs(one.data - scan.data)[brain].mean() for one in (curved, made))
    assert after < 0.4 * before and not made.data[~brain].any()


def test_noise_on_a_real_flair(shared_data):
    """Of a real scan too the RMSE is the sigma: it is within 5 % where tissue is far above the noise."""
    flair = read_volume(shared_data / "3d-mr-ms/patient07/FLAIR.nii.gz")
    frame = Frame.of(flair.grid, flair.data > 0)
    noisy = imitate(flair, Imitation("noise", 0.04), person="07")
    found = image_distances([frame.image(flair), frame.image(noisy)], frame.brain)
    assert found["rmse"][0, 1] == pytest.approx(0.04, rel=0.05)
    assert np.array_equal(noisy.data == 0, flair.data == 0)


def test_noise_is_measured_by_the_brain_and_not_by_air():
    """In a head with air that is not 0, most of the scan is air."""
    rng = np.random.default_rng(0)
    data = np.abs(rng.normal(0, 2, (40, 40, 40))).astype(np.float32) + 0.1
    brain = np.zeros(data.shape, bool)
    brain[10:30, 10:30, 10:30] = True
    data[brain] += 100
    volume = Volume(data, Grid(data.shape, AFFINE), "flair", "flair")
    noisy = imitate(volume, Imitation("noise", 0.05), brain=brain)
    assert (noisy.data - data)[brain].std() == pytest.approx(0.05 * 101, rel=0.05)
