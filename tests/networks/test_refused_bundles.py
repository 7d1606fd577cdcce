"""Bundles of the model zoo that cannot be honoured: each is refused in one sentence that says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.monai.references import Resolver
from napari_uncertainseg.networks.kinds import read_model

from ..zoo_bundles import SPLEEN, SPLEEN_CLICKS, UNET, Form, bundle, numbered, post, steps

pytest.importorskip("monai")


def spleen(**changes) -> Form:
    """The form of the spleen bundle with other parts; its weights do not matter here."""
    return Form(
        SPLEEN.content | {"of": UNET} | changes, SPLEEN.inputs, SPLEEN.outputs, {"model.pt": "of"}, "CT"
    )


DINTS = {
    "arch_ckpt_path": "$@bundle_root + '/models/search_code_18590.pt'",
    "arch_ckpt": "$torch.load(@arch_ckpt_path, map_location=torch.device('cuda'))",
    "dints_space": {"_target_": "monai.networks.nets.TopologyInstance", "channel_mul": 1, "num_blocks": 12,
                    "arch_code": ["$@arch_ckpt['arch_code_a']"], "device": "$torch.device('cuda')"},
    "network_def": {"_target_": "monai.networks.nets.DiNTS", "dints_space": "@dints_space", "in_channels": 1,
                    "num_classes": 3, "node_a": "$torch.from_numpy(@arch_ckpt['node_a'])"},
}  # fmt: skip
UNEST = {"_target_": "scripts.networks.unest.UNesT", "in_channels": 1, "out_channels": 4}
REFUSED = {
    "wholeBrainSeg_Large_UNEST_segmentation": (
        spleen(network_def=UNEST), "'scripts.networks.unest.UNesT' is not allowed: .* own code is not run"),
    "pancreas_ct_dints_segmentation": (spleen(**DINTS), "'arch_ckpt' is Python code|'DiNTS' is not allowed"),
    "ventricular_short_axis_3label": (
        spleen(network_def=UNET | {"spatial_dims": 2}), "models of slices are not read"),
    "spleen_deepedit_annotation": (SPLEEN_CLICKS, "'scripts.transforms.AddClicksd' is not allowed"),
    "vista3d": (
        spleen(network_def="$monai.networks.nets.vista3d132(in_channels=@input_channels)"),
        "'network_def' is Python code .* which is not run"),
    "nnunet": (
        spleen(network_def="$monai.apps.nnunet.get_nnunet_monai_predictor(@model_folder)"), "is Python code"),
    "detection": (spleen(network_def={"_target_": "RetinaNet"}), "'RetinaNet' is not allowed: networks are"),
    "a function": (
        spleen(postprocessing=post({"_target_": "Lambdad", "func": "$lambda x: torch.sigmoid(x)"})),
        "a Lambdad is code, which is not run"),
    "an ensemble": (
        spleen(postprocessing=post({"_target_": "MeanEnsembled", "output_key": "pred"})),
        "MeanEnsembled is not honoured"),
    "the foreground by code": (
        spleen(preprocessing=steps({"_target_": "CropForegroundd", "select_fn": "$lambda x: open('x')"})),
        "'select_fn' of CropForegroundd is code"),
    "another foreground": (
        spleen(preprocessing=steps({"_target_": "CropForegroundd", "select_fn": "$lambda x: x != 7"})),
        "'select_fn' of CropForegroundd is code"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_form_that_cannot_be_honoured(tmp_path, name):
    form, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        read_model(form.write(tmp_path / "bundle"))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_torchscript_alone_is_refused_with_what_to_do(tmp_path):
    folder = SPLEEN.write(tmp_path / "bundle")
    (folder / "models" / "model.pt").rename(folder / "models" / "model.ts")
    with pytest.raises(InputError, match=r"model\.ts is a program, and is not run: .* save the state_dict"):
        read_model(folder)


def test_expressions_that_bundles_use():
    content = {
        "labels": {"spleen": 1, "background": 0}, "root": ".", "fold": 2, "high": False,
        "sizes": [96, 96, 64],
        "a": "$len(@labels) + @fold", "b": "$@sizes[-1] // 2", "c": "$'x' if @high else 'y'",
        "d": "$os.path.join(@root, 'models', 'model_fold' + str(@fold))", "e": "$list(range(1, 4))",
        "f": "$not @high and @fold >= 2", "g": "$@labels['spleen']", "h": "$monai.utils.CommonKeys.IMAGE",
        "i": "$max(@sizes) - min(@sizes)", "j": "$None", "k": "$int(@fold * 1.5)",
    }  # fmt: skip
    resolver = Resolver(content, "it")
    found = {key: resolver.at(key) for key in "abcdefghijk"}
    assert found == {
        "a": 4, "b": 32, "c": "y", "d": "./models/model_fold2", "e": [1, 2, 3], "f": True, "g": 1,
        "h": "image", "i": 32, "j": None, "k": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    "expression",
    [
        "len('a' * 10)", "range(10**9)", "list(range(10**9))", "str([1])", "os.system('x')", "open('x')",
        "eval('1')",
        "os.path.join.__globals__", "@a.__class__", "len.__self__", "[i for i in range(3)]", "{}", "f'{1}'",
        "(lambda: 1)()", "monai.utils.CommonKeys", "os.path", "getattr(1, 'real')", "'a' < 1",
        "int('9' * 5000)",
        "@a[0][0]", "len(*@a)", "sum(@a, [])", "1 if open('x') else 2", "max('ab')", "__import__('os')", "a",
        "torch.load('x')", "int('1' + '0' * 9)", "(1).real", "print(1)", "len(x := 3)", "@a[:1]",
    ],
)  # fmt: skip
def test_expressions_that_are_not_arithmetic(expression):
    with pytest.raises(InputError, match="is Python code"):
        Resolver({"it": f"${expression}", "a": [1, 2]}, "file").at("it")


def test_transforms_that_refer_to_each_other_without_end():
    from napari_uncertainseg.networks.formats.monai.components import chain

    loop = {"a": {"_target_": "Compose", "transforms": "$@b + @b"}, "b": ["@a"]}
    with pytest.raises(InputError, match="refers to itself"):
        chain(Resolver(loop, "it"), "a")
    bomb = {f"k{n}": "$" + " + ".join([f"@k{n + 1}"] * 10) for n in range(9)} | {"k9": []}
    with pytest.raises(InputError, match="too many other values"):
        chain(Resolver(bomb, "it"), "k0")


def test_options_of_functions_are_never_looked_at(tmp_path):
    """What a mask becomes is not done here, so its code is skipped, and a note says so."""
    last = {"_target_": "Lambdad", "func": "$__import__('os').system('touch CANARY')"}
    content = bundle(UNET, steps({"_target_": "ScaleIntensityd"}), post(last=last))
    folder = Form(content, numbered("FLAIR"), numbered("background", "lesion")).write(tmp_path / "bundle")
    model = read_model(folder)
    assert any("Lambda is not done" in note for note in model.notes)
    assert not Path("CANARY").exists() and not (tmp_path / "CANARY").exists()
    assert json.loads((folder / "configs" / "inference.json").read_text()) == content
