"""The canvas is black while a scan is shown, in every theme, and as the theme has it before and after."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_uncertainseg.widgets.layers.colours import place_colour_bar
from napari_uncertainseg.widgets.scans.black_ground import BLACK, BlackGround

pytestmark = pytest.mark.usefixtures("qapp")


def _scan():
    return Image(np.zeros((3, 4, 5)))


def test_it_is_black_in_the_light_theme_while_a_scan_is_shown():
    viewer = ViewerModel()
    viewer.theme = "light"
    white = tuple(viewer.canvas.background_color)
    ground = BlackGround(viewer)
    assert white[0] > 0.9 and tuple(viewer.canvas.background_color) == white
    layer = viewer.add_layer(_scan())
    assert tuple(viewer.canvas.background_color) == BLACK
    viewer.layers.remove(layer)
    assert tuple(viewer.canvas.background_color) == white
    viewer.add_layer(_scan())
    ground.cleanup()
    assert tuple(viewer.canvas.background_color) == white and viewer.canvas.background_color_override is None
    ground.cleanup()


def test_a_colour_of_the_user_stays():
    viewer = ViewerModel()
    viewer.canvas.background_color_override = (0.2, 0.3, 0.4, 1.0)
    ground = BlackGround(viewer)
    viewer.add_layer(_scan())
    ground.cleanup()
    assert np.allclose(viewer.canvas.background_color, (0.2, 0.3, 0.4, 1.0))


def test_a_colour_bar_takes_a_tenth_of_a_small_window():
    layer = _scan()
    place_colour_bar(layer)
    width, height = layer.colorbar.size
    assert height + layer.colorbar.font_size <= 720 / 10 and width <= 12
    assert layer.colorbar.position == layer.name_overlay.position == "top_right"
