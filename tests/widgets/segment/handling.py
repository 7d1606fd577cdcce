"""What tests of the Segment dock do: a segmenter that looks at the brain, and boxes and buttons by hand."""

from __future__ import annotations

from dataclasses import replace

from napari.layers import Image, Labels
from qtpy.QtCore import Qt

from napari_uncertainseg.images.preparation import brain_search
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.segment.options import Choices, MethodChoice

from ..fakes import FakeSegmenter

CHOICES = Choices(
    (("small", "A small model."), ("large", "A large model.")),
    (
        MethodChoice("one-pass", "One pass", "Heads.", {"small": (5, 5), "large": (7, 7)}),
        MethodChoice("mc-dropout", "Dropout samples", "Passes.", {"small": (10, 500), "large": (10, 500)}),
        MethodChoice("ensemble", "Ensemble", "Networks.", {"small": (1, 1), "large": (3, 3)}),
    ),
    "CPU, 2 threads, bf16 (OpenVINO)",
)
OUTLINE, MENDING = "brain (outline)", "brain of FLAIR"
HELD = "brain for the next run (outline)"


class Looking(FakeSegmenter):
    """Looks at a brain before it segments, as the real one does, and remembers what it was given."""

    def __init__(self, *args, found, asked, **options):
        super().__init__(*args, **options)
        self._found, self._given = found, asked

    def predict(self, images, *, brain=None, look, **options):
        self._given.append(brain)
        used = brain or self._found
        look(used)
        made = super().predict(images, look=look, **options)
        information = {**made.information, "brain": used.source, "notes": list(used.notes)}
        return replace(made, brain=used.mask, information=information)


def add(viewer, volume, kind="image", **options):
    """Add a volume as a layer."""
    data, own, _ = layer_data(volume, kind)
    return viewer.add_layer((Image if kind == "image" else Labels)(data, **{**own, **options}))


def press(qtbot, button):
    """Press a button that can be seen and pressed."""
    assert button.isVisible() and button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def run(qtbot, dock, button=None):
    """Segment, and wait for the end."""
    with qtbot.waitSignal(dock.done, timeout=5000):
        press(qtbot, button or dock.run)


def role_box(dock, role):
    """The box of a role."""
    return dock.findChild(object, f"role-{role}")


def pick(dock, name, role="mask"):
    """Choose a layer as the user does."""
    chosen = role_box(dock, role)
    chosen.setCurrentIndex(chosen.findText(name))
    chosen.activated.emit(chosen.currentIndex())


def masks(dock):
    """What is offered as the brain mask, and what is chosen."""
    offered = role_box(dock, "mask")
    return [offered.itemText(i) for i in range(offered.count())], offered.currentText()


def find(qtbot, viewer, dock, monkeypatch, brain):
    """Find the brain, which is this one."""
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: brain)
    press(qtbot, dock.brain.search)
    qtbot.waitUntil(lambda: HELD in viewer.layers and dock.run.text() == "Run", timeout=3000)
