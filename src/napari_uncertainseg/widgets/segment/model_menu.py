"""The button beside the models: add one of one's own, and read about the chosen one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QWidget

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.model_about import About, read_about, show_about
from napari_uncertainseg.widgets.shared.dialogs import ask_dataset, ask_zip
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState


def add_to_models(path: Path) -> str:
    """Check a model and copy it to the user's models; its name. Imports torch: run it in the background."""
    from napari_uncertainseg.networks.catalog import add_model

    return add_model(path).name


class ModelMenu(QObject):
    """A button with a menu.

    Parameters
    ----------
    chosen
        Name of the chosen model; None where there is none.
    parent
        Qt parent.
    """

    added = Signal(str)
    """A model was added; its name."""
    told = Signal(str)
    """What the dock should say."""

    def __init__(self, chosen: Callable[[], str | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self._adder, self._reader = JobRunner(self), JobRunner(self)
        self.button = button_with_tip(texts.MODELS_BUTTON, texts.MODELS_BUTTON_TIP)
        self.button.setObjectName("models")
        self._menu = QMenu(self.button)
        self.folder = self._action(texts.ADD_FOLDER, partial(self._on_add, ask_dataset, texts.ADD_FOLDER))
        self.zip = self._action(texts.ADD_ZIP, partial(self._on_add, ask_zip, texts.ADD_ZIP))
        self._menu.addSeparator()
        self.about = self._action(texts.ABOUT_MODEL, self._on_about)
        self._menu.aboutToShow.connect(self._show_state)
        self.button.setMenu(self._menu)
        self._adder.finished.connect(self._on_added)
        self._adder.failed.connect(self._on_failed)
        self._adder.cancelled.connect(lambda: self.told.emit(texts.NOT_ADDED))
        self._reader.finished.connect(self._on_read)
        self._reader.failed.connect(self._on_failed)

    def _action(self, text: str, slot: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        action.triggered.connect(lambda: slot())
        self._menu.addAction(action)
        return action

    def _show_state(self) -> None:
        idle = self._adder.state is JobState.IDLE
        for action in (self.folder, self.zip):
            action.setEnabled(idle)
        self.about.setEnabled(self._chosen() is not None and self._reader.state is JobState.IDLE)

    def _on_add(self, ask: Callable[[QWidget, str], Path | None], title: str) -> None:
        path = ask(self.button, title)
        if path is None or self._adder.state is not JobState.IDLE:
            return
        self.told.emit(texts.ADDING.format(path.name))
        self._adder.start(lambda progress: add_to_models(path))

    def _on_about(self) -> None:
        name = self._chosen()
        if name is not None and self._reader.state is JobState.IDLE:
            self._reader.start(lambda progress: read_about(name))

    def _on_added(self, name: str) -> None:
        self.told.emit(texts.ADDED.format(name))
        self.added.emit(name)

    def _on_failed(self, text: str) -> None:
        self.told.emit(as_warning(text))

    def _on_read(self, found: About) -> None:
        show_about(self.button, found)

    def cleanup(self) -> None:
        """Stop what is going on. May be called twice."""
        self._adder.cleanup()
        self._reader.cleanup()
