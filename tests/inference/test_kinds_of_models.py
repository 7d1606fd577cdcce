"""A further kind of model is one module and one entry in the table of kinds; nothing else knows it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.images.preparation.found_brain import WHOLE
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference.sampling import METHODS
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks import catalog, kinds
from napari_uncertainseg.networks.engines.device import Device, cpu_device
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.engines.foreign_engine import target_logits
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.foreign_intensities import MapRange
from napari_uncertainseg.networks.foreign_steps import (
    Crop,
    ForeignPreprocessing,
    Permute,
    Reorient,
)
from napari_uncertainseg.networks.formats.monai.respacing import Respace
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
    with pytest.raises(InputError, match=r"it has no model\.json or .*settings/bright\.json"):
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


ELSEWHERE = "other.json"


class BrightPatches(Engine):
    """Three classes by brightness alone, in the windows that it was trained with."""

    def __init__(self, device: Device) -> None:
        super().__init__(device, patches=Patches((16, 24, 20), 0.5, weights="gaussian"))

    def heads(self, image):
        self.check()
        assert image.shape[2:] == (16, 24, 20)
        value = image[0, 0]
        return torch.stack([torch.zeros_like(value), 20 * (value - 0.3), 20 * (value - 0.7)])

    def finish(self, outputs):
        return target_logits(outputs, (1, 2), sigmoid=False)


@dataclass(frozen=True, kw_only=True)
class ModelFromElsewhere(Model):
    """Reads an MP2RAGE and, where there is one, a CT; no FLAIR."""

    @property
    def files(self) -> tuple[Path, ...]:
        return self.weights

    def engine(self, device: Device, index: int = 0) -> Engine:
        return BrightPatches(device)

    def check_runs(self) -> None:
        pass


def read_other(folder: Path) -> ModelFromElsewhere:
    return ModelFromElsewhere(
        name=folder.name,
        folder=folder,
        version="1",
        description="Bright voxels of an MP2RAGE.",
        weights=(folder / ELSEWHERE,),
        threshold=0.5,
        modalities=("mp2rage", "ct"),
        preprocessing=ForeignPreprocessing(
            (
                Reorient("LPS"),
                Respace((1.5, 1.5, 2.0)),
                MapRange(start=(50, 200), clip=True, only=(0,)),
                Crop("positive"),
            )
        ),
        target="cortical lesion",
        classes=("background", "grey", "white"),
        target_classes=(1, 2),
    )


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, ModelKind(ELSEWHERE, read_other)))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / ELSEWHERE).write_text("{}")
    return folder


def oblique_scan() -> Volume:
    """A bright ball off the centre, on thick slices that are turned, flipped and stored in another order."""
    turn, _ = np.linalg.qr(np.eye(3) + 0.2 * np.array([[0, 1, 2], [-1, 0, 1], [1, -2, 0]]))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0, -1.0, 0], [0, 0, 1.25], [3.0, 0, 0]])
    affine[:3, 3] = (30, -20, 10)
    grid = Grid.from_file((22, 60, 50), affine)
    data = np.full(grid.shape, 40, np.float32)
    data[3:-2, 5:-4, 6:-5] = 100
    data[world_distance(grid) < 12] = 180
    return Volume(data, grid, "oblique", "mp2rage")


def world_distance(grid: Grid) -> np.ndarray:
    """Distance of each voxel from a point of the patient, mm."""
    index = np.stack([*np.indices(grid.shape), np.ones(grid.shape)])
    world = np.tensordot(grid.affine, index, 1)[:3]
    middle = grid.affine @ [grid.shape[0] * 0.6, grid.shape[1] * 0.4, grid.shape[2] * 0.45, 1]
    return np.linalg.norm(world - middle[:3, None, None, None], axis=0)


@pytest.mark.parametrize("method", ["one-pass", "flips"])
def test_a_model_from_elsewhere_answers_on_the_scans_own_grid(elsewhere, method):
    scan = oblique_scan()
    seen, told = [], []
    found = Segmenter(elsewhere, method=method, device=CPU).predict(
        {"mp2rage": scan}, look=seen.append, progress=lambda stage, share: told.append(share)
    )
    assert found.grid is scan.grid and found.probability.shape == scan.grid.shape
    distance = world_distance(scan.grid)
    inside, outside = distance < 9, distance > 16
    assert found.probability[inside].min() > 0.9
    # Of grey (100) the sum of two classes is about a third of a unit below the background's 0.3.
    logit = np.logaddexp(20 * (1 / 3 - 0.3), 20 * (1 / 3 - 0.7))
    grey = outside & (scan.data == 100) & (ndimage.minimum_filter(scan.data, 5) == 100)
    np.testing.assert_allclose(found.probability[grey], 1 / (1 + np.exp(-logit)), atol=1e-3)
    assert found.information["brain"] == WHOLE and [brain.source for brain in seen] == [WHOLE]
    assert found.brain[scan.data > 60].all() and not found.brain.all()
    assert (found.probability[~found.brain] == 0).all()
    assert told == sorted(told) and told[-1] == 1
    assert len(told) > 20  # windows are told, not members only; shares of so short a run say nothing


def test_a_model_that_turns_nothing_gives_the_voxels_as_they_are(elsewhere, monkeypatch):
    """With flips and turns alone the way back is exact."""
    plain = ForeignPreprocessing((Reorient("LIP"), Permute((2, 0, 1)), MapRange(start=(50, 200))))
    model = replace(read_other(elsewhere), preprocessing=plain)
    scan = oblique_scan()
    found = Segmenter(model, device=CPU).predict({"mp2rage": scan})
    value = (scan.data - 50) / 150
    logit = np.logaddexp(20 * (value - 0.3), 20 * (value - 0.7))
    np.testing.assert_allclose(found.probability, 1 / (1 + np.exp(-logit.astype(np.float64))), atol=2e-6)
    assert found.brain.all()


def test_what_a_model_from_elsewhere_lacks_is_said(elsewhere):
    scan = oblique_scan()
    segmenter = Segmenter(elsewhere, device=CPU)
    with pytest.raises(InputError, match=r"^MP2RAGE is missing: the model 'elsewhere' cannot do without it"):
        segmenter.predict({"flair": scan})
    with pytest.raises(InputError, match="There is no modality 'xray'"):
        segmenter.predict({"mp2rage": scan, "xray": scan})
    needy = Segmenter(replace(read_other(elsewhere), needs=("ct",)), device=CPU)
    with pytest.raises(InputError, match=r"^CT is missing"):
        needy.predict({"mp2rage": scan})
    notes = segmenter.predict({"mp2rage": scan, "t2": scan}, mask=scan).information["notes"]
    assert any("does not read T2" in note for note in notes)
    assert any("no brain mask was used" in note for note in notes)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda image: image[0, :, :-1], "for a window of"),
        (lambda image: torch.full_like(image[0], torch.nan), "not finite"),
    ],
)
def test_an_answer_that_cannot_be_one_is_refused(elsewhere, monkeypatch, answer, message):
    monkeypatch.setattr(BrightPatches, "heads", lambda self, image: answer(image))
    with pytest.raises(InputError, match=message):
        Segmenter(elsewhere, device=CPU).predict({"mp2rage": oblique_scan()})
