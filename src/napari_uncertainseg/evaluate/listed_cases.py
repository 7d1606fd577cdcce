"""Cases with a reference, in a table or alone: what can be said of them before an image is read.

Nothing heavy is imported here, so that a command says at once what is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.columns import Column, Layout, a_name, any_text, perhaps, read_table
from napari_uncertainseg.disk.result_folder import MAP_OF_ALL, check_results, check_written, note_on
from napari_uncertainseg.disk.tables import NO_VALUE, Row
from napari_uncertainseg.images.files import check_on_grid, grid_by_header

FOLDER, REFERENCE, RATERS = "folder", "reference", "raters"
_TABLE = Layout(
    "a table of cases",
    "case",
    (
        Column(FOLDER, any_text("a folder of results")),
        Column(REFERENCE, any_text("the mask to compare with")),
        perhaps("patient", a_name("the patient's name")),
        perhaps(RATERS, any_text("masks of raters, with semicolons between")),
    ),
)


@dataclass(frozen=True)
class ListedCase:
    """A row of a table of cases.

    Attributes
    ----------
    line
        Of the table.
    folder, reference, raters
        Results, and what they are compared with.
    row
        All that the table says of it.
    """

    line: int
    folder: Path
    reference: Path
    raters: tuple[Path, ...]
    row: Row


def read_cases(path: Path) -> list[ListedCase]:
    """Read a table of cases.

    Parameters
    ----------
    path
        Tab-separated, with the columns ``folder`` (what `segment` wrote) and ``reference``, and perhaps
        ``raters``: label images with semicolons between. Relative paths count from the table's folder.

    Raises
    ------
    InputError
        If it is no such table, or a cell is empty.
    """
    return [_case_of(path, row) for row in read_table(path, _TABLE).rows]


def _case_of(path: Path, row: Row) -> ListedCase:
    raters = tuple(path.parent / one.strip() for one in row.known(RATERS).split(";") if one.strip())
    return ListedCase(row.line, path.parent / row[FOLDER], path.parent / row[REFERENCE], raters, row)


def check_cases(path: Path, *, resample: bool = False, raters: bool = False) -> None:
    """See by names and headers that the cases of a table can be compared, those of its last row too.

    Parameters
    ----------
    path
        As of `read_cases`.
    resample
        Whether masks may lie on other grids.
    raters
        Whether the raters' masks are read, too.

    Raises
    ------
    InputError
        As `read_cases`, or `check_case`, with the row.
    """
    for case in read_cases(path):
        try:
            masks = (case.reference, *case.raters) if raters else (case.reference,)
            check_case(case.folder, masks, resample=resample)
        except InputError as error:
            raise InputError(f"{path}, row {case.line}: {error}") from error


def check_case(folder: Path, masks: Sequence[Path], *, resample: bool = False, whole: bool = False) -> None:
    """See by names and headers that results can be compared with masks.

    Parameters
    ----------
    folder
        Of results.
    masks
        Label images.
    resample
        Whether they may lie on other grids.
    whole
        See also that results are as they were written, and that no mask ends early.

    Raises
    ------
    InputError
        If results are not there, or a mask is not, is no image or lies on another grid.
    """
    check_results(folder)
    if whole:
        check_written(folder, MAP_OF_ALL)
    grid = None if resample else grid_by_header(folder / MAP_OF_ALL)
    for mask in masks:
        check_on_grid(mask, grid, whole=whole)


def notes_of(path: Path) -> list[str]:
    """What the user should know of a table of cases: of its folders, see `note_on`, and of its patients."""
    cases = read_cases(path)
    notes = [note for case in cases if (note := note_on(case.folder))]
    return notes + notes_on_patients(case.row.name("patient") for case in cases)


def notes_on_patients(patients: Iterable[str]) -> list[str]:
    """A note for each name of several visits that may mean that nobody is named, such as NA.

    Parameters
    ----------
    patients
        One for each visit, which may be empty.
    """
    often = Counter(name for name in patients if name and name.casefold() in NO_VALUE)
    return [
        f"{number} visits count as those of one patient called '{name}'. If that means that nobody is named, "
        "leave these cells empty: each visit then counts as a patient."
        for name, number in often.items()
        if number > 1
    ]
