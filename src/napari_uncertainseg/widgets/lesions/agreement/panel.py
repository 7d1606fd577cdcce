"""How the lesions agree with a reference, live: a choice, a line of numbers, a filter and a legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.lesions.against_reference import AgainstReference
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.widgets.layers.colours import FALSE_COLOUR, FOUND_COLOUR, MISSED_COLOUR
from napari_uncertainseg.widgets.lesions.agreement import texts
from napari_uncertainseg.widgets.lesions.agreement.missed_list import MissedList
from napari_uncertainseg.widgets.lesions.table_model import BY_REFERENCE, REFERENCE, Range
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import (
    PlainLabel,
    choice_box,
    fill_choices,
    set_layer_choices,
    show_layer_choice,
    yielding_label,
)

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


class AgreementPanel(QWidget):
    """Shown while the window has a label layer that could be a reference.

    Parameters
    ----------
    case
        The case under review.
    layers
        Whose label layers can be chosen, and which draws what is false and missed.
    parent
        Qt parent.
    """

    filtered = Signal()
    """Another part of the lesions is to be listed."""
    updated = Signal()
    """Other lesions are found, false or missed."""

    def __init__(self, case: Case, layers: ReviewLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._choice, self._errors = layers.reference, layers.errors
        self.reference = choice_box("lesions-reference", texts.REFERENCE_TIP)
        self.reference.setAccessibleName(texts.REFERENCE_NAME)
        self.filter = QComboBox()
        self.filter.setAccessibleName(texts.FILTER_NAME)
        self.filter.setToolTip(texts.FILTER_TIP)
        fill_choices(self.filter, [(word, word, tip) for word, tip in texts.FILTERS], "all")
        self.numbers, self.note = yielding_label(), yielding_label()
        self.numbers.setToolTip(texts.NUMBERS_TIP)
        self.legend = PlainLabel()
        self.colours = QCheckBox(texts.COLOURS)
        self.colours.setToolTip(texts.COLOURS_TIP)
        self.colours.setChecked(self._errors.coloured)
        self.missed = MissedList()
        self._listed: tuple[object, ...] = ()
        """What the list of missed lesions was made of."""
        self._lay_out()
        self._connections = Connections(
            (layers.layers_changed, self._list_layers),
            (self._choice.changed, self._list_layers),
            (self._errors.changed, self._show),
            (layers.blinding_changed, self._list_layers),
            (self.reference.currentIndexChanged, self._on_reference),
            (self.filter.currentIndexChanged, self._on_filter),
            (self.colours.toggled, self._on_colours),
            (self.missed.chosen, layers.go_to_missed),
        )
        self._list_layers()

    def cleanup(self) -> None:
        """Disconnect from the layers. May be called twice."""
        self._connections.disconnect_all()

    def _lay_out(self) -> None:
        first, last = QHBoxLayout(), QHBoxLayout()
        first.addWidget(PlainLabel(texts.REFERENCE))
        first.addWidget(self.reference, stretch=1)
        first.addWidget(self.filter)
        last.addWidget(self.legend, stretch=1)
        last.addWidget(self.colours)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(first)
        column.addWidget(self.numbers)
        column.addWidget(self.note)
        column.addLayout(last)

    @property
    def found(self) -> AgainstReference | None:
        """How the lesions agree with the reference; None where there is none, or it may not be seen."""
        return self._errors.agreement

    @property
    def lists_missed(self) -> bool:
        """Whether the missed lesions are to be listed in place of the others."""
        return self.found is not None and self.filter.currentData() == "missed"

    @property
    def chosen(self) -> tuple[Range, ...]:
        """What the filter asks of a lesion."""
        word = self.filter.currentData()
        if self.found is None or word not in BY_REFERENCE:
            return ()
        number = BY_REFERENCE.index(word)
        return (Range(REFERENCE, number, number),)

    def with_reference(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of lesions with what the reference says of each; as they are without one."""
        found = self.found
        if found is None:
            return table
        false = np.isin(table["label"], found.false)
        return table.assign(**{REFERENCE: np.where(false, *reversed(BY_REFERENCE))})

    @property
    def columns(self) -> dict[str, MeasureColumn]:
        """What the column says."""
        return {REFERENCE: MeasureColumn(texts.REFERENCE, "", texts.COLUMN_TIP)}

    def say_best(self, threshold: float | None, dice: float) -> None:
        """Say that this threshold was chosen on this very case; None: it was not."""
        self.note.setText("" if threshold is None else texts.SWITCHED.format(threshold, dice))
        self.note.setVisible(threshold is not None)

    # -- from the user ------------------------------------------------------------------------

    def _on_reference(self) -> None:
        self._choice.choose(self.reference.currentData())

    def _on_filter(self) -> None:
        if self.filter.currentData() != "missed":
            self._errors.choose(0)
        self.filtered.emit()

    def _on_colours(self, coloured: bool) -> None:
        self._errors.coloured = coloured

    # -- to the screen ------------------------------------------------------------------------

    def _list_layers(self) -> None:
        set_layer_choices(self.reference, self._layers.user_labels.names())
        show_layer_choice(self.reference, self._choice.name)
        self._show()

    def _show(self) -> None:
        found, problem = self.found, self._choice.problem
        drawn = self._case.comparison.reference_lesions
        self.setVisible(self.reference.count() > 1 and not self._errors.hidden)
        if found is None and self.filter.currentIndex():
            self.filter.setCurrentIndex(0)  # a filter that nobody sees would hide lesions
        for widget in (self.filter, self.legend, self.colours):
            widget.setVisible(found is not None)
        self.legend.set_html(texts.legend(_names()))
        empty = found is not None and drawn is not None and drawn.empty
        self.numbers.setVisible(found is not None or bool(problem))
        if problem or found is None:
            self.numbers.set_html(texts.problem(problem) if problem else "")
        else:
            self.numbers.set_html(texts.problem(texts.EMPTY) if empty else texts.numbers(found))
        self._show_missed(found)
        self.updated.emit()

    def _show_missed(self, found: AgainstReference | None) -> None:
        drawn, prediction = self._case.comparison.reference_lesions, self._case.prediction
        if found is None or drawn is None or prediction is None:
            return
        key = (drawn, prediction, tuple(found.missed), self._errors.chosen)
        if key == self._listed:
            return
        self._listed = key
        table = drawn.describe(found.missed, prediction.probability, prediction.grid.voxel_volume)
        self.missed.show_table(table, self._errors.chosen)


def _names() -> dict[str, str]:
    """The colours of outlines as HTML has them."""
    colours = {"found": FOUND_COLOUR, "false": FALSE_COLOUR, "missed": MISSED_COLOUR}
    return {word: QColor.fromRgbF(*colour[:3]).name() for word, colour in colours.items()}
