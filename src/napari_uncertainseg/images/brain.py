"""Where the brain is: already cut out, given by the user, or found by deepbet."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.images.resample import isotropic, onto
from napari_uncertainseg.images.volume import Volume

LARGEST_BRAIN = 2.1
"""More litres than this are a head, not a brain."""

_POLL = 0.1  # s
_USUAL_SECONDS = 10.0  # what deepbet takes; only the progress bar leans on it


def find_brain(scan: Volume, progress: Progress = silent) -> np.ndarray:
    """Brain mask of a scan with its skull, by deepbet (Fisch et al. 2024).

    Parameters
    ----------
    scan
        T1 or FLAIR.

    Returns
    -------
    numpy.ndarray
        bool, shape of the scan.

    Raises
    ------
    InputError
        If deepbet is not installed, or finds no brain.
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
    mask = onto(Volume(found, cubic.grid, scan.name), scan.grid, nearest=True).astype(bool)
    if not mask.any():
        raise InputError(f"'{scan.name}': no brain was found; choose a brain mask.")
    return mask


def _run_deepbet(source: Path, target: Path, progress: Progress) -> str | None:
    """Error message of deepbet's process, None when it worked; the process never outlives the call."""
    script = Path(__file__).with_name("_deepbet.py")
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([sys.executable, "-I", script, source, target], stderr=errors)
        started = time.monotonic()
        try:
            while process.poll() is None:
                share = (time.monotonic() - started) / _USUAL_SECONDS
                progress("finding the brain", share / (1 + share))
                time.sleep(_POLL)
        finally:
            process.kill()
            process.wait()
        if process.returncode == 0:
            return None
        errors.seek(0)
        lines = errors.read().strip().splitlines()
        return lines[-1] if lines else f"exit status {process.returncode}"


def stripped_brain(scan: Volume) -> np.ndarray | None:
    """Brain mask of a scan whose skull was already removed.

    Such a scan has one and the same value all around, and what is not background has
    the volume of a brain.

    Returns
    -------
    numpy.ndarray or None
        bool, with ventricles and other holes filled; None when the skull is there.
    """
    data = scan.data
    faces = np.concatenate([np.take(data, i, axis).ravel()[::7] for axis in range(3) for i in (0, -1)])
    values, counts = np.unique(faces, return_counts=True)
    background = values[counts.argmax()]
    if counts.max() < 0.8 * faces.size:
        return None
    inside = data != background
    litres = float(inside.sum()) * scan.grid.voxel_volume / 1e6
    if litres > LARGEST_BRAIN or inside.sum() > 0.75 * data.size:
        return None
    mask = ndimage.binary_fill_holes(inside)
    return mask if litres > 0 and mask.sum() * scan.grid.voxel_volume / 1e6 <= LARGEST_BRAIN else None
