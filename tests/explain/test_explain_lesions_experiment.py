"""`experiments/explain_lesions.py`: lesions that cannot be measured, and the summary of those that were."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.counterfactual import counterfactuals

from .test_counterfactual import LESION, lesion_scene


@pytest.fixture
def experiment(checkout, monkeypatch):
    monkeypatch.syspath_prepend(str(checkout / "experiments"))
    module = importlib.import_module("explain_lesions")
    monkeypatch.setattr(module, "DRAWS", 50)
    return module


def row(patient: str, number: int, **values) -> dict[str, object]:
    """A lesion as it is measured without saliency, of a scan without T2."""
    usual = {"patient": patient, "lesion": number, "detected_mm": 4.0, "settled_mm": 8.0, "kept_mm": 4.0}
    usual |= {"p_0mm": 0.1, "p_infmm": 0.8, "found": True, "found_as_it_is": True, "missed_fainter": 0.4}
    return usual | {"found_no_t1": True, "found_no_t2": None, "found_flair_alone": None} | values


def test_others_take_the_place_of_lesions_that_cannot_be_measured(experiment, monkeypatch, tmp_path):
    labels = np.arange(10).reshape(1, 1, 10).repeat(30, axis=0)
    real = np.array([True] * 8 + [False])
    case = SimpleNamespace(name="a-1", lesions=labels, real=real, one=SimpleNamespace(voxel_volume=1.0))
    order = experiment.drawn(case)
    assert sorted(order) == list(range(1, 9)), "9 is no lesion of the expert's"

    def measure(_case, number, _arguments):
        if number == order[0]:
            raise InputError("The region lies outside the brain")
        return row("a 1", number)

    monkeypatch.setattr(experiment, "row_of", measure)
    experiment.write_drawn(case, SimpleNamespace(lesions=3, out=tmp_path))
    written = pd.read_csv(tmp_path / "a-1-drawn.tsv", sep="\t")
    assert written["lesion"].tolist() == order[1:4]
    experiment.write_drawn(case, SimpleNamespace(lesions=4, out=tmp_path))
    written = pd.read_csv(tmp_path / "a-1-drawn.tsv", sep="\t")
    assert written["lesion"].tolist() == order[1:5], "it goes on where it stopped"
    monkeypatch.setattr(experiment, "drawn", lambda _case: [])
    experiment.write_drawn(SimpleNamespace(name="a-2"), SimpleNamespace(lesions=3, out=tmp_path))
    said = experiment.summary(tmp_path)
    assert "4 lesions drawn, of 1 patients" in said and "found_no_t2" not in said


def test_the_quick_changes_are_those_of_the_program(experiment):
    case = SimpleNamespace(scene=lesion_scene(), others=lambda _region: np.zeros_like(LESION))
    quick, table = experiment.changed(case, LESION), counterfactuals(case.scene, LESION)
    steps, without = table[table["fainter"].notna()], table.set_index("change")
    assert quick["found_as_it_is"] and quick["missed_fainter"] == steps["fainter"][~steps["found"]].min()
    for name, change in (("no_t1", "without T1"), ("no_t2", "without T2"), ("flair_alone", "FLAIR alone")):
        assert quick[f"found_{name}"] == without["found"][change]
        assert quick[f"p_{name}"] == pytest.approx(without["mean_probability"][change], abs=1e-5)


def test_a_lesion_that_is_lost_again_is_kept_only_from_the_last_time_on(experiment):
    curve = pd.DataFrame({"radius_mm": [0, 2, 4, np.inf], "detected": [True, False, True, True]})
    assert experiment.kept_from(curve) == 4
    assert np.isnan(experiment.kept_from(curve.assign(detected=[True, True, False, True])))
    assert experiment.kept_from(curve.assign(detected=True)) == 0


def test_a_lesion_that_is_never_seen_needs_more_than_was_shown(experiment, tmp_path):
    nan = float("nan")
    rows = [row("a 1", 1, settled_mm=nan), row("a 1", 2, detected_mm=nan, settled_mm=nan)]
    rows += [row("b 1", 3, missed_fainter=nan), row("b 1", 4, found=False, found_as_it_is=False)]
    pd.DataFrame(rows).to_csv(tmp_path / "some-drawn.tsv", sep="\t", index=False)
    said = experiment.summary(tmp_path).splitlines()
    assert (
        "found with all of the field: 3 lesions of 2 patients; as they are: 3 lesions of 2 patients" in said
    )
    assert "settled_mm, never to 34 mm: 2" in said and "found where it is filled in: 1" in said
    settled = next(line for line in said if line.startswith("settled_mm, median"))
    assert settled == "settled_mm, median: inf (8 to inf)"
    within = next(line for line in said if line.startswith("detected_mm, within 7"))
    assert within.startswith("detected_mm, within 7: 0.667 (0.5 to 1)")
