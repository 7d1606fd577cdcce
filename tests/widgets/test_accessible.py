"""Controls have names for programs that read the screen aloud, and show where the keyboard is.

All docks are looked through in `test_scaling`, in a process of its own.
"""

import pytest
from qtpy.QtWidgets import QComboBox, QLabel, QLineEdit, QMainWindow, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.shared.dock_area import DockArea

from .actions import focus
from .spoken_names import nameless


def test_a_control_without_a_name_is_found(qtbot):
    root = QWidget()
    qtbot.addWidget(root)
    boxes = [QComboBox(root) for _ in range(3)]
    boxes[0].setAccessibleName("Chosen")
    QLabel("Other", root).setBuddy(boxes[1])
    QPushButton("...", root), QPushButton("Accept", root)
    root.show()
    assert len(nameless(root)) == 2


@pytest.mark.parametrize("ground", ["#23242b", "#ebe7e6"])
def test_what_has_the_focus_in_a_dock_looks_different(qtbot, ground):
    """On the grounds of both themes, whose style draws no frame around it."""
    window, content = QMainWindow(), QWidget()
    qtbot.addWidget(window)
    window.setStyleSheet(f"QWidget {{ background: {ground}; border: 0px; }}")
    column = QVBoxLayout(content)
    controls = (QPushButton("Accept"), QComboBox(), QLineEdit())
    for control in controls:
        column.addWidget(control)
    window.setCentralWidget(DockArea(content))
    window.show()
    for control, other in zip(controls, (*controls[1:], controls[0]), strict=True):
        focus(qtbot, control)
        seen = control.grab().toImage()
        focus(qtbot, other)
        assert control.grab().toImage() != seen, type(control).__name__
