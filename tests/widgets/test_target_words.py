"""The word lesion follows the target's name, and comes back."""

import pytest
from qtpy.QtWidgets import QCheckBox, QComboBox, QTabBar, QVBoxLayout

from napari_uncertainseg.case import Case
from napari_uncertainseg.nouns import Noun
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.open_docks import OpenDock, OpenDocks
from napari_uncertainseg.widgets.segment.target_box import TargetBox
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.target_words import TargetWords

from ..class_predictions import with_classes


class Words(DockWidget):
    def __init__(self):
        super().__init__()
        self.label, self.box, self.tabs, self.names = PlainLabel(), QCheckBox(), QTabBar(), QComboBox()
        layout = QVBoxLayout(self)
        for widget in (self.label, self.box, self.tabs, self.names):
            layout.addWidget(widget)
        self.label.set_html("<b>Lesions 3</b>")
        self.box.setText("Mark each lesion")
        self.box.setToolTip("A lesion is what was found in 'lesions of Ann' and /home/lesions/a.nii.gz.")
        self.tabs.addTab("Lesions")
        self.tabs.setTabToolTip(0, "All lesions.")
        self.names.addItem("lesions")


@pytest.fixture
def follow(qapp, qtbot):
    """A dock whose words follow a case, and one whose words do not."""
    case, opened = Case(), OpenDocks()
    for follows in (True, False):
        widget = Words()
        dock = Dock(f"d{follows}", "d", lambda context: Words(), follows_target=follows)
        opened.add(OpenDock(dock, widget, DockArea(widget)))
    words = TargetWords(case, opened)
    yield case, *opened.widgets
    words.cleanup()
    for one in opened:
        one.area.deleteLater()
    words.deleteLater()
    qtbot.wait(1)


def test_words_follow_the_target_and_come_back(qtbot, follow, prediction):
    case, dock, other = follow
    case.open_prediction(with_classes(prediction))
    qtbot.waitUntil(lambda: dock.label.text() == "<b>Tumours 3</b>", timeout=5000)
    assert dock.box.text() == "Mark each tumour" and dock.tabs.tabText(0) == "Tumours"
    assert dock.tabs.tabToolTip(0) == "All tumours." and dock.names.itemText(0) == "lesions"
    assert dock.box.toolTip() == (
        "A tumour is what was found in 'lesions of Ann' and /home/lesions/a.nii.gz."
    )
    assert other.label.text() == "<b>Lesions 3</b>"
    dock.label.set_html("<b>Lesions 4</b>")  # set anew by the dock
    case.verdicts_changed.emit()
    qtbot.waitUntil(lambda: dock.label.text() == "<b>Tumours 4</b>", timeout=5000)
    case.open_prediction(prediction)
    qtbot.waitUntil(lambda: dock.label.text() == "<b>Lesions 4</b>", timeout=5000)
    assert dock.box.text() == "Mark each lesion" and dock.tabs.tabText(0) == "Lesions"


def test_with_our_own_model_nothing_is_touched(qtbot, follow, prediction, monkeypatch):
    case, dock, _ = follow
    monkeypatch.setattr(Noun, "fit", lambda self, text: pytest.fail("nothing should be fitted"))
    case.open_prediction(prediction)
    qtbot.wait(20)
    assert dock.label.text() == "<b>Lesions 3</b>"


def test_classes_are_ticked(qtbot):
    box = TargetBox()
    box.offer(("oedema", "tumour core", "necrosis"), ("tumour core",))
    assert box.chosen is None and box.text() == "tumour core"
    box.actions_by_name["oedema"].toggle()
    assert box.chosen == ("oedema", "tumour core") and box.text() == "oedema + tumour core"
    box.offer(("oedema", "tumour core", "necrosis"), ("tumour core",))  # listed anew: the choice stays
    assert box.chosen == ("oedema", "tumour core")
    for name in ("oedema", "tumour core"):
        box.actions_by_name[name].toggle()
    assert box.ticked == ("tumour core",)  # the last one stays
    box.offer((), ())
    assert box.chosen is None and not box.actions_by_name
    box.deleteLater()
    qtbot.wait(1)
