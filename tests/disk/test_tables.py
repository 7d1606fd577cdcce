"""No cell of a table is a formula in a spreadsheet, and every cell comes back as it was."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
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
