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
from dataclasses import replace
from pathlib import Path

from brain_weights import add_brain_option
from comparing import with_interval
from fitted_lines import (
    choose_rule,
    entries,
    fit_method,
    inverse,
    left_out_gain,
    moved,
    own_threshold,
    try_rules,
)
from left_out import predict_folds
from logit_fit import REGIONS, fit_line
from model_json import write_into
from recalibration_tables import before_and_after, own_or_common, regions, rules_table
from sources import ROOT


def main() -> None:
    """Predict what is not kept, fit, print the tables, and write if asked to."""
    arguments = _arguments()
    fitted = []
    for method in arguments.method or ["one-pass"]:
        for inputs in arguments.inputs or ["all", "flair"]:
            found = predict_folds(arguments.fold, inputs, method, arguments.data, arguments.keep)
            print(f"\n## {method}, {inputs}\n\n{regions(found)}\n")
            one = fit_method(method, inputs, found, arguments.region)
            if arguments.seen:
                seen = predict_folds(
                    arguments.fold, inputs, method, arguments.data, arguments.keep, seen=True
                )
                one = replace(one, seen=seen, seen_line=fit_line(seen, arguments.region))
            fitted.append(one)
    print("\n" + before_and_after(fitted))
    print("\n" + own_or_common(fitted))
    tried = try_rules(fitted[0])
    print("\n" + rules_table(fitted[0], tried))
    rule = choose_rule(fitted[0], tried)
    won = {"recalibration": entries(fitted, arguments.fitted_on)}
    gain = left_out_gain(fitted[0])
    print(f"\nACE less by recalibration, mean over left-out patients: {with_interval(gain)}")
    if gain[1] <= 0:
        print("That is not more than noise: it is not written without --anyway.")
    print("\nfor model.json:\n" + json.dumps(won, indent=2))
    content = won if gain[1] > 0 or arguments.anyway else {}
    if rule.threshold != own_threshold(fitted[0]):
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


if __name__ == "__main__":
    main()
