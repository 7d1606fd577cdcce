"""Which order of the list finds false lesions? The table of docs/experiments.md, from rows of sources.py.

usage: python experiments/order.py LESIONS.tsv [LESIONS.tsv ...]

LESIONS.tsv is what `experiments/sources.py --lesions` wrote, best with a model that saw none of the sources.
AUROC of false against true lesions, per scan, then mean over the patients of a source, then over sources:
each column on its own, and a logistic regression on all of them, fitted with the source left out (ridge,
standardised by the other sources). 95 % intervals of the mean over patients, from drawing patients anew.
Scans with no false or no true lesion cannot say anything and are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from comparing import interval, table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_uncertainseg.uncertainty.retention import auroc

SINGLE = {
    "lowest largest p (doubt)": lambda t: -t["max_probability"],
    "lowest mean p": lambda t: -t["mean_probability"],
    "mean entropy": lambda t: t["mean_entropy"],
    "small size": lambda t: -t["volume_mm3"],
    "low persistence": lambda t: -t["persistence"],
    "LSU": lambda t: t["lsu"],
    "mutual information": lambda t: t["mean_mutual_information"],
}


def main() -> None:
    """Read the rows and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("lesions", nargs="+", type=Path)
    rows = pd.concat(pd.read_csv(path, sep="\t") for path in parser.parse_args().lesions)
    rows = rows[~rows["candidate"]].reset_index(drop=True)
    scores = {name: column(rows).to_numpy(float) for name, column in SINGLE.items()}
    scores["all of them, source left out"] = left_out(rows, np.stack(list(scores.values()), axis=1))
    areas = pd.concat(by_scan(rows, name, values) for name, values in scores.items())
    patients = areas.groupby(["measure", "source", "patient"], sort=False)["auroc"].mean().reset_index()
    sources = list(dict.fromkeys(patients["source"]))
    lines = []
    for name, own in patients.groupby("measure", sort=False):
        means = own.groupby("source", sort=False)["auroc"].mean()
        mean, low, high = interval(own["auroc"].tolist())
        cells = [f"{means[s]:.3f}" for s in sources]
        lines.append([str(name), *cells, f"{means.mean():.3f}", f"{mean:.3f} ({low:.3f} to {high:.3f})"])
    lines.sort(key=lambda line: -float(line[-2]))
    counts = rows.groupby("source", sort=False)["true"].agg(["size", lambda t: int((~t).sum())])
    print(f"{len(rows)} lesions, {int((~rows['true']).sum())} of them false\n")
    titles = [f"{s} ({counts.loc[s].iloc[0]} lesions, {counts.loc[s].iloc[1]} false)" for s in sources]
    print(table(["measure", *titles, "mean of sources", "mean of patients"], lines))


def left_out(rows: pd.DataFrame, features: np.ndarray) -> np.ndarray:
    """Probability of being false by a regression that did not see the lesion's source."""
    logged = np.where(np.arange(features.shape[1]) == list(SINGLE).index("small size"), 1, 0)
    x = np.where(logged, -np.log(np.maximum(-features, 1e-3)), features)
    wrong, found = ~rows["true"].to_numpy(bool), np.full(len(rows), np.nan)
    for source in rows["source"].unique():
        inside = (rows["source"] == source).to_numpy()
        weight = 1 / rows[~inside].groupby("source")["true"].transform("size").to_numpy()
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
        model.fit(x[~inside], wrong[~inside], logisticregression__sample_weight=weight * len(weight))
        found[inside] = model.predict_proba(x[inside])[:, 1]
    return found


def by_scan(rows: pd.DataFrame, name: str, values: np.ndarray) -> pd.DataFrame:
    """AUROC of each scan that has false and true lesions."""
    found = []
    for (source, patient, scan), own in rows.groupby(["source", "patient", "scan"], sort=False):
        false = ~own["true"].to_numpy(bool)
        if false.any() and not false.all():
            area = auroc(values[own.index], false)
            found.append({"measure": name, "source": source, "patient": patient, "scan": scan, "auroc": area})
    return pd.DataFrame(found)


if __name__ == "__main__":
    main()
