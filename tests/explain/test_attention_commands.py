"""From a table of labelled visits to attention on another one, as a user does it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from napari_uncertainseg.cli import main
from napari_uncertainseg.cli.lesions.attention import describe_case
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.explain.attention.case_bags import BagSetting, bag_of_case
from napari_uncertainseg.explain.attention.encoder import activations_at
from napari_uncertainseg.explain.attention.of_results import attention_of_case, write_attention
from napari_uncertainseg.explain.explained_case import open_case
from napari_uncertainseg.images.files import read_labels, read_volume, write_volume
from napari_uncertainseg.training.mil.model import load_attention

from ..inference.conftest import make_scan
from ..random_models import write_model


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Four patients of two hospitals, segmented by a random network; results of another one beside."""
    base = tmp_path_factory.mktemp("mil")
    model = write_model(base / "tiny")
    rows = ["patient\tsource\tage\tfolder\tlabel"]
    for k in range(4):
        scan = make_scan((6, 24, 22), (3.0, 1.5, 1.5))
        noise = np.random.default_rng(k).uniform(0.8, 1.2, scan.grid.shape).astype(np.float32)
        write_volume(base / f"flair{k}.nii.gz", scan.data * noise, scan.grid)
        segment = ["segment", base / f"flair{k}.nii.gz", "--model", model, "--threshold", 0.555]
        assert run(*segment, "--out", base / f"results{k}", "--skull", "removed") == 0
        rows.append(f"p{k}\ts{k // 2}\t{30 + k}\tresults{k}\t{'yes' if k % 2 else 'no'}")
    (base / "cohort.tsv").write_text("\n".join(rows) + "\n")
    return base


def run(*arguments) -> int:
    try:
        return main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        return int(stop.code)


def train(study, out, *more, table="cohort.tsv") -> int:
    quick = ("--steps", 10, "--members", 2)
    return run("train-mil", study / table, "--out", out, "--model", study / "tiny", *quick, *more)


@pytest.fixture(scope="module")
def trained(study):
    assert train(study, study / "learned") == 0
    return study / "learned"


def attend(study, trained, out, *more, case="results0") -> int:
    return run("attention", study / case, "--mil", trained, "--model", study / "tiny", "--out", out, *more)


def test_it_is_learned_told_kept_and_applied(study, trained, tmp_path, capsys):
    about = json.loads((trained / "mil.json").read_text())
    assert about["needs"]["stage"] == "encoder.1" and about["learned"]["patients"] == 4
    assert [one["group"] for one in about["learned"]["left_out"]] == ["patient", "source"]
    said = read_tsv(trained / "patients.tsv")
    assert said["probability_patient_left_out"].between(0, 1).all()
    assert len(list((trained / "bags").iterdir())) == 4
    assert attend(study, trained, tmp_path / "out") == 0
    assert "probability of 'label': 0." in capsys.readouterr().out
    found = read_tsv(tmp_path / "out" / "attention.tsv")
    assert found["attention"].sum() == pytest.approx(1, abs=1e-4)
    assert {"lesion", "candidate"} >= set(found["kind"]) and "lesion" in set(found["kind"])
    assert len(found) > 2 and found["attention"].is_monotonic_decreasing
    heat = read_volume(tmp_path / "out" / "attention.nii.gz")
    flair = read_volume(study / "flair0.nii.gz")
    assert heat.grid.same_as(flair.grid)
    lesions = read_labels(study / "results0" / "lesions.nii.gz").data
    for row in found[found["kind"] == "lesion"].to_dict("records"):
        there = lesions == row["label"]
        np.testing.assert_allclose(heat.data[there], row["attention"], rtol=1e-3)
        assert row["volume_mm3"] == pytest.approx(there.sum() * np.prod(flair.grid.spacing), rel=1e-4)


def test_its_map_opens_over_the_scan(study, trained, tmp_path):
    readers = pytest.importorskip("napari_uncertainseg.widgets.readers")
    assert attend(study, trained, tmp_path / "out") == 0
    path = str(tmp_path / "out" / "attention.nii.gz")
    ((data, options, kind),) = readers.get_reader(path)(path)
    assert kind == "image" and options["blending"] == "additive" and options["name"] == "Attention"
    assert options["contrast_limits"] == (0.0, pytest.approx(float(data.max())))
    (tmp_path / "out" / "attention.json").unlink()  # a file of this name from elsewhere is a scan
    assert readers.get_reader(path)(path)[0][1]["name"] == "attention"


def test_features_are_the_encoders_own_averaged_over_a_lesion(study):
    """On the scan's own voxels interpolated by hand, from all of the encoder in one pass."""
    case = open_case(study / "results0", model=study / "tiny")
    made, found = bag_of_case(case, BagSetting())
    scene = case.scene
    size = [-(-n // 4) * 4 for n in scene.shape]
    window = torch.zeros(1, 3, *[max(n, scene.engine.smallest) for n in size])
    window[(0, slice(None), *(slice(n) for n in scene.shape))] = torch.from_numpy(scene.image)
    with torch.inference_mode():
        network = scene.engine.network
        deep = network.encoder[1](network.encoder[0](window))[0].numpy()
    which = int(found.table["volume_mm3"].argmax())
    inside = (found.labels == which + 1)[case.voxels.source.box][case.voxels.source.inside]
    places = case.voxels.places[:, inside].T
    expected = np.zeros(len(deep))
    for place in places:
        at = np.clip((place + 0.5) / 2 - 0.5, 0, np.array(deep.shape[1:]) - 1)
        low = np.minimum(np.floor(at).astype(int), np.array(deep.shape[1:]) - 2)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, at - low, 1 - (at - low)))
            expected += weight * deep[(slice(None), *(low + corner))]
    np.testing.assert_allclose(made.bag.features[which], expected / len(places), rtol=1e-3, atol=1e-4)


def test_activations_are_looked_up_in_parts(monkeypatch):
    from napari_uncertainseg.explain.attention import encoder

    monkeypatch.setattr(encoder, "_CHUNK", 3)
    array = torch.arange(8.0).reshape(1, 2, 2, 2)
    places = np.argwhere(np.ones((2, 2, 2))) * 2 + 0.5  # the middles of voxels of a stride of 2
    parts = list(activations_at(array, places, (4, 4, 4)))
    assert len(parts) == 3
    np.testing.assert_allclose(torch.cat([values[:, 0] for values, _ in parts]), np.arange(8))


def test_the_same_command_goes_on_with_the_bags_that_are_made(study, trained, tmp_path, monkeypatch):
    from napari_uncertainseg.explain.attention import case_bags

    shutil.copytree(trained / "bags", tmp_path / "again" / "bags")
    damaged = next((tmp_path / "again" / "bags").iterdir())
    damaged.write_bytes(b"x")
    opened = []
    monkeypatch.setattr(case_bags, "open_case", lambda *a, **k: opened.append(a) or open_case(*a, **k))
    assert train(study, tmp_path / "again") == 0
    assert len(opened) == 1  # what is damaged is made anew
    assert (tmp_path / "again" / "mil.json").read_text() == (trained / "mil.json").read_text()


def test_patches_a_column_and_the_other_rule(study, tmp_path, capsys):
    more = ("--instances", "patches", "--patch", 12, "--auxiliary", "age", "--rule", "online")
    assert train(study, tmp_path / "learned", *more) == 0
    assert "second task 'age' (online rule)" in capsys.readouterr().out
    assert attend(study, tmp_path / "learned", tmp_path / "out") == 0
    assert set(read_tsv(tmp_path / "out" / "attention.tsv")["kind"]) == {"patch"}
    brain = read_labels(study / "results0" / "brain.nii.gz").data > 0
    heat = read_volume(tmp_path / "out" / "attention.nii.gz").data
    assert not heat[~brain].any() and (heat[brain] > 0).mean() > 0.5


@pytest.mark.slow
def test_scans_in_the_table_are_segmented_first(study, tmp_path, capsys):
    from ..runs.in_process import in_this_process

    table = read_tsv(study / "cohort.tsv", texts=True)
    flair = [str(study / f"flair{k}.nii.gz") for k in range(4)]
    table.assign(flair=flair).drop(columns="folder").to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    with in_this_process():
        assert train(study, tmp_path / "out", table=tmp_path / "t.tsv") == 0
        assert "4 visits of 4 patients" in capsys.readouterr().out
        assert read_tsv(tmp_path / "out" / "cohort.tsv", texts=True)["folder"].str.contains("visits").all()
        (tmp_path / "out" / "mil.json").unlink()
        (tmp_path / "out" / "mil.safetensors").unlink()
        (tmp_path / "out" / "patients.tsv").unlink()
        assert train(study, tmp_path / "out", table=tmp_path / "t.tsv") == 0  # goes on
    table.assign(flair=[*flair[:3], "nowhere.nii.gz"]).drop(columns="folder").to_csv(
        tmp_path / "t.tsv", sep="\t", index=False
    )
    capsys.readouterr()
    assert train(study, tmp_path / "other", table=tmp_path / "t.tsv") == 2
    assert "nowhere.nii.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"label": ["yes", "yes", "yes", "yes"]}, "4 have the label and 0 lack it"),
        ({"label": ["yes", "no", "", "no"]}, "row 4: the column label is empty"),
        ({"label": ["yes", "no", "2", "no"]}, "it should be 1 or 0, yes or no"),
        ({"patient": ["a", "a", "b", "b"]}, "Of 2 patients"),
        ({"folder": ["", "", "", ""]}, "the column folder is empty"),
        ({"folder": ["flair0.nii.gz"] * 4}, "no folder of results"),
        ({"folder": None}, "uncertainseg run"),
    ],
)
def test_tables_that_cannot_be_used_are_one_line(study, tmp_path, capsys, cells, says):
    table = read_tsv(study / "cohort.tsv", texts=True)
    for name, values in cells.items():
        table = table.drop(columns=name) if values is None else table.assign(**{name: values})
    table.to_csv(study / "bad.tsv", sep="\t", index=False)
    assert train(study, tmp_path / "out", table="bad.tsv") == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and not (tmp_path / "out" / "mil.json").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--auxiliary", "sex"), "lacks the column 'sex'"),
        (("--stage", "x"), "no stage 'x': name a stage, such as encoder.0"),
        (("--members", 21), "at most 20"),
        (("--patch", 0), "above 0"),
        (("--seed", -1), "whole number, 0 or more"),
    ],
)
def test_settings_that_cannot_be_used_are_one_line(study, tmp_path, capsys, more, says):
    assert train(study, tmp_path / "out", *more) == 2
    assert says in capsys.readouterr().err


def test_what_was_changed_or_is_of_another_network_is_refused(study, trained, tmp_path, capsys):
    assert train(study, trained) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert attend(study, study / "results0", tmp_path / "out") == 2
    assert "train-mil" in capsys.readouterr().err
    for name, change, says in (
        ("stranger", ("needs", "weights_sha256", "0" * 64), "with other weights"),
        ("newer", ("version", None, 2), "'version' should be 1"),
        ("larger", ("hidden", None, 10**6), "'hidden' should be a whole number, 1 to 256"),
        ("wider", ("features", None, 5), "do not fit"),
    ):
        shutil.copytree(trained, tmp_path / name, ignore=shutil.ignore_patterns("bags"))
        about = json.loads((tmp_path / name / "mil.json").read_text())
        key, inner, value = change
        if inner is None:
            about[key] = value
        else:
            about[key][inner] = value
        (tmp_path / name / "mil.json").write_text(json.dumps(about))
        assert attend(study, tmp_path / name, tmp_path / "out") == 2
        assert says in capsys.readouterr().err
    changed = tmp_path / "stranger" / "mil.safetensors"
    changed.write_bytes(changed.read_bytes()[:-4] + b"\0\0\0\1")
    assert attend(study, tmp_path / "stranger", tmp_path / "out") == 2
    assert "not the file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_patient_without_candidates_has_an_empty_bag(study, trained, tmp_path):
    """Nothing of a scan reaches the threshold: the probability is that of such patients."""
    case = open_case(study / "results0", model=study / "tiny")
    case.lesions[:] = 0
    case.saved.prediction.probability[:] = 0
    found = attention_of_case(load_attention(trained), case)
    assert found.table.empty and not found.map.any() and 0 < found.probability < 1
    write_attention(tmp_path / "out", found)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["attention.json", "attention.tsv"]
    assert "no lesion and no candidate" in describe_case(found)
