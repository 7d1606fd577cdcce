"""Which classes of a model are segmented: one, or several together."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtGui import QAction, QMouseEvent
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget

from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip


class TargetBox(QPushButton):
    """A button with a list of classes to tick; at least one stays ticked."""

    changed = Signal()
    """Other classes are ticked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("target")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(texts.TARGET_TIP)
        self._menu = QMenu(self)
        self._menu.installEventFilter(self)
        self.setMenu(self._menu)
        self.actions_by_name: dict[str, QAction] = {}
        self._usual: tuple[str, ...] = ()

    def offer(self, names: tuple[str, ...], usual: tuple[str, ...]) -> None:
        """Offer classes, the model's own target ticked; what the user ticked of the same ones stays."""
        if (tuple(self.actions_by_name), self._usual) == (names, usual):
            return
        self._menu.clear()
        self._usual = usual
        self.actions_by_name = {name: self._action(name) for name in names}
        self._show()

    @property
    def ticked(self) -> tuple[str, ...]:
        """Names of the ticked classes, in the model's order."""
        return tuple(name for name, action in self.actions_by_name.items() if action.isChecked())

    @property
    def chosen(self) -> tuple[str, ...] | None:
        """Those that the user ticked; None where they are the model's own target."""
        return None if set(self.ticked) == set(self._usual) or not self.ticked else self.ticked

    def _action(self, name: str) -> QAction:
        action = QAction(name.replace("&", "&&"), self)
        action.setCheckable(True)
        action.setChecked(name in self._usual)
        action.toggled.connect(lambda on: self._on_toggled(action, on))
        self._menu.addAction(action)
        return action

    def _on_toggled(self, action: QAction, on: bool) -> None:
        if not on and not self.ticked:
            action.setChecked(True)
            return
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        text = " + ".join(self.ticked)
        self.setText(text.replace("&", "&&") if len(text) <= 40 else f"{len(self.ticked)} classes")
        self.setToolTip(plain_tooltip(f"{texts.TARGET_TIP}\n{text}"))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the list open while classes are ticked."""
        if (
            watched is self._menu
            and isinstance(event, QMouseEvent)
            and event.type() == QEvent.Type.MouseButtonRelease
            and (action := self._menu.activeAction()) is not None
        ):
            action.toggle()
            return True
        return super().eventFilter(watched, event)
