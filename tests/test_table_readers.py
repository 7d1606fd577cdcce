"""All readers of tables that users make go through the one gate, and say what is wrong in its words."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.cohort import read_audit_cohort
from napari_uncertainseg.audit.ranking.features.read import read_features
from napari_uncertainseg.audit.ranking.read import check_scores, read_models, read_results
from napari_uncertainseg.audit.stability.cases import read_acquisitions
from napari_uncertainseg.audit.stability.imitated.people import people_of_scans
from napari_uncertainseg.disk.columns import read_table
from napari_uncertainseg.evaluate.listed_cases import read_cases
from napari_uncertainseg.evaluate.patients.visits import find_visits
from napari_uncertainseg.evaluate.shapes.columns import PLACES
from napari_uncertainseg.evaluate.worklist import read_worklist
from napari_uncertainseg.explain.attention.labelled_visits import read_labelled_visits
from napari_uncertainseg.explain.refinement import of_results
from napari_uncertainseg.images.measures.records import read as read_measurements
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.runs.places import referral_rows

READERS = {
    "a cohort": (read_audit_cohort, ["folder"]),
    "a cohort with groups": (lambda path: read_audit_cohort(path, ["sex"]), ["folder", "sex"]),
    "features": (read_features, ["case"]),
    "scores": (read_results, ["case", "model"]),
    "scores before pandas": (lambda path: check_scores([("", path)]), ["case", "model"]),
    "scores of a model": (lambda path: read_models({"m": path}), ["case"]),
    "acquisitions": (read_acquisitions, ["folder", "patient", "acquisition"]),
    "people": (lambda path: people_of_scans([path]), ["flair"]),
    "cases": (read_cases, ["folder", "reference"]),
    "visits": (lambda path: find_visits([path]), ["folder"]),
    "places": (lambda path: read_table(path, PLACES), ["label", "place"]),
    "scans": (read_worklist, ["flair"]),
    "labelled visits": (lambda path: read_labelled_visits(path, "ill"), ["folder", "ill"]),
    "a referral list": (referral_rows, ["rank", "name", "folder"]),
    "measurements": (
        lambda path: read_measurements(path, Grid((4, 4, 4), np.eye(4))),
        [
            *[
                "number",
                "kind",
                "name",
                "plane",
                "slice",
                "points_ras_mm",
                "length_mm",
                "voxels",
                "volume_ml",
                "area_mm2",
            ]
        ],
    ),
}


@pytest.mark.parametrize("what", READERS)
def test_a_reader_says_which_column_is_missing_and_which_are_there(tmp_path, what):
    read, needed = READERS[what]
    path = tmp_path / "t.tsv"
    for column in needed:
        there = [name for name in needed if name != column] + ["other"]
        path.write_text("\t".join(there) + "\n" + "\t".join("1" for _ in there) + "\n")
        with pytest.raises(InputError) as caught:
            read(path)
        said = rf"lacks the column '{column}': .* needs .*{column}.*, and this has .*other\."
        assert re.fullmatch(f"{re.escape(str(path))} {said}", str(caught.value)), str(caught.value)


@pytest.mark.parametrize("what", READERS)
def test_a_reader_says_which_cell_is_empty_and_what_it_should_be(tmp_path, what):
    read, needed = READERS[what]
    if what in ("features", "places"):  # rows without one are left out, or another command's
        pytest.skip("cells may be empty")
    path = tmp_path / "t.tsv"
    path.write_text("\t".join(["other", *needed]) + "\n\n" + "\t".join(["1", *("" for _ in needed)]) + "\n")
    with pytest.raises(InputError) as caught:
        read(path)
    said = rf"{re.escape(str(path))}, row 3: the column {needed[0]} is empty; it should be .*\."
    assert re.fullmatch(said, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("what", READERS)
def test_a_reader_says_what_kind_of_file_it_got(tmp_path, what):
    path = tmp_path / "t.tsv"
    path.write_bytes("name\tage\n".encode("utf-16"))
    with pytest.raises(
        InputError, match=r"t\.tsv is UTF-16 text or no text at all; export it as tab-separated"
    ):
        READERS[what][0](path)


def test_features_of_no_case_are_left_out(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("case\tage\na\t30\nn/a\t40\n\t50\n-\t60\n")
    assert read_features(path).index.tolist() == ["a", "-"]  # a name may be what stands for a missing number


def test_visits_of_nobody_known_are_not_those_of_one_patient(tmp_path) -> None:
    """Their labels would contradict each other, and all of them would be tested, or learnt from, at once."""
    path = tmp_path / "visits.tsv"
    rows = [f"r{n}\t{n % 2}\t{('n/a', '', 'NA', 'P')[n % 4]}\tn/a" for n in range(40)]
    rows = [row if "NA" not in row else row.replace("NA", f"NA{n}") for n, row in enumerate(rows)]
    path.write_text("\n".join(["folder\till\tpatient\tsource", *rows]) + "\n")
    found = read_labelled_visits(path, "ill")
    assert found.patients[:4] == ("row 2", "row 3", "NA2", "P") and len(set(found.patients)) == 31
    assert set(found.sources) == {""}


def test_judged_lesions_of_nobody_known_are_not_those_of_one_patient(tmp_path, monkeypatch) -> None:
    """A refinement is tested on patients that were left out."""
    seen = []

    def judged(base, case, measuring):
        seen.append(case.line)
        return pd.DataFrame({"label": [1], "true": [True]}), 1

    monkeypatch.setattr(of_results, "_judged_case", judged)
    path = tmp_path / "cases.tsv"
    rows = ["r\tm\tn/a\tn/a", "r\tm\t\t", "r\tm\tNA\tA", "r\tm\tNA\tA"]
    path.write_text("\n".join(["folder\treference\tpatient\tsource", *rows]) + "\n")
    found = of_results.read_judged_lesions(path, of_results.Measuring(images=("flair",)))
    assert found.rows["patient"].tolist() == ["row 2", "row 3", "NA", "NA"]
    assert found.rows["source"].tolist() == ["", "", "A", "A"] and len(seen) == 4
