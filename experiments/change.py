"""New lesions that nobody outlined for training: whether a model sees them at the later visit only.

usage: python experiments/change.py [--model NAME|FOLDER ...] [--data FOLDER]

Patient 01 of 3D-MR-MS longitudinal, two visits as scanned (skull on, 4 mm slices) and a mask of what changed
between them. Its scans served the bundled model as backgrounds, without a label.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cc3d
import SimpleITK as sitk
from comparing import table

from napari_uncertainseg import Segmenter, Volume, read_volume
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

ROOT = Path(__file__).resolve().parents[1]
FILES = {"flair": "FLAIR", "t1": "T1W", "t2": "T2W"}
TITLES = ("model", "visit", "inputs", "mean p in new lesions", "new lesions seen", "lesions", "ml")


def main() -> None:
    """Print a table: a row for each model, visit and set of inputs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", nargs="+", default=["bundled"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    folder = arguments.data / "3d-mr-ms-longitudinal" / "patient01"
    change = sitk.ReadImage(str(folder / "gt.nii.gz"))
    rows = []
    for model in arguments.model:
        segmenter = Segmenter(model)
        for visit in (1, 2):
            for roles in (("flair",), ("flair", "t1", "t2")):
                images = {r: read_volume(folder / f"study{visit}_{FILES[r]}.nii.gz") for r in roles}
                cells = row(segmenter, images, change, folder / f"study{visit}_FLAIR_to_common_space.txt")
                rows.append([model, str(visit), "+".join(roles), *cells])
    print(table(TITLES, rows))


def row(
    segmenter: Segmenter, images: dict[str, Volume], change: sitk.Image, to_common_space: Path
) -> list[str]:
    """Segment a visit, bring the probability to the common space, and look at what changed."""
    prediction = segmenter.predict(images)
    with tempfile.TemporaryDirectory() as folder:
        path = write_volume(Path(folder) / "probability.nii.gz", prediction.probability, prediction.grid)
        probability = sitk.ReadImage(str(path))
    moved = sitk.Resample(probability, change, sitk.ReadTransform(str(to_common_space)), sitk.sitkLinear, 0.0)
    p, new = sitk.GetArrayFromImage(moved), sitk.GetArrayFromImage(change) > 0
    labels = cc3d.connected_components(new, connectivity=26)
    seen = [p[labels == i].max() >= prediction.threshold for i in range(1, labels.max() + 1)]
    lesions = rank_lesions(prediction)
    return [
        f"{p[new].mean():.2f}",
        f"{sum(map(bool, seen))} of {len(seen)}",
        str(lesions.count),
        f"{lesions.volume_ml:.1f}",
    ]


if __name__ == "__main__":
    main()
