"""References that can hardly be right are named: by the rule, and by each audit that compares with them."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import silent
from napari_uncertainseg.audit.challenge.cohort import measure_cohort
from napari_uncertainseg.audit.challenge.sheet import SheetSetting
from napari_uncertainseg.audit.cohort import read_audit_cohort
from napari_uncertainseg.audit.doubtful_references import (
    ComparedReference,
    compare_reference,
    notes_on_references,
)
from napari_uncertainseg.audit.patients.analysis import audit_patients
from napari_uncertainseg.cli import main
from napari_uncertainseg.evaluate.patients.intervals import find_intervals
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import make_prediction

SHAPE = (12, 16, 20)
GRID = Grid(SHAPE, np.array([[0, 0, 2, 0], [0, 2, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]]))
BRAIN_ML = 12 * 16 * 20 * 8 / 1000


def block(start: int, size: int = 4) -> np.ndarray:
    """A mask of size x 8 x 8 voxels: 2 ml if size is 4."""
    mask = np.zeros(SHAPE, bool)
    mask[start : start + size, 3:11, 3:11] = True
    return mask


def write(folder, references):
    """A case for each reference, all with the same result of 2 ml, of patients in two groups."""
    rows = []
    for i, truth in enumerate(references):
        noise = np.random.default_rng(i).random((3, *SHAPE)) / 50
        members = (noise + [block(1, size) * 0.9 for size in (4, 4, 3)]).astype(np.float16)
        about = {
            "case": {"name": f"case {i}"},
            "model_sha256": "ab",
            "method": "one-pass",
            "inputs": {"flair": {"name": f"scan {i}", "scan_sha256": f"{i:064x}"}},
        }
        mean = members.astype(np.float32).mean(axis=0)
        found = make_prediction(mean, members, grid=GRID, brain=np.ones(SHAPE, bool), information=about)
        write_results(folder / f"r{i}", found, rank_lesions(found), load=find_intervals(found).as_json())
        write_volume(folder / f"m{i}.nii.gz", truth, GRID, dtype=np.uint8)
        rows.append((f"r{i}", f"m{i}.nii.gz", f"p{i}", "FM"[i % 2]))
    table = folder / "cohort.tsv"
    pd.DataFrame(rows, columns=["folder", "reference", "patient", "sex"]).to_csv(table, sep="\t", index=False)
    return table


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Ten references that are right, one somewhere else, and one that is the whole brain."""
    references = [block(1, 3 + i % 2) for i in range(10)] + [block(7), np.ones(SHAPE, bool)]
    return write(tmp_path_factory.mktemp("cohort"), references)


APART = "The reference hardly overlaps the result in case 10 (Dice 0.00, 2.0 ml against 2.0 ml): is it"
LARGE = f"The reference fills more than a fifth of the brain in case 11 ({BRAIN_ML:.1f} of {BRAIN_ML:.1f} ml)"


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (ComparedReference("a", 0.049, 1.1, 1.1, 1000.0), 1),
        (ComparedReference("a", 0.05, 9.0, 9.0, 1000.0), 0),
        (ComparedReference("a", 0.0, 1.0, 9.0, 1000.0), 0),
        (ComparedReference("a", 0.0, 9.0, 0.0, 1000.0), 0),  # an empty reference is an answer
        (ComparedReference("a", 0.9, 201.0, 201.0, 1000.0), 1),
        (ComparedReference("a", 0.9, 200.0, 200.0, 1000.0), 0),
        (ComparedReference("a", 0.9, 201.0, 201.0), 0),
        (ComparedReference("a", 0.0, 9.0, 201.0, 1000.0), 2),
        (ComparedReference("a", math.nan, math.nan, math.nan), 0),
    ],
)
def test_the_bounds(one, said):
    assert len(notes_on_references([one])) == said


def test_masks_are_measured_by_hand():
    found = compare_reference("a", block(1), block(3), np.ones(SHAPE, bool), 8.0)
    assert (found.dice, found.volume_ml, found.reference_ml, found.brain_ml) == (0.5, 2.048, 2.048, BRAIN_ML)
    other = compare_reference("a", block(1), block(3), np.ones(SHAPE, bool), 8.0, "liver")
    assert math.isnan(other.brain_ml)  # an organ may well fill a fifth


def test_many_references_make_one_sentence():
    (said,) = notes_on_references([ComparedReference(f"c{i}", 0.0, 2.0, 2.0) for i in range(9)])
    assert "c4 (" in said and "c5 (" not in said and "and 4 more: is it" in said


def test_patients_name_the_case_and_intervals_beyond_the_brain(table):
    notes = audit_patients(read_audit_cohort(table), silent).notes
    assert [sum(begin in note for note in notes) for begin in (APART, LARGE)] == [1, 1]
    (beyond,) = [note for note in notes if "larger than the brain" in note]
    assert "case 0 (up to " in beyond and "of 31 ml)" in beyond and " and " in beyond
    assert "right references?" in beyond


def test_right_references_give_no_note(tmp_path):
    right = write(tmp_path, [block(1, 3 + i % 2) for i in range(11)])
    found = audit_patients(read_audit_cohort(right), silent)
    assert all(one.said.intervals for one in found.results) and found.notes == ()
    sheet = measure_cohort(right, SheetSetting(draws=20))
    assert not any("reference" in note for note in sheet.notes)


def test_challenge_and_groups_name_it_too(table, tmp_path, capsys):
    notes = measure_cohort(table, SheetSetting(draws=20)).notes
    assert [sum(begin in note for note in notes) for begin in (APART, LARGE)] == [1, 1]
    options = [str(table), "--by", "sex", "--measure", "dice", "--draws", "100", "--out", str(tmp_path / "o")]
    assert main(["audit", "groups", *options]) == 0
    assert f"note: {APART}" in capsys.readouterr().out
    said = json.loads((tmp_path / "o" / "groups.json").read_text())["notes"]
    assert any(APART in note for note in said)
