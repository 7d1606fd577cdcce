"""Tables as tab-separated text that a spreadsheet program may open: no cell is a formula there.

A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break gets an apostrophe before it, as
spreadsheet programs have it for text, and so does a text that would be read as a missing value. Numbers stay
numbers. `read_tsv` and `as_read` take the apostrophe away again, so that every text comes back as it was.
"""

from __future__ import annotations

import codecs
import csv
import re
import warnings
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
_FORMULA = re.compile(r"'*(?:[=+\-@\t\r\n＝＋－＠]|n/a$)")  # noqa: RUF001 - wide forms count as well
_WRITTEN = re.compile(r"'+(?:[=+\-@\t\r\n＝＋－＠]|n/a$)")  # noqa: RUF001
_LOOKED_AT = 4096
_END = "\x1e"
"""A row of its own after the last one, where no quotation mark is open."""
_MOST_BYTES = 100_000_000


def as_written(cell: Any) -> Any:
    """A cell as it stands in a file: a text that could be a formula has an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def as_read(cell: Any) -> Any:
    """A cell as it was before `as_written`."""
    return cell[1:] if isinstance(cell, str) and _WRITTEN.match(cell) else cell


def known(cell: str) -> str:
    """A cell of a table of texts; empty where it stands for a missing value, as other programs write it."""
    return "" if cell.strip().casefold() in _UNKNOWN else cell


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


@dataclass(frozen=True)
class Row:
    """A row of texts.

    Attributes
    ----------
    line
        Its number for the user: the header is 1.
    cells
        By column, without spaces around; a missing one is empty.
    """

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def get(self, column: str) -> str:
        """A cell; empty where there is no such column."""
        return self.cells.get(column, "")


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
        return Rows(
            tuple(names.get(name, name) for name in self.columns),
            tuple(
                Row(row.line, {names.get(name, name): cell for name, cell in row.cells.items()})
                for row in self.rows
            ),
        )

    def lacking(self, needed: Sequence[str]) -> list[str]:
        """Columns that are not there."""
        return [name for name in needed if name not in self.columns]


def read_rows(path: Path) -> Rows:
    """As `read_tsv` with ``texts=True``, without pandas: a quarter of a second sooner.

    Raises
    ------
    InputError
        As `read_tsv`.
    """
    text = _checked_text(path)
    reader = csv.reader(StringIO(text, newline=""), delimiter="\t")
    columns = tuple(as_read(name).strip() for name in next(reader))
    rows = []
    for number, cells in enumerate(reader, 2):
        row = dict.fromkeys(columns, "")
        row.update(zip(columns, (as_read(cell).strip() for cell in cells), strict=False))
        if any(row.values()):
            rows.append(Row(number, row))
    return Rows(columns, tuple(rows))


def _checked_text(path: Path) -> str:
    """The text of a table, after all that can be said against it without reading its values."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is too large for a table.")
        text = _text_of(path)
        _check_columns(path, text)
    except OSError as error:
        raise InputError(f"Cannot read the table {path}: {error.strerror or error}.") from error
    except csv.Error as error:
        raise _no_table(path, error) from error
    return text


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
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:_LOOKED_AT]:
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
    for name in names:
        if names.count(name) > 1 and name:
            raise InputError(f"{path} has the column {name!r} twice; which one is meant cannot be told.")
    last: list[str] = []
    for last in rows:
        if any(cell.strip() for cell in last[len(names) :]):
            raise InputError(
                f"{path} has a row with more cells than the header has columns; name all columns."
            )
    if last != [_END]:
        raise InputError(f"{path} is not a tab-separated table (a quotation mark is not closed).")


def _has_text(column: pd.Series) -> bool:
    return bool(column.map(lambda cell: isinstance(cell, str)).any())
