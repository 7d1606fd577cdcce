"""What a user's table must hold: whatever the file, it is read or refused in one sentence that names it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.columns import (
    FILE,
    RESULTS_FOLDER,
    Column,
    Layout,
    a_name,
    a_number,
    any_text,
    check_row,
    one_of,
    open_table,
    perhaps,
    read_frame,
    read_table,
)
from napari_uncertainseg.disk.tables import as_tsv, read_tsv

LAYOUT = Layout(
    "a table of visits",
    "visit",
    (
        Column("name", any_text("what the visit is called"), unique=True, also="visit"),
        Column("age", a_number(0, 120), filled=False),
        perhaps("read", one_of("yes or no", ("yes", "no"))),
        perhaps("mask", FILE),
        perhaps("folder", RESULTS_FOLDER),
    ),
    further="anything else",
)
GOOD = "name\tage\tread\tsite\r\na\t30\tyes\tx\r\nb\tn/a\t\ty\r\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.tsv"


def refusal(path, content, layout=LAYOUT):
    """What is said of a file."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_table(path, layout)
    said = str(caught.value)
    assert said.startswith(str(path)) and "\n" not in said and said.endswith((".", ")."))
    return said.removeprefix(str(path))


def test_what_fits_is_read_with_the_names_of_the_layout(path):
    for content in (
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\r\n", "\n"),
        GOOD.replace("\r\n", "\r"),
        GOOD.replace("name\t", " Name \t"),
        GOOD.replace("name", "VISIT"),
        GOOD.replace("a\t30", '"a"\t 30 '),
        GOOD.replace("30\tyes", "3.0e1\tYES"),
    ):
        path.write_bytes(content.encode())
        table = read_table(path, LAYOUT)
        first, second = table.rows
        assert first["name"] == "a" and first.number("age") == 30 and first.known("read").casefold() == "yes"
        assert second.number("age") != second.number("age") and second.known("read") == second.get("no") == ""
        assert (first.line, second.line) == (2, 3) and first["site"] == "x"
        assert read_frame(path, LAYOUT)["age"].iloc[0] == 30


WRONG = {
    "an empty file": ("", ": the first line is blank; it should name the columns."),
    "a blank line first": ("\n" + GOOD, ": the first line is blank"),
    "only a header": ("name\tage\n", " lists no visit: it has no row below its header; add one for each."),
    "blank rows": ("name\tage\n\t\n \t \n", " lists no visit"),
    "UTF-16": (GOOD.encode("utf-16"), " is UTF-16 text or no text at all"),
    "a NUL far down": (GOOD.encode() + b"c\t1\n" * 2000 + b"\0\n", " is UTF-16 text or no text at all"),
    "another script": (GOOD.replace("x", "é").encode("latin-1"), " is not UTF-8 text"),
    "commas": (GOOD.replace("\t", ","), " is separated by commas; save it as tab-separated text."),
    "semicolons": (GOOD.replace("\t", ";"), " is separated by semicolons"),
    "a quote that stays open": (GOOD + '"c\t1\n', " is not a tab-separated table (a quotation mark"),
    "a long line": (
        "name\tage\n" + "x" * 10_000_000 + "\t1\n",
        " is not a tab-separated table (field larger",
    ),
    "many columns": ("name\tage" + "\tx" * 200_000 + "\n", " names 200002 columns; a table may have 10000."),
    "a row too long": (GOOD + "c\t1\tyes\tx\tmore\n", ", row 4: there are more cells than the header"),
    "a column twice": (GOOD.replace("site", "age "), " has the column 'age' twice; which one is meant"),
    "a column twice, in capitals": (GOOD.replace("site", "AGE"), " has the column 'age' twice"),
    "no column": (
        GOOD.replace("age", "years"),
        " lacks the column 'age': a table of visits needs name and age, may have read, mask, folder and "
        "anything else, and this has name, years, read and site.",
    ),
    "an empty cell": (GOOD + "\t1\n", ", row 4: the column name is empty; it should be what the visit is"),
    "an empty cell, as pandas has it": (GOOD + "None\t1\n", ", row 4: the column name is empty"),
    "after a blank line": (GOOD + "\n-\t1\n", ", row 5: the column name is empty"),
    "after a line break in quotes": (GOOD + '"c\nd"\t1\n\t1\n', ", row 5: the column name is empty"),
    "twice": (GOOD + "a\t1\n", ", row 4: the column name is 'a', as in row 2; each visit needs its own."),
    "another word": (GOOD + "c\t1\tmaybe\n", ", row 4: the column read is 'maybe'; it should be yes or no."),
    "no file": (GOOD.replace("site", "mask"), ", row 2: there is no mask /"),
    "a path that cannot be": ("name\tage\tmask\na\t1\t" + "x" * 5000, ", row 2: there is no mask /"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_its_place(path, what):
    content, says = WRONG[what]
    said = refusal(path, content)
    assert said.startswith(says) and len(said) < 600


@pytest.mark.parametrize(
    "cell", ["inf", "1e999", "1_000", "1,000", "30,5", "0x1f", "\uff13", "1 000", "old", "-1", "121"]
)
def test_what_is_no_number_in_the_range(path, cell):
    assert refusal(path, f"name\tage\na\t{cell}\n") == (
        f", row 2: the column age is '{cell}'; it should be a number from 0 to 120."
    )


def test_numbers_in_words(path):
    assert a_number().words == "a number, such as 0.5" and a_number(whole=True).words == "a whole number"
    assert a_number(1, whole=True).words == "a whole number of at least 1"
    assert [a_number(1, whole=True).fits(cell) for cell in ("1", "2.0", "1.5", "0")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("again", ["1", "1.0", "+1", "01", "1e0"])
def test_a_number_is_there_twice_however_it_is_written(path, again):
    layout = Layout("a table", "lesion", (Column("label", a_number(1, whole=True), unique=True),))
    said = refusal(path, f"label\n1\n2\n{again}\n", layout)
    assert said == f", row 4: the column label is '{again}', as in row 2; each lesion needs its own."


def test_a_folder_that_holds_no_results(path, tmp_path):
    said = refusal(path, "name\tage\tfolder\na\t1\t.\n")
    assert said == f", row 2: the column folder is '{tmp_path}'; it should be a folder of results."


@pytest.mark.parametrize("cell", ["NA", "nan", "None", "-", "NULL"])
def test_names_are_texts_and_numbers_keep_their_words_for_missing(path, cell):
    named = Layout(
        "visits",
        "visit",
        (Column("patient", a_name("a name"), unique=True), Column("age", a_number(), filled=False)),
    )
    path.write_text(f"patient\tage\n{cell}\t{cell}\nb\t3\n")
    first, _ = read_table(path, named).rows
    assert first.name("patient") == cell and np.isnan(first.number("age"))
    frame = read_frame(path, named)
    assert frame["patient"].tolist() == [cell, "b"] and np.isnan(frame["age"][0])
    path.write_text(f"patient\tage\n{cell}\t1\n{cell}\t3\n")
    with pytest.raises(InputError, match="as in row 2"):
        read_table(path, named)
    for empty in ("", "n/a"):
        path.write_text(f"patient\tage\n{empty}\t1\n")
        with pytest.raises(InputError, match="column patient is empty; it should be a name"):
            read_table(path, named)


def test_a_frame_has_numbers_whatever_is_missing(path):
    path.write_text(
        "name\tage\tdrawn\tn\tsite\na\t30\tTrue\t1\tx\n\t\t\t\t\nb\tNA\tFalse\t2\tn/a\nc\t-\tTrue\t3\t4\n"
    )
    found = read_frame(path, LAYOUT)
    assert found["age"].dtype == float and found["age"].isna().tolist() == [False, True, True]
    assert found["drawn"].tolist() == [True, False, True] and found["drawn"].dtype == bool
    assert found["n"].dtype == np.int64 and found["name"].tolist() == ["a", "b", "c"]
    assert found["site"].tolist()[::2] == ["x", "4"] and found["site"].isna()[1]
    path.write_text("name\tage\n")
    assert read_frame(path, replace(LAYOUT, may_be_empty=True)).empty


@given(
    st.lists(
        st.tuples(st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6), st.sampled_from("abc-=n")), min_size=1
    )
)
def test_a_frame_is_what_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "t.tsv"
    table = pd.DataFrame(rows, columns=["n", "value", "text"])
    path.write_text(as_tsv(table))
    layout = Layout("a table", "row", (Column("value", a_number()),))
    pd.testing.assert_frame_equal(read_frame(path, layout), read_tsv(path), rtol=0, atol=0)


def test_a_row_can_be_checked_by_itself(path):
    path.write_text("name\tage\na\told\nb\t1\n")
    first, second = open_table(path, LAYOUT).rows
    check_row(path, LAYOUT, second)
    with pytest.raises(InputError, match="row 2: the column age is 'old'"):
        check_row(path, LAYOUT, first)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('"a\nb"\tage\n1\t2\n', "this has a b and age"),
        ('name\tage\na\t"o\nld"\n', "is 'o ld'"),
        ('name\tage\n"a\nb"\t1\n"a\nb"\t2\n', "is 'a b'"),
    ],
)
def test_line_feeds_within_cells_break_no_sentence(path, text, named):
    said = refusal(path, text)
    assert named in said and "\n" not in said


pieces = st.sampled_from(
    [*"\t\n\r\"',;.0-9aé\0", "name", "age", "read", "n/a", "nan", "\r\n", "\ufeff", "1e9", "'=", " "]
)


@given(
    st.lists(pieces, max_size=40).map("".join), st.sampled_from(["utf-8", "utf-16", "latin-1"]), st.booleans()
)
def test_any_file_is_read_or_refused_in_one_sentence(tmp_path_factory, text, encoding, header):
    path = tmp_path_factory.mktemp("t") / "t.tsv"
    path.write_bytes((("name\tage\n" if header else "") + text).encode(encoding, "replace"))
    try:
        table = read_table(path, LAYOUT)
        frame = read_frame(path, LAYOUT)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return
    assert table.rows and list(frame.columns) == list(table.columns)
    names = [row["name"] for row in table.rows]
    assert all(names) and len(set(names)) == len(names)
    for row in table.rows:
        age = row.number("age")
        assert age != age or 0 <= age <= 120
        assert row.known("read").casefold() in ("", "yes", "no")


def test_nothing_heavy_is_imported():
    heavy = "print([name for name in ('pandas', 'numpy', 'torch') if name in sys.modules])"
    code = f"import sys, napari_uncertainseg.disk.columns; {heavy}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
