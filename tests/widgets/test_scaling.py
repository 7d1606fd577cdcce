"""At twice the size, and with large letters, no text of the docks is cut off."""

import os
import subprocess
import sys

import pytest

from .clipped_texts import cut_off


@pytest.mark.slow
@pytest.mark.viewer
@pytest.mark.parametrize(
    "scaling", [{"QT_SCALE_FACTOR": "2"}, {"QT_FONT_DPI": "120"}], ids=["200 %", "letters"]
)
def test_no_text_is_cut_off_at_1280_x_720(checkout, scaling):
    """In a process of its own: Qt reads its scaling once."""
    path = os.pathsep.join([str(checkout / "src"), str(checkout)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.widgets.clipped_texts"],
        cwd=checkout,
        env={**os.environ, **scaling, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    *cut, looked = done.stdout.splitlines() or [""]
    assert looked.startswith("looked at "), done.stderr[-2000:]
    assert int(looked.removeprefix("looked at ")) > 150
    assert [line for line in cut if line] == []


def test_a_text_that_is_cut_off_is_found(qtbot):
    from qtpy.QtWidgets import QLabel, QPushButton, QWidget

    root = QWidget()
    qtbot.addWidget(root)
    root.resize(200, 100)
    for widget, width in ((QPushButton("Accept the lesion", root), 40), (QLabel("short", root), 150)):
        widget.resize(width, 40)
    wrapped = QLabel("a text of many words that need more than one line of a narrow label", root)
    wrapped.setWordWrap(True)
    wrapped.resize(80, 15)
    root.show()
    found, seen = cut_off(root)
    assert seen == 3 and len(found) == 2
