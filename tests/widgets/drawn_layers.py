"""What is drawn of a case in a viewer without a window, and where a window draws a layer."""

from __future__ import annotations

from typing import Any

from napari import Viewer
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.scans.volumes import layer_data


def reviewed_layers(flair: Volume, prediction: Prediction) -> ReviewLayers:
    """What is drawn of a prediction over its scan, in a viewer without a window."""
    viewer = ViewerModel()
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    made = ReviewLayers(viewer, Case())
    made._case.set_images({"flair": flair})
    made._case.open_prediction(prediction)
    return made


def drawing_node(viewer: Viewer, layer: Layer) -> Any:
    """The vispy node of a layer, to see where on the canvas it is drawn: no public way leads there."""
    return viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
