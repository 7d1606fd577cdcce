"""Whose scan it is: an identity from what a scan holds, and a name from where it lies.

Two patients may have files or folders of one name, so that a name is never an identity. The identity is a
hash of the voxels, of the grid and, where there are any, of the DICOM identifiers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import one_line
from napari_uncertainseg.images.formats.formats import suffix_of
from napari_uncertainseg.images.volume import Volume

_DECIMALS = 4
"""Of the affine's millimetres: what two readers of one file may differ in lies below."""
_PLAIN = re.compile(
    r"^(data|images?|nifti|dicom|dcm|scans?|anat|raw|input|inputs|series\w*|ses\w*|flair|t[12]\w*)$", re.I
)
"""Folders that many patients have one of."""
_ENTITY = re.compile(r"(?:^|[_/\\-])(sub|ses)-([A-Za-z0-9]+)")


def scan_sha256(volume: Volume) -> str:
    """SHA-256 of a scan's voxels, grid and DICOM identifiers, hexadecimal; the same for every layer of it.

    Parameters
    ----------
    volume
        In canonical order, as all volumes are: how a file stored it makes no difference.
    """
    grid = np.round(volume.grid.affine.astype(np.float64), _DECIMALS) + 0.0  # no minus zero
    about = {"shape": list(volume.grid.shape), "affine": grid.tolist(), "uids": dict(volume.uids)}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(volume.data, dtype="<f4").data)
    return digest.hexdigest()


def case_sha256(scans: Mapping[str, str]) -> str:
    """SHA-256 of a visit, from the `scan_sha256` of its scans by modality."""
    return hashlib.sha256(json.dumps(dict(scans), sort_keys=True).encode()).hexdigest()


def case_name(path: Path | None, name: str) -> str:
    """What a reader calls a visit: subject and session, else the folder that is the patient's, and the file.

    Parameters
    ----------
    path
        The FLAIR's file or folder, if it has one.
    name
        The FLAIR's layer or file, used where there is no path.
    """
    if path is None:
        return one_line(name)
    entities = dict(_ENTITY.findall(str(path)))
    if "sub" in entities:
        return "_".join(f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities)
    is_folder = _is_folder(path)
    folders = [path, *path.parents] if is_folder else list(path.parents)
    named = [folder.name for folder in folders if folder.name]
    own = next((folder for folder in named if not _PLAIN.match(folder)), "")
    file = "" if is_folder else path.name.removesuffix(suffix_of(path))
    return one_line("/".join(part for part in (own, file) if part) or name)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a share that does not answer any more
        return False
