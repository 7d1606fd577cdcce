"""An idle window does nothing, and a closed case leaves nothing behind."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.window import open_review, review_of


def ticking() -> list[str]:
    """Timers that go on and on, by whom they belong to."""
    gc.collect()
    app = QApplication.instance()
    roots = [app, *app.topLevelWidgets()]
    found = {id(timer): timer for root in roots for timer in root.findChildren(QTimer)}
    found |= {id(one): one for one in gc.get_objects() if type(one) is QTimer}  # those without a parent
    told = []
    for timer in found.values():
        try:
            if timer.isActive() and not timer.isSingleShot():
                told.append(f"{timer.interval()} ms of {type(timer.parent()).__name__}")
        except RuntimeError:  # freed by Qt
            continue
    return sorted(told)


class Ticks(QObject):
    """Counts events of timers in the whole program."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def eventFilter(self, watched, event):
        self.count += event.type() == QEvent.Type.Timer
        return False


def ticks_in(qtbot, milliseconds):
    counter = Ticks()
    QApplication.instance().installEventFilter(counter)
    qtbot.wait(milliseconds)
    QApplication.instance().removeEventFilter(counter)
    return counter.count


def test_a_timer_that_ticks_is_found(qtbot):
    before = ticking()
    with_parent, without = QTimer(QApplication.instance()), QTimer()
    for timer in (with_parent, without):
        timer.start(60_000)
    assert len(ticking()) == len(before) + 2
    for timer in (with_parent, without):
        timer.stop()
    assert ticking() == before


@pytest.mark.slow
def test_nothing_ticks_in_an_idle_window(make_viewer, qtbot):
    viewer = make_viewer()
    qtbot.wait(500)
    before, threads = ticking(), threading.active_count()
    bare = ticks_in(qtbot, 1000)
    review = open_review(viewer)
    for dock in DOCKS:
        review.open_dock(dock.key)
    qtbot.waitUntil(lambda: review.segment.settings.has_models, timeout=20_000)
    qtbot.waitUntil(lambda: ticking() == before, timeout=20_000)
    qtbot.waitUntil(lambda: threading.active_count() <= threads, timeout=20_000)
    qtbot.waitUntil(lambda: ticks_in(qtbot, 1000) <= bare + 2, timeout=20_000)


def test_nothing_ticks_in_an_idle_review(segmented_viewer, qtbot):
    for dock in DOCKS:
        review_of(segmented_viewer).open_dock(dock.key)
    qtbot.waitUntil(lambda: ticking() == [], timeout=20_000)
    qtbot.waitUntil(lambda: ticks_in(qtbot, 1000) <= 2, timeout=20_000)


@pytest.fixture
def results(tmp_path, prediction):
    folder = tmp_path / "results"
    write_results(folder, prediction, rank_lesions(prediction))
    return folder


def opened_and_closed(review, qtbot, folder):
    """Weak references to all that a case held, which is closed by now."""
    review.show_results(read_saved_results(folder), folder)
    qtbot.wait(300)  # what is measured in the background begins
    case = review.case
    names = ["prediction", "lesions", "brain"]
    gone = [weakref.ref(case.prediction), weakref.ref(case.lesions), weakref.ref(case.prediction.brain)]
    for name, values in case.prediction.maps.items():
        names.append(name)
        gone.append(weakref.ref(values))
    layers = review.layers.viewer.layers
    shown = {layer.name: (weakref.ref(layer), layer.data) for layer in layers}
    review.cases.close()
    for name, (layer, data) in shown.items():
        if layer() not in layers:  # a scan that is not of these results stays
            names += [f"layer {name}"]
            gone += [layer]
            if isinstance(data, np.ndarray):
                names.append(f"data of {name}")
                gone.append(weakref.ref(data))
    assert any(name.startswith("layer") for name in names)
    return names, gone


def test_what_a_case_held_is_freed_when_it_is_closed(segmented_viewer, qtbot, results):
    review = weakref.proxy(review_of(segmented_viewer))
    for dock in DOCKS:
        review.open_dock(dock.key)
    names, gone = opened_and_closed(review, qtbot, results)

    def left():
        gc.collect()
        return [name for name, one in zip(names, gone, strict=True) if one() is not None]

    assert len(gone) > 8
    qtbot.waitUntil(lambda: not left(), timeout=20_000)
