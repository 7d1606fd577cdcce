"""What the user says of a model made elsewhere, where its own files do not tell: ``uncertainseg.json``.

The file lies beside the model's own in our copy of it. Both kinds of models made elsewhere, MONAI bundles and
nnU-Net folders, may have one, and no key is needed but those that something asks for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.modalities import FURTHER_MODALITIES, MODALITIES, REFERENCE, guess_modality
from napari_uncertainseg.networks.model import NAME

SETTINGS = "uncertainseg.json"
MAX_SETTINGS_BYTES = 1 << 20
MAX_CHANNELS = 64

Text = Annotated[str, Field(min_length=1, max_length=4096, description="text")]
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=128)], ...],
    Field(min_length=1, max_length=MAX_CHANNELS, strict=False, description="a list of names"),
]


class ForeignSettings(Strict):
    """What the user says of a model made elsewhere.

    Attributes
    ----------
    name
        What the model is called.
    version, description
        In the user's or the maker's words.
    modalities
        Kinds of scans that it reads, in the order of its input channels, such as ``flair`` or ``t1``.
    target
        Names of the labels that are segmented; several count as one.
    threshold
        Probability at and above which a voxel is of the target.
    configuration
        Of an nnU-Net folder: which of those in its plans was trained, such as ``3d_fullres``.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$", description="a plain name, like 'my-model'")] | (
        None
    ) = None
    version: Text | None = None
    description: Text | None = None
    modalities: Names | None = None
    target: Names | None = None
    threshold: (
        Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1, such as 0.5")] | None
    ) = None
    configuration: Text | None = None


def read_settings(folder: Path) -> ForeignSettings:
    """What the user says of the model in a folder; nothing where there is no such file.

    Raises
    ------
    InputError
        If the file is malformed, or a link that leads out of the folder.
    """
    path = folder / SETTINGS
    if not path.exists() and not path.is_symlink():
        return ForeignSettings()
    check_inside(path, folder)
    return validated(ForeignSettings, read_json(path, most_bytes=MAX_SETTINGS_BYTES), str(path))


def check_inside(path: Path, folder: Path) -> None:
    """Refuse a file that a link leads to out of the model's folder.

    Raises
    ------
    InputError
        If it does.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path} is a link that leads out of the model's folder.")


def modality_of_channel(name: str) -> str | None:
    """Which scan a channel is, by the name that the model's maker gave it; None where it does not tell."""
    text = name.lower()
    if re.search(MODALITIES[REFERENCE].words, text):
        return REFERENCE
    for modality, about in FURTHER_MODALITIES.items():
        if re.search(about.words, text):
            return modality
    return guess_modality(text)
