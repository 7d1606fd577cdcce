"""Where a bundle inverts its preparation before outputs become probabilities, or after, as MONAI does."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks.engines.device import cpu_device

from ..bundles import SEGRESNET, configuration, metadata, probabilities_of_monai, write_bundle

pytest.importorskip("monai")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai")
INVERSE = {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image",
           "nearest_interp": False, "to_tensor": True}  # fmt: skip


def write_scan(path: Path) -> Path:
    """Black around the head: what is cut off is interpolated with on the way back."""
    data = np.zeros((20, 24, 10), np.float32)
    data[5:, 4:-3, 1:] = np.random.default_rng(0).gamma(4, 20, (15, 17, 9))
    nibabel.save(nibabel.Nifti1Image(data, np.diag([-1.0, 1.2, 3.0, 1.0])), path)
    return path


@pytest.mark.parametrize("logits_are_inverted", [True, False])
@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_of_several_classes_what_monai_inverts_is_inverted(tmp_path, kind, logits_are_inverted):
    """Softmax and sigmoid of what was resampled are not what they are before."""
    activation = {"_target_": "Activationsd", "keys": "pred", kind: True}
    order = [INVERSE, activation] if logits_are_inverted else [activation, INVERSE]
    preparation = deepcopy(configuration()["preprocessing"])
    crop = {"_target_": "CropForegroundd", "keys": "image", "source_key": "image", "allow_smaller": True}
    preparation["transforms"].insert(4, crop)
    content = configuration(
        preprocessing=preparation,
        network_def=SEGRESNET | {"out_channels": 3},
        postprocessing={"_target_": "Compose", "transforms": order},
    )
    about = metadata({"0": "FLAIR"}, {"0": "background", "1": "lesion", "2": "oedema"})
    folder, scan = write_bundle(tmp_path / "bundle", content, about), write_scan(tmp_path / "flair.nii.gz")
    found = Segmenter(folder, device=cpu_device()).predict({"flair": read_volume(scan)})
    wanted = probabilities_of_monai(folder, [scan])[1]
    assert np.ptp(wanted) > 0.5
    given = found.grid.to_file(found.brain)[0]
    assert given.any() and not given.all()
    np.testing.assert_allclose(found.grid.to_file(found.probability)[0][given], wanted[given], atol=1e-4)
