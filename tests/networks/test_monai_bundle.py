"""MONAI bundles: the numbers are those of MONAI's own tools on the same files."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.inference.model_facts import model_facts
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks import catalog
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.kinds import read_model

from ..bundles import SEGRESNET, configuration, metadata, probabilities_of_monai, write_bundle

pytest.importorskip("monai")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai")
CPU = cpu_device()
TWO_CLASSES = {"0": "background", "1": "lesion"}
THREE_CLASSES = {"0": "background", "1": "white matter lesion", "2": "ventricle"}


def write_scan(folder: Path, seed: int = 0, name: str = "flair.nii.gz", contrast: float = 1.0) -> Path:
    """An anisotropic, oblique and flipped scan, stored in an unusual order, black around a head."""
    folder.mkdir(exist_ok=True)
    shape = (18, 46, 40)
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(np.eye(3) + 0.15 * np.array([[0, 1, 2], [-1, 0, 1], [1, -2, 0]]))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0, -1.1, 0], [0, 0, 1.3], [-3.0, 0, 0]])
    affine[:3, 3] = (40, -30, 20)
    axes = np.meshgrid(*[np.linspace(-1.2, 1.2, n) for n in shape], indexing="ij")
    head = sum(axis**2 for axis in axes) < 1
    data = head * (
        100 + 30 * contrast * np.sin(7 * axes[1]) * np.cos(5 * axes[2]) + 5 * rng.normal(size=shape)
    )
    nibabel.save(nibabel.Nifti1Image(data.astype(np.float32), affine), folder / name)
    return folder / name


def softmax_post(*, argmax: bool = True) -> dict:
    post = deepcopy(configuration()["postprocessing"])
    post["transforms"][0] = {"_target_": "Activationsd", "keys": "pred", "softmax": True}
    post["transforms"][2] = {"_target_": "AsDiscreted", "keys": "pred", "argmax": argmax}
    return post


def preprocessing(*transforms: dict) -> dict:
    """Loading, and other transforms in the place of those of the usual bundle."""
    usual = configuration()["preprocessing"]["transforms"]
    return {"_target_": "Compose", "transforms": [*usual[:2], *transforms]}


def assert_same(found, wanted: np.ndarray, threshold: float = 0.5) -> None:
    """Probabilities and masks in the order of the file."""
    ours = found.grid.to_file(found.probability)[0]
    assert ours.shape == wanted.shape and 0.02 < (wanted >= threshold).mean() < 0.98
    np.testing.assert_allclose(ours, wanted, atol=2e-3)
    first, second = ours >= threshold, wanted >= threshold
    assert 1 - 2 * (first & second).sum() / (first.sum() + second.sum()) <= 0.002


def test_one_channel_with_a_sigmoid(tmp_path):
    scan, folder = write_scan(tmp_path / "scans"), write_bundle(tmp_path / "bundle")
    model = read_model(folder)
    assert (model.modalities, model.target, model.threshold) == (("flair",), "lesion", 0.45)
    assert model.patches.size == (24, 32, 16) and model.preprocessing.voxels_in_words == "1.5 x 2 x 1.25 mm"
    found = Segmenter(folder, device=CPU).predict({"flair": read_volume(scan)})
    assert_same(found, probabilities_of_monai(folder, [scan])[0], 0.45)
    assert found.brain.all() and found.members.values.shape[0] == 1 and found.threshold == 0.45
    assert found.information["device"].endswith("float32 (torch)")


def test_members_by_its_own_dropout_layers(tmp_path):
    scan = read_volume(write_scan(tmp_path / "scans"))
    dropped = configuration(network_def=SEGRESNET | {"out_channels": 3}, postprocessing=softmax_post())
    about = metadata({"0": "FLAIR"}, THREE_CLASSES)
    folder = write_bundle(tmp_path / "bundle", dropped, about, weights=("model.pt", "second.pt"))
    found = [
        Segmenter(folder, method="mc-dropout", members=2, device=CPU).predict({"flair": scan})
        for _ in range(2)
    ]
    assert len(found[0].members) == 2 and found[0].variance.max() > 1e-3
    assert found[0].information["device"].endswith("float32 (torch)")
    np.testing.assert_array_equal(found[0].probability, found[1].probability)
    assert "mc-dropout (10 members, at most 500)" in model_facts(read_model(folder))["methods"]
    never = configuration(network_def={k: v for k, v in SEGRESNET.items() if k != "dropout_prob"})
    plain = write_bundle(tmp_path / "plain", never)
    assert "mc-dropout" not in model_facts(read_model(plain))["methods"]
    with pytest.raises(InputError, match="mc-dropout needs channels that can be dropped"):
        Segmenter(plain, method="mc-dropout", device=CPU)


def test_two_channels_with_a_softmax(tmp_path):
    content = configuration(network_def=SEGRESNET | {"out_channels": 2}, postprocessing=softmax_post())
    folder = write_bundle(tmp_path / "bundle", content, metadata({"0": "FLAIR"}, TWO_CLASSES))
    scan = write_scan(tmp_path / "scans")
    found = Segmenter(folder, device=CPU).predict({"flair": read_volume(scan)})
    assert_same(found, probabilities_of_monai(folder, [scan])[1])


def test_three_classes_two_scans_and_no_flair(tmp_path):
    content = configuration(
        network_def=SEGRESNET | {"in_channels": 2, "out_channels": 3}, postprocessing=softmax_post()
    )
    about = metadata({"0": "T1c", "1": "PD"}, THREE_CLASSES)
    folder = write_bundle(tmp_path / "bundle", content, about)
    model = read_model(folder)
    assert model.modalities == model.needs == ("t1ce", "pd") and model.main == "t1ce"
    assert model.classes == tuple(THREE_CLASSES.values()) and model.target_classes == (1,)
    scans = [write_scan(tmp_path / "scans", n, f"{n}.nii.gz", 1.0 - 0.4 * n) for n in range(2)]
    segmenter = Segmenter(folder, device=CPU)
    found = segmenter.predict({"t1ce": read_volume(scans[0]), "pd": read_volume(scans[1])})
    assert_same(found, probabilities_of_monai(folder, scans)[1], 0.3)
    with pytest.raises(InputError, match="PD is missing"):
        segmenter.predict({"t1ce": read_volume(scans[0])})


def test_all_but_the_background_is_the_target_where_nothing_is_called_lesion(tmp_path):
    content = configuration(network_def=SEGRESNET | {"out_channels": 3}, postprocessing=softmax_post())
    about = metadata({"0": "image"}, {"0": "background", "1": "oedema", "2": "core"})
    about["network_data_format"]["inputs"]["image"]["modality"] = "CT"
    folder = write_bundle(tmp_path / "bundle", content, about)
    scan = write_scan(tmp_path / "scans")
    assert read_model(folder).modalities == ("ct",) and read_model(folder).target_classes == (1, 2)
    found = Segmenter(folder, device=CPU).predict({"ct": read_volume(scan)})
    assert_same(found, probabilities_of_monai(folder, [scan])[1:].sum(axis=0))


@pytest.mark.parametrize(
    "transforms",
    [
        [
            {"_target_": "Spacingd", "keys": ["image"], "pixdim": [2.0, -1, 1.0], "mode": ["bilinear"]},
            {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": 20, "a_max": 160,
             "b_min": -1, "b_max": 1, "clip": True},
            {"_target_": "monai.transforms.CropForegroundD", "keys": "image", "source_key": "image",
             "margin": 3},
        ],
        [
            {"_target_": "ScaleIntensityRangePercentilesd", "keys": "image", "lower": 2, "upper": 97,
             "b_min": 0.5, "b_max": 3},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "PIR"},
            {"_target_": "CropForegroundd", "keys": "image", "source_key": "image", "margin": 12},
            {"_target_": "ScaleIntensityd", "keys": "image", "minv": -1.0},
        ],
        [
            {"_target_": "CropForegroundd", "keys": "image", "source_key": "image"},
            # Before the resampling: after it rounding decides what is exactly 0.
            {"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True},
            {"_target_": "Spacingd", "keys": "image", "pixdim": 1.7},
            {"_target_": "NormalizeIntensityd", "keys": "image", "subtrahend": 0.2, "divisor": 1.5},
        ],
        [],
    ],
    ids=["range-crop", "percentiles-turned-padded", "crop-spacing", "nothing"],
)  # fmt: skip
def test_transforms_in_their_order(tmp_path, transforms):
    last = [] if transforms else [{"_target_": "ScaleIntensityd", "keys": "image"}]
    content = configuration(preprocessing=preprocessing(*transforms, *last))
    scan, folder = write_scan(tmp_path / "scans"), write_bundle(tmp_path / "bundle", content)
    found = Segmenter(folder, device=CPU).predict({"flair": read_volume(scan)})
    wanted = probabilities_of_monai(folder, [scan])[0]
    assert (wanted[~found.grid.to_file(found.brain)[0]] < 0.5 + 1e-3).all()  # MONAI's half voxel at the edge
    wanted = np.where(found.grid.to_file(found.brain)[0], wanted, 0)
    assert_same(found, wanted, 0.45)


def test_several_checkpoints_are_an_ensemble(tmp_path):
    folder = write_bundle(tmp_path / "bundle", weights=("fold_0.pt", "fold_1.pt"))
    scan = write_scan(tmp_path / "scans")
    assert read_model(folder).capabilities.networks == 2
    found = Segmenter(folder, method="ensemble", device=CPU).predict({"flair": read_volume(scan)})
    wanted = [probabilities_of_monai(folder, [scan], members=f"fold_{n}.pt")[0] for n in range(2)]
    assert_same(found, np.mean(wanted, axis=0))
    assert found.mutual_information.max() > 0.001


def test_flips_are_members(tmp_path):
    folder, scan = write_bundle(tmp_path / "bundle"), write_scan(tmp_path / "scans")
    found = Segmenter(folder, method="flips", members=2, device=CPU).predict({"flair": read_volume(scan)})
    assert found.members.values.shape[0] == 2 and found.variance.max() > 0


def test_weights_may_come_in_other_clothes(tmp_path):
    """As safetensors, as a trainer's or Lightning's checkpoint, from several GPUs, beside numpy's numbers."""
    folder = write_bundle(tmp_path / "bundle")
    path = folder / "models" / "model.pt"
    state = torch.load(path, weights_only=True)
    scan = {"flair": read_volume(write_scan(tmp_path / "scans"))}
    plain = Segmenter(folder, device=CPU).predict(scan).probability
    torch.save({"model": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, path)
    np.testing.assert_array_equal(Segmenter(folder, device=CPU).predict(scan).probability, plain)
    lightning = {f"model.module.{k}": v for k, v in state.items()}
    torch.save({"state_dict": lightning, "hyper_parameters": {"lr": 1e-3}, "loops": [1]}, path)
    read_model(folder).check_runs()
    torch.save({"state_dict": state, "best_metric": np.float64(0.8), "epoch": np.int64(3)}, path)
    read_model(folder).check_runs()
    path.write_bytes(b"never read")
    save_file(state, folder / "models" / "model.safetensors")
    np.testing.assert_array_equal(Segmenter(folder, device=CPU).predict(scan).probability, plain)


def test_yaml_says_the_same(tmp_path):
    yaml = pytest.importorskip("yaml")
    folder = write_bundle(tmp_path / "bundle")
    before = read_model(folder)
    (folder / "configs" / "inference.json").unlink()
    (folder / "configs" / "inference.yaml").write_text(yaml.safe_dump(configuration()))
    after = read_model(folder)
    assert after.preprocessing == before.preprocessing and after.patches == before.patches


def test_it_is_added_listed_and_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "user")
    post = configuration()["postprocessing"]
    post["transforms"].append({"_target_": "KeepLargestConnectedComponentd", "keys": "pred"})
    folder = write_bundle(tmp_path / "my bundle", configuration(postprocessing=post))
    added = catalog.add_model(folder)
    assert added.name == "my-bundle" and added.folder == tmp_path / "user" / "my-bundle"
    assert main(["models"]) == main(["models", "show", "my-bundle"]) == 0
    out = capsys.readouterr().out
    assert "Random weights." in out and "Authors: Nobody" in out and "1.5 x 2 x 1.25 mm" in out
    assert "KeepLargestConnectedComponent is not done" in out
    monkeypatch.undo()
    scan = {"flair": read_volume(write_scan(tmp_path / "scans"))}
    notes = Segmenter(added, device=CPU).predict(scan).information["notes"]
    assert any("KeepLargestConnectedComponent is not done" in note for note in notes)


def test_without_monai_it_says_what_to_install(tmp_path, monkeypatch):
    folder = write_bundle(tmp_path / "bundle")
    monkeypatch.setitem(__import__("sys").modules, "monai.networks", None)
    with pytest.raises(
        InputError, match=r"install MONAI to use it \(pip install 'napari-uncertainseg\[bundle\]'"
    ):
        read_model(folder).check_runs()


def test_another_configuration_is_another_model(tmp_path):
    """A calibration that was recorded with other windows is not about these probabilities."""
    first = read_model(write_bundle(tmp_path / "first"))
    content = configuration()
    content["inferer"] = content["inferer"] | {"overlap": 0.25}
    second = read_model(write_bundle(tmp_path / "second", content))
    assert first.weight_sha256() == second.weight_sha256() and first.sha256 != second.sha256
    assert first.sha256 == read_model(first.folder).sha256
