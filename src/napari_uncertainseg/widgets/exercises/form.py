"""What is chosen before an exercise: who answers, which exercise, against which consensus."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QWidget

from napari_uncertainseg.widgets.exercises import texts
from napari_uncertainseg.widgets.shared.session_file import AnnotatorField, SessionFile


class ExerciseForm(QWidget):
    """The choices, which stay as they are while an exercise runs.

    Parameters
    ----------
    file
        The sessions.
    parent
        Qt parent.
    """

    changed = Signal()
    """Another name, consensus or exercise."""

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.annotator = AnnotatorField(file)
        self.consensus, self.exercise, self.plan = QComboBox(), QComboBox(), QComboBox()
        self.consensus.setToolTip(texts.CONSENSUS_TIP)
        for box, choices in ((self.exercise, texts.EXERCISES), (self.plan, texts.PLANS)):
            for name, (title, meaning) in choices.items():
                box.addItem(title, name)
                box.setItemData(box.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
            box.setToolTip("\n".join(f"{title}: {meaning}" for title, meaning in choices.values()))
        self.whole = QCheckBox(texts.WHOLE)
        self.whole.setToolTip(texts.WHOLE_TIP)
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._rows.addRow(texts.ANNOTATOR, self.annotator)
        self._rows.addRow(texts.CONSENSUS, self.consensus)
        self._rows.addRow(texts.EXERCISE, self.exercise)
        self._rows.addRow(texts.MODEL, self.plan)
        self._rows.addRow("", self.whole)
        self.annotator.textChanged.connect(self.changed)
        for choice in (self.consensus, self.exercise):
            choice.currentIndexChanged.connect(self.changed)

    @property
    def classifying(self) -> bool:
        """Whether locations are to be judged; a lesion is outlined otherwise."""
        return bool(self.exercise.currentData() == "judge")

    def refresh(self, busy: bool) -> None:
        """Show what belongs to the chosen exercise; nothing is chosen while one runs."""
        self._rows.setRowVisible(self.plan, self.classifying)
        self._rows.setRowVisible(self.whole, not self.classifying)
        for field in (self.annotator, self.consensus, self.exercise, self.plan):
            field.setEnabled(not busy)

    def cleanup(self) -> None:
        """Disconnect from the sessions. May be called twice."""
        self.annotator.cleanup()
