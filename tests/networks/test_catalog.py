"""The catalogue takes valid models whole, and refuses everything else with one sentence."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.networks import catalog
from napari_uncertainseg.networks.catalog import add_model, find_model, list_models, unusable_models
from napari_uncertainseg.networks.kinds import read_model
from napari_uncertainseg.networks.multihead import MultiHeadUNet

CONFIGURATION = {
    "name": "tiny",
    "version": "1",
    "description": "Random weights.",
    "architecture": {"kind": "multihead-unet", "features": [4, 8], "heads": 2},
    "modalities": ["flair", "t1"],
    "intensities": "tissue",
    "spacing": 1.0,
    "threshold": 0.5,
    "weights": ["w.safetensors"],
}


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "user" / "models")
    monkeypatch.setattr(catalog, "BUNDLED", tmp_path / "bundled")


@pytest.fixture
def folder(tmp_path) -> Path:
    torch.manual_seed(0)
    return write(tmp_path / "given", "tiny")


def write(folder: Path, name: str) -> Path:
    folder.mkdir()
    network = MultiHeadUNet(2, [4, 8], 2)
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, folder / "w.safetensors")
    (folder / "model.json").write_text(json.dumps(CONFIGURATION | {"name": name}))
    (folder / "MODEL_CARD.md").write_text("# Card\n")
    return folder


def change(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "model.json").read_text()) | changes
    (folder / "model.json").write_text(json.dumps(content))


def test_a_model_says_what_its_folder_holds(folder):
    model = find_model(folder)
    assert (model.name, model.threshold, model.preprocessing.spacing) == ("tiny", 0.5, 1.0)
    assert model.modalities == ("flair", "t1") and model.temperature == 1
    assert len(model.weights) == model.capabilities.networks == 1
    assert model.sha256 == hashlib.sha256((folder / "w.safetensors").read_bytes()).hexdigest()
    network = model.network()
    assert not network.training
    assert all(p.dtype == torch.float32 and p.device.type == "cpu" for p in network.parameters())
    stored = load_file(folder / "w.safetensors")
    assert torch.equal(network.heads.weight, stored["heads.weight"].float())
    with torch.inference_mode():
        assert network(torch.zeros(1, 2, 16, 16, 16)).shape == (1, 2, 16, 16, 16)


def test_the_hash_follows_the_file(folder):
    before = find_model(folder).sha256
    state = load_file(folder / "w.safetensors")
    state["heads.bias"] += 1
    save_file(state, folder / "w.safetensors")
    os.utime(folder / "w.safetensors", ns=(1, 1))
    assert find_model(folder).sha256 != before


def test_names_are_found_bundled_first(folder, tmp_path):
    with pytest.raises(InputError, match="bundled model is missing"):
        find_model()
    write(tmp_path / "bundled", "starter")
    added = add_model(folder)
    assert added.folder == tmp_path / "user" / "models" / "tiny"
    assert [m.name for m in list_models()] == ["starter", "tiny"]
    assert find_model().name == find_model("starter").name == "starter"
    assert find_model("tiny").folder == added.folder
    with pytest.raises(InputError, match=r"no model 'other'.*'bundled', 'tiny'"):
        find_model("other")


def test_add_copies_only_what_belongs_to_the_model(folder):
    (folder / "run_me.py").write_text("raise SystemExit")
    added = add_model(folder)
    assert sorted(p.name for p in added.folder.iterdir()) == ["MODEL_CARD.md", "model.json", "w.safetensors"]
    with pytest.raises(InputError, match="already"):
        add_model(folder)


def pack(folder, path, inside):
    with zipfile.ZipFile(path, "w") as packed:
        for file in folder.iterdir():
            packed.write(file, f"{inside}{file.name}")
    return path


@pytest.mark.parametrize("inside", ["", "any name/", "a/b/c/d/"])
def test_a_zip_file_of_a_model_is_added(folder, tmp_path, inside):
    (folder / "run_me.py").write_text("raise SystemExit")
    added = add_model(pack(folder, tmp_path / "Some Model.ZIP", inside))
    assert sorted(p.name for p in added.folder.iterdir()) == ["MODEL_CARD.md", "model.json", "w.safetensors"]
    assert find_model("tiny").sha256 == find_model(folder).sha256
    assert [p.name for p in added.folder.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "w.safetensors").write_bytes(b"1" * 100), r"M\.zip.*w\.safetensors.*corrupt"),
        (lambda f: (f / "model.json").unlink(), r"M\.zip' is not a model: it has no model\.json"),
    ],
    ids=["bad weights", "no model"],
)
def test_a_zip_file_that_holds_no_good_model_leaves_nothing(folder, tmp_path, spoil, message):
    spoil(folder)
    refused_zip(pack(folder, tmp_path / "M.zip", ""), tmp_path, message)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda z: z.write_bytes(z.read_bytes()[:200]), r"M\.zip is not a zip file"),
        (lambda z: z.unlink(), r"M\.zip' is not a model"),
    ],
    ids=["damaged", "missing"],
)
def test_a_bad_zip_file_leaves_nothing(folder, tmp_path, spoil, message):
    path = pack(folder, tmp_path / "M.zip", "")
    spoil(path)
    refused_zip(path, tmp_path, message)


def refused_zip(path, tmp_path, message):
    with pytest.raises(InputError, match=message) as caught:
        add_model(path)
    assert str(tmp_path / "user") not in str(caught.value)  # where it was unpacked is gone
    assert not list((tmp_path / "user").rglob("*.*")) and list_models() == []


def test_a_zip_file_of_two_models_is_asked_about(folder, tmp_path):
    path = pack(folder, tmp_path / "M.zip", "one/")
    with zipfile.ZipFile(path, "a") as packed:
        for file in folder.iterdir():
            packed.write(file, f"two/{file.name}")
    with pytest.raises(InputError, match=r"M\.zip holds 2 models: unpack it, and add one of one, two\."):
        add_model(path)


def test_add_leaves_nothing_when_the_weights_are_bad(folder, tmp_path):
    content = (folder / "w.safetensors").read_bytes()
    (folder / "w.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="corrupt"):
        add_model(folder)
    assert list((tmp_path / "user" / "models").iterdir()) == []
    assert list_models() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../evil"}, "'name' should be a plain name"),
        ({"name": None}, "'name' is missing"),
        ({"version": 3}, "'version' should be text"),
        ({"threshold": 1.5}, "'threshold' should be a number between 0 and 1"),
        ({"threshold": True}, "'threshold' should be"),
        ({"threshold": float("nan")}, "NaN is no number"),
        ({"spacing": 0}, "'spacing' should be"),
        ({"temperature": -1}, "'temperature' should be"),
        ({"smoothing": -0.5}, "'smoothing' should be a number from 0 to 3"),
        ({"smoothing": 50}, "'smoothing' should be"),
        ({"modalities": ["t1"]}, "with 'flair' in it"),
        ({"intensities": None}, "'intensities' is missing.*trained again"),
        ({"intensities": "z-score"}, "'intensities' should be \"tissue\""),
        ({"modalities": ["flair", "flair"]}, "'modalities' should be"),
        ({"modalities": [["flair"]]}, "'modalities' should be"),
        ({"architecture": []}, "'architecture' should be an object"),
        ({"architecture": {"kind": "my.module.Net", "features": [4, 8], "heads": 2}}, "multihead-unet"),
        ({"architecture": {"kind": "multihead-unet", "features": [4, 10**9], "heads": 2}}, "'features'"),
        ({"architecture": {"kind": "multihead-unet", "features": [4, 8], "heads": 0}}, "'heads'"),
        ({"weights": []}, "'weights' should be"),
        ({"weights": "w.safetensors"}, "'weights' should be"),
        ({"weights": ["w.safetensors", "w.safetensors"]}, "twice"),
        ({"weights": ["gone.safetensors"]}, "are missing"),
        ({"weights": ["../w.safetensors"]}, "plain file name"),
        ({"weights": ["/etc/passwd"]}, "plain file name"),
        ({"weights": ["..\\w.safetensors"]}, "plain file name"),
        ({"weights": ["w.pkl"]}, "should be a .safetensors file"),
        ({"weights": [7]}, "plain file name"),
    ],
)
def test_a_malformed_configuration_is_refused(folder, changes, message):
    (folder / "w.pkl").write_bytes(b"")
    change(folder, **changes)
    with pytest.raises(InputError, match=message):
        read_model(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ("[" * 100_000, "not valid JSON"),
        ("null", "JSON object, not null"),
        ("9" * 400, "not valid JSON.*400 digits"),
        ('{"threshold": ' + "9" * 400 + "}", "400 digits"),
        ('{"threshold": -Infinity}', "Infinity is no number"),
        ('{"name": "\\ud800"}', "half a character"),
        (" " * (2 << 20), "1 MB"),
    ],
)
def test_a_broken_configuration_is_refused(folder, text, message):
    (folder / "model.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_model(folder)


def test_a_folder_without_a_configuration_and_a_file_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"no model\.json"):
        find_model(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        find_model(folder / "w.safetensors")


@pytest.mark.posix
def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    outside = tmp_path / "outside.safetensors"
    (folder / "w.safetensors").rename(outside)
    (folder / "w.safetensors").symlink_to(outside)
    with pytest.raises(InputError, match="link that leads out"):
        find_model(folder)


def _missing(state):
    del state["heads.bias"]


def _foreign(state):
    state["classifier.weight"] = torch.zeros(1)


def _misshapen(state):
    state["heads.bias"] = torch.zeros(7)


def _not_finite(state):
    state["heads.bias"][0] = float("nan")


def _integers(state):
    state["heads.bias"] = torch.zeros(2, dtype=torch.int32)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_missing, r"lack heads\.bias"),
        (_foreign, r"also hold classifier\.weight"),
        (_misshapen, r"heads\.bias is \(7,\), should be \(2,\)"),
        (_not_finite, r"heads\.bias holds values that are not finite"),
        (_integers, "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(folder, spoil, message):
    state = load_file(folder / "w.safetensors")
    spoil(state)
    save_file(state, folder / "w.safetensors")
    with pytest.raises(InputError, match=message):
        find_model(folder).network()


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"\xff" * 64, (10**12).to_bytes(8, "little") + b"{}", np.zeros(99, np.uint8).tobytes()],
)
def test_corrupt_safetensors_are_refused(folder, content):
    (folder / "w.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="corrupt"):
        find_model(folder).network()


class _Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("save", ["torch", "pickle"])
def test_weights_that_would_run_code_are_refused_unrun(folder, tmp_path, save):
    target, path = tmp_path / "ran", folder / "w.pt"
    evil = {"heads.bias": _Evil(target)}
    if save == "torch":
        torch.save(evil, path)
    else:
        path.write_bytes(pickle.dumps(evil))
    change(folder, weights=["w.pt"])
    with pytest.raises(InputError, match="would run code"):
        find_model(folder).network()
    assert not target.exists()


def test_torch_weights_without_code_are_taken(folder):
    state = load_file(folder / "w.safetensors")
    torch.save(state, folder / "w.pth")
    torch.save({"state": state}, folder / "nested.pth")
    expected = find_model(folder).network().heads.weight
    change(folder, weights=["w.pth"])
    assert torch.equal(find_model(folder).network().heads.weight, expected)
    change(folder, weights=["nested.pth"])
    with pytest.raises(InputError, match="named tensors only"):
        find_model(folder).network()


@pytest.mark.posix
def test_one_bad_folder_does_not_end_the_list(folder, tmp_path, capsys):
    """It is listed with what is wrong, beside those that can be used."""
    add_model(folder)
    own = tmp_path / "user" / "models"
    for name, text in (("huge", '{"threshold": ' + "9" * 400 + "}"), ("list", "[]"), ("empty", None)):
        (own / name).mkdir()
        if text is not None:
            (own / name / "model.json").write_text(text)
    (own / "a file").touch()
    (own / "loop").symlink_to(own / "loop")
    write(own / "renamed", "tiny")
    assert [m.name for m in list_models()] == ["tiny"]
    wrong = unusable_models()
    assert sorted(wrong) == ["empty", "huge", "list", "renamed"]
    assert "400 digits" in wrong["huge"] and "calls itself 'tiny'" in wrong["renamed"]
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "cannot be used" in out and "tiny" in out and len(out.splitlines()) == 6
    with pytest.raises(InputError, match="There is no model"):
        find_model("x" * 300)


@pytest.mark.posix
def test_a_card_that_is_a_link_is_not_followed(folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "MODEL_CARD.md").unlink()
    assert read_model(folder).card() == "There is no MODEL_CARD.md."
    (folder / "MODEL_CARD.md").symlink_to(secret)
    assert "link" in read_model(folder).card() and "secret" not in read_model(folder).card()
    with pytest.raises(InputError, match="is a link, and is not followed"):
        add_model(folder)
    (folder / "MODEL_CARD.md").unlink()
    (folder / "MODEL_CARD.md").write_bytes(b"\xff\xfe a card")
    assert "a card" in read_model(folder).card()
    (folder / "MODEL_CARD.md").write_bytes(bytes(2 << 20))
    assert "larger than 1 MB" in read_model(folder).card()


@pytest.mark.posix
def test_a_configuration_that_is_a_link_is_refused(folder, tmp_path):
    (folder / "model.json").rename(tmp_path / "model.json")
    (folder / "model.json").symlink_to(tmp_path / "model.json")
    with pytest.raises(InputError, match="link that leads out"):
        read_model(folder)


def zipped(path, data, *, index=b"\x80\x02}q\x00.", compressed=True, pad=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        archive.writestr("w/data.pkl", index + bytes(pad))
        archive.writestr("w/data/0", data)
        archive.writestr("w/version", "3")


@pytest.mark.parametrize("name", ["w.pt", "w.pth"])
def test_sizes_are_looked_at_before_anything_is_unpacked(folder, name, monkeypatch):
    """Zeros pack a thousandfold."""
    zipped(folder / name, bytes(50 << 20))
    assert (folder / name).stat().st_size < 100_000
    change(folder, weights=[name])
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(InputError, match="hold 52 MB, more than a network"):
        find_model(folder).network()
    zipped(folder / name, b"", pad=50 << 20)
    with pytest.raises(InputError, match="hold 52 MB"):
        find_model(folder).network()


@pytest.mark.parametrize("what", ["bytearray", "counter", "set"])
def test_an_index_that_makes_objects_of_its_own_is_refused(folder, what, monkeypatch):
    made = {"bytearray": bytearray(9), "counter": Counter("ab"), "set": {1, 2}}[what]
    torch.save({"heads.bias": made}, folder / "w.pt")
    change(folder, weights=["w.pt"])
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(InputError, match="corrupt or would run code"):
        find_model(folder).network()


def test_a_file_much_larger_than_its_network_is_refused_unread(folder):
    with (folder / "w.safetensors").open("r+b") as file:
        file.truncate(100 << 20)
    with pytest.raises(InputError, match="hold 105 MB"):
        find_model(folder).network()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1e300, torch.float64), (3e38, torch.float32), (-1e5, torch.float32), (1e30, torch.bfloat16)],
)
def test_weights_beyond_half_precision_are_refused(folder, value, dtype):
    state = load_file(folder / "w.safetensors")
    state["heads.bias"] = torch.full((2,), value, dtype=dtype)
    save_file(state, folder / "w.safetensors")
    with pytest.raises(InputError, match=r"overflow: heads\.bias holds values beyond 65504"):
        add_model(folder)


def test_weights_that_overflow_together_are_refused_when_added(folder, tmp_path):
    """Each is a number, and what they make of a scan is none."""
    state = load_file(folder / "w.safetensors")
    save_file({k: torch.full_like(v, 6e4) for k, v in state.items()}, folder / "w.safetensors")
    with pytest.raises(InputError, match="overflow: of a scan"):
        add_model(folder)
    assert list((tmp_path / "user" / "models").iterdir()) == []


def test_an_absurd_network_is_refused_before_memory_is_taken(folder):
    change(folder, architecture={"kind": "multihead-unet", "features": [2048] * 7, "heads": 2})
    with pytest.raises(InputError, match="absurd size"):
        find_model(folder).network()


@pytest.mark.parametrize(
    "spoil", [lambda p: p.write_bytes(p.read_bytes()[:-9]), lambda p: p.write_bytes(b"x")]
)
def test_a_model_that_is_not_added_is_named_as_the_user_named_it(folder, spoil):
    spoil(folder / "w.safetensors")
    with pytest.raises(InputError) as caught:
        add_model(folder)
    assert str(folder / "w.safetensors") in str(caught.value)
    assert "user/models" not in str(caught.value)
