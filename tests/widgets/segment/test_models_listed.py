"""Models that come and go while the window is open."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.options import TargetsOfModel, _about
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.preferences import Preferences, PreferenceStore

from .handling import CHOICES, add


@pytest.fixture
def listed():
    """What the models' folder holds: one box, whose content may be replaced."""
    return [CHOICES]


def _more():
    models = (*CHOICES.models, ("newest", "Just added."))
    methods = tuple(replace(m, counts={**m.counts, "newest": (4, 4)}) for m in CHOICES.methods)
    return replace(CHOICES, models=models, methods=methods)


def _names(dock):
    box = dock.settings.model
    return [box.itemData(i) for i in range(box.count())]


def test_a_model_that_was_added_is_listed_when_the_list_is_opened(make_dock, qtbot, listed):
    dock = make_dock(load=lambda: listed[0])
    settings = dock.settings
    settings.model.setCurrentIndex(1)
    settings.method.setCurrentIndex(1)
    settings.members.setValue(12)
    listed[0] = _more()
    settings.model.showPopup()
    qtbot.waitUntil(lambda: _names(dock) == ["small", "large", "newest"], timeout=5000)
    assert settings.model.view().isVisible()
    assert dock.setting == "large, mc-dropout, 12 members"  # what was chosen stays chosen
    settings.model.hidePopup()
    listed[0] = CHOICES
    settings.model.showPopup()
    qtbot.waitUntil(lambda: _names(dock) == ["small", "large"], timeout=5000)
    settings.model.hidePopup()


def test_methods_that_the_model_lacks_cannot_be_chosen(make_dock, listed):
    one_pass, dropout, ensemble = CHOICES.methods
    listed[0] = replace(CHOICES, methods=(one_pass, dropout, replace(ensemble, counts={"large": (3, 3)})))
    settings = make_dock(load=lambda: listed[0]).settings
    items = settings.method.model()
    assert [items.item(i).isEnabled() for i in range(3)] == [True, True, False]
    assert items.item(2).toolTip() == plain_tooltip(texts.METHOD_MISSING.format("small"))
    settings.model.setCurrentIndex(1)
    assert all(items.item(i).isEnabled() for i in range(3)) and items.item(2).toolTip() == "Networks."


@pytest.mark.parametrize("how", ["shown", "to the front"])
def test_a_model_that_was_added_is_listed_when_the_dock_comes(make_dock, qtbot, listed, how):
    dock = make_dock(load=lambda: listed[0])
    listed[0] = _more()
    if how == "shown":
        dock.hide()
        dock.show()
    else:
        dock.on_front()
    qtbot.waitUntil(lambda: "newest" in _names(dock), timeout=5000)


def test_a_chosen_model_that_went_is_said(make_dock, qtbot, listed):
    listed[0] = _more()
    dock = make_dock(load=lambda: listed[0])
    dock.settings.model.setCurrentIndex(2)
    listed[0] = CHOICES
    dock.on_front()
    qtbot.waitUntil(lambda: _names(dock) == ["small", "large"], timeout=5000)
    assert dock.message.text() == texts.MODEL_GONE.format("newest", "small")


def test_the_first_model_that_is_added_can_be_run(viewer, make_dock, qtbot, listed, flair):
    listed[0] = replace(CHOICES, models=())
    dock = make_dock(load=lambda: listed[0])
    add(viewer, flair)
    assert not dock.run.isEnabled() and dock.message.text() == texts.NO_MODEL
    listed[0] = CHOICES
    dock.on_front()
    qtbot.waitUntil(dock.run.isEnabled, timeout=5000)
    assert not dock.message.text()


def test_a_style_is_told_in_words_that_can_be_read():
    capabilities = SimpleNamespace(style=None)
    model = SimpleNamespace(description="MS lesions.", styles=("one", "two"), capabilities=capabilities)
    assert _about(model) == "MS lesions. It outlines like the average of the experts of one, two."
    capabilities.style = 1
    assert _about(model) == "MS lesions. It outlines like the experts of two."


def test_a_number_of_members_is_not_taken_over_from_a_model_that_went(make_dock):
    class OfAModelThatWent(PreferenceStore):
        def load(self):
            return Preferences(model="gone", method="mc-dropout", members=3)

    dock = make_dock(preferences=OfAModelThatWent())
    assert dock.setting == "small, mc-dropout, 10 members"


def test_the_ticked_classes_are_part_of_the_setting_until_another_model_is_chosen(make_dock):
    targets = {"large": TargetsOfModel(("oedema", "core"), ("core",))}
    store = PreferenceStore()
    heard = []
    dock = make_dock(load=lambda: replace(CHOICES, targets=targets), preferences=store)
    dock.settings.model.setCurrentIndex(1)
    assert store.chosen.target == ()  # the model's own
    dock.settings.target.actions_by_name["oedema"].toggle()
    assert store.chosen.target == ("oedema", "core") and "target oedema + core" in dock.setting
    store.setting_changed.connect(lambda: heard.append((store.chosen.model, store.chosen.target)))
    dock.settings.model.setCurrentIndex(0)
    assert heard[-1] == ("small", ()) and "target" not in dock.setting
