"""``uncertainseg export-seg``."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError


def export_seg(options: Namespace) -> None:
    """Write the lesions of a folder as DICOM SEG: as reviewed in the window, else as found."""
    from napari_uncertainseg.evaluate.folder import read_summary, result_file
    from napari_uncertainseg.images.dicom_seg import Algorithm, write_dicom_seg
    from napari_uncertainseg.images.files import read_labels

    folder = options.folder
    threshold = read_summary(folder)["threshold"]
    reviewed = (folder / "reviewed.nii.gz").is_file()
    file = result_file(folder, "reviewed" if reviewed else "lesions")
    mask = read_labels(file)
    algorithm = Algorithm.of(_information(folder), threshold)
    write_dicom_seg(options.out, mask.data, mask.grid, options.dicom, algorithm=algorithm, reviewed=reviewed)
    voxels = int((mask.data != 0).sum())
    print(f"{options.out}: {voxels} voxels of {file.name}, on the slices of {options.dicom}")


def _information(folder: Path) -> dict[str, Any]:
    from napari_uncertainseg.export import SUMMARY

    path = folder / SUMMARY
    content = json.loads(path.read_text(encoding="utf-8"))  # read once already
    if not isinstance(content, dict):
        raise InputError(f"{path} is not the summary that `uncertainseg segment` wrote.")
    return content
