"""The case, first in the bar: its name with a menu on it; and what the window offers around a case."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari.layers import Image, Layer
from napari.utils.notifications import show_info
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QToolButton, QVBoxLayout

from napari_uncertainseg._base import InputError, visible
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.reading_bar.case_menu import texts
from napari_uncertainseg.widgets.reading_bar.case_menu.drops import Drops
from napari_uncertainseg.widgets.reading_bar.case_menu.hint import FirstHint
from napari_uncertainseg.widgets.reading_bar.case_menu.lookout import Lookout, Surroundings
from napari_uncertainseg.widgets.reading_bar.case_menu.menu import CaseMenu
from napari_uncertainseg.widgets.reading_bar.case_menu.notices import PassingNotices
from napari_uncertainseg.widgets.reading_bar.case_menu.offer import MaskOffer
from napari_uncertainseg.widgets.reading_bar.case_menu.opening import CaseLoader
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget
from napari_uncertainseg.widgets.scans.patient import origin_of, path_of
from napari_uncertainseg.widgets.scans.recent_cases import RecentCases, recent_file
from napari_uncertainseg.widgets.scans.volumes import layer_data, volume_of
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, larger, notice, plain_tooltip
from napari_uncertainseg.widgets.shared.kept_review import waiting_review
from napari_uncertainseg.widgets.shared.session_file import SessionFile

_WIDEST = 220
"""Pixels of the name: the whole bar has to fit a small window."""


class CasePart(PartWidget):
    """Says whose case it is, and begins and ends cases.

    Parameters
    ----------
    context
        What the parts share.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._context, self._cases = context, context.review.cases
        self._recent = RecentCases(recent_file())
        self._loader = CaseLoader(context.review, self)
        self._busy = ""
        self._declined: set[Path] = set()
        """Masks that the user does not want, for as long as the window is open."""
        self._around: Surroundings | None = None
        self._noted: list[Path] = []
        self._ended = False
        self._noting = QTimer(self)
        self._noting.setSingleShot(True)
        self._noting.timeout.connect(self._note_recent)
        self._build()
        self._listen()
        self.refresh()

    def _build(self) -> None:
        self.button, self.details = QToolButton(), PlainLabel()
        self.button.setObjectName("case-name-button")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        style = f"font-weight: bold; padding: 1px 4px; {larger(self.button, 1.2)}"
        self.button.setStyleSheet(
            f"QToolButton {{ {style} }} QToolButton::menu-indicator {{ image: none; width: 0px; }}"
        )
        self.menu = CaseMenu(self._context.review, self._loader, self._recent, self.button)
        self.button.setMenu(self.menu)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 2, 0)
        column.setSpacing(0)
        column.addWidget(self.button)
        column.addWidget(self.details)
        self.hint = FirstHint(
            self._context.viewer, self._loader.ask_files, self._loader.open_sample, self._loader.ask_results
        )
        self.offer = MaskOffer(self._context.window)
        self._lookout = Lookout(self)
        self._drops = Drops(self._context.viewer, self._loader)
        self._notices, self._shown = PassingNotices(self._context.window), self._path

    def _listen(self) -> None:
        case, layers = self._context.review.case, self._context.review.layers
        self._connections = Connections(
            (self._cases.chosen.changed, self.refresh),
            (case.prediction_changed, self.refresh),
            (case.verdicts_changed, self.refresh),
            (layers.blinding_changed, self.refresh),
            (layers.layers_changed, self.refresh),
        )
        self._loader.busy_changed.connect(self._on_busy)
        self._lookout.found.connect(self._on_found)
        self._lookout.waits.connect(self._on_waits)
        self.offer.accepted.connect(self._on_accepted)
        self.offer.declined.connect(self._on_declined)

    # -- whose case it is -----------------------------------------------------------------------

    def refresh(self) -> None:
        """Say whose case it is, look around its scan, and remember it."""
        if self._shown not in (None, self._path):
            self._notices.end_case()
        self._shown = self._path
        self._look()
        self._show_name()
        self._show_offer()
        self._noting.start(0)  # once all layers and the results of a case are there

    def _show_name(self) -> None:
        name, details = self._cases.name, self._details()
        shown = self._busy or name or texts.NO_CASE
        self.button.ensurePolished()
        metrics = self.button.fontMetrics()
        elided = metrics.elidedText(visible(shown), Qt.TextElideMode.ElideMiddle, _WIDEST)
        self.button.setText(f"{elided.replace('&', '&&')} ▾")
        where = None if self._cases.blinded else self._path
        tip = texts.tooltip(name, details, where) if name else texts.NO_CASE_TIP
        self.button.setToolTip(plain_tooltip(tip))
        small = self.details.fontMetrics()
        self.details.setText(small.elidedText(details, Qt.TextElideMode.ElideMiddle, _WIDEST))
        self.details.setToolTip(plain_tooltip(details))
        self.details.setVisible(bool(details))

    def _details(self) -> str:
        """The patient's name where the case has another, and the date; nothing during a blinded reading."""
        if self._around is None or self._around.scan != self._path or self._cases.blinded:
            return ""
        visit = self._around.visit
        patient = "" if visit.patient.casefold() in self._cases.name.casefold() else visit.patient
        return " · ".join(filter(None, [patient, visit.date]))

    @property
    def _path(self) -> Path | None:
        """Where the case's FLAIR lies."""
        flair = self._cases.flair
        return None if flair is None else path_of(flair)

    def _on_busy(self, doing: str) -> None:
        self._busy = doing
        self.hint.show_busy(doing)
        self._show_name()

    # -- what lies around it --------------------------------------------------------------------

    def _look(self) -> None:
        flair = None if self._cases.blinded else self._cases.flair
        origin = None if flair is None else origin_of(flair)
        if flair is None or origin is None:
            self._lookout.look(None, None)
        else:
            waiting = partial(_waiting, self._context.review.sessions, flair)
            self._lookout.look(origin.path, origin.grid, waiting)

    def _on_found(self, found: Surroundings) -> None:
        self._around = found
        self._show_name()
        self._show_offer()

    def _on_waits(self, sentence: str) -> None:
        if self._context.review.case.original is None and not self._cases.blinded:
            show_info(notice(sentence))

    def _show_offer(self) -> None:
        found = self._around
        if found is None or found.scan != self._path or self._cases.blinded:
            self.offer.offer(())
            return
        loaded = {path_of(layer) for layer in self._context.viewer.layers}
        there = any(mask.path in loaded for mask in found.masks)
        self.offer.offer(() if there else [x for x in found.masks if x.path not in self._declined])

    def _on_accepted(self, mask: Volume) -> None:
        recorded = self._context.review.case.review.recorder is not None
        if recorded and not ask_yes_no_cancel(  # it tells a reader who has not finished what is false
            self._context.window, texts.LOAD_REFERENCE, texts.ask_while_recorded(mask), texts.COMPARE, None
        ):
            return
        self._context.review.layers.add([layer_data(mask, "labels", visible=False, opacity=0.5)])
        layer = self._context.viewer.layers[-1]
        self._context.review.layers.reference.choose(layer.name)
        show_info(notice(texts.loaded(layer.name)))

    def _on_declined(self) -> None:
        if self._around is not None:
            self._declined |= {mask.path for mask in self._around.masks if mask.path is not None}
        self._show_offer()

    # -- what was opened ------------------------------------------------------------------------

    def _note_recent(self) -> None:
        if self._cases.blinded:
            return
        case = self._opened()
        if case and case != self._noted:
            self._noted = case
            self._recent.add(case)

    def _opened(self) -> list[Path]:
        """The folder of results, or the scans of the case, the FLAIR first; none where it is in no file."""
        if self._cases.results is not None:
            return [self._cases.results]
        if self._path is None:
            return []
        scans = [path_of(layer) for layer in self._cases.chosen.layers if isinstance(layer, Image)]
        return list(dict.fromkeys([self._path, *filter(None, scans)]))

    def cleanup(self) -> None:
        """Take all of it out of the window. May be called twice."""
        if self._ended:
            return
        self._ended = True
        self._connections.disconnect_all()
        self._noting.stop()
        for each in (
            self._drops,
            self._notices,
            self._lookout,
            self._loader,
            self.menu,
            self.hint,
            self.offer,
        ):
            each.cleanup()
        del self._drops, self._notices, self._lookout, self._loader, self.menu, self.hint, self.offer
        del self._context, self._cases


def _waiting(sessions: SessionFile, flair: Layer) -> str:
    """What is said of a review of a scan that waits; done in the background."""
    if not sessions.exists:
        return ""
    try:
        sha256 = scan_sha256(volume_of(flair))
    except InputError:  # no scan: that is said when it is to be used
        return ""
    return waiting_review(sessions, sha256)


PART = Part("case", CasePart)
