"""A further kind of model is one module and one entry in the table of kinds; nothing else knows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.inference.sampling import METHODS
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks import catalog, kinds
from napari_uncertainseg.networks.engines.device import Device, cpu_device
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.kinds import ModelKind, read_model
from napari_uncertainseg.networks.model import Capabilities, Model

MARKER = "settings/bright.json"
BRIGHT = 3.0
CPU = cpu_device("torch").at("float32")


class BrightEngine(Engine):
    """Calls lesion what is brighter in the FLAIR than a level; its second head is less sure."""

    def __init__(self, device: Device, level: float, heads: int) -> None:
        super().__init__(device, heads_count=heads)
        self.level = level

    def heads(self, image):
        self.check()
        logits = 4 * (image[0, :1] - self.level)
        return torch.cat([logits / (1 + head) for head in range(self.heads_count)])


@dataclass(frozen=True, kw_only=True)
class BrightModel(Model):
    level: float

    @property
    def files(self) -> tuple[Path, ...]:
        return self.weights

    def engine(self, device: Device, index: int = 0) -> Engine:
        return BrightEngine(device, self.level, self.capabilities.heads)

    def check_runs(self) -> None:
        if not self.level > 0:
            raise InputError(f"{self.weights[0]}: the level should be above 0.")


def read_bright(folder: Path) -> BrightModel:
    path = folder / MARKER
    content = read_json(path, most_bytes=1000)
    return BrightModel(
        name=folder.name,
        folder=folder,
        version="3",
        description="Bright voxels.",
        weights=(path,),
        threshold=0.5,
        modalities=("flair",),
        capabilities=Capabilities(heads=2),
        level=content["level"],
    )


@pytest.fixture(autouse=True)
def with_the_further_kind(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, ModelKind(MARKER, read_bright)))
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "user")
    monkeypatch.setattr(catalog, "BUNDLED", tmp_path / "no bundled model")


@pytest.fixture
def folder(tmp_path) -> Path:
    return write(tmp_path / "bright", BRIGHT)


def write(folder: Path, level: float) -> Path:
    (folder / "settings").mkdir(parents=True)
    (folder / MARKER).write_text(json.dumps({"level": level}))
    return folder


def test_it_is_read_added_listed_and_shown(folder, tmp_path, capsys):
    added = catalog.add_model(folder)
    assert added.folder == tmp_path / "user" / "bright" and (added.folder / MARKER).is_file()
    assert [model.name for model in catalog.list_models()] == ["bright"]
    assert catalog.find_model("bright").sha256 == read_model(folder).sha256
    assert main(["models"]) == main(["models", "show", "bright"]) == 0
    out = capsys.readouterr().out
    assert "Bright voxels." in out and added.sha256 in out and "There is no MODEL_CARD.md." in out


def test_what_does_not_run_is_not_added(tmp_path):
    with pytest.raises(InputError, match="level should be above 0"):
        catalog.add_model(write(tmp_path / "dark", -1.0))
    assert catalog.list_models() == []


def test_a_folder_of_no_kind_is_told_all_of_them(tmp_path):
    with pytest.raises(InputError, match=r"it has no model\.json or settings/bright\.json"):
        read_model(tmp_path)


@pytest.mark.parametrize("method", ["one-pass", "flips"])
def test_it_predicts_with_each_method_that_it_has(folder, scan, brain_mask, method):
    segmenter = Segmenter(folder, method=method, device=CPU)
    assert segmenter.members == {"one-pass": 2, "flips": 8}[method]
    found = segmenter.predict({"flair": scan, "t1": scan}, mask=brain_mask)
    bright = (scan.data > 150) & found.brain  # the spots of the scan
    dark = (scan.data < 110) & found.brain
    assert bright.any() and found.probability[bright].min() > 0.5 > found.probability[dark].max()
    assert found.disagreement[bright].max() > 0 and found.threshold == 0.5
    if method == "flips":  # it looks at single voxels, so that flips tell nothing
        np.testing.assert_allclose(found.mutual_information, 0, atol=1e-6)
    assert found.information["model"] == "bright" and found.information["model_version"] == "3"
    assert any("does not read T1" in note for note in found.information["notes"])


@pytest.mark.parametrize(
    ("method", "needs"),
    [
        ("layers", "an output at each depth"),
        ("mc-dropout", "channels that can be dropped"),
        ("ensemble", "several networks"),
    ],
)
def test_a_method_that_it_has_nothing_for_says_what_it_needs(folder, method, needs):
    with pytest.raises(InputError, match=f"{method} needs {needs}.*'bright' does not have"):
        Segmenter(folder, method=method, device=CPU)
    assert METHODS[method].most(read_model(folder).capabilities) == 0


def test_the_window_offers_what_the_model_has(folder):
    from napari_uncertainseg.widgets.segment.options import load_choices

    catalog.add_model(folder)
    choices = load_choices()
    assert choices.models == (("bright", "Bright voxels."),)
    members = {method.key: method.counts.get("bright") for method in choices.methods}
    assert members == {
        "one-pass": (2, 2), "flips": (8, 8), "layers": None, "mc-dropout": None, "ensemble": None,
    }  # fmt: skip
