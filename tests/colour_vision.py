"""Which colours of the window can be told apart by people who see fewer colours, and which texts can be read.

usage: python -m tests.colour_vision

How a colour is seen without one kind of cones: Machado, Oliveira and Fernandes, A physiologically-based
model for simulation of color vision deficiency, IEEE TVCG 15 (2009) 1291, doi 10.1109/TVCG.2009.113; the
matrices of severity 1.0, for linear sRGB. How far two colours lie apart: CIEDE2000 (Sharma, Wu and Dalal,
Color Research and Application 30 (2005) 21), as scikit-image computes it. What contrast is needed: WCAG 2.1,
1.4.3 and 1.4.11 (4.5 to 1 for text; 3 to 1 for large text and for what is no text).

How far is far enough: half of all people see no difference between patches of 0.2 degrees (9 pixels at 60 cm)
below 8.8 steps of lightness, and between those of 0.1 degrees (4 pixels, a line) below 12.6 (Stone, Szafir
and Setlur, An engineering model for color difference as a function of size, CIC 2014: 5.079 + 0.751 /
degrees; they measured from 1/3 degree on). So the floors are 10 for areas and 13 for lines. What lies below
must be said by a word, a shape or a place, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

VISIONS: Mapping[str, np.ndarray] = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
AREA, LINE = 10.0, 13.0
TEXT, GRAPHIC = 4.5, 3.0

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 1, sRGB."""


def as_colour(colour: object) -> Colour:
    """A colour from ``#rrggbb``, a sequence of 0 to 1, or one of Qt's."""
    if isinstance(colour, str):
        digits = colour.removeprefix("#")
        red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
        return red, green, blue
    if hasattr(colour, "getRgbF"):
        colour = colour.getRgbF()
    red, green, blue = (float(part) for part in colour[:3])  # type: ignore[index]
    return red, green, blue


def linear(colour: Colour) -> np.ndarray:
    """Linear sRGB, shape (3,)."""
    given = np.asarray(colour, float)
    return np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)


def seen(colour: Colour, vision: str) -> Colour:
    """A colour as somebody with a kind of vision sees it."""
    mixed = np.clip(VISIONS[vision] @ linear(colour), 0, 1)
    red, green, blue = np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055)
    return float(red), float(green), float(blue)


def lightness(colour: Colour, vision: str = "normal") -> float:
    """L* of CIELAB, 0 to 100."""
    return float(_lab(seen(colour, vision))[0])


def difference(one: Colour, other: Colour, vision: str = "normal") -> float:
    """CIEDE2000 between two colours as somebody sees them."""
    return float(deltaE_ciede2000(_lab(seen(one, vision)), _lab(seen(other, vision))))


def _lab(colour: Colour) -> np.ndarray:
    return rgb2lab(np.asarray(colour, float).reshape(1, 1, 3)).reshape(3)


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio of WCAG 2, 1 to 21."""
    low, high = sorted(float(np.dot((0.2126, 0.7152, 0.0722), linear(colour))) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@dataclass(frozen=True)
class Meaning:
    """Colours of which each says something else.

    Attributes
    ----------
    title
        What they are.
    colours
        By what they say.
    floor
        Least difference: `AREA` or `LINE`.
    doubled
        By what else the same is said; empty where colour alone says it, so that every pair must differ.
    """

    title: str
    colours: Mapping[str, Colour]
    floor: float
    doubled: str = ""

    def pairs(self) -> Sequence[tuple[str, str, Mapping[str, float]]]:
        """Each pair, with its differences by kind of vision."""
        return [
            (a, b, {vision: difference(self.colours[a], self.colours[b], vision) for vision in VISIONS})
            for a, b in combinations(self.colours, 2)
        ]

    def too_close(self) -> list[str]:
        """Pairs below the floor, in words."""
        return [
            f"{self.title}: {a} and {b}, {vision}: {value:.1f} < {self.floor:.0f}"
            for a, b, values in self.pairs()
            for vision, value in values.items()
            if value < self.floor
        ]


@dataclass(frozen=True)
class Readable:
    """A colour on a ground, and the contrast that it needs."""

    title: str
    colour: Colour
    ground: Colour
    least: float

    @property
    def contrast(self) -> float:
        """The contrast that it has."""
        return contrast(self.colour, self.ground)


def meanings() -> list[Meaning]:
    """All colours of the window that carry meaning, as the code has them now."""
    from napari_uncertainseg.audit.pages import svg
    from napari_uncertainseg.lesions.shapes import colours as surfaces
    from napari_uncertainseg.widgets.dashboard import learning_curve
    from napari_uncertainseg.widgets.layers import annotator_outline, colours, rater_layers, risk_contours
    from napari_uncertainseg.widgets.layers.correcting import preview

    def named(pairs: Mapping[object, tuple[str, str]]) -> dict[str, Colour]:
        return {meaning: as_colour(colour) for colour, meaning in pairs.values()}

    doubt = {"sure": colours._SURE, "doubtful": colours._DOUBTFUL}
    verdicts = {name: as_colour(colour) for name, colour in colours.VERDICT_COLOURS.items()}
    compared = {
        "found": as_colour(colours.FOUND_COLOUR),
        "false": as_colour(colours.FALSE_COLOUR),
        "missed": as_colour(colours.MISSED_COLOUR),
        "candidate": colours._CANDIDATE,
        "reference": as_colour(colours.REFERENCE_COLOUR),
    }
    words = {preview.TAKE: "becomes lesion", preview.REMOVE: "becomes none", preview.MARK: "a mark"}
    corrections = {words[kind]: as_colour(colour) for kind, colour in preview.COLOURS.items()}
    steps = np.linspace(0, surfaces.MOST_DOUBT, 5)
    below, above = (as_colour(c) for c in (colours._BELOW, colours._ABOVE))
    palettes = {"dark": learning_curve._ON_DARK, "light": learning_curve._ON_LIGHT}
    return [
        Meaning("outlines", {**doubt_ends(doubt), **verdicts, "candidate": colours._CANDIDATE}, LINE),
        Meaning("compared with a reference", compared, LINE),
        Meaning("guarantees", {n: as_colour(c) for n, c in risk_contours._COLOURS.items()}, LINE),
        Meaning("corrections", corrections, AREA),
        Meaning("surfaces", {f"doubt {s:.2f}": surfaces.doubt_colour(float(s)) for s in steps}, AREA),
        Meaning("explanation", {"less": below, "more": above}, AREA),
        Meaning("who is uncertain", named(rater_layers.KIND_COLOURS), AREA),
        Meaning("you and the consensus", named(annotator_outline.SIDE_COLOURS), AREA),
        *(
            Meaning(f"learning curves, {theme}", numbered(palette), LINE, "the shape of its points")
            for theme, palette in palettes.items()
        ),
        Meaning("charts of audits", numbered(svg._COLOURS), AREA),
    ]


def doubt_ends(doubt: Mapping[str, object]) -> dict[str, Colour]:
    """Both ends of the shades of doubt."""
    return {f"no verdict, {name}": as_colour(colour) for name, colour in doubt.items()}


def numbered(colours: Sequence[str]) -> dict[str, Colour]:
    """Colours of a palette by their place in it."""
    return {str(i): as_colour(colour) for i, colour in enumerate(colours, start=1)}


def maps() -> dict[str, Callable[[float], Colour]]:
    """The colour maps of the voxel maps: a colour for each share of the largest value."""
    from napari.utils.colormaps import ensure_colormap

    from napari_uncertainseg.voxel_maps import VOXEL_MAPS

    names = {shown.display.colormap for shown in VOXEL_MAPS.values() if shown.display is not None}

    def of_share(name: str, share: float) -> Colour:
        return as_colour(ensure_colormap(name).map(np.array([share]))[0])

    return {name: partial(of_share, name) for name in sorted(names)}


def readable() -> list[Readable]:
    """All texts and signs that have a colour of their own, on the grounds on which they stand."""
    from napari.utils.theme import get_theme

    from napari_uncertainseg.widgets.dashboard import learning_curve
    from napari_uncertainseg.widgets.lesions.lamp import texts as lamp
    from napari_uncertainseg.widgets.shared import plots
    from napari_uncertainseg.widgets.shared.dock_area import FOCUS_COLOUR

    found = []
    for name in ("dark", "light"):
        theme = get_theme(name)
        ground = as_colour(theme.background.as_hex(format="long"))
        field = as_colour(theme.foreground.as_hex(format="long"))
        palette = {"dark": learning_curve._ON_DARK, "light": learning_curve._ON_LIGHT}[name]
        found += [
            Readable(f"data in plots, {name}", as_colour(plots.accent(theme)), ground, TEXT),
            Readable(f"marks in plots, {name}", as_colour(plots.marker(theme)), ground, TEXT),
            Readable(f"the lamp's sign, {name}", as_colour(lamp.LIKE_COLOUR), ground, GRAPHIC),
            Readable(f"what has the focus, {name}", as_colour(FOCUS_COLOUR), ground, GRAPHIC),
            Readable(f"bars of doubt, {name}", as_colour(plots.accent(theme)), field, GRAPHIC),
            *(
                Readable(f"learning curve {i}, {name}", as_colour(colour), ground, GRAPHIC)
                for i, colour in enumerate(palette, start=1)
            ),
        ]
    black, amber = as_colour(lamp.WARNING_INK), as_colour(lamp.WARNING_GROUND)
    return [*found, Readable("the lamp's warning", black, amber, TEXT)]


def main() -> None:
    """Print both tables."""
    print("| colours | pair | " + " | ".join(VISIONS) + " | floor | |")
    print("| --- | --- |" + " --- |" * (len(VISIONS) + 2))
    for meaning in meanings():
        for a, b, values in meaning.pairs():
            low = min(values.values()) < meaning.floor
            note = (f"also by {meaning.doubled}" if meaning.doubled else "too close") if low else ""
            shown = " | ".join(f"{values[vision]:.0f}" for vision in VISIONS)
            print(f"| {meaning.title} | {a}, {b} | {shown} | {meaning.floor:.0f} | {note} |")
    print("\n| text or sign | contrast | needed |\n| --- | --- | --- |")
    for one in readable():
        print(f"| {one.title} | {one.contrast:.1f} | {one.least} |")


if __name__ == "__main__":
    main()
