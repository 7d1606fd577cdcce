"""Connections that only read; what one thread reads within another reading is of the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from napari_uncertainseg.review.database.connection import READING, database_errors_as_input_errors


class Readings:
    """Opens connections for queries: one in each thread, however many readings are within each other.

    Parameters
    ----------
    engine
        Of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(**{READING: True})
        self._held = threading.local()

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """The connection that this thread reads through already, else a new one; errors are InputErrors."""
        held: Connection | None = getattr(self._held, "connection", None)
        with database_errors_as_input_errors(self._engine.url):
            if held is not None:
                yield held
                return
            with self._engine.connect() as connection:
                self._held.connection = connection
                try:
                    yield connection
                finally:
                    self._held.connection = None
