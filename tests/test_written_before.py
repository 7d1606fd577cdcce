"""Files of the version before the packages were moved and renamed open afterwards, and say the same.

``written_before`` was written by commit 8cd447d: a model of two small networks, results of it with verdicts
and painting, a calibration record of these results, and a training run that was stopped at step 26.
Sessions of that version are in ``review/written_before``.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg.calibration.record import read_record
from napari_uncertainseg.cli import main
from napari_uncertainseg.evaluate.case_folder import evaluate_folder
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.networks.kinds import read_model
from napari_uncertainseg.uncertainty.lesion_ranking import ranker_of

BEFORE = Path(__file__).with_name("written_before")


@pytest.mark.parametrize(("precision", "apart"), [("float32", 1e-3), ("of the processor", 0.02)])
def test_the_model_segments_as_before(tmp_path, monkeypatch, precision, apart):
    """What was written is of float32. In bf16, where a processor has it, numbers are nearly the same."""
    if precision == "float32":
        engines = "napari_uncertainseg.networks.engines.device"
        monkeypatch.setattr(f"{engines}._openvino_has_bf16", lambda: False)
        monkeypatch.setattr(f"{engines}.torch_has_bf16", lambda: False)
    model = read_model(BEFORE / "model")
    summary = json.loads((BEFORE / "reviewed" / "summary.json").read_text())
    assert model.sha256 == summary["model_sha256"] and model.capabilities.networks == 2
    options = [
        "--method",
        "ensemble",
        "--skull",
        "removed",
        "--device",
        "cpu",
        "--model",
        str(BEFORE / "model"),
    ]
    scans = [str(BEFORE / "FLAIR.nii.gz"), "--t1", str(BEFORE / "T1.nii.gz")]
    assert main(["segment", *scans, "--out", str(tmp_path / "out"), *options]) == 0
    for name in ("probability", "entropy", "mutual_information", "disagreement"):
        now, then = (
            read_volume(folder / f"{name}.nii.gz").data for folder in (tmp_path / "out", BEFORE / "reviewed")
        )
        np.testing.assert_allclose(now, then, atol=apart)


def test_results_open_with_verdicts_and_painting():
    saved, folder = read_saved_results(BEFORE / "reviewed"), BEFORE / "reviewed"
    table = pd.read_csv(folder / "lesions.tsv", sep="\t")
    ranker = ranker_of(saved.prediction)
    lesions = ranker.rank(saved.threshold, saved.min_volume, edit=saved.edit, numbers=saved.numbers)
    found = lesions.table.set_index("label")
    unpainted = ranker.rank(saved.threshold, saved.min_volume, numbers=saved.numbers).table.set_index("label")
    assert lesions.models_volume, "one was painted on"
    for row in table.itertuples():
        if row.label in lesions.models_volume:  # then the model said it of what was painted, now of its own
            assert found.loc[row.label, "lsu"] == unpainted.loc[row.label, "lsu"]
        elif not row.drawn:
            assert found.loc[row.label, "lsu"] == pytest.approx(row.lsu, abs=1e-3)
        if not row.drawn:
            assert found.loc[row.label, "volume_mm3"] == pytest.approx(row.volume_mm3)
    assert saved.threshold == 0.7536 and saved.min_volume == 2.0
    assert saved.edit is not None and int((saved.edit == 1).sum()) == 8
    decisions = {lesions.component_at(verdict.voxel): verdict.decision for verdict in saved.verdicts}
    assert decisions == dict(zip(table["label"], table["verdict"], strict=True))


def test_results_are_evaluated():
    reference = read_labels(BEFORE / "reference.nii.gz").data > 0
    evaluation = evaluate_folder(BEFORE / "reviewed", BEFORE / "reference.nii.gz")
    outlined = read_labels(BEFORE / "reviewed" / "lesions.nii.gz").data > 0
    dice = 2 * (reference & outlined).sum() / (reference.sum() + outlined.sum())
    assert evaluation.as_json()["reference"]["dice"] == pytest.approx(dice)


def test_the_calibration_record_says_the_same():
    path = BEFORE / "calibration.json"
    record = read_record(path.read_text())
    assert json.loads(record.to_json()) == json.loads(path.read_text())


@pytest.mark.slow
def test_the_training_run_is_resumed(tmp_path):
    pytest.importorskip("ignite", reason="training needs the extra 'train'")
    from napari_uncertainseg.training import trainer

    run = shutil.copytree(BEFORE / "training", tmp_path / "training")
    stages: list[str] = []
    trainer.train(run / "run.toml", progress=lambda stage, *rest: stages.append(stage))
    steps = [json.loads(line)["step"] for line in (run / "out" / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 41))
    assert next(stage for stage in stages if "step" in stage).startswith("step 27 of 40")
    assert read_model(run / "out" / "model").preprocessing.spacing == 1.0
