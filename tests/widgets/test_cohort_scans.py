"""The Cohort dock with a model that reads no FLAIR: it lists and opens what the model reads."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg.evaluate import worklist
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.inference import scans_of_model
from napari_uncertainseg.modalities import OWN_SCANS, wanted_by
from napari_uncertainseg.widgets.scans.loaded_case import load_case


@pytest.fixture
def folder(tmp_path, flair, grid):
    for name in ("UNI_mp2rage", "T1_post", "FLAIR"):
        path = tmp_path / "p1" / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        write_volume(path, flair.data + np.float32(0.01), grid)
    return tmp_path


def test_cases_are_those_of_the_chosen_model(folder, monkeypatch):
    monkeypatch.setattr(scans_of_model, "scans_wanted", lambda model: wanted_by([model, "t1ce"]))
    (case,) = worklist.read_worklist_for("mp2rage", folder).cases
    assert list(case.images) == ["mp2rage", "t1ce"] and case.main.name == "UNI_mp2rage.nii.gz"
    assert worklist.read_worklist_for("bundled", folder).cases[0].main.name == "FLAIR.nii.gz"
    layers = load_case(case, lambda stage, fraction: None).layers
    assert [layers[name][1]["visible"] for name in layers] == [True, False]
    assert layers["mp2rage"][1]["metadata"]["uncertainseg"]["modality"] == "mp2rage"


def test_a_model_that_has_gone_leaves_what_ours_read(folder):
    assert set(worklist.read_worklist_for("gone", folder).cases[0].images) <= set(OWN_SCANS.names)
