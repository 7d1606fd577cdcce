"""All groups of a cohort compared: every attribute, measure and pair, with one correction for all tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.groups.bands import in_order
from napari_uncertainseg.audit.groups.gaps import FEWEST, Gap, compare, untested
from napari_uncertainseg.audit.groups.measures import MEASURES
from napari_uncertainseg.audit.groups.patients import Patients
from napari_uncertainseg.audit.groups.permutation import farthest_test
from napari_uncertainseg.explain.drivers.statistics.holm import holm

ALPHA = 0.05
MOST_PAIRED = 4
"""Groups of an attribute up to which every two are compared; of more, the lowest and the highest mean."""
MOST_DRAWS = 1_000_000


@dataclass(frozen=True)
class GroupsSetting:
    """How groups are compared.

    Attributes
    ----------
    measures
        Names of `MEASURES`; each is one more test for each pair of groups.
    draws
        Permutations, where not all are looked at.
    seed
        Of permutations and intervals.
    """

    measures: tuple[str, ...] = tuple(MEASURES)
    draws: int = 9_999
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = next((name for name in self.measures if name not in MEASURES), None)
        if unknown is not None:
            raise InputError(f"There is no measure '{unknown}'; there are {', '.join(MEASURES)}.")
        if not self.measures:
            raise InputError(f"No measure is named; there are {', '.join(MEASURES)}.")
        if not 99 <= self.draws <= MOST_DRAWS:
            raise InputError(
                f"{self.draws} draws are too few or too many: p can be no smaller than 1 in as many; "
                f"give 99 to {MOST_DRAWS}."
            )


@dataclass(frozen=True, eq=False)
class GroupsAudit:
    """What was found.

    Attributes
    ----------
    patients
        Who was compared.
    setting
        How.
    gaps
        By attribute and measure.
    groups
        Groups of each attribute with the number of their patients, in the order in which they are shown.
    """

    patients: Patients
    setting: GroupsSetting
    gaps: tuple[Gap, ...]
    groups: dict[str, dict[str, int]]

    @property
    def tests(self) -> int:
        """Number of tests that were corrected for."""
        return sum(gap.tested for gap in self.gaps)

    @property
    def shown(self) -> tuple[Gap, ...]:
        """Gaps that are shown after correction."""
        return tuple(gap for gap in self.gaps if gap.p_holm <= ALPHA)

    def tested_groups(self, attribute: str) -> list[str]:
        """Groups with enough patients for a test."""
        return [group for group, n in self.groups[attribute].items() if n >= FEWEST]


def audit_groups(
    patients: Patients, setting: GroupsSetting | None = None, progress: Progress = silent
) -> GroupsAudit:
    """Compare the groups of all attributes.

    Parameters
    ----------
    patients
        With groups, and perhaps covariates.
    setting
        How; the default if None.
    progress
        Told before each attribute and measure; may raise ``Cancelled``.
    """
    setting = setting or GroupsSetting()
    groups = {name: _groups(of) for name, of in patients.groups.items()}
    parts = [(attribute, measure) for attribute in groups for measure in setting.measures]
    gaps: list[Gap] = []
    for number, (attribute, measure) in enumerate(parts):
        progress(f"{attribute}: {MEASURES[measure].title}", number / len(parts))
        gaps += _gaps(patients, attribute, measure, groups[attribute], setting)
    corrected = holm(np.array([gap.p for gap in gaps], float))
    return GroupsAudit(
        patients,
        setting,
        tuple(replace(gap, p_holm=float(p)) for gap, p in zip(gaps, corrected, strict=True)),
        groups,
    )


def _groups(of: np.ndarray) -> dict[str, int]:
    """Groups and their sizes, by name; numbers in their order."""
    names = sorted({name for name in of if name}, key=in_order)
    return {name: int((of == name).sum()) for name in names}


def _gaps(
    patients: Patients, attribute: str, measure: str, groups: dict[str, int], setting: GroupsSetting
) -> list[Gap]:
    large = [group for group, n in groups.items() if n >= FEWEST]
    if len(groups) > MOST_PAIRED and len(large) > MOST_PAIRED:
        return _farthest(patients, attribute, measure, large, setting)
    found: list[Gap] = []
    for first, second in combinations(groups if len(groups) <= MOST_PAIRED else large, 2):
        found += _of_pair(patients, Gap(attribute, measure, first, second, "raw"), setting)
    return found


def _of_pair(patients: Patients, about: Gap, setting: GroupsSetting) -> list[Gap]:
    of = patients.groups[about.attribute]
    who = np.flatnonzero((of == about.first) | (of == about.second))
    values = patients.values[about.measure].to_numpy(float)[who]
    others = [one for one in patients.covariates if one.name != about.attribute]
    return compare(
        about,
        values,
        of[who] == about.second,
        others,
        who,
        draws=setting.draws,
        seed=setting.seed,
    )


def _farthest(
    patients: Patients, attribute: str, measure: str, groups: Sequence[str], setting: GroupsSetting
) -> list[Gap]:
    """The gap between the lowest and the highest mean of many groups, tested as the farthest of all."""
    values, of = patients.values[measure].to_numpy(float), patients.groups[attribute]
    own = [group for group in groups if np.isfinite(values[of == group]).sum() >= FEWEST]
    if len(own) < 2:
        return []
    who = np.flatnonzero(np.isfinite(values) & np.isin(of, own))
    number = np.array([own.index(group) for group in of[who]])
    means = np.array([values[who][number == i].mean() for i in range(len(own))])
    low, high = int(means.argmin()), int(means.argmax())
    if low == high:
        low, high = 0, 1
    raw, *rest = _of_pair(patients, Gap(attribute, measure, own[low], own[high], "raw"), setting)
    rng = np.random.default_rng(setting.seed)
    if raw.tested:
        found = farthest_test(values[who], number, (low, high), setting.draws, rng)
        raw = replace(raw, p=found.p, floor=found.floor, exact=False)
    return [raw, *(untested(gap, "these groups were chosen for being farthest apart") for gap in rest)]
