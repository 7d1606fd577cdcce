"""How bright tissues and lesions are on the FLAIRs at hand, as z-scores and as the network reads them.

usage: python experiments/levels.py [--data FOLDER]

White and grey matter are told apart by the T1 (z-scores above 0.5, and -0.6 to 0.2), away from lesions.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from results import SCANS, find, reference
from scipy import ndimage

from napari_uncertainseg import read_volume
from napari_uncertainseg.images.preparation.normalise import normalise
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.training.planting import CSF_FLAIR

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print one row per scan."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    data = parser.parse_args().data
    print(
        "| scan | fluid, share of the brain | z-score: white, grey, lesions | as read: white, grey, lesions |"
    )
    print("| --- | --- | --- | --- |")
    for scan in SCANS:
        images = {role: read_volume(find(data, scan, name)) for role, name in scan.files}
        ready = prepare(images)
        flair, t1, brain = ready.channels["flair"], ready.channels["t1"], ready.brain
        truth = reference(scan, data, ready.grid)
        lesions = np.zeros(brain.shape, bool) if truth is None else truth.data > 0
        away = brain & ~ndimage.binary_dilation(lesions, iterations=2)
        parts = (away & (t1 > 0.5), away & (t1 > -0.6) & (t1 < 0.2), lesions)
        # the formula of T1, which is a z-score
        scores = [medians(x, parts) for x in (normalise(images["flair"].data, brain, "t1"), flair)]
        fluid = float((flair[brain] < CSF_FLAIR).mean())
        print(f"| {scan.name} | {fluid:.2f} | {scores[0]} | {scores[1]} |", flush=True)


def medians(image: np.ndarray, parts: tuple[np.ndarray, ...]) -> str:
    """Median of each part, or a dash."""
    return ", ".join(f"{np.median(image[part]):.2f}" if part.any() else "-" for part in parts)


if __name__ == "__main__":
    main()
