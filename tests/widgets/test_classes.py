"""The Classes dock: a row, a map and a curve of each class, and what it says where there are none."""

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QFileDialog

from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.classes import texts
from napari_uncertainseg.widgets.classes.dock import ClassesDock
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data

from ..class_predictions import NAMES, label_map, with_classes


@pytest.fixture
def viewer(flair):
    made = ViewerModel()
    data, options, _ = layer_data(flair)
    made.add_layer(Image(data, **options))
    return made


@pytest.fixture
def layers(qapp, viewer, flair):
    case = Case()
    made = ReviewLayers(viewer, case)
    case.set_images({"flair": flair})
    yield made
    made.cleanup()


@pytest.fixture
def dock(shown, layers):
    made = ClassesDock(layers._case, layers)
    made.resize(420, 800)
    return shown(made)


@pytest.fixture
def several(prediction):
    return with_classes(prediction)


def open_prediction(qtbot, dock, prediction):
    dock._case.open_prediction(prediction)
    qtbot.waitUntil(lambda: dock.measured is not None, timeout=20000)


def add_labels(viewer, prediction, labels):
    options = layer_data_of(viewer)
    return viewer.add_labels(labels, name="organs", **options)


def layer_data_of(viewer):
    scan = viewer.layers[0]
    return {"scale": scan.scale, "translate": scan.translate}


def text_of(table, row, column):
    heads = [table.horizontalHeaderItem(j).text() for j in range(table.columnCount())]
    return table.item(row, heads.index(column)).text()


def test_what_it_says_without_classes(dock, prediction):
    assert dock.empty.text() == texts.NO_PREDICTION and not dock._content.isVisible()
    dock._case.open_prediction(prediction)
    assert dock.empty.text() == texts.ONE_CLASS and not dock._content.isVisible()
    about = {**prediction.information, "classes": list(NAMES)}
    prediction.information.clear()
    prediction.information.update(about)
    dock._on_prediction()
    assert dock.empty.text() == texts.NOT_KEPT


def test_a_row_for_each_class(qtbot, dock, several, tmp_path, monkeypatch):
    open_prediction(qtbot, dock, several)
    assert "3 classes. Segmented: oedema + tumour core" in dock.heading.text()
    rows = [dock.table.verticalHeaderItem(i).text() for i in range(3)]
    assert rows == list(NAMES) and dock.table.horizontalHeaderItem(3).toolTip()
    doubt = dock.measured.table["doubt"][1]
    assert text_of(dock.table, 1, "doubt") == f"{doubt:.2f}"
    assert dock.together.text() == texts.CHOOSE_LABEL_MAP and not dock.view.isVisible()
    path = tmp_path / "classes.tsv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(path), ""))
    dock.export.click()
    assert pd.read_csv(path, sep="\t")["class"].tolist() == list(NAMES)


def test_a_map_of_the_chosen_class(qtbot, dock, several, viewer):
    open_prediction(qtbot, dock, several)
    dock.shown.setCurrentIndex(dock.shown.findText("probability of tumour core"))
    layer = viewer.layers["probability of tumour core"]
    assert is_result(layer) and layer.contrast_limits == [0, 1]
    classes = several.classes
    np.testing.assert_array_equal(layer.data[classes.box], classes.probability[2])
    dock.shown.setCurrentIndex(dock.shown.findText(texts.ENTROPY))
    assert "probability of tumour core" not in viewer.layers
    layer = viewer.layers[f"{texts.ENTROPY} (nats)"]
    assert layer.contrast_limits == pytest.approx([0, np.log(3)]) and layer.data.max() > 0.1
    layers_before = len(viewer.layers)
    dock._case.prediction_changed.emit()  # as by a recalibration of the target
    assert len(viewer.layers) == layers_before and dock.shown.currentText() == texts.ENTROPY
    dock.shown.setCurrentIndex(0)
    assert layer not in viewer.layers
    dock.shown.setCurrentIndex(1)
    dock._case.close_prediction()  # nothing of a case is left beside another
    assert not [x for x in viewer.layers if is_result(x)]


def test_reliability_of_each_class(qtbot, dock, several, viewer):
    open_prediction(qtbot, dock, several)
    add_labels(viewer, several, label_map(several))
    dock.label_map.setCurrentIndex(dock.label_map.findText("organs"))
    qtbot.waitUntil(lambda: dock.measured is not None and dock.measured.agreement is not None, timeout=20000)
    agreement = dock.measured.agreement
    assert dock.view.isVisible() and dock.curve.currentText() == "oedema"
    assert text_of(dock.table, 2, "ACE") == f"{agreement.classes[2].reliability.ace:.3f}"
    assert f"{agreement.ace:.4f}" in dock.together.text()
    dock.curve.setCurrentIndex(2)
    dock.recalibrate.click()
    qtbot.waitUntil(lambda: dock.measured.before is not None, timeout=20000)
    assert "→" in dock.together.text() and dock.measured.exported()["ace"].notna().all()
    viewer.layers.remove("organs")
    qtbot.waitUntil(lambda: dock.measured.agreement is None, timeout=20000)
    assert not dock.view.isVisible()


def test_a_label_map_that_does_not_fit_is_refused_in_words(qtbot, dock, several, viewer):
    open_prediction(qtbot, dock, several)
    layer = add_labels(viewer, several, np.full(several.grid.shape, 7, np.uint8))
    dock.label_map.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "number 7" in dock.message.text(), timeout=20000)
    layer.data = label_map(several)
    dock._on_edited("organs")
    qtbot.waitUntil(lambda: dock.measured is not None, timeout=20000)
    assert dock.message.text() == ""


def test_classes_that_overlap_have_no_entropy(qtbot, dock, prediction):
    open_prediction(qtbot, dock, with_classes(prediction, overlapping=True))
    assert "overlap" in dock.heading.text() and dock.shown.findText(texts.ENTROPY) < 0
    assert not dock.label_map.isVisible() and not dock.together.isVisible()
