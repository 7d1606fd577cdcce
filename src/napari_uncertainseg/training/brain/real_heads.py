"""Real scans of heads with the brain masks that came with them, and which of these masks are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Volume

SOURCES = ("ms3seg", "sim-vent", "longitudinal")
"""MS3SEG, Sim-Vent and the longitudinal 3D-MR-MS."""
NO_BRAINS = {
    "sim-vent/104252": "cuts through the lobes",
    "sim-vent/105465": "cuts through the lobes",
    "sim-vent/105755": "cuts through the lobes",
    "longitudinal/patient03": "leaves out 1 cm of all lobes",
    "longitudinal/patient19": "2.4 l, with skull and scalp",
}
"""Masks that show something else, as the eye tells at once (`docs/results.md`)."""
_LONGITUDINAL = "3d-mr-ms-longitudinal"
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class RealHead:
    """A scan and its mask.

    Attributes
    ----------
    source
        ``"ms3seg"``, ``"sim-vent"`` or ``"longitudinal"``.
    patient, visit
        Of the source; the visit is empty where there is one.
    modality
        ``"flair"``, ``"t1"`` or ``"t2"``.
    scan
        As scanned.
    share
        float32, on the scan's grid: share of each voxel that the mask holds.
    """

    source: str
    patient: str
    visit: str
    modality: str
    scan: Volume
    share: np.ndarray

    @property
    def name(self) -> str:
        """What a table calls it."""
        return " ".join(part for part in (f"{self.source}/{self.patient}", self.visit, self.modality) if part)

    @property
    def wrong(self) -> str | None:
        """What its mask shows if that is no brain."""
        return NO_BRAINS.get(f"{self.source}/{self.patient}")


def real_heads(data: Path, source: str) -> Iterator[RealHead]:
    """Read a set with brain masks, one of `SOURCES`, from the folder that holds the sets."""
    if source == "longitudinal":
        for folder in sorted((data / _LONGITUDINAL).glob("patient*")):
            yield from _longitudinal(folder)
        return
    for folder in sorted((data / source).glob("*")):
        for modality in ("flair", "t1", "t2"):
            path = folder / f"{modality}.nii.gz"
            if path.exists():
                scan = read_volume(path, modality=modality)
                share = read_labels(folder / "brainmask.nii.gz", scan.grid).data > 0
                yield RealHead(source, folder.name, "", modality, scan, share.astype(np.float32))


def _longitudinal(folder: Path) -> Iterator[RealHead]:
    """The visits of a patient; the mask lies in a space common to them."""
    common = read_labels(folder / "coreg_brainmask.nii.gz")
    mask = Volume((common.data > 0).astype(np.float32), common.grid, common.name)
    for path in sorted(folder.glob("study*_FLAIR.nii.gz")):
        visit = path.name.split("_")[0]
        to_flair = itk_affine(folder / f"{visit}_FLAIR_to_common_space.txt")
        scans = {"flair": (path, to_flair)}
        for modality, name in (("t1", "T1W"), ("t2", "T2W")):
            other = folder / f"{visit}_{name}.nii.gz"
            if other.exists():
                within = itk_affine(folder / f"{visit}_{name}_intrastudy_to_FLAIR.txt")
                scans[modality] = (other, within @ to_flair)
        for modality, (file, to_scan) in scans.items():
            scan = read_volume(file, modality=modality)
            share = resample_to(mask, scan.grid, np.linalg.inv(to_scan))
            yield RealHead("longitudinal", folder.name, visit, modality, scan, share)


def itk_affine(path: Path) -> np.ndarray:
    """Read an ITK transform file: 4x4, RAS mm to RAS mm."""
    values = {
        line.split(":")[0]: np.array(line.split(":")[1].split(), float)
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("Parameters", "FixedParameters"))
    }
    matrix, centre = values["Parameters"][:9].reshape(3, 3), values["FixedParameters"]
    affine = np.eye(4)
    affine[:3, :3] = matrix
    affine[:3, 3] = values["Parameters"][9:] + centre - matrix @ centre
    return _LPS @ affine @ _LPS
