"""Several ways to outline in one network: the mean of all, or one by name. Others are as before."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_uncertainseg._base import InputError
from napari_uncertainseg.inference.sampling import METHODS
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.multihead import MultiHeadUNet

from ..random_models import FEATURES, HEADS, write_model

STYLES = ["generous", "tight", "middling"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of three styles; each differs in its heads alone."""
    folder = write_model(tmp_path_factory.mktemp("styles") / "styled", styles=STYLES)
    path = folder / "network0.safetensors"
    torch.manual_seed(0)
    state = load_file(path)
    heads = MultiHeadUNet(3, FEATURES, HEADS, styles=3).state_dict()
    own = {name: value.half() for name, value in heads.items() if name.startswith(("heads", "layer_heads"))}
    save_file(state | {name: value * 0 if "bias" in name else value for name, value in own.items()}, path)
    return folder


def styled(folder, name):
    """The same model with one style chosen, or none."""
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(content | {"style": name}))
    return find_model(folder)


def single(folder, tmp_path, number):
    """One style of the model as a model of its own, without styles."""
    alone = write_model(tmp_path / f"alone{number}")
    state = load_file(folder / "network0.safetensors")
    for name in state:
        if name.startswith(("heads", "layer_heads")):
            rows = HEADS if name.startswith("heads") else 1
            state[name] = state[name][number * rows : (number + 1) * rows].clone()
    save_file(state, alone / "network0.safetensors")
    return find_model(alone)


def predict(model, scan, brain_mask, method="one-pass", **options):
    segmenter = Segmenter(model, method=method, device=cpu_device("torch").at("float32"), **options)
    return segmenter.predict({"flair": scan}, mask=brain_mask)


def test_a_model_says_which_styles_it_knows(folder):
    model = styled(folder, None)
    assert model.styles == tuple(STYLES)
    assert (model.capabilities.styles, model.capabilities.style) == (3, None)
    assert model.capabilities.opinions == 3 * HEADS
    named = styled(folder, "tight").capabilities
    assert (named.style, named.opinions) == (1, HEADS)
    assert model.network().heads.out_channels == 3 * HEADS


@pytest.mark.parametrize("method", ["one-pass", "layers", "mc-dropout", "flips"])
def test_the_mean_is_over_the_styles_and_a_named_style_is_itself(folder, tmp_path, scan, brain_mask, method):
    options = {"method": method, **({"members": 2} if method in ("mc-dropout", "flips") else {})}
    every = predict(styled(folder, None), scan, brain_mask, **options)
    alone = [predict(single(folder, tmp_path, i), scan, brain_mask, **options) for i in range(3)]
    assert max(abs(alone[0].probability - alone[1].probability).ravel()) > 0.05
    mean = sum(one.probability for one in alone) / 3
    assert abs(every.probability - mean).max() < 1e-5
    for number, name in enumerate(STYLES):
        named = predict(styled(folder, name), scan, brain_mask, **options)
        assert abs(named.probability - alone[number].probability).max() < 1e-5
        assert len(named.members) == len(alone[number].members)
        # where experts of different studies differ is told whichever style is shown
        assert abs(named.disagreement - every.disagreement).max() < 1e-6
    within = sum(one.disagreement for one in alone) / 3
    between = sum((one.probability - mean) ** 2 for one in alone) / 3
    if method == "one-pass":  # the law of total variance
        assert abs(every.disagreement - within - between).max() < 1e-5
    assert (every.disagreement >= within - 1e-5).all()


def test_members_of_one_pass_are_the_heads_of_all_styles(folder, scan, brain_mask):
    model = styled(folder, None)
    assert METHODS["one-pass"].most(model.capabilities) == 9
    prediction = predict(model, scan, brain_mask)
    assert len(prediction.members) == 9


def test_fewer_members_are_of_all_styles(folder, tmp_path, scan, brain_mask):
    few = predict(styled(folder, None), scan, brain_mask, members=3)
    alone = [predict(single(folder, tmp_path, i), scan, brain_mask, members=1) for i in range(3)]
    assert abs(few.probability - sum(one.probability for one in alone) / 3).max() < 1e-5


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_both_engines_give_the_styles_in_one_order(folder):
    model = styled(folder, None)
    image = torch.randn(1, 3, 16, 20, 16, generator=torch.Generator().manual_seed(1))
    found = [model.engine(cpu_device(name).at("float32")) for name in ("torch", "openvino")]
    network = model.network()
    with torch.inference_mode():
        expected = torch.cat([network(image)[0], network.layers(image)[0]])
    assert len(expected) == 3 * HEADS + 3 * (len(FEATURES) - 1)
    for engine in found:
        torch.testing.assert_close(engine.layers(image), expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"style": "tihgt"}, r"'style' should be one of \['generous', 'tight', 'middling'\], not 'tihgt'"),
        ({"styles": [], "style": "tight"}, "'style' should be null: the model has no 'styles', not 'tight'"),
        ({"styles": ["a", "a"], "style": None}, "'styles' names a style twice"),
        ({"styles": ["../a"], "style": None}, "'styles' should be a list of up to 16 plain names"),
        ({"styles": 3, "style": None}, "'styles' should be a list of up to 16 plain names"),
    ],
)
def test_a_style_that_is_not_there_is_named(folder, tmp_path, changes, says):
    content = json.loads((folder / "model.json").read_text())
    other = write_model(tmp_path / "other", **{key: content[key] for key in ("styles",)} | changes)
    with pytest.raises(InputError, match=says):
        find_model(other)


def test_a_style_is_chosen_by_its_name_after_the_models(folder, scan, brain_mask, tmp_path):
    styled(folder, None)
    chosen = find_model(f"{folder}:tight")
    assert (chosen.name, chosen.capabilities.style) == ("styled:tight", 1)
    assert chosen.capabilities.opinions == HEADS
    prediction = predict(chosen, scan, brain_mask)
    assert prediction.information["model"] == "styled:tight"
    with pytest.raises(InputError, match="does not know the style 'loose': give one of generous, tight"):
        find_model(f"{folder}:loose")
    with pytest.raises(InputError, match="it learnt no styles"):
        find_model(f"{single(folder, tmp_path, 0).folder}:tight")
