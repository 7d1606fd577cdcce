"""New lesions that nobody outlined for training: whether a model sees them at the later visit only.

usage: python experiments/change.py [--model NAME|FOLDER ...] [--data FOLDER]

The patients of 3D-MR-MS longitudinal as scanned (skull on, slices of 3 to 4 mm; both visits of 01, 03 and 19,
one of 04, 09 and 20) and masks of what changed between the visits, in a common space. Their scans served
models as backgrounds, without a label; `experiments/fold-longitudinal.toml` trains without them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cc3d
import SimpleITK as sitk
from comparing import table

from napari_uncertainseg import Segmenter, Volume, read_volume
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

ROOT = Path(__file__).resolve().parents[1]
FILES = {"flair": "FLAIR", "t1": "T1W", "t2": "T2W"}
TITLES = ("model", "patient", "visit", "inputs", "mean p in new lesions", "new lesions seen", "lesions", "ml")


def main() -> None:
    """Print a table: a row for each model, visit and set of inputs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", nargs="+", default=["bundled"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    rows = []
    for model in arguments.model:
        segmenter = Segmenter(model)
        for folder in sorted((arguments.data / "3d-mr-ms-longitudinal").glob("patient*")):
            change = sitk.ReadImage(str(folder / "coreg_gt.nii.gz"))
            for visit, images in visits(folder):
                cells = row(segmenter, images, change, folder / f"study{visit}_FLAIR_to_common_space.txt")
                rows.append([model, folder.name[-2:], str(visit), "+".join(images), *cells])
                print(*rows[-1], flush=True)
    print(table(TITLES, rows))


def visits(folder: Path) -> Iterator[tuple[int, dict[str, Volume]]]:
    """The visits that are there: the FLAIR alone, and with T1 and T2 where there are any."""
    for visit in (1, 2):
        paths = {role: folder / f"study{visit}_{name}.nii.gz" for role, name in FILES.items()}
        images = {role: read_volume(path) for role, path in paths.items() if path.exists()}
        if images:
            yield visit, {"flair": images["flair"]}
        if len(images) > 1:
            yield visit, images


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
