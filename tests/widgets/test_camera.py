"""Where the viewer looks, also in 3-D without surfaces."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_uncertainseg.widgets.scans.camera import show_field, whole_slice


@pytest.mark.parametrize("field", [None, 30.0])
@pytest.mark.parametrize("ndisplay", [2, 3])
def test_a_place_is_brought_into_view_on_slices_and_in_3d(field, ndisplay):
    viewer = ViewerModel(ndisplay=ndisplay)
    layer = viewer.add_labels(np.zeros((10, 40, 40), int), scale=(3, 1, 1))
    place = np.array([6.0, 500.0, 7.0])
    show_field(viewer, layer, place, field, needs=5.0)
    assert viewer.scene.camera.center[-2:] == (500.0, 7.0)
    whole_slice(viewer, layer)
    assert viewer.scene.camera.center[-2:] == (19.5, 19.5)
    assert viewer.scene.camera.zoom == pytest.approx(min(viewer.canvas.size) / 40)
