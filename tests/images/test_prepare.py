"""From scans to the network's input and back."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from napari_uncertainseg import Cancelled, InputError
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.preparation import align as alignment
from napari_uncertainseg.images.preparation import brain as brain_room
from napari_uncertainseg.images.preparation import brain_deepbet as deepbet_room
from napari_uncertainseg.images.preparation import brain_search as preparing
from napari_uncertainseg.images.preparation.found_brain import FoundBrain, mended
from napari_uncertainseg.images.preparation.prepare import Prepared, prepare
from napari_uncertainseg.images.preparation.skull import surroundings
from napari_uncertainseg.images.resample import resample_to, zoom
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.training.subjects import find_image


def test_no_resampling_at_the_networks_own_spacing(ball):
    scan = ball(spacing=(1.005, 1.0, 0.995), radius=20)
    prepared = prepare({"flair": scan})
    seen = prepared.network_input()
    assert np.array_equal(seen.channels["flair"], prepared.channels["flair"][seen.box])
    chance = np.random.default_rng(0).random(seen.brain.shape, dtype=np.float32)
    back = seen.back(chance)
    assert np.array_equal(back[seen.box][seen.brain], chance[seen.brain])
    assert not back[~prepared.brain].any()
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        edge = np.flatnonzero(seen.brain.any(axis=others))
        assert edge[0] == 0


def test_only_the_flair_is_smoothed_and_nothing_leaves_the_brain(ball):
    rng = np.random.default_rng(0)
    scan = ball(radius=20)
    scan = replace(scan, data=np.where(scan.data > 0, 100 + rng.normal(0, 5, scan.data.shape), 0))
    prepared = prepare({"flair": scan, "t1": scan})
    before, after = prepared.network_input(), prepared.network_input(smoothing=0.5)
    assert np.array_equal(before.channels["t1"], after.channels["t1"])
    deep = ndimage.binary_erosion(after.brain, iterations=3)
    rough = [np.diff(x.channels["flair"], axis=2)[deep[..., 1:]].std() for x in (before, after)]
    assert rough[1] < 0.9 * rough[0]
    assert abs(after.channels["flair"][deep].mean() - before.channels["flair"][deep].mean()) < 0.02
    assert not after.channels["flair"][~after.brain].any()


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((12, 12, 12), (3.0, 3.0, 3.0)), ((20, 80, 80), (7.5, 1.0, 1.0)), ((100, 100, 100), (0.3, 0.3, 0.3))],
)
def test_any_spacing_goes_through_and_comes_back(ball, shape, spacing):
    reach = 0.4 * min(n * s for n, s in zip(shape, spacing, strict=True))
    prepared = prepare({"flair": ball(shape, spacing, reach)})
    seen = prepared.network_input(1.0)
    for n, m, s in zip(prepared.brain[seen.box].shape, seen.brain.shape, spacing, strict=True):
        assert abs(m - n * s) <= 0.5
    # A smooth map must survive the way out: compare with the same map drawn on the scan's own voxels.
    extent = np.array(seen.brain.shape)
    out = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n for n in extent), indexing="ij")).mean(axis=0)
    inner = prepared.brain[seen.box].shape
    own = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n for n in inner), indexing="ij")).mean(axis=0)
    error = np.abs(seen.back(out.astype(np.float32))[seen.box] - own)[prepared.brain[seen.box]]
    assert error.max() < 0.05
    assert error.mean() < 0.01


def test_downsampling_does_not_alias():
    stripes = np.zeros((80, 4, 4), np.float32)
    stripes[::2] = 1
    small = zoom(stripes, (20, 4, 4))
    assert np.abs(small[2:-2] - 0.5).max() < 0.06


def test_a_given_mask_wins_even_on_another_grid(ball):
    scan = ball()
    own = np.zeros(scan.data.shape, np.uint8)
    own[10:30, 12:34, 16:30] = 1
    prepared = prepare({"flair": scan}, mask=Volume(own, scan.grid, "mine"))
    assert prepared.brain_source == "given"
    assert np.array_equal(prepared.brain, own > 0)
    fine = scan.grid.affine.copy()
    fine[:3, :3] /= 2
    fine[:3, 3] -= fine[:3, :3].sum(axis=1) / 2
    doubled = Volume(own.repeat(2, 0).repeat(2, 1).repeat(2, 2), Grid((96, 96, 96), fine), "fine")
    assert (prepare({"flair": scan}, mask=doubled).brain != (own > 0)).mean() < 0.05
    with pytest.raises(InputError, match=r"'mine'.*empty"):
        prepare({"flair": scan}, mask=Volume(own * 0, scan.grid, "mine"))


def test_scans_that_cannot_be_used_are_named(ball):
    scan = ball()
    with pytest.raises(InputError, match="FLAIR is needed"):
        prepare({"t1": scan})
    with pytest.raises(InputError, match="Unknown kind of scan 'pd'"):
        prepare({"flair": scan, "pd": scan})
    with pytest.raises(InputError, match="'ball' holds voxels"):
        prepare({"flair": replace(scan, data=np.where(scan.data > 0, np.nan, 0))})


def test_a_ball_of_zeros_around_is_a_stripped_brain(ball):
    scan = ball()
    assert prepare({"flair": scan}).brain_source == "already stripped"
    noisy = scan.data + np.abs(np.random.default_rng(1).normal(size=scan.data.shape))
    assert surroundings(replace(scan, data=noisy)).skull is None


def _head(ball, air=0.0, **options) -> Volume:
    """A brain of 1.6 l in fluid, under a dark skull of 7 mm and a bright scalp of 6 mm."""
    scan = ball(shape=(64, 64, 64), radius=200.0, **options)
    away = np.linalg.norm((np.indices(scan.data.shape).T - 32) * 3.0, axis=-1).T
    shares = np.select([away < 72, away < 81, away < 87], [1.0, 0.1, 0.8], 0.0)
    return replace(scan, data=(scan.data * shares + np.where(shares == 0, air, 0)).astype(np.float32))


def _crop(scan: Volume, axis: int, start: int, stop: int) -> Volume:
    data = scan.data[tuple(slice(start, stop) if k == axis else slice(None) for k in range(3))]
    return replace(scan, data=data, grid=replace(scan.grid, shape=data.shape))


def _scaled(scan: Volume, factor: float) -> Volume:
    return replace(scan, grid=replace(scan.grid, affine=scan.grid.affine @ np.diag([*3 * [factor], 1])))


@pytest.mark.parametrize("air", [0.0, 1.0, -5.0])
@pytest.mark.parametrize(("start", "stop"), [(0, 64), (20, 44), (0, 32), (32, 64), (28, 38)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_cut_out_head_is_a_head_and_a_slab_of_a_brain_is_a_brain(ball, air, axis, start, stop):
    head = _crop(_head(ball, air), axis, start, stop)
    assert surroundings(head).skull == "present"
    brain = ball(shape=(64, 64, 64), radius=72.0)
    brain = _crop(replace(brain, data=np.where(brain.data == 0, air, brain.data)), axis, start, stop)
    assert surroundings(brain).skull == "removed"


def test_a_scan_that_tells_nothing_is_doubtful(ball):
    inside = ball(radius=200.0)  # no air at all
    assert surroundings(inside).skull is None
    assert surroundings(replace(inside, data=np.zeros_like(inside.data))).skull is None
    assert surroundings(_crop(ball(), 0, 22, 26)).skull is None
    assert surroundings(_crop(ball(), 0, 24, 25)).skull is None


def test_what_the_user_says_of_the_skull_wins(ball, monkeypatch):
    head, brain = _head(ball), ball(radius=60.0)
    found = brain.data > 0
    monkeypatch.setattr(preparing, "find_brain", lambda scan, progress: found[: len(scan.data)])
    assert prepare({"flair": head}, skull="removed").brain_source == "already stripped"
    prepared = prepare({"flair": brain}, skull="present")
    assert prepared.brain_source == brain_room.FINDER
    assert "100% of the head" in prepared.notes[0]
    with pytest.raises(InputError, match="one of auto, removed, present"):
        prepare({"flair": brain}, skull="maybe")


def test_a_doubt_about_the_skull_is_said_and_the_brain_is_looked_for(ball, monkeypatch):
    inside = ball(radius=200.0, seed=3)
    monkeypatch.setattr(preparing, "find_brain", lambda scan, progress: ball(radius=60.0).data > 0)
    prepared = prepare({"flair": inside})
    assert prepared.brain_source == brain_room.FINDER
    assert "is doubtful" in prepared.notes[0]


@pytest.mark.parametrize(("factor", "litres"), [(2.0, "7.2"), (0.1, "0.0009"), (10.0, "90")])
def test_no_brain_of_a_wrong_voxel_size_is_segmented(ball, monkeypatch, factor, litres):
    monkeypatch.setattr(preparing, "find_brain", lambda scan, progress: scan.data > 0)
    scan = _scaled(ball(radius=60.0), factor)
    with pytest.raises(InputError, match=rf"'ball' has {re.escape(litres)}.* l, and.*check the voxel size"):
        prepare({"flair": scan})
    mask = replace(scan, data=(scan.data > 0).astype(np.uint8))
    (note,) = prepare({"flair": scan}, mask=mask, skull="removed").notes  # theirs to say, but not unsaid
    assert "check the voxel size" in note


def test_a_strange_brain_is_said_before_it_is_believed(ball):
    (small,) = prepare({"flair": ball(radius=40.0)}).notes
    assert "has 0.27 l, which is unusual" in small
    (cut,) = prepare({"flair": _crop(ball(), 0, 24, 48)}).notes
    assert "cuts the brain off at the bottom" in cut
    volume, sides = prepare({"flair": _crop(ball(), 2, 12, 36)}).notes
    assert "which is unusual" in volume and "at the left and the right" in sides


def _asked(scan, **options):
    """What the user is asked before the brain of a scan is used."""
    asked = []
    prepare({"flair": scan}, look=lambda brain: asked.append(brain.strange), **options)
    return asked[0]


def test_of_a_stripped_scan_it_is_asked_where_no_adults_brain_is_so_large_or_small(ball):
    whole = ball((48, 50, 48), (4.0, 4.0, 4.0), radius=66.0)  # 1.2 l
    assert not _asked(whole)
    half = replace(whole, data=np.where(np.indices(whole.data.shape)[2] < 24, whole.data, 0))
    assert "has 0.58 l, which is unusual" in _asked(half) and "scanned on purpose" in _asked(half)
    assert "has 2.36 l" in _asked(_scaled(whole, 1.25))
    assert "has 2.03 l, which is unusual" in _asked(_scaled(whole, 1.19))  # not "has 2 l", which is usual
    crop = _asked(_crop(whole, 2, 0, 24))  # asked, never refused, and the volume is why
    assert "has 0.58 l, which is unusual" in crop and "cuts the brain off at the" in crop
    slab = _crop(whole, 0, 0, 24)
    assert not _asked(slab) and "cuts the brain off at the top" in prepare({"flair": slab}).notes[0]


@pytest.mark.parametrize("litres", [1.996, 2.004, 2.006, 2.04, 0.896, 0.894])
def test_a_volume_that_is_called_unusual_reads_as_unusual(ball, litres):
    whole = ball((48, 50, 48), (4.0, 4.0, 4.0), radius=66.0)
    scan = _scaled(whole, (litres / (float((whole.data > 0).sum()) * 64e-6)) ** (1 / 3))
    said = re.search(r"has ([\d.]+) l, which is unusual", _asked(scan))
    assert (said is None) == (0.895 < litres < 2.005)
    assert said is None or not 0.9 <= float(said[1]) <= 2.0


@pytest.mark.parametrize(("axis", "usual"), [(0, True), (1, False), (2, False)])
def test_notes_and_question_count_the_same_ends_of_a_scan(ball, axis, usual):
    """A slab may be small; what ends at a side of the scan may not. One rule, wherever it is said."""
    part = _crop(ball((48, 50, 48), (4.0, 4.0, 4.0), radius=66.0), axis, 0, 24)
    notes = brain_room.check_brain(part.data > 0, part)
    assert any("is unusual" in note for note in notes) != usual
    assert brain_room.has_usual_volume(part.data > 0, part) == usual


def test_what_is_asked_of_a_known_brain_is_what_was_asked_when_it_was_found(ball, monkeypatch):
    scan = ball(radius=40.0)
    stripped = FoundBrain(scan.data > 0, "already stripped")
    assert _asked(scan, brain=stripped) == _asked(scan) != ""
    monkeypatch.setattr(preparing, "find_brain", lambda scan, progress: scan.data > 0)
    found = FoundBrain(scan.data > 0, brain_room.FINDER)
    assert _asked(scan, brain=found) == _asked(scan, skull="present") != ""


def test_nothing_is_mended_where_no_voxel_differs(ball):
    before = FoundBrain(ball().data > 0, "given", ("A note.",))
    assert mended(before.mask.copy(), before) is before
    assert mended(~before.mask, before).source == "given, mended by hand"


def test_specks_in_the_air_are_no_brain(ball):
    scan = ball()
    speckled = scan.data.copy()
    speckled[2, 2, 2] = 50
    assert np.array_equal(
        prepare({"flair": replace(scan, data=speckled)}).brain, prepare({"flair": scan}).brain
    )


def test_without_deepbet_the_way_out_is_said(ball, monkeypatch):
    monkeypatch.setattr(deepbet_room, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r'pip install "napari-uncertainseg\[brain\]"'):
        brain_room.find_brain(ball(), finder="deepbet")


def test_notes_of_the_files_reach_the_user(ball):
    assert prepare({"flair": replace(ball(), notes=("mended",))}).notes == ("mended",)


def test_n4_flattens_a_bias_field(ball):
    scan = ball(radius=60)
    field = np.exp(0.4 * (np.indices(scan.data.shape)[2] / 24 - 1)).astype(np.float32)
    biased = replace(scan, data=scan.data * field)

    def slope(prepared: Prepared) -> float:
        smooth = ndimage.gaussian_filter(prepared.channels["flair"], 3)
        return abs(np.corrcoef(np.indices(scan.data.shape)[2][prepared.brain], smooth[prepared.brain])[0, 1])

    assert slope(prepare({"flair": biased})) > 0.9
    assert slope(prepare({"flair": biased}, bias_correction="on")) < 0.5


@pytest.mark.parametrize(
    ("correction", "skull", "mask", "corrected"),
    [
        ("auto", "auto", False, False),  # stripped: corrected before
        ("auto", "removed", True, False),
        ("auto", "auto", True, False),
        ("auto", "present", True, True),
        ("on", "auto", False, True),
        ("off", "present", True, False),
    ],
)
def test_brightness_is_corrected_where_the_skull_is(ball, correction, skull, mask, corrected):
    scan = ball()
    given = replace(scan, data=(scan.data > 0).astype(np.float32)) if mask else None
    ready = prepare({"flair": scan}, mask=given, skull=skull, bias_correction=correction)
    assert ready.bias_corrected is corrected


def test_an_unknown_correction_is_said(ball):
    with pytest.raises(InputError, match="should be one of auto, on, off"):
        prepare({"flair": ball()}, bias_correction="always")


def _cancel_after(calls: int):
    """Progress that cancels at a call, and fails when work goes on after that."""
    left = iter(range(calls, -1, -1))

    def progress(stage: str, fraction: float) -> None:
        assert 0 <= fraction <= 1
        if next(left) == 0:
            raise Cancelled

    return progress


def test_n4_can_be_cancelled(ball):
    with pytest.raises(Cancelled):
        prepare({"flair": ball()}, bias_correction="on", progress=_cancel_after(0))


# -- real scans --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def patient01(shared_data):
    return shared_data / "3d-mr-ms-longitudinal" / "patient01"


def _affine_of(path) -> np.ndarray:
    """4x4 in RAS of an ITK transform file, which speaks LPS."""
    transform = sitk.ReadTransform(str(path))
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis in range(3):
        matrix[:3, axis] = np.array(transform.TransformPoint(tuple(np.eye(3)[axis]))) - origin
    flip = np.diag([-1.0, -1, 1, 1])
    return flip @ matrix @ flip


def _error(found: np.ndarray, true: np.ndarray, volume: Volume) -> float:
    """Mean distance between two transforms over the head, mm."""
    points = np.argwhere(alignment.head(volume))[::50]
    world = volume.grid.affine @ np.c_[points, np.ones(len(points))].T
    return float(np.linalg.norm(((found - true) @ world)[:3], axis=0).mean())


@pytest.mark.slow
@pytest.mark.parametrize(("visit", "with_t1"), [(1, True), (2, False)])
def test_the_brain_of_a_raw_scan_is_found(patient01, visit, with_t1):
    flair = read_volume(patient01 / f"study{visit}_FLAIR.nii.gz")
    images = {"flair": flair} | (
        {"t1": read_volume(patient01 / f"study{visit}_T1W.nii.gz")} if with_t1 else {}
    )
    prepared = prepare(images)
    assert prepared.brain_source == brain_room.FINDER
    (note,) = prepared.notes
    assert prepared.bias_corrected and "uneven brightness" in note
    common = read_labels(patient01 / "coreg_brainmask.nii.gz")
    to_raw = _affine_of(patient01 / f"study{visit}_FLAIR_to_common_space.txt")
    reference = resample_to(common, flair.grid, np.linalg.inv(to_raw), nearest=True) > 0
    dice = 2 * (prepared.brain & reference).sum() / (prepared.brain.sum() + reference.sum())
    assert dice > 0.94
    seen = prepared.network_input()
    assert np.mean((seen.back(seen.brain.astype(np.float32)) > 0.5) == prepared.brain) > 0.999


def test_a_raw_scan_whose_air_was_set_to_zero_shows_its_skull(patient01):
    flair = read_volume(patient01 / "study1_FLAIR.nii.gz")
    air = ndimage.binary_fill_holes(flair.data > 60)
    cut = _crop(replace(flair, data=np.where(air, flair.data, 0).astype(np.float32)), 0, 8, 36)
    assert (cut.data == 0).mean() > 0.5
    assert surroundings(cut).skull == "present"


@pytest.mark.parametrize("case", ["3d-mr-ms/patient07/FLAIR.nii.gz", "mslesseg/P14_visit1/flair.nii.gz"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_stripped_slab_is_not_stripped_again(shared_data, case, axis):
    scan = read_volume(shared_data / case)
    slab = _crop(scan, axis, 70, 120)
    prepared = prepare({"flair": slab})
    assert prepared.brain_source == "already stripped"
    assert prepared.brain.sum() >= (slab.data != 0).sum() * 0.999
    assert any("cuts the brain off" in note for note in prepared.notes)


@pytest.mark.slow
def test_brain_extraction_asks_often_and_can_be_cancelled(patient01):
    pytest.importorskip("deepbet")
    flair = read_volume(patient01 / "study1_FLAIR.nii.gz")
    with pytest.raises(Cancelled):
        brain_room.find_brain(flair, _cancel_after(10), finder="deepbet")


@pytest.mark.slow
def test_agreeing_headers_are_trusted_and_lost_ones_registered(patient01, monkeypatch):
    scan = "study1_T1W"
    flair = read_volume(patient01 / f"{scan[:6]}_FLAIR.nii.gz")
    other = read_volume(patient01 / f"{scan}.nii.gz")
    truth = _affine_of(patient01 / f"{scan}_intrastudy_to_FLAIR.txt")
    assert _error(np.eye(4), truth, flair) < 1.0  # mm: the headers are good
    trusted = alignment.align(other, flair)
    assert trusted.note is None
    assert np.array_equal(trusted.data, resample_to(other, flair.grid))
    shift = np.eye(4)
    shift[:3, 3] = (40, 120, -60)
    lost = replace(other, grid=replace(other.grid, affine=shift @ other.grid.affine))
    transforms = []
    register = alignment.register
    monkeypatch.setattr(alignment, "register", lambda *a: transforms.append(register(*a)) or transforms[-1])
    found = alignment.align(lost, flair)
    assert found.note is not None
    assert "moved by 14" in found.note or "moved by 139 mm" in found.note
    assert _error(np.linalg.inv(shift) @ transforms[0], truth, flair) < 1.6
    with pytest.raises(Cancelled):
        alignment.align(lost, flair, _cancel_after(0))


def test_a_scan_of_another_patient_is_noticed(ball):
    flair, stranger = ball(seed=0), replace(ball(seed=1), name="stranger", modality="t1")
    (note,) = prepare({"flair": flair, "t1": stranger}).notes
    assert "'stranger' has little in common with 'ball'" in note
    away = np.eye(4)
    away[0, 3] = 400
    far = replace(stranger, grid=replace(stranger.grid, affine=away @ stranger.grid.affine))
    with pytest.raises(InputError, match=r"'stranger'.*leave T1 out"):
        prepare({"flair": flair, "t1": far})


@pytest.mark.parametrize(
    ("visit", "name", "stranger"),
    [("ms3seg/104670", "t2", "ms3seg/104899"), ("mslesseg/P14_visit2", "t1", "3d-mr-ms/patient07")],
)
def test_scans_of_one_visit_that_share_little_are_trusted(shared_data, visit, name, stranger):
    flair = read_volume(shared_data / visit / "flair.nii.gz")
    own = read_volume(shared_data / visit / f"{name}.nii.gz")
    assert alignment.align(own, flair).note is None
    other = find_image(shared_data, f"{stranger}/", name)
    small, target = (alignment.Coarse(read_volume(one)) for one in (other, flair.path))
    assert not alignment.show_one_head(target, resample_to(small.copy, target.copy.grid))


@pytest.mark.slow
def test_another_patients_t1_is_noticed(shared_data):
    flair = read_volume(shared_data / "3d-mr-ms/patient07/FLAIR.nii.gz")
    own = read_volume(shared_data / "3d-mr-ms/patient07/T1.nii.gz")
    assert alignment.align(own, flair).note is None
    assert alignment.align(own, flair).data is own.data
    other = read_volume(shared_data / "3d-mr-ms/patient19/T1.nii.gz")
    note = alignment.align(other, flair).note
    assert note is not None
    assert "same patient" in note
    away = np.eye(4)
    away[2, 3] = 400
    far = replace(other, grid=replace(other.grid, affine=away @ other.grid.affine), name="other T1")
    with pytest.raises(InputError, match=r"'other T1'.*leave T1 out"):
        alignment.align(far, flair)


def test_a_t1_of_part_of_the_brain_and_the_flair_given_twice_are_noted(ball):
    flair = ball()
    twice = prepare({"flair": flair, "t1": replace(flair, name="again", modality="t1")})
    assert any("'again' was given as T1 and holds the same voxels" in note for note in twice.notes)
    other = ball(seed=1)
    part = other.data.copy()
    part[:16] = 0
    notes = prepare({"flair": flair, "t1": replace(other, data=part, name="part", modality="t1")}).notes
    assert any("'part' (T1) shows only" in note for note in notes)
    assert not any("shows only" in note for note in prepare({"flair": flair, "t1": other}).notes)


def test_an_unusual_brain_is_asked_about_wherever_it_is_from(ball):
    """Also of a scan that came stripped, too large or too small, and of the user's own mask."""
    seen = []
    prepare({"flair": ball()}, look=seen.append)
    prepare({"flair": ball(shape=(60, 60, 60), radius=81.0)}, look=seen.append)
    prepare({"flair": ball(radius=40.0)}, look=seen.append)
    prepare({"flair": ball()}, mask=ball(), look=seen.append)
    prepare({"flair": ball()}, mask=ball(radius=6.0), look=seen.append)
    assert [bool(brain.strange) for brain in seen] == [False, True, True, False, True]
    assert "2.22 l" in seen[1].strange and "check the voxel size" in seen[4].strange


def test_a_painted_outline_keeps_the_warning_about_its_volume(ball):
    painted = mended(ball(radius=6.0).data > 0, FoundBrain(ball().data > 0, "network"))
    (note,) = prepare({"flair": ball()}, brain=painted).notes[1:]
    assert "check the voxel size" in note
