"""A folder of tiny data to train on, and a training file that takes seconds."""

import nibabel
import numpy as np
import pytest

from napari_uncertainseg.training.patches import Patches
from napari_uncertainseg.training.sources.cohort import read_cohort

SMALL = """
name = "small"
output = "out"
[data]
folder = "data"
subjects = ["a/"]
patch = 8
[network]
features = [2, 4]
heads = 2
[optimisation]
steps = 4
warmup = 1
decay = 2
"""


@pytest.fixture
def folder(tmp_path):
    """One small subject with a bright lesion, and one mask to plant."""
    rng = np.random.default_rng(0)
    shape, affine = (40, 44, 42), np.diag([1.0, 1, 1, 1])
    lesion = np.zeros(shape, np.uint8)
    lesion[18:23, 18:23, 18:23] = 1
    data = tmp_path / "data"
    (data / "a").mkdir(parents=True)
    (data / "b").mkdir()
    (data / "masks").mkdir()
    for name, gain in (("FLAIR", 60), ("T1", -30), ("T2", 40)):
        scan = rng.normal(200, 5, shape) + float(gain) * lesion
        scan[:4] = 0
        nibabel.save(nibabel.Nifti1Image(scan.astype(np.float32), affine), data / "a" / f"{name}.nii.gz")
        if name == "FLAIR":  # another scan, without a mask
            nibabel.save(
                nibabel.Nifti1Image(scan[2:].astype(np.float32), affine), data / "b" / "c_flair.nii.gz"
            )
    for path in (data / "a" / "lesions.nii.gz", data / "masks" / "b.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(lesion, affine), path)
    return tmp_path


@pytest.fixture
def write_run(folder):
    """Write a training file, with some of its text replaced by other text; returns its path."""

    def write(**changes):
        text = SMALL
        for key, value in changes.items():
            before = next(line for line in SMALL.splitlines() if line.split(" = ")[0] == key)
            text = text.replace(before, value)
        path = folder / "run.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def make_patches(tmp_path):
    """Read what a configuration names, and draw patches from it."""

    def make(data, **options):
        return Patches(data, read_cohort(data, tmp_path / "cache"), **options)

    return make
