"""How a model's own recalibration applies to one scan, and whether that is unlike all that it has seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from napari_uncertainseg.images.preparation.appearance import measure_appearance
from napari_uncertainseg.images.preparation.prepare import Prepared
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.networks.recalibration import LogitLine, recalibration_for


@dataclass(frozen=True)
class ScanRecalibration:
    """What is done to a scan's logits, and what is said of it.

    Attributes
    ----------
    line
        How they are moved, beyond the model's temperature.
    information
        What the result says of it, as JSON; empty where the model's folder has nothing on it.
    notes
        What the user should know, one sentence each.
    """

    line: LogitLine = LogitLine()  # noqa: RUF009 - frozen
    information: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def recalibration_of_scan(
    model: Model, method: str, inputs: Collection[str], prepared: Prepared
) -> ScanRecalibration:
    """Choose the line for a scan by method, modalities, and whether the model has seen such scans.

    Parameters
    ----------
    model
        With what its folder says of recalibration and of scans seen.
    method
        By its name.
    inputs
        Modalities that are used.
    prepared
        The scans.
    """
    own = recalibration_for(model.recalibrations, method, inputs)
    information: dict[str, Any] = {}
    unlike: list[str] = []
    if model.seen is not None:
        appearance = measure_appearance(prepared.channels["flair"], prepared.brain, prepared.grid)
        unlike = model.seen.unlike(appearance)
        information |= {"appearance": appearance, "unlike_seen_scans": unlike}
    measured = own is not None and own.unlike is not None
    notes = (_unlike_note(unlike, measured=measured),) if unlike else ()
    if own is None:
        return ScanRecalibration(information=information, notes=notes)
    information["model_recalibration"] = own.information(unlike=bool(unlike))
    return ScanRecalibration(own.fitted_for(unlike=bool(unlike)).line, information, notes)


def _unlike_note(unlike: Sequence[str], *, measured: bool) -> str:
    """What the user should know of a scan that is unlike all sources seen, and what was done about it."""
    done = "were recalibrated as for sources that it had not seen" if measured else "may be too sure"
    said = "; ".join(unlike)
    return f"This scan is unlike all that the model has seen: {said}. Its probabilities {done}."
