"""Do 90 % intervals of volume and number of lesions hold 90 %? Simulated worlds, the hard ones among them.

usage: python experiments/patient_intervals.py [--worlds 2000]

In each world patients with a reference give a record, and one scan of a further patient is looked at. A
world says how errors come about: how far members' spread tells them, whether many scans have no lesion, how
visits of a patient go together. Printed is how often the interval holds the reader's value (it should be at
least 90 %), how wide it is, and the same where each visit counts as a patient, which is wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from comparing import table

from napari_uncertainseg.calibration.patients.intervals import (
    QUANTITIES,
    PatientLoads,
    SaidAndTrue,
    spread_of,
)

LEVEL = 0.9
MEMBERS = 15


class Scans(NamedTuple):
    """Scans of a world: whose, members' values and the mean's, and the reader's; volumes, then counts."""

    patients: np.ndarray
    said: dict[str, np.ndarray]
    members: dict[str, np.ndarray]
    true: dict[str, np.ndarray]


class World(NamedTuple):
    """How scans come about.

    Attributes
    ----------
    told
        Share of the members' spread that goes with the size of the error; None: all members are equal.
    empty
        Share of patients without a lesion.
    visits
        Most visits of a patient; each has 1 to so many.
    shared
        Share of an error that is the patient's own, the same at all visits.
    ties
        Whether there are only few different scans: rounded volumes and small counts.
    shift
        Added to the errors of the further patient's site, in logarithms.
    """

    told: float | None = 1.0
    empty: float = 0.0
    visits: int = 1
    shared: float = 0.8
    ties: bool = False
    shift: float = 0.0


WORLDS = {
    "errors as large as the members' spread says": World(),
    "errors that the members' spread does not tell": World(told=0.0),
    "all members equal (spread 0)": World(told=None),
    "half of the patients have no lesion": World(empty=0.5),
    "ties: few different scans": World(ties=True),
    "1 to 6 visits": World(visits=6),
    "1 to 6 visits, no lesion in half": World(visits=6, empty=0.5),
    "another site: the model finds half of it": World(shift=0.7),
}


def draw(world: World, patients: int, rng: np.random.Generator, *, further: bool = False) -> Scans:
    """Scans of a number of patients; of a further one, one visit of another site where there is one."""
    visits = np.ones(patients, int) if further else rng.integers(1, world.visits + 1, patients)
    whose = np.repeat(np.arange(patients), visits)
    n = len(whose)
    hard = rng.lognormal(-1.2, 0.7, patients)[whose]  # standard deviation of the logarithm's error
    own, now = rng.standard_normal(patients)[whose], rng.standard_normal(n)
    error = hard * (np.sqrt(world.shared) * own + np.sqrt(1 - world.shared) * now)
    error = error + 0.2  # the model outlines less than the readers
    error += world.shift if further else 0.0
    volume = rng.lognormal(2, 1, patients)[whose] * rng.lognormal(0, 0.2, n)
    count = rng.poisson(3 * volume**0.6) + 1.0
    without = rng.random(patients)[whose] < world.empty
    said_v = np.where(without, rng.choice([0.0, 0.02, 0.3], n), volume * np.exp(-error))
    said_n = np.where(without, np.ceil(said_v * 4), np.round(count * np.exp(-error)))
    true_v, true_n = np.where(without, 0.0, volume), np.where(without, 0.0, count)
    if world.ties:
        said_v, true_v = np.round(said_v / 5) * 5, np.round(true_v / 5) * 5
        said_n, true_n = np.round(said_n / 10) * 10, np.round(true_n / 10) * 10
    spread = np.zeros(n) if world.told is None else hard**world.told * np.exp(-1.2 * (1 - world.told))
    if world.told == 0.0:
        spread = rng.permutation(hard)
    factor = np.exp(spread * rng.standard_normal((MEMBERS, n)) * 0.5)
    members = {"volume_ml": said_v * factor, "lesions": np.round(said_n * factor)}
    said = {"volume_ml": said_v, "lesions": said_n}
    return Scans(whose, said, members, {"volume_ml": true_v, "lesions": true_n})


def record_of(scans: Scans, patients: np.ndarray | None = None) -> PatientLoads:
    """What is kept of these scans."""
    own = {
        name: SaidAndTrue(scans.said[name], _spreads(scans, name), scans.true[name]) for name in QUANTITIES
    }
    return PatientLoads(scans.patients if patients is None else patients, own)


def _spreads(scans: Scans, name: str) -> np.ndarray:
    return np.array([spread_of(members, name) for members in scans.members[name].T])


class Found(NamedTuple):
    """Of one quantity in many worlds of a kind: how often it holds, how often there is none, its width."""

    held: float
    none: float
    width: float


def simulate(
    world: World, patients: int, worlds: int, seed: int = 0, *, visits_as_patients: bool = False
) -> dict[str, Found]:
    """Coverage among the intervals that there are, for volume and count."""
    rng = np.random.default_rng([seed, patients])
    held: dict[str, list[bool]] = {name: [] for name in QUANTITIES}
    widths: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    for _ in range(worlds):
        known, new = draw(world, patients, rng), draw(world, 1, rng, further=True)
        record = record_of(known, np.arange(len(known.patients)) if visits_as_patients else None)
        for name in QUANTITIES:
            found = record.interval(name, float(new.said[name][0]), _spreads(new, name)[0], LEVEL)
            if found.low is None or found.high is None:
                continue
            held[name].append(found.holds(float(new.true[name][0])))
            # The reader's value is seldom 0: a width as a share of it, of volumes above a tenth of a ml.
            widths[name].append((found.high - found.low) / max(float(new.said[name][0]), 0.5))

    def one(name: str) -> Found:
        share = float(np.mean(held[name])) if held[name] else np.nan
        width = float(np.median(widths[name])) if widths[name] else np.nan
        return Found(share, 1 - len(held[name]) / worlds, width)

    return {name: one(name) for name in QUANTITIES}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--worlds", type=int, default=2000)
    worlds = parser.parse_args().worlds
    rows = [
        [name, str(n), *_cells(simulate(world, n, worlds), _percent, _width)]
        for name, world in WORLDS.items()
        for n in (9, 12, 30)
    ]
    head = ["world", "patients", "volume: holds", "width", "count: holds", "width"]
    print(f"{worlds} worlds each; width: high less low, as a share of what the model says, median\n")
    print(table(head, rows))
    rows = []
    for visits, n in ((4, 3), (4, 9), (4, 30)):
        world = World(visits=visits, shared=1.0)
        right = simulate(world, n, worlds)
        wrong = simulate(world, n, worlds, visits_as_patients=True)
        cells = [_percent(found[name]) for found in (right, wrong) for name in QUANTITIES]
        rows.append([f"1 to {visits}", str(n), *cells])
    print("\nErrors that a patient has at all visits:\n")
    head = [
        "visits",
        "patients",
        "volume",
        "count",
        "volume, visits as patients",
        "count, visits as patients",
    ]
    print(table(head, rows))


def _cells(found: dict[str, Found], *cells: Callable[[Found], str]) -> list[str]:
    return [cell(found[name]) for name in QUANTITIES for cell in cells]


def _percent(found: Found) -> str:
    return "no interval" if found.none == 1 else f"{100 * found.held:.1f}"


def _width(found: Found) -> str:
    return f"{found.width:.1f}"


if __name__ == "__main__":
    main()
