"""Reading an nnU-Net folder: what it says, what is asked for, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks import catalog
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.kinds import read_model

from ..nnunet_folders import LAYERS, RESIDUAL, make_dataset, make_plans, write_model

pytest.importorskip("nnunetv2", reason="nnU-Net makes the folder that is read: pip install nnunetv2")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("made") / "nnUNetTrainer__nnUNetPlans__3d_fullres")


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def rewrite(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_what_the_folder_says(folder):
    model = read_model(folder)
    assert model.name == "Dataset007_Balls-3d_fullres" and model.main == "flair"
    assert model.modalities == ("flair",) and model.classes == ("background", "lesion")
    assert model.target == "lesion" and model.target_classes == (1,) and model.threshold == 0.5
    assert model.capabilities.networks == 2 and len(model.sha256) == 64
    assert model.preprocessing.voxels_in_words == "3 x 1.25 x 1.25 mm"
    model.check_runs()


def test_it_is_added_to_the_users_models(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "models")
    (folder / "uncertainseg.json").write_text('{"description": "Bright balls.", "threshold": 0.4}')
    added = catalog.add_model(folder)
    assert added == catalog.find_model("Dataset007_Balls-3d_fullres")
    assert added.description == "Bright balls." and added.threshold == 0.4
    assert (tmp_path / "models" / added.name / "fold_1" / "checkpoint_final.pth").is_file()


def test_the_hash_is_of_all_that_decides_what_weights_say(folder):
    """A calibration record, and the results of a cohort, are of one target and one preparation."""
    found = {read_model(folder).sha256}
    rewrite(folder / "plans.json", lambda plans: plans.update(transpose_forward=[0, 2, 1]))
    found.add(read_model(folder).sha256)
    (folder / "uncertainseg.json").write_text('{"threshold": 0.4}')
    found.add(read_model(folder).sha256)
    rewrite(folder / "dataset.json", lambda dataset: dataset.update(labels={"background": 0, "wmh": 1}))
    assert len(found | {read_model(folder).sha256}) == 4


def test_a_checkpoint_that_is_cut_short_later_ends_no_program(folder):
    """Weights that stay mapped from the file would end it with SIGBUS."""
    model = read_model(folder)
    network, _ = model.network()
    before = [value.clone() for value in network.state_dict().values()]
    model.weights[0].write_bytes(bytes(model.weights[0].stat().st_size))  # the file that is mapped, in place
    assert all((a == b).all() for a, b in zip(network.state_dict().values(), before, strict=True))


@pytest.mark.parametrize(
    ("labels", "more", "classes", "target", "noun"),
    [
        ({"background": 0, "ventricle": 2, "WMH": 1}, {}, ("background", "WMH", "ventricle"), (1,), "lesion"),
        (
            {"background": 0, "cortical_lesion": 1},
            {},
            ("background", "cortical_lesion"),
            (1,),
            "cortical lesion",
        ),
        ({"background": 0, "organ": 3, "ignore": 4}, {}, ("background", "organ"), (1,), "organ"),
        (
            {"background": 0, "brain": [1, 2], "lesion": [2], "ignore": 3},
            {"regions_class_order": [1, 2]},
            ("brain", "lesion"),
            (1,),
            "lesion",
        ),
    ],
)
def test_the_target_is_what_is_called_a_lesion(folder, labels, more, classes, target, noun):
    (folder / "dataset.json").write_text(json.dumps(make_dataset(labels, **more)))
    model = read_model(folder)
    assert (model.classes, model.target_classes, model.target) == (classes, target, noun)
    assert model.regions == bool(more)


def test_what_names_do_not_tell_the_user_says(folder):
    labels = {"background": 0, "cortical lesion": 1, "deep lesion": 2, "vein": 3}
    (folder / "dataset.json").write_text(json.dumps(make_dataset(labels, ("zscore",))))
    with pytest.raises(InputError, match=r"channels 'zscore'.*\"modalities\": \[\"flair\"\]"):
        read_model(folder)
    (folder / "uncertainseg.json").write_text('{"modalities": ["mp2rage"]}')
    model = read_model(folder)
    assert model.target_classes == (1, 2) and model.target == "lesion"  # both are called so
    said = {"modalities": ["mp2rage"], "target": ["cortical lesion", "vein"], "name": "cortex"}
    (folder / "uncertainseg.json").write_text(json.dumps(said))
    model = read_model(folder)
    assert model.main == "mp2rage" and model.target_classes == (1, 3) and model.target == "target"
    assert model.name == "cortex"


def test_of_several_classes_the_user_chooses(folder):
    labels = {"background": 0, "Tumor core": 1, "oedema": 2}
    (folder / "dataset.json").write_text(json.dumps(make_dataset(labels)))
    model = read_model(folder)
    assert model.targets == ("Tumor core", "oedema") and model.target_classes == (1,)
    chosen = model.with_target(["OEDEMA"])
    assert chosen.target_classes == (2,) and chosen.target == "oedema" and chosen.sha256 != model.sha256
    assert model.with_target(["oedema", "Tumor core"]).target_classes == (1, 2)
    for names, message in (
        (["background"], "no class 'background'.*'Tumor core', 'oedema'"),
        ([], "no class"),
    ):
        with pytest.raises(InputError, match=message):
            model.with_target(names)
    with pytest.raises(InputError, match="leave the target out"):
        read_model(write_model(folder.parent / "two", folds=1)).with_target(["lesion"])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"modalities": ["flair", "t1"]}, "'modalities' should name 1 different"),
        ({"target": ["plaque"]}, "'target' names 'plaque': the model's labels are 'lesion'"),
        ({"treshold": 0.5}, "'treshold' is an unknown key"),
        ({"threshold": 2}, "'threshold' should be a number between 0 and 1"),
        ({"name": "../out"}, "'name' should be a plain name"),
        ({"configuration": "3d_lowres"}, "there is no configuration '3d_lowres'"),
        ({"configuration": "2d"}, "is for single slices"),
    ],
)
def test_a_wrong_word_of_the_user_is_refused(folder, said, message):
    (folder / "uncertainseg.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match=message):
        read_model(folder)


def _plans(**changes):
    def change(content):
        content["configurations"]["3d_fullres"].update(changes)

    return change


def _layers(**changes):
    def change(content):
        content["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"].update(changes)

    return change


def _network(name):
    def change(content):
        content["configurations"]["3d_fullres"]["architecture"]["network_class_name"] = name

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_network("os.system"), "the network 'os.system' is none that is built here"),
        (_network("dynamic_network_architectures.architectures.primus.Primus"), "none that is built here"),
        (_layers(conv_op="subprocess.Popen"), "'conv_op' is 'subprocess.Popen'"),
        (_layers(nonlin="torch.nn.Module"), "'nonlin' is 'torch.nn.Module'"),
        (_layers(norm_op="torch.nn.modules.conv.Conv3d"), "'norm_op'"),
        (_layers(features_per_stage=[6, 8, 9**9]), "'features_per_stage'.*should be"),
        (_layers(n_conv_per_stage=[1, 1, 10**9]), "n_conv_per_stage"),
        (_layers(n_stages=5), "an entry for each of the 5 stages"),
        (_layers(block="BottleneckD"), "'block'.*is an unknown key"),
        (_layers(norm_op_kwargs={"__class__": 1}), "norm_op_kwargs"),
        (_plans(patch_size=[1024, 1024, 1024]), "absurdly large"),
        (_plans(patch_size=[8, 32, 25]), "cannot be divided by the strides"),
        (_plans(patch_size=[8, 32]), "is for single slices"),
        (_plans(spacing=[0, 1, 1]), "'spacing'.*should be a list of 3 numbers"),
        (_plans(preprocessor_name="Mine"), "'preprocessor_name'"),
        (_plans(resampling_fn_data="mine"), "'resampling_fn_data'.*should be"),
        (_plans(normalization_schemes=["RGBTo01Normalization"]), "which is not supported"),
        (_plans(normalization_schemes=[]), "should say it of 1 channels"),
        (_plans(previous_stage="3d_lowres"), "a cascade"),
        (_plans(inherits_from="3d_fullres"), "cannot be followed"),
        (lambda content: content.update(transpose_forward=[0, 1, 1]), "'transpose_forward'"),
        (lambda content: content.update(image_reader_writer="NaturalImage2DIO"), "'image_reader_writer'"),
        (lambda content: content.pop("configurations"), "no plans of nnU-Net version 2"),
    ],
)
def test_hostile_plans_are_refused_in_a_sentence(folder, change, message):
    rewrite(folder / "plans.json", change)
    with pytest.raises(InputError, match=message) as refused:
        read_model(folder)
    assert "\n" not in str(refused.value)


def test_a_network_of_absurd_size_takes_no_memory(folder):
    wide = [2048] * 3
    rewrite(folder / "plans.json", _layers(features_per_stage=wide, n_conv_per_stage=[8] * 3))
    with pytest.raises(InputError, match="absurd size"):
        read_model(folder).engine(cpu_device())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"labels": {"lesion": 1}, "channel_names": {"0": "FLAIR"}}, "'background' with the number 0"),
        ({"labels": {"background": 0, "lesion": 1}}, "'channel_names' should name"),
        ({"labels": {"0": "background"}, "channel_names": {"0": "FLAIR"}}, "'labels'"),
        (
            {"labels": {"background": 0, "a": 1, "b": 1}, "channel_names": {"0": "FLAIR"}},
            "a number of its own",
        ),
        ({"labels": {"background": 0, "lesion": 1}, "channel_names": {"5": "FLAIR"}}, "0, 1 and so on"),
    ],
)
def test_a_malformed_dataset_is_refused(folder, content, message):
    (folder / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_model(folder)


class Canary:
    """A pickle that leaves a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def checkpoint_of(folder: Path) -> tuple[Path, dict]:
    import torch

    path = folder / "fold_0" / "checkpoint_final.pth"
    return path, torch.load(path, weights_only=False)


@pytest.mark.parametrize("key", ["network_weights", "logging"])
def test_nothing_in_a_checkpoint_is_executed(folder, tmp_path, key):
    import torch

    path, content = checkpoint_of(folder)
    content[key]["more"] = Canary(tmp_path / "canary")
    torch.save(content, path)
    with pytest.raises(InputError, match="would run code when loaded, and are refused"):
        read_model(folder).engine(cpu_device())
    path.write_bytes(pickle.dumps(Canary(tmp_path / "canary")))
    with pytest.raises(InputError, match="refused"):
        read_model(folder).check_runs()
    assert not (tmp_path / "canary").exists()


def test_torchscript_is_refused(folder):
    import torch

    path, _ = checkpoint_of(folder)
    torch.jit.script(torch.nn.Conv3d(1, 2, 1)).save(str(path))
    with pytest.raises(InputError, match="TorchScript"):
        read_model(folder).engine(cpu_device())


def _as_nan(weights, name):
    weights[name][:] = float("nan")


def _cut(weights, name):
    weights[name] = weights[name][:-1]


def _without(weights, name):
    del weights[name]


@pytest.mark.parametrize(
    ("change", "message"),
    [(_as_nan, "not finite numbers"), (_cut, "do not fit the architecture"), (_without, "they lack")],
)
def test_weights_that_do_not_fit_are_refused(folder, change, message):
    import torch

    path, content = checkpoint_of(folder)
    change(content["network_weights"], next(iter(content["network_weights"])))
    torch.save(content, path)
    with pytest.raises(InputError, match=message):
        read_model(folder).engine(cpu_device())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("network_weights", None, "'network_weights' is missing"),
        ("inference_allowed_mirroring_axes", (0, 7), "no axes of a scan"),
        ("init_args", {"configuration": "3d_lowres"}, "trained with the configuration '3d_lowres'"),
    ],
)
def test_a_checkpoint_that_says_something_else_is_refused(folder, key, value, message):
    import torch

    path, content = checkpoint_of(folder)
    torch.save({**content, key: value}, path)
    with pytest.raises(InputError, match=message):
        read_model(folder).engine(cpu_device())


@pytest.mark.posix
@pytest.mark.parametrize("name", ["plans.json", "dataset.json", "uncertainseg.json", "fold_0"])
def test_links_out_of_the_folder_are_refused(folder, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    if name == "uncertainseg.json":
        elsewhere.write_text("{}")
    else:
        (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(InputError, match="a link that leads out of the model's folder"):
        read_model(folder)


def test_a_folder_without_folds_is_refused(folder):
    for fold in ("fold_0", "fold_1"):
        shutil.rmtree(folder / fold)
    with pytest.raises(InputError, match="has no trained network"):
        read_model(folder)


def test_without_nnunets_classes_it_says_what_to_install(folder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "dynamic_network_architectures", None)
    monkeypatch.setitem(sys.modules, "dynamic_network_architectures.architectures", None)
    with pytest.raises(InputError, match="pip install --no-deps dynamic-network-architectures"):
        read_model(folder).engine(cpu_device())


def test_residual_networks_and_old_plans(tmp_path):
    residual = write_model(
        tmp_path / "residual", plans=make_plans(network="ResidualEncoderUNet", layers=RESIDUAL), folds=1
    )
    assert built(residual) == "ResidualEncoderUNet"
    folder = write_model(tmp_path / "old", folds=1)

    def older(content):
        own = content["configurations"]["3d_fullres"]
        del own["architecture"]
        own |= {
            "UNet_class_name": "PlainConvUNet",
            "UNet_base_num_features": 6,
            "unet_max_num_features": 8,
            "n_conv_per_stage_encoder": [1, 1, 1],
            "n_conv_per_stage_decoder": [1, 1],
            "pool_op_kernel_sizes": LAYERS["strides"],
            "conv_kernel_sizes": LAYERS["kernel_sizes"],
        }

    rewrite(folder / "plans.json", older)
    assert built(folder) == "PlainConvUNet"


def built(folder: Path) -> str:
    """The class of a model's network, which runs."""
    model = read_model(folder)
    model.check_runs()
    network, _ = model.network()
    return type(network).__name__
