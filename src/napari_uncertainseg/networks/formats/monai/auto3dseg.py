"""Folders that MONAI's Auto3DSeg trained, such as ``swinunetr_0``: three configurations, and scripts.

What the scripts do is always the same, and is written here as the keys that a bundle has: windows with
Gaussian weights, then the way back, then the activation. Folders of algorithms that keep their preparation in
the scripts are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.monai.configuration import Content

_FURTHER = ("network.yaml", "transforms_infer.yaml")
_OVERLAP = 0.625
WEIGHTS = "model_fold*/best_metric_model.pt"


def files_of(path: Path) -> tuple[Path, ...]:
    """The configurations of a folder, of which the first is given.

    Raises
    ------
    InputError
        If it is of an algorithm that has no configuration of how scans are prepared.
    """
    further = tuple(path.with_name(name) for name in _FURTHER)
    for one in further:
        if not one.is_file():
            raise InputError(
                f"{path} is of Auto3DSeg, without {one.name}: how this algorithm prepares scans is code, "
                "which is not run; of Auto3DSeg only swinunetr is read."
            )
    return path, *further


def completed(content: Content) -> Content:
    """The same configuration with what the scripts do, as keys of a bundle.

    Settings stand under ``training``, in older versions beside it.
    """
    found = content.get("training")
    training: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    outer = {key: value for key, value in training.items() if key not in content}
    softmax = {**content, **training}.get("softmax", True)
    whole = {**outer, **content}
    overlap = next((k for k in ("overlap_ratio_final", "overlap_ratio") if k in whole), None)
    return {
        **whole,
        "preprocessing": "@transforms_infer",
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": "@patch_size_valid",
            "overlap": f"@{overlap}" if overlap else _OVERLAP,
            "mode": "gaussian",
        },
        "postprocessing": [
            {"_target_": "Invertd", "keys": "pred", "nearest_interp": False},
            {
                "_target_": "Activationsd",
                "keys": "pred",
                "softmax" if softmax is not False else "sigmoid": True,
            },
        ],
    }
