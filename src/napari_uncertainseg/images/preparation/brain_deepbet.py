"""The brain of a head, by deepbet (Fisch et al. 2024), an extra: for T1, and for comparison."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import FINDING_BRAIN, InputError, Progress, silent
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Volume

_POLL = 0.1  # s


def brain_by_deepbet(scan: Volume, progress: Progress = silent) -> np.ndarray:
    """Brain mask of a scan with its skull.

    Parameters
    ----------
    scan
        T1 or FLAIR.

    Returns
    -------
    numpy.ndarray
        bool, shape of the scan; empty where none is seen.

    Raises
    ------
    InputError
        If deepbet is not installed, or fails.
    Cancelled
        Within a fifth of a second.
    """
    if find_spec("deepbet") is None:
        raise InputError(
            f"'{scan.name}' still shows the skull: choose a brain mask, or install brain extraction with "
            '`pip install "napari-uncertainseg[brain]"`.'
        )
    cubic = isotropic(scan, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "scan.npy"), Path(folder, "mask.npy")
        np.save(source, np.ascontiguousarray(cubic.data.transpose()), allow_pickle=False)
        error = _run_deepbet(source, target, progress)
        if error is not None:
            raise InputError(f"'{scan.name}': no brain was found ({error}); choose a brain mask.")
        found = np.load(target, allow_pickle=False).transpose()
    return resample_to(Volume(found, cubic.grid, scan.name), scan.grid, nearest=True).astype(bool)


def _run_deepbet(source: Path, target: Path, progress: Progress) -> str | None:
    """Error message of deepbet's process, None when it worked; the process never outlives the call."""
    script = Path(__file__).with_name("deepbet_process.py")
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([sys.executable, "-I", script, source, target], stderr=errors)
        try:
            while process.poll() is None:
                progress(FINDING_BRAIN, 0.0)
                time.sleep(_POLL)
        finally:
            process.kill()
            process.wait()
        if process.returncode == 0:
            return None
        errors.seek(0)
        lines = errors.read().strip().splitlines()
        return lines[-1] if lines else f"exit status {process.returncode}"
