"""Which label layer is the reference: one choice for all docks of a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from psygnal import Signal, SignalInstance
from superqt.utils import qthrottled

from napari_uncertainseg._base import InputError
from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.user_labels import UserLabels

_PAINT_MS = 100


class LabelLayers(Protocol):
    """What the choice asks of the layers."""

    @property
    def layers_changed(self) -> SignalInstance:
        """The user's layers came, went or were renamed."""

    @property
    def labels_edited(self) -> SignalInstance:
        """The user painted on one; its name."""

    @property
    def user_labels(self) -> UserLabels:
        """Their names and masks."""


class ReferenceChoice:
    """Keeps the case's reference as the chosen layer has it, also while the user paints on it.

    Parameters
    ----------
    case
        Whose reference it becomes.
    layers
        Of which one can be chosen.

    Attributes
    ----------
    name
        Of the layer; None where none is chosen.
    problem
        Why there is no reference although one is chosen, a sentence; empty otherwise.
    """

    changed = Signal()
    """`name` or `problem` is another one."""

    def __init__(self, case: Case, layers: LabelLayers) -> None:
        self._case, self._layers = case, layers
        self.name: str | None = None
        self.problem = ""
        self._read_soon = qthrottled(self._read, timeout=_PAINT_MS)
        self._connections = Connections(
            (layers.layers_changed, self._on_layers),
            (layers.labels_edited, self._on_edited),
            (case.prediction_changed, self._on_prediction),
        )

    def choose(self, name: str | None) -> None:
        """Choose a layer by its name, or none."""
        if name != self.name:
            self.name = name
            self._read()

    def _on_layers(self) -> None:
        """A chosen layer that was removed is no longer chosen."""
        if self.name is not None and self.name not in self._layers.user_labels.names():
            self.choose(None)

    def _on_edited(self, name: str) -> None:
        if name == self.name:
            self._read_soon()

    def _on_prediction(self) -> None:
        """Read the reference again; without a case none is chosen."""
        if self._case.prediction is None:
            self.name = None
        self._read()

    def _read(self) -> None:
        self.problem, mask = "", None
        if self.name is not None and self._case.prediction is not None:
            try:
                mask = self._layers.user_labels.mask_of(self.name)
            except InputError as error:
                self.problem = str(error)
        if mask is not None or self._case.comparison.reference is not None:
            self._case.comparison.reference = mask
        self.changed.emit()

    def cleanup(self) -> None:
        """Let go of case and layers. May be called twice."""
        self._read_soon.cancel()
        self._connections.disconnect_all()
