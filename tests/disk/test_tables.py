"""No cell of a table is a formula in a spreadsheet, and every cell comes back as it was."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import as_read, as_tsv, as_written, read_tsv
from napari_uncertainseg.export import write_table

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''-2", "n/a", "'n/a", "＝1", "-"]  # noqa: RUF001
PLAIN = ["", "a", "'a'", "a=1", "n/ab", "NA", "null", " =1", "é", 'a "b"', "a\tb", "a\nb", "a\rb", "nan"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_is_made_text(text) -> None:
    assert as_written(text) == f"'{text}"
    assert as_read(as_written(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay(text) -> None:
    assert as_written(text) == text == as_read(text)


def test_numbers_stay_numbers() -> None:
    table = pd.DataFrame({"x": [-1.5, np.nan], "n": [-3, 4], "name": ["-3", "=x"]})
    assert as_tsv(table) == "x\tn\tname\n-1.5\t-3\t'-3\nn/a\t4\t'=x\n"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.lists(texts | st.sampled_from([*HOSTILE, *PLAIN]), min_size=1, max_size=6))
def test_what_is_written_is_harmless_and_read_back(tmp_path_factory, cells) -> None:
    folder = tmp_path_factory.mktemp("t")
    table = pd.DataFrame({"name": cells, "number": np.arange(len(cells)) - 2.5})
    write_table(folder / "t.tsv", table)
    pd.testing.assert_frame_equal(read_tsv(folder / "t.tsv", texts=True)[["name"]], table[["name"]])
    with (folder / "t.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert not any(row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in rows)


def test_an_empty_table_and_odd_columns() -> None:
    assert as_tsv(pd.DataFrame({"a": [], "b": []})) == "a\tb\n"
    assert as_tsv(pd.DataFrame({"=a": pd.Categorical(["=x", None])})) == "'=a\n'=x\nn/a\n"
    assert as_tsv(pd.DataFrame([["=x", True]], columns=["a", "a"])) == "a\ta\n'=x\tTrue\n"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b'a\tb\n"x', b"a\n1\t2\t3\n4\t5\n"])
def test_what_is_no_table_is_said(tmp_path, content) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    try:
        read_tsv(path)
    except InputError as error:
        assert "t.tsv" in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folder\treference\na\tb\tc\n", "more cells than the header"),
        ("folder\treference\na\tb\nc\td\te\n", "more cells than the header"),
        ("folder\treference\treference\na\tb\tc\n", "the column 'reference' twice"),
        ("folder\t reference\treference \na\tb\tc\n", "the column 'reference' twice"),
    ],
)
def test_a_column_that_cannot_be_told_is_refused(tmp_path, text, message) -> None:
    (tmp_path / "a.tsv").write_text(text)
    for texts in (False, True):
        with pytest.raises(InputError, match=message):
            read_tsv(tmp_path / "a.tsv", texts=texts)


@pytest.mark.parametrize("begin", ["\n", "  \n", "\t\n"])
def test_a_blank_first_line_is_called_that(tmp_path, begin) -> None:
    (tmp_path / "a.tsv").write_text(f"{begin}folder\tvolume\na\t1\n")
    for texts in (False, True):
        with pytest.raises(InputError, match="first line is blank"):
            read_tsv(tmp_path / "a.tsv", texts=texts)


def test_an_empty_cell_too_many_moves_nothing(tmp_path) -> None:
    (tmp_path / "a.tsv").write_text("folder\treference\na\tb\t\nc\td\t\n")
    assert read_tsv(tmp_path / "a.tsv", texts=True)["folder"].tolist() == ["a", "c"]


ROWS = "folder\tpatient\tage\nr/a\tP1\t30\nr/b\tP2\t40\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ROWS.replace("\t", ",").encode(), "t.tsv is separated by commas; save it as tab-separated text"),
        (ROWS.replace("\t", ";").encode("utf-8-sig"), "separated by semicolons; save it as tab-separated"),
        (ROWS.replace("\t", ";").replace("\n", "\r\n").encode(), "separated by semicolons"),
        (b"folder;age\nr/a;30,5\n", "separated by semicolons"),
        (b'"folder","patient"\n"r/a","P1"\n', "separated by commas"),
        (b"folder,patient\n", "separated by commas"),
        (b"folder,patient", "separated by commas"),
        (b"folder|age\na|1\n", "separated by vertical bars"),
        (ROWS.encode("utf-16"), "t.tsv is UTF-16 text or no text at all; export it as tab-separated text"),
        (ROWS.encode("utf-16-le"), "UTF-16"),
        (ROWS.replace("P1", "Müller").encode("latin-1"), "t.tsv is not UTF-8 text; export it as tab-sep"),
        (b"PK\x03\x04\x14\0\x06\0", "t.tsv is an Excel file, or another kind of zip file; export it as tab-"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel file of an old version; export it"),
        (b"\x1f\x8b\x08\0", "a compressed file"),
    ],
)
def test_another_kind_of_table_is_named_with_what_would_be_right(tmp_path, content, message) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    for texts in (False, True):
        with pytest.raises(InputError) as caught:
            read_tsv(path, texts=texts)
        assert message in str(caught.value) and "codec" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["name, first\nAnn\n", "a\n1,2\n3,4\n", "a,b\tc\n1,2\t3\n", "case\n", "note;\nx;\n"]
)
def test_commas_within_cells_are_no_separators(tmp_path, text) -> None:
    (tmp_path / "t.tsv").write_text(text)
    header = text.split("\n")[0].split("\t")
    assert list(read_tsv(tmp_path / "t.tsv").columns) == header


@pytest.mark.parametrize("command", [("patients",), ("groups", "--by", "sex"), ("challenge",)])
def test_a_command_says_that_its_table_has_commas(tmp_path, capsys, command) -> None:
    (tmp_path / "c.csv").write_text("folder,patient,sex\na,P1,F\n")
    name, *more = command
    assert main(["audit", name, str(tmp_path / "c.csv"), *more, "--out", str(tmp_path / "o")]) == 2
    assert "c.csv is separated by commas; save it as tab-separated text" in capsys.readouterr().err
