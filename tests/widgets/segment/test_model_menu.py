"""Models that the user adds in the window, and what it tells of one."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from qtpy.QtCore import QUrl
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QFileDialog

from napari_uncertainseg._base import InputError
from napari_uncertainseg.widgets.segment import model_menu, texts
from napari_uncertainseg.widgets.segment.model_about import About, AboutModel, read_about
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

from .handling import CHOICES


@pytest.fixture
def listed():
    """What the models' folder holds: one box, whose content may be replaced."""
    return [CHOICES]


@pytest.fixture
def dock(make_dock, listed):
    return make_dock(load=lambda: listed[0])


@pytest.fixture
def chosen_path(monkeypatch, tmp_path):
    """What the user picks in a dialog; an empty text where they give up."""
    path = [str(tmp_path / "my-model.zip")]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (path[0], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: path[0])
    return path


def with_newest():
    models = (CHOICES.models[0], ("newest", "Just added."), *CHOICES.models[1:])
    methods = tuple(replace(m, counts={**m.counts, "newest": (4, 4)}) for m in CHOICES.methods)
    return replace(CHOICES, models=models, methods=methods)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_model_is_added_in_the_background_and_chosen(dock, qtbot, monkeypatch, listed, chosen_path, kind):
    asked = []

    def add(path):
        asked.append((path, threading.current_thread() is threading.main_thread()))
        listed[0] = with_newest()
        return "newest"

    monkeypatch.setattr(model_menu, "add_to_models", add)
    dock.settings.model.setCurrentIndex(1)  # "large": the new one comes before it
    getattr(dock.settings.menu, kind).trigger()
    assert dock.message.text() == texts.ADDING.format("my-model.zip")
    qtbot.waitUntil(lambda: dock.settings.model.currentData() == "newest", timeout=5000)
    assert dock.message.text() == texts.ADDED.format("newest")
    assert [(str(path), main) for path, main in asked] == [(chosen_path[0], False)]
    assert dock.setting == "newest, one-pass, 4 members"


def test_a_list_that_was_made_before_is_made_again(make_dock, qtbot, monkeypatch, listed, chosen_path):
    """The list that is under way when the model was added may lack it."""
    begun, go_on = threading.Event(), threading.Event()

    def load():
        found = listed[0]
        if waiting:
            waiting.clear()
            begun.set()
            assert go_on.wait(300)
        return found

    def add(path):
        listed[0] = with_newest()
        return "newest"

    waiting = []
    dock = make_dock(load=load)
    monkeypatch.setattr(model_menu, "add_to_models", add)
    waiting.append(1)
    dock.settings.refresh()
    assert begun.wait(300)
    dock.settings.menu.zip.trigger()
    qtbot.waitUntil(lambda: dock.message.text() == texts.ADDED.format("newest"), timeout=5000)
    go_on.set()
    qtbot.waitUntil(lambda: dock.settings.model.currentData() == "newest", timeout=5000)


def test_a_model_that_is_refused_is_said_and_nothing_is_chosen(dock, qtbot, monkeypatch, chosen_path):
    def refuse(path):
        raise InputError(f"{path} is no model.")

    monkeypatch.setattr(model_menu, "add_to_models", refuse)
    before = dock.settings.model.currentData()
    dock.settings.menu.folder.trigger()
    qtbot.waitUntil(lambda: f"{chosen_path[0]} is no model." in dock.message.text(), timeout=5000)
    assert dock.settings.model.currentData() == before


def test_who_gives_up_in_the_dialog_is_left_alone(dock, monkeypatch, chosen_path):
    monkeypatch.setattr(model_menu, "add_to_models", lambda path: pytest.fail("nothing was chosen"))
    chosen_path[0], before = "", dock.message.text()
    dock.settings.menu.folder.trigger()
    dock.settings.menu.zip.trigger()
    assert dock.message.text() == before


def test_only_one_is_added_at_a_time(dock, qtbot, monkeypatch, chosen_path):
    go_on, asked = threading.Event(), []

    def add(path):
        asked.append(path)
        assert go_on.wait(300)
        return "small"

    monkeypatch.setattr(model_menu, "add_to_models", add)
    menu = dock.settings.menu
    menu.folder.trigger()
    menu.button.menu().aboutToShow.emit()
    assert not menu.folder.isEnabled() and not menu.zip.isEnabled() and menu.about.isEnabled()
    go_on.set()
    qtbot.waitUntil(lambda: dock.message.text() == texts.ADDED.format("small"), timeout=5000)
    menu.button.menu().aboutToShow.emit()
    assert menu.folder.isEnabled() and len(asked) == 1


def test_what_is_known_of_a_model_is_shown(dock, qtbot, monkeypatch):
    monkeypatch.setattr(model_menu, "read_about", lambda name: About(name, {"scans": "<b>flair</b>"}, "card"))
    windows = lambda: [w for w in dock.window().findChildren(AboutModel) if w.isVisible()]  # noqa: E731
    for index, name in enumerate(("small", "large")):
        dock.settings.model.setCurrentIndex(index)
        dock.settings.menu.about.trigger()
        qtbot.waitUntil(lambda name=name: [w.windowTitle() for w in windows()] == [f"Model {name}"])
    assert any(label.text() == "<b>flair</b>" for label in windows()[0].findChildren(PlainLabel))


def test_a_card_from_elsewhere_loads_and_runs_nothing(qtbot, tmp_path):
    picture = tmp_path / "picture.png"
    QPixmap(9, 9).save(str(picture))
    card = f"# Card\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n![x]({picture.as_uri()})\n\n<b>bold</b>"
    window = AboutModel(About("m", {}, card))
    qtbot.addWidget(window)
    text = window.card.toPlainText()
    assert "Card" in text and "|" not in text and "<b>bold</b>" in text
    assert window.card.loadResource(2, QUrl(picture.as_uri())) is None and not window.card.openLinks()


def test_a_card_without_end_is_cut(qtbot):
    window = AboutModel(About("m", {}, "[" * 1_000_000))
    qtbot.addWidget(window)
    text = window.card.toPlainText()
    assert len(text) < 50_000 and text.endswith("…")


def test_the_bundled_model_says_what_it_is():
    about = read_about("bundled:mslesseg")
    assert about.facts["scans"] == "flair, t1 (optional), t2 (optional)" and about.facts[
        "methods"
    ].startswith("one-pass (")
    assert "For research only" in about.card


def test_without_a_model_there_is_nothing_to_read(make_dock):
    dock = make_dock(load=lambda: replace(CHOICES, models=()))
    menu = dock.settings.menu
    menu.button.menu().aboutToShow.emit()
    assert not menu.about.isEnabled() and menu.folder.isEnabled()
