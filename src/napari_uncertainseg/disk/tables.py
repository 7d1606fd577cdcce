"""Tables as tab-separated text that a spreadsheet program may open: no cell is a formula there.

A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break gets an apostrophe before it, as
spreadsheet programs have it for text, and so does a text that would be read as a missing value. Numbers stay
numbers. `read_tsv` and `as_read` take the apostrophe away again, so that every text comes back as it was.
"""

from __future__ import annotations

import codecs
import csv
import math
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:  # a table of texts is read, and refused, without it: it takes a quarter of a second
    import pandas as pd

MISSING = "n/a"
_UNKNOWN = ("", MISSING, "na", "nan")
"""What stands for a value that is missing, in small letters."""
NO_VALUE = frozenset((*_UNKNOWN, "none", "null", "-"))
"""The same, with what stands for it where a word of the user's own is not expected."""
_FORMULA = re.compile(r"'*(?:[=+\-@\t\r\n＝＋－＠]|n/a$)")  # noqa: RUF001 - wide forms count as well
_WRITTEN = re.compile(r"'+(?:[=+\-@\t\r\n＝＋－＠]|n/a$)")  # noqa: RUF001
_END = "\x1e"
"""A row of its own after the last one, where no quotation mark is open."""
MOST_BYTES = 100_000_000
_MOST_COLUMNS = 10_000


def as_written(cell: Any) -> Any:
    """A cell as it stands in a file: a text that could be a formula has an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def as_read(cell: Any) -> Any:
    """A cell as it was before `as_written`."""
    return cell[1:] if isinstance(cell, str) and _WRITTEN.match(cell) else cell


def known(cell: str) -> str:
    """A cell of a table of texts; empty where it stands for a missing value, as other programs write it."""
    return "" if cell.strip().casefold() in _UNKNOWN else cell


def stated(cell: str) -> str:
    """A cell in which no word of the user's own is expected; empty where it stands for a missing value."""
    return "" if cell.strip().casefold() in NO_VALUE else cell


def named(cell: str) -> str:
    """A cell with a name, such as NA or -; empty where it is, or has our own word for that."""
    return "" if cell.strip().casefold() == MISSING else cell


def as_tsv(table: pd.DataFrame) -> str:
    """A table as tab-separated text; a missing value becomes ``n/a``."""
    harmless = table.apply(lambda column: column.map(as_written) if _has_text(column) else column)
    harmless.columns = [as_written(str(name)) for name in table.columns]
    rows = _Rows()
    harmless.to_csv(rows, sep="\t", index=False, na_rep=MISSING, float_format="%.6g", lineterminator="\r\n")
    return rows.getvalue()


class _Rows(StringIO):
    """Takes rows that end in two characters, for cells with either to be quoted, and ends them in one."""

    def write(self, row: str) -> int:
        return super().write(row.removesuffix("\r\n") + "\n")


def read_tsv(path: Path, *, texts: bool = False) -> pd.DataFrame:
    """Read a table that `as_tsv` made, or one like it.

    Parameters
    ----------
    path
        Of the file.
    texts
        Take every cell as text, a missing one as empty, and keep blank lines, so that rows can be told by
        the number of their line; numbers otherwise are numbers.

    Raises
    ------
    InputError
        If it cannot be read, or is no such table.
    """
    text = _checked_text(path)
    import pandas as pd

    options: dict[str, Any] = {"dtype": str} if texts else {}
    options["index_col"] = False  # else a row of more cells than the header moves all columns
    try:
        with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):  # cells too many
            found = pd.read_csv(
                StringIO(text, newline=""),
                sep="\t",
                keep_default_na=False,
                na_values=[] if texts else [MISSING],
                skip_blank_lines=not texts,
                **options,
            )
    except (ValueError, pd.errors.ParserError) as error:
        raise _no_table(path, error) from error
    found = found.fillna("") if texts else found
    return found.apply(lambda column: column.map(as_read) if _has_text(column) else column).rename(
        columns=as_read
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A row of texts.

    Attributes
    ----------
    line
        Its number for the user: the header is 1, as a spreadsheet shows it.
    texts
        Its cells, without spaces around; perhaps fewer than there are columns.
    places
        Where in it each column is, the same for all rows.
    """

    line: int
    texts: tuple[str, ...]
    places: Mapping[str, int]

    def __getitem__(self, column: str) -> str:
        place = self.places[column]
        return self.texts[place] if place < len(self.texts) else ""

    def get(self, column: str) -> str:
        """A cell; empty where there is no such column."""
        return self[column] if column in self.places else ""

    def known(self, column: str) -> str:
        """A cell; empty where it stands for a missing value, or there is no such column."""
        return stated(self.get(column))

    def name(self, column: str) -> str:
        """A cell with a name; empty where there is none, or no such column."""
        return named(self.get(column))

    def number(self, column: str) -> float:
        """A cell that was seen to hold a number; NaN where it is not known, or there is no such column."""
        return float(self.known(column) or math.nan)

    @property
    def cells(self) -> dict[str, str]:
        """All cells, by column; a missing one is empty."""
        return {column: self[column] for column in self.places}


@dataclass(frozen=True)
class Rows:
    """A table of texts.

    Attributes
    ----------
    columns
        Their names, without spaces around.
    rows
        Those that are not blank.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def renamed(self, names: Mapping[str, str]) -> Rows:
        """The same with other names for some columns."""
        columns = tuple(names.get(name, name) for name in self.columns)
        places = _places(columns)
        return Rows(columns, tuple(Row(row.line, row.texts, places) for row in self.rows))


def read_rows(path: Path, most_bytes: int = MOST_BYTES) -> Rows:
    """As `read_tsv` with ``texts=True``, without pandas: a quarter of a second sooner.

    Parameters
    ----------
    path
        Of the file.
    most_bytes
        It may have.

    Raises
    ------
    InputError
        As `read_tsv`.
    """
    text = _checked_text(path, most_bytes)
    reader = csv.reader(StringIO(text, newline=""), delimiter="\t")
    columns = tuple(as_read(name).strip() for name in next(reader))
    places = _places(columns)
    rows = []
    for number, cells in enumerate(reader, 2):
        texts = tuple(as_read(cell).strip() for cell in cells[: len(columns)])
        if any(texts):
            rows.append(Row(number, texts, places))
    return Rows(columns, tuple(rows))


def _places(columns: Sequence[str]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(columns)}


def _checked_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """The text of a table, after all that can be said against it without reading its values."""
    try:
        if path.stat().st_size > most_bytes:
            raise InputError(f"{path} is too large for a table: more than {most_bytes // 10**6} MB.")
        text = _text_of(path)
        _check_columns(path, text)
    except OSError as error:
        raise InputError(f"Cannot read the table {path}: {error.strerror or error}.") from error
    except csv.Error as error:
        raise _no_table(path, error) from error
    return text


def twice(path: Path, column: str) -> InputError:
    """What is said of a column that is there twice."""
    return InputError(f"{path} has the column '{column}' twice; which one is meant cannot be told.")


def _no_table(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is not a tab-separated table ({' '.join(str(error).split())}).")


_KINDS = (
    (b"PK\x03\x04", "an Excel file, or another kind of zip file"),
    (b"\xd0\xcf\x11\xe0", "an Excel file of an old version"),
    (b"\x1f\x8b", "a compressed file"),
    (b"%PDF", "a PDF"),
)
"""How files begin that are taken for tables."""
_SEPARATORS = {",": "commas", ";": "semicolons", "|": "vertical bars"}
_EXPORT = "tab-separated text (UTF-8)"


def _text_of(path: Path) -> str:
    """The text of a file; what is another kind of file, or separated otherwise, is refused by name."""
    content = path.read_bytes()
    for begin, kind in _KINDS:
        if content.startswith(begin):
            raise InputError(f"{path} is {kind}; export it as {_EXPORT}.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise InputError(f"{path} is UTF-16 text or no text at all; export it as {_EXPORT}.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; export it as {_EXPORT}.") from None
    if separator := _other_separator(text):
        raise InputError(f"{path} is separated by {separator}; save it as tab-separated text.")
    return text


def _other_separator(text: str) -> str:
    """What separates the cells in the place of tabs, in words; empty where nothing else does."""
    first, second = ([*text.split("\n", 2), "", ""])[:2]
    if "\t" in first:
        return ""
    for mark, words in _SEPARATORS.items():
        names, cells = (line.strip().split(mark) for line in (first, second))
        if len(names) > 1 and all(name.strip() for name in names) and (not second.strip() or len(cells) > 1):
            return words
    return ""


def _check_columns(path: Path, text: str) -> None:
    """Refuse a column that is there twice, rows with too many cells, and a quotation mark without end."""
    rows = csv.reader(StringIO(f"{text}\n{_END}", newline=""), delimiter="\t")
    names = [name.strip() for name in next(rows, [])]
    if not any(names):
        raise InputError(f"{path}: the first line is blank; it should name the columns.")
    if len(names) > _MOST_COLUMNS:
        raise InputError(f"{path} names {len(names)} columns; a table may have {_MOST_COLUMNS}.")
    for name, often in Counter(names).items():
        if often > 1 and name:
            raise twice(path, name)
    last: list[str] = []
    for number, last in enumerate(rows, 2):
        if any(cell.strip() for cell in last[len(names) :]):
            raise InputError(
                f"{path}, row {number}: there are more cells than the header has columns; name all columns."
            )
    if last != [_END]:
        raise InputError(f"{path} is not a tab-separated table (a quotation mark is not closed).")


def _has_text(column: pd.Series) -> bool:
    return bool(column.map(lambda cell: isinstance(cell, str)).any())
