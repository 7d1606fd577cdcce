"""A night in small: `uncertainseg run` over every labelled scan at hand, killed once in the middle.

usage: python experiments/overnight.py OUT [--kill-after N] [--model NAME|FOLDER] [--data FOLDER]

All scans of the data folder go into a table. The run, with its workers, is killed outright (as a power cut
would) once N visits are segmented, and started again. The report lies in OUT; what is printed says how long
both parts took, and that no visit was segmented twice. The model that comes with the program has learnt from
these very patients: the report shows what a run gives, and no claim about the model.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sources import ROOT, scans_at_hand

from napari_uncertainseg.disk.result_folder import SUMMARY
from napari_uncertainseg.evaluate.worklist import VISITS
from napari_uncertainseg.runs.record import RECORD
from napari_uncertainseg.training.subjects import find_image

_LOOK_S = 0.5


def main() -> None:
    """Run, kill, run again; say what happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--kill-after", type=int, default=6, help="segmented visits (6)")
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True)
    table = arguments.out / "labelled.tsv"
    count = write_table(table, arguments.data)
    results = arguments.out / "results"
    line = [sys.executable, "-m", "napari_uncertainseg.cli", "run", str(table), "--out", str(results)]
    line += ["--model", arguments.model]

    start = time.monotonic()
    before = _killed(line, results, arguments.kill_after)
    killed = time.monotonic()
    status = subprocess.run(line, check=False).returncode
    after = _segmented(results)
    again = [folder.name for folder, when in before.items() if after.get(folder) != when]
    print(f"{count} visits. Killed after {killed - start:.0f} s with {len(before)} segmented.")
    print(f"Started again: {time.monotonic() - killed:.0f} s, exit status {status}, {len(after)} segmented.")
    print(f"Segmented twice: {', '.join(again) or 'none'}.")


def write_table(path: Path, data: Path) -> int:
    """Write the table of the cohort; the number of its visits."""
    columns = ("name", "flair", "t1", "t2", "reference")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t")
        writer.writeheader()
        scans = scans_at_hand(data)
        for scan in scans:
            files = {key: find_image(data, scan.prefix, key) or "" for key in ("flair", "t1", "t2")}
            reference = find_image(data, scan.prefix, "lesion")
            name = f"{scan.source} {scan.prefix.rstrip('/').split('/')[-1]}"
            writer.writerow({"name": name, "reference": reference, **files})
    return len(scans)


def _killed(line: list[str], results: Path, enough: int) -> dict[Path, int]:
    """Start the run, kill all its processes when enough visits are segmented; which were, and when."""
    run = subprocess.Popen(line, start_new_session=True)
    while run.poll() is None and len(_segmented(results)) < enough:
        time.sleep(_LOOK_S)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return _segmented(results)


def _segmented(results: Path) -> dict[Path, int]:
    """The folder of each visit that has a record, and when its results were written (ns)."""
    folders = [path.parent for path in results.glob(f"{VISITS}/*/{RECORD}")]
    return {folder: (folder / SUMMARY).stat().st_mtime_ns for folder in folders}


if __name__ == "__main__":
    main()
