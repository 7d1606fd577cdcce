"""The kinds of models, and which one a folder is.

A further kind is a module in `networks.formats` and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats import multihead
from napari_uncertainseg.networks.formats.monai import bundle
from napari_uncertainseg.networks.model import Model


@dataclass(frozen=True)
class ModelKind:
    """One way in which a model can be stored.

    Attributes
    ----------
    marker
        The file that tells this kind, relative to the model's folder.
    read
        Reads such a folder, without loading weights; raises InputError where it is not valid.
    """

    marker: str
    read: Callable[[Path], Model]


KINDS: tuple[ModelKind, ...] = (
    ModelKind(multihead.CONFIGURATION, multihead.read_multihead),
    *(ModelKind(name, bundle.read_bundle) for name in bundle.CONFIGURATIONS),
)
"""In the order in which they are looked for."""


def kind_of_folder(folder: Path) -> ModelKind | None:
    """The kind of model that a folder holds; None where it holds none."""
    return next((kind for kind in KINDS if (folder / kind.marker).is_file()), None)


def read_model(folder: str | Path) -> Model:
    """Read a model folder without loading its weights.

    Raises
    ------
    InputError
        If the folder holds no model, or one that is malformed.
    """
    folder = Path(folder).expanduser()
    markers = " or ".join(kind.marker for kind in KINDS)
    if folder.is_file():
        raise InputError(f"'{folder}' is a file: give the model's folder, the one with {markers}.")
    kind = kind_of_folder(folder)
    if kind is None:
        raise InputError(f"'{folder}' is not a model: it has no {markers}.")
    return kind.read(folder)
