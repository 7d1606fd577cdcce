"""What is fitted to recalibrate a model, with each hospital left out in turn, and what of it wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from comparing import interval
from left_out import LeftOut
from logit_fit import UNCHANGED, Line, ace, fit_line, weights_of
from outlines import KINDS, Agreement, Outliner, Rule, choose, rules
from scipy.special import expit, logit
from sources import Scan

from napari_uncertainseg._base import InputError

LIKE_ONE_PASS = ("one-pass", "mc-dropout", "flips", "ensemble")
"""Methods whose mean is one of whole networks; what one pass needs is taken for those that were not tried."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was found for one method and kind of inputs.

    Attributes
    ----------
    method, inputs
        Which.
    found
        The predictions.
    line
        Fitted on all of them.
    held_out
        For each scan the line that was fitted without its hospital.
    seen
        Predictions of the sources that the models were trained on; empty where nobody asked for them.
    seen_line
        Fitted on those.
    """

    method: str
    inputs: str
    found: Sequence[LeftOut]
    line: Line
    held_out: Sequence[Line]
    seen: Sequence[LeftOut] = ()
    seen_line: Line = UNCHANGED


@dataclass(frozen=True, eq=False)
class TriedRule:
    """A kind of rule for outlines, chosen on left-out hospitals.

    Attributes
    ----------
    kind
        Of `outlines.KINDS`.
    best
        The rule that was chosen on all of them.
    reached
        For each scan what the rule does that was chosen without its hospital.
    gain
        By how much it is better than the first kind: mean and interval over patients.
    """

    kind: str
    best: Rule
    reached: Sequence[Agreement]
    gain: tuple[float, float, float]


def fit_method(method: str, inputs: str, found: Sequence[LeftOut], region: str) -> Fitted:
    """Fit the line on all scans, and for each scan without its hospital."""

    def fit(own: Sequence[LeftOut]) -> Line:
        return fit_line(own, region)

    return Fitted(method, inputs, found, fit(found), held_out_lines(found, fit))


def without(found: Sequence[LeftOut], hospital: str) -> list[LeftOut]:
    """The scans of all other hospitals.

    Raises
    ------
    InputError
        If there are none.
    """
    others = [one for one in found if one.hospital != hospital]
    if not others:
        raise InputError("Nothing is left to fit on: give folds with sources of at least two hospitals.")
    return others


def held_out_lines(found: Sequence[LeftOut], fit: Callable[[Sequence[LeftOut]], Line]) -> list[Line]:
    """For each scan the line that is fitted without its hospital."""
    lines = {hospital: fit(without(found, hospital)) for hospital in {one.hospital for one in found}}
    return [lines[one.hospital] for one in found]


def by_patient(found: Sequence[LeftOut], values: Sequence[float]) -> pd.DataFrame:
    """Columns ``source``, ``patient`` and ``value``, the mean over a patient's visits."""
    rows = pd.DataFrame(
        {
            "source": [one.scan.source for one in found],
            "patient": [one.scan.patient for one in found],
            "value": values,
        }
    )
    return rows.groupby(["source", "patient"], sort=False).mean().reset_index()


def left_out_gain(one: Fitted) -> tuple[float, float, float]:
    """How much smaller the ACE of left-out patients is: mean and interval."""
    before = [ace(scan) for scan in one.found]
    after = [ace(scan, line) for scan, line in zip(one.found, one.held_out, strict=True)]
    return interval(by_patient(one.found, np.subtract(before, after))["value"].tolist())


def common_loss(first: Fitted, other: Fitted) -> tuple[float, float, float]:
    """How much larger the ACE of left-out patients is with the first one's line: mean and interval."""
    lines = {one.scan: line for one, line in zip(first.found, first.held_out, strict=True)}
    own = [ace(one, line) for one, line in zip(other.found, other.held_out, strict=True)]
    common = [ace(one, lines[one.scan]) for one in other.found]
    return interval(by_patient(other.found, np.subtract(common, own))["value"].tolist())


def own_threshold(fitted: Fitted) -> float:
    """The model's own threshold, moved with its logits, so that outlines stay."""
    return moved(fitted.found[0].threshold, fitted.line)


def try_rules(fitted: Fitted) -> list[TriedRule]:
    """What each kind of rule gives on left-out hospitals; the first is the model's own threshold."""
    every = [Outliner(one, one.mean(*fitted.line)) for one in fitted.found]
    tried: list[TriedRule] = []
    for kind in KINDS:
        reached = left_out_agreements(fitted, kind)
        first = tried[0].reached if tried else reached
        difference = [own.score - other.score for own, other in zip(reached, first, strict=True)]
        gain = interval(by_patient(fitted.found, difference)["value"].tolist())
        best = choose(every, rules(kind, own_threshold(fitted)), weights_of(fitted.found))
        tried.append(TriedRule(kind, best, reached, gain))
    return tried


def choose_rule(fitted: Fitted, tried: Sequence[TriedRule]) -> Rule:
    """The last rule that is better on left-out patients by more than noise, or the model's own threshold."""
    won = [one.best for one in tried if one.gain[1] > 0]
    return won[-1] if won else Rule(own_threshold(fitted))


def inverse(line: Line) -> Line:
    """What takes it back."""
    return Line(1 / line.slope, -line.shift / line.slope)


def moved(threshold: float, line: Line) -> float:
    """The threshold after the logits were moved."""
    return float(expit(line.slope * logit(threshold) + line.shift))


def left_out_agreements(fitted: Fitted, kind: str) -> list[Agreement]:
    """For each scan what the rule does that was chosen on all other hospitals, with the line fitted there."""
    reached: dict[Scan, Agreement] = {}
    for hospital in {one.hospital for one in fitted.found}:
        own = [one for one in fitted.found if one.hospital == hospital]
        line = next(line for one, line in zip(fitted.found, fitted.held_out, strict=True) if one is own[0])
        others, possible = without(fitted.found, hospital), rules(kind, moved(own[0].threshold, line))
        rule = possible[0]
        if len(possible) > 1:
            rule = choose([Outliner(one, one.mean(*line)) for one in others], possible, weights_of(others))
        reached |= {one.scan: Outliner(one, one.mean(*line)).agreement(rule) for one in own}
    return [reached[one.scan] for one in fitted.found]


def entries(fitted: Sequence[Fitted], fitted_on: str) -> list[dict[str, Any]]:
    """The key ``recalibration`` of ``model.json``: a line of its own where it gains, then the first one's."""
    written = [
        _entry(one, [one.method], ["flair"] if one.inputs == "flair" else [], fitted_on)
        for one in fitted[1:]
        if common_loss(fitted[0], one)[1] > 0
    ]
    return [*written, _entry(fitted[0], list(LIKE_ONE_PASS), [], fitted_on)]


def _entry(one: Fitted, methods: list[str], inputs: list[str], fitted_on: str) -> dict[str, Any]:
    left_out = _numbers(one.line, one.found, fitted_on)
    usual: dict[str, Any] = left_out
    if one.seen:
        usual = _numbers(one.seen_line, one.seen, "training") | {"unlike": left_out}
    return {"methods": methods, "inputs": inputs} | usual


def _numbers(line: Line, found: Sequence[LeftOut], fitted_on: str) -> dict[str, Any]:
    return {
        "temperature": round(line.temperature, 3),
        "shift": round(line.shift, 3),
        "fitted_on": fitted_on,
        "sources": sorted({scan.scan.source for scan in found}),
        "patients": len({(scan.scan.source, scan.scan.patient) for scan in found}),
    }
