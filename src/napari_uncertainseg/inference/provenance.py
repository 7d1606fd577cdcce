"""What made a prediction: the scans, and the versions of what was used."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.images.identity import case_name, case_sha256, scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.model import Model

if TYPE_CHECKING:
    from napari_uncertainseg.images.preparation.prepare import Prepared

READY = "given"
"""Method of predictions whose maps another program made."""


def describe_scan(volume: Volume) -> dict[str, Any]:
    """A scan's name, file and hashes, JSON-serialisable."""
    return {
        "name": volume.name,
        "path": None if volume.path is None else str(volume.path),
        "sha256": _file_sha256(volume.path),
        "scan_sha256": scan_sha256(volume),
    }


def about_scans(main: Volume, inputs: Mapping[str, Mapping[str, Any]], prepared: Prepared) -> dict[str, Any]:
    """Whose scans they are, and what was made of them.

    Parameters
    ----------
    main
        The scan that the model segments.
    inputs
        What `describe_scan` says of each, by modality.
    prepared
        The scans as they are read.
    """
    return {
        "case": {
            "sha256": case_sha256({modality: about["scan_sha256"] for modality, about in inputs.items()}),
            "name": case_name(main.path, main.name),
        },
        "inputs": dict(inputs),
        "brain": prepared.brain_source,
        "bias_corrected": prepared.bias_corrected,
    }


def _file_sha256(path: Path | None) -> str | None:
    """Hash of the file; None where there is none, or none any more: the run is over, and stays good."""
    try:
        return sha256_of(path) if path is not None and path.is_file() else None
    except (OSError, InputError):
        return None


def versions(device: Device | None = None) -> dict[str, str]:
    """Versions by package, of the device's library too where a network ran."""
    found = {"napari-uncertainseg": __version__, "python": platform.python_version()}
    names = ["torch", "numpy"] + (["openvino"] if device is not None and device.library == "openvino" else [])
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def about_model(model: Model) -> dict[str, Any]:
    """Which model it was, and which of its classes are its target, where there are several."""
    found: dict[str, Any] = {
        "model": model.name,
        "model_version": model.version,
        "model_sha256": model.sha256,
        "target": model.target,
    }
    if len(model.classes) > 1:
        found["classes"] = list(model.classes)
        found["target_classes"] = [model.classes[number] for number in model.target_classes]
    return found


def note_on_target(model: Model) -> list[str]:
    """That classes are segmented together which the user did not choose."""
    if model.target_chosen or len(model.target_classes) < 2 or not model.targets:
        return []
    together = " + ".join(model.classes[number] for number in model.target_classes)
    return [f"Segmented together: {together}. The model has several classes: others can be the target."]
