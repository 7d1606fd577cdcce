"""Colours that carry meaning are told apart in each kind of colour vision, and texts are readable."""

import re

import numpy as np
import pytest
from tests.colour_vision import (
    VISIONS,
    as_colour,
    contrast,
    difference,
    lightness,
    maps,
    meanings,
    readable,
    seen,
)

HEX = re.compile(r"#[0-9a-fA-F]{6}\b")


@pytest.mark.parametrize("vision", VISIONS)
def test_greys_stay_what_they_are(vision):
    """Each row of a matrix adds up to 1: no kind of vision tints what has no colour."""
    for grey in (0.0, 0.2, 0.5, 1.0):
        np.testing.assert_allclose(seen((grey, grey, grey), vision), grey, atol=2e-5)


def test_the_simulator_confuses_what_each_kind_confuses():
    """Red and green of one lightness for those without L or M cones, blue and green for those without S."""
    red, green = (0.72, 0.42, 0.30), (0.47, 0.53, 0.30)
    blue_green, blue = (0.0, 0.58, 0.55), (0.15, 0.55, 0.72)
    assert difference(red, green) > 30 > 12 > difference(red, green, "deuteranopia")
    assert difference(red, green, "tritanopia") > 30
    assert difference(blue_green, blue, "tritanopia") < 0.6 * difference(blue_green, blue)
    # Without L cones red looks dark, without M cones hardly so.
    pure = (1.0, 0.0, 0.0)
    assert lightness(pure, "protanopia") < 0.8 * lightness(pure) < lightness(pure, "deuteranopia") * 1.1


def test_contrast_is_that_of_wcag():
    """Black on white has 21 to 1; #767676 is the lightest grey that is readable on white."""
    assert contrast(as_colour("#000000"), as_colour("#ffffff")) == pytest.approx(21)
    assert contrast(as_colour("#767676"), as_colour("#ffffff")) > 4.5
    assert contrast(as_colour("#777777"), as_colour("#ffffff")) < 4.5


def test_colours_that_alone_say_something_differ():
    found = [pair for meaning in meanings() if not meaning.doubled for pair in meaning.too_close()]
    assert not found


def test_what_is_doubled_by_a_shape_has_a_shape_for_each_colour():
    from napari_uncertainseg.widgets.dashboard import learning_curve as curves

    for palette in (curves._ON_DARK, curves._ON_LIGHT):
        assert len(set(curves._SYMBOLS[: len(palette)])) == len(set(palette)) == len(palette)


@pytest.mark.parametrize("vision", VISIONS)
def test_maps_grow_lighter_with_what_they_show(vision):
    """So that more looks like more, whatever is left of the colours."""
    for name, colour in maps().items():
        shades = [lightness(colour(share), vision) for share in np.linspace(0, 1, 33)]
        assert shades[0] < 1, name
        assert np.all(np.diff(shades) > 0.5), name


def test_texts_and_signs_stand_out_from_their_ground():
    assert not [f"{one.title}: {one.contrast:.2f}" for one in readable() if one.contrast < one.least]


def test_no_colour_of_the_window_is_left_out(checkout):
    """Who adds a colour adds it to `tests/colour_vision.py`, or here with a reason why it needs no check."""
    alone = {
        "#7cfc00": "the consensus of raters: the only outline while it is shown",
        "#ff2fa0": "the ring around the selected lesion in 3-D: the only ring",
        "#56b4e9": "the brain's outline: the only one of its kind; also in palettes that are checked",
        "#f0e442": "marks of places in an exercise, with numbers; also in palettes that are checked",
        "#202020": "ground of the legend of found, false and missed, which are bright",
        "#ffb833": "ground of the name of a scan that is not of the case: black words on it say so",
        "#000000": "ink of what is printed",
        "#e6e6e6": "ground of keys on paper",
    }
    known = {colour for meaning in meanings() for colour in meaning.colours.values()}
    known |= {colour for one in readable() for colour in (one.colour, one.ground)}
    left_out = {
        f"{path.name}: {found}"
        for path in (checkout / "src" / "napari_uncertainseg" / "widgets").rglob("*.py")
        for found in HEX.findall(path.read_text())
        if found.lower() not in alone and not _close(as_colour(found.lower()), known)
    }
    assert not left_out


def _close(colour, known):
    return any(np.allclose(colour, other, atol=1e-3) for other in known)
