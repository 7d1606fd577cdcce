"""What the Lesions and Calibration docks ask of the layers, without a viewer."""

from __future__ import annotations

import numpy as np
from psygnal import Signal

from napari_uncertainseg._base import InputError


class FakeSurfaces:
    """Remembers whether lesions are shown in 3-D."""

    changed = Signal()

    def __init__(self) -> None:
        self.shown = False

    def toggle(self):
        self.shown = not self.shown
        self.changed.emit()


class FakeFraming:
    """Remembers whether going to a lesion zooms."""

    changed = Signal()

    def __init__(self) -> None:
        self.zooms = True


class FakeReference:
    """No reference is chosen."""

    changed = Signal()

    def __init__(self) -> None:
        self.name, self.problem = None, ""

    def choose(self, name):
        self.name = name


class FakeErrors:
    """Nothing is false or missed, since there is no reference."""

    changed = Signal()

    def __init__(self) -> None:
        self.coloured, self.hidden, self.agreement, self.chosen = True, False, None, 0

    def choose(self, number):
        self.chosen = number


class FakeUserLabels:
    """Label layers of the user's, by name; None for one that lies elsewhere."""

    def __init__(self, masks, foreign):
        self.masks, self.foreign = masks, foreign

    def names(self):
        return list(self.masks)

    def is_foreign(self, name):
        return name in self.foreign

    def mask_of(self, name):
        if self.masks[name] is None:
            raise InputError(f"Layer {name!r} does not lie on the grid of the scan.")
        return self.masks[name] > 0


class FakeOutline:
    """What an annotator paints, and how it compares."""

    def __init__(self, masks):
        self._masks = masks

    def begin(self):
        self.drawn = np.zeros(next(iter(self._masks.values())).shape, np.uint8)

    def array(self):
        return self.drawn

    def compare(self, sides):
        self.compared = sides


class FakeLayers:
    """Remembers where the viewer was sent; its label layers are plain arrays."""

    layers_changed = Signal()
    labels_edited = Signal(str)
    slice_changed = Signal()
    blinding_changed = Signal()

    def __init__(self, masks: dict[str, np.ndarray] | None = None) -> None:
        self.masks = dict(masks or {})
        self.foreign: set[str] = set()
        self.user_labels, self.own_outline = FakeUserLabels(self.masks, self.foreign), FakeOutline(self.masks)
        self.shown = (0, 0)
        self.visited: list[tuple[int, int, int]] = []
        self.previewed: list[float] = []
        self.settled = 0
        self.blinded = self.settling = self.unseen = False
        self.band = (None, None)
        self.alone = False
        self.surfaces = FakeSurfaces()
        self.framing, self.reference, self.errors = FakeFraming(), FakeReference(), FakeErrors()
        self.fitted = 0

    def show_alone(self, alone):
        self.alone = alone

    def reveal_chosen(self):
        return False

    def go_to(self, voxel):
        self.visited.append(voxel)

    def fit_or_whole(self):
        self.fitted += 1

    def go_to_missed(self, number):
        self.errors.chosen = number

    def preview(self, threshold):
        self.previewed.append(threshold)

    def show_band(self, core, envelope):
        self.band = (core, envelope)

    def settle(self):
        self.settled += 1

    def visible(self):
        return ["FLAIR", "entropy"]

    def blind(self, then=lambda: None):
        self.blinded = True
        self.blinding_changed.emit()
        then()

    def point_at(self, voxel):
        self.visited.append(voxel)

    def reveal(self, name):
        self.revealed = name

    def unblind(self):
        self.blinded = False
        self.blinding_changed.emit()

    def unblind_soon(self, then):
        self.unblind()
        then()

    def current_slice(self):
        return self.shown
