"""Rows on the real window: a threshold moved until it is painted, in a process and on a screen of its own."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.bench.lesions import MOVED, THRESHOLDS
from napari_uncertainseg.bench.scene import Scene, lesion_maps, make_scene, prediction_of
from napari_uncertainseg.bench.screen import NoScreen, printed_by
from napari_uncertainseg.bench.timing import Row, costlier
from napari_uncertainseg.uncertainty.lesion_ranking import ranker_of

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.window import Review

_SIZE = (1600, 1000)
_MOVES = 30
_REST = 0.5  # s: longer than what the window puts off


def rows(*, quick: bool) -> list[Row]:
    """Measure in another process; nothing, and a line that says so, without Qt or a screen."""
    try:
        found = printed_by(f"from napari_uncertainseg.bench.painting import show; show({quick})")
    except NoScreen as error:
        print(f"The painting of the window was not measured: {error}.", file=sys.stderr)
        return []
    alone = "painting the window alone, nothing changed"
    return [
        costlier(
            "threshold dragged until the window is painted", alone, found["dragged"], found["alone"][0], 2
        ),
        costlier("the same by key: all layers, list, diagram", alone, found["stepped"], found["alone"][1], 2),
    ]


def show(quick: bool) -> None:
    """Open the window, measure, and print medians in seconds as JSON."""
    import napari

    from napari_uncertainseg.widgets.window import open_review

    scene = make_scene(quick=quick)
    with scene:
        viewer = napari.Viewer(show_welcome_screen=False)
        viewer.window.resize(*_SIZE)
        review = open_review(viewer)
        _fill(scene, review)
        _wait(4 * _REST)
        print(json.dumps(_measure(review, viewer, 5 if quick else _MOVES)))
        viewer.close()


def _fill(scene: Scene, review: Review) -> None:
    """A scan, a prediction of many lesions, and a reference, in the slice with most lesion."""
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    p, members = lesion_maps(scene, min(scene.lesions, MOVED))
    flair, prediction = scene.images["flair"], prediction_of(scene, p, members)
    ranker_of(prediction).prepare()  # as it is soon after the first move
    review.layers.add([layer_data(flair)])
    review.case.set_images({"flair": flair})
    review.case.open_prediction(prediction)
    review.case.comparison.reference = p >= 0.45
    review.show_dock("lesions")
    most = int(np.argmax(np.count_nonzero(p >= 0.5, axis=(1, 2))))
    review.layers.show_slice((most, p.shape[1] // 2, p.shape[2] // 2))


def _measure(review: Review, viewer: Any, moves: int) -> dict[str, Any]:
    """Paint without and with a move, in turn, so that a busy machine slows both."""
    from napari_uncertainseg.widgets.shared import napari_internals

    window, canvas = napari_internals.main_window(viewer), napari_internals.drawing_canvas(viewer)
    slider, values = review.lesions.threshold.slider, itertools.cycle(round(1000 * t) for t in THRESHOLDS)
    painted = _Painted(canvas)

    def nothing() -> None:
        window.update()
        canvas.update()

    def move() -> None:
        slider.setValue(next(values))

    found: dict[str, Any] = {"alone": []}
    for name, down, rest in (("dragged", True, 0.05), ("stepped", False, _REST)):
        slider.setSliderDown(down)
        _wait(_REST)
        pairs = [(painted.after(nothing, rest), painted.after(move, rest)) for _ in range(moves)]
        alone, moved = zip(*pairs, strict=True)
        found["alone"].append(statistics.median(alone))
        found[name] = statistics.median(moved)
    slider.setSliderDown(False)
    return found


class _Painted:
    """Waits until the window is painted."""

    def __init__(self, canvas: Any) -> None:
        self._drawn = 0
        canvas.events.draw.connect(self._count)

    def _count(self, event: Any) -> None:
        self._drawn += 1

    def after(self, act: Callable[[], None], rest: float) -> float:
        """Seconds from an act until the canvas is drawn, and all else that is due then; then a rest."""
        before, start = self._drawn, time.perf_counter()
        act()
        for _ in _events():
            if self._drawn > before:
                break
        next(_events())
        took = time.perf_counter() - start
        _wait(rest)
        return took


def _events() -> Iterator[None]:
    from qtpy.QtWidgets import QApplication

    while True:
        QApplication.processEvents()
        yield


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    for _ in _events():
        if time.monotonic() > end:
            return
        time.sleep(0.002)
