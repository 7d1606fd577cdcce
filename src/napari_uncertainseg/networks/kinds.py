"""The kinds of models, and which one a folder is.

A further kind is a module in `networks.formats` and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.foreign_settings import NOTHING_TOLD, ForeignSettings
from napari_uncertainseg.networks.formats.markers import BUNDLES, NNUNET, OWN
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
    read_told
        The same, with what the user says of the model; None where a kind takes nothing of the kind.
    name
        By which the user asks for this kind, where a folder holds several; "" for our own.
    title
        What messages call it.
    """

    marker: str
    read: Callable[[Path], Model]
    read_told: Callable[[Path, ForeignSettings], Model] | None = None
    name: str = ""
    title: str = "a model of this program"


# Each is imported when a folder is of its kind.


def _read_own(folder: Path) -> Model:
    from napari_uncertainseg.networks.formats.multihead import read_multihead

    return read_multihead(folder)


def _read_bundle(folder: Path, told: ForeignSettings = NOTHING_TOLD) -> Model:
    from napari_uncertainseg.networks.formats.monai.bundle import read_bundle

    return read_bundle(folder, told)


def _read_nnunet(folder: Path, told: ForeignSettings = NOTHING_TOLD) -> Model:
    from napari_uncertainseg.networks.formats.nnunet.model import read_nnunet

    return read_nnunet(folder, told)


KINDS: tuple[ModelKind, ...] = (
    ModelKind(OWN, _read_own),
    *(ModelKind(name, _read_bundle, _read_bundle, "monai", "a MONAI bundle") for name in BUNDLES),
    ModelKind(NNUNET, _read_nnunet, _read_nnunet, "nnunet", "an nnU-Net folder"),
)
"""In the order in which they are looked for."""


NAMES = tuple(dict.fromkeys(kind.name for kind in KINDS if kind.name))
"""Of the kinds that the user can ask for."""


def kind_of_folder(folder: Path, name: str | None = None) -> ModelKind | None:
    """The kind of model that a folder holds, the first of several; None where it holds none.

    Parameters
    ----------
    folder
        The model's.
    name
        Of the kind that counts; None for any.
    """
    return next((kind for kind in _kinds_of(folder) if name in (None, kind.name)), None)


def _kinds_of(folder: Path) -> list[ModelKind]:
    return [kind for kind in KINDS if (folder / kind.marker).is_file()]


def read_model(folder: str | Path, name: str | None = None, told: ForeignSettings = NOTHING_TOLD) -> Model:
    """Read a model folder without loading its weights.

    Parameters
    ----------
    folder
        The model's.
    name
        Of the kind that counts, one of `NAMES`; None where it holds one kind only.
    told
        What the user says of a model made elsewhere.

    Raises
    ------
    InputError
        If the folder holds no model, several kinds, or one that is malformed.
    """
    folder = Path(folder).expanduser()
    markers = " or ".join(kind.marker for kind in KINDS if name in (None, kind.name))
    if folder.is_file():
        raise InputError(f"'{folder}' is a file: give the model's folder, the one with {markers}.")
    kind = kind_of_folder(folder, name)
    if kind is None:
        raise InputError(f"'{folder}' is not a model: it has no {markers}.")
    titles = list(dict.fromkeys(one.title for one in _kinds_of(folder)))
    if name is None and len(titles) > 1:
        raise InputError(
            f"'{folder}' holds {' and '.join(titles)}: say which is meant, with "
            f"`uncertainseg models add --kind {' or '.join(NAMES)}`."
        )
    if told == NOTHING_TOLD:
        return kind.read(folder)
    if kind.read_told is None:
        raise InputError(
            f"'{folder}' is {kind.title}, of which nothing has to be said: leave the options out."
        )
    return kind.read_told(folder, told)
