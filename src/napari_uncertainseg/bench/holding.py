"""Rows on the real window: how long one handler holds its thread, in a process and on a screen of its own."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.bench.screen import NoScreen, printed_by
from napari_uncertainseg.bench.timing import Row

if TYPE_CHECKING:
    from napari_uncertainseg.bench.scene import Scene
    from napari_uncertainseg.widgets.window import Review

LIMIT = 0.1
"""Seconds: what follows an act within is felt as its own effect (Miller 1968, Nielsen 1993)."""
_SIZE = (1600, 1000)
_RUNS = 3
_SESSIONS = 20
_REST, _SHORT_REST = 0.6, 0.3
"""Seconds after each step: the first is longer than all that the window puts off."""
_LESIONS = 40

Found = list[dict[str, Any]]
"""The holds of one walk, see `heartbeat.Hold`."""


def rows(*, quick: bool) -> list[Row]:
    """Walk through the window in other processes; nothing, and a line that says so, without a screen."""
    try:
        walks = [drive(real=not quick) for _ in range(1 if quick else _RUNS)]
    except NoScreen as error:
        print(f"What holds the window was not measured: {error}.", file=sys.stderr)
        return []
    return rows_of(walks)


def drive(*, real: bool, folder: Path | None = None) -> Found:
    """Walk through the window once, in another process.

    Parameters
    ----------
    real
        Whether on a real patient, with Run, where there is one.
    folder
        Of the scans and the mask; patient 07 if None.

    Raises
    ------
    NoScreen
        If the window cannot be opened.
    """
    named = str(folder or "")
    found: Found = printed_by(f"from napari_uncertainseg.bench.holding import show; show({real}, {named!r})")
    return found


def longest(walks: Sequence[Found], key: str, value: str, of: str) -> float:
    """Median over walks of what the longest hold of a row or step took, s."""
    return statistics.median(max((h[of] for h in walk if h[key] == value), default=0.0) for walk in walks)


def rows_of(walks: Sequence[Found]) -> list[Row]:
    """A row for each part of the path, with the step that held the window longest."""
    steps: dict[str, list[str]] = {}
    for hold in walks[0]:
        if hold["step"] not in steps.setdefault(hold["row"], []):
            steps[hold["row"]].append(hold["step"])
    made = []
    for name, own in steps.items():
        took = {step: longest(walks, "step", step, "cpu") for step in own}
        worst = max(took, key=took.__getitem__)
        clock = longest(walks, "step", worst, "clock")
        detail = f"{worst}: {1000 * took[worst]:.0f} ms, {1000 * clock:.0f} ms on the clock"
        against = "100 ms of processor time, painting set aside"
        made.append(
            Row(f"window held by one handler: {name}", against, took[worst] / LIMIT, 1, False, detail)
        )
    return made


def show(real: bool, folder: str = "") -> None:
    """Walk through the window, and print the holds as JSON."""
    from napari_uncertainseg.bench.heartbeat import Heartbeat, TimedApplication

    application = TimedApplication(["uncertainseg"])

    import napari

    from napari_uncertainseg.bench.scene import make_scene, real_patient
    from napari_uncertainseg.bench.window_path import WindowPath
    from napari_uncertainseg.widgets.window import open_review

    patient = (Path(folder) if folder else real_patient()) if real else None
    with tempfile.TemporaryDirectory() as work, make_scene(quick=False) as scene:
        segment, scans = None, [] if patient is None else _scans(patient)
        mask = None if patient is None else patient / "lesions.nii.gz"
        if patient is None or mask is None:
            scans, mask, segment = _simulated(scene, Path(work))
        _fill_sessions()
        viewer = napari.Viewer(show_welcome_screen=False)
        viewer.window.resize(*_SIZE)
        review = open_review(viewer)
        beat = Heartbeat()
        path = WindowPath(review, beat, scans, mask, segment, rest_s=_REST if real else _SHORT_REST)
        path.rest()
        TimedApplication.heartbeat = beat
        path.walk()
        TimedApplication.heartbeat = None
        beat.close()
        viewer.close()
    del application
    print(json.dumps([asdict(hold) for hold in beat.holds]), flush=True)
    os._exit(0)  # what Qt and OpenGL do at the end is not measured


def _scans(folder: Path) -> list[Path]:
    return [path for name in ("FLAIR", "T1", "T2") if (path := folder / f"{name}.nii.gz").is_file()]


def _simulated(scene: Scene, folder: Path) -> tuple[list[Path], Path, Any]:
    """Files of a scan of full size, a mask, and what shows a prediction of many lesions without a network."""
    from napari_uncertainseg.bench.scene import lesion_maps, prediction_of
    from napari_uncertainseg.images.files import write_volume
    from napari_uncertainseg.uncertainty.lesion_ranking import ranker_of

    p, members = lesion_maps(scene, _LESIONS)
    prediction = prediction_of(scene, p, members)
    ranker_of(prediction).rank(prediction.threshold)  # as it is after a run
    prediction.sha256  # noqa: B018 - likewise
    flair = scene.images["flair"]
    files = [
        write_volume(folder / f"{name}.nii.gz", data, scene.grid)
        for name, data in (("FLAIR", flair.data), ("T1", flair.data.max() - flair.data))
    ]
    mask = write_volume(folder / "mask.nii.gz", (np.roll(p, 2, 1) >= 0.45).astype(np.uint8), scene.grid)

    def segment(review: Review) -> None:
        from napari_uncertainseg.widgets.scans.volumes import volume_of

        layer = review.cases.flair
        assert layer is not None
        review.case.set_images({"flair": volume_of(layer, "flair")})
        review.case.open_prediction(prediction)
        review.show_findings()

    return files, mask, segment


def _fill_sessions() -> None:
    """Sessions of others, in the file that the window will open."""
    from napari_uncertainseg.review.session.place import default_file, make_folder
    from napari_uncertainseg.review.store.records import NewTask
    from napari_uncertainseg.review.store.store import Store

    make_folder(default_file().parent)
    with Store(default_file()) as store:
        project, reader = store.project("bench"), store.annotator("somebody")
        for number in range(_SESSIONS):
            case = store.case(project, f"case {number}", "")
            about = {"model": "m", "model_sha256": "b" * 64, "method": "one-pass", "threshold": 0.5}
            output = store.output(case, f"{number:064x}", **about)
            tasks = [NewTask(case, output, "lesion", i + 1, (1, 2, i)) for i in range(_LESIONS)]
            session = store.open_session(project, reader, "review", tasks, {})
            done: Mapping[str, Any] = {"decision": "accepted"}
            store.record_all(session, "verdict", [(task.id, done) for task in store.tasks(session)])
