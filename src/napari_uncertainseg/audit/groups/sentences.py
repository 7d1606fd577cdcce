"""What can be said of groups in plain words, and what cannot."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.audit.groups.audit import ALPHA, MOST_PAIRED, GroupsAudit
from napari_uncertainseg.audit.groups.gaps import ALIKE, FEWEST, NO_VALUE, Gap
from napari_uncertainseg.audit.groups.intervals import NARROW
from napari_uncertainseg.audit.groups.measures import MEASURES

_MOST_NAMES = 12


def sentences(audit: GroupsAudit) -> list[str]:
    """What can be said of the whole page."""
    number = len(audit.patients.names)
    said = [f"{pluralised(number, 'patient')}; visits of one patient count once."]
    if without := int(audit.patients.values["dice"].isna().sum()):
        said.append(f"{pluralised(without, 'patient')} without a reference: doubt and lesions to see only.")
    if not audit.tests:
        enough = any(len(audit.tested_groups(attribute)) > 1 for attribute in audit.groups)
        why = (
            f"no measure differs between patients and is known of {FEWEST} in each of two groups"
            if enough
            else f"no two groups have {FEWEST} patients each"
        )
        whom = f"these {number} patients" if number > 1 else "one patient"
        return [*said, f"Nothing can be said about gaps between groups with {whom}: {why}."]
    limit = ALPHA / audit.tests
    if not audit.shown:
        said.append(
            f"No gap is shown in {pluralised(audit.tests, 'test')} (p > {ALPHA:g} after Holm). This does not "
            "mean that there is none: the intervals say how large a gap can be."
        )
    else:
        said.append(
            f"{pluralised(len(audit.shown), 'gap')} shown in {pluralised(audit.tests, 'test')} "
            f"(p <= {ALPHA:g} after Holm)."
        )
    if all(gap.floor > limit for gap in audit.gaps if gap.tested):
        said.append(
            f"With so few patients no test of this page could show any gap: of {audit.tests} tests the first "
            f"needs a p of {limit:.2g} or less, and the smallest that is "
            f"possible is {min(gap.floor for gap in audit.gaps if gap.tested):.2g}. "
            "Compare fewer measures and attributes."
        )
    return said


def of_attribute(audit: GroupsAudit, attribute: str) -> list[str]:
    """What can be said of the groups of one attribute."""
    groups = audit.groups[attribute]
    named = _listed([f"{group} ({pluralised(n, 'patient')})" for group, n in groups.items()])
    unknown = int((audit.patients.groups[attribute] == "").sum())
    said = [f"Groups: {named or 'none'}."]
    if unknown:
        said.append(
            f"{pluralised(unknown, 'patient')} without a value of {attribute} "
            f"{'is' if unknown == 1 else 'are'} left out here."
        )
    if len(groups) < 2:
        return [
            *said,
            "There is one group only: nothing can be compared." if groups else "There is no group.",
        ]
    said += _few(audit, attribute)
    if len(audit.tested_groups(attribute)) < 2:
        return said
    large = audit.tested_groups(attribute)
    own = [
        gap for gap in audit.gaps if gap.attribute == attribute and gap.first in large and gap.second in large
    ]
    said += [shown_gap(gap, own) for gap in own if gap.kind == "raw" and gap.p_holm <= ALPHA]
    said += [_only_adjusted(gap) for gap in _only_after(own)]
    said += _why_not(own)
    return said + _apart(audit, own)


def _few(audit: GroupsAudit, attribute: str) -> list[str]:
    groups, large = audit.groups[attribute], audit.tested_groups(attribute)
    small = [group for group in groups if group not in large]
    said = []
    if small:
        few = f"Fewer than {FEWEST} patients, shown and not tested: {_listed(small)}."
        none = f" So no two groups are tested: nothing can be said about gaps in {attribute}."
        said.append(few if len(large) > 1 else few + none)
    if len(small) > MOST_PAIRED and all(_is_number(group) for group in groups):
        said.append(
            f"The values of {attribute} are numbers: part them into bands, as in "
            f"--bands {attribute}=20,40,60."
        )
    if len(groups) > MOST_PAIRED and len(large) > MOST_PAIRED:
        said.append(
            f"Of {len(large)} groups only the two are compared whose means are farthest apart; the test "
            "takes into account that they were chosen for that, the interval does not."
        )
    if len(large) > 1 and any(groups[group] < NARROW for group in large):
        said.append(
            f"Of groups of fewer than {NARROW} patients intervals are rough, and of values that are very "
            "skew they can be too narrow."
        )
    return said


def shown_gap(gap: Gap, others: Sequence[Gap]) -> str:
    """A raw gap that is shown, and what becomes of it when covariates are taken into account."""
    after = [o for o in others if _same(o, gap) and o.kind in ("adjusted", "matched")]
    parts = [f"{_gap_in_words(gap)}: shown (p {_p(gap.p_holm)} after Holm)"]
    for one in after:
        how = "adjusted" if one.kind == "adjusted" else f"in {pluralised(one.first_n, 'matched pair')}"
        if not one.tested:
            parts.append(f"{how}, it cannot be tested ({one.why_not})")
        else:
            still = "still shown" if one.p_holm <= ALPHA else "no longer shown"
            parts.append(
                f"{how}, it is {number(one, one.value)}{between(one)} and {still} (p {_p(one.p_holm)})"
            )
    return "; ".join(parts) + "."


def _only_after(own: Sequence[Gap]) -> list[Gap]:
    """Gaps that are shown only once covariates are taken into account."""
    raw = [gap for gap in own if gap.kind == "raw" and gap.p_holm <= ALPHA]
    return [
        gap
        for gap in own
        if gap.kind in ("adjusted", "matched")
        and gap.p_holm <= ALPHA
        and not any(_same(gap, one) for one in raw)
    ]


def _only_adjusted(gap: Gap) -> str:
    return f"{_gap_in_words(gap)}, {gap.kind}: shown only so (p {_p(gap.p_holm)} after Holm)."


def _gap_in_words(gap: Gap) -> str:
    measure = MEASURES[gap.measure]
    how = "higher" if gap.value > 0 else "lower"
    unit = f" {measure.unit}" if measure.unit else ""
    worse = {"high": "lower", "low": "higher", "": ""}[measure.better] == how
    rating = " (worse)" if worse else " (better)" if measure.better else ""
    size = number(gap, abs(gap.value))
    title = measure.title[0].upper() + measure.title[1:]
    return f"{title} is {size}{unit} {how}{rating} in {gap.second} than in {gap.first}{between(gap)}"


def between(gap: Gap) -> str:
    """The interval of a gap in brackets; nothing where there is none."""
    if not gap.low <= gap.high:
        return ""
    return f" (95 %: {number(gap, gap.low)} to {number(gap, gap.high)})"


def number(gap: Gap, value: float) -> str:
    """A value of the measure of a gap."""
    return f"{value + 0.0:.3g}"


def _why_not(own: Sequence[Gap]) -> list[str]:
    """Why there are no tests where patients are enough, each reason once."""
    said = []
    for kind in ("adjusted", "matched"):
        reasons: dict[str, list[Gap]] = {}
        for gap in own:
            if gap.kind == kind and gap.why_not and not gap.why_not.startswith("fewer than"):
                reasons.setdefault(gap.why_not, []).append(gap)
        said += [
            f"Not {kind} for covariates ({gaps[0].first} and {gaps[0].second}): {why}."
            for why, gaps in reasons.items()
            if why != ALIKE
        ]
    few = [gap for gap in own if gap.kind == "matched" and gap.why_not == f"fewer than {FEWEST} pairs"]
    if few:
        most = max(gap.first_n for gap in few)
        said.append(
            f"{few[0].first} and {few[0].second}: at most {pluralised(most, 'pair')} of patients who are "
            f"alike in the covariates; fewer than {FEWEST} are shown, not tested."
        )
    nothing = sorted(
        {MEASURES[gap.measure].titled for gap in own if gap.kind == "raw" and gap.why_not == NO_VALUE}
    )
    if nothing:
        said.append(f"A group has no patient with a value of {', '.join(nothing)}.")
    alike = sorted({MEASURES[gap.measure].titled for gap in own if gap.why_not == ALIKE})
    if alike:
        said.append(f"All patients that are compared have the same value of {', '.join(alike)}: no test.")
    return said


def _apart(audit: GroupsAudit, own: Sequence[Gap]) -> list[str]:
    """Where an adjusted gap compares patients as there are none: groups that do not meet in a number."""
    said = {}
    for gap in own:
        if gap.kind != "adjusted" or not gap.tested:
            continue
        of = audit.patients.groups[gap.attribute]
        for covariate in audit.patients.covariates:
            if not covariate.is_number or covariate.name == gap.attribute:
                continue
            one, two = (
                covariate.values[(of == group) & covariate.known] for group in (gap.first, gap.second)
            )
            if max(one.min(), two.min()) > min(one.max(), two.max()):
                said[gap.first, gap.second, covariate.name] = (
                    f"The groups {gap.first} and {gap.second} do not overlap in {covariate.name}: what is "
                    "left after adjusting for it rests on a straight line alone."
                )
    return list(said.values())


def _same(one: Gap, other: Gap) -> bool:
    return (one.measure, one.first, one.second) == (other.measure, other.first, other.second)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if more <= 0 else f"{shown} and {more} more"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
