"""What the user says of a model made elsewhere, where its own files do not tell: ``uncertainseg.json``.

The file lies beside the model's own in our copy of it. Both kinds of models made elsewhere, MONAI bundles and
nnU-Net folders, may have one, and no key is needed but those that something asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.validation import Strict, validated
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
    scans
        The same for some channels: the kind of scan by the number or the maker's name of its channel.
    target
        Names of the labels that are segmented; several count as one.
    threshold
        Probability at and above which a voxel is of the target.
    configuration
        Of an nnU-Net folder: which of those in its plans was trained, such as ``3d_fullres``.
    merged
        Of a MONAI bundle: names of files in ``configs`` that are read together with ``inference.json``, each
        after the one before it, such as ``common.yaml``.
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
    scans: Annotated[
        dict[Annotated[str, Field(max_length=128)], Annotated[str, Field(pattern=f"^{NAME.pattern}$")]]
        | None,
        Field(max_length=MAX_CHANNELS, description="kinds of scans by their channels"),
    ] = None
    merged: Names | None = None

    def with_told(self, told: Self) -> Self:
        """The same, but what the user says now counts before what was said."""
        return self.model_copy(update={key: getattr(told, key) for key in told.model_fields_set})


NOTHING_TOLD = ForeignSettings()


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


def write_settings(folder: Path, settings: ForeignSettings) -> None:
    """Write what the user says beside a model; what is not said is left out."""
    content = settings.model_dump_json(exclude_none=True, indent=2)
    (folder / SETTINGS).write_text(content + "\n", encoding="utf-8")


def check_inside(path: Path, folder: Path) -> None:
    """Refuse a file that a link leads to out of the model's folder.

    Raises
    ------
    InputError
        If it does.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path} is a link that leads out of the model's folder.")


def modalities_told(settings: ForeignSettings, channels: Sequence[str], place: Path) -> dict[int, str]:
    """Which scans the channels are, as far as the user says.

    Parameters
    ----------
    settings
        What the user says.
    channels
        The maker's names of them, in their order.
    place
        Folder of the model, for messages.

    Returns
    -------
    dict
        Kinds of scans by the number of their channel.

    Raises
    ------
    InputError
        If there is no such channel, or one scan is said to be two.
    """
    told = dict(enumerate(settings.modalities or ()))
    some = len(told) in (0, len(channels))
    for channel, modality in (settings.scans or {}).items():
        told[_number_of(channel, channels, place)] = modality
    if not some or len(set(told.values())) != len(told):
        raise InputError(
            f"{place / SETTINGS}: 'modalities' should name {len(channels)} different scans, one for each "
            f"channel ({', '.join(channels)})."
        )
    return told


def _number_of(channel: str, channels: Sequence[str], place: Path) -> int:
    """Number of a channel that the user names by its number or by its maker's name."""
    if channel in channels:
        return list(channels).index(channel)
    if channel.isascii() and channel.isdigit() and int(channel) < len(channels):
        return int(channel)
    known = ", ".join(f"{n} ('{name}')" for n, name in enumerate(channels))
    raise InputError(f"{place}: the model has no channel '{channel[:40]}'; it reads {known}.")


def target_told(
    settings: ForeignSettings, classes: Sequence[str], allowed: Collection[int], place: Path
) -> tuple[int, ...] | None:
    """Numbers of the classes that the user calls the target; None where the user says nothing.

    Parameters
    ----------
    settings
        What the user says.
    classes
        Names of all outputs.
    allowed
        Numbers of those that can be meant: not the background.
    place
        Folder of the model, for messages.

    Raises
    ------
    InputError
        If there is no such class.
    """
    if settings.target is None:
        return None
    known = {classes[n]: n for n in allowed}
    unknown = [name for name in settings.target if name not in known]
    if unknown:
        raise InputError(
            f"{place / SETTINGS}: 'target' names '{unknown[0]}': the model's labels are "
            f"{quoted(list(known))}."
        )
    return tuple(sorted(known[name] for name in settings.target))


def quoted(names: Sequence[str]) -> str:
    """Names for a message: the first six."""
    return ", ".join(f"'{name}'" for name in names[:6]) + (" ..." if len(names) > 6 else "")
