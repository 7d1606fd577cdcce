"""What each step of a run takes on this machine, under settings that make it another machine.

``python scripts/step_times.py measure FOLDER DATA`` runs all settings, each in a process of its own;
``python scripts/step_times.py spreads FOLDER`` prints how far apart they are, by machine, kind and step.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {
    f"{threads} {device} {'busy' if busy else 'quiet'}": (threads, device, busy)
    for threads in (2, 1)
    for device in ("auto", "cpu-float32", "cpu-int8")
    for busy in (False, True)
}
"""Processors, device, and whether others compute beside."""


def measure(folder: Path, data: Path) -> None:
    """Run each setting that has no file yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (threads, device, busy) in SETTINGS.items():
        path = folder / f"{name}.json"
        if not path.exists():
            with _others(2 if busy else 0):
                command = [sys.executable, __file__, "one", str(path), str(data), str(threads), device]
                subprocess.run(command, check=False)


@contextmanager
def _others(count: int):  # type: ignore[no-untyped-def]
    burn = "import numpy as np; a = np.ones((700, 700), 'f')\nwhile True: a @ a; a.copy()"
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    burning = [subprocess.Popen([sys.executable, "-c", burn], env=env) for _ in range(count)]
    try:
        yield
    finally:
        for one in burning:
            one.kill()
            one.wait()


def one(path: Path, data: Path, threads: int, device: str) -> None:
    """Runs of one setting: stripped and not, one pass and many, first and second."""
    os.sched_setaffinity(0, set(range(threads)))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    from napari_uncertainseg.progress import segmentation as steps
    from napari_uncertainseg.progress.course import Course
    from napari_uncertainseg.progress.usual_times import UsualTimes

    times = UsualTimes(path.with_suffix(".new"), "here")
    course = Course(None, lambda: times)
    course.expect({})
    with course.step(steps.IMPORT):
        from napari_uncertainseg.inference.segmenter import Segmenter
    from napari_uncertainseg.evaluate.patients.intervals import find_intervals
    from napari_uncertainseg.export import write_results
    from napari_uncertainseg.images.scans import read_scans
    from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

    stripped = data / "3d-mr-ms/patient07"
    whole = data / "3d-mr-ms-longitudinal/patient01"
    visits = (
        {"flair": stripped / "FLAIR.nii.gz", "t1": stripped / "T1.nii.gz"},
        {"flair": whole / "study1_FLAIR.nii.gz", "t1": whole / "study1_T1W.nii.gz"},
    )
    done = 0
    for method, members in (("one-pass", None), ("mc-dropout", 6), ("flips", 4)):
        segmenter = Segmenter("bundled", method=method, members=members, device=device)
        for scans in (visits[0], visits[0], *visits[1 : 2 if method == "one-pass" else 1]):
            with course.step(steps.READ, len(scans)):
                images = read_scans(scans, None)
            prediction = segmenter.predict(images, progress=course)
            with course.step(f"{steps.LESIONS}/written"):
                lesions = rank_lesions(prediction, None, 3.0)
                load = find_intervals(prediction, lesions.min_volume).as_json()
            out = path.with_suffix(f".{done}.results")
            with course.step(steps.WRITE, steps.millions(prediction.grid.shape)):
                write_results(out, prediction, lesions, load=load)
            subprocess.run(["rm", "-r", str(out)], check=True)
            done += 1
    course.keep()
    kept = json.loads(path.with_suffix(".new").read_text())["machines"]["here"]
    path.write_text(json.dumps({key: found["seconds"] for key, found in kept.items()}, indent=1))
    path.with_suffix(".new").unlink()


def spreads(folder: Path) -> None:
    """Print standard deviations of the logarithms over settings, and each step's ratio to the table."""
    import numpy as np

    from napari_uncertainseg.progress.usual_times import UsualTimes

    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    keys = [key for key in found[0] if all(key in one for one in found)]
    usual = {key: UsualTimes().usual(key, 1.0) for key in keys}
    logs = np.log([[one[key] / usual[key].seconds for key in keys] for one in found])
    centred = logs - logs.mean(0)
    machine = centred.mean(1, keepdims=True)
    print(f"{len(found)} settings; machine {machine.std(ddof=1):.2f}")
    kinds = np.array([usual[key].kind for key in keys])
    for kind in sorted(set(kinds)):
        own = centred[:, kinds == kind]
        left = own - own.mean(1, keepdims=True)
        apart = (own.mean(1, keepdims=True) - machine).std(ddof=1)
        print(f"{kind}: {apart:.2f}; its steps {np.sqrt((left**2).sum() / max(left.size - len(own), 1)):.2f}")
    for key, ratio in zip(keys, np.exp(np.median(logs, 0)), strict=True):
        print(f"{key}: {ratio:.2f} times the table")


if __name__ == "__main__":
    start = time.monotonic()
    if sys.argv[1] == "measure":
        measure(Path(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1] == "one":
        one(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        spreads(Path(sys.argv[2]))
    print(f"{time.monotonic() - start:.0f} s")
