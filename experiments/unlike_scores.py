"""Which score tells scans that are unlike those a model learnt from: AUROC of each against planted changes.

usage: python experiments/unlike_scores.py [--keep FILE.json]

Reads what unlike_measures.py kept. Labelled scans as they are count as like. No score is fitted on a patient
that it is asked about (patient left out), and, in the second table, on none of its hospital (hospital left
out): of a changed scan neither. AUROC with 95 % intervals from drawing patients anew: all scans of a patient
come together. The cut is the largest value of like patients when each is left out in turn; alarms are counted
with each patient, or hospital, left out of the choice of the cut as well.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from comparing import table
from left_out import HOSPITALS
from sklearn.covariance import LedoitWolf
from sources import ROOT

from napari_uncertainseg.networks.seen_scans import MEASURES, SeenScans, SeenSource

LIKE = "as it is"
DRAWS = 1000


class Known(NamedTuple):
    """A scan: what it is, whose, and its numbers."""

    kind: str
    hospital: str
    patient: str
    numbers: Mapping[str, Any]


Score = Callable[[Sequence[Known], Known], float]
"""From like scans that it is fitted on, and a scan: higher is more unlike."""


def _logs(scan: Known) -> np.ndarray:
    """What the network says of the scan, on scales where differences are alike."""
    n = scan.numbers
    return np.array([
        np.log(n["entropy"] + 1e-4),
        np.log(n["outlined_ml"] + 0.1),
        np.log(n["expected_ml"] + 0.1),
        np.log(1 - n["highest"] + 1e-3),
        n["doubtful"],
    ])  # fmt: skip


def farthest(fitted: Sequence[Known], scan: Known) -> float:
    """Largest deviation of what the network says from the like scans, standard deviations."""
    values = np.array([_logs(one) for one in fitted])
    spread = np.maximum(values.std(axis=0, ddof=1), 0.05)
    return float(np.max(np.abs(_logs(scan) - values.mean(axis=0)) / spread))


def appearance(fitted: Sequence[Known], scan: Known) -> float:
    """The program's own: distance of seven numbers from the most similar source."""
    sources = {}
    for hospital in sorted({one.hospital for one in fitted}):
        own = [one.numbers["appearance"] for one in fitted if one.hospital == hospital]
        low, high = ({m: f(v[m] for v in own) for m in MEASURES} for f in (min, max))
        sources[hospital] = SeenSource(scans=len(own), low=low, high=high)
    squares, freedom = dict.fromkeys(MEASURES, 0.0), 0
    for hospital in sources:
        own = [one for one in fitted if one.hospital == hospital]
        people = sorted({one.patient for one in own})
        freedom += len(people) - 1
        for m in MEASURES:
            means = [np.mean([o.numbers["appearance"][m] for o in own if o.patient == p]) for p in people]
            squares[m] += float(np.var(means)) * len(means)
    spread = {m: (total / max(freedom, 1)) ** 0.5 for m, total in squares.items()}
    return SeenScans(cut=1.0, spread=spread, sources=sources).distance(scan.numbers["appearance"])


def mahalanobis(stage: int) -> Score:
    """Of a stage's mean activations, from the nearest hospital's mean; shrunk covariance within hospitals."""

    def score(fitted: Sequence[Known], scan: Known) -> float:
        names = sorted({one.hospital for one in fitted})
        own = np.array([one.numbers["stages"][stage] for one in fitted], float)
        scale = own.std(axis=0) + 1e-6
        own = own / scale
        which = np.array([names.index(one.hospital) for one in fitted])
        means = np.array([own[which == i].mean(axis=0) for i in range(len(names))])
        shape = LedoitWolf(assume_centered=True).fit(own - means[which])
        away = np.array(scan.numbers["stages"][stage], float) / scale - means
        return float(min(shape.mahalanobis(away)))

    return score


def plain(key: str, sign: float) -> Score:
    """A number as it is: nothing is fitted."""
    return lambda fitted, scan: sign * float(scan.numbers[key])


SCORES: Mapping[str, Score] = {
    "bottleneck, Mahalanobis": mahalanobis(-1),
    "stage at 2 mm, Mahalanobis": mahalanobis(1),
    "layers disagree": plain("agreement", -1),
    "largest probability is low": plain("highest", -1),
    "mean of max(p, 1 - p) is low": plain("confidence", -1),
    "entropy of the brain is high": plain("entropy", 1),
    "farthest number of the result": farthest,
    "appearance (ships)": appearance,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--keep", type=Path, default=ROOT / "runs" / "unlike.json")
    scans = read(parser.parse_args().keep)
    counts = {kind: sum(one.kind == kind for one in scans) for kind in dict.fromkeys(s.kind for s in scans)}
    print("scans: " + ", ".join(f"{kind} {n}" for kind, n in counts.items()) + "\n")
    kinds = [kind for kind in counts if kind != LIKE]
    for what in ("patient", "hospital"):
        found = {name: values(score, scans, what) for name, score in SCORES.items()}
        rows = [[name, *(cell(scans, own, kind) for kind in kinds)] for name, own in found.items()]
        print(f"AUROC, {what} left out\n\n" + table(["score", *kinds], rows) + "\n")
        rows = [[name, *alarms(scans, own, kinds, what)] for name, own in found.items()]
        print(
            f"beyond the cut, {what} left out\n\n" + table(["score", "like, left out", *kinds], rows) + "\n"
        )


def read(keep: Path) -> list[Known]:
    """All scans that were measured."""
    content = json.loads(keep.read_text())
    return [
        Known(n["kind"], HOSPITALS.get(n["source"], n["source"]), f"{n['source']}/{n['patient']}", n)
        for n in content.values()
        if "stages" in n
    ]


def values(score: Score, scans: Sequence[Known], what: str) -> np.ndarray:
    """The score of each scan, fitted on like scans of other patients, or of other hospitals."""
    like = [one for one in scans if one.kind == LIKE]
    return np.array([
        score([one for one in like if getattr(one, what) != getattr(scan, what)], scan) for scan in scans
    ])  # fmt: skip


def auroc(unlike: np.ndarray, like: np.ndarray) -> float:
    """Probability that an unlike scan scores higher than a like one; ties count half."""
    return float(np.mean((unlike[:, None] > like) + 0.5 * (unlike[:, None] == like)))


def cell(scans: Sequence[Known], own: np.ndarray, kind: str) -> str:
    """AUROC of one kind against the like scans, with an interval over patients."""
    patients = sorted({one.patient for one in scans if one.kind in (LIKE, kind)})
    parts = {
        p: tuple(own[[s.patient == p and s.kind == k for s in scans]] for k in (kind, LIKE)) for p in patients
    }
    value = auroc(*(np.concatenate([parts[p][i] for p in patients]) for i in (0, 1)))
    rng, drawn = np.random.default_rng(0), []
    for _ in range(DRAWS):
        chosen = rng.choice(patients, len(patients))
        unlike, like = (np.concatenate([parts[p][i] for p in chosen]) for i in (0, 1))
        if len(unlike) and len(like):
            drawn.append(auroc(unlike, like))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def alarms(scans: Sequence[Known], own: np.ndarray, kinds: Sequence[str], what: str) -> list[str]:
    """How many of each kind lie beyond the largest value of like ones of other patients, or hospitals."""
    like = np.array([one.kind == LIKE for one in scans])
    group = np.array([getattr(one, what) for one in scans])
    beyond = np.array([v > own[like & (group != g)].max() for v, g in zip(own, group, strict=True)])
    which = [np.array([one.kind == kind for one in scans]) for kind in (LIKE, *kinds)]
    return [f"{int(beyond[mask].sum())} of {int(mask.sum())}" for mask in which]


if __name__ == "__main__":
    main()
