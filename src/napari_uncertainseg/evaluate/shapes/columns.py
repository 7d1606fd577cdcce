"""Columns of lesions' shapes, and of the table that says where lesions lie. Without heavy imports."""

from __future__ import annotations

from collections.abc import Container

from napari_uncertainseg._base import InputError

LABEL, DOUBT, PLACE = "label", "doubt", "place"


def check_columns(table: Container[str], name: str, where: object) -> None:
    """See that a table says something of lesions by their numbers.

    Parameters
    ----------
    table
        Of any kind that knows its columns.
    name
        The column.
    where
        The table, in words.

    Raises
    ------
    InputError
        With the column that is not there.
    """
    for needed in (LABEL, name):
        if needed not in table:
            raise InputError(f"{where}: there is no column '{needed}'.")
