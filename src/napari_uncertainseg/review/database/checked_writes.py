"""Rows that are written, and looked at again: what was confirmed on the screen is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg._base import InputError


def insert(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> Any:
    """Write one row, and make sure that it is there as given; gives the first column of its key.

    Raises
    ------
    InputError
        If it is not: something in the database acts by itself.
    """
    key = connection.execute(table.insert().values(**values)).inserted_primary_key
    if key is None:
        raise _swallowed(table)
    check(connection, table, key, values)
    return key[0]


def insert_all(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], which: sa.ColumnElement[bool]
) -> None:
    """Write rows; ``which`` holds of them and of no other, and ``position`` counts them from 0."""
    connection.execute(table.insert(), [dict(row) for row in rows])
    query = sa.select(table).where(which).order_by(table.c.position)
    found = [dict(row) for row in connection.execute(query).mappings()]
    if [{name: row[name] for name in rows[0]} for row in found] != [dict(row) for row in rows]:
        raise _swallowed(table)


def update(connection: Connection, table: sa.Table, key: Sequence[Any], values: Mapping[str, Any]) -> None:
    """Change one row, and make sure that it is as given."""
    if connection.execute(table.update().where(*_at(table, key)).values(**values)).rowcount != 1:
        raise _swallowed(table)
    check(connection, table, key, values)


def replace(
    connection: Connection, table: sa.Table, key: Sequence[Any], values: Mapping[str, Any] | None
) -> None:
    """Take out the row of a key, and put another in its place, or none."""
    connection.execute(table.delete().where(*_at(table, key)))
    if values is not None:
        insert(connection, table, values)
    elif connection.execute(sa.select(table).where(*_at(table, key))).first() is not None:
        raise _swallowed(table)


def check(connection: Connection, table: sa.Table, key: Sequence[Any], values: Mapping[str, Any]) -> None:
    """Make sure that there is one row of a key, with such values."""
    columns = [table.c[name] for name in values]
    found = connection.execute(sa.select(*columns).where(*_at(table, key))).all()
    if len(found) != 1 or list(found[0]) != list(values.values()):
        raise _swallowed(table)


def _at(table: sa.Table, key: Sequence[Any]) -> list[sa.ColumnElement[bool]]:
    return [column == value for column, value in zip(table.primary_key.columns, key, strict=True)]


def _swallowed(table: sa.Table) -> InputError:
    return InputError(
        f"The {table.name} was not kept as it was given: something in the database changes what is written, "
        "such as a trigger. Nothing was recorded. Choose a new file in Session."
    )
