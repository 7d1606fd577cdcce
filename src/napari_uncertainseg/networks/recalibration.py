"""The recalibration that a model brings along: its logits are moved before anything is made of them.

So members, their mean, all maps, the lesions and what the user recalibrates on top speak of the same
probabilities. It is a line in the logit, which keeps the order of voxels within each member. The model's
threshold is moved with it, so that outlines stay nearly as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import scipy
from pydantic import ConfigDict, Field

from napari_uncertainseg.disk.validation import Strict
from napari_uncertainseg.networks.seen_scans import PlainName

FITTED_ON = {
    "folds": "networks of the same recipe, each on sources that it had not seen",
    "model": "this very model, on sources that it had not seen",
    "training": "patients whom the networks were trained on, so that it may be too small",
}
"""What a recalibration was fitted on, by its name in ``model.json``."""


@dataclass(frozen=True)
class LogitLine:
    """``logit / temperature + shift``.

    Attributes
    ----------
    temperature
        Above 1, probabilities become less sure.
    shift
        Below 0, they become lower.
    """

    temperature: float = 1.0
    shift: float = 0.0

    def after(self, temperature: float) -> LogitLine:
        """The line for logits that are divided by another temperature first."""
        return LogitLine(self.temperature * temperature, self.shift)

    def move(self, probability: float) -> float:
        """What a single probability, above 0 and below 1, becomes; exactly itself where nothing is moved."""
        if self == LogitLine():
            return probability
        return float(scipy.special.expit(scipy.special.logit(probability) / self.temperature + self.shift))


class FittedLine(Strict):
    """A line in the logit, and what it was fitted on, as ``model.json`` has it.

    Attributes
    ----------
    temperature, shift
        As of `LogitLine`.
    fitted_on
        A key of `FITTED_ON`.
    sources, patients
        From where the patients were, and how many.
    """

    model_config = ConfigDict(extra="forbid")

    temperature: float = Field(gt=0.01, lt=100, description="a number between 0.01 and 100")
    shift: float = Field(ge=-5, le=5, description="a number from -5 to 5")
    fitted_on: Literal["folds", "model", "training"] = Field(description="'folds', 'model' or 'training'")
    sources: tuple[PlainName, ...] = Field(
        default=(), max_length=64, strict=False, description="a list of up to 64 plain names"
    )
    patients: int = Field(ge=1, description="a whole number of at least 1")

    @property
    def line(self) -> LogitLine:
        """The numbers alone."""
        return LogitLine(self.temperature, self.shift)


class ModelRecalibration(FittedLine):
    """How logits are moved, for which methods and scans.

    Attributes
    ----------
    methods
        For which it is; for all where none is named.
    inputs
        Modalities with which it is used, exactly these; with any where none is named.
    unlike
        For scans that are unlike all sources that the model has seen; as for all others if None.
    """

    methods: tuple[PlainName, ...] = Field(
        default=(), max_length=16, strict=False, description="a list of names of methods"
    )
    inputs: tuple[str, ...] = Field(
        default=(), max_length=16, strict=False, description="a list of modalities"
    )
    unlike: FittedLine | None = Field(
        default=None, description="an object with 'temperature', 'shift', 'fitted_on' and 'patients'"
    )

    def fits(self, method: str, inputs: Collection[str]) -> bool:
        """Whether it is for a method and for these modalities."""
        return (not self.methods or method in self.methods) and (
            not self.inputs or set(self.inputs) == set(inputs)
        )

    def fitted_for(self, *, unlike: bool) -> FittedLine:
        """How logits are moved in a scan."""
        return self.unlike if unlike and self.unlike is not None else self

    def information(self, *, unlike: bool) -> dict[str, Any]:
        """What a result says of it, as JSON."""
        used = self.fitted_for(unlike=unlike)
        return {
            "temperature": used.temperature,
            "shift": used.shift,
            "for_unlike_scans": used is not self,
            "fitted_on": used.fitted_on,
            "fitted_with": FITTED_ON[used.fitted_on],
            "sources": list(used.sources),
            "patients": used.patients,
        }


def recalibration_for(
    known: Iterable[ModelRecalibration], method: str, inputs: Collection[str]
) -> ModelRecalibration | None:
    """The first that is for a method and for these modalities; None where there is none."""
    return next((one for one in known if one.fits(method, inputs)), None)
