"""A run that is started again after it was ended anywhere, or after somebody worked on its results."""

from __future__ import annotations

import os

import pytest

from napari_uncertainseg.bench.cohort import load_bright
from napari_uncertainseg.disk.folder_lock import LOCK
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.runs import run as run_module
from napari_uncertainseg.runs import visit as visit_module
from napari_uncertainseg.runs.plan import claimed_run
from napari_uncertainseg.runs.record import RECORD
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions


@pytest.mark.parametrize("lost", ["visit.json", "visit.json of another version", "entropy.nii.gz", "mask"])
def test_a_review_stays_whatever_else_is_lost(tmp_path, dataset, run_here, lost):
    run_here(dataset)
    folder = tmp_path / "out" / "visits" / "sub-00001"
    saved = read_saved_results(folder)
    lesions = rank_lesions(saved.prediction, 0.5)
    write_results(folder, saved.prediction, lesions, verdicts={1: "rejected"}, overwrite=True)
    written = (folder / "summary.json").read_bytes()
    if lost == "mask":  # of BIDS
        (tmp_path / "out" / "sub-00001" / "anat" / "sub-00001_label-lesion_mask.nii.gz").unlink()
    elif lost.endswith("version"):
        (folder / RECORD).write_text('{"name": 1}')
    else:
        (folder / lost).unlink()
    again = run_here(dataset)
    assert [one.name for one in again.failed] == ["sub-00001"] and "move that folder away" in again.failed[
        0
    ].why
    assert (folder / "summary.json").read_bytes() == written and (folder / "reviewed.nii.gz").is_file()


def test_a_visit_that_was_stopped_while_files_were_moved_is_made_anew(tmp_path, dataset, run_here):
    """What is cleared away must not hold the hashes by which the rest is known to be ours."""
    run_here(dataset)
    folder = tmp_path / "out" / "visits" / "sub-00001"
    partial = folder / ".0123abcd.partial"
    partial.mkdir()
    (partial / "moving").touch()
    (folder / RECORD).unlink()
    (folder / "summary.json").rename(partial / "summary.json")
    run_module._clear(folder)
    again = run_here(dataset)
    assert not again.failed and again.done_before == 2 and not list(folder.glob(".*"))


def test_a_file_system_that_rounds_times_stops_no_visit(dataset, plan):
    """Of network shares and sticks, whose times a worker sees otherwise than the run did."""
    planned = plan(dataset)
    with claimed_run(planned):
        (task, *_) = planned.tasks()
        os.utime(planned.out / LOCK, ns=(0, 0))
        assert visit_module.do_visit(task, load_bright).record is not None


def test_a_run_that_was_killed_as_it_began_does_not_block_its_folder(tmp_path, dataset, run_here):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".cohort.json.4194999@elsewhere.0123abcd").write_text("{")
    assert len(run_here(dataset).records) == 3
