"""What an idle window costs, and what a closed case leaves behind: against bare napari, in turns.

``python -m napari_uncertainseg.bench.idle`` prints processor time, ``... --memory FOLDER`` what is left after
the results in a folder were opened and closed, round by round.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_uncertainseg.bench.screen import NoScreen, printed_by
from napari_uncertainseg.bench.timing import Row

STATES = ("bare", "empty", "review")
"""Bare napari; with the docks and no case; with a scan and its results, of which nothing is touched."""

_SETTLE_S, _SECONDS, _TURNS = 4.0, 20.0, 3
_LIMIT = 0.02


def rows(seconds: float = _SECONDS, turns: int = _TURNS) -> list[Row]:
    """Processor time of idle windows, as shares of a core."""
    found: dict[str, list[float]] = {state: [] for state in STATES}
    for _ in range(turns):
        for state in STATES:
            try:
                found[state].append(float(_in_process(f"idle({state!r}, {seconds})")))
            except NoScreen as error:
                print(f"Idle windows were not measured: {error}.", file=sys.stderr)
                return []
    bare, *others = (statistics.median(found[state]) for state in STATES)
    names = ("the window with our docks, idle", "an idle review")
    return [
        Row(
            name,
            "bare napari, in turns",
            max(100 * (share - bare), 0.0),
            100 * _LIMIT,
            False,
            f"{share:.2%} of a core against {bare:.2%}",
            unit=" % of a core more",
        )
        for name, share in zip(names, others, strict=True)
    ]


def _in_process(call: str) -> Any:
    """What a function of this module finds in a process and on a screen of its own."""
    return printed_by(f"from napari_uncertainseg.bench import idle; idle.show(idle.{call})")


def show(found: object) -> None:
    """Print what was found for the process that asks."""
    print(json.dumps(found))


def idle(state: str, seconds: float) -> float:
    """Share of a core that a window in a state takes while nobody touches it."""
    from qtpy.QtWidgets import QApplication

    viewer = _open_window(state)
    loop_for(_SETTLE_S)
    started, used = time.perf_counter(), time.process_time()
    loop_for(seconds)
    share = (time.process_time() - used) / (time.perf_counter() - started)
    viewer.close()
    QApplication.processEvents()
    return share


def _open_window(state: str) -> Any:
    import napari

    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1600, 1000)
    if state != "bare":
        from napari_uncertainseg.bench.painting import _fill
        from napari_uncertainseg.bench.scene import make_scene
        from napari_uncertainseg.widgets.window import open_review

        review = open_review(viewer)
        if state == "review":
            with make_scene(quick=True) as scene:
                _fill(scene, review)
    return viewer


def loop_for(seconds: float) -> None:
    """Let Qt's own loop run, as in the program: it sleeps while there is nothing to do."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


# -- what a closed case leaves behind -------------------------------------------------------------


def left_behind(folder: str, rounds: int, *, ours: bool, traced: bool) -> list[list[float]]:
    """MiB before anything, and with a case open and after it was closed, round by round.

    Parameters
    ----------
    folder
        Of results. Bare napari is given the layers that the window made of it, as copies.
    rounds
        How often it is opened.
    ours
        Whether with this package's window, or bare napari.
    traced
        What Python allocated (tracemalloc), or what the process holds (RSS).
    """
    viewer = _open_window("empty" if ours else "bare")
    loop_for(_SETTLE_S)
    opened, closed = _hands(viewer, Path(folder), ours)
    if traced:
        tracemalloc.start()
    measured = [[0.0, _memory(traced)]]
    for _ in range(rounds):
        opened()
        loop_for(2.0)
        most = _memory(traced)
        closed()
        loop_for(4.0)  # cycles are collected after a second, and freed memory given back after two more
        measured.append([most, _memory(traced)])
    viewer.close()
    return measured


def _hands(viewer: Any, folder: Path, ours: bool) -> tuple[Callable[[], None], Callable[[], None]]:
    """What opens a case, and what closes it."""
    if ours:
        from napari_uncertainseg.widgets.window import review_of

        review = review_of(viewer)
        return lambda: review.open_results(folder), review.cases.close
    from napari_uncertainseg.images.files import looks_like_labels, read_image

    paths = sorted(folder.glob("*.nii.gz"))

    def add() -> None:
        for path in paths:
            data = read_image(path).data
            if looks_like_labels(data):
                viewer.add_labels(data.astype("uint16"), name=path.name)
            else:
                viewer.add_image(data.copy(), name=path.name)

    return add, viewer.layers.clear


def _memory(traced: bool) -> float:
    gc.collect()
    if traced:
        return tracemalloc.get_traced_memory()[0] / 2**20
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


def main(arguments: Sequence[str]) -> None:
    """Print the figures of this module."""
    if arguments[:1] == ["--memory"]:
        for ours in (True, False):
            for traced in (True, False):
                rounds = 3 if traced else 5  # what is traced takes several times as long
                folder = str(Path(arguments[1]).resolve())
                call = f"left_behind({folder!r}, {rounds}, ours={ours}, traced={traced})"
                found = _in_process(call)
                told = ", ".join(f"{closed:.0f} (open {most:.0f})" for most, closed in found)
                whose, what = "ours" if ours else "bare napari", "tracemalloc" if traced else "RSS"
                print(f"{whose}, {what}, MiB: {told}", flush=True)
        return
    seconds = float(arguments[0]) if arguments else _SECONDS
    for row in rows(seconds):
        print(f"{row.what}: {row.measured}, at most {row.goal}")


if __name__ == "__main__":
    main(sys.argv[1:])
