"""Do the tests and intervals of groups hold what they say? The simulations in docs/audit.md.

usage: python experiments/audit_groups_worlds.py [--worlds 500]

Worlds without a gap: in which share any gap is shown. Worlds with one: how often it is shown, raw, adjusted
and matched. How often a 95 % interval holds the true gap.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg.audit.cohort import AuditCase, AuditCohort
from napari_uncertainseg.audit.groups.audit import ALPHA, GroupsAudit, GroupsSetting, audit_groups
from napari_uncertainseg.audit.groups.intervals import raw_interval
from napari_uncertainseg.audit.groups.measures import REFERENCE_ML
from napari_uncertainseg.audit.groups.patients import covariates_of, patients_of
from napari_uncertainseg.audit.groups.permutation import as_extreme, raw_test, welch

MEASURES = ("dice", "missed_ml", "mean_doubt", "to_see")


@dataclass(frozen=True)
class World:
    """How a cohort of two groups is made.

    Attributes
    ----------
    sizes
        Patients of the groups a and b.
    gap
        True difference of the means, in standard deviations of the patients of group a.
    spread
        How many times more the patients of b differ.
    values
        Of the patients: ``"normal"``, ``"skew"`` (exponential of normal values), ``"dice"`` (near 1, with a
        long tail below) or ``"ties"`` (three values, most of them equal).
    visits
        At most so many of a patient, one at least; they differ as much as patients do.
    confounder
        How far the groups differ in age, in standard deviations; measures follow age and not the group.
    """

    sizes: tuple[int, int]
    gap: float = 0.0
    spread: float = 1.0
    values: str = "normal"
    visits: int = 1
    confounder: float = 0.0


HARMLESS: Mapping[str, World] = {
    "12 and 12": World((12, 12)),
    "5 and 20": World((5, 20)),
    "5 and 20, b differs 3 times as much": World((5, 20), spread=3),
    "20 and 5, b differs 3 times as much": World((20, 5), spread=3),
    "12 and 12, b differs 3 times as much": World((12, 12), spread=3),
    "5 and 20, skew": World((5, 20), values="skew"),
    "5 and 20, ties": World((5, 20), values="ties"),
    "12 and 12, ties": World((12, 12), values="ties"),
    "5 and 20, like Dice": World((5, 20), values="dice"),
    "12 and 12, 1 to 4 visits": World((12, 12), visits=4),
    "20 and 5, 1 to 4 visits, b differs 3 times as much": World((20, 5), spread=3, visits=4),
}
"""No gap is there, and at most 5 of 100 may show one."""
TOO_HARD: Mapping[str, World] = {
    "20 and 5, like Dice, b differs 3 times as much": World((20, 5), spread=3, values="dice"),
    "20 and 5, skew, b differs 3 times as much": World((20, 5), spread=3, values="skew"),
    "20 and 5, ties, b differs 3 times as much": World((20, 5), spread=3, values="ties"),
    "40 and 40, skew, b differs 3 times as much": World((40, 40), spread=3, values="skew"),
}
"""The means are equal and nothing else is: here tests of means fail, and the documentation says so."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--worlds", type=int, default=500)
    worlds = parser.parse_args().worlds
    print("| no gap is there | any gap shown, % |\n| --- | --- |")
    for name, world in (HARMLESS | TOO_HARD).items():
        print(f"| {name} | {100 * share_with_findings(world, worlds):.1f} |", flush=True)
    print("\n| one test, no gap is there | gap permuted, % | gap in standard errors, % | ours, % |")
    print("| --- | --- | --- | --- |")
    for name in ("12 and 12", "5 and 20", "20 and 5, b differs 3 times as much"):
        shares = [f"{100 * share:.1f}" for share in one_test(HARMLESS[name], 2 * worlds)]
        print(f"| {name} | {' | '.join(shares)} |", flush=True)
    print("\n| patients | gap of each measure (SD) | shown, % of measures |\n| --- | --- | --- |")
    for sizes in ((5, 5), (5, 20), (12, 12), (30, 30), (60, 60)):
        for gap in (0.5, 1.0, 2.0):
            print(
                f"| {sizes[0]} and {sizes[1]} | {gap:g} | {100 * power(World(sizes, gap), worlds):.0f} |",
                flush=True,
            )
    print("\n| groups differ in age only | gap | shown, % of worlds | mean gap |\n| --- | --- | --- | --- |")
    for sizes in ((20, 20), (40, 40), (20, 60)):
        found = through_confounder(World(sizes, confounder=1.5), max(worlds // 5, 20))
        for kind, (shown, mean) in found.items():
            print(f"| {sizes[0]} and {sizes[1]} | {kind} | {100 * shown:.0f} | {mean:.2f} |", flush=True)
    print(
        "\n| true gap beside a confounder | gap | shown, % of worlds | mean gap |\n| --- | --- | --- | --- |"
    )
    found = through_confounder(World((40, 40), gap=1.0, confounder=1.0), max(worlds // 5, 20))
    for kind, (shown, mean) in found.items():
        print(f"| 40 and 40, 1 | {kind} | {100 * shown:.0f} | {mean:.2f} |", flush=True)
    print("\n| 95 % intervals | hold the gap, % |\n| --- | --- |")
    for name, world in (HARMLESS | TOO_HARD).items():
        if world.visits == 1:
            print(f"| {name} | {100 * coverage(world, worlds):.1f} |", flush=True)


def draw(rng: np.random.Generator, values: str, size: int) -> np.ndarray:
    """Values of patients with a mean of 0 and a standard deviation of 1."""
    if values == "skew":
        return np.asarray((rng.lognormal(0, 1, size) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e))
    if values == "dice":
        return np.asarray((rng.beta(5, 1.5, size) - 5 / 6.5) / np.sqrt(5 * 1.5 / (6.5**2 * 7.5)))
    if values == "ties":
        return np.asarray((rng.choice([0, 0, 0, 1, 5], size) - 1.2) / np.sqrt(26 / 5 - 1.44))
    return rng.normal(0, 1, size)


def cohort(world: World, seed: int) -> tuple[AuditCohort, pd.DataFrame]:
    """A cohort with an attribute ``group`` and a covariate ``age``, and what was measured of it."""
    rng = np.random.default_rng(seed)
    cases, rows = [], []
    group_of = np.repeat(["a", "b"], world.sizes)
    for group in ("a", "b"):
        own = int((group_of == group).sum())
        is_b = float(group == "b")
        age = rng.normal(world.confounder * is_b, 1, own)
        shift = world.gap * is_b + (1.5 * age if world.confounder else 0.0)
        true = {
            name: shift + (1 + (world.spread - 1) * is_b) * draw(rng, world.values, own) for name in MEASURES
        }
        for k in range(own):
            for visit in range(int(rng.integers(1, world.visits + 1))):
                noise = rng.normal(0, 1) if world.visits > 1 else 0.0
                about = {"group": group, "age": f"{50 + 10 * age[k]:.3f}"}
                name = f"{group}{k}"
                cases.append(AuditCase(f"{name}-{visit}", Path(name), name, None, about))
                rows.append({measure: true[measure][k] + noise for measure in MEASURES} | {REFERENCE_ML: 1.0})
    return AuditCohort(tuple(cases), (), Path("world")), pd.DataFrame(rows)


def audited(world: World, seed: int, covariates: tuple[str, ...] = ()) -> GroupsAudit:
    """The audit of one world."""
    found, measured = cohort(world, seed)
    patients = patients_of(found, measured, ["group"], covariates_of(found, measured, covariates))
    return audit_groups(patients, GroupsSetting(MEASURES, draws=1_999, seed=seed))


def one_test(world: World, worlds: int) -> tuple[float, float, float]:
    """Share of worlds with p at most 0.05: of permuted gaps, of gaps in standard errors, and of our test."""
    found = []
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        values = np.append(
            draw(rng, world.values, world.sizes[0]), world.spread * draw(rng, world.values, world.sizes[1])
        )
        second = np.repeat([False, True], world.sizes)
        labels = rng.permuted(np.tile(second, (999, 1)), axis=1)
        both = zip(welch(values, labels), welch(values, second[None]), strict=True)
        plain = [(as_extreme(drawn, seen[0]) + 1) / 1000 for drawn, seen in both]
        found.append([*plain, raw_test(values, second, 999, rng).p])
    return tuple((np.array(found) <= ALPHA).mean(0).tolist())


def share_with_findings(world: World, worlds: int) -> float:
    """Share of worlds in which any gap is shown."""
    return float(np.mean([bool(audited(world, seed).shown) for seed in range(worlds)]))


def power(world: World, worlds: int) -> float:
    """Share of the measures, all with the same true gap, whose gap is shown."""
    return float(np.mean([len(audited(world, seed).shown) / len(MEASURES) for seed in range(worlds)]))


def through_confounder(world: World, worlds: int) -> dict[str, tuple[float, float]]:
    """Of each kind of gap: share of the worlds in which any is shown, and the mean gap."""
    found = [audited(world, seed, ("age",)) for seed in range(worlds)]
    return {
        kind: (
            float(np.mean([any(gap.kind == kind for gap in one.shown) for one in found])),
            float(np.nanmean([gap.value for one in found for gap in one.gaps if gap.kind == kind])),
        )
        for kind in ("raw", "adjusted", "matched")
    }


def coverage(world: World, worlds: int) -> float:
    """How often the interval of one measure's raw gap holds the true one."""
    held = []
    for seed in range(worlds):
        found, measured = cohort(world, seed)
        second = np.array([case.attributes["group"] == "b" for case in found.cases])
        values = measured[MEASURES[0]].to_numpy(float)
        low, high = raw_interval(values, second, np.random.default_rng(seed))
        if np.isfinite(low):
            held.append(low <= world.gap <= high)
    return float(np.mean(held))


if __name__ == "__main__":
    main()
