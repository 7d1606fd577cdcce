"""What the Segment dock offers: models, methods and the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_uncertainseg.widgets.segment.roles import ScansOfModel

if TYPE_CHECKING:
    from napari_uncertainseg.inference.sampling import Method
    from napari_uncertainseg.networks.model import Model


@dataclass(frozen=True)
class MethodChoice:
    """One method to estimate the model's uncertainty.

    Attributes
    ----------
    key
        The segmenter's name for it.
    title, tip
        What the user reads.
    counts
        By model: its usual number of members with this method, and the largest.
    """

    key: str
    title: str
    tip: str
    counts: Mapping[str, tuple[int, int]]

    def works_with(self, model: str | None) -> bool:
        """Whether a model can give members by it."""
        return model in self.counts

    def range(self, model: str | None) -> tuple[int, int, int]:
        """Smallest, usual and largest number of members; (1, 1, 1) where the method cannot be used."""
        usual, most = self.counts.get(model or "", (1, 1))
        return min(2, most), usual, most


@dataclass(frozen=True)
class TargetsOfModel:
    """Names of the classes that a model can segment, and those that are its target by itself."""

    names: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """Models as (name, tooltip), methods, and the device's name for the user.

    `scans` say by model what it reads, where that is not what ours do; `targets` what it may segment.
    A model of several styles is there with all of them, and once more for each.
    """

    models: tuple[tuple[str, str], ...] = ()
    methods: tuple[MethodChoice, ...] = ()
    device: str = ""
    scans: Mapping[str, ScansOfModel] = field(default_factory=dict)
    targets: Mapping[str, TargetsOfModel] = field(default_factory=dict)

    def method(self, key: str | None) -> MethodChoice | None:
        """The method with this key."""
        return next((m for m in self.methods if m.key == key), None)


def _members(method: Method, models: Sequence[Model]) -> dict[str, tuple[int, int]]:
    """Usual and largest number of members, for those models that the method can be used with."""
    able = [(model.name, model.capabilities) for model in models if method.most(model.capabilities)]
    return {name: (method.usual_members(has), method.most(has)) for name, has in able}


def _about(model: Model) -> str:
    """The model's description, and how it outlines where it learnt several styles."""
    style = model.capabilities.style
    if not model.styles:
        return model.description
    experts = f"experts of {', '.join(model.styles) if style is None else model.styles[style]}"
    return f"{model.description} It outlines like the {'average of the ' if style is None else ''}{experts}."


def _scans(model: Model) -> ScansOfModel:
    from napari_uncertainseg.networks.model import Preprocessing

    return ScansOfModel(model.modalities, model.needs, isinstance(model.preprocessing, Preprocessing))


def _targets(model: Model) -> TargetsOfModel:
    return TargetsOfModel(model.targets, tuple(model.classes[number] for number in model.target_classes))


def load_choices() -> Choices:
    """List models, methods and the device. Imports torch, so it is called in the background."""
    from napari_uncertainseg.inference.sampling import METHODS
    from napari_uncertainseg.networks.catalog import list_models
    from napari_uncertainseg.networks.engines.device import choose_device

    models = [each for model in list_models() for each in (model, *map(model.outlined_like, model.styles))]
    return Choices(
        tuple((model.name, _about(model)) for model in models),
        tuple(MethodChoice(m.name, m.title, m.description, _members(m, models)) for m in METHODS.values()),
        choose_device().name,
        {model.name: _scans(model) for model in models},
        {model.name: _targets(model) for model in models if model.targets},
    )
