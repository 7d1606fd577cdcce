"""How a region is explained: choices that fold out, and in a line what is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QSpinBox, QToolButton, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.request import Setting
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, choice_box, fill_choices


class MoreOptions(QWidget):
    """Version and passes of the saliency, stage of Grad-CAM++, and the network of an ensemble."""

    changed = Signal()
    """Another setting was chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setText(texts.MORE)
        self.button.setToolTip(texts.MORE_TIP)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.chosen = PlainLabel()
        self.chosen.setToolTip(texts.CHOSEN_TIP)
        self.version = choice_box("explain-version", texts.VERSION_TIP)
        fill_choices(self.version, [(title, key, tip) for key, (title, tip) in texts.VERSIONS.items()], None)
        self.passes = QSpinBox()
        self.passes.setRange(1, 500)
        self.passes.setValue(Setting().passes)
        self.passes.setToolTip(texts.PASSES_TIP)
        self.stage = choice_box("explain-stage", texts.STAGE_TIP)
        self.stage.addItem(texts.USUAL_STAGE, None)
        self.network = QComboBox()
        self.network.setToolTip(texts.NETWORK_TIP)
        self.network.addItem("1", 1)
        self._lay_out()
        self.button.toggled.connect(self._fold)
        for box in (self.version, self.stage, self.network):
            box.currentIndexChanged.connect(self._on_change)
        self.passes.valueChanged.connect(self._on_change)
        self._fold(False)
        self._show()

    def choose(self, setting: Setting) -> None:
        """Show what was chosen before in this window; emits nothing."""
        self.offer([setting.stage] if setting.stage else [], setting.network)
        for widget in (self.version, self.passes, self.stage, self.network):
            widget.blockSignals(True)
        self.version.setCurrentIndex(self.version.findData(setting.version))
        self.passes.setValue(setting.passes)
        self.stage.setCurrentIndex(max(self.stage.findData(setting.stage), 0))
        self.network.setCurrentIndex(max(self.network.findData(setting.network), 0))
        for widget in (self.version, self.passes, self.stage, self.network):
            widget.blockSignals(False)
        self._show()

    @property
    def setting(self) -> Setting:
        """What is chosen."""
        return Setting(
            version=self.version.currentData(),
            passes=self.passes.value(),
            stage=self.stage.currentData(),
            network=self.network.currentData(),
        )

    def offer(self, stages: Sequence[str], networks: int) -> tuple[str, ...]:
        """Offer the stages of a network that was loaded, and the networks of its model; emits nothing.

        Returns what was chosen and is not there, in words: the usual one is chosen instead.
        """
        lost = []
        for title, box, rows in (
            (texts.STAGE, self.stage, [(texts.USUAL_STAGE, None), *((name, name) for name in stages)]),
            (texts.NETWORK.lower(), self.network, [(str(n), n) for n in range(1, networks + 1)]),
        ):
            if [box.itemData(i) for i in range(box.count())] == [data for _, data in rows]:
                continue
            chosen, blocked = box.currentData(), box.blockSignals(True)
            box.clear()
            for text, data in rows:
                box.addItem(text, data)
            if chosen is not None and box.findData(chosen) < 0:
                lost.append(f"{title} {chosen}")
            box.setCurrentIndex(max(box.findData(chosen), 0))
            box.blockSignals(blocked)
        self._fold(self.button.isChecked())
        self._show()
        return tuple(lost)

    def forget(self) -> None:
        """Offer no more than is chosen: the next model may have other stages and networks."""
        self.choose(self.setting)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.button)
        line.addWidget(self.chosen, stretch=1)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._rows = {
            self.version: texts.VERSION,
            self.passes: texts.PASSES,
            self.stage: texts.STAGE,
            self.network: texts.NETWORK,
        }
        for widget, title in self._rows.items():
            self._form.addRow(title, widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(line)
        column.addLayout(self._form)

    def _fold(self, opened: bool) -> None:
        self.button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        for widget in self._rows:
            several = widget is not self.network or self.network.count() > 1
            self._form.setRowVisible(widget, opened and several)

    def _on_change(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        one = self.setting
        self.chosen.setText(texts.chosen(one.version, one.passes, one.stage, one.network))
