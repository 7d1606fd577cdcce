"""Whether the intervals of `uncertainseg audit stability` hold, with few people and with their lesions.

    python experiments/stability_worlds.py --worlds 2000

Values are drawn of planted components: what people differ by, what an acquisition adds to all, and the
rest. For lesions also: what the lesions of a person share, and what an acquisition adds to all lesions of
one person. Printed is the share of worlds in which the 95 % interval holds the planted value.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import pandas as pd

from napari_uncertainseg.audit.stability.analysis import LESIONS, measured_stability
from napari_uncertainseg.audit.stability.measures import Measure
from napari_uncertainseg.audit.stability.reliability import MeanSquares, reliability

MEASURE = Measure("value", "Value")


def people(worlds: int) -> str:
    """Coverage of people's intervals, a table in Markdown."""
    lines = [
        "| people | acquisitions | added to all (SD) | ICC(2,1) | ICC(3,1) | detectable change |",
        "| --- " * 6 + "|",
    ]
    rng = np.random.default_rng(0)
    for targets in (2, 3, 5, 8, 12):
        for acquisitions in (3, 14):
            for setting in (0.0, 0.5):
                error = 0.5
                truth = (1 / (1 + setting**2 + error**2), 1 / (1 + error**2), math.hypot(setting, error))
                held = np.zeros(3)
                for _ in range(worlds):
                    values = (
                        rng.normal(0, 1, (targets, 1))
                        + rng.normal(0, setting, acquisitions)
                        + rng.normal(0, error, (targets, acquisitions))
                    )
                    squares = MeanSquares.of(values)
                    found = (squares.icc2(), squares.icc3(), reliability(values).sem)
                    held += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
                shares = " | ".join(f"{100 * x / worlds:.1f}" for x in held)
                lines.append(f"| {targets} | {acquisitions} | {setting:g} | {shares} |")
    return "\n".join(lines)


def lesions(worlds: int) -> str:
    """Coverage of lesions' intervals of ICC(3,1), from F and from drawing people, a table in Markdown."""
    lines = ["| people | lesions of each | lesions independent | F | people drawn |", "| --- " * 5 + "|"]
    rng = np.random.default_rng(1)
    count = 20
    for number in (5, 8, 12):
        for shared in (0.0, 0.7):
            own, moved, rest = math.sqrt(1 - shared**2), 0.4 * (shared > 0), 0.4
            # Between lesions: 1 in all. Within: what an acquisition adds to a person's lesions, and the rest.
            truth = 1 / (1 + moved**2 + rest**2)
            held = np.zeros(2)
            for _ in range(worlds):
                values = (
                    shared * rng.normal(0, 1, (number, 1, 1))
                    + own * rng.normal(0, 1, (number, count, 1))
                    + moved * rng.normal(0, 1, (number, 1, 4))
                    + rest * rng.normal(0, 1, (number, count, 4))
                )
                index = pd.MultiIndex.from_product(
                    [range(number), range(count), range(4)], names=["patient", "target", "acquisition"]
                )
                table = pd.DataFrame({"value": values.ravel()}, index=index).reset_index()
                drawn = measured_stability(table, MEASURE, LESIONS, range(4)).agreement
                plain = reliability(values.reshape(-1, 4))
                assert drawn is not None
                held += [one.icc3.low <= truth <= one.icc3.high for one in (plain, drawn)]
            shares = " | ".join(f"{100 * x / worlds:.1f}" for x in held)
            lines.append(f"| {number} | {count} | {'no' if shared else 'yes'} | {shares} |")
    return "\n".join(lines)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    options = parser.parse_args()
    print(people(options.worlds), flush=True)
    print()
    print(lesions(max(1, options.worlds // 5)))


if __name__ == "__main__":
    main()
