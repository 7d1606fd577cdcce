"""Lesion found outside the brain of raw scans: ``python experiments/outside_brain.py FINDER...``.

FINDER is as in experiments/brain.py. Each raw longitudinal FLAIR is segmented within what a finder takes
for the brain, as a user's scan is. Outside is what lies more than 2 mm beyond the mask that came with the
scan, or, where that mask shows no brain (patients 03 and 19), beyond what all finders agree on. ``--sheet``
draws the section with most of it, or else that with most lesion: outline red, lesion yellow.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from brain import DATA, finder
from comparing import table
from scipy import ndimage

from napari_uncertainseg import Segmenter
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.training.brain.real_heads import RealHead, real_heads
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

BEYOND = 2.0  # mm


@dataclass(frozen=True)
class Found:
    """What was found within a brain: bool arrays on the scan's grid."""

    brain: np.ndarray
    lesions: np.ndarray
    outside: np.ndarray


def look(head: RealHead, brains: Sequence[np.ndarray], segmenter: Segmenter) -> list[Found]:
    """Segment a scan within each of some brains."""
    true = head.share >= 0.5 if head.wrong is None else np.logical_and.reduce(brains)
    away = ndimage.distance_transform_edt(~true, sampling=head.scan.grid.spacing)
    found = []
    for brain in brains:
        mask = Volume(brain.astype(np.uint8), head.scan.grid, "brain")
        prediction = segmenter.predict({"flair": head.scan}, mask=mask, skull="present")
        lesions = rank_lesions(prediction).labels > 0
        found.append(Found(brain, lesions, lesions & (away > BEYOND)))
    return found


def places(found: Found, scan: Volume) -> str:
    """Where the three largest pieces outside lie, mm from the middle of the brain: up, front, right."""
    labels, count = ndimage.label(found.outside)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    middle = np.argwhere(found.brain).mean(axis=0)
    largest = [int(n) + 1 for n in np.argsort(sizes)[::-1][:3]]
    centres = ndimage.center_of_mass(found.outside, labels, largest) if count else []
    ml = scan.grid.voxel_volume / 1000
    words = []
    for number, centre in zip(largest, centres, strict=True):
        s, a, r = ((np.array(centre) - middle) * scan.grid.spacing).round().astype(int)
        words.append(f"{sizes[number - 1] * ml:.2f} ml at ({s:+d}, {a:+d}, {r:+d})")
    return "; ".join(words)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("finders", nargs="+", metavar="FINDER")
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    segmenter = Segmenter(options.model)
    names = [name.split("=")[0] for name in options.finders]
    rows, drawn = [], []
    for head in (h for h in real_heads(DATA, "longitudinal") if h.modality == "flair"):
        all_found = look(head, [finder(name)(head.scan) for name in options.finders], segmenter)
        for name, found in zip(names, all_found, strict=True):
            ml = [each.sum() * head.scan.grid.voxel_volume / 1000 for each in (found.lesions, found.outside)]
            cells = [head.name, name, f"{ml[0]:.1f}", f"{ml[1]:.2f}", places(found, head.scan)]
            rows.append(cells)
            drawn.append((f"{head.name}, {name}", head.scan, found))
            print(cells, flush=True)
    print(table(["scan", "finder", "lesion, ml", "of it outside, ml", "where (up, front, right), mm"], rows))
    if options.sheet:
        draw(drawn, options.sheet)


def draw(drawn: list[tuple[str, Volume, Found]], path: Path) -> None:
    """Draw a section of each scan."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = 6
    lines = -(-len(drawn) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(15, 3 * lines), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (title, scan, found) in zip(axes.flat, drawn, strict=False):
        most = found.outside if found.outside.any() else found.lesions
        level = int(most.sum(axis=(1, 2)).argmax())
        bright = float(np.quantile(scan.data[found.brain], 0.995)) * 1.2
        axis.imshow(scan.data[level], cmap="gray", origin="lower", vmin=0, vmax=bright)
        for mask, colour in ((found.brain, "red"), (found.lesions, "yellow")):
            if mask[level].any():
                axis.contour(mask[level], [0.5], colors=colour, linewidths=0.7)
        axis.set_title(title, fontsize=7)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
