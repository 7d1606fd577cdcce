"""What the Segment dock offers: models, methods and the device."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MethodChoice:
    """One way to find the model's doubt.

    Attributes
    ----------
    key
        What the segmenter calls it.
    title, tip
        What the user reads.
    adjustable
        Whether the number of members can be chosen.
    """

    key: str
    title: str
    tip: str
    adjustable: bool = True


@dataclass(frozen=True)
class Choices:
    """Models as (name, tooltip), methods, and the device as it is named to the user."""

    models: tuple[tuple[str, str], ...] = ()
    methods: tuple[MethodChoice, ...] = ()
    device: str = ""

    def method(self, key: str | None) -> MethodChoice | None:
        """The method of that key."""
        return next((m for m in self.methods if m.key == key), None)


def load_choices() -> Choices:
    """Ask what there is. Brings torch, so it is called in the background."""
    from napari_uncertainseg.inference.device import choose_device
    from napari_uncertainseg.inference.sampling import METHODS
    from napari_uncertainseg.networks.catalog import list_models

    return Choices(
        tuple((model.name, str(model.configuration["description"])) for model in list_models()),
        tuple(MethodChoice(m.key, m.title, m.tip, m.adjustable) for m in METHODS),
        choose_device().name,
    )
