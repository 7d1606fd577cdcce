"""Models made elsewhere, trained for minutes on real scans: members, maps and lists are right.

What is right is what their own tools make of the same files, on a patient whom they have not seen. Only with
``UNCERTAINSEG_SOAK=1``, as `make soak` does: it takes a quarter of an hour. ``UNCERTAINSEG_TRAINED`` may name
a folder where the models are found, or left.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg import Segmenter, rank_lesions, read_volume
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.prediction.prediction import Prediction

from ..bundles import probabilities_of_monai
from ..nnunet_folders import OLD, predicted_by_nnunet
from ..trained_models import TRAINED_ON, make_models

pytest.importorskip("monai")
pytest.importorskip("nnunetv2", reason="nnU-Net is the measure: pip install nnunetv2")
pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("UNCERTAINSEG_SOAK"), reason="trains networks: `make soak` runs it"
    ),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai", OLD),
]
CLOSE = 0.002
SAME = 0.998
"""Dice."""
KEPT = 0.06
"""Members are not stored below 0.05."""
UNSEEN = "3d-mr-ms/patient07"


@pytest.fixture(scope="module")
def models(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    named = os.environ.get("UNCERTAINSEG_TRAINED")
    return make_models(Path(named) if named else tmp_path_factory.mktemp("models"), shared_data)


def scan_of(shared_data: Path) -> Volume:
    return read_volume(shared_data / UNSEEN / "FLAIR.nii.gz", modality="flair")


def members_of(prediction: Prediction) -> np.ndarray:
    out = np.zeros((len(prediction.members), *prediction.grid.shape), np.float32)
    out[(slice(None), *prediction.members.box)] = prediction.members.values
    return out


def check(found: np.ndarray, wanted: np.ndarray, threshold: float) -> None:
    assert (wanted >= threshold).sum() > 500, "nothing is found: the test would pass anyhow"
    assert abs(found - wanted).max() < CLOSE
    assert dice(found >= threshold, wanted >= threshold) >= SAME


def check_list(prediction: Prediction, wanted: np.ndarray) -> None:
    """Lesions, volumes and mean probabilities are those of scipy on the other tool's probabilities."""
    lesions = rank_lesions(prediction, min_volume=20.0)
    theirs, count = ndimage.label(wanted >= prediction.threshold, np.ones((3, 3, 3)))
    numbers = np.arange(1, count + 1)
    volumes = ndimage.sum_labels(np.ones(theirs.shape), theirs, numbers) * prediction.grid.voxel_volume
    sure = volumes[volumes >= 30]
    ours = np.sort(lesions.table["volume_mm3"])
    assert len(sure) <= len(ours) <= (volumes >= 10).sum()
    assert len(sure) > 5
    np.testing.assert_allclose(ours[-len(sure) :], np.sort(sure), atol=5.0, rtol=0.03)
    for _, row in lesions.table.head(10).iterrows():
        here = lesions.labels == row["label"]
        assert row["mean_probability"] == pytest.approx(wanted[here].mean(), abs=CLOSE)


def entropy(p: np.ndarray) -> np.ndarray:
    q = np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7)
    return -q * np.log(q) - (1 - q) * np.log(1 - q)


@pytest.mark.parametrize("model", ["bundle", "nnunet"])
def test_they_find_lesions_of_a_patient_on_whom_they_were_trained(models, shared_data, model):
    folder = models[0] if model == "bundle" else models[1]
    scan, mask = (shared_data / name for name in TRAINED_ON[0])
    found = Segmenter(folder, device=cpu_device()).predict({"flair": read_volume(scan)})
    assert dice(found.probability >= found.threshold, read_labels(mask, found.grid).data > 0) > 0.5


def test_a_bundle_gives_what_monai_gives(models, shared_data):
    scan = scan_of(shared_data)
    found = Segmenter(models[0], device=cpu_device()).predict({"flair": scan})
    own = probabilities_of_monai(models[0], [shared_data / UNSEEN / "FLAIR.nii.gz"])[0]
    wanted = scan.grid.to_canonical(own)
    check(found.probability, wanted, 0.45)
    assert abs(found.entropy - entropy(wanted)).max() < 0.02
    check_list(found, wanted)


def test_folds_are_members_and_give_what_nnunet_gives(models, shared_data):
    scan = scan_of(shared_data)
    found = Segmenter(models[1], method="ensemble", device=cpu_device()).predict({"flair": scan})
    head = scan.data != 0  # in the corners of the head's box nnU-Net's half precision loses the weights
    folds = []
    for fold, member in enumerate(members_of(found)):
        _, own = predicted_by_nnunet(models[1], [shared_data / UNSEEN / "FLAIR.nii.gz"], (fold,))
        wanted = np.where(head, scan.grid.to_canonical(own[1].transpose(2, 1, 0)), 0)
        check(np.where(wanted > KEPT, member, wanted), wanted, 0.5)
        folds.append(wanted)
    mean = np.mean(folds, axis=0)
    check(np.where(head, found.probability, 0), mean, 0.5)
    information = entropy(mean) - np.mean([entropy(fold) for fold in folds], axis=0)
    assert abs(found.mutual_information - information)[head].max() < 0.02
    assert abs(found.variance - np.var(folds, axis=0))[head].max() < CLOSE
    check_list(found, mean)
