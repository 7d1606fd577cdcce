"""Models by name or folder: the bundled one, and those that the user added."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import platformdirs

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.model import CARD, CONFIGURATION, NAME, Model, read_model

BUNDLED = Path(__file__).parents[1] / "models" / "bundled"


def user_folder() -> Path:
    """Where the user's own models are kept."""
    return Path(platformdirs.user_data_dir("napari-uncertainseg", appauthor=False)) / "models"


def find_model(name_or_path: str | Path = "bundled") -> Model:
    """Find a model by name or folder.

    Parameters
    ----------
    name_or_path
        ``"bundled"``, the name of a model in :func:`list_models`, or a model folder.

    Raises
    ------
    InputError
        If there is no such model, or its folder is not a valid model.
    """
    if str(name_or_path) == "bundled":
        if not (BUNDLED / CONFIGURATION).is_file():
            raise InputError(
                f"The bundled model is missing from {BUNDLED}: reinstall the package or name another model."
            )
        return read_model(BUNDLED)
    if NAME.fullmatch(str(name_or_path)):
        installed = user_folder() / str(name_or_path)
        if (installed / CONFIGURATION).is_file():
            return read_model(installed)
        if (BUNDLED / CONFIGURATION).is_file() and read_model(BUNDLED).name == str(name_or_path):
            return read_model(BUNDLED)
    path = Path(name_or_path).expanduser()
    if path.exists():
        return read_model(path)
    raise InputError(
        f"There is no model '{name_or_path}': give one of {', '.join(_names())} or a model folder."
    )


def list_models() -> list[Model]:
    """All valid models: the bundled one first, then the user's own by name."""
    found = []
    for folder in _folders():
        try:
            found.append(read_model(folder))
        except InputError:
            continue
    return found


def add_model(path: str | Path) -> Model:
    """Check a model folder and copy it to the user's models.

    Only ``model.json``, the weights that it names and the model card are copied; the model
    appears whole or not at all.

    Raises
    ------
    InputError
        If the folder is not a valid model, or a model of that name is there already.
    """
    model = read_model(path)
    target = user_folder() / model.name
    if model.name == "bundled" or target.exists():
        raise InputError(
            f"There is a model '{model.name}' already: change the name in {path}/{CONFIGURATION}."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".adding-") as scratch:
        copy = Path(scratch) / model.name
        copy.mkdir()
        extra = [model.folder / CARD] if (model.folder / CARD).is_file() else []
        for source in (model.folder / CONFIGURATION, *model.weights, *extra):
            shutil.copyfile(source, copy / source.name)
        # Checked on the copy: what was checked is what is installed.
        checked = read_model(copy)
        for index in range(len(checked)):
            checked.network(index)
        copy.rename(target)
    return read_model(target)


def _folders() -> list[Path]:
    own = user_folder()
    found = sorted(p for p in own.iterdir() if not p.name.startswith(".")) if own.is_dir() else []
    return [p for p in (BUNDLED, *found) if (p / CONFIGURATION).is_file()]


def _names() -> list[str]:
    return ["'bundled'", *(f"'{p.name}'" for p in _folders() if p != BUNDLED)]
