"""Which texts of the docks are cut off, at the scaling and size of letters that the environment sets.

usage: QT_SCALE_FACTOR=2 python -m tests.widgets.clipped_texts [FOLDER [RESULTS]]

Opens the window at 1280 x 720 with every dock in turn, in both themes, prints a line for each text that is
cut off, and how many texts there are. With a folder, pictures go there; with results,
these are opened instead of a small brain.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

WIDTH, HEIGHT = 1280, 720
_SLACK = 2
"""Pixels that a style may round off."""
_MEANT = {"case-name"}
"""Names of labels that cut long names in the middle, and show all of them in their tooltip."""


def cut_off(root: QWidget) -> tuple[list[str], int]:
    """Texts that need more room than they have, and how many texts there are."""
    found, seen = [], 0
    for widget in root.findChildren(QWidget):
        text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
        if not text or not widget.isVisibleTo(root) or widget.objectName() in _MEANT:
            continue
        seen += 1
        needed = widget.sizeHint()
        wraps = isinstance(widget, QLabel) and widget.wordWrap()
        if isinstance(widget, QLabel) and wraps:
            high = widget.heightForWidth(widget.width())
            short = high > widget.height() + _SLACK
        else:
            room = widget.size()
            short = needed.width() > room.width() + _SLACK or _lower(widget) > room.height() + _SLACK
        if short:
            found.append(f"{type(widget).__name__} {text[:60]!r}: {widget.size()} for {needed}")
    return found, seen


def _lower(widget: QWidget) -> int:
    """Height of its letters: a style may squeeze what is around them."""
    return widget.fontMetrics().height()


def make_window(folder: Path, results: Path | None):
    """The window with a case in it."""
    import napari

    from napari_uncertainseg.widgets import window
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    from .fake_window import docks_with
    from .fakes import FakeSegmenter

    with mock.patch.object(window, "default_file", lambda: folder / "sessions.db"):
        viewer = napari.Viewer(show_welcome_screen=False)
        viewer.window.resize(WIDTH, HEIGHT)
        docks = docks_with(make_segmenter=FakeSegmenter)
        review = window.review_of(viewer, docks)
        review.open()
    if results is not None:
        review.open_results(results)
    else:
        scan = small_scan()
        data, options, _ = layer_data(scan)
        viewer.add_image(data, **options)
        settle(lambda: review.segment.run.isEnabled())
        done: list[bool] = []
        review.segment.done.connect(lambda: done.append(True))
        review.segment.run.click()
        settle(lambda: bool(done))
    return viewer, review, docks


def small_scan():
    """A brain with three bright boxes, 24 x 40 x 32 voxels of 3 x 1 x 1 mm."""
    from napari_uncertainseg.images.volume import Grid, Volume

    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = 3, 1, 1, 1
    data = (0.4 + 0.05 * np.random.default_rng(1).standard_normal((24, 40, 32))).astype(np.float32)
    for part in (np.s_[4:7, 8:14, 6:12], np.s_[11:14, 20:24, 16:22], np.s_[17:20, 28:37, 22:30]):
        data[part] += 0.6
    return Volume(data, Grid(data.shape, affine), "FLAIR", "flair")


def settle(until=lambda: True, seconds: float = 20.0) -> None:
    """Let the window live until something is so, and a moment longer."""
    import time

    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    for _ in range(15):
        QApplication.processEvents()
        time.sleep(0.01)


def main(pictures: Path | None = None, results: Path | None = None) -> int:
    """Look at every dock in both themes."""
    found, seen = [], 0
    with tempfile.TemporaryDirectory() as folder:
        viewer, review, docks = make_window(Path(folder), results)
        for theme in ("dark", "light"):
            viewer.theme = theme
            for dock in docks:
                review.open_dock(dock.key)
                settle()
                area = review.opened.get(dock.key).area
                cut, count = cut_off(area)
                seen += count
                found += [f"{theme} {dock.key}: {line}" for line in cut]
                content, room = area.widget(), area.viewport()
                if content.width() > room.width() + _SLACK:
                    found.append(f"{theme} {dock.key}: {content.width()} wide in {room.width()}")
                if pictures is not None:
                    viewer.screenshot(
                        str(pictures / f"{dock.key}-{theme}.png"), canvas_only=False, flash=False
                    )
            bar = next(iter(review.opened.parts.values())).parentWidget()
            cut, count = cut_off(bar)
            found, seen = found + [f"{theme} bar: {line}" for line in cut], seen + count
        size = review._window.size()
        if size.width() > WIDTH or size.height() > HEIGHT:
            found.append(f"the window became {size.width()} x {size.height()}")
        with mock.patch("napari_uncertainseg.widgets.closing.ask_yes_no_cancel", return_value=True):
            viewer.close()
        settle()
    print(*found, sep="\n")
    print(f"looked at {seen}")
    return len(found)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
