"""Make the numbers with which a model computes in int8, and measure what that costs.

usage: python experiments/int8.py --cache FOLDER --out int8.json [--powers 4] [--model NAME|FOLDER] [--data .]
       python experiments/int8.py --cache FOLDER --check [--powers 4 2] [--seeds 0 1 2] [--minutes 9] [--all]

Each scan goes through the network once in float32; what comes into each channel of each convolution in the
brain is counted. Of these counts follows which numbers the levels stand for: the sum of a power of the errors
(`--powers`; 0 cuts nothing off) is the smallest, for each channel apart (`--together`: one step for all
channels of a convolution), and their mean is 0 (`--no-offsets`: 0 is a level). `--float32` names the layers
that are not rounded; by default the one that reads the image at full resolution.

`--check` leaves each source out in turn: levels from the others, and on the source that was left out the Dice
and ACE (brain, 20 bins) against the reference, in int8 less those in float32, and how far probabilities move.
Seed 0 takes all scans of the others; each further one draws half of them. `--all` leaves nothing out, as what
is shipped is made. All that is found is kept in the cache: after `--minutes` it stops, and goes on when it is
called again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cached import Cache, file_name
from int8_costs import Scans, summary
from int8_ranges import Rule, convolutions, count_inputs, rounded_layers
from sources import Scan, scans_at_hand

from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.int8.whole_numbers import WholeNumbers
from napari_uncertainseg.networks.formats.multihead import MultiHeadModel

ROOT = Path(__file__).resolve().parents[1]
FIRST = ("laterals.0",)
"""What reads the image at full resolution: rounded too, one scan of three draws missed a bound."""
ABOUT = "Made by experiments/int8.py of the labelled scans that docs/performance.md names."


def main() -> None:
    """Write the numbers, or print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--powers", type=float, nargs="+", default=[4.0])
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--no-offsets", action="store_true")
    parser.add_argument("--float32", nargs="*", default=list(FIRST), metavar="LAYER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--minutes", type=float, default=1e9)
    arguments = parser.parse_args()
    model = find_model(arguments.model)
    if not isinstance(model, MultiHeadModel):
        parser.error("only models of this project can be rounded")
    scans = scans_at_hand(arguments.data)
    maker = Maker(Scans(model, arguments.data, Cache(arguments.cache)), arguments)
    if arguments.out:
        numbers = maker.numbers(scans, arguments.powers[0], ABOUT)
        arguments.out.write_text(numbers.model_dump_json(indent=1, exclude_defaults=True) + "\n")
    for seed in arguments.seeds if arguments.check else ():
        rows = [row for power in arguments.powers for row in maker.checked(scans, power, seed)]
        print(f"## Seed {seed}\n\n{summary(rows)}\n", flush=True)


class Maker:
    """Makes the numbers for a model, and measures them."""

    def __init__(self, scans: Scans, arguments: argparse.Namespace) -> None:
        self._scans, self._arguments = scans, arguments
        network = scans.model.network()
        self._layers = list(convolutions(network))
        self._names = [name for name in self._layers if name not in arguments.float32]
        self._network, self._end = network, time.monotonic() + 60 * arguments.minutes

    def numbers(self, scans: Sequence[Scan], power: float, about: str = "") -> WholeNumbers:
        """Numbers for the first network of the model, the one that `checked` measures."""
        counted, rule = [self._counts(scan) for scan in scans], self._rule(power)
        layers = rounded_layers(self._network, counted, self._names, rule)
        return WholeNumbers(version=2, about=about, networks={self._scans.model.weight_sha256(): layers})

    def checked(self, scans: Sequence[Scan], power: float, seed: int) -> Iterator[dict[str, Any]]:
        """What a rule costs on each scan, with numbers from the other sources."""
        for source in dict.fromkeys(scan.source for scan in scans):
            used = [scan for scan in scans if self._arguments.all or scan.source != source]
            if seed:
                drawn = np.random.default_rng(seed).permutation(len(used))[: len(used) // 2]
                used = [used[n] for n in sorted(drawn)]
            numbers: WholeNumbers | None = None
            for scan in (scan for scan in scans if scan.source == source):
                path = self._kept(power, seed, scan)
                if not path.is_file():
                    self._stop_in_time()
                    numbers = numbers or self.numbers(used, power)
                    row = self._scans.cost(scan, self._scans.mean(scan, "int8", numbers))
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(json.dumps(row))
                yield {"rule": f"power {power:g}", **json.loads(path.read_text())}

    def _rule(self, power: float) -> Rule:
        arguments = self._arguments
        return Rule(power, alone=not arguments.together, offset=not arguments.no_offsets)

    def _kept(self, power: float, seed: int, scan: Scan) -> Path:
        """Where a row is kept: nothing is measured twice."""
        arguments, folder = self._arguments, self._scans.cache.folder
        assert folder is not None
        layers = "-".join(arguments.float32) or "none"
        used = "all" if arguments.all else "left-out"
        return (
            folder / "rows" / layers / f"{used}-{seed}" / str(self._rule(power)) / f"{file_name(scan)}.json"
        )

    def _stop_in_time(self) -> None:
        if time.monotonic() > self._end:
            sys.exit("Stopped: call it again to go on.")

    def _counts(self, scan: Scan) -> dict[str, np.ndarray]:
        def make() -> dict[str, np.ndarray]:
            self._stop_in_time()
            print(f"Counting {scan.prefix}", file=sys.stderr, flush=True)
            image, brain = self._scans.image(scan), self._scans.source(scan).brain
            after = [(0, -n % self._network.divisor) for n in brain.shape]
            placed = torch.from_numpy(np.pad(image, [(0, 0), *after]))[None]
            inside = torch.from_numpy(np.pad(brain, after))
            return count_inputs(self._network, self._layers, placed, inside)

        return dict(self._scans.cache.get("counts", scan, make))


if __name__ == "__main__":
    main()
