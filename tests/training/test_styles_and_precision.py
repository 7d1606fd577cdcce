"""A run learns the styles of its sources, begins with weights that know none, and keeps its precision."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from napari_uncertainseg.networks.engines.precision import Precision
from napari_uncertainseg.networks.kinds import read_model
from napari_uncertainseg.networks.multihead import MultiHeadUNet, copied_to_styles
from napari_uncertainseg.training import trainer
from napari_uncertainseg.training.checkpoint import read_checkpoint
from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.trainer import _Run

pytest.importorskip("ignite", reason="training needs the extra 'train'")

STYLED = """patch = 8
lesion = 0
[[data.sources]]
name = "first"
subjects = ["a/"]
[[data.sources]]
name = "second"
subjects = ["second/"]
[[data.sources]]
name = "third"
subjects = ["third/"]"""


@pytest.fixture
def write_styled(write_run, folder):
    """A run on three sources with a style each; others are left out or begun with by `changes`."""
    for name in ("second", "third"):
        shutil.copytree(folder / "data" / "a", folder / "data" / name)

    def write(left_out=None, **changes):
        table = STYLED.replace("lesion = 0", f'left_out = "{left_out}"' if left_out else "")
        return write_run(subjects="", patch=table, **changes)

    return write


def test_a_run_on_sources_makes_a_model_with_their_styles(write_styled, folder):
    path = write_styled(
        left_out="third", steps="steps = 2\nlesion_loss = 0.5\nvalidate_every = 2", heads="heads = 2"
    )
    model = read_model(trainer.train(path))
    assert model.styles == ("first", "second")
    assert model.description == "Trained for 2 steps on first, second."
    assert model.network()(torch.zeros(1, 3, 8, 8, 8)).shape == (1, 4, 8, 8, 8)
    lines = [json.loads(line) for line in (folder / "out" / "log.jsonl").read_text().splitlines()]
    assert 0 <= lines[-1]["validation_dice"] <= 1
    names = read_checkpoint(folder / "out" / "checkpoint.pt")["made_from"]
    assert "second/lesion" in names and "third/lesion" not in names


def test_a_run_begins_with_the_heads_in_each_style(write_styled, folder):
    given = MultiHeadUNet(3, (2, 4), 2).state_dict()
    given["heads.bias"] = torch.tensor([1.0, 2.0])
    save_file(given, folder / "w.safetensors")
    run = _Run(read_configuration(write_styled(output='output = "out"\nstart_from = "w.safetensors"')))
    state = run.network.state_dict()
    assert state["heads.bias"].tolist() == [1, 2, 1, 2, 1, 2]
    assert torch.equal(state["heads.weight"][2:4], given["heads.weight"])
    image = torch.randn(1, 3, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    old = MultiHeadUNet(3, (2, 4), 2).eval()
    old.load_state_dict(given)
    with torch.inference_mode():
        new = run.network.eval()(image).unflatten(1, (3, 2))
        for style in range(3):
            torch.testing.assert_close(new[:, style], old(image))


def test_weights_that_have_the_styles_stay_as_they_are():
    network = MultiHeadUNet(3, (2, 4, 4), 2, styles=3)
    given = {name: torch.randn(value.shape) for name, value in network.state_dict().items()}
    for name, value in copied_to_styles(given, network).items():
        assert value is given[name]


def test_a_run_goes_on_in_the_precision_that_it_began_in(write_run, monkeypatch):
    path = write_run()
    cpu = torch.device("cpu")
    for name, other in (("float32", True), ("bf16", False)):
        monkeypatch.setattr(
            "napari_uncertainseg.networks.engines.precision.torch_has_bf16", lambda has=not other: has
        )
        configuration = read_configuration(path)
        configuration.output.mkdir(exist_ok=True)
        begun = _Run(configuration)
        assert begun.precision == Precision.fastest(cpu) == Precision("cpu", name)
        begun.save()
        monkeypatch.setattr(
            "napari_uncertainseg.networks.engines.precision.torch_has_bf16", lambda has=other: has
        )
        assert Precision.fastest(cpu).name != name
        assert _Run(configuration).precision.name == name
        shutil.rmtree(configuration.output)


def test_a_checkpoint_that_does_not_say_it_was_in_bf16(write_run):
    configuration = read_configuration(write_run())
    configuration.output.mkdir()
    run = _Run(configuration)
    run.save()
    state = read_checkpoint(run.checkpoint)
    for key in ("[data] sources", "[data] left_out", "[optimisation] lesion_loss"):
        del state["made_from"][key]
    del state["precision"]
    torch.save(state, run.checkpoint)
    assert _Run(configuration).precision.name == "bf16"


def test_precision_is_what_the_convolutions_compute_in():
    layer, image = torch.nn.Conv3d(1, 1, 1), torch.ones(1, 1, 2, 2, 2)
    for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        with Precision("cpu", name).autocast():
            assert layer(image).dtype == dtype
