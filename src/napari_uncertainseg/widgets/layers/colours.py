"""How results look: heat maps, clear where they say nothing, and colours that every eye tells apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap, DirectLabelColormap, ensure_colormap

from napari_uncertainseg.review.verdicts import Decision
from napari_uncertainseg.voxel_maps import Display, VoxelMap, shown_maps
from napari_uncertainseg.widgets.layers.two_tone_outlines import line_colours
from napari_uncertainseg.widgets.shared.napari_internals import TableLabelColormap
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Surface

    from napari_uncertainseg.prediction.prediction import Prediction

_STEPS = 16
"""Shades of doubt: more cannot be told apart."""
_SURE, _DOUBTFUL = np.array([0.0, 0.45, 0.85]), np.array([0.75, 0.97, 1.0])
# After Okabe and Ito's palette, which colour-blind readers can tell apart; moved until any two differ enough
# for lines in each kind of colour vision (tests/colour_vision.py). Each is a line beside a dark one
# (`two_tone_outlines`), and so differs from every grey and every colour of the heat maps.
VERDICT_COLOURS: dict[str, tuple[float, float, float]] = {
    "accepted": (0.0, 0.8, 0.5),
    "rejected": (0.84, 0.37, 0.0),
    "unsure": (0.95, 0.5, 0.75),
}
_CANDIDATE = (0.94, 0.89, 0.26)
FOUND_COLOUR, FALSE_COLOUR = (0.0, 0.45, 0.85, 1.0), (0.95, 0.45, 0.0, 1.0)
"""Of lesions that the reference has, too, and of those that it has not: all readers tell blue from orange."""
REFERENCE_COLOUR = (1.0, 0.6, 0.9, 1.0)
"""Of the reference itself, as somebody has drawn it."""
MISSED_COLOUR = (0.93, 0.93, 0.93, 1.0)
"""Of lesions that only the reference has; dotted, so that none goes by the colour alone."""


SIGNED = "violet to orange, clear at 0"
"""Name of `signed_colormap`."""
_BELOW, _ABOVE = (0.66, 0.42, 1.0), (1.0, 0.58, 0.05)
_FAINT = 0.5
"""Exponent of how fast a signed colour becomes opaque: below 1 what is weak can be seen too."""


def signed_colormap() -> Colormap:
    """From violet (negative) over nothing at 0 to orange: told apart by colour-blind readers too."""
    share = np.linspace(-1, 1, 257)
    colours = np.where((share < 0)[:, None], _BELOW, _ABOVE)
    return Colormap(np.column_stack([colours, np.abs(share) ** _FAINT * 0.9]), name=SIGNED)


_FULL = 0.8
"""Share of a map's largest value from which its colours are as opaque as the layer."""
MAP_OPACITY = 0.5
"""Of a heat map at first: more hides the edges on the scan below."""


def clear_colormap(name: str) -> Colormap:
    """A colormap of napari's that is clear at 0 and gets opaque towards its end.

    So a map covers nothing where it says nothing, and what lies below it is mixed with its colours. Added to
    the scan's light (napari's *additive*), they turn white on what is bright already: on lesions.
    """
    share = np.linspace(0, 1, 256)
    colours = np.array(ensure_colormap(name).map(share))
    colours[:, 3] = np.minimum(share / _FULL, 1)
    return Colormap(colours, name=f"{name}, clear at 0")


def top_of(shown: VoxelMap, array: np.ndarray) -> float:
    """Value that gets the last colour of a map: its largest, or less where nothing comes near that.

    Parameters
    ----------
    shown
        One of `shown_maps`.
    array
        float32 on the grid, in the map's unit.
    """
    display = shown.display or Display()
    if display.fit_down_to is None:
        return shown.largest
    seen = array[array > 0]
    strong = float(np.quantile(seen, 0.999)) if seen.size else 0.0
    return min(max(strong, display.fit_down_to), shown.largest)


def tops_of(prediction: Prediction) -> dict[str, float]:
    """The same of all maps of a prediction that are shown, by name; `Prediction.derived` keeps it."""
    return {name: top_of(shown, prediction.maps[name]) for name, shown in shown_maps().items()}


def map_options(shown: VoxelMap, top: float) -> dict[str, Any]:
    """Options of the image layer that shows a map, the value with the last colour given, see `top_of`."""
    display = shown.display or Display()
    return {
        "colormap": clear_colormap(display.colormap),
        "contrast_limits": (0.0, top),
        "blending": "translucent",
        "opacity": MAP_OPACITY,
        "visible": display.visible,
        "interpolation2d": "nearest",
    }


_LINES = line_colours(np.dtype(np.uint16))


def lesion_colours(
    doubt: Mapping[int, float], decisions: Mapping[int, Decision]
) -> dict[int, tuple[float, ...]]:
    """Colours of the lesions: of the verdict, and until there is one of the doubt (the lighter, the more).

    Parameters
    ----------
    doubt
        Structural uncertainty by lesion number, 0 to 1.
    decisions
        Verdicts by lesion number.
    """
    shares = np.clip(np.nan_to_num([doubt[number] for number in doubt]), 0, 1).reshape(-1, 1)
    plain = np.round((_STEPS - 1) * shares) / (_STEPS - 1)
    colours = (1 - plain) * _SURE + plain * _DOUBTFUL
    found: dict[int, tuple[float, ...]] = {}
    for number, colour in zip(doubt, colours.tolist(), strict=True):
        decision = decisions.get(int(number))
        found[int(number)] = (*(colour if decision is None else VERDICT_COLOURS[decision]), 1.0)
    return found


def error_colours(numbers: Iterable[int], false: Collection[int]) -> dict[int, tuple[float, ...]]:
    """Colours of the lesions by the reference: found, or false.

    Parameters
    ----------
    numbers
        Of all lesions.
    false
        Of those that touch no lesion of the reference.
    """
    return {int(number): FALSE_COLOUR if number in false else FOUND_COLOUR for number in numbers}


def lesion_colormap(colours: Mapping[int, tuple[float, ...]]) -> DirectLabelColormap:
    """Colormap of colours by lesion number; other numbers are lesions without a verdict."""
    return TableLabelColormap(color_dict={None: (*_SURE, 1.0), 0: (0.0, 0.0, 0.0, 0.0), **colours, **_LINES})


def single_colormap() -> DirectLabelColormap:
    """One colour for all candidates."""
    return TableLabelColormap(color_dict={None: (*_CANDIDATE, 1.0), 0: (0.0, 0.0, 0.0, 0.0), **_LINES})


BAR_SIZE, BAR_FONT = (10.0, 66.0), 6.0
"""Width and height of a colour bar, and the size of its texts and of the map's name, in pixels."""


def place_colour_bar(layer: Image | Surface) -> None:
    """Put a map's colour bar and its name where they cover as little of the scan as they can.

    In the corner no letter of orientation and no scan's name stands, and small there it covers no lesion of a
    brain that fills the canvas.
    """
    bar, name = layer.colorbar, layer.name_overlay
    bar.position = name.position = "top_right"
    bar.size, bar.font_size, name.font_size = BAR_SIZE, BAR_FONT, BAR_FONT


class ColourBars:
    """Shows the colour bar of a map and its name with the unit, once the map is seen.

    Each comes in a turn of its own: it takes napari as long as the map.

    Parameters
    ----------
    viewer
        That holds the maps; those that have left it by then get none.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer, self._soon = viewer, Soon()
        self._due: list[Image] = []

    def follow(self, layer: Image) -> None:
        """Show those of a map now, if it is seen, and whenever its eye is opened."""
        place_colour_bar(layer)
        layer.events.visible.connect(self._on_visible)

    def show(self, layer: Image) -> None:
        """Show those of a map that is seen."""
        if layer.visible and layer not in self._due:
            self._due.append(layer)
            self._soon.add(self._next)

    def now(self) -> None:
        """Show at once what is still to be shown."""
        self._soon.now()

    def drop(self) -> None:
        """Show no more of them. May be called twice."""
        self._soon.drop()
        self._due = []

    def _on_visible(self, event: Any) -> None:
        self.show(event.source)

    def _next(self) -> None:
        self._due = [layer for layer in self._due if layer.visible and layer in self._viewer.layers]
        if not self._due:
            return
        layer = self._due[0]
        if not layer.colorbar.visible:
            layer.colorbar.visible = True
        else:
            layer.name_overlay.visible = True
            del self._due[0]
        self._soon.add(self._next)
