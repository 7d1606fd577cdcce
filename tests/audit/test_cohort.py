"""The cohort of an audit: who is in it, what is known of them, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.cohort import read_audit_cohort
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.columns import Layout, a_number, perhaps, read_table
from napari_uncertainseg.disk.tables import NO_VALUE, as_tsv
from napari_uncertainseg.evaluate.patients.names import patients_of_table
from napari_uncertainseg.evaluate.patients.visits import find_visits
from napari_uncertainseg.runs.record import FileState, VisitRecord, write_record
from napari_uncertainseg.runs.setting import Setting

SETTING = Setting(
    model="a test",
    model_sha256="",
    method="one-pass",
    members=1,
    seed=0,
    threshold=0.5,
    min_volume_mm3=3.0,
    skull="auto",
    bias_correction="auto",
    volume=None,
)


def make_results(folder, scan: str = "", path: str = "", reference=None):
    """A folder that passes for results, of a scan with this hash."""
    folder.mkdir(parents=True)
    (folder / "probability.nii.gz").write_bytes(b"")
    flair = {"name": "flair", "path": path or None, "scan_sha256": scan or folder.name}
    summary = {"case": {"name": f"case of {folder.name}"}, "inputs": {"t1": {}, "flair": flair}}
    (folder / "summary.json").write_text(json.dumps(summary))
    if reference is not None:
        state = FileState(path=str(reference), looks="", sha256="")
        record = VisitRecord(
            name=f"visit {folder.name}",
            setting=SETTING,
            scans={},
            summary_sha256="",
            lesions=1,
            candidates=2,
            volume_ml=1.0,
            uncertainty={},
            unlike=[],
            notes=[],
            doubtful=[],
            seconds=1.0,
            reference=state,
        )
        write_record(folder, record)
    return folder


@pytest.fixture
def study(tmp_path):
    for name in "abcd":
        make_results(tmp_path / "r" / name)
        (tmp_path / f"{name}.nii.gz").write_bytes(b"")
    return tmp_path


def write(study, *lines: str):
    path = study / "cohort.tsv"
    path.write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n")
    return path


def test_cases_with_what_the_table_says(study):
    table = write(
        study,
        "folder patient reference name sex site",
        "r/a P1 a.nii.gz first F Rome",
        "",
        "r/b P1  n/a F n/a",
        "r/c P2 NaN  M Oslo",
    )
    cohort = read_audit_cohort(table, ["sex"], columns=["site"])
    first, second, third = cohort.cases
    assert (first.name, second.name, third.name) == ("first", "case of b", "case of c")
    assert first.folder == study / "r" / "a" and first.reference == study / "a.nii.gz"
    assert second.reference is None and third.reference is None
    assert first.attributes == {"sex": "F", "site": "Rome"} and second.attributes == {"sex": "F"}
    assert [case.line for case in cohort.cases] == [2, 4, 5] and first.scan_sha256 == "a"
    assert cohort.patients == ("P1", "P2") and cohort.patient_of.tolist() == [0, 0, 1]
    assert cohort.group_of("sex") == {"P1": "F", "P2": "M"}
    assert cohort.notes == ("1 case without a value of site is left out where it is needed: case of b.",)


def test_the_patient_is_that_of_bids_where_none_is_said(study):
    make_results(study / "x", path="/data/sub-07/anat/f.nii.gz")
    make_results(study / "y", path="/data/sub-07/ses-2/anat/f.nii.gz")
    cohort = read_audit_cohort(write(study, "folder patient", "x n/a", "y ", "r/a "))
    assert cohort.patients == ("sub-07", str(study / "r" / "a"))


@pytest.mark.parametrize("unknown", ["", "n/a", "N/A"])
def test_patients_whom_nobody_names_are_not_one_patient(study, unknown):
    """In cohorts, and in the table of `calibrate`."""
    table = write(study, "folder patient reference", *(f"r/{name} {unknown} m" for name in "abc"))
    visits, notes = find_visits([table])
    assert len({visit.patient for visit in visits}) == 3 and len(set(patients_of_table(table))) == 3
    assert not any("called" in note for note in notes)


@pytest.mark.parametrize("name", ["NA", "nan", "NaN", "None", "-", "null", "1e5", "007"])
def test_a_patient_may_be_called_like_what_stands_for_a_missing_value(study, name):
    """The name is text, in the cohort and in the tables that are written of it and read again."""
    table = write(
        study, "folder patient source name", f"r/a {name} {name} {name}", f"r/b {name}  x", "r/c P2 Oslo y"
    )
    cohort = read_audit_cohort(table)
    assert cohort.patients == (name, "P2") and cohort.cases[0].name == name
    assert patients_of_table(write_reference(study, name)) == [name, name]
    visits, notes = find_visits([table])
    assert [visit.source for visit in visits] == [name, "", "Oslo"]
    if name.casefold() in NO_VALUE:
        assert any(f"2 visits count as those of one patient called '{name}'" in note for note in notes)
    again = study / "again.tsv"
    rows = [{"folder": f"r/{c.folder.name}", "patient": c.patient, "score": np.nan} for c in cohort.cases]
    again.write_text(as_tsv(pd.DataFrame(rows)))
    assert read_audit_cohort(again).patients == (name, "P2")
    for row in read_table(again, Layout("scores", "score", (perhaps("score", a_number()),))).rows:
        assert np.isnan(row.number("score"))  # of numbers it stays a missing value


def write_reference(study, name):
    path = study / "references.tsv"
    path.write_text(f"folder\tpatient\treference\nr/a\t{name}\ta.nii.gz\nr/b\t{name}\tb.nii.gz\n")
    return path


def test_the_folder_of_a_run_and_its_references(tmp_path):
    (tmp_path / "mask.nii.gz").write_bytes(b"")
    make_results(tmp_path / "visits" / "one", reference=tmp_path / "mask.nii.gz")
    make_results(tmp_path / "visits" / "two", reference=tmp_path / "gone.nii.gz")
    make_results(tmp_path / "visits" / "three")
    cohort = read_audit_cohort(tmp_path)
    found = {case.name: case.reference for case in cohort.cases}
    assert found == {"visit one": tmp_path / "mask.nii.gz", "case of three": None, "visit two": None}
    assert any("1 case had a reference that is not where the run found it" in n for n in cohort.notes)
    with pytest.raises(InputError, match=r"lacks the column 'sex': .* and this has none"):
        read_audit_cohort(tmp_path, ["sex"])


def test_results_of_several_models_are_said(study):
    table = write(study, "folder", "r/a", "r/b")
    assert "several models" not in " ".join(read_audit_cohort(table).notes)
    summary = study / "r" / "a" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"model_sha256": "another"}))
    assert "several models, methods or thresholds" in read_audit_cohort(table).notes[-1]


def test_names_that_are_alike_are_told_apart(study):
    for name in ("v1", "v2"):
        folder = make_results(study / name)
        (folder / "summary.json").write_text(json.dumps({"case": {"name": "flair"}, "inputs": {}}))
    cohort = read_audit_cohort(write(study, "folder", "v1", "v2"))
    assert len({case.name for case in cohort.cases}) == 2
    assert all(case.scan_sha256 == "" for case in cohort.cases)  # not known, so not the same


REFUSED = {
    "no case": (["folder sex"], "lists no visit: it has no row"),
    "no folder column": (["case sex", "a F"], "lacks the column 'folder'"),
    "not there": (["folder sex", "r/z F"], "row 2: there is no folder {0}/r/z; correct the path"),
    "folder twice": (["folder sex", "r/a F", "r/../r/a F"], "is named twice"),
    "scan twice": (["folder sex", "r/a F", "copy F"], "row 2 and row 3 are results of the same scan"),
    "two groups": (
        ["folder patient sex", "r/a P1 F", "r/b P2 M", "r/c P1 M"],
        "the patient 'P1' is in two groups of sex, 'F' (row 2) and 'M' (row 4)",
    ),
    "no column": (
        ["folder age", "r/a 30"],
        "lacks the column 'sex': a table of visits needs folder and sex, may have",
    ),
    "no reference": (["folder reference sex", "r/a z.nii F"], "row 2: there is no reference {0}/z.nii"),
    "long reference": (["folder reference sex", f"r/a {'z' * 5000} F"], "row 2: there is no reference"),
    "name twice": (
        ["folder name sex", "r/a x F", "r/b x F"],
        "row 3: the column name is 'x', as in row 2; each visit needs its own",
    ),
    "empty": ([""], "the first line is blank"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_gets_a_sentence(study, capsys, what):
    lines, sentence = REFUSED[what]
    make_results(study / "copy", scan="a")
    table = str(write(study, *lines))
    assert main(["audit", "groups", table, "--by", "sex", "--out", str(study / "out")]) == 2
    said = capsys.readouterr().err
    assert sentence.format(study) in said and said.count("\n") == 1


def test_a_column_of_the_table_itself_makes_no_groups(study):
    with pytest.raises(InputError, match="'patient' says which case it is"):
        read_audit_cohort(write(study, "folder patient", "r/a P1"), ["patient"])


def test_the_command_names_its_parts(capsys):
    with pytest.raises(SystemExit):
        main(["audit", "--help"])
    assert "groups" in capsys.readouterr().out
    for said, sentence in ((["--by", "sex,,age"], "names of columns"), (["--by", "a,a"], "named twice")):
        with pytest.raises(SystemExit):
            main(["audit", "groups", "x.tsv", *said])
        assert sentence in capsys.readouterr().err


def test_values_that_differ_in_case_or_spaces_only_are_pointed_out(study):
    table = study / "cohort.tsv"
    rows = ["folder\tpatient\tsex\tsite", "r/a\tP1\tF\tSt  Ann", "r/b\tP2\tf \tSt Ann"]
    table.write_text("\n".join([*rows, "r/c\tP3\tM\tst\u00a0ann", "r/d\tP4\tm2\tOslo"]) + "\n")
    cohort = read_audit_cohort(table, ["sex"], columns=["site"])
    assert [note for note in cohort.notes if "upper and lower case" in note] == [
        "sex: 'F' and 'f' differ only in upper and lower case or in spaces, and count as different values; "
        "write them alike if they mean the same.",
        "site: 'St  Ann', 'St Ann' and 'st\\xa0ann' differ only in upper and lower case or in spaces, and "
        "count as different values; write them alike if they mean the same.",
    ]
    assert set(cohort.group_of("sex").values()) == {"F", "f", "M", "m2"}
    assert not any("upper and lower" in note for note in read_audit_cohort(table).notes)
