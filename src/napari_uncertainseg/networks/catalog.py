"""Models by name or folder: the bundled one, and those that the user added."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import platformdirs

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import scratch_beside
from napari_uncertainseg.disk.zip_folder import unpack
from napari_uncertainseg.networks.foreign_settings import (
    NOTHING_TOLD,
    ForeignSettings,
    read_settings,
    write_settings,
)
from napari_uncertainseg.networks.kinds import kind_of_folder, read_model
from napari_uncertainseg.networks.model import CARD, NAME, STYLE_MARK, Model

ZIP = ".zip"
_DEPTH = 5
"""How many folders deep a model is looked for in a zip file."""
BUNDLED = Path(__file__).parents[1] / "models" / "bundled"


def user_folder() -> Path:
    """Where the user's own models are kept."""
    return Path(platformdirs.user_data_dir("napari-uncertainseg", appauthor=False)) / "models"


def find_model(name_or_path: str | Path = "bundled") -> Model:
    """Find a model by name or folder.

    Parameters
    ----------
    name_or_path
        ``"bundled"``, the name of a model in :func:`list_models`, or a model folder. With ``:NAME`` after
        it, the model outlines in this one of its styles.

    Raises
    ------
    InputError
        If there is no such model, its folder is not a valid model, or it does not know the style.
    """
    if str(name_or_path) == "bundled":
        if kind_of_folder(BUNDLED) is None:
            raise InputError(
                f"The bundled model is missing from {BUNDLED}: reinstall the package or name another model."
            )
        return read_model(BUNDLED)
    if NAME.fullmatch(str(name_or_path)):
        installed = user_folder() / str(name_or_path)
        if kind_of_folder(installed) is not None:
            return _read_own(installed)
        if kind_of_folder(BUNDLED) is not None and read_model(BUNDLED).name == str(name_or_path):
            return read_model(BUNDLED)
    path = Path(name_or_path).expanduser()
    if os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a name is too long
        return read_model(path)
    model, mark, style = str(name_or_path).rpartition(STYLE_MARK)
    if mark and NAME.fullmatch(style) and model:
        return find_model(model).outlined_like(style)
    raise InputError(
        f"There is no model '{name_or_path}': give one of {', '.join(_names())} or a model folder."
    )


def list_models() -> list[Model]:
    """All valid models: the bundled one first, then the user's own by name."""
    return [model for model in map(_read_or_why, _folders()) if isinstance(model, Model)]


def unusable_models() -> dict[str, str]:
    """Why a folder among the models cannot be used, by its name."""
    reasons = {folder.name: _read_or_why(folder) for folder in _folders()}
    return {name: why for name, why in reasons.items() if isinstance(why, str)}


def _read_or_why(folder: Path) -> Model | str:
    try:
        return read_model(folder) if folder == BUNDLED else _read_own(folder)
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{folder}: cannot be read ({error.strerror or error})."


def _read_own(folder: Path) -> Model:
    model = read_model(folder)
    if model.name != folder.name:
        raise InputError(f"{folder}: its model calls itself '{model.name}'; give the folder that name.")
    return model


def add_model(path: str | Path, kind: str | None = None, told: ForeignSettings = NOTHING_TOLD) -> Model:
    """Check a model folder, or a zip file of one, and copy it to the user's models.

    Only the files that make the model and its card are copied; the model appears whole or not at
    all.

    Parameters
    ----------
    path
        Of the folder or the zip file.
    kind
        Of the model, where the folder holds several; see `kinds.NAMES`.
    told
        What the user says of a model made elsewhere; it is kept with the copy.

    Raises
    ------
    InputError
        If there is no valid model, or one of that name is there already.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ZIP or not os.path.isfile(path):  # noqa: PTH113 - see `find_model`
        return _add_folder(path, kind, told)
    try:
        user_folder().mkdir(parents=True, exist_ok=True)
        with scratch_beside(user_folder() / "zip") as scratch:
            return _add_zip(path, scratch / path.stem, kind, told)
    except OSError as error:
        raise InputError(f"{path}: the model cannot be added {why_not(error)}.") from error


def _add_zip(path: Path, folder: Path, kind: str | None, told: ForeignSettings) -> Model:
    folder.mkdir()
    unpack(path, folder)
    try:
        return _add_folder(_only_model(folder), kind, told)
    except InputError as error:  # what was unpacked is gone when this is read
        raise InputError(str(error).replace(str(folder), str(path))) from error


def _only_model(folder: Path) -> Path:
    """The one model folder in what was unpacked; a model is looked for above what it holds."""
    level = [folder]
    for _ in range(_DEPTH):
        models = [one for one in level if kind_of_folder(one) is not None]
        if len(models) == 1:
            return models[0]
        if models:
            names = ", ".join(sorted(one.name for one in models))
            raise InputError(f"{folder} holds {len(models)} models: unpack it, and add one of {names}.")
        level = [below for one in level for below in one.iterdir() if below.is_dir()]
    return folder  # which says what is missing


def _add_folder(path: Path, kind: str | None, told: ForeignSettings) -> Model:
    model = read_model(path, kind, told)
    target = user_folder() / model.name
    if model.name == "bundled" or target.exists():
        raise InputError(f"There is a model '{model.name}' already: give the one in {path} another name.")
    card = model.folder / CARD
    if card.is_symlink():
        raise InputError(f"{card} is a link, and is not followed: put the file itself there.")
    extra = [card] if card.is_file() else []
    try:
        _install(model, extra, target, told)
    except OSError as error:
        raise InputError(f"{target}: the model cannot be added {why_not(error)}.") from error
    return read_model(target)


def _install(model: Model, extra: list[Path], target: Path, told: ForeignSettings) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(target) as scratch:
        copy = scratch / model.name
        copy.mkdir()
        for source in (*model.files, *extra):
            target_file = copy / source.relative_to(model.folder)
            target_file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target_file)
        if told != NOTHING_TOLD:
            write_settings(copy, read_settings(model.folder).with_told(told))
        # Checked on the copy: what was checked is what is installed.
        try:
            read_model(copy).check_runs()
        except InputError as error:  # the copy is gone when this is read
            raise InputError(str(error).replace(str(copy), str(model.folder))) from error
        copy.rename(target)


def _folders() -> list[Path]:
    own = user_folder()
    found = sorted(p for p in own.iterdir() if not p.name.startswith(".")) if own.is_dir() else []
    bundled = [BUNDLED] if kind_of_folder(BUNDLED) is not None else []
    return bundled + [p for p in found if p.is_dir()]


def _names() -> list[str]:
    return ["'bundled'", *(f"'{p.name}'" for p in _folders() if p != BUNDLED)]
