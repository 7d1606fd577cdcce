"""What is drawn of a case, for tests that need a viewer and no window."""

from __future__ import annotations

from napari.components import ViewerModel
from napari.layers import Image

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
