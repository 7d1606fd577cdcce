"""The morning report: which visits come first, what the tables say, and a page that needs nothing else."""

from __future__ import annotations

import errno
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import stand_ins
from in_process import in_this_process

from napari_uncertainseg._base import InputError
from napari_uncertainseg.bench.cohort import write_visits
from napari_uncertainseg.calibration.dataset import dataset_calibration
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.case_folder import evaluate_folder
from napari_uncertainseg.evaluate.worklist import UnusableCase, read_worklist
from napari_uncertainseg.runs.report.page import report_page, write_report
from napari_uncertainseg.runs.report.referral import (
    ENTROPY,
    PSU,
    measure_of,
    referred_lesions,
    referred_visits,
)
from napari_uncertainseg.runs.report.tables import reliability_of
from napari_uncertainseg.runs.run import RunResult


@pytest.fixture
def several(dataset, run_here):
    return run_here(dataset, load=stand_ins.load_several)


def test_scans_unlike_those_seen_come_first_then_the_most_uncertain(several):
    one, two, three = several.records
    records = [
        record.model_copy(update={"uncertainty": {PSU: psu}})
        for record, psu in zip((one, two, three), (0.2, 0.7, 0.1), strict=True)
    ]
    alone = one.model_copy(update={"setting": one.setting.model_copy(update={"members": 1})})
    assert measure_of(records) == PSU and measure_of([alone]) == ENTROPY
    assert [found.record.name for found in referred_visits(records)] == [
        "sub-00002",
        "sub-00001",
        "sub-00000",
    ]
    assert referred_visits(records)[0].why.startswith("unlike: noise is 9 %; structural uncertainty")
    nothing = records[1].model_copy(update={"uncertainty": {PSU: None}})
    assert referred_visits([nothing, records[0]])[-1].record is nothing


def test_the_most_doubtful_lesions_of_all_visits_come_first(several):
    doubts = [one.lesion.doubt for one in referred_lesions(several.records, 50)]
    assert len(doubts) == 3 and doubts == sorted(doubts, reverse=True)
    assert doubts == sorted((d.doubt for r in several.records for d in r.doubtful), reverse=True)
    assert len(referred_lesions(several.records, 2)) == 2


def test_the_tables_say_what_was_found(tmp_path, dataset, several, plan):
    failed = UnusableCase("=bad", "There is <no> scan.")
    write_report(plan(dataset), RunResult(several.records, (failed,), 0))
    table = read_tsv(tmp_path / "out" / "report.tsv")
    assert list(table["visit"]) == ["sub-00000", "sub-00001", "sub-00002", "=bad"]
    assert list(table["state"]) == ["done"] * 3 + ["failed"]
    assert table["volume_ml"][0] == pytest.approx(several.records[0].volume_ml, rel=1e-5)
    assert table["notes"][3] == "There is <no> scan."
    worklist = read_worklist(tmp_path / "out" / "referral.tsv")
    assert worklist.cases[0].name == "sub-00002" and len(worklist.cases) == 3
    assert worklist.cases[0].main == dataset / "sub-00002" / "anat" / "sub-00002_FLAIR.nii.gz"


class _Page(HTMLParser):
    """Collects what a page would load."""

    def __init__(self):
        super().__init__()
        self.sources, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href", "data")]


def test_the_page_needs_no_other_file_and_escapes_what_it_quotes(tmp_path, dataset, several, plan):
    failed = UnusableCase("<script>alert(1)</script>", "no <b>scan</b>")
    text = report_page(plan(dataset), RunResult(several.records, (failed,), 0))
    page = _Page()
    page.feed(text)
    assert "script" not in page.tags and "link" not in page.tags
    assert page.sources and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "&lt;script&gt;" in text and "unlike: noise is 9 %" in text
    assert page.tags.count("img") == 3  # a slice through each lesion
    assert several.records[0].setting.model_sha256 in text and "not a medical device" in text


def test_a_scan_that_has_gone_is_said_and_the_report_is_written(dataset, several, plan):
    shutil.rmtree(dataset / "sub-00001")
    text = report_page(plan(dataset), RunResult(several.records, (), 0))
    assert "There is no picture of lesion" in text and text.count("<img") == 2


def test_no_visit_at_all_is_a_report_too(tmp_path, dataset, plan):
    (tmp_path / "out").mkdir()
    page = write_report(plan(dataset), RunResult((), (UnusableCase("a", "It failed."),), 0))
    assert "It failed." in page.read_text() and not (tmp_path / "out" / "referral.tsv").exists()


@pytest.mark.parametrize("name", ["report.html", "report.tsv", "referral.tsv"])
def test_a_full_disk_leaves_the_report_before_whole(tmp_path, dataset, several, plan, monkeypatch, name):
    write_report(plan(dataset), RunResult(several.records, (), 0))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("re*.*")}
    real = Path.replace

    def full(self, target):
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match=f"{name}.*No space left on device"):
        write_report(plan(dataset), RunResult(several.records[:1], (), 0))
    assert (tmp_path / "out" / name).read_bytes() == before[name]
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(f".{name}")]


def test_reliability_and_retention_are_those_of_the_visits(tmp_path, dataset, run_here, plan):
    run_here(dataset)
    out = tmp_path / "out"
    rows = ["flair\tname\treference"]
    for i, other in ((0, 0), (1, 2)):
        name = f"sub-{i:05d}"
        mask = tmp_path / f"mask{i}.nii.gz"
        shutil.copyfile(out / "visits" / f"sub-{other:05d}" / "brain.nii.gz", mask)
        rows.append(f"{dataset / name / 'anat' / name}_FLAIR.nii.gz\t{name}\t{mask}")
    cases = tmp_path / "cases.tsv"
    cases.write_text("\n".join(rows))
    result = run_here(cases, tmp_path / "second")
    again = [
        evaluate_folder(tmp_path / "second" / "visits" / f"sub-{i:05d}", tmp_path / f"mask{i}.nii.gz")
        for i in range(2)
    ]
    for record, evaluation in zip(result.records, again, strict=True):
        kept = reliability_of(record.compared)
        for name in ("edges", "count", "mean_probability", "fraction", "low", "high"):
            np.testing.assert_allclose(getattr(kept, name), getattr(evaluation.reliability, name), atol=1e-12)
        assert record.compared.measures["dice"] == evaluation.reference.dice
        np.testing.assert_allclose(record.compared.retention, evaluation.retention.values, atol=1e-6)
    text = report_page(plan(cases, tmp_path / "second"), result)
    ece = dataset_calibration([one.reliability for one in again]).micro.ece
    assert f"ECE {ece:.4f}" in text and text.count("<svg") == 2
    assert re.search(r"Dice</td><td class=\"n\">0\.\d{3}", text)


def test_the_command_ends_with_3_where_visits_failed(tmp_path, capsys):
    dataset = write_visits(tmp_path / "dataset", 1)
    cases = tmp_path / "cases.tsv"
    flair = next(dataset.rglob("*.nii.gz"))
    flair.write_bytes(b"no scan")
    cases.write_text(f"flair\tname\n{flair}\tone\nnothing.nii.gz\ttwo\n")
    with in_this_process(), pytest.raises(SystemExit) as ended:
        main(["run", str(cases), "--out", str(tmp_path / "out")])
    assert ended.value.code == 3
    said = capsys.readouterr()
    assert "0 visits done, 2 failed" in said.out and "there is no flair" in said.err
    assert (tmp_path / "out" / "report.html").is_file()
    assert main(["run", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out2")]) == 2
