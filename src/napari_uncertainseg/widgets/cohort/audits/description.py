"""What a tab of an audit is, as data: its question, its inputs, and the function that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from napari_uncertainseg._base import Progress
from napari_uncertainseg.audit.table_glance import TableGlance

COHORT, SCORES, ACQUISITIONS = "cohort", "scores", "acquisitions"
"""Tables that tabs read: results of a cohort, which most tabs share; scores of models; results of people
who were acquired several times."""


@dataclass(frozen=True)
class Option:
    """Something that can be chosen: the words for it, what it means, and whether it is ticked at first."""

    value: Any
    title: str
    tip: str = ""
    ticked: bool = False


Options = Callable[[TableGlance, Mapping[str, Any]], Sequence[Option]]
"""What can be chosen of a table, where the inputs above have some values."""


@dataclass(frozen=True)
class Ticks:
    """Check boxes, of which several may be ticked; not there where there are none. Its value is a tuple.

    ``left_out`` says below them what a table has that cannot be ticked, and why; nothing if empty.
    """

    key: str
    label: str
    tip: str
    options: Options
    left_out: Callable[[TableGlance], str] = lambda glance: ""


@dataclass(frozen=True)
class Choice:
    """One of several. Its value is that of an option."""

    key: str
    label: str
    tip: str
    options: Options


@dataclass(frozen=True)
class Count:
    """A number of things. Its value is an int."""

    key: str
    label: str
    tip: str
    least: int
    most: int
    usual: int


@dataclass(frozen=True)
class Switch:
    """Yes or no; the label stands beside the box. Its value is a bool."""

    key: str
    label: str
    tip: str
    on: bool = False


@dataclass(frozen=True)
class PathInput:
    """A further file or folder, which may be left out. Its value is a path or None.

    ``without`` says what is taken where none is chosen.
    """

    key: str
    label: str
    tip: str
    kind: Literal["table", "folder", "record"] = "table"
    without: str = "none"


Input = Ticks | Choice | Count | Switch | PathInput


@dataclass(frozen=True, eq=False)
class FoundTable:
    """A table of findings.

    Attributes
    ----------
    title
        What it shows.
    frame
        Cells.
    tips
        What a column means, by its name.
    case
        The column that names cases; empty where no row is a case.
    """

    title: str
    frame: pd.DataFrame
    tips: Mapping[str, str] = field(default_factory=dict)
    case: str = ""


@dataclass(frozen=True, eq=False)
class Findings:
    """What an audit found.

    Attributes
    ----------
    sentences
        In plain words.
    tables
        The most important one first.
    page
        Name of the page in the folder that was written; its charts are shown.
    folders
        Where the results of the cases lie, by their names.
    references
        Likewise the masks to compare with, of those that have one.
    """

    sentences: tuple[str, ...]
    tables: tuple[FoundTable, ...]
    page: str
    folders: Mapping[str, Path] = field(default_factory=dict)
    references: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditRequest:
    """What is asked: the table, the values of the inputs by key, and the folder to write (not there yet)."""

    table: Path
    values: Mapping[str, Any]
    out: Path


def no_problem(glance: TableGlance, values: Mapping[str, Any]) -> str:
    """Nothing is missing."""
    return ""


@dataclass(frozen=True)
class Audit:
    """A tab.

    Attributes
    ----------
    key, title
        Its name in programs, and on the tab.
    question
        What it answers, in one sentence.
    table
        Which table it reads, `COHORT` or `SCORES`.
    inputs
        What else is asked, in this order.
    compute
        Answers for any thread: writes the folder and says what is in it.

        Raises `InputError`.
    lacks
        Why a table cannot be used by this audit at all, and what would be right; empty where it can.
    problem
        Why it cannot be run with these values now; empty where it can.
    """

    key: str
    title: str
    question: str
    table: str
    inputs: tuple[Input, ...]
    compute: Callable[[AuditRequest, Progress], Findings]
    lacks: Callable[[TableGlance], str] = lambda glance: ""
    problem: Callable[[TableGlance, Mapping[str, Any]], str] = no_problem
