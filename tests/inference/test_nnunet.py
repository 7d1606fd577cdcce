"""nnU-Net's own models give here what nnU-Net's own predictor gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.prediction.prediction import Prediction

from ..nnunet_folders import (
    LAYERS,
    RESIDUAL,
    make_dataset,
    make_plans,
    predicted_by_nnunet,
    write_model,
    write_scan,
)

pytest.importorskip("nnunetv2", reason="nnU-Net is the measure: pip install nnunetv2")

CLOSE = 0.002
"""nnU-Net adds windows up in half precision, whose steps are a thousandth."""


def scans_by_modality(paths: list[Path], *modalities: str) -> dict[str, Volume]:
    return {m: read_volume(path, modality=m) for m, path in zip(modalities, paths, strict=True)}


class Theirs:
    """What nnU-Net's own predictor says of a scan, in canonical order."""

    def __init__(self, folder: Path, paths: list[Path], scan: Volume, folds: tuple[int, ...]) -> None:
        found, probabilities = predicted_by_nnunet(folder, paths, folds)
        self._scan = scan
        self.labels = self.on_grid(found)
        self.probabilities = np.stack([self.on_grid(one) for one in probabilities])

    def on_grid(self, found: np.ndarray) -> np.ndarray:
        """Its reader gives the file's axes in reverse order."""
        return self._scan.grid.to_canonical(found.transpose(2, 1, 0))

    def check(self, found: np.ndarray, wanted: np.ndarray, labels: np.ndarray) -> None:
        # In the corners of the head's box one window counts, with weights that half precision rounds to 0.
        head = self._scan.data != 0
        assert labels.sum() > 50, "nothing is found: the test would pass anyhow"
        assert abs(found - wanted)[head].max() < CLOSE
        ours, theirs = (found >= 0.5) & head, labels & head
        assert 1 - dice(ours, theirs) <= 0.002


def members_of(prediction: Prediction) -> np.ndarray:
    out = np.zeros((len(prediction.members), *prediction.grid.shape), np.float32)
    out[(slice(None), *prediction.members.box)] = prediction.members.values
    return out


@pytest.mark.slow
def test_each_fold_is_a_member_and_gives_what_nnunet_gives(tmp_path):
    folder = write_model(tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres", train=25)
    paths = write_scan(tmp_path / "visit")
    scan = read_volume(paths[0], modality="flair")
    found = Segmenter(folder, method="ensemble", device=cpu_device()).predict({"flair": scan})
    assert found.probability.shape == scan.grid.shape and len(found.members) == 2
    assert found.information["method"] == "ensemble" and found.brain[scan.data != 0].all()
    own = [Theirs(folder, paths, scan, (fold,)) for fold in (0, 1)]
    for member, theirs in zip(members_of(found), own, strict=True):
        theirs.check(
            np.where(theirs.probabilities[1] > 0.06, member, theirs.probabilities[1]),  # less is not kept
            theirs.probabilities[1],
            theirs.labels > 0,
        )
    one = Segmenter(folder, device=cpu_device()).predict({"flair": scan})
    own[0].check(one.probability, own[0].probabilities[1], own[0].labels > 0)
    mean = np.mean([theirs.probabilities[1] for theirs in own], axis=0)
    assert abs(found.probability - mean)[scan.data != 0].max() < CLOSE
    # Without mirroring each way to look is a member of its own, and their logits' mean is the plain pass.
    ways = Segmenter(folder, method="flips", device=cpu_device()).predict({"flair": scan})
    assert len(ways.members) == 8 and ways.variance.max() > 1e-4


@pytest.mark.parametrize(
    ("kind", "said"), [("Dropout3d", {"p": 0.3, "inplace": True}), ("Dropout", {}), (None, None)]
)
def test_dropout_layers_of_the_plans_give_members(tmp_path, kind, said):
    layers = LAYERS | {"dropout_op": kind and f"torch.nn.{kind}", "dropout_op_kwargs": said}
    folder = write_model(tmp_path / "model", plans=make_plans(layers=layers), folds=1)
    if kind is None:
        with pytest.raises(InputError, match="mc-dropout needs channels that can be dropped"):
            Segmenter(folder, method="mc-dropout", device=cpu_device())
        return
    scan = read_volume(write_scan(tmp_path / "visit")[0], modality="flair")
    first, again = (
        Segmenter(folder, method="mc-dropout", members=2, device=cpu_device()).predict({"flair": scan})
        for _ in range(2)
    )
    assert len(first.members) == 2 and first.variance.max() > 1e-4
    assert first.information["device"].endswith("(torch)")
    np.testing.assert_array_equal(first.variance, again.variance)


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["SimpleITKIO", "NibabelIOWithReorient"])
def test_several_labels_channels_axes_and_readers(tmp_path, reader):
    """Softmax over three labels, a CT beside the FLAIR, transposed axes, a mask for one channel only."""
    plans = make_plans(
        channels=2,
        normalization_schemes=["ZScoreNormalization", "CTNormalization"],
        use_mask_for_norm=[False, True],
        patch_size=[32, 8, 24],
        spacing=[1.2, 3.0, 1.1],
        layers=LAYERS | {"strides": [[1, 1, 1], [2, 1, 2], [2, 2, 2]]},
    )
    plans |= {"transpose_forward": [1, 0, 2], "transpose_backward": [1, 0, 2], "image_reader_writer": reader}
    dataset = make_dataset({"background": 0, "lesion": 1, "core": 2}, ("FLAIR", "CT"))
    folder = write_model(tmp_path / "model", plans=plans, dataset=dataset, folds=1, train=25, mirrored=(0, 2))
    paths = write_scan(tmp_path / "visit", channels=2)
    scans = scans_by_modality(paths, "flair", "ct")
    found = Segmenter(folder, device=cpu_device()).predict(scans)
    theirs = Theirs(folder, paths, scans["flair"], (0,))
    if reader == "NibabelIOWithReorient":  # its arrays are canonical already, but for the order of the axes
        _, raw = predicted_by_nnunet(folder, paths, (0,))
        theirs.probabilities, theirs.labels = raw, raw.argmax(axis=0)
    wanted = theirs.probabilities[1]
    theirs.check(found.probability, wanted, wanted > 0.5)
    (folder / "uncertainseg.json").write_text('{"target": ["lesion", "core"]}')
    both = Segmenter(folder, device=cpu_device()).predict(scans)
    wanted = theirs.probabilities[1:].sum(axis=0)
    theirs.check(both.probability, wanted, wanted > 0.5)
    with pytest.raises(InputError, match="CT is missing"):
        Segmenter(folder, device=cpu_device()).predict({"flair": scans["flair"]})


@pytest.mark.slow
def test_regions_have_a_probability_of_their_own(tmp_path):
    dataset = make_dataset({"background": 0, "brain": [1, 2], "lesion": 2}, regions_class_order=[1, 2])
    plans = make_plans(
        normalization_schemes=["RescaleTo01Normalization"],
        spacing=[4.0, 2.0, 2.0],
        network="ResidualEncoderUNet",
        layers=RESIDUAL,
    )
    folder = write_model(tmp_path / "model", plans=plans, dataset=dataset, folds=1, train=25, mirrored=None)
    paths = write_scan(tmp_path / "visit")
    scan = read_volume(paths[0], modality="flair")
    found = Segmenter(folder, device=cpu_device()).predict({"flair": scan})
    theirs = Theirs(folder, paths, scan, (0,))
    theirs.check(found.probability, theirs.probabilities[1], theirs.probabilities[1] > 0.5)
    assert found.information["model"] == "Dataset007_Balls-3d_fullres"
