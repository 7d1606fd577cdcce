"""What a user's table must hold: the one gate of its readers, with one wording of what is wrong.

A reader describes its columns once, as a `Layout`. What does not fit is refused with the file, the row as a
spreadsheet numbers it, the column, and what would be right. Nothing heavy is imported here, so that a command
says it at once.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError, one_line
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.disk.tables import MISSING, MOST_BYTES, Row, Rows, read_rows, twice

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""Python itself takes ``1_000`` and other scripts' digits for numbers as well, which nobody means."""
_LONGEST = 300
_MOST_NAMED = 12


@dataclass(frozen=True)
class Holds:
    """What the cells of a column hold.

    Attributes
    ----------
    words
        What they should be, for the user.
    fits
        Whether a cell is that.
    is_path
        Whether it is a path, which counts from the table's folder.
    is_number
        Whether it is a number.
    is_name
        Whether it is a name: what stands for a missing value elsewhere may be one, such as NA or -.
    """

    words: str
    fits: Callable[[str], bool] = bool
    is_path: bool = False
    is_number: bool = False
    is_name: bool = False

    def cell_of(self, row: Row, column: str) -> str:
        """A cell of a row; empty where it is missing."""
        return row.name(column) if self.is_name else row.known(column)


def a_number(least: float = -math.inf, most: float = math.inf, *, whole: bool = False) -> Holds:
    """Numbers, all that are known of them finite, with a decimal point."""

    def fits(cell: str) -> bool:
        if not _NUMBER.fullmatch(cell):
            return False
        value = float(cell)
        return math.isfinite(value) and least <= value <= most and (not whole or value.is_integer())

    words = "a whole number" if whole else "a number, such as 0.5"
    if math.isfinite(least) and math.isfinite(most):
        words = f"{words.split(',')[0]} from {least:g} to {most:g}"
    elif math.isfinite(least):
        words = f"{words.split(',')[0]} of at least {least:g}"
    return Holds(words, fits, is_number=True)


def one_of(words: str, choices: Sequence[str]) -> Holds:
    """One of several words, in small or capital letters."""
    return Holds(words, lambda cell: cell.casefold() in choices)


def any_text(words: str) -> Holds:
    """Any text."""
    return Holds(words)


def a_name(words: str) -> Holds:
    """A name, of which only an empty cell, or ``n/a`` as our own tables have it, says that there is none."""
    return Holds(words, is_name=True)


FILE = Holds("a file or folder", is_path=True)
RESULTS_FOLDER = Holds("a folder of results", lambda path: is_results(Path(path)), is_path=True)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name
        In the header, in small or capital letters.
    holds
        What its cells hold.
    needed
        Whether it must be there.
    filled
        Whether no cell of it may be empty, where it is there.
    unique
        Whether no two cells may be alike.
    also
        Another name for it, which counts where the first is not there.
    """

    name: str
    holds: Holds
    needed: bool = True
    filled: bool = True
    unique: bool = False
    also: str = ""


def perhaps(name: str, holds: Holds) -> Column:
    """A column that need not be there, and may have empty cells."""
    return Column(name, holds, needed=False, filled=False)


@dataclass(frozen=True)
class Layout:
    """What a table holds.

    Attributes
    ----------
    name
        What such a table is called, with its article.
    one
        What a row is about.
    columns
        Those that a reader looks at.
    further
        What other columns there may be, in words.
    may_be_empty
        Whether a table without rows can be used.
    """

    name: str
    one: str
    columns: tuple[Column, ...]
    further: str = ""
    may_be_empty: bool = False


def read_table(path: Path, layout: Layout, most_bytes: int = MOST_BYTES) -> Rows:
    """Read a table that fits a layout.

    Parameters
    ----------
    path
        Tab-separated text, as of `tables.read_rows`.
    layout
        That its columns must fit; they then have the names that the layout gives them.
    most_bytes
        It may have.

    Raises
    ------
    InputError
        With the first thing that does not fit: the file, the row, the column, and what would be right.
    """
    table = open_table(path, layout, most_bytes)
    for row in table.rows:
        check_row(path, layout, row)
    for column in layout.columns:
        if column.unique and column.name in table:
            _check_unique(path, layout, column, table)
    return table


def read_frame(path: Path, layout: Layout) -> pd.DataFrame:
    """As `read_table`, with values as `tables.read_tsv` gives them: numbers, True and False, texts.

    What stands for a missing value in a column of numbers is NaN, however it is written.
    """
    import pandas as pd

    table = read_table(path, layout)
    numbers = {column.name for column in layout.columns if column.holds.is_number}
    cells = {
        name: [row.known(name) if name in numbers else row[name] for row in table.rows]
        for name in table.columns
    }
    return pd.DataFrame({name: _values(pd.Series(own, dtype=object)) for name, own in cells.items()})


def _values(cells: pd.Series) -> pd.Series:
    """Numbers where all cells that are known are, or True and False; else texts."""
    import pandas as pd

    there = cells.mask(cells.isin(("", MISSING)))
    if len(cells) and there.isin(("True", "False")).all():
        return there == "True"
    numbers = pd.to_numeric(there, errors="coerce")
    return there.infer_objects() if (numbers.isna() & there.notna()).any() else numbers


def open_table(path: Path, layout: Layout, most_bytes: int = MOST_BYTES) -> Rows:
    """As `read_table`, without a look at the cells, for who checks each row by itself (`check_row`)."""
    table = read_rows(path, most_bytes)
    names = {}
    for column in layout.columns:
        there = [own for name in (column.name, column.also) if (own := _alike(table.columns, name))]
        if there and len(there[0]) > 1:
            raise twice(path, column.name)
        if there:
            names[there[0][0]] = column.name
        elif column.needed:
            raise lacking(path, layout, column.name, table.columns)
    if not table.rows and not layout.may_be_empty:
        raise InputError(f"{path} lists no {layout.one}: it has no row below its header; add one for each.")
    return table.renamed(names)


def check_row(path: Path, layout: Layout, row: Row) -> None:
    """See that the cells of a row are what the layout says.

    Raises
    ------
    InputError
        With the first that is not.
    """
    for column in layout.columns:
        if cell := column.holds.cell_of(row, column.name):
            _check_cell(path, row, column, cell)
        elif column.filled and column.name in row.places:
            right = column.holds.words
            raise InputError(
                f"{path}, row {row.line}: the column {column.name} is empty; it should be {right}."
            )


def _check_cell(path: Path, row: Row, column: Column, cell: str) -> None:
    holds = column.holds
    value = f"{path.parent / cell}" if holds.is_path else cell
    if holds.is_path and not os.path.exists(value):  # noqa: PTH110 - Path.exists raises where it is too long
        raise InputError(
            f"{path}, row {row.line}: there is no {column.name} {_shown(value)}; correct the path."
        )
    if not holds.fits(value):
        raise unfit(f"{path}, row {row.line}", column.name, value, holds)


def unfit(where: str, column: str, value: str, holds: Holds) -> InputError:
    """What is said of a cell that is not what it should be, in a row of a file."""
    return InputError(f"{where}: the column {column} is '{_shown(value)}'; it should be {holds.words}.")


def _shown(value: str) -> str:
    return one_line(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}...")


def _alike(columns: Sequence[str], name: str) -> list[str]:
    """Columns of a name, in small or capital letters."""
    return [own for own in columns if name and own.casefold() == name.casefold()]


def lacking(path: Path, layout: Layout, name: str, there: Iterable[str]) -> InputError:
    """What is said of a column that is not there."""
    needed = [column.name for column in layout.columns if column.needed]
    others = [column.name for column in layout.columns if not column.needed]
    others += [layout.further] if layout.further else []
    may = f", may have {_listed(others)}" if others else ""
    has = _listed([_shown(own) for own in there if own])
    return InputError(
        f"{path} lacks the column '{name}': {layout.name} needs {_listed(needed)}{may}, and this has {has}."
    )


def _listed(names: Sequence[str]) -> str:
    """Names in a row, the first of many."""
    if not names:
        return "none"
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _check_unique(path: Path, layout: Layout, column: Column, table: Rows) -> None:
    lines: dict[str | float, int] = {}
    for row in table.rows:
        cell = column.holds.cell_of(row, column.name)
        value = float(cell) if cell and column.holds.is_number else cell  # 1 and 1.0 are one number
        if cell and lines.setdefault(value, row.line) != row.line:
            raise InputError(
                f"{path}, row {row.line}: the column {column.name} is '{_shown(cell)}', as in "
                f"row {lines[value]}; each {layout.one} needs its own."
            )
