"""The model that made results, found again. Without heavy imports: that it is another is said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.inference.provenance import READY
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.model import Model

_NO_MODEL = "no model made these results, so that there is nothing to explain."
_OTHER_MODEL = "the model '{}' at hand is another than the one that made these results: {}"


def made_by_model(said: Mapping[str, Any]) -> bool:
    """Whether a model at hand can have made results: not where they came from maps."""
    return said.get("model_sha256") is not None and said.get("method") != READY


def model_of(where: str, said: Mapping[str, Any], names: Sequence[str | Path] = ()) -> Model:
    """The model that made results, by the first of several names that leads to it.

    Parameters
    ----------
    where
        Begins each error: a folder and a colon, or nothing.
    said
        What the results say of themselves.
    names
        Names or folders of models; that in the results if empty.

    Raises
    ------
    InputError
        If no model made the results, or none of the names leads to the one that did.
    """
    own = said.get("model")
    if not isinstance(own, str) or not made_by_model(said):
        raise InputError(as_sentence(where, _NO_MODEL))
    problems = []
    for name in names or (own,):
        try:
            return _the_same(where, said, find_model(name))
        except InputError as error:
            problems.append(error)
    raise problems[0]


def check_maker(folder: Path, name: str | None) -> None:
    """See that the model which made results is at hand.

    Parameters
    ----------
    folder
        Of results.
    name
        Of the model, where the user says it.

    Raises
    ------
    InputError
        As `model_of`.
    """
    model_of(f"{folder}: ", load_summary(folder), () if name is None else (name,))


def _the_same(where: str, said: Mapping[str, Any], model: Model) -> Model:
    """A model, with the target of the results; InputError where it is another than the one that made them."""
    classes = said.get("target_classes")
    if classes and len(model.targets) > 1:
        chosen = model.with_target(classes)
        model = chosen if chosen.sha256 == said["model_sha256"] else model
    if model.sha256 != said["model_sha256"]:
        advice = "name that one with --model, or segment again." if where else "segment the scan again."
        raise InputError(as_sentence(where, _OTHER_MODEL.format(model.name, advice)))
    return model


def as_sentence(where: str, text: str) -> str:
    """A text after where it is about, or as a sentence of its own."""
    return f"{where}{text}" if where else text[0].upper() + text[1:]
