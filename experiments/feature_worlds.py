"""How often a feature is named that failure cases share, where there is none and where there is one.

usage: python experiments/feature_worlds.py [--worlds 400]

Five models that find the same patients hard; eleven features that are numbers, two of which say much the
same, with a tenth of the values missing, and a word; 72 tests. Without a planted feature any finding is a
false alarm. With one, patients are hard where it is high, with a correlation of about 0.98 or 0.8.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from napari_uncertainseg.audit.ranking.failures import ALL, shared_features
from napari_uncertainseg.audit.ranking.scores import Scores

PLANTED = "f2"
MODELS, FEATURES = 5, 11
STRONG, WEAK = 5.0, 1.3


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--worlds", type=int, default=400)
    worlds = parser.parse_args().worlds
    print("| patients | visits | none: any named, % | strong: named, % | another, % | weaker: named, % |")
    print("| --- | --- | --- | --- | --- | --- |")
    for patients, visits in ((12, 1), (12, 3)):
        alarms = np.mean([bool(named(seed, patients, visits)) for seed in range(worlds)])
        strong = [named(seed, patients, visits, STRONG) for seed in range(worlds // 2)]
        weak = [named(seed, patients, visits, WEAK) for seed in range(worlds // 2)]
        shares = (alarms, found(strong), others(strong), found(weak))
        print(
            f"| {patients} | {visits} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |", flush=True
        )


def found(worlds: list[set[tuple[str, str]]]) -> float:
    """Share of worlds in which the planted feature is named for all models."""
    return float(np.mean([(ALL, PLANTED) in one for one in worlds]))


def others(worlds: list[set[tuple[str, str]]]) -> float:
    """Share of worlds in which another feature is named."""
    return float(np.mean([any(feature != PLANTED for _, feature in one) for one in worlds]))


def named(seed: int, patients: int, visits: int = 1, planted: float = 0.0) -> set[tuple[str, str]]:
    """Models and features that withstand the correction in one world."""
    tests = shared_features(*world(seed, patients, visits, planted))
    return {(one.model, one.feature) for one in tests if one.p_holm <= 0.05}


def world(seed: int, patients: int, visits: int = 1, planted: float = 0.0) -> tuple[Scores, pd.DataFrame]:
    """Scores of models, and features of the cases.

    Parameters
    ----------
    seed
        Of the world.
    patients, visits
        Numbers; visits of each patient.
    planted
        How much harder a patient is with each deviation of the planted feature.
    """
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), visits)
    own = rng.normal(size=(patients, FEATURES))
    own[:, 1] = own[:, 0] + 0.5 * own[:, 1]
    hard = rng.normal(size=patients) + planted * own[:, 2]
    values = -hard[owner] + rng.normal(0, 0.5, (MODELS, patients * visits))
    seen = own[owner] + rng.normal(0, 0.1, (patients * visits, FEATURES)) * (visits > 1)
    seen[:, 3:][rng.random(seen[:, 3:].shape) < 0.1] = np.nan
    cases = tuple(f"p{p}v{i % visits}" for i, p in enumerate(owner))
    table = pd.DataFrame(seen, columns=[f"f{i}" for i in range(FEATURES)], index=pd.Index(cases))
    table["site"] = rng.permutation(np.arange(patients) % 3).astype(str)[owner]
    models = tuple(f"m{i}" for i in range(MODELS))
    return Scores("", "dice", True, models, cases, tuple(f"p{p}" for p in owner), values), table


if __name__ == "__main__":
    main()
