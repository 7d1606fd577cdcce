"""What the user says once of a model made elsewhere, where its folder does not tell, and that it is kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.cli.options import told
from napari_uncertainseg.networks import catalog, kinds
from napari_uncertainseg.networks.foreign_settings import ForeignSettings
from napari_uncertainseg.networks.kinds import read_model

from ..bundles import SEGRESNET, configuration, metadata, write_bundle
from .test_monai_bundle import softmax_post

pytest.importorskip("monai")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai")


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "user")


@pytest.fixture
def unclear(tmp_path) -> Path:
    """A bundle with channels and classes that say nothing."""
    network = SEGRESNET | {"in_channels": 2, "out_channels": 3}
    content = configuration(network_def=network, postprocessing=softmax_post())
    about = metadata({"0": "input a", "1": "input b"}, {"0": "background", "1": "oedema", "2": "core"})
    return write_bundle(tmp_path / "bundle", content, about)


def test_scans_target_name_and_threshold_are_said_once(unclear, capsys):
    said = [
        "--scan",
        "flair=1",
        "--scan",
        "t1=input a",
        "--target",
        "core",
        "--name",
        "mine",
        "--threshold",
        "0.3",
    ]
    assert main(["models", "add", str(unclear), *said]) == 0
    model = catalog.find_model("mine")
    assert model.modalities == ("t1", "flair") and model.main == "flair"
    assert model.target_classes == (2,) and model.target == "core" and model.threshold == 0.3
    kept = json.loads((model.folder / "uncertainseg.json").read_text())
    assert kept == {
        "name": "mine", "scans": {"1": "flair", "input a": "t1"}, "target": ["core"], "threshold": 0.3,
    }  # fmt: skip
    assert read_model(unclear).modalities == ("input-a", "input-b")  # the folder itself is left as it was
    assert model.sha256 != read_model(unclear).sha256


def test_what_is_said_now_counts_before_what_was_said(unclear):
    (unclear / "uncertainseg.json").write_text('{"target": ["core"], "version": "7"}')
    assert read_model(unclear).target_classes == (2,)
    model = read_model(unclear, told=ForeignSettings(target=("oedema", "core")))
    assert model.target_classes == (1, 2) and model.target == "target" and model.version == "7"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scan", "flair=2"], "no channel '2'; it reads 0 ('input a'), 1 ('input b')"),
        (["--scan", "flair=0", "--scan", "flair=1"], "should name 2 different scans"),
        (["--target", "tumour"], "'target' names 'tumour': the model's labels are 'oedema', 'core'"),
        (["--target", "background"], "the model's labels are 'oedema', 'core'"),
        (["--name", "../up"], "a plain name"),
        (["--kind", "nnunet"], "it has no plans.json"),
        (["--merge", "other.yaml"], "there is no such configuration"),
        (["--merge", "../../secret.json"], "leads out of the model's folder"),
    ],
)
def test_what_cannot_be_said(unclear, capsys, options, message):
    assert main(["models", "add", str(unclear), *options]) != 0
    assert message in capsys.readouterr().err
    assert not list(catalog.user_folder().rglob("*.pt"))


def test_nothing_is_to_be_said_of_our_own(capsys):
    assert main(["models", "add", str(catalog.BUNDLED), "--target", "lesion"]) != 0
    assert "of which nothing has to be said" in capsys.readouterr().err


def test_a_folder_with_two_kinds_is_asked_about(unclear, capsys):
    (unclear / "plans.json").write_text("{}")
    for ask in (lambda: read_model(unclear), lambda: catalog.add_model(unclear)):
        with pytest.raises(
            InputError, match=r"holds a MONAI bundle and an nnU-Net folder: .* --kind monai or nnunet"
        ):
            ask()
    assert main(["models", "add", str(unclear), "--kind", "monai"]) == 0
    assert not (catalog.user_folder() / "bundle" / "plans.json").exists()
    assert told.KINDS == kinds.NAMES


def test_configurations_that_are_merged(tmp_path):
    content = configuration()
    common = {key: content.pop(key) for key in ("network_def", "depth", "image_key")}
    folder = write_bundle(tmp_path / "bundle", content | {"network_def": common["network_def"]})
    (folder / "configs" / "inference.json").write_text(json.dumps(content))
    (folder / "configs" / "common.json").write_text(json.dumps(common))
    with pytest.raises(
        InputError, match=r"'network_def' is missing\. It stands in common\.json: .* --merge common"
    ):
        read_model(folder)
    whole = write_bundle(tmp_path / "whole")
    model = catalog.add_model(folder, told=ForeignSettings(merged=("common.json",)))
    assert (
        model.preprocessing == read_model(whole).preprocessing and model.patches == read_model(whole).patches
    )
    shutil.rmtree(folder)
    catalog.find_model("bundle").check_runs()  # all files were copied


def test_a_later_configuration_counts_and_may_add(tmp_path):
    folder = write_bundle(tmp_path / "bundle")
    added = {"network_def::dropout_prob": 0.3, "+inferer": {"overlap": 0.25}, "depth": 6}
    (folder / "configs" / "more.json").write_text(json.dumps(added))
    model = read_model(folder, told=ForeignSettings(merged=("more.json",)))
    assert model.architecture.network.options["dropout_prob"] == 0.3
    assert model.patches.overlap == 0.25 and model.patches.size == (24, 32, 16)
    assert model.preprocessing.voxels_in_words == "1.5 x 3 x 1.25 mm"
    (folder / "configs" / "more.json").write_text('{"+depth": [1]}')
    with pytest.raises(InputError, match="should be of the type of what it is added to"):
        read_model(folder, told=ForeignSettings(merged=("more.json",)))
