"""Bundles that mean harm, or are broken: one sentence each, nothing written and nothing executed."""

from __future__ import annotations

import json
import pickle
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks import catalog
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.formats.monai import configuration as reading
from napari_uncertainseg.networks.formats.monai.references import Resolver
from napari_uncertainseg.networks.kinds import read_model

from ..bundles import SEGRESNET, configuration, metadata, write_bundle

pytest.importorskip("monai")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai")
CPU = cpu_device("torch")
CANARY = "__import__('pathlib').Path('CANARY').write_text('sung')"


@pytest.fixture(autouse=True)
def nothing_is_written_or_run(tmp_path, monkeypatch):
    """Every test of this file ends here: no model was added, and the canary file is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "user")
    yield
    assert not (tmp_path / "CANARY").exists()
    assert not [path for path in (tmp_path / "user").rglob("*") if path.is_file()]


def refused(folder: Path, match: str) -> str:
    """What is said where the bundle is added; one sentence."""
    with pytest.raises(InputError, match=match) as caught:
        catalog.add_model(folder)
    said = str(caught.value)
    assert "\n" not in said and len(said) < 600
    return said


def changed(**changes) -> dict:
    return configuration(**changes)


def net(**options) -> dict:
    return configuration(network_def=SEGRESNET | options)


def with_transform(transform: dict) -> dict:
    content = deepcopy(configuration())
    content["preprocessing"]["transforms"].insert(2, transform)
    return content


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (changed(network_def={"_target_": "os.system", "command": "touch CANARY"}),
         "'os.system' is not allowed"),
        (changed(network_def={"_target_": "monai.networks.nets.EfficientNetBN"}),
         "'EfficientNetBN' is not allowed"),
        (changed(network_def={"_target_": "monai.bundle.download"}),
         "'download' is not allowed"),
        (changed(network_def=f"${CANARY}"), "is Python code"),
        (changed(network_def="$import os"), "is Python code"),
        (net(init_filters=f"${CANARY}"), "is Python code"),
        (net(act={"_target_": "subprocess.run"}), "'act' should be a plain value"),
        (net(init_filters="$9**9**9**9"), "is Python code"),
        (net(init_filters="$[0] * 10**9"), "is Python code"),
        (net(init_filters="$'a' * 99999"), "is Python code"),
        (net(init_filters="$" + "-" * 400 + "1"), "MONAI cannot make|Python code"),
        (net(init_filters="$" + "(" * 400), "is Python code"),
        (net(init_filters="$(lambda: 8)()"), "is Python code"),
        (net(init_filters="$[].__class__"), "is Python code"),
        (net(init_filters=60_000), "an absurd size"),
        (net(init_filters=10**9), "at most 65536"),
        (net(blocks_down=[10**6, 1]), "'blocks_down' should be at most 64"),
        (net(blocks_down=[1] * 1000), "at most 16 entries"),
        (net(init_filters=7), "MONAI cannot make this SegResNet"),
        (net(nonsense=1), "MONAI cannot make this SegResNet"),
        (net(spatial_dims=2), "'spatial_dims' should be 3"),
        (changed(network_def="@other", other="@network_def"), "refers to itself"),
        (changed(network_def=SEGRESNET | {"init_filters": "$@a + 1"}, a="$@b", b="$@a"), "refers to itself"),
        (changed(network_def="%/etc/passwd"), "from another file"),
        (changed(network_def="%../../secret.json::key"), "from another file"),
        (changed(network_def=[1, 2]), "should be an object with '_target_'"),
        (changed(network_def="@nowhere"), "'nowhere' is missing"),
        (changed(network_def="@imports::" + "1" * 5000), "1' is missing"),
        (with_transform({"_target_": "Lambdad", "keys": "image", "func": f"$lambda x: {CANARY}"}),
         "Python code"),
        (with_transform({"_target_": "RandFlipd", "keys": "image"}),
         "the transform RandFlipd is not honoured"),
        (with_transform({"_target_": "builtins.exec", "keys": "image"}), "'builtins.exec' is not allowed"),
        (with_transform({"_target_": "Spacingd", "keys": "image", "pixdim": 1e-6}), "at least 0.05 mm"),
        (with_transform({"_target_": "Orientationd", "keys": "image", "axcodes": "RAX"}), "three letters"),
        (with_transform({"_target_": "Spacingd", "keys": "image", "pixdim": 1, "diagonal": True}),
         "'diagonal'"),
        (changed(inferer={"_target_": "SlidingWindowInferer", "roi_size": [10**6] * 3}), "from 8 to 512"),
        (changed(inferer={"_target_": "SliceInferer"}), "should be a SlidingWindowInferer"),
        (changed(postprocessing={"_target_": "Compose", "transforms": []}), "a sigmoid or a softmax"),
    ],
)  # fmt: skip
def test_what_a_configuration_may_not_say(tmp_path, content, match):
    folder = write_bundle(tmp_path / "bundle")
    (folder / "configs" / "inference.json").write_text(json.dumps(content))
    refused(folder, match)


def test_what_is_not_used_is_not_looked_at(tmp_path):
    """Every bundle of the zoo has such keys; they are left alone, and not run."""
    folder = write_bundle(tmp_path / "bundle", changed(initialize=[f"${CANARY}"], run=f"${CANARY}"))
    model, plain = read_model(folder), read_model(write_bundle(tmp_path / "plain", configuration()))
    model.check_runs()
    assert not Path("CANARY").exists()
    assert (model.modalities, model.target, model.patches) == (plain.modalities, plain.target, plain.patches)


def test_arithmetic_and_references():
    content = {"a": "$2 + 3 * @b::0", "b": [4, "$-@c / 2"], "c": "$(7 // 2) ** 2 % 5", "d": "$@root + '/x'",
               "root": ".", "e": "$[1] * 3 + [2]", "f": "%b", "g": "@b#1"}  # fmt: skip
    resolver = Resolver(content, "it")
    assert resolver.at("a") == 14 and resolver.at("b") == [4, -2.0] and resolver.at("c") == 4
    assert resolver.at("d") == "./x" and resolver.at("e") == [1, 1, 1, 2]
    assert resolver.at("f") == [4, -2.0] and resolver.at("g") == -2.0


def test_references_that_grow_without_end():
    content = {f"k{n}": [f"@k{n + 1}"] * 10 for n in range(9)} | {"k9": 1}
    with pytest.raises(InputError, match="too many other values"):
        Resolver(content, "it").at("k0")


def test_references_that_are_nested_deep(tmp_path):
    deep: dict = {}
    for n in range(60):
        value: object = f"@k{n + 1}"
        for _ in range(25):
            value = [value]
        deep[f"k{n}"] = value
    folder = write_bundle(tmp_path / "bundle")
    content = configuration(network_def=SEGRESNET | {"init_filters": "@k0"}, **deep, k60=8)
    (folder / "configs" / "inference.json").write_text(json.dumps(content))
    refused(folder, "nested too deep|too many other values|at most|Python code")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "is an alias"),
        ("a: !!python/object/apply:os.system ['touch CANARY']\n", "not valid YAML"),
        ("- 1\n- 2\n", "an object with keys"),
        ("a: 2020-01-01\n", "should be text in quotes"),
        ("1: 2\n", "a key is not text"),
        ("a: [\n", "not valid YAML"),
        ("a: " + "[" * 900, "not valid YAML|nested too deep"),
        ("a: [" + "1, " * 60_000 + "]", "too many values"),
        ("a: '" + "x" * (1 << 19) + "'", "larger than 256 kB"),
        ("a: " + "[" * 30_000, "nested too deep"),
    ],
)
def test_hostile_yaml(tmp_path, text, match):
    pytest.importorskip("yaml")
    folder = write_bundle(tmp_path / "bundle")
    (folder / "configs" / "inference.json").unlink()
    (folder / "configs" / "inference.yaml").write_text(text)
    refused(folder, match)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda about: about["network_data_format"]["inputs"]["image"]["channel_def"].update({"1": "b"}),
         "names 2, the network has 1"),
        (lambda about: about["network_data_format"].update(outputs={"pred": {"channel_def": {"3": "a"}}}),
         "name each channel by its number"),
        (lambda about: about["network_data_format"].update(outputs={"pred": {"channel_def": [1]}}),
         "name each channel by its number"),
    ],
)  # fmt: skip
def test_metadata_that_does_not_fit(tmp_path, spoil, match):
    about = metadata({"0": "FLAIR"}, {"0": "lesion"})
    spoil(about)
    refused(write_bundle(tmp_path / "bundle", None, about), match)


def test_metadata_of_any_shape_raises_nothing_else(tmp_path):
    for about in (
        {},
        {"network_data_format": 3},
        {"network_data_format": {"inputs": [], "outputs": {"a": 1}}},
    ):
        (tmp_path / "bundle").exists() and __import__("shutil").rmtree(tmp_path / "bundle")
        model = read_model(write_bundle(tmp_path / "bundle", None, about))
        assert model.modalities == ("image",) and model.target_classes == (0,)


class Bomb:
    def __reduce__(self):
        return exec, ("import pathlib; pathlib.Path('CANARY').write_text('sung')",)


def state_of(folder: Path) -> dict:
    return torch.load(folder / "models" / "model.pt", weights_only=True)


def with_bomb(folder: Path) -> None:
    torch.save(state_of(folder) | {"bomb": Bomb()}, folder / "models" / "model.pt")


def plain_pickle(folder: Path) -> None:
    (folder / "models" / "model.pt").write_bytes(pickle.dumps(Bomb()))


def torchscript(folder: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Conv3d(1, 1, 1)), folder / "models" / "model.pt")


def only_torchscript(folder: Path) -> None:
    (folder / "models" / "model.pt").rename(folder / "models" / "model.ts")


def whole_module(folder: Path) -> None:
    torch.save(torch.nn.Conv3d(1, 1, 1), folder / "models" / "model.pt")


def with_nan(folder: Path) -> None:
    state = state_of(folder)
    next(iter(state.values()))[0] = torch.nan
    torch.save(state, folder / "models" / "model.pt")


def of_another_network(folder: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, folder / "models" / "model.pt")


def of_another_shape(folder: Path) -> None:
    state = state_of(folder)
    name = next(iter(state))
    torch.save(state | {name: torch.zeros(2, 2)}, folder / "models" / "model.pt")


def too_large(folder: Path) -> None:
    state = state_of(folder)
    torch.save(state | {"more": torch.zeros(60_000_000)}, folder / "models" / "model.pt")


def none_at_all(folder: Path) -> None:
    (folder / "models" / "model.pt").unlink()


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (with_bomb, "would run code when loaded"),
        (plain_pickle, "would run code when loaded"),
        (torchscript, "TorchScript"),
        (only_torchscript, "is a program, and is not run"),
        (whole_module, "would run code when loaded"),
        (with_nan, "not finite numbers"),
        (of_another_network, "do not fit the architecture"),
        (of_another_shape, "do not fit the architecture"),
        (too_large, "more than a network of this architecture has"),
        (none_at_all, "holds no weights"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_weights_that_mean_harm_or_do_not_fit(tmp_path, spoil, match):
    folder = write_bundle(tmp_path / "bundle")
    spoil(folder)
    refused(folder, match)


@pytest.mark.posix
@pytest.mark.parametrize(
    "name", ["configs/inference.json", "configs/metadata.json", "models/model.pt", "models"]
)
def test_links_out_of_the_folder_are_refused(tmp_path, name):
    folder = write_bundle(tmp_path / "bundle")
    outside = tmp_path / "outside"
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    refused(folder, "leads out of the model's folder")


def test_a_network_that_answers_in_another_shape(tmp_path, monkeypatch):
    folder = write_bundle(tmp_path / "bundle")
    model = read_model(folder)
    grid = Grid((20, 20, 20), np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])
    scan = Volume(np.random.default_rng(0).normal(size=grid.shape).astype(np.float32), grid, "scan")
    network = model.network()
    for answer, match in (
        (lambda image: image[..., :-1], "where its model says"),
        (lambda image: {"a": image}, "where its model says"),
        (lambda image: torch.full_like(image, torch.nan), "not finite"),
    ):
        monkeypatch.setattr(network, "forward", answer)
        monkeypatch.setattr(type(model), "network", lambda self, index=0: network)
        with pytest.raises(InputError, match=match):
            Segmenter(model, device=CPU).predict({"flair": scan})


def test_a_configuration_of_10_gb_is_not_read(tmp_path):
    folder = write_bundle(tmp_path / "bundle")
    with (folder / "configs" / "inference.json").open("wb") as file:
        file.truncate(10 << 30)
    refused(folder, "larger than 1 MB")
    assert reading.MAX_JSON_BYTES == 1 << 20


def test_windows_that_do_not_suit_the_network(tmp_path):
    """A network that halves its input cannot put odd sides together again."""
    content = configuration(network_def=SEGRESNET)
    content["inferer"] = content["inferer"] | {"roi_size": [17, 16, 16]}
    refused(write_bundle(tmp_path / "bundle", content), "cannot read a window of 17 x 16 x 16 voxels")
