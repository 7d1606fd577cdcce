"""Whether two scans show one head: the numbers behind images/preparation/align.py.

usage: python experiments/one_head.py [--data FOLDER]

Every labelled scan's T1 and T2 against FLAIRs by their headers alone: of the same visit, of the same visit
moved by 4, 6 and 10 mm, of other patients of the same source, and of other visits of one patient. Prints the
least, median and largest mutual information (nats) of each kind, and how many times as much that is as 10 mm
off.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from sources import ROOT, Scan, scans_at_hand

from napari_uncertainseg.images.preparation.align import Coarse, shared_information
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.training.subjects import read_scans


def main() -> None:
    """Measure each pair, and print a row for each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    data = parser.parse_args().data
    scans = {
        scan: {name: Coarse(one) for name, one in read_scans(data, scan.prefix).items()}
        for scan in scans_at_hand(data)
    }
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one, its in scans.items():
        flair = its["flair"]
        for other, others in scans.items():
            if one.source != other.source:
                continue
            for name in {"t1", "t2"} & set(others):
                there = resample_to(others[name].copy, flair.copy.grid)
                moved = {_kind(one, other): there}
                if one == other:
                    moved |= {
                        f"same visit, {mm} mm off": np.roll(there, mm // 2, axis=2) for mm in (4, 6, 10)
                    }
                for kind, array in moved.items():
                    found[kind].append(shared_information(flair, array))
    print("| | pairs | mutual information | times |\n| --- | --- | --- | --- |")
    for kind, values in sorted(found.items()):
        nats, times = np.percentile(values, (0, 50, 100), axis=0).T
        print(f"| {kind} | {len(values)} | {_three(nats)} | {_three(times)} |")


def _kind(one: Scan, other: Scan) -> str:
    if one == other:
        return "same visit"
    return "other visit of the patient" if one.patient == other.patient else "other patient"


def _three(values: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


if __name__ == "__main__":
    main()
