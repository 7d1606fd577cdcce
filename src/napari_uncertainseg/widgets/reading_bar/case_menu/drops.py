"""Files that are dropped into the window: ours are opened by our reader, without a question which."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.explain.attention.files import is_attention_map
from napari_uncertainseg.images.formats.formats import one_file_suffixes, suffix_of
from napari_uncertainseg.widgets.reading_bar.case_menu.opening import CaseLoader
from napari_uncertainseg.widgets.scans.cases import is_readable
from napari_uncertainseg.widgets.shared import napari_internals

if TYPE_CHECKING:
    from napari import Viewer

_PLUGIN = "napari-uncertainseg"
_MOST = 2000
_OTHER_WAY = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier
"""With these napari stacks files, or lets the user choose a reader."""


class Drops(QObject):
    """Takes drops of scans and results before napari does, which would ask where several readers fit.

    What is none of ours, a drop with Shift or Alt, and files for which the user has chosen another reader in
    napari's preferences are left to napari.

    Parameters
    ----------
    viewer
        Whose canvas.
    loader
        Opens them.
    """

    def __init__(self, viewer: Viewer, loader: CaseLoader) -> None:
        super().__init__(loader)
        self._viewer, self._loader = viewer, loader
        self._target = drop_target(napari_internals.drawing_canvas(viewer).native)
        if self._target is not None:
            self._target.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take a drop of ours."""
        if not isinstance(event, QDropEvent) or event.type() != QEvent.Type.Drop:
            return False
        if event.modifiers() & _OTHER_WAY:
            return False
        mime = event.mimeData()
        urls = [] if mime is None else mime.urls()
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if not paths or len(paths) < len(urls) or not all(map(_is_ours, paths)):
            return False
        event.acceptProposedAction()
        self._loader.when_free(partial(self._open, paths))
        return True

    def _open(self, paths: list[Path]) -> None:
        """Open what was dropped, by what it is."""
        results, maps = [[p for p in paths if told(p)] for told in (is_results, is_attention_map)]
        if len(paths) == 1 and results:
            self._loader.open_results(paths[0])
        elif len(paths) == 1 and maps:
            self._viewer.open(str(paths[0]), plugin=_PLUGIN)
        else:
            self._loader.open_dropped(paths)

    def cleanup(self) -> None:
        """Leave all drops to napari again."""
        if self._target is not None:
            self._target.removeEventFilter(self)
        del self._target, self._viewer, self._loader


def drop_target(widget: QWidget | None) -> QWidget | None:
    """The widget that hears of what is dropped on another: itself, or the nearest around it."""
    while widget is not None and not widget.acceptDrops():
        widget = widget.parentWidget()
    return widget


def _is_ours(path: Path) -> bool:
    chosen = get_settings().plugins.extension2reader.items()
    name = os.path.realpath(path) + (os.sep if path.is_dir() else "")
    others = [reader for pattern, reader in chosen if fnmatch(name, pattern) and reader != _PLUGIN]
    return not others and (is_readable(path) or _holds_scans(path))


def _holds_scans(folder: Path) -> bool:
    """Whether a folder is one of scans, not of anything else that napari may open."""
    try:
        with os.scandir(folder) as entries:
            names = [Path(entry.name) for entry in islice(entries, _MOST)]
    except OSError:
        return False
    return any(name.name == "anat" or suffix_of(name) in one_file_suffixes() for name in names)
