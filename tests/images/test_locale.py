"""Decimals under a locale that writes them with a comma: Qt sets the C library's locale when it starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from .dicom_series import make_series

SCRIPT = """
import ctypes, json, locale, os, sys, tomllib, io
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from qtpy.QtWidgets import QApplication
app = QApplication([])
locale.setlocale(locale.LC_ALL, sys.argv[1])
libc = ctypes.CDLL(None)
libc.strtod.restype = ctypes.c_double
import numpy as np
import pandas as pd
from napari_uncertainseg.evaluate.worklist import read_worklist
from napari_uncertainseg.images.preparation.align import align
from napari_uncertainseg.images.preparation.bias import correct_bias
from napari_uncertainseg.images.files import read_image
out = {"strtod": libc.strtod(b"1.5", None)}
for path in sys.argv[2:]:
    volume = read_image(path)
    told = [*volume.grid.spacing, *volume.grid.affine.ravel(), float(volume.data.sum())]
    out[os.path.basename(path)] = told
out["tsv"] = pd.read_csv(io.StringIO("a\\tb\\n0.25\\t1.5e-3\\n"), sep="\\t").to_numpy().tolist()
out["json"] = json.loads("[1.5, 2e-3]")
out["toml"] = tomllib.loads("a = 1.5")["a"]
flair = read_image(sys.argv[2])
moved = read_image(sys.argv[3])
out["aligned"] = float(np.abs(align(moved, flair).data).sum())
out["bias"] = float(correct_bias(flair, flair.data > 50).sum())
print(json.dumps(out))
"""


def run(script, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    """A folder of locales that holds de_DE.UTF-8."""
    tool = shutil.which("localedef")
    folder = tmp_path_factory.mktemp("locales")
    made = tool and run(
        "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))",
        *(tool, "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"),
    )
    if not made or not (folder / "de_DE.UTF-8").exists():
        pytest.skip("the locale de_DE.UTF-8 cannot be made here (localedef and its sources are needed)")
    return folder


def test_no_decimal_is_read_by_the_locale(tmp_path, german):
    pytest.importorskip("qtpy.QtWidgets", reason="no Qt here", exc_type=ImportError)
    array = np.random.default_rng(0).normal(100, 20, (24, 26, 28)).astype(np.float32)
    affine = np.diag([1.5, 1.5, 3.9, 1])
    affine[:3, 3] = (-10.25, 3.75, 0.5)
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "a.nii.gz")
    affine[0, 3] += 1.5
    nib.save(nib.freesurfer.MGHImage(array, affine), tmp_path / "a.mgz")
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.25, 3.9))
    image.SetOrigin((0.5, 0.25, -7.75))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))

    def scale(k, one):
        one.RescaleSlope, one.RescaleIntercept = 0.125 * (k + 1), -0.5

    series = make_series(tmp_path / "series", "oblique", edit=scale)
    files = [tmp_path / "a.nii.gz", tmp_path / "a.mgz", tmp_path / "a.nrrd", series]
    plain = run(SCRIPT, "C", *files)
    comma = run(SCRIPT, "de_DE.UTF-8", *files, LOCPATH=str(german), LC_ALL="de_DE.UTF-8")
    assert plain.returncode == comma.returncode == 0, plain.stderr + comma.stderr
    one, other = (json.loads(done.stdout.splitlines()[-1]) for done in (plain, comma))
    assert (one.pop("strtod"), other.pop("strtod")) == (1.5, 1.0)
    assert one.pop("aligned") == pytest.approx(other.pop("aligned"), rel=1e-4)  # threads add up as they come
    assert one == other
    assert one["a.nrrd"][:3] == pytest.approx([3.9, 1.25, 1.5])
