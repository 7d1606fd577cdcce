"""With what a run segments: model, method, members and brightness; and the device it runs on."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QSpinBox

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.model_menu import ModelMenu
from napari_uncertainseg.widgets.segment.options import Choices, TargetsOfModel
from napari_uncertainseg.widgets.segment.roles import ScansOfModel
from napari_uncertainseg.widgets.segment.target_box import TargetBox
from napari_uncertainseg.widgets.shared.form_helpers import (
    PlainLabel,
    choice_box,
    fill_choices,
    plain_tooltip,
)
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.preferences import Preferences, PreferenceStore


class _OpenedBox(QComboBox):
    """A choice that says when its list is opened."""

    opened = Signal()

    def showPopup(self) -> None:
        """Say so, then open the list."""
        self.opened.emit()
        super().showPopup()


class ModelForm(QObject):
    """Boxes for model, method, members and brightness, filled in the background as in the last run.

    Parameters
    ----------
    preferences
        Know the settings of the last run, and hear what is chosen.
    load
        Called in the background for models, methods and the device's name, also when the models may have
        changed.
    parent
        Qt parent.
    """

    loaded = Signal()
    """There are other models to choose from."""
    setting_changed = Signal()
    """Another model, method, number of members or target was chosen."""
    told = Signal(str)
    """What the dock should say."""

    def __init__(
        self, preferences: PreferenceStore, load: Callable[[], Choices], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._preferences, self._load = preferences, load
        self._choices: Choices | None = None
        self._form: QFormLayout | None = None
        self._loader = JobRunner(self)
        models = _OpenedBox()
        models.opened.connect(self.refresh)
        self.model = choice_box("model", texts.MODEL_TIP, models)
        self.model.setAccessibleName(texts.MODEL)
        self.menu = ModelMenu(self.model.currentData, self)
        self._added: str | None = None
        """A model that was added, until it is listed and chosen."""
        self._outdated = False
        """Whether the list that is being made may lack a model."""
        self.target = TargetBox()
        self.method = choice_box("method", texts.METHOD_TIP)
        self.members = QSpinBox()
        self.members.setRange(1, 1)
        self.members.setToolTip(texts.MEMBERS_TIP)
        self.bias = choice_box("brightness", texts.BIAS_CORRECTION_TIP)
        for title, key in texts.BIAS_CORRECTION_CHOICES:
            self.bias.addItem(title, key)
        self.device = PlainLabel(texts.DEVICE_SEARCH)
        self.device.setToolTip(texts.DEVICE_TIP)
        self.device.setWordWrap(True)
        self._connect()

    def _connect(self) -> None:
        for box in (self.method, self.model):
            box.currentIndexChanged.connect(self._on_method)
        self.model.currentIndexChanged.connect(self._on_model)  # before anybody hears of the setting
        self.target.changed.connect(self.setting_changed)
        for box in (self.method, self.model, self.bias):
            box.currentIndexChanged.connect(self.setting_changed)
        self.members.valueChanged.connect(self.setting_changed)
        self.setting_changed.connect(lambda: self._preferences.announce(self.chosen))
        self.menu.told.connect(self.told)
        self.menu.added.connect(self._on_added)
        self._loader.finished.connect(self._on_choices)
        self._loader.failed.connect(self._on_no_choices)

    def add_rows(self, form: QFormLayout) -> None:
        """Add the boxes to a form."""
        models = QHBoxLayout()
        models.addWidget(self.model, 1)
        models.addWidget(self.menu.button)
        form.addRow(texts.MODEL, models)
        form.addRow(texts.TARGET, self.target)
        self._form = form
        self._on_model()
        form.addRow(texts.METHOD, self.method)
        form.addRow(texts.MEMBERS, self.members)
        form.addRow(texts.BIAS_CORRECTION, self.bias)
        form.addRow(texts.DEVICE, self.device)

    @property
    def has_models(self) -> bool:
        """Whether there is a model to run."""
        return self._choices is not None and bool(self._choices.models)

    @property
    def chosen(self) -> Preferences | None:
        """Model, method, members, correction and target of a run; None until the choices are loaded."""
        if self._choices is None or self._choices.method(self.method.currentData()) is None:
            return None
        model, method = self.model.currentData(), self.method.currentData()
        members, target = self.members.value(), self.target.chosen or ()
        return Preferences(model, method, members, self.bias.currentData(), target=target)

    @property
    def setting(self) -> str:
        """The same as text; empty until the choices are loaded."""
        return "" if self.chosen is None else self.chosen.setting

    @property
    def scans(self) -> ScansOfModel:
        """What the chosen model reads."""
        known = {} if self._choices is None else self._choices.scans
        return known.get(self.model.currentData(), ScansOfModel())

    def refresh(self) -> None:
        """List the models anew: some may have been added, or taken away, since."""
        self._outdated = self._loader.state is not JobState.IDLE
        if not self._outdated:
            load = self._load
            self._loader.start(lambda progress: load())

    def _on_added(self, name: str) -> None:
        self._added = name
        self.refresh()

    def _on_choices(self, choices: Choices) -> None:
        if self._outdated:
            self.refresh()
            return
        if choices != self._choices:
            self._show(choices)
        index = -1 if self._added is None else self.model.findData(self._added)
        self._added = None
        if index >= 0:
            self.model.setCurrentIndex(index)
            self.told.emit(texts.ADDED.format(self.model.currentText()))  # what was said before may be gone

    def _show(self, choices: Choices) -> None:
        before = self._choices
        self._choices = choices
        if before is None:
            self._choose(self._preferences.load())
        else:
            self._choose_again()
        self.device.setText(choices.device)
        self.loaded.emit()
        if not choices.models:
            self.told.emit(texts.NO_MODEL)
        elif before is not None and not before.models:
            self.told.emit("")

    def _choose(self, remembered: Preferences) -> None:
        """Fill the boxes as in the last run."""
        self._fill(remembered.model, remembered.method)
        same = (remembered.model, remembered.method) == (self.model.currentData(), self.method.currentData())
        if same and remembered.members:
            self.members.setValue(remembered.members)
        self.bias.setCurrentIndex(max(0, self.bias.findData(remembered.brightness)))
        if (remembered.model, remembered.method) != (Preferences.model, Preferences.method):
            self.told.emit(texts.last_settings(self.setting))

    def _choose_again(self) -> None:
        """Fill the boxes anew, and keep what is chosen where it is there; an open list stays open."""
        view = self.model.view()
        opened = view is not None and view.isVisible()
        model, method, members = self.model.currentData(), self.method.currentData(), self.members.value()
        if opened:
            self.model.hidePopup()
        self._fill(model, method)
        if (self.model.currentData(), self.method.currentData()) == (model, method):
            self.members.setValue(members)
        if model is not None and self.model.currentData() not in (model, None):
            self.told.emit(texts.MODEL_GONE.format(model, self.model.currentText()))
        if opened:
            QComboBox.showPopup(self.model)  # not `opened` again
        self.setting_changed.emit()

    def _fill(self, model: str, method: str) -> None:
        assert self._choices is not None
        models = [(name, name, plain_tooltip(about)) for name, about in self._choices.models]
        methods = [(each.title, each.key, each.tip) for each in self._choices.methods]
        for box, rows, chosen in ((self.model, models, model), (self.method, methods, method)):
            blocked = box.blockSignals(True)
            box.clear()
            fill_choices(box, rows, chosen)
            box.blockSignals(blocked)
        self._on_method()
        self._on_model()

    def _on_model(self) -> None:
        """Offer the classes of the chosen model, where it has several."""
        known = {} if self._choices is None else self._choices.targets
        found = known.get(self.model.currentData(), TargetsOfModel())
        self.target.offer(found.names, found.usual)
        if self._form is not None:
            self._form.setRowVisible(self.target, bool(found.names))

    def _on_no_choices(self, text: str) -> None:
        if self._choices is None:  # else what was listed before is still good
            self.device.setText(texts.NO_DEVICE)
            self.told.emit(as_warning(text))

    def _on_method(self) -> None:
        """Offer as many members as the method has with the model, the usual number first."""
        if self._choices is None:
            return
        method, model = self._choices.method(self.method.currentData()), self.model.currentData()
        self._grey_out_methods(self._choices, model)
        if method is None:
            return
        fewest, usual, most = method.range(model)
        self.method.setToolTip(method.tip)
        self.members.setRange(fewest, most)
        self.members.setValue(usual)
        self.members.setEnabled(most > fewest)

    def _grey_out_methods(self, choices: Choices, model: str | None) -> None:
        """Let no method be chosen that the model lacks; one that is chosen stays, and a run says why not."""
        items = self.method.model()
        assert isinstance(items, QStandardItemModel)
        for index in range(self.method.count()):
            method, item = choices.method(self.method.itemData(index)), items.item(index)
            if method is not None and item is not None:
                works = method.works_with(model)
                item.setEnabled(works)
                missing = plain_tooltip(texts.METHOD_MISSING.format(model))
                item.setToolTip(method.tip if works else missing)

    def cleanup(self) -> None:
        """Stop listing, and announce nothing any more. May be called twice."""
        self._preferences.announce(None)
        self.menu.cleanup()
        self._loader.cleanup()
