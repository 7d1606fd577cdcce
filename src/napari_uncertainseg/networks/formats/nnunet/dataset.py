"""``dataset.json``: which scans an nnU-Net model reads, and what it segments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.modalities import modality_called
from napari_uncertainseg.networks.foreign_settings import (
    MAX_CHANNELS,
    SETTINGS,
    ForeignSettings,
    check_inside,
    modalities_told,
    quoted,
    target_told,
)
from napari_uncertainseg.nouns import is_lesion

DATASET = "dataset.json"
MAX_BYTES = 16 << 20
_BACKGROUND, _IGNORE = "background", "ignore"

_Label = Annotated[int, Field(ge=0, le=65535)]
_Name = Annotated[str, Field(max_length=128)]


class _Content(Strict):
    labels: Annotated[
        dict[_Name, _Label | list[_Label]],
        Field(max_length=1024, description="numbers of labels by their names"),
    ]
    channel_names: Annotated[
        dict[_Name, _Name] | None,
        Field(max_length=MAX_CHANNELS, description="names of scans by the numbers of their channels"),
    ] = None
    modality: Annotated[dict[_Name, _Name] | None, Field(max_length=MAX_CHANNELS)] = None


@dataclass(frozen=True)
class Dataset:
    """What an nnU-Net model reads and gives.

    Attributes
    ----------
    channel_names
        Of its inputs, in their order.
    classes
        Names of its outputs, in their order.
    regions
        Whether outputs overlap, so that each has a probability of its own (a sigmoid); otherwise they share
        one (a softmax).
    """

    channel_names: tuple[str, ...]
    classes: tuple[str, ...]
    regions: bool


def read_dataset(folder: Path) -> Dataset:
    """Read ``dataset.json``.

    Raises
    ------
    InputError
        If it is malformed.
    """
    path = folder / DATASET
    check_inside(path, folder)
    content = validated(_Content, read_json(path, most_bytes=MAX_BYTES), str(path))
    names = content.channel_names or content.modality
    if not names or list(names) != [str(n) for n in range(len(names))]:
        raise InputError(f"{path}: 'channel_names' should name the channels 0, 1 and so on, in their order.")
    if content.labels.get(_BACKGROUND) != 0:
        raise InputError(f"{path}: 'labels' should have 'background' with the number 0.")
    labels = {name: value for name, value in content.labels.items() if name != _IGNORE}
    regions = any(isinstance(value, list) and len(value) > 1 for value in labels.values())
    return Dataset(
        tuple(names.values()), _region_names(labels) if regions else _label_names(path, labels), regions
    )


def _region_names(labels: dict[str, Any]) -> tuple[str, ...]:
    """Outputs of training on regions: one for each but the background, in the file's order."""
    return tuple(name for name, value in labels.items() if value not in (0, [0]))


def _label_names(path: Path, labels: dict[str, Any]) -> tuple[str, ...]:
    """Outputs of training on labels: in the order of their numbers."""
    numbers = {
        name: value[0] if isinstance(value, list) and value else value for name, value in labels.items()
    }
    if [] in numbers.values() or len(set(numbers.values())) != len(numbers):
        raise InputError(f"{path}: each of the 'labels' should have a number of its own.")
    return tuple(sorted(numbers, key=lambda name: numbers[name]))


def modalities_of(path: Path, dataset: Dataset, settings: ForeignSettings) -> tuple[str, ...]:
    """Which scan each channel is: as the user says, else by its name.

    Raises
    ------
    InputError
        If neither tells; it says what to give.
    """
    names = dataset.channel_names
    told = modalities_told(settings, names, path.parent)
    found = [told.get(n) or modality_called(name) for n, name in enumerate(names)]
    if None in found or len(set(found)) != len(names):
        raise InputError(
            f"{path} calls the model's channels {quoted(names)}, which does not say "
            f"which scans they are: say it in {SETTINGS} beside it, "
            f'such as {{"modalities": [{_example(len(names))}]}}, or add the model with --scan flair=0.'
        )
    return tuple(str(modality) for modality in found)


def target_of(path: Path, dataset: Dataset, settings: ForeignSettings) -> tuple[int, ...]:
    """Numbers of the outputs that are the target: as the user says, else the lesions, else all there are.

    Raises
    ------
    InputError
        If the user names what is none of them, or there is none.
    """
    some = [n for n, name in enumerate(dataset.classes) if dataset.regions or name != _BACKGROUND]
    if not some:
        raise InputError(f"{path}: 'labels' should have a label beside 'background'.")
    told = target_told(settings, dataset.classes, some, path.parent)
    if told is not None:
        return told
    return tuple([n for n in some if is_lesion(dataset.classes[n])] or some)


def _example(count: int) -> str:
    known = ("flair", "t1", "t2", "pd")
    return ", ".join(f'"{name}"' for name in known[:count]) + (", ..." if count > len(known) else "")
