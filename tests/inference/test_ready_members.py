"""Probability maps made elsewhere as members, without a network."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.inference.ready_members import predict_from_maps
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..nnunet_folders import make_dataset, make_plans

SHAPE = (14, 20, 9)
"""Of the file's axes."""
AFFINE = np.array([[-1.0, 0, 0.2, 30], [0, 1.1, 0, -20], [0.2, 0, 3.0, 5], [0, 0, 0, 1]])


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


@pytest.fixture
def values() -> np.ndarray:
    """Two members of a lesion that is no cube, in the file's axes."""
    i, j, k = np.indices(SHAPE)
    first = np.exp(-(((i - 4) / 2) ** 2) - ((j - 12) / 3) ** 2 - ((k - 5) / 1.5) ** 2)
    return np.stack([first, np.roll(first, 2, axis=1)]).astype(np.float32)


@pytest.fixture
def scan(tmp_path) -> Path:
    data = np.random.default_rng(0).normal(100, 10, SHAPE).astype(np.float32)
    return save(tmp_path / "flair.nii.gz", data)


def write_saved(
    folder: Path, probabilities: np.ndarray, segmentation: np.ndarray, *, name: str = "flair", **more
) -> Path:
    """As nnU-Net writes it; probabilities (channels, file axes), ``reorients`` as its reader of that name."""
    folder.mkdir(exist_ok=True)
    save(folder / f"{name}.nii.gz", segmentation.astype(np.uint8))
    turned = probabilities[:, ::-1] if more.pop("reorients", False) else probabilities
    path = folder / f"{name}.npz"
    np.savez_compressed(path, probabilities=turned.transpose(0, 3, 2, 1))
    (folder / f"{name}.pkl").write_bytes(b"never opened")
    (folder / "dataset.json").write_text(json.dumps(make_dataset(**more)))
    return path


def softmax_of(lesion: np.ndarray) -> np.ndarray:
    return np.stack([1 - lesion, lesion])


def canonical(array: np.ndarray, scan: Volume) -> np.ndarray:
    return scan.grid.to_canonical(array)


def test_members_maps_and_list_are_those_of_the_files(tmp_path, scan, values):
    volume = read_volume(scan, modality="flair")
    paths = [save(tmp_path / f"{n}.nii.gz", member) for n, member in enumerate(values)]
    found = predict_from_maps(volume, paths)
    np.testing.assert_allclose(found.probability, canonical(values.mean(axis=0), volume), atol=1e-6)
    np.testing.assert_allclose(found.variance, canonical(values.var(axis=0), volume), atol=1e-6)
    assert len(found.members) == 2 and (found.disagreement == 0).all() and found.brain.all()
    assert found.information["maps"] == ["0.nii.gz", "1.nii.gz"]
    assert rank_lesions(found, 0.5, 3.0).count == 1
    other = predict_from_maps(volume, paths[:1])
    assert other.information["model_sha256"] != found.information["model_sha256"]


def test_a_map_may_lie_in_another_axis_order_and_see_nothing(tmp_path, scan, values):
    volume = read_volume(scan, modality="flair")
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(values[0], AFFINE))
    nibabel.save(turned, tmp_path / "turned.nii.gz")
    nothing = save(tmp_path / "nothing.nii.gz", np.zeros(SHAPE, np.float32))
    found = predict_from_maps(volume, [tmp_path / "turned.nii.gz", nothing])
    np.testing.assert_allclose(found.probability, canonical(values[0] / 2, volume), atol=1e-6)


def test_maps_count_within_the_users_mask(tmp_path, scan, values):
    volume = read_volume(scan, modality="flair")
    inside = np.zeros(SHAPE, np.uint8)
    inside[:6] = 1
    mask = read_labels(save(tmp_path / "mask.nii.gz", inside), volume.grid)
    found = predict_from_maps(volume, [save(tmp_path / "0.nii.gz", values[0])], mask=mask)
    np.testing.assert_allclose(found.probability, canonical(values[0] * inside, volume), atol=1e-6)
    assert found.information["brain"] == "given"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a * 255, "numbers from 0 to 1"),
        (lambda a: np.where(a > 0.9, np.nan, a), "or NaN"),
        (lambda a: a[:-1], "does not lie on the scan's grid"),
    ],
)
def test_what_is_no_map_of_the_scan_is_refused(tmp_path, scan, values, change, message):
    path = save(tmp_path / "0.nii.gz", change(values[0]).astype(np.float32))
    with pytest.raises(InputError, match=message):
        predict_from_maps(read_volume(scan, modality="flair"), [path])


def test_a_map_that_is_named_twice_is_no_second_member(tmp_path, scan, values):
    """Two members that are one file always agree: the uncertainty of the patient would be 0."""
    path = save(tmp_path / "0.nii.gz", values[0])
    with pytest.raises(InputError, match=r"0\.nii\.gz is named twice"):
        predict_from_maps(read_volume(scan, modality="flair"), [path, tmp_path / "." / "0.nii.gz"])


@pytest.mark.parametrize("reorients", [False, True])
def test_what_nnunet_saved(tmp_path, scan, values, reorients):
    volume = read_volume(scan, modality="flair")
    folders = [tmp_path / f"fold_{n}" for n in (0, 1)]
    for folder, member in zip(folders, values, strict=True):
        write_saved(folder, softmax_of(member), member > 0.5, reorients=reorients)
    found = predict_from_maps(volume, [folders[0], folders[1] / "flair.npz"])
    np.testing.assert_allclose(found.probability, canonical(values.mean(axis=0), volume), atol=1e-6)


def test_an_empty_segmentation_is_placed_by_the_plans(tmp_path, scan, values):
    volume = read_volume(scan, modality="flair")
    faint = values[0] * 0.4
    path = write_saved(tmp_path / "out", softmax_of(faint), faint > 0.5, reorients=True)
    with pytest.raises(InputError, match=r"is empty, and there is no plans\.json"):
        predict_from_maps(volume, [path])
    plans = make_plans() | {"image_reader_writer": "NibabelIOWithReorient"}
    (path.parent / "plans.json").write_text(json.dumps(plans))
    np.testing.assert_allclose(
        predict_from_maps(volume, [path]).probability, canonical(faint, volume), atol=1e-6
    )


def test_labels_and_regions_of_what_nnunet_saved(tmp_path, scan, values):
    volume = read_volume(scan, modality="flair")
    lesion = values[0]
    three = np.stack([1 - lesion, lesion * 0.7, lesion * 0.3])
    path = write_saved(
        tmp_path / "labels", three, three.argmax(0), labels={"background": 0, "vessel": 1, "WMH": 2}
    )
    np.testing.assert_allclose(predict_from_maps(volume, [path]).probability, canonical(three[2], volume))
    (path.parent / "uncertainseg.json").write_text('{"target": ["WMH", "vessel"]}')
    found = predict_from_maps(volume, [path]).probability
    np.testing.assert_allclose(found, canonical(lesion, volume), atol=1e-6)
    regions = np.stack([lesion, lesion * 0.8])
    path = write_saved(
        tmp_path / "regions",
        regions,
        (regions > 0.5).sum(0),
        labels={"background": 0, "brain": [1, 2], "lesion": 2},
        regions_class_order=[1, 2],
    )
    np.testing.assert_allclose(predict_from_maps(volume, [path]).probability, canonical(regions[1], volume))


def test_what_nnunet_did_not_save_is_refused(tmp_path, scan, values):
    volume = read_volume(scan, modality="flair")

    def refused(path: Path, message: str) -> None:
        with pytest.raises(InputError, match=message) as error:
            predict_from_maps(volume, [path])
        assert "\n" not in str(error.value)

    lesion = values[0]
    path = write_saved(tmp_path / "out", softmax_of(lesion), values[1] > 0.5)
    refused(path, "do not say what the segmentation beside them says")
    np.savez(path, softmax=lesion[None])
    refused(path, "holds no 'probabilities'")
    np.savez(path, probabilities=np.array([{"a": 1}], dtype=object))
    refused(path, "is refused")
    np.savez(path, probabilities=lesion)
    refused(path, "should have channels and three axes")
    np.savez_compressed(path, probabilities=np.zeros((1, 6_000_000), np.float32))
    refused(path, "larger than probabilities of this scan can be")
    path.write_bytes(b"PK\x03\x04")
    refused(path, "is damaged")
    path = write_saved(tmp_path / "three", np.zeros((3, *SHAPE)), np.zeros(SHAPE))
    refused(path, r"3 channels, but 2 outputs in dataset\.json")
    (path.parent / "dataset.json").unlink()
    refused(path, r"3 channels and no dataset\.json beside it")
    (path.parent / "flair.nii.gz").unlink()
    refused(path, "is missing; without it nothing tells")
    write_saved(tmp_path / "two", softmax_of(lesion), lesion > 0.5, name="a")
    write_saved(tmp_path / "two", softmax_of(lesion), lesion > 0.5, name="b")
    refused(tmp_path / "two", "holds the probabilities of 2 cases")


def test_the_command_writes_what_a_model_would(tmp_path, scan, values, capsys):
    paths = [save(tmp_path / f"{n}.nii.gz", member) for n, member in enumerate(values)]
    out = tmp_path / "out"
    assert main(["segment", str(scan), "--probabilities", *map(str, paths), "--out", str(out)]) == 0
    assert "1 lesion," in capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text())
    assert summary["model"] == "maps made elsewhere" and summary["members"] == 2
    assert (out / "lesions.tsv").is_file()
    reference = save(tmp_path / "expert.nii.gz", (values[0] > 0.5).astype(np.uint8))
    assert main(["evaluate", str(out), "--reference", str(reference)]) == 0
    assert main(["segment", str(scan), "--probabilities", str(paths[0]), "--out", str(tmp_path / "one")]) == 0
    # Nothing that is read is written over.
    assert main(["segment", str(scan), "--probabilities", str(out), "--out", str(out)]) == 2


@pytest.mark.parametrize("shape", [(2, 10**5, 10**5, 10**5), (2, *SHAPE[::-1], 1)])
def test_a_header_that_says_to_hold_more_than_fits(tmp_path, scan, values, shape):
    path = write_saved(tmp_path / "saved", softmax_of(values[0]), values[0] > 0.5)
    about = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header = b"\x93NUMPY\x01\x00\x76\x00" + about.ljust(117).encode() + b"\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("probabilities.npy", header + bytes(8))
    with pytest.raises(InputError, match=r"more than fits into memory|is damaged"):
        predict_from_maps(read_volume(scan, modality="flair"), [path])
