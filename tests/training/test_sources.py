"""Patients come in as their files are: thick, with a skull, in styles. One line leaves a source out."""

import shutil

import nibabel
import numpy as np
import pytest
import torch

from napari_uncertainseg import InputError
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.networks import brain
from napari_uncertainseg.training import synthesis
from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.sources import prepared_cache, visits
from napari_uncertainseg.training.sources.cohort import prepared_twice, read_cohort
from napari_uncertainseg.training.sources.prepared_cache import prepared_visit
from napari_uncertainseg.training.sources.visits import Visit, read_visit, resampled_labels
from napari_uncertainseg.training.subjects import lesion_labels

SOURCES = """
name = "sources"
output = "out"
[data]
folder = "data"
patch = 16
masks = "masks"
{extra}
[[data.sources]]
name = "stripped"
subjects = ["a/"]
masks = ["b"]
[[data.sources]]
name = "thick"
group = "hospital"
style = "tight"
ignore = "caps"
subjects = [["thick/one_", "thick/two_"], "thick/other_"]
[[data.sources]]
name = "fine"
group = "hospital"
style = "tight"
subjects = ["a/"]
[network]
features = [2, 4]
heads = 2
"""
STEP = (5.0, 0.9, 0.9)


def write(folder, extra="", **changes):
    text = SOURCES.format(extra=extra)
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "sources.toml"
    path.write_text(text)
    return path


@pytest.fixture
def raw(folder):
    """Beside the small subject: three thick visits with a skull, a brain mask, and caps that are ignored."""
    rng = np.random.default_rng(1)
    shape = (160, 160, 20)
    axes = [np.linspace(-1.2, 1.2, n) for n in shape]
    radius = sum(a**2 for a in np.meshgrid(*axes, indexing="ij"))
    brain, head = radius < 0.6, (radius > 0.75) & (radius < 1.1)
    lesion, caps = (np.zeros(shape, np.uint8) for _ in range(2))
    lesion[70:80, 70:80, 10], lesion[100, 90, 9], caps[60:64, 90:100, 11] = 1, 1, 1
    affine = np.diag([*STEP[::-1], 1.0])
    (folder / "data" / "thick").mkdir()
    for name in ("one", "two", "other"):
        scan = (rng.normal(200, 5, shape) + 80.0 * lesion + 60.0 * caps) * brain
        scan += rng.normal(300, 5, shape) * head + rng.normal(5, 1, shape).clip(1)
        images = {"flair": scan.astype(np.float32), "lesion": lesion, "caps": caps, "brainmask": brain}
        for kind, data in images.items():
            data = data.astype(np.uint8) if data.dtype == bool else data
            path = folder / "data" / "thick" / f"{name}_{kind}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return folder


def test_one_line_leaves_a_source_and_its_hospital_out(raw):
    whole = read_configuration(write(raw, "phantoms = 1")).data
    assert whole.styles == ("stripped", "tight")
    assert whole.sources_left_out == () and whole.masks_not_planted == ()
    for named in ("thick", "fine", "hospital"):
        data = read_configuration(write(raw, f'left_out = "{named}"')).data
        assert [source.name for source in data.training_sources] == ["stripped"]
        assert [source.name for source in data.sources_left_out] == ["thick", "fine"]
        assert data.styles == ("stripped",)


def test_masks_of_a_source_that_is_left_out_are_not_planted(raw):
    shutil.copy(raw / "data" / "masks" / "b.nii.gz", raw / "data" / "masks" / "c.nii.gz")
    # the masks lie on the grid of "a", which is in the source "fine" too
    data = read_configuration(write(raw, 'left_out = "stripped"')).data
    assert data.masks_not_planted == ("b",)
    cohort = read_cohort(data, raw / "cache")
    assert len(cohort.masks) == 1 and cohort.styles == 1


@pytest.mark.parametrize(
    ("extra", "change", "says"),
    [
        ('left_out = "nobody"', {}, "leaves out 'nobody', which is none of stripped, thick, fine, hospital"),
        ('subjects = ["a/"]', {}, "needs either 'subjects' or tables"),
        ("by_lesion = 0.9", {}, "more than 1 together"),
        ("", {"a": ('name = "fine"', 'name = "thick"')}, "has two sources of the same name"),
        ("", {"a": ('masks = ["b"]', 'masks = ["z"]')}, "stripped: masks names 'z'"),
        ("", {"a": ('["thick/one_", "thick/two_"]', "[]")}, r"\[data.sources\] subjects"),
        ("", {"a": ('ignore = "caps"', 'ignored = "caps"')}, r"\[data.sources\] ignored is an unknown key"),
        ("", {"a": ('"thick/other_"', '"nowhere/x_"')}, "is not there"),
    ],
)
def test_mistakes_in_sources_are_named(raw, extra, change, says):
    with pytest.raises(InputError, match=says):
        read_configuration(write(raw, extra, **change))


def test_a_thick_scan_with_a_skull_is_prepared_as_a_users_scan_is(raw):
    subject = read_visit(Visit(raw / "data", "thick/one_", "caps"), bias_correction=False)
    assert not subject.stripped and subject.frame is None
    assert subject.spacing == pytest.approx(STEP)
    assert subject.images.dtype == torch.float16 and subject.images.shape[1:] == subject.brain.shape
    assert (subject.images[:, ~subject.brain] == 0).all() and (subject.images[1:] == 0).all()
    lesion = subject.labels > 0
    assert int(subject.labels.max()) == 2
    expected = 101 * np.prod(STEP)
    assert int(lesion.sum()) == pytest.approx(expected, rel=0.15)
    assert float(subject.images[0][lesion].float().mean()) > 0.9  # (280 / 200 - 1) / 0.3, blurred at the rim
    assert float(subject.healthy[0][lesion].float().mean()) < 0.4
    assert int(subject.ignored.sum()) == pytest.approx(40 * np.prod(STEP), rel=0.2)
    assert not (subject.ignored & lesion).any()


def test_bad_brain_masks_are_not_used(raw, monkeypatch):
    given = []
    monkeypatch.setattr(visits, "prepare", lambda scans, *, mask, **rest: given.append(mask) or 1 / 0)
    for use in (True, False):
        path = write(raw, a=('group = "hospital"', f'group = "hospital"\nbrain_masks = {str(use).lower()}'))
        source = read_configuration(path).data.sources[1]
        visit = Visit.of_source(source, raw / "data", "thick/one_")
        assert ("brainmask" in visit.files) == use
        with pytest.raises(ZeroDivisionError):
            read_visit(visit, bias_correction=False)
    assert given[0] is not None and given[1] is None


def test_no_lesion_is_lost_and_no_volume_won():
    """Random lesions, thin ones among them, on voxels of other sizes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(40, 50, 60, dtype=torch.int16)
    for number in range(1, 60):
        z, y, x = (int(torch.randint(n - 4, (1,), generator=generator)) for n in labels.shape)
        a, b, c = (int(torch.randint(1, 4, (1,), generator=generator)) for _ in range(3))
        labels[z : z + a, y : y + b, x : x + c] = number
    present = set(labels.unique().tolist())
    for shape in ((40, 45, 54), (200, 45, 54), (20, 25, 30), (40, 50, 60)):
        found = resampled_labels(labels, shape)
        assert found.shape == shape
        assert set(found.unique().tolist()) == present
        if shape[0] >= 40:  # where voxels grow, what would be lost gets a whole one of them
            share = float((found > 0).float().mean() / (labels > 0).float().mean())
            assert share == pytest.approx(1, abs=0.1)
    assert torch.equal(resampled_labels(labels, (40, 50, 60)), labels)


def test_a_patient_is_drawn_as_often_with_one_visit_as_with_two(raw):
    cohort = read_cohort(read_configuration(write(raw)).data, raw / "cache")
    # "a" twice; three thick visits with and without their bias field
    assert [s.style for s in cohort.subjects] == [0, 1, 1, 1, 1, 1, 1, 1]
    shares = [s.share for s in cohort.subjects]
    root = 0.5**0.5
    assert shares == pytest.approx([1, *[root / 4] * 4, *[root / 2] * 2, 1])
    drawn = [cohort.draw_subject(Draw.seeded(seed)) for seed in range(1500)]
    for subject, share in zip(cohort.subjects, shares, strict=True):
        often = sum(one is subject for one in drawn) / len(drawn)
        assert often == pytest.approx(share / sum(shares), abs=0.03)
    assert {cohort.draw_subject(Draw.seeded(seed), 1).style for seed in range(20)} == {1}


def test_a_visit_is_prepared_once(raw, monkeypatch):
    visit = Visit(raw / "data", "thick/one_")
    corrected, plain = prepared_twice(visit, raw / "cache")
    assert not torch.equal(corrected.images, plain.images)
    assert torch.equal(corrected.labels, plain.labels)
    stripped = prepared_twice(Visit(raw / "data", "a/"), raw / "cache")
    assert len(stripped) == 1 and stripped[0].frame is not None

    def never(*args, **options):
        raise AssertionError("prepared again")

    monkeypatch.setattr(prepared_cache, "read_visit", never)
    again = prepared_visit(visit, raw / "cache", bias_correction=False)
    assert (again.stripped, again.spacing, again.frame) == (plain.stripped, plain.spacing, None)
    for name in ("images", "healthy", "brain", "labels", "ignored"):
        assert torch.equal(getattr(again, name), getattr(plain, name))
    read = prepared_twice(Visit(raw / "data", "a/"), raw / "cache")[0]
    assert read.frame == stripped[0].frame


def test_a_damaged_cache_is_made_anew_and_other_files_are_not_taken_for_these(raw):
    visit, cache = Visit(raw / "data", "a/"), raw / "cache"
    first = prepared_visit(visit, cache, bias_correction=False)
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    assert torch.equal(prepared_visit(visit, cache, bias_correction=False).images, first.images)
    path = raw / "data" / "a" / "T1.nii.gz"
    old = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(np.asarray(old.dataobj)[::-1].copy(), old.affine), path)
    assert not torch.equal(prepared_visit(visit, cache, bias_correction=False).images, first.images)


def test_other_weights_that_find_the_brain_make_the_cache_anew(raw, monkeypatch, tmp_path):
    visit, cache = Visit(raw / "data", "a/"), raw / "cache"
    prepared_visit(visit, cache, bias_correction=False)
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other")
    monkeypatch.setattr(brain, "WEIGHTS", other)
    read = []
    monkeypatch.setattr(prepared_cache, "read_visit", lambda v, **k: read.append(v) or read_visit(v, **k))
    prepared_visit(visit, cache, bias_correction=False)
    assert read == [visit]


def test_masks_need_a_subject_on_their_grid(raw):
    shutil.copy(raw / "data" / "masks" / "b.nii.gz", raw / "data" / "masks" / "c.nii.gz")
    thick = ('subjects = ["a/"]\n[net', 'subjects = ["thick/one_"]\n[net')
    data = read_configuration(write(raw, 'left_out = "stripped"', a=thick)).data
    with pytest.raises(InputError, match="No subject lies on the grid of the masks"):
        read_cohort(data, raw / "cache")


def test_patches_are_of_the_style_of_their_brain(raw, make_patches):
    data = read_configuration(write(raw, "phantoms = 1\nplanted = 1.0")).data
    patches = make_patches(data, seed=0, length=40)
    styles = [int(patches[i]["style"]) for i in range(40)]
    assert set(styles) == {0, 1}
    for patch in (patches[i] for i in range(5)):
        assert patch["regions"].shape == patch["reference"].shape == (16, 16, 16)
        assert bool((patch["regions"][patch["reference"] > 0] > 0).all())


def test_planted_lesions_are_as_thick_as_the_slices():
    labels = torch.zeros(60, 8, 8, dtype=torch.int16)
    labels[31:34, 2:4, 2:4] = 3
    outlined = synthesis.outlined_on_slices(labels, (6.0, 0.9, 0.9))
    shown = (outlined > 0).any(2).any(1).nonzero().flatten().tolist()
    assert shown == list(range(30, 36))  # the slice whose middle the lesion holds
    assert set(outlined.unique().tolist()) == {0, 3}
    change = torch.zeros(3, 60, 8, 8)
    change[:, 30:36] = 1.0
    thick = synthesis.averaged_over_slices(change, (6.0, 0.9, 0.9))
    assert thick.sum() == pytest.approx(float(change.sum()), rel=1e-4)
    assert float(thick[0, 33, 0, 0]) == pytest.approx(1, abs=0.1)
    assert 0.2 < float(thick[0, 28, 0, 0]) < 0.5
    for same in (synthesis.averaged_over_slices(change, (1.0, 1.0, 1.0)), change):
        assert torch.equal(same, change)


def test_the_recipes_leave_whole_hospitals_out(checkout, shared_data):
    """Each patient of the four sources is trained on or left out, never both."""
    if not (checkout.parent / "shared" / "data").is_dir():
        pytest.skip("the recipes read ../shared/data, which is not beside this checkout")
    found = {}
    lesions = [path for path in (checkout / "experiments").glob("*.toml") if path.name != "brain.toml"]
    for path in sorted(lesions):
        configuration = read_configuration(path)
        data = configuration.data
        if not data.sources:
            continue
        trained = {visit for source in data.training_sources for visit in source.visits}
        left_out = {visit for source in data.sources_left_out for visit in source.visits}
        assert not trained & left_out and len(trained | left_out) == 14
        assert bool(configuration.optimisation.validate_every) == bool(left_out)
        found[path.stem] = (len(left_out), data.styles, data.masks_not_planted)
        if "patient07" in data.masks_not_planted:  # version 7 has seen it
            assert configuration.start_from is None
    every = ("3d-mr-ms", "mslesseg", "toshiba")
    assert (
        found
        == {
            "all-sources": (0, every, ()),
            "all-sources-members": (0, every, ()),
            "fold-longitudinal": (0, every, ()),  # of scans without a lesion mask: none is a background
            "fold-3d-mr-ms": (2, every[1:], ("patient07", "patient19")),
            "fold-mslesseg": (3, (every[0], every[2]), ()),
            "fold-toshiba": (9, every[:2], ()),
        }
    )


def test_real_masks_of_thick_slices_keep_their_lesions(shared_data):
    for path in sorted(shared_data.glob("ms3seg/*/lesion.nii.gz"))[:3]:
        mask = read_labels(path)
        labels = lesion_labels(mask.data > 0)
        shape = tuple(round(n * s) for n, s in zip(labels.shape, mask.grid.spacing, strict=True))
        found = resampled_labels(labels, shape)
        assert set(found.unique().tolist()) == set(labels.unique().tolist())
        volume = float((labels > 0).sum()) * mask.grid.voxel_volume
        assert float((found > 0).sum()) == pytest.approx(volume, rel=0.03)
