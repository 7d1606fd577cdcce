"""What the speed costs in Dice, on every labelled scan at hand.

One scan does not tell. With the same network, patient 07 (1.3 ml of lesions) gets a Dice between 0.634 and
0.650 when the brain is moved by 0 to 32 voxels in the window, so 0.016 more or less there is chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg.bench.scene import Scene, data_folder
from napari_uncertainseg.bench.timing import Row
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.found_brain import FoundBrain
from napari_uncertainseg.images.preparation.prepare import Prepared, prepare
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.formats.multihead import MultiHeadModel
from napari_uncertainseg.networks.model import Preprocessing
from napari_uncertainseg.training.subjects import find_image, read_scans

SOURCES = ("3d-mr-ms", "ms3seg", "sim-vent", "mslesseg")
"""Folders of labelled scans; visits of one patient are named ``P14_visit1`` and so on."""
_MOST = 0.005


@dataclass(frozen=True)
class Labelled:
    """A visit with an expert's mask; `patient` is the same for all visits of one."""

    patient: str
    prefix: str


def rows(scene: Scene) -> list[Row]:
    """Measure what is lost on average over patients; no row where there are no labelled scans."""
    root = data_folder()
    scans = labelled_scans(root)
    if not scans or not scene.trained:
        return []
    return [dice_lost(pd.DataFrame([_of_scan(scene, root, scan) for scan in scans]))]


def labelled_scans(root: Path) -> list[Labelled]:
    """All of them in the data folder."""
    folders = [one for name in SOURCES if (root / name).is_dir() for one in sorted((root / name).iterdir())]
    found = [one for one in folders if one.is_dir() and find_image(root, _prefix(one, root), "lesion")]
    return [Labelled(one.name.partition("_")[0], _prefix(one, root)) for one in found]


def _prefix(folder: Path, root: Path) -> str:
    return f"{folder.relative_to(root).as_posix()}/"


def dice_lost(scans: pd.DataFrame) -> Row:
    """Make the row: means over patients, each of them that of the patient's scans.

    Parameters
    ----------
    scans
        A row each, with ``patient``, ``ours`` and ``theirs``.
    """
    patients = scans.groupby("patient")[["ours", "theirs"]].mean()
    ours, theirs = patients.mean()
    lost = scans["theirs"] - scans["ours"]
    detail = (
        f"{ours:.4f} against {theirs:.4f}, {len(patients)} patients; "
        f"single scans lose {lost.min():+.4f} to {lost.max():+.4f}"
    )
    what = f"Dice lost by it against the experts' masks, {len(scans)} labelled scans"
    return Row(what, "that sliding window", theirs - ours, _MOST, False, detail, unit="")


def _of_scan(scene: Scene, root: Path, scan: Labelled) -> dict[str, object]:
    images = read_scans(root, scan.prefix)
    path = find_image(root, scan.prefix, "lesion")
    assert path is not None
    reference = read_labels(path, images["flair"].grid).data > 0
    brains: list[FoundBrain] = []
    prepared = prepare(images, look=brains.append)
    found = Segmenter(scene.model).predict(images, brain=brains[0])
    theirs = windowed(scene.model, prepared, scene.window) >= scene.model.threshold
    return {
        "patient": scan.patient,
        "ours": dice(found.probability >= found.threshold, reference),
        "theirs": dice(theirs, reference),
    }


def windowed(model: MultiHeadModel, prepared: Prepared, window: int) -> np.ndarray:
    """Mean probability of the heads by MONAI's sliding window, float32, on the scan's grid.

    OpenVINO runs the network where it is installed, which is faster than torch and differs by a millionth:
    here only the windows matter.
    """
    import torch
    from monai.inferers import sliding_window_inference

    assert isinstance(model.preprocessing, Preprocessing)
    source = prepared.network_input(model.preprocessing.spacing, model.preprocessing.smoothing)
    nothing = np.zeros(source.brain.shape, np.float32)
    image = np.stack([source.channels.get(name, nothing) for name in model.modalities])
    if source.exact:  # as a user of MONAI would: the whole scan
        whole = np.zeros((len(image), *prepared.grid.shape), np.float32)
        whole[:, *source.box] = image
        image = whole
    engine = model.engine(cpu_device().at("float32"))

    def run(part: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(engine.heads(part)).clone()[None]

    with torch.inference_mode():
        logits = sliding_window_inference(
            torch.from_numpy(image)[None], [window] * 3, 1, run, overlap=0.25, mode="gaussian"
        )
    assert isinstance(logits, torch.Tensor)
    p = logits[0].sigmoid().mean(dim=0).numpy()
    return p * prepared.brain if source.exact else source.back(p)
