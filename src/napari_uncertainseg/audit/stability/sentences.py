"""What can be said of stability in plain words, and what cannot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.audit.stability.analysis import (
    FEW_PEOPLE,
    LESIONS,
    PERSONS,
    MeasuredStability,
    Stability,
)
from napari_uncertainseg.audit.stability.images import mean_over_people
from napari_uncertainseg.audit.stability.measures import AGREEMENT, DOUBT, PERSON_MEASURES, RADIOMICS
from napari_uncertainseg.audit.stability.measures import LESIONS as LESION_GROUP
from napari_uncertainseg.audit.stability.reliability import FEWEST, Estimate

GOOD = 0.75
"""From here on an ICC is usually called good (Koo and Li, J Chiropr Med 15:155, 2016)."""
_MOST_NAMES = 8
_TITLES = {one.name: one.title for one in PERSON_MEASURES}


def between(estimate: Estimate, digits: int = 2) -> str:
    """A number with its interval."""
    if not estimate.known:
        return "not given"
    value = f"{estimate.value:.{digits}f}"
    if not math.isfinite(estimate.low):
        return value
    return f"{value} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def sentences(found: Stability) -> list[str]:
    """What can be said of one set of acquisitions."""
    return [
        _what(found),
        *_persons(found),
        *_doubt(found),
        *_lesions(found),
        *_radiomics(found),
        *_moves(found),
        *_images(found),
        *_limits(found),
    ]


def _what(found: Stability) -> str:
    names = ", ".join(found.acquisitions[:_MOST_NAMES])
    more = len(found.acquisitions) - _MOST_NAMES
    how = (
        "The acquisitions are imitated: no scanner made them, and what is said holds for these imitations."
        if found.imitated
        else "The acquisitions are real: the person may have changed between them, and what a disease "
        "does counts here as what the acquisition does."
    )
    harmonised = f" Scans were harmonised by {found.harmonised}." if found.harmonised else ""
    return (
        f"{_people(len(found.people))}, {pluralised(len(found.acquisitions), 'acquisition')}: {names}"
        f"{f' and {more} more' if more > 0 else ''}. {how}{harmonised}"
    )


def _people(count: int) -> str:
    return "One person" if count == 1 else f"{count} people"


def _persons(found: Stability) -> list[str]:
    said = []
    few = [one for one in found.of(PERSONS, LESION_GROUP, DOUBT) if one.agreement and one.people < FEWEST]
    if few:
        said.append(
            f"No ICC of people is given: {_people(len(found.people)).lower()} cannot show how people "
            "differ from each "
            f"other, and at least {FEWEST} are needed. The smallest detectable change is that of these "
            "people."
        )
    for one in found.of(PERSONS, LESION_GROUP):
        agreement = one.agreement
        if agreement is None or one.measure.name == "mean_probability":
            continue
        detectable = agreement.detectable
        change, low, high = detectable.value, detectable.low, detectable.high
        share = f", {100 * change / agreement.mean:.0f} % of the mean" if agreement.mean > 0 else ""
        icc = (
            f"agrees with ICC(2,1) {between(agreement.icc2)}; a"
            if agreement.icc2.known
            else "has no ICC here: a"
        )
        unit = f" {one.measure.unit}" if one.measure.unit else ""
        said.append(
            f"{one.measure.title} {icc} change below {change:.3g}{unit}{share} cannot be told from another "
            f"acquisition (smallest detectable change{_span(low, high, change)})."
        )
    return said


def _span(low: float, high: float, value: float) -> str:
    """The 95 % interval of a change; nothing where it has none."""
    return f"; 95 %: {low:.3g} to {high:.3g}" if math.isfinite(high) and value > 0 else ""


def _doubt(found: Stability) -> list[str]:
    known = [one for one in found.of(PERSONS, DOUBT) if one.agreement and one.agreement.icc2.known]
    if len(known) < 2:
        return []
    ranked = sorted(known, key=_icc, reverse=True)
    best, worst = ranked[0], ranked[-1]
    return [
        f"Of {len(known)} measures of a person's doubt, {_named(best)} agrees best with ICC(2,1) "
        f"{between(best.agreement.icc2)}, and {_named(worst)} worst with {between(worst.agreement.icc2)}."  # type: ignore[union-attr]
    ]


def _named(one: MeasuredStability) -> str:
    title = one.measure.title
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def _icc(one: MeasuredStability) -> float:
    return one.agreement.icc2.value if one.agreement else math.nan


def _lesions(found: Stability) -> list[str]:
    known = [one for one in found.of(LESIONS, LESION_GROUP, DOUBT) if one.agreement]
    if not known:
        return ["No lesion is in all acquisitions, so nothing can be said about single lesions."]
    doubt = sorted((one for one in known if one.measure.group == DOUBT and _icc(one) == _icc(one)), key=_icc)
    said = []
    if doubt:
        first, agreement = doubt[-1], doubt[-1].agreement
        last = doubt[0]
        assert agreement is not None
        said.append(
            f"Of single lesions, {agreement.targets} were in all acquisitions compared, and "
            f"{first.left_out} of the "
            "first acquisition were not and are left out, which flatters: lesions that come and go are the "
            "least "
            f"stable ones. {first.measure.title} agrees best with ICC(2,1) {between(agreement.icc2)}, "
            f"{_named(last)} worst with {between(last.agreement.icc2)}."  # type: ignore[union-attr]
        )
    if len(found.people) < FEW_PEOPLE:
        said.append(
            "Lesions of one person are not independent of each other. With "
            f"{_people(len(found.people)).lower()} the "
            "intervals of lesions take them as if they were, and are too narrow."
        )
    if dropped := sorted({name for one in known for name in one.without}):
        said.append(
            f"For lack of lesions in all of them, some numbers of lesions are without {', '.join(dropped)}."
        )
    return said


def _radiomics(found: Stability) -> list[str]:
    said = []
    for level, what in (
        (PERSONS, "of all lesions of a person together, in each acquisition's own outlines"),
        (LESIONS, "of single lesions, in the outlines of the first acquisition"),
    ):
        known = [one for one in found.of(level, RADIOMICS) if one.agreement and one.agreement.icc3.known]
        if known:
            values = np.array([one.agreement.icc3.value for one in known if one.agreement])
            said.append(
                f"Of {len(known)} radiomic features {what}, {int((values >= GOOD).sum())} have an ICC(3,1) "
                "of at "
                f"least {GOOD:g}, which is usually called good; the median is {np.median(values):.2f}."
            )
    return said


def _moves(found: Stability) -> list[str]:
    said = []
    for name in ("volume_ml", "psu"):
        own = [one for one in found.changes if one.measure.name == name and math.isfinite(one.relative.value)]
        if own:
            most = max(own, key=lambda one: abs(one.relative.value))
            low, high = 100 * most.relative.low, 100 * most.relative.high
            span = f" ({low:+.0f} to {high:+.0f} %)" if math.isfinite(low) else ""
            said.append(
                f"{most.measure.title} is moved most by '{most.acquisition}': "
                f"{100 * most.relative.value:+.0f} %{span} "
                f"against '{found.acquisitions[0]}', mean over {_people(most.people).lower()}."
            )
    shown = [one for one in found.changes if one.shown and one.measure.group != AGREEMENT]
    if len(found.people) < 2:
        return said
    if found.changes and not shown:
        said.append("No acquisition is shown to move a measure: every interval of a mean change holds 0.")
    elif shown:
        said.append(
            f"{len(shown)} of {len(found.changes)} mean changes have an interval without 0; they are not "
            "corrected for "
            "their number."
        )
    return said


def _images(found: Stability) -> list[str]:
    names, mean, _, counts = mean_over_people(found.distances, "rmse")
    off = [(mean[i, j], i, j) for i in range(len(names)) for j in range(i) if counts[i, j]]
    if not off:
        return []
    near, far = min(off), max(off)
    return [
        f"Images are nearest between '{names[near[2]]}' and '{names[near[1]]}' (RMSE {near[0]:.3f} of the "
        "brain's "
        f"median) and furthest between '{names[far[2]]}' and '{names[far[1]]}' ({far[0]:.3f})."
    ]


def _limits(found: Stability) -> list[str]:
    said = []
    constant = [
        one.measure.title for one in found.measured if one.agreement and "same values" in one.agreement.why
    ]
    if constant:
        said.append(
            f"No ICC is defined where nothing varies: {', '.join(constant[:_MOST_NAMES])}"
            f"{' and others' if len(constant) > _MOST_NAMES else ''}."
        )
    if dropped := sorted(
        {n for one in found.of(PERSONS, LESION_GROUP, DOUBT, AGREEMENT) for n in one.without}
    ):
        said.append(f"Not everybody has all acquisitions: some numbers are without {', '.join(dropped)}.")
    people = [one for one in found.of(PERSONS, LESION_GROUP, DOUBT) if one.left_out]
    if people:
        said.append(
            "Some people lack a value, and are left out there: "
            + ", ".join(f"{one.left_out} of {_named(one)}" for one in people[:_MOST_NAMES])
            + "."
        )
    if FEWEST <= len(found.people) < 10:
        said.append(f"With {len(found.people)} people an ICC is hardly known: look at its interval.")
    return [*said, *found.notes]


def comparison(before: Stability, after: Stability) -> list[str]:
    """What harmonising did: to images, to agreement, and to Dice."""
    said = []
    for name, what, better in (
        ("rmse", "RMSE to the first acquisition", "less"),
        ("ssim", "SSIM to it", "more"),
    ):
        values = [_to_first(one, name) for one in (before, after)]
        if all(map(math.isfinite, values)):
            said.append(
                f"{what}: {values[0]:.3f} before, {values[1]:.3f} after {after.harmonised} ({better} is "
                "better)."
            )
    for name in ("volume_ml", "psu"):
        own = [found.agreement for one in (before, after) if (found := _find(one, name)) and found.agreement]
        if len(own) == 2:
            text = (
                f"{_TITLES[name]}: smallest detectable change {own[0].detectable.value:.3g} before, "
                f"{own[1].detectable.value:.3g} after"
            )
            if own[0].icc2.known and own[1].icc2.known:
                text += f"; ICC(2,1) {between(own[0].icc2)} before, {between(own[1].icc2)} after"
            said.append(f"{text}.")
    dice = [one.rows["dice"].to_numpy(float) for one in (before, after)]
    if len(dice[0]) == len(dice[1]) and np.isfinite(np.concatenate(dice)).any():
        means = [float(np.nanmean(one)) for one in dice]
        said.append(
            f"Dice with the reference, mean of all acquisitions: {means[0]:.3f} before, {means[1]:.3f} after."
        )
    return said


def _to_first(found: Stability, name: str) -> float:
    _, mean, _, _ = mean_over_people(found.distances, name)
    own = mean[0, 1:][np.isfinite(mean[0, 1:])]
    return float(own.mean()) if own.size else math.nan


def _find(found: Stability, name: str) -> MeasuredStability | None:
    return next((one for one in found.of(PERSONS, LESION_GROUP, DOUBT) if one.measure.name == name), None)


def all_sentences(sets: Sequence[Stability]) -> list[str]:
    """Of the first set, and what harmonising did to it."""
    said = sentences(sets[0])
    for after in sets[1:]:
        said += comparison(sets[0], after)
    return said
