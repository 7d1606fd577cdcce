"""The list of recent cases: ten, the latest first, only paths, whatever its file holds."""

import json
from pathlib import Path

import pytest

from napari_uncertainseg.widgets.scans.recent_cases import MOST, RecentCases, missing


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "recent.json"


def test_the_latest_first_and_no_more_than_ten_also_in_another_window(file, tmp_path):
    recent = RecentCases(file)
    assert recent.listed() == []
    for number in range(MOST + 3):
        recent.add([tmp_path / f"{number}", tmp_path / f"{number}-t1"])
    recent.add([tmp_path / "5", tmp_path / "5-t2"])  # again, with another scan
    other = RecentCases(file).listed()
    assert len(other) == MOST
    assert [case[0].name for case in other] == ["5", "12", "11", "10", "9", "8", "7", "6", "4", "3"]
    assert other[0] == (tmp_path / "5", tmp_path / "5-t2")
    recent.clear()
    assert RecentCases(file).listed() == []


def test_its_file_holds_paths_only(file, tmp_path):
    RecentCases(file).add([tmp_path / "FLAIR.nii.gz"])
    assert json.loads(file.read_text()) == {"cases": [[str(tmp_path / "FLAIR.nii.gz")]]}


@pytest.mark.posix
def test_only_its_owner_reads_it(file, tmp_path):
    RecentCases(file).add([tmp_path / "FLAIR.nii.gz"])
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"cases": 3}',
        '{"cases": [3, [], [3], ["relative"], ["/a\\u0000b"]]}',
        "\x00\xff",
        '{"cases": ' + "[" * 2000 + "]" * 2000 + "}",
    ],
)
def test_a_broken_file_is_an_empty_list_and_is_written_anew(file, tmp_path, text):
    file.parent.mkdir()
    file.write_text(text, encoding="latin-1")
    recent = RecentCases(file)
    assert recent.listed() == []
    recent.add([tmp_path / "x"])
    assert recent.listed() == [(tmp_path / "x",)]


def test_where_nothing_can_be_written_nothing_happens(tmp_path):
    (tmp_path / "file").write_text("")
    recent = RecentCases(tmp_path / "file" / "recent.json")
    recent.add([tmp_path])
    recent.clear()
    assert recent.listed() == []


@pytest.mark.posix
def test_a_name_that_is_no_text_is_left_out_and_spoils_no_other(file, tmp_path):
    RecentCases(file).add([tmp_path / "café"])
    RecentCases(file).add([tmp_path / b"caf\xe9".decode("utf-8", "surrogateescape")])
    assert RecentCases(file).listed() == [(tmp_path / "café",)]


def test_why_a_case_cannot_be_opened(tmp_path):
    flair, t1 = tmp_path / "FLAIR.nii.gz", tmp_path / "T1.nii.gz"
    flair.write_text("")
    assert missing((flair,)) == ""
    assert missing((flair, t1)) == "T1.nii.gz is not there any more"
    assert missing((t1, flair)) == "not there any more"
    assert missing((Path("/") / ("x" * 5000),)) == "cannot be reached"
