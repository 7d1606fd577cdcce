"""Outlines are seen on every ground, mark the selected lesion, and let thick slices be seen."""

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_uncertainseg.voxel_maps import shown_maps
from napari_uncertainseg.widgets.layers import rater_layers
from napari_uncertainseg.widgets.layers import risk_contours as band
from napari_uncertainseg.widgets.layers.colours import (
    _CANDIDATE,
    REFERENCE_COLOUR,
    clear_colormap,
    lesion_colours,
)
from napari_uncertainseg.widgets.layers.two_tone_outlines import (
    AROUND,
    TwoToneOutline,
    drawn,
    line_colours,
    reserved,
)

from .drawn_layers import reviewed_layers

pytestmark = pytest.mark.usefixtures("qapp")


def _grounds() -> np.ndarray:
    """Every grey, and every grey with any colour of a heat map of any opacity laid over it, sRGB."""
    grey = np.linspace(0, 1, 21)[:, None, None] * np.ones(3)
    names = {each.display.colormap for each in shown_maps().values()}
    grounds = [grey.reshape(-1, 3)]
    for colours in (clear_colormap(name).map(np.linspace(0, 1, 33)) for name in names):
        for opacity in (0.25, 0.5, 1.0):
            share = opacity * colours[:, 3:]
            grounds.append(((1 - share) * grey + share * colours[:, :3]).reshape(-1, 3))
    return np.concatenate(grounds)


_COLOURS = {
    **{f"doubt {d}": lesion_colours({1: d}, {})[1][:3] for d in (0.0, 0.5, 1.0)},
    **{d: lesion_colours({1: 0.5}, {1: d})[1][:3] for d in ("accepted", "rejected", "unsure")},
    "candidate": _CANDIDATE,
    "core": (1.0, 1.0, 1.0),
    "envelope": tuple(int(band._COLOURS[band.ENVELOPE][i : i + 2], 16) / 255 for i in (1, 3, 5)),
    "consensus": tuple(int(rater_layers._OUTLINE[i : i + 2], 16) / 255 for i in (1, 3, 5)),
}


@pytest.mark.parametrize("name", _COLOURS)
def test_a_line_or_the_dark_one_beside_it_differs_from_every_ground(name):
    """A difference (CIEDE2000) of 10 is seen at a glance; twice that is asked for."""
    ground = _grounds()
    dark = AROUND[3] * np.array(AROUND[:3]) + (1 - AROUND[3]) * ground
    line = rgb2lab(np.array(_COLOURS[name], float))[None]
    differs = np.maximum(
        deltaE_ciede2000(line, rgb2lab(ground)), deltaE_ciede2000(rgb2lab(dark), rgb2lab(ground))
    )
    assert differs.min() > 20
    assert deltaE_ciede2000(line, rgb2lab(np.array(AROUND[:3])[None])).min() > 20  # and from each other


def test_verdicts_and_candidates_differ_from_each_other():
    names = ["doubt 0.0", "doubt 1.0", "accepted", "rejected", "unsure", "candidate"]
    lab = rgb2lab(np.array([_COLOURS[name] for name in names], float))
    distance = deltaE_ciede2000(lab[:, None], lab[None]) + 99 * np.eye(len(lab))
    assert distance.min() > 15


def _square(n=7, start=2, stop=5, number=4, dtype=np.uint16):
    labels = np.zeros((n, n), dtype)
    labels[start:stop, start:stop] = number
    return labels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_rim_in_its_own_colour_and_a_dark_one_around(dtype):
    labels = _square(dtype=dtype)
    found, dark = drawn(labels, (1.0, 1.0)), reserved(np.dtype(dtype))
    assert found[3, 3] == 0 and (found == 4).sum() == 8
    assert (found == dark).sum() == 12
    assert not drawn(labels, (1.0, 1.0), without=4).any()


def test_touching_lesions_are_parted_and_one_can_be_left_out():
    labels = _square()
    labels[2:5, 5] = 9
    assert set(np.unique(drawn(labels, (1.0, 1.0)))) == {0, 4, 9, reserved(labels.dtype)}
    found = drawn(labels, (1.0, 1.0), without=9)
    assert 9 not in found and (found[2:5, 4] == 4).all()


def test_a_dotted_line_is_interrupted_and_stays_two_toned():
    labels = _square(12, 2, 10)
    plain, dotted = drawn(labels, (1.0, 1.0)), drawn(labels, (1.0, 1.0), dotted=True)
    dark = reserved(labels.dtype)
    assert 0.3 < (dotted == 4).sum() / (plain == 4).sum() < 0.7
    assert ((plain == 4) <= np.isin(dotted, (4, dark))).all() and ((dotted > 0) == (plain > 0)).all()


@pytest.mark.parametrize("sides", [(5.0, 0.8), (0.8, 5.0)])
def test_thick_slices_from_the_side_are_not_covered(sides):
    labels = np.zeros((9, 20), np.uint16)
    labels[4, 5:15] = 1  # one slice
    if sides[0] < sides[1]:
        labels = labels.T
    found = drawn(labels, sides)
    assert (found == 1).sum() == 2 and (found == reserved(labels.dtype)).sum() == 2


def test_nothing_and_the_border_of_the_picture():
    assert not drawn(np.zeros((4, 4), np.uint16), (1.0, 1.0), without=3).any()
    assert not drawn(np.full((4, 4), 2, np.uint16), (1.0, 1.0)).any()
    assert drawn(np.zeros((0, 3), np.uint16), (1.0, 1.0)).shape == (0, 3)


# -- in a viewer --------------------------------------------------------------------------------


@pytest.fixture
def shown(flair, prediction):
    made = reviewed_layers(flair, prediction)
    yield made
    made.cleanup()


def _seen(layer):
    """Numbers that the layer draws in the visible slice."""
    labels = layer._slice.image.raw
    return set(np.unique(layer._calculate_contour(labels, tuple(slice(0, n) for n in labels.shape))))


@pytest.mark.parametrize("dtype", [bool, "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_a_reference_of_any_integers_is_drawn_in_its_colours(dtype):
    """Masks come as the program that wrote them has them: most often of 8, 32 or 64 bits."""
    mask = np.zeros((20, 20), dtype)
    mask[5:12, 5:12] = True if dtype is bool else min(np.iinfo(dtype).max, 100_000)
    layer = Labels(mask)
    layer.colormap = DirectLabelColormap(
        color_dict={None: REFERENCE_COLOUR, 0: "transparent", **line_colours(layer.data.dtype)}
    )
    shown = TwoToneOutline(layer).of_slice(layer.data, (1.0, 1.0))
    texture = layer._raw_to_displayed(layer.data, (slice(0, 20), slice(0, 20)))
    assert len(np.unique(texture)) == 3  # nothing, the line, and the dark one around it
    rim, around, inside = texture[5, 8], texture[4, 8], texture[8, 8]
    assert len({rim, around, inside}) == 3 and inside == texture[0, 0]
    np.testing.assert_allclose(layer.colormap.map(shown[5, 8]), REFERENCE_COLOUR, atol=1e-3)
    np.testing.assert_allclose(layer.colormap.map(shown[4, 8]), AROUND, atol=1e-3)
