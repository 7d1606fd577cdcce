"""What is said of good and of broken brain masks: ``python experiments/brain_check.py``, docs/results.md.

Good are the masks that came with the raw scans at hand, and what FINDER... found in them (``deepbet``,
``network`` or ``NAME=weights.safetensors``). Broken ones are made of the former.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from brain import DATA, finder
from scipy import ndimage

from napari_uncertainseg.images.preparation.brain import strange_brain
from napari_uncertainseg.images.preparation.brain_shape import brain_shape
from napari_uncertainseg.images.preparation.skull import shown_surface, surroundings
from napari_uncertainseg.training.brain.real_heads import SOURCES, RealHead, real_heads


def broken(head: RealHead) -> Iterator[tuple[str, np.ndarray]]:
    """Masks that are wrong, made of the one that came with a scan."""
    brain, spacing = head.share >= 0.5, head.scan.grid.spacing
    away = ndimage.distance_transform_edt(~brain, sampling=spacing)
    depth = ndimage.distance_transform_edt(brain, sampling=spacing)
    shown = shown_surface(head.scan, surroundings(head.scan))
    middle = np.argwhere(brain).mean(axis=0).round().astype(int)
    place = np.indices(brain.shape).reshape(3, *brain.shape)
    mm = [(place[k] - middle[k]) * spacing[k] for k in range(3)]
    yield "whole head", shown
    yield "15 mm too wide", (away < 15) & shown
    yield "8 mm too wide", (away < 8) & shown
    yield "12 mm too tight", depth > 12
    yield "left half", brain & (place[2] <= middle[2])
    yield "without one temporal lobe", brain & ~((mm[0] < 0) & (mm[2] > 15) & (mm[1] > -45))
    yield "without the front", brain & (mm[1] < 35)
    yield "with scalp", brain | (shown & (ndimage.distance_transform_edt(shown, sampling=spacing) < 8))
    yield "with scalp at the vertex", brain | ((away < 22) & shown & (mm[0] > 25))
    yield "with the neck", brain | (shown & (mm[0] < -45) & (np.abs(mm[2]) < 45))
    yield "with the eyes", brain | (shown & (mm[1] > 45) & (mm[0] < -10) & (mm[0] > -50))
    yield "a hole of 30 mm", brain & (mm[0] ** 2 + mm[1] ** 2 + (mm[2] - 25) ** 2 > 15**2)
    yield "in slices, every third is missing", brain & (place[0] % 3 > 0)
    yield (
        "ragged",
        brain
        & (
            ndimage.gaussian_filter(
                np.random.default_rng(0).normal(size=brain.shape), [6 / s for s in spacing]
            )
            > -0.01
        ),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("finders", nargs="*", metavar="FINDER")
    parser.add_argument("--numbers", action="store_true")
    options = parser.parse_args()
    said: dict[str, list[str]] = {}
    for source in SOURCES:
        for head in real_heads(DATA, source):
            if head.modality != "flair":
                continue
            kind = f"came with the scan, no brain: {head.wrong}" if head.wrong else "came with the scan"
            masks = [(kind, head.share >= 0.5)]
            masks += [(f"found by {name.split('=')[0]}", finder(name)(head.scan)) for name in options.finders]
            masks += [] if head.wrong else [*broken(head)]
            for name, mask in masks:
                words = strange_brain(mask, head.scan)
                said.setdefault(name, []).append(words)
                if options.numbers:
                    shape = brain_shape(mask, head.scan.grid)
                    print(head.name, "|", name, "|", shape, "|", words, flush=True)
    print("| mask | scans | something said of | most often |")
    print("| --- | --- | --- | --- |")
    for name, words in said.items():
        spoken = [each for each in words if each]
        usual = max(set(spoken), key=spoken.count) if spoken else ""
        print(f"| {name} | {len(words)} | {len(spoken)} | {usual} |")


if __name__ == "__main__":
    main()
