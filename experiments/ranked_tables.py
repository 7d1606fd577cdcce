"""Scores per scan of experiments that ran before, as tables that `uncertainseg rank` reads (docs/audit.md).

usage: python experiments/ranked_tables.py losses|methods [--out FILE.tsv]
       python experiments/ranked_tables.py versions NAME=LOG ... [--out FILE.tsv]
       python experiments/ranked_tables.py lesions COHORT.tsv [--out FILE.tsv]

`losses` reads docs/data/losses-left-out.tsv and takes the mean of its seeds, `methods` reads
docs/data/disagreement-left-out.tsv, `versions` what experiments/sources.py printed for each network.
`lesions` measures those of a cohort's references (columns folder, name, reference), as `rank --features`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pandas as pd

from napari_uncertainseg.audit.cohort import read_audit_cohort
from napari_uncertainseg.audit.ranking.features.read import read_case_features

DATA = Path(__file__).resolve().parents[1] / "docs" / "data"
_ROW = re.compile(r"^(\S+/) \{(.+)\}$")
_NUMBER = re.compile(r"'(\w+)': (?:np\.float64\()?([-\d.e]+|nan)")
_MEASURES = {
    "dice": "dice",
    "lesion_f1": "lesion_f1",
    "precision": "lesion_precision",
    "recall": "lesion_recall",
    "ace": "ace",
}


def main() -> None:
    """Write one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=("losses", "methods", "versions", "lesions"))
    parser.add_argument("logs", nargs="*", metavar="NAME=LOG|COHORT.tsv")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    made = {
        "losses": losses,
        "methods": methods,
        "versions": lambda: versions(arguments.logs),
        "lesions": lambda: lesions(Path(arguments.logs[0])),
    }
    rows = made[arguments.what]()
    rows.insert(1, "patient", rows["case"].str.extract(r"/([^/_]+)[^/]*$", expand=False))
    out = arguments.out or DATA / f"ranked-{arguments.what}.tsv"
    rows.to_csv(out, sep="\t", index=False, float_format="%.5g")
    print(f"{out}: {len(rows)} rows")


def losses() -> pd.DataFrame:
    """A row per scan and loss."""
    rows = pd.read_csv(DATA / "losses-left-out.tsv", sep="\t")
    rows["case"] = visits_apart(rows, "variant", "case")
    means = rows.groupby(["case", "variant"], sort=False)[["Dice", "ACE"]].mean().reset_index()
    return means.rename(columns={"variant": "model", "Dice": "dice", "ACE": "ace"})


def methods() -> pd.DataFrame:
    """A row per scan and method, of the seed that has all scans."""
    rows = pd.read_csv(DATA / "disagreement-left-out.tsv", sep="\t").query("seed == 0")
    rows = rows.assign(case=visits_apart(rows, "method", "image"))
    names = {"method": "model", "Dice": "dice", "NLL": "nll", "NCC": "voxel_correlation"}
    return rows[["case", *names]].rename(columns=names)


def lesions(cohort: Path) -> pd.DataFrame:
    """A row per scan: its lesions' number, load, size, contrast, noise and neighbours."""
    names = [case.name for case in read_audit_cohort(cohort).cases]
    return read_case_features([cohort], names).table.reset_index()


def visits_apart(rows: pd.DataFrame, model: str, image: str) -> pd.Series:
    """Names of the scans. All three visits of a patient have one name in these tables, in their order."""
    visit = rows.groupby([model, "seed", image]).cumcount() + 1
    names = rows[image].str.split(" ").str[1].str.strip("/")
    return names.where(~names.str.contains("visit"), names.str[:-1] + visit.astype(str))


def versions(logs: list[str]) -> pd.DataFrame:
    """A row per scan and network."""
    rows = []
    for one in logs:
        name, _, path = one.partition("=")
        for line in Path(path).read_text().splitlines():
            if found := _ROW.match(line):
                said = dict(_NUMBER.findall(found[2]))
                scores = {title: float(said[key]) for key, title in _MEASURES.items()}
                rows.append({"case": found[1].strip("/"), "model": name, **scores})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
