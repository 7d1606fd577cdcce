"""Scores per scan of experiments that ran before, as tables that `uncertainseg rank` reads (docs/audit.md).

usage: python experiments/ranked_tables.py losses [--out FILE.tsv]
       python experiments/ranked_tables.py versions NAME=LOG ... [--out FILE.tsv]

`losses` reads docs/data/losses-left-out.tsv and takes the mean of its seeds. `versions` reads what
experiments/sources.py printed for each network.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pandas as pd

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
    parser.add_argument("what", choices=("losses", "versions"))
    parser.add_argument("logs", nargs="*", metavar="NAME=LOG")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = losses() if arguments.what == "losses" else versions(arguments.logs)
    rows.insert(1, "patient", rows["case"].str.extract(r"/([^/_]+)[^/]*$", expand=False))
    out = arguments.out or DATA / f"ranked-{arguments.what}.tsv"
    rows.to_csv(out, sep="\t", index=False, float_format="%.5g")
    print(f"{out}: {len(rows)} rows")


def losses() -> pd.DataFrame:
    """A row per scan and loss. All three visits of a patient have one name in the table, in their order."""
    rows = pd.read_csv(DATA / "losses-left-out.tsv", sep="\t")
    visit = rows.groupby(["variant", "seed", "case"]).cumcount() + 1
    names = rows["case"].str.split(" ").str[1].str.strip("/")
    rows["case"] = names.where(~names.str.contains("visit"), names.str[:-1] + visit.astype(str))
    means = rows.groupby(["case", "variant"], sort=False)[["Dice", "ACE"]].mean().reset_index()
    return means.rename(columns={"variant": "model", "Dice": "dice", "ACE": "ace"})


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
