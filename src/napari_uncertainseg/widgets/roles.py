"""Which layer is the FLAIR, the T1, the T2 and the brain mask."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import guess_modality
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.geometry import is_result, volume_of

if TYPE_CHECKING:
    from napari.components import ViewerModel


@dataclass(frozen=True)
class Role:
    """What a layer can be."""

    key: str
    title: str
    tip: str
    nothing: str = "none"


ROLES = (
    Role("flair", "FLAIR", "The scan to segment. Results lie on its grid.", "choose a scan"),
    Role("t1", "T1", "A T1-weighted scan of the same visit, if there is one. It is brought onto the FLAIR."),
    Role("t2", "T2", "A T2-weighted scan of the same visit, if there is one. It is brought onto the FLAIR."),
    Role(
        "mask",
        "Brain mask",
        "Your own brain mask, if you have one; otherwise the brain is found.",
        "automatic",
    ),
)
_MASK_NAME = re.compile(r"brain", re.IGNORECASE)


class _LayerBox(QComboBox):
    """A choice of layers, or of none."""

    def __init__(self, role: Role, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = role
        self._layers: list[Layer | None] = [None]
        self.setToolTip(role.tip)
        self.setObjectName(f"role-{role.key}")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.fill([], None)

    def fill(self, layers: list[Layer], chosen: Layer | None) -> None:
        self._layers = [None, *layers]
        self.blockSignals(True)
        self.clear()
        self.addItems([self._role.nothing, *(layer.name for layer in layers)])
        self.setCurrentIndex(self._layers.index(chosen))
        self.blockSignals(False)

    def layer(self) -> Layer | None:
        return self._layers[self.currentIndex()]


class RoleBoxes(QObject):
    """One box per role, filled in from the layers' names and headers, and kept up to date.

    What the user has chosen stays chosen for as long as the layer is there.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, form: QFormLayout, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._picked: dict[str, weakref.ref[Layer] | None] = {}
        self._boxes = {role.key: _LayerBox(role) for role in ROLES}
        for role in ROLES:
            form.addRow(role.title, self._boxes[role.key])
            self._boxes[role.key].activated.connect(lambda _, key=role.key: self._on_picked(key))
        events = viewer.layers.events
        self._emitters = (events.inserted, events.removed, events.renamed, events.reordered)
        for emitter in self._emitters:
            emitter.connect(self._refill)
        self._refill()

    def layer(self, role: str) -> Layer | None:
        """The layer chosen for a role."""
        return self._boxes[role].layer()

    @property
    def any_scan(self) -> bool:
        """Whether the viewer has a scan at all."""
        return bool(self._candidates("flair"))

    def volumes(self) -> tuple[dict[str, Volume], Volume | None]:
        """The chosen scans by role, and the brain mask.

        Raises
        ------
        InputError
            If no FLAIR is chosen, one layer has two roles, or a layer cannot be used.
        """
        if self.layer("flair") is None:
            raise InputError("Choose the layer that is the FLAIR; the other roles may stay empty.")
        images: dict[str, Volume] = {}
        used: dict[int, str] = {}
        for role in ROLES:
            layer = self.layer(role.key)
            if layer is None or role.key == "mask":
                continue
            if id(layer) in used:
                raise InputError(
                    f"Layer {layer.name!r} is both {used[id(layer)]} and {role.title}; choose another."
                )
            used[id(layer)] = role.title
            images[role.key] = volume_of(layer, role.key)
        mask = self.layer("mask")
        return images, None if mask is None else volume_of(mask)

    def choose(self, layers: Mapping[str, Layer]) -> None:
        """Choose layers as the user would; a role that is left out gets none."""
        for role in ROLES:
            self._picked.pop(role.key, None)
        self._picked |= {key: weakref.ref(layer) for key, layer in layers.items()}
        self._refill()
        filled = [role.key for role in ROLES if role.key not in layers and self.layer(role.key) is not None]
        if filled:  # from a layer of the user's own, which may be of somebody else
            self._picked |= dict.fromkeys(filled)
            self._refill()

    def cleanup(self) -> None:
        """Let go of the viewer. May be called twice."""
        for emitter in self._emitters:
            emitter.disconnect(self._refill)
        for box in self._boxes.values():
            box.fill([], None)

    def _on_picked(self, key: str) -> None:
        layer = self._boxes[key].layer()
        self._picked[key] = None if layer is None else weakref.ref(layer)
        self._refill()

    def _candidates(self, key: str) -> list[Layer]:
        kind = Labels if key == "mask" else Image
        return [x for x in self._viewer.layers if isinstance(x, kind) and not is_result(x)]

    def _refill(self, event: object = None) -> None:
        taken: set[int] = set()
        for role in ROLES:
            candidates = self._candidates(role.key)
            chosen = self._choose(role.key, candidates, taken)
            if chosen is not None:
                taken.add(id(chosen))
            self._boxes[role.key].fill(candidates, chosen)
        self.changed.emit()

    def _choose(self, key: str, candidates: list[Layer], taken: set[int]) -> Layer | None:
        if key in self._picked:
            reference = self._picked[key]
            layer = None if reference is None else reference()
            if reference is None or layer in candidates:
                return layer
            del self._picked[key]  # the layer has gone, and the choice with it
        free = [layer for layer in candidates if id(layer) not in taken]
        fitting = [layer for layer in free if _fits(layer, key)]
        if not fitting and key == "flair" and len(candidates) == 1 and _modality(candidates[0]) is None:
            return candidates[0]
        return fitting[0] if fitting else None


def _fits(layer: Layer, key: str) -> bool:
    return bool(_MASK_NAME.search(layer.name)) if key == "mask" else _modality(layer) == key


def _modality(layer: Layer) -> str | None:
    told = layer.metadata.get("uncertainseg", {}).get("modality")
    return told or guess_modality(layer.name)
