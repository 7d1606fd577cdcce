"""Which layer is the FLAIR, the T1, the T2 and the brain mask; or what else the model reads.

The scan that is segmented has the key of the FLAIR, whatever the model reads: one that reads none has another
kind of scan in its place (`ScansOfModel.main`).
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.belonging import belongs, mismatch
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.modalities import (
    MODALITIES,
    REFERENCE,
    guess_modality,
    main_of,
    may_be,
    title_of,
)
from napari_uncertainseg.widgets.scans.patient import ScanHashes, origin_of
from napari_uncertainseg.widgets.scans.volumes import is_brain, is_result, volume_of
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone

if TYPE_CHECKING:
    from napari.components import ViewerModel


@dataclass(frozen=True)
class Role:
    """What a layer can be used for: a modality, or the brain mask."""

    key: str
    title: str
    tip: str
    nothing: str = texts.NO_LAYER


@dataclass(frozen=True)
class ScansOfModel:
    """What a model reads.

    Attributes
    ----------
    modalities
        In the order of its channels.
    needs
        Those that it cannot do without, beside the main one.
    brain
        Whether the brain is found first; models made elsewhere are given the whole scan.
    """

    modalities: tuple[str, ...] = tuple(MODALITIES)
    needs: tuple[str, ...] = ()
    brain: bool = True

    @property
    def main(self) -> str:
        """The scan that is segmented."""
        return main_of(self.modalities)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The main scan first."""
        first = Role(REFERENCE, title_of(self.main), texts.FLAIR_TIP, texts.CHOOSE_SCAN)
        return first, *(self._other(name) for name in self.modalities if name != self.main)

    def _other(self, name: str) -> Role:
        return Role(name, title_of(name), texts.scan_tip(title_of(name), name in self.needs))


_MASK = Role("mask", texts.BRAIN_MASK, texts.BRAIN_MASK_TIP, texts.AUTOMATIC)
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


@dataclass(frozen=True, eq=False)
class _Pick:
    """A choice of the user: a layer (None: no layer), and its FLAIR (None: no FLAIR was chosen yet)."""

    layer: weakref.ref[Layer] | None
    flair: weakref.ref[Layer] | None


class RoleBoxes(QObject):
    """One box per role, filled in from the layers' names and headers, and kept up to date.

    The FLAIR stays chosen as long as its layer exists. When it is removed, no other scan is chosen
    automatically. The other roles follow the FLAIR: a scan is chosen automatically only if something shows
    that it is of the same visit (`belongs`), and a choice of the user holds for one FLAIR only.

    Parameters
    ----------
    viewer, form, parent
        Source of the layers; form that gets the boxes; Qt parent.
    held
        Returns True while the boxes should ignore added and removed layers (during exercises).
    """

    changed = Signal()
    flair_picked = Signal()
    """The user has chosen the FLAIR."""

    def __init__(
        self,
        viewer: ViewerModel,
        form: QFormLayout,
        parent: QObject | None = None,
        *,
        hashes: ScanHashes,
        held: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._held = held
        self._picked: dict[str, _Pick] = {}
        self._flair: weakref.ref[Layer] | None = None
        self._hashes = hashes
        self._unsure = False
        """Whether the FLAIR was chosen only because it was the single scan."""
        self._passed: weakref.WeakSet[Layer] = weakref.WeakSet()
        """Scans that were open when a FLAIR was removed."""
        self._form, self._scans = form, ScansOfModel()
        self._boxes: dict[str, _LayerBox] = {}
        for number, role in enumerate((*self._scans.roles, _MASK)):
            self._add_box(number, role)
        events = viewer.layers.events
        gone = LayersGone(viewer)
        self._emitters = (events.inserted, gone, events.renamed, events.reordered)
        for emitter in self._emitters:
            emitter.connect(self.refill)
        self.refill()

    def _add_box(self, number: int, role: Role) -> None:
        box = self._boxes[role.key] = _LayerBox(role)
        self._form.insertRow(number, role.title, box)
        box.activated.connect(lambda _: self._on_picked(role.key))

    @property
    def _roles(self) -> tuple[Role, ...]:
        """In the order of the boxes; the brain mask is always the last."""
        return *self._scans.roles, _MASK

    def read(self, scans: ScansOfModel) -> None:
        """Offer boxes for what another model reads; a scan that it can read stays chosen."""
        if scans == self._scans:
            return
        before, self._scans = self._scans, scans
        for role in before.roles:
            self._form.removeRow(self._boxes.pop(role.key))
        mask = self._boxes.pop(_MASK.key)
        for number, role in enumerate(scans.roles):
            self._add_box(number, role)
        self._boxes[_MASK.key] = mask
        self._form.setRowVisible(mask, scans.brain)
        flair = None if self._flair is None else self._flair()
        fits = flair is None or _modality(flair) is None or _fits(flair, scans.main)
        if scans.main != before.main and not fits:
            self._flair = None
            self._picked.pop(REFERENCE, None)
        self.refill()

    def layer(self, role: str) -> Layer | None:
        """The layer chosen for a role; None also where the model has no such role."""
        box = self._boxes.get(role)
        return None if box is None else box.layer()

    @property
    def chosen(self) -> tuple[Layer | None, ...]:
        """The layers chosen, in the order of the boxes."""
        return tuple(box.layer() for box in self._boxes.values())

    def offered(self, role: str) -> list[Layer]:
        """The layers that can be chosen for a role of this FLAIR."""
        return self._candidates(role, self.layer("flair"))

    @property
    def any_scan(self) -> bool:
        """Whether the viewer has a scan at all."""
        return bool(self._candidates("flair"))

    def volumes(self) -> tuple[dict[str, Volume], Volume | None]:
        """The chosen scans by role, and the brain mask, mended ones among them.

        Raises
        ------
        InputError
            If no FLAIR is chosen, one layer has two roles, or a layer cannot be used.
        """
        if self.layer("flair") is None:
            raise InputError(texts.no_scan_chosen(title_of(self._scans.main)))
        images: dict[str, Volume] = {}
        used: dict[int, str] = {}
        for role in self._scans.roles:
            layer = self.layer(role.key)
            if layer is None:
                continue
            if id(layer) in used:
                raise InputError(texts.layer_used_twice(layer.name, used[id(layer)], role.title))
            used[id(layer)] = role.title
            modality = self._scans.main if role.key == REFERENCE else role.key
            images[modality] = volume_of(layer, modality)
        mask = self.layer("mask")
        return images, None if mask is None else volume_of(mask)

    def mismatches(self) -> dict[str, str]:
        """By role, why a chosen scan or mask seems not to be of the FLAIR's visit: a sentence each."""
        flair, reasons = self.layer("flair"), {}
        for role in self._roles[1:]:
            layer = self.layer(role.key)
            if layer is None or flair is None:
                continue
            if reason := mismatch(origin_of(layer), origin_of(flair)):
                reasons[role.key] = texts.mismatch(role.title, layer.name, reason)
        return reasons

    def choose(self, layers: Mapping[str, Layer]) -> None:
        """Choose layers as the user would; a role without a layer gets none.

        With no layer no scan that is open now is meant, as by results without their scan; the next may be.
        """
        if not layers:
            self._passed.update(self._candidates(REFERENCE))
            self._picked, self._flair, self._unsure = {}, None, False
            self.refill()
            return
        by_role = {REFERENCE if key == self._scans.main else key: layer for key, layer in layers.items()}
        flair = _weak(by_role.get(REFERENCE))
        self._picked = {role.key: _Pick(_weak(by_role.get(role.key)), flair) for role in self._roles}
        self.refill()

    def pick_flair(self, layer: Layer | None) -> None:
        """Choose the FLAIR as the user would."""
        self._picked["flair"] = _Pick(_weak(layer), None)
        self.refill()

    def pick_mask(self, layer: Layer) -> None:
        """Choose the brain mask of this FLAIR as the user would."""
        self._picked["mask"] = _Pick(_weak(layer), self._flair)
        self.refill()

    @property
    def mask_is_automatic(self) -> bool:
        """Whether the user has said nothing of the brain mask of this FLAIR, nor that there be none."""
        return self._pick_for("mask") is None

    def mended(self) -> Labels | None:
        """The layer on which the outline of this FLAIR's brain is mended, if it is the brain mask."""
        layer = self.layer("mask")
        return layer if isinstance(layer, Labels) and is_brain(layer) else None

    def drawn_on_flair(self, brain: Layer) -> bool:
        """Whether the outline of a brain was mended on the scan that the FLAIR's layer holds now."""
        flair = self.layer("flair")
        return flair is not None and self._hashes.drawn_on(brain, flair)

    def leave_out(self, roles: Iterable[str]) -> None:
        """Choose no layer for some roles of this FLAIR."""
        self._picked |= {key: _Pick(None, self._flair) for key in roles}
        self.refill()

    def cleanup(self) -> None:
        """Disconnect from the viewer. May be called twice."""
        for emitter in self._emitters:
            emitter.disconnect(self.refill)
        for box in self._boxes.values():
            box.fill([], None)

    def _on_picked(self, key: str) -> None:
        self._picked[key] = _Pick(_weak(self._boxes[key].layer()), self._flair)
        self.refill()
        if key == "flair":
            self.flair_picked.emit()

    def _candidates(self, key: str, flair: Layer | None = None) -> list[Layer]:
        """Layers for a role; an outline of the brain that was mended on another scan is not among them."""
        kind = Labels if key == "mask" else Image
        layers = [x for x in self._viewer.layers if isinstance(x, kind) and not is_result(x)]
        return [
            x for x in layers if not is_brain(x) or (flair is not None and self._hashes.drawn_on(x, flair))
        ]

    def refill(self, event: object = None) -> None:
        """List the layers, and choose those that can be chosen automatically."""
        if self._held():
            return
        flair = self._choose_flair(self._candidates("flair"))
        self._flair = _weak(flair)
        taken = [flair]
        for role in self._roles:
            candidates = self._candidates(role.key, flair) if self._scans.brain or role != _MASK else []
            chosen = flair if role.key == "flair" else self._choose(role.key, candidates, taken)
            taken.append(chosen)
            self._boxes[role.key].fill(candidates, chosen)
        self.changed.emit()

    def _choose_flair(self, candidates: list[Layer]) -> Layer | None:
        before = _existing(self._flair, candidates)
        if self._flair is not None and before is None:
            self._passed.update(candidates)
        pick = self._picked.get("flair")
        if pick is not None:
            chosen = _existing(pick.layer, candidates)
            if pick.layer is None or chosen is not None:
                self._unsure = False
                return chosen
            del self._picked["flair"]  # the layer was removed, so the choice is void
        if before is not None and not self._unsure:
            return before
        free = [layer for layer in candidates if layer not in self._passed]
        fitting = [layer for layer in free if _fits(layer, self._scans.main)]
        lone = free if len(candidates) == 1 and free and _modality(free[0]) is None else []
        self._unsure = not fitting and (before is not None or bool(lone))
        return next(iter(fitting), before or next(iter(lone), None))

    def _choose(self, key: str, candidates: list[Layer], taken: list[Layer | None]) -> Layer | None:
        flair, pick = taken[0], self._pick_for(key)
        if pick is not None:
            chosen = _existing(pick.layer, candidates)
            if pick.layer is None or chosen is not None:
                return chosen
            del self._picked[key]
        if flair is None:
            return None
        fitting = (layer for layer in candidates if layer not in taken and _fits(layer, key))
        return next((layer for layer in fitting if belongs(origin_of(layer), origin_of(flair))), None)

    def _pick_for(self, key: str) -> _Pick | None:
        """The user's choice for a role of this FLAIR; a choice for another FLAIR is dropped."""
        pick = self._picked.get(key)
        if pick is None:
            return None
        if pick.flair is None:
            pick = self._picked[key] = _Pick(pick.layer, self._flair)
        elif self._flair is None or pick.flair() is not self._flair():
            del self._picked[key]
            return None
        return pick


def _weak(layer: Layer | None) -> weakref.ref[Layer] | None:
    return None if layer is None else weakref.ref(layer)


def _existing(reference: weakref.ref[Layer] | None, layers: list[Layer]) -> Layer | None:
    layer = None if reference is None else reference()
    return layer if layer in layers else None


def _fits(layer: Layer, key: str) -> bool:
    if key == "mask":  # an outline that was mended is the brain whatever it is called
        return is_brain(layer) or bool(_MASK_NAME.search(layer.name))
    return _modality(layer) == key if key in MODALITIES else may_be(layer.name, key)


def _modality(layer: Layer) -> str | None:
    modality = layer.metadata.get("uncertainseg", {}).get("modality")
    return modality or guess_modality(layer.name)
