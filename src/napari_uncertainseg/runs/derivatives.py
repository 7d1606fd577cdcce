"""The results of a visit under the names of BIDS derivatives.

The maps are not written twice: they are links to the files of the visit's folder, or copies where the file
system has no links. Only the binary mask, which `segment` does not write, is a file of its own.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import partial_prefix
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.result_folder import PROGRAM
from napari_uncertainseg.evaluate.worklist import VISITS
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.runs.places import BidsPlace
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

BIDS_VERSION = "1.10.0"
DESCRIPTION = "dataset_description.json"
_MASK = "_label-lesion_mask"
_LINKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "_label-lesion_probseg": (
        "probability.nii.gz",
        {"Description": "Probability of lesion, 0 to 1."},
    ),
    "_label-lesion_dseg": (
        "lesions.nii.gz",
        {"Description": "Lesions, each with its number in lesions.tsv.", "Manual": False},
    ),
    "_desc-brain_mask": (
        "brain.nii.gz",
        {"Type": "Brain", "Description": "Where lesions were looked for."},
    ),
    "_desc-entropy_map": (
        "entropy.nii.gz",
        {"Description": "Entropy of the probability of lesion, 0 to 0.693.", "Units": "nat"},
    ),
}
"""By the end of a file's name: the file of the results that it leads to, and what its sidecar says."""
_IGNORED = (
    f"{VISITS}/\n*_map.nii.gz\n*_map.json\ncohort.json\nprogress.json\nreport.*\nreferral.tsv\nrun.log\n"
)
"""For validators of BIDS: what has no name in it."""


def write_derivatives(place: BidsPlace, results: Path, lesions: Lesions, prediction: Prediction) -> None:
    """Write the derivatives of a visit; those of an earlier run are replaced.

    Parameters
    ----------
    place
        Where to.
    results
        The folder of the visit, with all its files.
    lesions, prediction
        What they hold.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        mask = place.folder / f"{place.start}{_MASK}.nii.gz"
        write_volume(mask, lesions.labels > 0, prediction.grid, dtype=np.uint8)
        about = _about(place, results, prediction)
        binary = {"Type": "Lesion", "Manual": False, "Threshold": lesions.threshold}
        _write_json(place.folder / f"{place.start}{_MASK}.json", about | binary)
        for end, (name, said) in _LINKS.items():
            _link(results / name, place.folder / f"{place.start}{end}.nii.gz")
            _write_json(place.folder / f"{place.start}{end}.json", about | dict(said))
    except OSError as error:
        raise InputError(f"{place.folder}: derivatives cannot be written {why_not(error)}.") from error


def derivative_images(place: BidsPlace) -> list[Path]:
    """The images that `write_derivatives` writes."""
    return [place.folder / f"{place.start}{end}.nii.gz" for end in (_MASK, *_LINKS)]


def describe_dataset(out: Path, dataset: Path) -> None:
    """Write what BIDS wants to know of a dataset of derivatives.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    raw = os.path.relpath(dataset, out)
    content = {
        "Name": "White-matter lesions with uncertainty",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": PROGRAM, "Version": __version__}],
        "DatasetLinks": {"raw": Path(raw).as_posix()},
        "SourceDatasets": [{"URL": dataset.resolve().as_uri()}],
    }
    _write_json(out / DESCRIPTION, content)
    with replaced_file(out / ".bidsignore") as file:
        file.write(_IGNORED.encode())


def _about(place: BidsPlace, results: Path, prediction: Prediction) -> dict[str, Any]:
    """What every sidecar says: source, model and software."""
    said = prediction.information
    return {
        "Sources": [f"bids:raw:{place.source}"],
        "SpatialReference": f"bids:raw:{place.source}",
        "Model": {
            "Name": said.get("model"),
            "Version": said.get("model_version"),
            "SHA256": said.get("model_sha256"),
            "Method": said.get("method"),
            "Members": said.get("members"),
        },
        "Software": {"Name": PROGRAM, "Version": __version__},
        "Results": Path(os.path.relpath(results, place.folder)).as_posix(),
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with replaced_file(path) as file:
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
        file.write(f"{text}\n".encode("utf-8", "replace"))


def _link(source: Path, target: Path) -> None:
    """Let a second name lead to a file, which replaces what had that name before."""
    aside = target.parent / f"{partial_prefix(target)}link"
    aside.unlink(missing_ok=True)
    try:
        try:
            os.link(source, aside)
        except OSError:  # no links there
            shutil.copyfile(source, aside)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
