"""What was found of one region: maps to choose from, two plots, and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.plots import ChangesPlot, ContextPlot
from napari_uncertainseg.widgets.layers.selection.known_reasons import KnownReasons
from napari_uncertainseg.widgets.shared.form_helpers import (
    ExportButton,
    choice_box,
    fill_choices,
    plain_tooltip,
    wrapping_label,
)

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.explain.request import Answer


class ResultPanel(QWidget):
    """Shows an answer, as far as it is known.

    Parameters
    ----------
    case
        Whose answers.
    remembered
        By the window: the `KnownReasons` among it are told what is shown, for other docks.
    parent
        Qt parent.
    """

    map_chosen = Signal(str)
    """The user wants to see another map; empty for none."""

    def __init__(self, case: Case, remembered: dict[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reasons = KnownReasons.among(remembered)
        self.heading = wrapping_label(selectable=True)
        self.passes = wrapping_label()
        self.shown = choice_box("explain-map", texts.SHOW_TIP)
        self.legend = wrapping_label()
        self.context, self.changes = ContextPlot(), ChangesPlot()
        self.context_sentence = wrapping_label(selectable=True)
        self.changes_sentence = wrapping_label(selectable=True)
        self.doubt, self.place = wrapping_label(selectable=True), wrapping_label(selectable=True)
        self.place.setToolTip(texts.PLACE_TIP)
        self.notes = wrapping_label(selectable=True)
        self.export = ExportButton(texts.EXPORT, texts.EXPORT_TIP, case)
        self._lay_out()
        self.shown.currentIndexChanged.connect(self._on_chosen)

    def cleanup(self) -> None:
        """Let go of the plots. May be called twice."""
        self.context.cleanup()
        self.changes.cleanup()
        self.export.cleanup()

    @property
    def chosen_map(self) -> str:
        """The map that the user wants to see: the first one, of the FLAIR, until there is a choice."""
        return self.shown.currentData() or ""

    def show_answer(self, answer: Answer) -> None:
        """Show an answer instead of another, or more of the same."""
        found, chosen = answer.explanation, answer.chosen
        volume = chosen.region.voxels * answer.prediction.grid.voxel_volume
        self.heading.setText(texts.heading(chosen.title, chosen.region.voxels, volume, answer.model))
        self._offer(list(found.maps))
        self._explain_map()
        made = found.saliency
        said = "" if made is None else texts.progress_of(made["passes"], answer.setting.passes)
        self.passes.setText(f"{said} {texts.made_with(answer.setting)}" if answer.folder else said)
        self._show_facts(answer)
        self._show_context(answer)
        changes = found.changes
        for widget in (self.changes, self.changes_sentence):
            widget.setVisible(changes is not None)
        if changes is not None:
            self.changes.show_changes(changes)
            self.changes_sentence.setText(found.sentence)
        self.notes.setText("\n".join([*answer.about.notes, *found.notes, texts.WARNING]))
        self.export.setEnabled(answer.complete)
        facts = answer.facts
        said = (facts.doubt if facts else "") or (found.sentence if changes is not None else "")
        self._reasons.tell(answer.prediction, chosen.sha256, said)

    def _show_facts(self, answer: Answer) -> None:
        facts = answer.facts
        said = "" if facts is None else facts.doubt
        self.doubt.setText(said)
        self.doubt.setToolTip("" if facts is None else plain_tooltip(texts.doubt_tip(facts.basis)))
        self.place.setText(texts.NOT_MEASURED if facts is None else facts.in_words)
        self.doubt.setVisible(bool(said))
        self.place.setVisible(bool(self.place.text()))

    def _show_context(self, answer: Answer) -> None:
        curve, need = answer.explanation.curve, answer.explanation.need
        known = curve is not None and need is not None
        for widget in (self.context, self.context_sentence):
            widget.setVisible(known)
        if curve is not None and need is not None:
            self.context.show_curve(curve, need)
            radii = curve["radius_mm"].to_numpy(float)
            self.context_sentence.setText(texts.context_sentence(need, float(radii[:-1].max())))

    def _offer(self, names: list[str]) -> None:
        """Offer maps; what the user has chosen stays chosen, nothing included."""
        offered = [*names, ""]
        if [self.shown.itemData(i) for i in range(self.shown.count())] == offered:
            return
        wanted = self.shown.currentData() if self.shown.count() else None
        rows: list[tuple[str, object, str]] = [
            (texts.map_title(name), name, texts.CAM_TIP if name == texts.CAM else texts.SALIENCY_TIP)
            for name in names
        ]
        blocked = self.shown.blockSignals(True)
        self.shown.clear()
        first = wanted if wanted in offered else offered[0]
        fill_choices(self.shown, [*rows, (texts.NOTHING, "", "")], first)
        self.shown.blockSignals(blocked)

    def _on_chosen(self) -> None:
        self._explain_map()
        self.map_chosen.emit(self.chosen_map)

    def _explain_map(self) -> None:
        name = self.chosen_map
        self.legend.setText("" if not name else texts.LEGEND_CAM if name == texts.CAM else texts.LEGEND)
        self.legend.setToolTip(texts.CAM_TIP if name == texts.CAM else texts.SALIENCY_TIP)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        form = QFormLayout()
        form.addRow(texts.SHOW, self.shown)
        column.addWidget(self.heading)
        column.addLayout(form)
        for widget in (
            self.legend,
            self.passes,
            self.doubt,
            self.place,
            self.changes_sentence,
            self.changes,
            self.context_sentence,
            self.context,
            self.notes,
            self.export,
        ):
            column.addWidget(widget)
