"""Which scans can be compared: those of the case, and that of another visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.layers import Image, Layer
from psygnal import Signal

from napari_uncertainseg.images.belonging import belongs
from napari_uncertainseg.modalities import MODALITIES, guess_modality, title_of
from napari_uncertainseg.widgets.scans.patient import origin_of
from napari_uncertainseg.widgets.scans.top_scan import covers, scans, top_scan
from napari_uncertainseg.widgets.scans.volumes import KEY, is_compared, is_result
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone

if TYPE_CHECKING:
    from napari import Viewer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


@dataclass(frozen=True, eq=False)
class ComparedScan:
    """A scan, what it is called, such as ``"T1"``, and whether it is of the case or a visit opened to it."""

    layer: Layer
    title: str
    of_case: bool = True

    @property
    def other_visit(self) -> bool:
        """Whether it is of another visit."""
        return is_compared(self.layer)


class ComparedScans:
    """The scans of the case, the main one first, then that of another visit.

    Before anything is segmented, they are the scans that seem to be of the visit of the first FLAIR.

    Parameters
    ----------
    viewer, layers, case
        Whose scans.
    """

    changed = Signal()
    """Other scans, or another one is shown."""

    def __init__(self, viewer: Viewer, layers: ReviewLayers, case: Case) -> None:
        self._viewer, self._layers, self._case = viewer, layers, case
        self._known: tuple[ComparedScan, ...] | None = None
        self._heard: list[Layer] = []
        events = viewer.layers.events
        self._connections = Connections(
            (events.inserted, self._forget),
            (LayersGone(viewer, _may_be_compared), self._forget),
            (events.renamed, self._forget),
            (events.reordered, self._forget),
            (case.images_changed, self._forget),
            (case.prediction_changed, self._forget),
        )

    def all(self) -> tuple[ComparedScan, ...]:
        """The scans, in the order in which they are flipped through."""
        if self._known is None:
            self._known = tuple(self._find())
            self._hear(scans(self._viewer))
        return self._known

    def shown(self) -> ComparedScan | None:
        """The uppermost scan that is visible, whosever it is; None where none is."""
        top = top_scan(self._viewer)
        known = (scan for scan in self.all() if scan.layer is top)
        return next(known, None if top is None else ComparedScan(top, top.name, of_case=False))

    def foreign(self) -> tuple[ComparedScan, ...]:
        """Scans that are shown and are none of these."""
        own = [scan.layer for scan in self.all()]
        others = [x for x in scans(self._viewer) if x.visible and x not in own and covers(x)]
        return tuple(ComparedScan(layer, layer.name, of_case=False) for layer in others)

    def main(self) -> Layer | None:
        """The layer of the scan of this visit that the others are compared with."""
        return next((scan.layer for scan in self.all() if not scan.other_visit), None)

    def _find(self) -> list[ComparedScan]:
        own = self._of_case()
        images = [x for x in self._viewer.layers if isinstance(x, Image) and not is_result(x) and x.ndim == 3]
        rest = sorted((x for x in images if x not in [scan.layer for scan in own]), key=_rank)
        first = own[0].layer if own else next(iter(rest), None)
        if self._case.prediction is None or own:  # results without their scan: what is open may be of anybody
            of_it = [x for x in rest if x is first or belongs(origin_of(x), origin_of(first))]
            own += [ComparedScan(x, title_of(_modality(x)) if _modality(x) else x.name) for x in of_it]
        others = [layer for layer in self._viewer.layers if is_compared(layer)]
        return [*_told_apart(own), *(ComparedScan(layer, layer.name) for layer in others)]

    def _of_case(self) -> list[ComparedScan]:
        main, images = self._case.scan, self._case.images
        if main is None:
            return []
        layers = self._layers.scan.layers()
        names = sorted(images, key=lambda name: images[name] is not main)
        known = names if len(layers) == len(names) else [_modality(x) for x in layers]
        pairs = zip(layers, known, strict=True)
        return [ComparedScan(x, title_of(name) if name else x.name) for x, name in pairs]

    def _forget(self, event: object = None) -> None:
        layer = getattr(event, "value", None)
        if isinstance(layer, Layer) and not _may_be_compared(layer):
            return
        self._known = None
        self.changed.emit()

    def _hear(self, layers: Sequence[Layer]) -> None:
        for layer in self._heard:
            layer.events.visible.disconnect(self._on_visible)
        self._heard = list(layers)
        for layer in layers:
            layer.events.visible.connect(self._on_visible)

    def _on_visible(self, event: object = None) -> None:
        self.changed.emit()

    def cleanup(self) -> None:
        """Hear of nothing any more. May be called twice."""
        self._connections.disconnect_all()
        self._hear([])
        self._known = ()


def _may_be_compared(layer: Layer) -> bool:
    """Maps and outlines come and go by the dozen, and are none of the scans."""
    return is_compared(layer) or not is_result(layer)


def _rank(layer: Layer) -> int:
    """The FLAIR first, then T1 and T2, then all else."""
    order = list(MODALITIES)
    return order.index(_modality(layer)) if _modality(layer) in order else len(order)


def _told_apart(scans: list[ComparedScan]) -> list[ComparedScan]:
    """Two scans of one kind are called by their names, too."""
    titles = [scan.title for scan in scans]
    twice = {title for title in titles if titles.count(title) > 1}
    return [
        ComparedScan(scan.layer, f"{scan.title} ({scan.layer.name})") if scan.title in twice else scan
        for scan in scans
    ]


def _modality(layer: Layer) -> str:
    return str(layer.metadata.get(KEY, {}).get("modality") or guess_modality(layer.name) or "")
