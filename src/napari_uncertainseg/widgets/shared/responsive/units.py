"""The list of units that napari reads when the first layer is made, read beforehand.

pint reads a table of a thousand units and prefixes the first time that anybody asks for one: a fifth of a
second, in which the window stood still while the first scan came.
"""

from __future__ import annotations

from qtpy.QtCore import QObject

from napari_uncertainseg.widgets.shared.jobs import JobRunner


class UnitsBeforehand:
    """Reads them in the background when a window opens, once in a program.

    Parameters
    ----------
    parent
        Of what runs.
    """

    def __init__(self, parent: QObject) -> None:
        self._job = JobRunner(parent)
        self._job.finished.connect(_use)
        if _unread():
            self._job.start(lambda progress: _read())

    def cleanup(self) -> None:
        """Wait for it no longer. May be called twice."""
        self._job.cleanup()


def _unread() -> bool:
    import pint

    return type(pint.application_registry.get()) is pint.LazyRegistry  # it becomes another class once read


def _read() -> object:
    import pint

    return pint.UnitRegistry(on_redefinition="raise")  # as pint reads its own


def _use(registry: object) -> None:
    """In the thread of the window, where layers are made: units of two registries cannot be compared."""
    import pint

    if _unread():
        pint.set_application_registry(registry)
