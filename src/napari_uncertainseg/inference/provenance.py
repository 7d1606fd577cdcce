"""What made a prediction: the scans, and the versions of what was used."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.model import Model

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


def about_classes(model: Model) -> dict[str, Any]:
    """Which of a model's classes are its target, where there are several."""
    if len(model.classes) < 2:
        return {}
    chosen = [model.classes[number] for number in model.target_classes]
    return {"classes": list(model.classes), "target_classes": chosen}
