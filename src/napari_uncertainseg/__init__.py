"""Uncertainty-aware lesion segmentation and its review, in napari."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_uncertainseg._base import Cancelled, InputError
    from napari_uncertainseg.images.files import read_volume, write_volume
    from napari_uncertainseg.images.volume import Grid, Volume
    from napari_uncertainseg.inference.segmenter import Segmenter
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

__version__ = "0.1.0"

_HOMES = {
    "Cancelled": "_base",
    "InputError": "_base",
    "Grid": "images.volume",
    "Volume": "images.volume",
    "read_volume": "images.files",
    "write_volume": "images.files",
    "Prediction": "prediction.prediction",
    "Segmenter": "inference.segmenter",
    "rank_lesions": "uncertainty.lesion_ranking",
}

__all__ = [
    "Cancelled",
    "Grid",
    "InputError",
    "Prediction",
    "Segmenter",
    "Volume",
    "rank_lesions",
    "read_volume",
    "write_volume",
]


def __getattr__(name: str) -> Any:
    # What is heavy (torch, nibabel) is imported where it is first used.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
