"""The audit of patients: intervals by the other patients or a record, whether they hold, and unlike scans."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError, silent
from napari_uncertainseg.audit.cohort import read_audit_cohort
from napari_uncertainseg.audit.patients.analysis import audit_patients, coverage_of
from napari_uncertainseg.audit.patients.measure import loads_of
from napari_uncertainseg.audit.patients.page import patients_page
from napari_uncertainseg.audit.patients.sentences import sentences
from napari_uncertainseg.calibration.patients.intervals import PatientLoads, SaidAndTrue
from napari_uncertainseg.calibration.record import OutOfRangeMeasure
from napari_uncertainseg.cli import main
from napari_uncertainseg.evaluate.calibration_record import build_record, find_record, save_record
from napari_uncertainseg.evaluate.case_folder import evaluate_folder
from napari_uncertainseg.evaluate.listed_cases import notes_of
from napari_uncertainseg.evaluate.patients.intervals import find_intervals
from napari_uncertainseg.evaluate.patients.loads import saved_load
from napari_uncertainseg.evaluate.patients.unusual import unusual_parts
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import AFFINE, make_prediction

SHAPE = (12, 16, 20)
GRID = Grid(SHAPE, AFFINE)


def scan(seed, model="ab"):
    """A prediction of blocks, its members a voxel larger or smaller, and a reference that differs."""
    rng = np.random.default_rng(seed)
    blocks = [(slice(2 + 5 * i, 4 + 5 * i), slice(3, 5 + rng.integers(1, 8)), slice(4, 9)) for i in range(2)]
    truth = np.zeros(SHAPE, bool)
    members = np.zeros((3, *SHAPE), np.float16)
    for s, a, r in blocks:
        truth[s, a.start : a.stop + rng.integers(-1, 2), r] = True
        for i, member in enumerate(members):
            member[s, a.start : a.stop + i - 1, r] = 0.9
    mean = members.astype(np.float32).mean(axis=0)
    about = {
        "model": "a test",
        "model_sha256": model,
        "method": "one-pass",
        "inputs": {"flair": {"name": f"scan {seed}", "scan_sha256": f"{model} {seed}"}},
    }
    return make_prediction(mean, members, grid=GRID, brain=np.ones(SHAPE, bool), information=about), truth


def write(folder, seeds, patients, model="ab"):
    """Results, references and the table."""
    rows = []
    for seed, patient in zip(seeds, patients, strict=True):
        prediction, truth = scan(seed, model)
        where = folder / f"r{seed}"
        lesions = rank_lesions(prediction)
        write_results(where, prediction, lesions, load=find_intervals(prediction).as_json())
        write_volume(folder / f"m{seed}.nii.gz", truth, GRID, dtype=np.uint8)
        rows.append((f"r{seed}", f"m{seed}.nii.gz", patient))
    table = folder / "cohort.tsv"
    pd.DataFrame(rows, columns=["folder", "reference", "patient"]).to_csv(table, sep="\t", index=False)
    return table


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Eleven patients, the last with two visits."""
    return write(tmp_path_factory.mktemp("cohort"), range(12), [f"p{min(i, 10)}" for i in range(12)])


@pytest.fixture(scope="module")
def found(table):
    return audit_patients(read_audit_cohort(table), silent)


def test_each_patients_interval_comes_from_all_others(found):
    cases = [one.measured for one in found.results]
    for one in found.results:
        others = loads_of([case for case in cases if case.case.patient != one.measured.case.patient])
        assert others.count == 10
        said = one.said.said
        spread = np.log(said.member_volumes_ml + 0.1).std()
        assert one.said.intervals["volume_ml"] == others.interval("volume_ml", said.volume_ml, spread)


def test_loads_are_counted_by_hand(found):
    one = found.results[0].measured
    prediction, truth = scan(0)
    volumes = [np.count_nonzero(member >= 0.5) / 1000 for member in prediction.members.values]
    assert one.load.said.member_volumes_ml == pytest.approx(volumes)
    assert one.load.true == (truth.sum() / 1000, 2) and one.load.said.member_counts.tolist() == [2, 2, 2]


def test_coverage_counts_each_patient_once(found):
    held = {}
    for one in found.results:
        held.setdefault(one.measured.case.patient, []).append(one.holds("volume_ml"))
    own = found.coverage["volume_ml"]
    assert (own.held, own.patients) == (sum(map(np.mean, held.values())), 11)
    assert np.isnan([own.low, own.high]).all()  # it is no test
    assert coverage_of((), "lesions", of_others=True).patients == 0
    exact = coverage_of(
        [found.results[0]], "lesions", of_others=True
    )  # 1 of 1: Clopper and Pearson, 0.025 to 1
    assert exact.held == 1 and (exact.low, exact.high) == (pytest.approx(0.025), 1.0)


@pytest.mark.parametrize("n", [10, 12, 23])
def test_a_cohort_that_gives_its_own_intervals_cannot_fail_and_says_so(n, found):
    """Whatever the model says, all but the largest tenth of the errors lie inside."""
    rng = np.random.default_rng(n)
    nonsense = SaidAndTrue(rng.lognormal(3, 2, n), rng.random(n), rng.lognormal(0, 3, n))
    every = PatientLoads(np.arange(n), {"volume_ml": nonsense})
    held = [
        every.without(i).interval("volume_ml", nonsense.said[i], nonsense.spread[i]).holds(nonsense.true[i])
        for i in range(n)
    ]
    assert sum(held) == math.ceil(0.9 * n)
    said = sentences(found)
    assert sum("These shares test nothing" in one for one in said) == 1
    assert not any("agrees with" in one or "95 % interval" in one for one in said)


def test_the_command_writes_page_table_and_numbers(table, tmp_path, capsys):
    assert main(["audit", "patients", str(table), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "of 11 patients" in said and "0 of 12 scans are unlike the other patients" in said
    rows = pd.read_csv(tmp_path / "out" / "patients.tsv", sep="\t")
    content = json.loads((tmp_path / "out" / "patients.json").read_text())
    assert len(rows) == len(content["scans"]) == 12 and content["coverage"]["lesions"]["patients"] == 11
    assert (rows["volume_ml_low"] <= rows["volume_ml"]).all() and (rows["lesions_low"] % 1 == 0).all()
    page = (tmp_path / "out" / "patients.html").read_text()
    assert page.count("<svg") == 2 and "no promise for one patient" in page


def test_scans_of_one_patient_are_said_to_be_so(found):
    """The two visits of the last patient are no two findings."""
    measure = OutOfRangeMeasure("brain_ml", 9.0, 1.0, 2.0)
    visits = {one.measured.case.name for one in found.results if one.measured.case.patient == "p10"}
    assert len(visits) == 2

    def with_odd(names):
        return replace(
            found,
            results=tuple(
                replace(
                    one,
                    unlike_others=(measure,) if one.measured.case.name in names else (),
                    measured=replace(
                        one.measured,
                        unusual=("a",) if one.measured.case.name in names else (),
                        unlike=("b",) if one.measured.case.name in names else (),
                    ),
                )
                for one in found.results
            ),
        )

    said = sentences(with_odd(visits))
    listed = ", ".join(one.measured.case.name for one in found.results if one.measured.case.name in visits)
    for end in ("are unlike the other patients of this cohort", "are unlike all that the model has seen"):
        assert f"2 of 12 scans, of 1 patient, {end}: {listed}." in said
    assert f"The result is unusual by itself in 2 of 12 scans, of 1 patient,: {listed}." not in said
    assert f"The result is unusual by itself in 2 of 12 scans, of 1 patient: {listed}." in said
    first = found.results[0].measured.case.name
    assert f"1 of 12 scans is unlike the other patients of this cohort: {first}." in sentences(
        with_odd({first})
    )


def test_few_patients_get_a_sentence(tmp_path):
    few = audit_patients(read_audit_cohort(write(tmp_path, range(5), "abcde")), silent)
    assert not any(one.said.intervals for one in few.results)
    said = " ".join(sentences(few))
    assert "4 patients with a reference cannot support an interval: it needs at least 9." in said
    assert "is always left out, and does not count: give references of 10 patients or more" in said
    assert "%" not in said
    assert "unlike the other patients" not in said.replace("Whether scans are unlike the other", "")
    alone = audit_patients(read_audit_cohort(write(tmp_path / "one", [1], "a")), silent)
    assert "cannot be said: each needs 5 other patients." in sentences(alone)[-1]
    assert "too few" in patients_page(alone, "one") and "0 of 1" not in " ".join(sentences(alone)[1:])


def test_several_models_are_refused(table, tmp_path):
    other = write(tmp_path, [40], ["q"], model="cd")
    rows = pd.read_csv(table, sep="\t").map(
        lambda text: text if text.startswith("p") else f"{table.parent}/{text}"
    )
    mixed = tmp_path / "mixed.tsv"
    own = pd.read_csv(other, sep="\t")
    pd.concat([rows, own]).to_csv(mixed, sep="\t", index=False)
    with pytest.raises(InputError, match="another model or method"):
        audit_patients(read_audit_cohort(mixed), silent)


def test_a_record_is_for_further_patients(table, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *a, **k: str(tmp_path / "home"))
    record = build_record(table)
    assert record.loads.count == 11 and len(record.loads.patients) == 12
    path = save_record(record)
    own = audit_patients(read_audit_cohort(table), silent, record)
    assert {one.said.why_not for one in own.results} == {
        "this is one of the calibration cases, and an interval is for further patients."
    }
    (tmp_path / "new").mkdir()
    further = write(tmp_path / "new", [30], ["q"])
    assert main(["audit", "patients", str(further), "--record", str(path), "--out", str(tmp_path / "o")]) == 0
    rows = pd.read_csv(tmp_path / "o" / "patients.tsv", sep="\t")
    saved = read_saved_results(tmp_path / "new" / "r30").prediction
    assert find_record(saved.information).loads.count == 11
    known = find_intervals(saved)
    assert known.sentence == rows["says"][0] and "the 11 calibration patients" in known.sentence
    ends = known.as_json()["interval"]
    assert ends["volume_ml"] == pytest.approx([rows["volume_ml_low"][0], rows["volume_ml_high"][0]])
    capsys.readouterr()
    reference = tmp_path / "new" / "m30.nii.gz"
    assert main(["evaluate", str(tmp_path / "new" / "r30"), "--reference", str(reference)]) == 0
    assert "volume of the lesions, 90% interval" in capsys.readouterr().out
    summary = json.loads((tmp_path / "new" / "r30" / "summary.json").read_text())
    assert summary["load"]["interval"]["patients"] == 11 and len(summary["load"]["members"]["lesions"]) == 3


def test_another_visit_of_a_calibration_patient_is_counted_and_that_is_said(table, found, tmp_path):
    """A record has no names: it can only warn."""
    record = build_record(table)
    visit = write(tmp_path, [30], ["p0"])  # p0 is one of the calibration patients
    audited = audit_patients(read_audit_cohort(visit), silent, record)
    assert audited.coverage["volume_ml"].patients == 1
    warned = "Another visit of a calibration patient counts here as a further patient, and is no test"
    assert sum(warned in one for one in sentences(audited)) == 1
    assert warned in patients_page(audited, "visit")
    assert not any("Another visit" in one for one in sentences(found))


def test_a_record_counts_as_its_calibration_cases_were_counted(table, tmp_path):
    """Results with another smallest lesion are measured with the record's, which its intervals are of."""
    record = build_record(table)
    further = write(tmp_path, [30], ["q"])
    as_it_is = audit_patients(read_audit_cohort(further), silent, record).results[0]
    prediction, _ = scan(30)
    write_results(tmp_path / "large", prediction, rank_lesions(prediction, min_volume=1000.0))
    other = tmp_path / "other.tsv"
    other.write_text(further.read_text().replace("r30", "large"))
    found = audit_patients(read_audit_cohort(other), silent, record).results[0]
    assert found.said.intervals == as_it_is.said.intervals
    assert found.measured.load.true == as_it_is.measured.load.true != (0.0, 0)
    assert audit_patients(read_audit_cohort(other), silent).results[0].measured.load.true == (0.0, 0)


def test_intervals_are_compared_with_what_they_count(table, tmp_path, monkeypatch):
    """The record counts from 3 mm3 on. Results that count from 1000 mm3 on have its intervals, too."""
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *a, **k: str(tmp_path / "home"))
    save_record(build_record(table))
    prediction, truth = scan(30)
    write_volume(tmp_path / "m.nii.gz", truth, GRID, dtype=np.uint8)
    lesions = rank_lesions(prediction, min_volume=1000.0)
    load = find_intervals(prediction, lesions.min_volume).as_json()
    write_results(tmp_path / "r", prediction, lesions, load=load)
    found = evaluate_folder(tmp_path / "r", tmp_path / "m.nii.gz").load
    assert found.true == {"volume_ml": pytest.approx(truth.sum() / 1000), "lesions": 2}


def test_results_without_members_have_no_load(table, tmp_path):
    assert saved_load(tmp_path, np.zeros(SHAPE, np.float32), 1.0, 3.0) is None


def test_only_what_is_odd_by_itself_is_pointed_out():
    brain = np.ones((10, 10, 10), bool)
    p = np.zeros(brain.shape, np.float32)
    assert unusual_parts(p, p, np.zeros_like(brain)) == []
    assert "no voxel has a probability above 0.00" in unusual_parts(p, p, brain)[0]
    p[0, 0, 0] = 0.6
    assert unusual_parts(p, p, brain) == [] and len(unusual_parts(p, p, brain, measured=True)) == 1
    p[:1, :5] = 0.9
    assert unusual_parts(p, p, brain) == []  # a twentieth of the brain
    p[:3] = 0.9
    assert unusual_parts(p, 0 * p, brain) == ["30 % of the brain is outlined"]
    assert "uncertain nearly everywhere" in unusual_parts(p, p + 0.2, brain)[1]


@pytest.mark.parametrize(("patients", "said"), [(("NA", "NA", "P1"), 1), (("NA", "P1", "P1"), 0), ((), 0)])
def test_a_record_says_where_unnamed_patients_may_have_become_one(tmp_path, patients, said):
    """A guarantee counts patients: other programs write NA where nobody is named."""
    table = write(tmp_path, range(3), patients or ("", "", ""))
    notes = [note for note in notes_of(table) if "count as those of one patient called 'NA'" in note]
    assert len(notes) == said and all(note.startswith("2 visits") for note in notes)
