"""What the first file of sessions needs, read before the first verdict is given.

The tables are made by a library that is imported for it: a fifth of a second of the window's time, and half a
second on the clock, between the first verdict that a new user ever gives and the next lesion.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_uncertainseg._base import InputError
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.jobs import JobRunner

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case

_LIBRARY = "alembic.command"


class SessionsBeforehand:
    """Makes a file of sessions to throw away, in the background, once in a program, with the first scan.

    Parameters
    ----------
    case
        Whose first scan is waited for.
    parent
        Of what runs.
    """

    def __init__(self, case: Case, parent: QObject) -> None:
        self._job = JobRunner(parent)
        self._connections = Connections((case.images_changed, self._begin))

    def _begin(self) -> None:
        self._connections.disconnect_all()
        if _LIBRARY not in sys.modules:
            self._job.start(lambda progress: _practise())

    def cleanup(self) -> None:
        """Wait for it no longer. May be called twice."""
        self._connections.disconnect_all()
        self._job.cleanup()


def _practise() -> None:
    """Where it cannot be done, the first verdict takes its time, and says what is wrong."""
    from napari_uncertainseg.review.store.store import Store

    with (
        suppress(InputError, OSError),
        TemporaryDirectory(prefix="uncertainseg-") as folder,
        Store(Path(folder) / "sessions.db") as store,
    ):
        store.annotator("nobody")
