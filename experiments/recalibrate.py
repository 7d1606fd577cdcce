"""Recalibration and threshold of a model, fitted on sources that its folds have not seen.

usage: python experiments/recalibrate.py --fold MODEL:SOURCE[,SOURCE] [--fold ...] [--method METHOD ...]
           [--inputs flair|all ...] [--region REGION] [--fitted-on folds|model] [--no-seen]
           [--write MODEL_FOLDER] [--anyway] [--keep FOLDER] [--data FOLDER]

Each fold's model segments the sources that it has not seen; the predictions are kept in `--keep`. Temperature
and shift of the members' logits are fitted with each hospital left out in turn (hospitals weighted alike, in
each its patients), and so is the threshold, and what else may make an outline (experiments/outlines.py). The
tables say what this gives on the hospital that was left out; what is written is fitted on all of them.
Intervals (95 %) are from drawing patients anew. With `--fitted-on model` the model of the fold is the very
one that is written to; otherwise it is another one, of the same recipe.

Sources that the folds' models were trained on need another line. It is fitted on them, and written for scans
like those seen; the line of left-out sources is written for scans that are unlike all (experiments/unlike.py
writes which they are). `--write` writes only what is better on left-out patients by more than noise; with
`--anyway` the recalibration in any case. With `--no-seen` the line of left-out sources is written for all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brain_weights import add_brain_option
from comparing import interval, table, with_interval
from left_out import LeftOut, predict_folds
from logit_fit import REGIONS, UNCHANGED, Line, ace, ace_of_map, fit_line, fit_map, weights_of
from outlines import KINDS, Agreement, Outliner, Rule, choose, rules
from scipy.special import expit, logit
from sources import ROOT, Scan, cell

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.recalibration import Kind
from napari_uncertainseg.networks.kinds import read_model

MAPS: tuple[Kind, ...] = ("beta", "isotonic")
"""Of the members' mean, more supple than a line in their logits: to compare with."""
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


def main() -> None:
    """Predict what is not kept, fit, print the tables, and write if asked to."""
    arguments = _arguments()
    fitted = []
    for method in arguments.method or ["one-pass"]:
        for inputs in arguments.inputs or ["all", "flair"]:
            found = predict_folds(arguments.fold, inputs, method, arguments.data, arguments.keep)
            print(f"\n## {method}, {inputs}\n\n{_regions(found)}\n")
            one = _fit(method, inputs, found, arguments.region)
            if arguments.seen:
                seen = predict_folds(
                    arguments.fold, inputs, method, arguments.data, arguments.keep, seen=True
                )
                one = replace(one, seen=seen, seen_line=fit_line(seen, arguments.region))
            fitted.append(one)
    print("\n" + before_and_after(fitted))
    print("\n" + own_or_common(fitted))
    rule, rules_table = choose_rule(fitted[0])
    print("\n" + rules_table)
    won = {"recalibration": entries(fitted, arguments.fitted_on)}
    gain = left_out_gain(fitted[0])
    print(f"\nACE less by recalibration, mean over left-out patients: {with_interval(gain)}")
    if gain[1] <= 0:
        print("That is not more than noise: it is not written without --anyway.")
    print("\nfor model.json:\n" + json.dumps(won, indent=2))
    content = won if gain[1] > 0 or arguments.anyway else {}
    if rule.threshold != moved(fitted[0].found[0].threshold, fitted[0].line):
        # The program moves the model's threshold with its logits; here it is moved back.
        content |= {"threshold": round(moved(rule.threshold, inverse(fitted[0].line)), 3)}
        print(f'and "threshold": {content["threshold"]}')
    print(f"\nsmallest lesion that wins: {rule.min_volume:g} mm3 (uncertainseg segment --min-volume)")
    if rule.peak > rule.threshold:
        print("A peak wins, which the program does not know: build it in.")
    if arguments.write is not None:
        write_into(arguments.write, content)
        print(f"\n{arguments.write}: written: {', '.join(content) or 'nothing'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--fold", action="append", required=True, metavar="MODEL:SOURCE,SOURCE")
    parser.add_argument("--method", action="append", default=[])
    parser.add_argument("--inputs", action="append", choices=("flair", "all"), default=[])
    parser.add_argument("--region", choices=REGIONS, default="bins")
    parser.add_argument("--fitted-on", choices=("folds", "model"), default="folds")
    parser.add_argument("--seen", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--anyway", action="store_true")
    parser.add_argument("--keep", type=Path, default=ROOT / "runs" / "left-out")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    add_brain_option(parser)
    return parser.parse_args()


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


def _fit(method: str, inputs: str, found: Sequence[LeftOut], region: str) -> Fitted:
    def fit(own: Sequence[LeftOut]) -> Line:
        return fit_line(own, region)

    return Fitted(method, inputs, found, fit(found), held_out_lines(found, fit))


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


def by_source(found: Sequence[LeftOut], values: Sequence[float]) -> dict[str, str]:
    """A cell of a table for each source, and the mean of the sources."""
    patients = by_patient(found, values)
    cells = {str(s): cell(own["value"].tolist()) for s, own in patients.groupby("source", sort=False)}
    mean = patients.groupby("source")["value"].mean().mean()
    return cells | {"mean of sources": f"{mean:.3f}"}


def _regions(found: Sequence[LeftOut]) -> str:
    """ACE on the hospital left out by region of the fit, with and without a shift."""
    rows = [["as it is", "-", "-", *by_source(found, [ace(one) for one in found]).values()]]
    for region in REGIONS:
        for shifted in (False, True):

            def fit(own: Sequence[LeftOut], region: str = region, shifted: bool = shifted) -> Line:
                return fit_line(own, region, shifted=shifted)

            all_of_them, lines = fit(found), held_out_lines(found, fit)
            values = [ace(one, line) for one, line in zip(found, lines, strict=True)]
            numbers = [f"{all_of_them.temperature:.2f}", f"{all_of_them.shift:.2f}"]
            rows.append([region, *numbers, *by_source(found, values).values()])
    for kind in MAPS:
        maps = {h: fit_map(without(found, h), kind) for h in {one.hospital for one in found}}
        values = [ace_of_map(one, maps[one.hospital]) for one in found]
        rows.append([f"bins, {kind}", "-", "-", *by_source(found, values).values()])
    names = by_source(found, [0.0] * len(found))
    return table(["fitted on", "temperature", "shift", *(f"ACE, {n}" for n in names)], rows)


def before_and_after(fitted: Sequence[Fitted]) -> str:
    """By source: ACE as it is, by the line of left-out sources, and by that of sources seen.

    On a left-out source the first was fitted without its hospital. On one that was seen, the other was fitted
    on its own patients, whom the network was trained on, too: it is at its best.
    """
    rows = []
    for one in fitted:
        for name, found, left_out in (
            ("left out", one.found, one.held_out),
            ("seen", one.seen, [one.line] * len(one.seen)),
        ):
            if found:
                columns = (
                    by_source(found, [ace(scan) for scan in found]),
                    by_source(found, [ace(scan, line) for scan, line in zip(found, left_out, strict=True)]),
                    by_source(found, [ace(scan, one.seen_line) for scan in found]),
                )
                for source in columns[0]:
                    cells = [column[source] for column in columns]
                    cells = cells if one.seen else [*cells[:2], "-"]
                    rows.append([one.method, one.inputs, f"{source}, {name}", *cells])
    titles = ["ACE as it is", "by the line of left-out sources", "by the line of sources seen"]
    return table(["method", "inputs", "source", *titles], rows)


def left_out_gain(one: Fitted) -> tuple[float, float, float]:
    """How much smaller the ACE of left-out patients is: mean and interval."""
    before = [ace(scan) for scan in one.found]
    after = [ace(scan, line) for scan, line in zip(one.found, one.held_out, strict=True)]
    return interval(by_patient(one.found, np.subtract(before, after))["value"].tolist())


def own_or_common(fitted: Sequence[Fitted]) -> str:
    """Whether each method and kind of inputs gains by a line of its own over the first one's."""
    rows = []
    for one in fitted[1:]:
        gain = common_loss(fitted[0], one)
        rows.append([one.method, one.inputs, with_interval(gain), "yes" if gain[1] > 0 else "no"])
    return table(["method", "inputs", "ACE less by a line of its own", "by more than noise"], rows)


def common_loss(first: Fitted, other: Fitted) -> tuple[float, float, float]:
    """How much larger the ACE of left-out patients is with the first one's line: mean and interval."""
    lines = {one.scan: line for one, line in zip(first.found, first.held_out, strict=True)}
    own = [ace(one, line) for one, line in zip(other.found, other.held_out, strict=True)]
    common = [ace(one, lines[one.scan]) for one in other.found]
    return interval(by_patient(other.found, np.subtract(common, own))["value"].tolist())


def choose_rule(fitted: Fitted) -> tuple[Rule, str]:
    """The rule for outlines, and the table of what each kind of rule gives on left-out hospitals.

    The model's own threshold is moved with its logits, so that outlines stay. Another rule is taken only if
    it is better on left-out patients by more than noise: if the interval of the difference lies above 0.
    """
    found, own = fitted.found, moved(fitted.found[0].threshold, fitted.line)
    every = [Outliner(one, one.mean(*fitted.line)) for one in found]
    taken, rows, base = Rule(own), [], None
    for kind in KINDS:
        reached = left_out_agreements(fitted, kind)
        scores = [agreement.score for agreement in reached]
        base = scores if base is None else base
        gain = interval(by_patient(found, np.subtract(scores, base))["value"].tolist())
        best = choose(every, rules(kind, own), weights_of(found))
        taken = best if gain[1] > 0 else taken
        rows.append(_rule_row(kind, _words(best), found, reached, gain))
    names = by_source(found, [0.0] * len(found))
    titles = ["outlines by", "fitted on all", *(f"Dice / F1, {n}" for n in names), "better than its own"]
    return taken, table(titles, rows)


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


def _rule_row(
    name: str,
    best: str,
    found: Sequence[LeftOut],
    reached: Sequence[Agreement],
    gain: tuple[float, float, float],
) -> list[str]:
    dice, f1 = (by_source(found, [getattr(r, what) for r in reached]) for what in ("dice", "f1"))
    cells = [f"{dice[source]} / {f1[source]}" for source in dice]
    return [name, best, *cells, with_interval(gain)]


def _words(rule: Rule) -> str:
    words = f"{rule.threshold:.2f}, from {rule.min_volume:g} mm3"
    if rule.peak > rule.threshold:
        below = "" if np.isinf(rule.large) else f" below {rule.large:g} mm3"
        words += f", {rule.peak:.2f} somewhere{below}"
    return words


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


def write_into(folder: Path, content: Mapping[str, Any]) -> None:
    """Change keys of a model's ``model.json``, and leave it as it was if it cannot be read then."""
    path = folder / "model.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(json.loads(before) | content, indent=2) + "\n", encoding="utf-8")
    try:
        read_model(folder)
    except InputError:
        path.write_text(before, encoding="utf-8")
        raise


if __name__ == "__main__":
    main()
