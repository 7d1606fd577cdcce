"""From a folder of results to an explanation, as a user does it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.explain.explained_case import open_case
from napari_uncertainseg.explain.explanation_files import read_explanations
from napari_uncertainseg.explain.region_facts import facts_as_json
from napari_uncertainseg.images.files import read_volume, write_volume
from napari_uncertainseg.images.volume import Volume

from ..inference.conftest import make_scan
from ..random_models import write_model


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A random network's results of a small scan on thick slices."""
    folder = tmp_path_factory.mktemp("explain")
    scan: Volume = make_scan((14, 36, 32), (3.0, 1.0, 1.0))
    write_volume(folder / "flair.nii.gz", scan.data, scan.grid)
    write_volume(folder / "t1.nii.gz", np.sqrt(scan.data), scan.grid)
    model = write_model(folder / "tiny", networks=2)
    done = main(
        ["segment", str(folder / "flair.nii.gz"), "--t1", str(folder / "t1.nii.gz"), "--model", str(model),
         "--out", str(folder / "results"), "--threshold", "0.6", "--skull", "removed"]
    )  # fmt: skip
    assert done == 0
    return folder


def explain(folder, out, *more) -> int:
    return main(
        ["explain", str(folder / "results"), "--model", str(folder / "tiny"), "--out", str(out), *more]
    )


def test_all_parts_of_a_lesion(results, tmp_path, capsys):
    assert explain(results, tmp_path / "out", "--lesion", "1", "2", "--passes", "2", "--network", "2") == 0
    said = capsys.readouterr().out
    assert "network 2 of 2" in said and "detected" in said and "published 7 mm" in said
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"lesion1_saliency_flair.nii.gz", "lesion1_saliency_t1.nii.gz", "lesion1_gradcam.nii.gz"} <= files
    assert "lesion1_saliency_t2.nii.gz" not in files  # there is no T2
    flair = read_volume(results / "flair.nii.gz")
    saliency = read_volume(tmp_path / "out" / "lesion1_saliency_flair.nii.gz")
    assert saliency.grid.same_as(flair.grid)
    assert (saliency.data < 0).any() and (saliency.data > 0).any()
    assert len(pd.read_csv(tmp_path / "out" / "lesion2_context.tsv", sep="\t")) == 36
    about = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert about["network"] == 2 and [one["name"] for one in about["regions"]] == ["lesion1", "lesion2"]
    assert about["regions"][0]["sentence"].startswith("The model")
    facts = about["regions"][1]["facts"]
    assert facts["drivers"]["volume_mm3"] > 0 and facts["doubt"] in said and "unknown" in said
    assert list(read_tsv(tmp_path / "out" / "drivers.tsv")["region"]) == ["lesion1", "lesion2"]
    saved = read_saved_results(results / "results").prediction
    again = read_explanations(tmp_path / "out", saved)
    assert [one.name for one in again.found] == ["lesion1", "lesion2"]
    assert facts_as_json(again.found[1].facts) == facts and again.found[0].need is not None
    shape = saliency.grid.shape
    np.testing.assert_array_equal(again.found[0].maps["saliency_flair"].whole(shape), saliency.data)
    assert about["settings"]["passes"] == 2 and about["regions"][0]["saliency"]["noise_sigma"] > 0


def test_region_of_the_users_own(results, tmp_path):
    case = open_case(results / "results", model=results / "tiny")
    mask = np.zeros(case.grid.shape, np.uint8)
    mask[7, 18, 16] = 1
    write_volume(tmp_path / "mask.nii.gz", mask, case.grid)
    more = ("--region", str(tmp_path / "mask.nii.gz"), "--what", "saliency", "--passes", "1")
    assert explain(results, tmp_path / "out", *more) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "explanation.json", "region_region.nii.gz", "region_saliency_flair.nii.gz",
        "region_saliency_t1.nii.gz",
    ]  # fmt: skip


def test_voxels_of_the_network(results):
    case = open_case(results / "results", model=results / "tiny")
    np.testing.assert_allclose(case.scene.spacing, 1.0, rtol=0.05)
    mask = np.zeros(case.grid.shape, bool)
    mask[6:8, 16:20, 14:18] = True
    there = case.voxels.to_network(mask)
    assert there.sum() == pytest.approx(mask.sum() * 3, rel=0.15)  # 3 mm slices, 1 mm voxels
    back = case.voxels.to_scan(there.astype(np.float32)) >= 0.5
    assert (back & mask).sum() >= 0.85 * mask.sum()
    assert any("OpenVINO gives no gradients" in note for note in case.notes) or not case.notes[1:]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "Say what to explain"),
        (("--lesion", "9999"), "There is no lesion 9999"),
        (("--candidate", "9999"), "There is no candidate 9999"),
        (("--lesion", "1", "--network", "3"), "and no number 3"),
        (("--lesion", "1", "--what", "gradcam", "--stage", "x"), "no stage 'x'"),
        (("--lesion", "1", "--model", "bundled"), "another than the one that made"),
    ],
)
def test_refused_in_one_sentence(results, tmp_path, capsys, more, said):
    assert explain(results, tmp_path / "out", *more) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_folder_that_holds_something_is_left_alone(results, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("x")
    assert explain(results, tmp_path, "--lesion", "1") == 2
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
