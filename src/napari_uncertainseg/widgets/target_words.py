"""The word *lesion* in the docks of a case follows the target of the model that made its results.

The texts of the docks speak of lesions. What they show is fitted here, after it was set, so that no dock has
to know of it; with a model of lesions nothing is touched.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QAbstractButton, QLabel, QTabBar, QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.nouns import LESION, Noun
from napari_uncertainseg.widgets.open_docks import OpenDocks
from napari_uncertainseg.widgets.shared.connections import Connections

_ORIGINAL, _FITTED = "uncertainseg-{}-original", "uncertainseg-{}-fitted"


class TargetWords(QObject):
    """Fits the words of the open docks to the case's target whenever they may have changed.

    Parameters
    ----------
    case
        The case under review.
    opened
        The open docks of the window.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, opened: OpenDocks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._case, self._opened = case, opened
        self._fitted = False
        self._timer = QTimer(self)  # after the docks have set what they show
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.fit)
        signals = (
            case.prediction_changed,
            case.lesions_changed,
            case.verdicts_changed,
            case.selection_changed,
            case.reliability_changed,
        )
        self._connections = Connections(*((signal, self.refresh) for signal in signals))

    @property
    def noun(self) -> Noun:
        """What the case's results are of."""
        return Noun() if self._case.prediction is None else self._case.prediction.noun

    def refresh(self) -> None:
        """Fit the words soon; nothing where they are of lesions and always were."""
        if self._fitted or self.noun.one != LESION:
            self._timer.start()

    def fit(self) -> None:
        """Fit the words of all docks that are about the case."""
        noun = self.noun
        self._fitted = noun.one != LESION
        for opened in self._opened:
            if opened.dock.follows_target:
                for widget in (opened.widget, *opened.widget.findChildren(QWidget)):
                    fit_words(widget, noun)

    def cleanup(self) -> None:
        """Stop. May be called twice."""
        self._timer.stop()
        self._connections.disconnect_all()


def fit_words(widget: QWidget, noun: Noun) -> None:
    """Fit what one widget says, and its tooltip; names that the user gave, as in boxes of layers, stay."""
    if text := _fit(widget, "tip", widget.toolTip(), noun):
        widget.setToolTip(text)
    if isinstance(widget, QLabel) and (text := _fit(widget, "text", widget.text(), noun)):
        QLabel.setText(widget, text)  # not to be escaped again
    if isinstance(widget, QAbstractButton) and (text := _fit(widget, "text", widget.text(), noun)):
        widget.setText(text)
    if isinstance(widget, QTabBar):
        for i in range(widget.count()):
            if text := _fit(widget, f"tab{i}", widget.tabText(i), noun):
                widget.setTabText(i, text)
            if text := _fit(widget, f"tab{i}-tip", widget.tabToolTip(i), noun):
                widget.setTabToolTip(i, text)


def _fit(widget: QWidget, what: str, now: str, noun: Noun) -> str:
    """What a text should be; empty where it is that already.

    What a dock has written since is new; what this module wrote is taken back to what it was.
    """
    kept, wrote = _ORIGINAL.format(what), _FITTED.format(what)
    known: Any = widget.property(wrote)
    original = str(widget.property(kept)) if known is not None and known == now else now
    wanted = noun.fit(original)
    if wanted == now:
        return ""
    widget.setProperty(kept, original)
    widget.setProperty(wrote, wanted)
    return wanted
