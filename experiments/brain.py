"""How well the brain is found: ``python experiments/brain.py FINDER...``, tables of docs/results.md.

FINDER is ``deepbet``, ``network`` (the bundled weights) or ``NAME=weights.safetensors``. Every raw scan at
hand is compared with the mask that came with it. ``--sheet FILE.png`` draws the outlines of the last finder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_uncertainseg.images.preparation.brain import find_brain
from napari_uncertainseg.images.preparation.brain_network import brain_by_network
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.training.brain.real_heads import SOURCES, RealHead, real_heads

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
NEAR = 3.0  # mm
Find = Callable[[Volume], np.ndarray]


@dataclass(frozen=True)
class Score:
    """A mask against the one that came with the scan.

    Attributes
    ----------
    dice
        Overlap.
    near
        Share of both surfaces that is within `NEAR` of the other one.
    outside, missing
        ml beyond the mask, and of the mask that was not found.
    seconds
        That finding took.
    """

    dice: float
    near: float
    outside: float
    missing: float
    seconds: float


def finder(name: str) -> Find:
    """What a name on the command line stands for."""
    if "=" in name:
        weights = Path(name.split("=", 1)[1])
        return lambda scan: brain_by_network(scan, weights=weights)
    return lambda scan: find_brain(scan, finder="deepbet" if name == "deepbet" else "network")


def score(found: np.ndarray, true: np.ndarray, scan: Volume, seconds: float) -> Score:
    """Compare two masks on the scan's grid.

    A surface is where a mask ends within the scan, not where the scan itself ends.
    """
    ml = scan.grid.voxel_volume / 1000
    both = float((found & true).sum())
    surfaces = [mask & ~ndimage.binary_erosion(mask, border_value=1) for mask in (found, true)]
    spacing = scan.grid.spacing
    far = [ndimage.distance_transform_edt(~surface, sampling=spacing) for surface in surfaces]
    distances = np.concatenate([far[1][surfaces[0]], far[0][surfaces[1]]])
    return Score(
        2 * both / max(1, found.sum() + true.sum()),
        float((distances <= NEAR).mean()),
        float((found & ~true).sum()) * ml,
        float((true & ~found).sum()) * ml,
        seconds,
    )


def scores(find: Find, heads: list[RealHead]) -> Iterator[tuple[RealHead, np.ndarray, Score]]:
    """Find the brain in each head, and compare."""
    for head in heads:
        began = time.perf_counter()
        found = find(head.scan)
        seconds = time.perf_counter() - began
        yield head, found, score(found, head.share >= 0.5, head.scan, seconds)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("finders", nargs="+", metavar="FINDER")
    parser.add_argument("--modality", default="flair", choices=("flair", "t1", "t2", "all"))
    parser.add_argument("--source", default="", help="only those whose name begins so")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    heads = [
        head
        for source in SOURCES
        for head in real_heads(DATA, source)
        if options.modality in (head.modality, "all") and head.name.startswith(options.source)
    ]
    print("| finder | scan | Dice | surface within 3 mm | ml outside | ml missing | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    drawn = []
    for name in options.finders:
        kept = []
        drawn = []
        for head, found, s in scores(finder(name), heads):
            drawn.append((head, found))
            note = f" (mask: {head.wrong})" if head.wrong else ""
            kept += [] if head.wrong else [s]
            row = f"{s.dice:.3f} | {s.near:.3f} | {s.outside:.0f} | {s.missing:.0f} | {s.seconds:.1f}"
            print(f"| {name.split('=')[0]} | {head.name}{note} | {row} |", flush=True)
        if kept:
            means = [np.mean([getattr(s, f) for s in kept]) for f in ("dice", "near", "outside", "missing")]
            good = sum(s.dice >= 0.96 and s.near >= 0.95 for s in kept)
            row = f"{means[0]:.3f} | {means[1]:.3f} | {means[2]:.0f} | {means[3]:.0f}"
            print(f"| {name.split('=')[0]} | mean; {good} of {len(kept)} reach both aims | {row} | |")
    if options.sheet:
        draw_sheet(drawn, options.sheet)


def draw_sheet(drawn: list[tuple[RealHead, np.ndarray]], path: Path) -> None:
    """Draw the outlines, red, over five sections of each scan, with the mask that came with it in blue."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    figure, axes = plt.subplots(len(drawn), 6, figsize=(13, 2.15 * len(drawn)), squeeze=False)
    for row, (head, found) in zip(axes, drawn, strict=True):
        s, a, r = head.scan.grid.spacing
        inside = [np.flatnonzero(found.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        middle = [int(np.median(each)) for each in inside]
        levels = [int(np.quantile(inside[0], q)) for q in (0.08, 0.35, 0.65, 0.92)]
        sections = [((level, slice(None), slice(None)), a / r) for level in levels]
        sections += [
            ((slice(None), slice(None), middle[2] + round(12 / r)), s / a),
            ((slice(None), middle[1], slice(None)), s / r),
        ]
        bright = float(np.quantile(head.scan.data[found], 0.99)) * 1.15
        for axis, (section, aspect) in zip(row, sections, strict=True):
            grey = {"cmap": "gray", "origin": "lower", "vmin": 0, "vmax": bright}
            axis.imshow(head.scan.data[section], aspect=aspect, **grey)
            for mask, colour in ((head.share, "deepskyblue"), (found, "red")):
                if mask[section].max() >= 0.5:
                    axis.contour(mask[section], [0.5], colors=colour, linewidths=0.6)
            axis.axis("off")
        row[0].set_title(head.name, fontsize=7, loc="left", pad=2)
    figure.subplots_adjust(0.01, 0.005, 0.99, 0.99, 0.02, 0.12)
    figure.savefig(path, dpi=80)
    plt.close(figure)
    Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)  # a third of the size


if __name__ == "__main__":
    main()
