"""Which scans are unlike all sources that a model has seen, and what a model folder must hold to say so.

usage: python experiments/unlike.py [--source NAME ...] [--write MODEL_FOLDER] [--keep FILE] [--data FOLDER]

A few numbers of each labelled scan (networks/seen_scans.py), prepared as a user's. A scan's distance is how
far it lies outside the ranges of the most similar source, in the measure where that is farthest, in standard
deviations between patients of one hospital. Printed are the distances of each hospital from all others (left
out: it should be beyond the cut), of each patient from all other patients (held out: it should not), and of
scans without a mask. The cut lies in the middle between the two, or where the fewest are wrong.
Numbers are kept in `--keep`: delete it when preparation changes. `--write` writes ranges of the sources named
(all, if none is) into ``model.json``; name those that the model was trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from comparing import table
from left_out import HOSPITALS
from model_json import write_into
from sources import ROOT, Scan, scans_at_hand

from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.preparation.appearance import measure_appearance
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.networks.seen_scans import MEASURES, SeenScans, SeenSource
from napari_uncertainseg.training.subjects import read_scans

Values = Mapping[str, float]


class Measured(NamedTuple):
    """A scan and its numbers."""

    scan: Scan
    values: Values

    @property
    def hospital(self) -> str:
        """Sources of one hospital are seen, or left out, together."""
        return HOSPITALS.get(self.scan.source, self.scan.source)

    @property
    def patient(self) -> tuple[str, str]:
        """Whose it is."""
        return self.scan.source, self.scan.patient


def main() -> None:
    """Measure, print the tables, and write if asked to."""
    arguments = _arguments()
    labelled, others = measure_all(arguments.data, arguments.keep)
    print(table(["scan", *MEASURES], [[one.scan.prefix, *_cells(one.values)] for one in labelled + others]))
    left_out = {one.scan: distance_without(labelled, one, "hospital") for one in labelled}
    several = [
        one for one in labelled if len({two.patient for two in labelled if two.hospital == one.hospital}) > 1
    ]
    held_out = {one.scan: distance_without(labelled, one, "patient") for one in several}
    cut = best_cut(list(held_out.values()), list(left_out.values()))
    seen = _seen(labelled, cut)
    print(f"\nspread between patients of one hospital: {_rounded(seen.spread)}; cut: {cut:.2f}\n")
    rows = [[n, *_counts(d, cut)] for n, d in (("left out", left_out), ("held out", held_out))]
    print(table(["scans", "number", "beyond the cut", "distances"], rows) + "\n")
    for name, found in (("left out", left_out), ("held out", held_out)):
        wrong = [s.prefix for s, d in found.items() if (d > cut) != (name == "left out")]
        print(f"{name}, told wrongly: {', '.join(wrong) or 'none'}")
    print("\nwithout a mask, against all sources:")
    for one in others:
        print(f"{one.scan.prefix}: {seen.distance(one.values):.1f}; {'; '.join(seen.unlike(one.values))}")
    if arguments.write is not None:
        named = [one for one in labelled if not arguments.source or one.scan.source in arguments.source]
        content = _seen(named, cut, spread=seen.spread).model_dump(mode="json")
        write_into(arguments.write, {"seen": content})
        print(f"\n{arguments.write}: written")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--keep", type=Path, default=ROOT / "runs" / "appearance.json")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    return parser.parse_args()


def measure_all(data: Path, keep: Path) -> tuple[list[Measured], list[Measured]]:
    """Labelled scans, and raw ones and one of another disease without a mask; numbers are kept in a file."""
    known: dict[str, Values] = json.loads(keep.read_text()) if keep.is_file() else {}
    raw = sorted((data / "3d-mr-ms-longitudinal").glob("*/study?_FLAIR.nii.gz"))
    files = [*raw, data / "stroke-flair" / "FLAIR.nii.gz"]
    others = [Scan(path.parts[-3], path.parent.name, str(path.relative_to(data))) for path in files]
    found = []
    for scan in [*scans_at_hand(data), *others]:
        if set(known.get(scan.prefix, ())) != set(MEASURES):
            file = data / scan.prefix
            images = {"flair": read_volume(file)} if file.is_file() else read_scans(data, scan.prefix)
            known[scan.prefix] = _measure(images)
            keep.parent.mkdir(parents=True, exist_ok=True)
            keep.write_text(json.dumps(known, indent=1))
        found.append(Measured(scan, known[scan.prefix]))
    return found[: len(found) - len(others)], found[len(found) - len(others) :]


def _measure(images: Mapping[str, Volume]) -> Values:
    prepared = prepare(images)
    return measure_appearance(prepared.channels["flair"], prepared.brain, prepared.grid)


def distance_without(labelled: Sequence[Measured], one: Measured, what: str) -> float:
    """Distance of a scan from all scans but those of its hospital, or of its patient."""
    others = [two for two in labelled if getattr(two, what) != getattr(one, what)]
    return _seen(others, 1.0).distance(one.values)


def spreads(labelled: Sequence[Measured]) -> dict[str, float]:
    """Standard deviation between patients of one hospital, pooled over hospitals with several of them."""
    squares, freedom = dict.fromkeys(MEASURES, 0.0), 0
    for hospital in {one.hospital for one in labelled}:
        own = [one for one in labelled if one.hospital == hospital]
        patients = {one.patient for one in own}
        freedom += len(patients) - 1
        for name in MEASURES:
            means = [np.mean([one.values[name] for one in own if one.patient == p]) for p in patients]
            squares[name] += float(np.var(means)) * len(means)
    return {name: (total / max(freedom, 1)) ** 0.5 for name, total in squares.items()}


def _seen(labelled: Sequence[Measured], cut: float, spread: Values | None = None) -> SeenScans:
    sources = {}
    for hospital in sorted({one.hospital for one in labelled}):
        own = [one.values for one in labelled if one.hospital == hospital]
        low, high = ({n: f(v[n] for v in own) for n in MEASURES} for f in (min, max))
        sources[hospital] = SeenSource(scans=len(own), low=_rounded(low), high=_rounded(high))
    return SeenScans(
        cut=cut, spread=_rounded(spreads(labelled) if spread is None else spread), sources=sources
    )


def _rounded(values: Values) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def best_cut(held_out: Sequence[float], left_out: Sequence[float]) -> float:
    """The cut with the smallest share of wrong answers in both kinds together; the middle of the best."""
    values = np.unique([0.0, *held_out, *left_out])
    tried = np.append((values[:-1] + values[1:]) / 2, values[-1] + 1)
    wrong = [np.mean(np.array(held_out) > cut) + np.mean(np.array(left_out) <= cut) for cut in tried]
    return float(round(tried[int(np.argmin(wrong))], 2))


def _counts(found: Mapping[Scan, float], cut: float) -> list[str]:
    d = np.array(list(found.values()))
    return [str(len(d)), str(int((d > cut).sum())), f"{d.min():.1f} to {d.max():.1f}"]


def _cells(values: Values) -> list[str]:
    return [f"{values[name]:.{MEASURES[name].digits}f}" for name in MEASURES]


if __name__ == "__main__":
    main()
