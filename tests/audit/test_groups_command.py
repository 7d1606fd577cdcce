"""`uncertainseg audit groups`: what it measures, writes and says, and what it makes of odd cohorts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.cohort import AuditCase, AuditCohort
from napari_uncertainseg.audit.groups.audit import GroupsSetting, audit_groups
from napari_uncertainseg.audit.groups.bands import band_of, in_order
from napari_uncertainseg.audit.groups.charts import dots
from napari_uncertainseg.audit.groups.measures import MEASURES, REFERENCE_ML, measure_case, missed_and_false
from napari_uncertainseg.audit.groups.page import groups_page
from napari_uncertainseg.audit.groups.patients import Covariate, Patients, covariates_of, patients_of
from napari_uncertainseg.audit.groups.sentences import of_attribute, sentences
from napari_uncertainseg.audit.groups.tables import cases_table
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import AFFINE, make_prediction

SHAPE = (6, 20, 20)
GRID = Grid(SHAPE, AFFINE)
LESIONS = {0.95: np.s_[1:4, 2:5, 2:5], 0.7: np.s_[1:4, 2:5, 12:15], 0.3: np.s_[1:4, 12:15, 2:5]}
"""Two lesions, a sure one and one to see, and a candidate to see; each of 27 mm3."""


def write_case(folder: Path, seed: int) -> None:
    """Results of a scan, and a reference: one lesion found, one missed in part, one invented."""
    p, truth = np.full(SHAPE, 0.01, np.float32), np.zeros(SHAPE, np.uint8)
    for value, box in LESIONS.items():
        p[box] = value
    truth[LESIONS[0.95]] = 1
    truth[1:4, 2:5, 5 : 6 + seed % 4] = 1  # the rest of it, which differs
    folder.mkdir(parents=True)
    inputs = {"flair": {"name": "flair", "path": None, "scan_sha256": f"{seed:064x}"}}
    prediction = make_prediction(p, grid=GRID, information={"inputs": inputs, "model": "a test"})
    write_results(folder / "results", prediction, rank_lesions(prediction, 0.5, 1.0))
    write_volume(folder / "truth.nii.gz", truth, GRID)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Twelve scans of eleven people."""
    base = tmp_path_factory.mktemp("study")
    rows = ["folder\tpatient\treference\tsex\tage\tsite"]
    for i in range(12):
        write_case(base / f"c{i}", i)
        reference = "" if i == 11 else f"c{i}/truth.nii.gz"
        rows.append(
            f"c{i}/results\tp{max(i, 1)}\t{reference}\t{'F' if i < 6 else '<b>M</b>'}\t{30 + i}\tRome"
        )
    (base / "cohort.tsv").write_text("\n".join(rows))
    return base


def run(*options) -> int:
    return main(["audit", "groups", *map(str, options)])


def test_a_folder_with_a_page_tables_and_numbers(study, tmp_path, capsys):
    out = tmp_path / "out"
    table = study / "cohort.tsv"
    assert run(table, "--by", "sex,site", "--covariates", "age", "--draws", 199, "--out", out) == 0
    said = capsys.readouterr().out
    assert "11 patients; visits of one patient count once." in said
    assert "Groups: <b>M</b> (6 patients), F (5 patients)." in said
    assert "There is one group only: nothing can be compared." in said
    page = (out / "groups.html").read_text()
    assert "<b>M</b>" not in page and "&lt;b&gt;M&lt;/b&gt;" in page
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page and page.count("<svg") == 3
    cases = read_tsv(out / "cases.tsv")
    assert len(cases) == 12 and cases["to_see"].eq(2).all() and np.isnan(cases["dice"].iloc[11])
    assert cases["to_see_per_ml"].iloc[0] == pytest.approx(2 / 0.054, rel=1e-4)
    groups = read_tsv(out / "groups.tsv").set_index(["attribute", "measure", "group"])["patients"]
    assert groups["sex", "dice", "F"] == 5 and groups["sex", "dice", "<b>M</b>"] == 5
    assert groups["sex", "psu", "<b>M</b>"] == 6
    gaps = read_tsv(out / "gaps.tsv")
    assert set(gaps["kind"]) == {"raw", "adjusted", "matched"} and set(gaps["attribute"]) == {"sex"}
    assert (gaps["p_holm"].dropna() >= gaps["p"].dropna()).all()
    alike = gaps[(gaps["measure"] == "to_see") & (gaps["kind"] == "raw")].iloc[0]
    assert (
        alike["gap"] == 0 and np.isnan(alike["p"]) and alike["why_not"] == "all patients have the same value"
    )
    numbers = json.loads((out / "groups.json").read_text())
    assert numbers["tests"] == int(gaps["p"].notna().sum()) and numbers["covariates"] == ["age"]
    assert run(table, "--by", "sex", "--out", out) == 2 and "not empty" in capsys.readouterr().err


def test_patients_with_odd_names_come_through_to_the_report(study, tmp_path, capsys):
    names = ["NA", "None", "-", "nan", "null", "=1+1", "P6", "P7", "P8", "P9", "P10", "P11"]
    given = (study / "cohort.tsv").read_text().split("\n")
    rows = [line.split("\t") for line in given[1:]]
    lines = ["\t".join([cells[0], name, *cells[2:]]) for cells, name in zip(rows, names, strict=True)]
    table = study / "odd.tsv"
    table.write_text("\n".join([given[0], *lines]))
    assert run(table, "--by", "sex", "--draws", 99, "--out", tmp_path / "out") == 0
    assert "12 patients" in capsys.readouterr().out
    cases = read_tsv(tmp_path / "out" / "cases.tsv", texts=True)
    assert cases["patient"].tolist() == names
    page = (tmp_path / "out" / "groups.html").read_text()
    assert "12 patients" in page


def test_what_is_measured_of_a_case(study):
    case = AuditCase("x", study / "c1" / "results", "p", study / "c1" / "truth.nii.gz", {})
    found = measure_case(case)
    reference, lesions = 27 + 9 * 2, 54
    assert found["dice"] == pytest.approx(2 * 27 / (reference + lesions))
    assert found["missed_ml"] == pytest.approx(0.018) and found["false_ml"] == pytest.approx(0.027)
    assert found["lesion_precision"] == 0.5 and found["lesion_recall"] == 1
    assert found["mean_doubt"] == pytest.approx((0.05 + 0.3) / 2) and found[REFERENCE_ML] == 0.045
    assert [measure_case(case, limit)["to_see"] for limit in (0.01, 0.2, 0.301, 0.9)] == [3, 2, 0, 0]
    without = measure_case(replace(case, reference=None))
    assert np.isnan(without["dice"]) and without["to_see"] == 2
    with pytest.raises(InputError, match="0 to 1"):
        measure_case(case, 0.0)


def test_a_case_in_which_nothing_is_found(tmp_path):
    p = np.linspace(0.01, 0.02, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    prediction = make_prediction(p, grid=GRID, information={"model": "a test"})
    write_results(tmp_path / "r", prediction, rank_lesions(prediction, 0.5, 1.0))
    write_volume(tmp_path / "none.nii.gz", np.zeros(SHAPE, np.uint8), GRID)
    found = measure_case(AuditCase("x", tmp_path / "r", "p", tmp_path / "none.nii.gz", {}))
    assert found["dice"] == 1 and found["missed_ml"] == found["false_ml"] == found["to_see"] == 0
    assert all(np.isnan(found[name]) for name in ("mean_doubt", "to_see_per_ml", "lesion_f1"))


def test_missed_and_false_volume_follow_from_dice():
    rng = np.random.default_rng(1)
    for _ in range(20):
        one, two = rng.random((2, 50)) < rng.random((2, 1))
        both = one.sum() + two.sum()
        dice = 2 * (one & two).sum() / both if both else 1.0
        found = missed_and_false(dice, one.sum(), two.sum())
        assert found == pytest.approx(((two & ~one).sum(), (one & ~two).sum()))


def test_numbers_are_parted_into_bands(study, tmp_path, capsys):
    options = ("--by", "age", "--bands", "age=33,38", "--measure", "psu", "--out", tmp_path / "out")
    options += ("--covariates", "age,sex")  # age is none of itself
    assert run(study / "cohort.tsv", *options) == 0
    # p1 has two visits, at 30 and 31.
    said = "Groups: below 33 (2 patients), 33 to below 38 (5 patients), 38 and more (4 patients)."
    assert said in capsys.readouterr().out
    assert [band_of(x, (1, 2)) for x in (0.9, 1, 1.9, 2)] == ["below 1", *["1 to below 2"] * 2, "2 and more"]
    names = ["40-59", "9", "10", "below 3", "3 to below 4", "young", "100 and more"]
    assert sorted(names, key=in_order) == [*names[3:5], "9", "10", "40-59", "100 and more", "young"]
    for said in ("age", "age=", "=3", "age=5,3", "age=nan"):
        with pytest.raises(SystemExit):
            run(study / "cohort.tsv", "--by", "age", "--bands", said, "--out", tmp_path / "new")
        assert "should be COLUMN=LIMIT" in capsys.readouterr().err


REFUSED = {
    "bands of words": (("--bands", "sex=3"), "row 2: sex is 'F'; bands are of numbers only"),
    "bands of another": (("--bands", "age=3"), "but --by does not name it"),
    "bands twice": (("--bands", "sex=3", "--bands", "sex=4"), "names a column twice"),
    "measure": (("--measure", "dices"), "There is no measure 'dices'; there are dice, lesion_f1"),
    "draws": (("--draws", "10"), "10 draws are too few or too many"),
    "no column": (
        ("--covariates", "height"),
        "lacks the column 'height': a table of visits needs folder, sex and height",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_gets_a_sentence(study, tmp_path, capsys, what):
    options, sentence = REFUSED[what]
    assert run(study / "cohort.tsv", "--by", "sex", *options, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def patients(groups: list[str], **values: list[float]) -> Patients:
    """Patients with these measures, others NaN."""
    table = pd.DataFrame(values, index=range(len(groups))).reindex(columns=list(MEASURES)).astype(float)
    names = tuple(f"p{i}" for i in range(len(groups)))
    return Patients(names, table, {"sex": np.array(groups, dtype=object)})


def said_of(found: Patients, **setting) -> tuple[list[str], str]:
    """Sentences of the page and of the attribute; the page must be there whatever the cohort."""
    audit = audit_groups(found, GroupsSetting(**{"measures": ("dice", "psu"), "draws": 199} | setting))
    page = groups_page(audit, "cohort.tsv", (), 0.2)
    assert "nan" not in page.replace("&nbsp;", "") and "inf<" not in page
    return sentences(audit), " ".join(of_attribute(audit, "sex"))


def test_a_cohort_of_two_says_nothing():
    for groups in (["F", "M"], ["F", "F"], ["", ""], ["F", ""]):
        said, own = said_of(patients(groups, dice=[0.5, 0.6]))
        assert "Nothing can be said about gaps between groups with these 2 patients" in said[1]
        assert ("one group only" in own) == (len(set(groups) - {""}) == 1)


def test_metrics_that_are_missing_count_for_their_patients_only():
    dice = [0.5, np.nan, 0.7, 0.6, 0.8, 0.4, 0.2, 0.1, 0.3, 0.2, 0.25, 0.15]
    found = patients(["F"] * 6 + ["M"] * 6, dice=dice)
    audit = audit_groups(found, GroupsSetting(("dice", "psu")))
    dice_gap, psu_gap = audit.gaps
    assert (dice_gap.first_n, dice_gap.second_n) == (5, 6) and dice_gap.value == pytest.approx(0.2 - 0.6)
    assert dice_gap.tested and audit.tests == 1 and np.isnan(psu_gap.value)
    assert psu_gap.why_not == "one of the groups has no value"
    said, own = said_of(found)
    assert said.pop(1).startswith("1 patient without a reference") and "value of doubt of the whole" in own
    assert "1 gap shown in 1 test" in said[1] and "Dice is 0.4 lower (worse) in M than in F (95 %:" in own


def test_identical_patients_and_ties_have_no_gap():
    said, own = said_of(patients(["F"] * 6 + ["M"] * 6, dice=[0.5] * 12, psu=[0, 1] * 6))
    assert "No gap is shown in 1 test" in said[1] and "have the same value of Dice: no test" in own


def test_a_small_group_is_shown_and_not_tested():
    values = list(np.linspace(0, 1, 16))
    said, own = said_of(patients(["a"] * 6 + ["b"] * 6 + ["c"] * 4, dice=values))
    assert "Fewer than 5 patients, shown and not tested: c." in own and "shown in 1 test" in said[1]


def test_too_many_tests_for_few_patients_are_said():
    rng = np.random.default_rng(0)
    values = {name: list(rng.normal(0, 1, 10)) for name in MEASURES}
    said, _ = said_of(patients(["F"] * 5 + ["M"] * 5, **values), measures=tuple(MEASURES))
    assert "no test of this page could show any gap: of 11 tests" in said[-1]
    assert "the smallest that is possible is 0.0079" in said[-1]


def test_of_many_groups_the_farthest_are_compared():
    rng = np.random.default_rng(0)
    groups = [f"site {i // 8}" for i in range(48)]
    dice = [rng.normal(0.1 * (i // 8), 0.05) for i in range(48)]
    said, own = said_of(patients(groups, dice=dice))
    assert "1 gap shown in 1 test" in said[1] and "Of 6 groups only the two are compared" in own
    assert "in site 5 than in site 0" in own


def test_groups_that_do_not_meet_in_a_covariate_are_said():
    rng = np.random.default_rng(0)
    found = patients(["F"] * 8 + ["M"] * 8, dice=list(rng.normal(0, 1, 16)))
    for shift, says in ((20.0, True), (1.0, False)):
        age = Covariate("age", np.append(np.arange(8.0), np.arange(8.0) + shift))
        _, own = said_of(replace(found, covariates=(age,)))
        assert ("F and M do not overlap in age" in own) == says


def test_numbers_are_to_be_put_into_bands():
    ages = [f"{30 + i}" for i in range(12)]
    _, own = said_of(patients(ages, dice=list(np.linspace(0, 1, 12))))
    assert "part them into bands, as in --bands sex=20,40,60" in own
    audit = audit_groups(patients(ages, dice=list(np.linspace(0, 1, 12))), GroupsSetting(("dice",)))
    assert "p11" in str(dots(audit, "sex"))  # the last of those that have room


def test_groups_may_have_the_name_of_a_measure():
    case = AuditCase("a", Path("a"), "p", None, {"dice": "good", "case": "x", "sex": "F"})
    table = cases_table(
        AuditCohort((case,), (), Path("t")), pd.DataFrame({"dice": [0.5]}), ["dice", "case", "sex"]
    )
    assert table.columns.tolist() == ["case", "patient", "folder", "dice_group", "case_group", "sex", "dice"]
    assert table.iloc[0, 3:].tolist() == ["good", "x", "F", 0.5]


def test_visits_count_once_and_words_that_differ_are_all_listed():
    cases = [
        ("a", "p1", {"sex": "F", "scanner": "X", "age": "40"}),
        ("b", "p1", {"sex": "F", "scanner": "Y"}),
    ]
    cases += [("c", "p2", {"sex": "M", "age": "50"})]
    cohort = AuditCohort(tuple(AuditCase(n, Path(n), p, None, a) for n, p, a in cases), (), Path("t.tsv"))
    measured = pd.DataFrame({"dice": [0.2, 0.4, np.nan], REFERENCE_ML: [10.0, np.nan, 0.0]})
    known = covariates_of(cohort, measured, ["age", "scanner", "volume"])
    found = patients_of(cohort, measured, ["sex"], known)
    assert found.values["dice"].tolist()[0] == pytest.approx(0.3)
    age, scanner, volume = found.covariates
    assert age.values.tolist() == [40, 50] and scanner.values.tolist() == ["X, Y", ""]
    assert volume.values.tolist() == [1, -1] and scanner.known.tolist() == [True, False]
    with pytest.raises(InputError, match="no case has a reference"):
        covariates_of(cohort, measured.assign(reference_ml=np.nan), ["volume"])
    with pytest.raises(InputError, match="'height' has no value in any row"):
        covariates_of(cohort, measured, ["height"])


def test_why_nothing_can_be_said_is_the_true_reason():
    alike, _ = said_of(patients(["F"] * 6 + ["M"] * 6, dice=[0.5] * 12), measures=("dice",))
    assert "no measure differs between patients and is known of 5" in alike[-1]
    few, _ = said_of(patients(["F"] * 4 + ["M"] * 8, dice=list(np.linspace(0, 1, 12))), measures=("dice",))
    assert "with these 12 patients: no two groups have 5 patients each" in few[-1]
