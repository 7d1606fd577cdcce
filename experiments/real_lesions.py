"""How probable it is that a lesion is real: fits ``real_probability.json`` of a model.

usage: python experiments/real_lesions.py --fold MODEL:SOURCE[,SOURCE] [--fold ...]
           --out real_probability.json [--rows ROWS.tsv] [--inputs flair|all ...] [--features NAME[,NAME]]
           [--method METHOD] [--data FOLDER]

Each fold is a model (name or folder) and the sources that it has not seen: all lesions and candidates of
their scans are measured (`uncertainty.real_probability`) and compared with the experts' masks. A logistic
regression (ridge, each source weighted alike) then says how probable it is that a lesion is real. It is
measured with the sources of a fold left out of the fit: AUROC of false against real lesions per scan, mean
over patients with a 95 % interval from drawing patients anew, against the largest probability, mean entropy
and size; Brier score against the mere share of real ones; a table of reliability. What ships is fitted on
all folds. It becomes the order of lists ("orders") only if its AUROC is above all three simple measures on
every source left out.

`--rows` keeps what was measured: a second call measures only what is not in that file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from brain_weights import add_brain_option
from comparing import interval, table
from left_out import HOSPITALS
from sources import ROOT, Scan, scans_at_hand
from within_scans import order_within_scans

from napari_uncertainseg import Segmenter
from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.lesions.components import Components
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.real_probability import (
    FEATURES,
    P_REAL,
    REAL_PROBABILITY,
    RealProbability,
    Source,
    Weight,
)
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.training.subjects import find_image, read_scans
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.uncertainty.lesion_statistics import measure_lesions
from napari_uncertainseg.uncertainty.real_probability.fit import fit_weights
from napari_uncertainseg.uncertainty.real_probability.lesion_features import (
    FoundLesions,
    measure_lesion_features,
)
from napari_uncertainseg.uncertainty.retention import auroc

KEPT = ("largest_probability",)
"""What ships unless told otherwise: more features did not help on sources left out (docs/experiments.md)."""
THRESHOLDS = (0.2, 0.8)
"""Between which a reader's threshold may be; lesions are measured at the model's own, which lies between."""
SIMPLE = {
    "largest p": lambda t: t["largest_probability"],
    "mean entropy": lambda t: -t["mean_entropy"],
    "size": lambda t: t["volume"],
}
"""Simple measures: what is higher is more likely real."""
BESIDE_PEAK = (("depth",), ("depth", "volume"), ("depth", "edge"))
"""What is weighed beside the largest probability, with a constant for each scan (within_scans.py)."""
KEY = ["model", "model_sha256", "method", "inputs", "scan"]


def main() -> None:
    """Measure the scans of all folds, fit, print the tables, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--fold", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--inputs", nargs="+", choices=("flair", "all"), default=["flair", "all"])
    parser.add_argument("--features", type=lambda text: tuple(text.split(",")), default=KEPT)
    parser.add_argument("--method", default="one-pass")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    add_brain_option(parser)
    arguments = parser.parse_args()
    rows = measured(arguments)
    said = left_out(rows, arguments.features)
    lesions = ~rows["candidate"].to_numpy(bool)
    print(f"{len(rows)} lesions and candidates, {int(rows['true'].sum())} of them real\n")
    print(f"Lesions, AUROC of false against real\n\n{areas(rows[lesions], said[lesions])}\n")
    print(f"Candidates\n\n{areas(rows[~lesions], said[~lesions])}\n")
    print(f"Calibration, sources left out\n\n{calibration(rows, said)}\n")
    print(
        f"Calibration of lesions alone, without candidates\n\n{calibration(rows[lesions], said[lesions])}\n"
    )
    beside = ", ".join(arguments.features)
    print(f"Other features beside {beside}, lesions\n\n{others(rows, arguments.features)}\n")
    print(f"Lesions, weights fitted within scans\n\n{within(rows)}\n")
    found = fitted_on_all(rows, said, arguments.features, arguments.method)
    arguments.out.write_text(found.to_text(), encoding="utf-8")
    terms = [f"{w.weight:+.3f} * ({name} {-w.centre:+.3f})" for name, w in found.weights.items()]
    print(f"logit of p_real = {found.constant:+.3f} {' '.join(terms)}")
    print(f"Order of lists: {found.orders}. Written: {arguments.out}")
    if arguments.out.name != REAL_PROBABILITY:
        print(f"In a model's folder it must be called {REAL_PROBABILITY}.")


# -- rows -----------------------------------------------------------------------------------------


def measured(arguments: argparse.Namespace) -> pd.DataFrame:
    """A row for each lesion and candidate of each scan of each fold, measured or read from before."""
    path, found = arguments.rows, []
    kept = pd.read_csv(path, sep="\t") if path is not None and path.is_file() else pd.DataFrame(columns=KEY)
    rest = kept
    for number, (model, sources) in enumerate(models_and_sources(arguments.fold)):
        for own in measured_fold(model, sources, kept, arguments):
            if own.empty:
                continue
            found.append(own.assign(fold=number))
            rest = rest[~same(rest, own)] if len(rest) else rest
            if path is not None:
                every = pd.concat([*([rest] if len(rest) else []), *found])
                every.drop(columns="fold").to_csv(path, sep="\t", index=False)
    rows = pd.concat(found).reset_index(drop=True)
    return rows.astype({"true": bool, "candidate": bool})


def models_and_sources(folds: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Model and sources of each fold; those of one hospital are left out of a fit together."""
    parts = [fold.rpartition(":") for fold in folds]
    found = [(model, sources.split(",")) for model, _, sources in parts]
    hospitals = [one for _, sources in found for one in {HOSPITALS.get(name, name) for name in sources}]
    if len(set(hospitals)) < len(hospitals):
        raise SystemExit("Name the sources of one hospital in one --fold, or their fits would have seen it.")
    return found


def same(rows: pd.DataFrame, own: pd.DataFrame) -> np.ndarray:
    """Rows of the scan that the others are of."""
    return np.all([rows[key].astype(str) == str(own[key].iloc[0]) for key in KEY], axis=0)


def measured_fold(
    name: str, sources: Sequence[str], kept: pd.DataFrame, arguments: argparse.Namespace
) -> Iterator[pd.DataFrame]:
    """The rows of each scan of some sources."""
    # Numbers that say nothing: with them, what lies around the lesions is measured.
    silent = RealProbability(
        version=1, methods=(arguments.method,), thresholds=THRESHOLDS,
        candidate_threshold=CANDIDATE_THRESHOLD, orders=False, constant=0.0, lesions=0, real=0, brier=0.0,
        brier_of_share=0.0, weights={"depth": Weight(weight=0.0, centre=0.0)},
    )  # fmt: skip
    segmenter = Segmenter(
        replace(find_model(name), real_probability=silent, recalibrations=()), method=arguments.method
    )
    scans = [scan for scan in scans_at_hand(arguments.data) if scan.source in sources]
    if {scan.source for scan in scans} != set(sources):
        raise SystemExit(f"{name}: no scans of {', '.join(set(sources) - {s.source for s in scans})}")
    for inputs in arguments.inputs:
        for scan in scans:
            key = dict(
                zip(KEY, (name, segmenter.model.sha256, arguments.method, inputs, scan.prefix), strict=True)
            )
            known = kept[same(kept, pd.DataFrame([key]))] if len(kept) else kept
            yield known if len(known) else measure_scan(segmenter, arguments.data, scan, inputs).assign(**key)


def measure_scan(segmenter: Segmenter, data: Path, scan: Scan, inputs: str) -> pd.DataFrame:
    """The rows of one scan."""
    images = read_scans(data, scan.prefix)
    mask = read_labels(find_image(data, scan.prefix, "lesion"), images["flair"].grid).data > 0
    if inputs == "flair":
        images = {"flair": images["flair"]}
    found = rows_of(segmenter.predict(images), mask)
    print(f"{scan.prefix} {inputs}: {len(found)} lesions and candidates", flush=True)
    return found.assign(source=scan.source, patient=scan.patient)


def rows_of(prediction: Prediction, mask: np.ndarray) -> pd.DataFrame:
    """All features of each lesion and candidate, and whether the mask has a voxel in it."""
    ranked = rank_lesions(prediction)
    parts = [
        Components.from_mask(labels > 0, labels, int(labels.max(initial=0)))
        for labels in (ranked.labels, ranked.candidates)
    ]
    whole = tuple(slice(0, n) for n in prediction.grid.shape)
    maps = (prediction.probability, prediction.entropy, prediction.mutual_information)
    found = measure_lesions(whole, *parts, maps, prediction.grid)
    lesions = FoundLesions(
        found, prediction.members, prediction.voxel_features, prediction.grid, ranked.threshold
    )
    hit = np.bincount(found.label, mask.ravel()[found.flat], minlength=lesions.count + 1)[1:] > 0
    candidate = np.arange(lesions.count) >= parts[0].n
    return pd.DataFrame(measure_lesion_features(lesions)).assign(true=hit, candidate=candidate)


# -- fits -----------------------------------------------------------------------------------------


def counts_of(rows: pd.DataFrame) -> np.ndarray:
    """How often each row counts: each source as much as another, and as many in all as there are scans' rows.

    A scan that was read twice, with FLAIR alone and with all scans, is one scan.
    """
    per_source = rows.groupby("source")["true"].transform("size").to_numpy(float)
    return len(rows) / rows["inputs"].nunique() / rows["source"].nunique() / per_source


def fitted(rows: pd.DataFrame, features: Sequence[str]) -> dict[str, object]:
    """Constant and weights."""
    values = {feature: rows[feature].to_numpy(float) for feature in features}
    constant, weights = fit_weights(values, rows["true"].to_numpy(bool), counts_of(rows), features)
    short = {
        name: Weight(weight=round(w.weight, 4), centre=round(w.centre, 4)) for name, w in weights.items()
    }
    return {"constant": round(constant, 4), "weights": short}


def left_out(rows: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Probability of being real, of each row by a fit without its fold's sources."""
    said = np.full(len(rows), np.nan)
    folds = rows["fold"].to_numpy()
    if len(set(folds)) < 2:
        raise SystemExit("Two folds or more are needed: each is measured by a fit on the others.")
    for fold in np.unique(folds):
        inside = folds == fold
        rest, own = rows[~inside], rows[inside]
        by = RealProbability(
            version=1, methods=("none",), thresholds=THRESHOLDS, candidate_threshold=CANDIDATE_THRESHOLD,
            orders=False, lesions=0, real=0, brier=0.0, brier_of_share=0.0,
            **fitted(rest, features),
        )  # fmt: skip
        said[inside] = by.probability(
            {feature: own[feature].to_numpy(float) for feature in features}, len(own)
        )
    return said


def fitted_on_all(
    rows: pd.DataFrame, said: np.ndarray, features: Sequence[str], method: str
) -> RealProbability:
    """What ships: fitted on all rows, with what was measured on sources left out."""
    lesions = ~rows["candidate"].to_numpy(bool)
    by_patient = patients(rows[lesions], {P_REAL: said[lesions], **simple(rows[lesions])})
    means = by_patient.groupby(["source", "measure"])["auroc"].mean().unstack()
    orders = bool((means[P_REAL].to_numpy()[:, None] > means[list(SIMPLE)].to_numpy()).all())
    brier, share = brier_scores(rows, said)
    sources = [
        Source(
            name=source, model=run_name(own["model"].iloc[0]), patients=own["patient"].nunique(),
            lesions=len(own),
            auroc={name: round(float(value), 3) for name, value in means.loc[source].items()},
        )
        for source, own in rows.groupby("source", sort=False)
    ]  # fmt: skip
    return RealProbability(
        version=1, methods=(method,), thresholds=THRESHOLDS, candidate_threshold=CANDIDATE_THRESHOLD,
        orders=orders, lesions=len(rows), real=int(rows["true"].sum()),
        brier=round(float(brier.mean()), 4), brier_of_share=round(float(share.mean()), 4),
        sources=tuple(sources), **fitted(rows, features),
    )  # fmt: skip


# -- tables ---------------------------------------------------------------------------------------


def simple(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The simple measures of all rows."""
    return {name: column(rows).to_numpy(float) for name, column in SIMPLE.items()}


def patients(rows: pd.DataFrame, scores: dict[str, np.ndarray]) -> pd.DataFrame:
    """AUROC per source, inputs and patient, mean over visits; scans need a false and a real one."""
    found, rows = [], rows.reset_index(drop=True)
    for (source, patient, inputs, _), own in rows.groupby(
        ["source", "patient", "inputs", "scan"], sort=False
    ):
        false = ~own["true"].to_numpy(bool)
        if false.any() and not false.all():
            found += [
                (source, inputs, patient, name, auroc(-score[own.index], false))
                for name, score in scores.items()
            ]
    frame = pd.DataFrame(found, columns=["source", "inputs", "patient", "measure", "auroc"])
    keys = ["source", "inputs", "patient", "measure"]
    return frame.groupby(keys, sort=False)["auroc"].mean().reset_index()


def areas(rows: pd.DataFrame, said: np.ndarray) -> str:
    """A line for each source and inputs, a column for each measure."""
    scores = {P_REAL: said, **simple(rows)}
    found, lines = patients(rows, scores), []
    for (source, inputs), own in found.groupby(["source", "inputs"], sort=False):
        here = rows[(rows["source"] == source) & (rows["inputs"] == inputs)]
        cells = [cell(own.loc[own["measure"] == name, "auroc"].tolist()) for name in scores]
        lines.append([source, inputs, f"{len(here)}, {int((~here['true']).sum())}", *cells])
    means = found.groupby(["measure", "source"])["auroc"].mean().groupby("measure").mean()
    lines.append(["mean of sources", "", "", *(f"{means[name]:.3f}" for name in scores)])
    return table(["source", "inputs", "all, false", *scores], lines)


def cell(values: list[float]) -> str:
    """Mean, and the interval where there are several patients."""
    mean, low, high = interval(values)
    return f"{mean:.3f}" if len(values) < 2 else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def run_name(model: str) -> str:
    """Name of a model as it is published: that of its run, not where it lay."""
    path = Path(model)
    return path.parent.name if path.name == "model" else path.name


def brier_scores(rows: pd.DataFrame, said: np.ndarray) -> tuple[pd.Series, pd.Series]:
    """Per source: mean squared error of what was said, and of the share of real ones in the other folds."""
    shares = {
        fold: rows[rows["fold"] != fold].groupby("source")["true"].mean().mean()
        for fold in rows["fold"].unique()
    }
    true = rows["true"].to_numpy(float)
    errors = rows.assign(
        said=(said - true) ** 2, share=(rows["fold"].map(shares).to_numpy(float) - true) ** 2
    )
    means = errors.groupby("source", sort=False)[["said", "share"]].mean()
    return means["said"], means["share"]


def calibration(rows: pd.DataFrame, said: np.ndarray) -> str:
    """Brier scores per source, and how many are real in each range of what was said."""
    brier, share = brier_scores(rows, said)
    lines = []
    for source in brier.index:
        own = (rows["source"] == source).to_numpy()
        real = rows["true"].to_numpy(bool)[own]
        bins = np.minimum((said[own] * 5).astype(int), 4)
        cells = [
            f"{real[bins == k].mean():.2f} of {(bins == k).sum()}" if (bins == k).any() else "-"
            for k in range(5)
        ]
        lines.append([source, f"{brier[source]:.3f}", f"{share[source]:.3f}", *cells])
    titles = [f"said {k / 5:.1f} to {(k + 1) / 5:.1f}: real" for k in range(5)]
    return table(["source", "Brier", "Brier of the share", *titles], lines)


def others(rows: pd.DataFrame, features: Sequence[str]) -> str:
    """AUROC per source, source left out, with one feature more."""
    lesions = ~rows["candidate"].to_numpy(bool)
    tried = {
        ", ".join(features): tuple(features),
        **{f"+ {k}": (*features, k) for k in FEATURES if k not in features},
    }
    scores = {name: left_out(rows, chosen)[lesions] for name, chosen in tried.items()}
    means = (
        patients(rows[lesions], scores).groupby(["measure", "source"], sort=False)["auroc"].mean().unstack()
    )
    lines = [
        [name, *(f"{x:.3f}" for x in means.loc[name]), f"{means.loc[name].mean():.3f}"] for name in tried
    ]
    return table(["features", *means.columns, "mean"], sorted(lines, key=lambda line: -float(line[-1])))


def within(rows: pd.DataFrame) -> str:
    """AUROC per source, of features without a fit and of weights fitted within scans, source left out."""
    lesions = ~rows["candidate"].to_numpy(bool)
    scores = {f"{name}, no fit": rows[name].to_numpy(float) for name in ("largest_probability", "depth")}
    for features in BESIDE_PEAK:
        chosen = ("largest_probability", *features)
        scores[", ".join(chosen)] = order_within_scans(rows, chosen, counts_of(rows))
    found = patients(rows[lesions], {name: score[lesions] for name, score in scores.items()})
    means = found.groupby(["measure", "source"], sort=False)["auroc"].mean().unstack()
    lines = [
        [name, *(f"{x:.3f}" for x in means.loc[name]), f"{means.loc[name].mean():.3f}"] for name in scores
    ]
    return table(["order", *means.columns, "mean"], lines)


if __name__ == "__main__":
    main()
