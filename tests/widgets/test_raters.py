"""The Raters dock, with real layers: choosing, comparing, what is shown, what goes wrong."""

import weakref

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtWidgets import QFileDialog

from napari_uncertainseg.case import Case
from napari_uncertainseg.raters import agreement
from napari_uncertainseg.raters.consensus import UncertaintySource, majority
from napari_uncertainseg.uncertainty.against_raters import against_raters
from napari_uncertainseg.widgets.layers.rater_layers import CONSENSUS, DISAGREEMENT, KINDS
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.raters.dock import RatersDock
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data, spacing_of

from .actions import wait_until_gone

NAMES = ["Anna", "Ben", "Cleo"]


@pytest.fixture
def raters(mask):
    """The mask, one moved by a voxel, one without the last lesion."""
    without = mask.copy()
    without[16:] = False
    return [mask, np.roll(mask, 1, axis=1), without]


@pytest.fixture
def viewer(flair, raters):
    made = ViewerModel()
    data, options, _ = layer_data(flair)
    made.add_layer(Image(data, **options))
    place = {key: options[key] for key in ("scale", "translate")}
    for name, drawn in zip(NAMES, raters, strict=True):
        made.add_labels(drawn.astype(np.uint8), name=name, **place)
    return made


@pytest.fixture
def layers(qapp, viewer, flair, prediction):
    case = Case()
    made = ReviewLayers(viewer, case)
    case.set_images({"flair": flair})
    case.open_prediction(prediction)
    yield made
    made.cleanup()


@pytest.fixture
def dock(shown, layers):
    made = RatersDock(layers._case, layers)
    made.resize(400, 700)
    return shown(made)


def compare(qtbot, dock, names=NAMES):
    before = dock.comparison
    dock.choose(names)
    dock.run.click()
    qtbot.waitUntil(lambda: dock.comparison is not before or "⚠" in dock.message.text(), timeout=20000)


def cells(table):
    return [[table.item(i, j).text() for j in range(table.columnCount())] for i in range(table.rowCount())]


def test_it_offers_the_label_layers_and_wants_two(dock):
    assert [dock.raters.item(i).text() for i in range(dock.raters.count())] == NAMES
    assert not dock.run.isEnabled() and "two label layers" in dock.message.text()
    assert not dock.tabs.isVisible()
    dock.choose(["Anna"])
    assert not dock.run.isEnabled()
    dock.choose(["Anna", "Cleo"])
    assert dock.run.isEnabled() and dock.chosen() == ["Anna", "Cleo"]


def test_numbers_are_those_of_the_rooms_below(qtbot, dock, layers, raters, grid):
    compare(qtbot, dock)
    dice = agreement.pairwise_dice(np.array(raters))
    assert cells(dock.pairs) == [[f"{v:.2f}" for v in row] for row in dice]
    assert f"{agreement.mean_agreement(dice):.2f}" in dock.summary.text()
    dock.measure.setCurrentIndex(dock.measure.findData("hd95"))
    distances = agreement.SurfaceDistances.between(raters, grid.spacing).hausdorff()
    assert cells(dock.pairs) == [[f"{v:.2f}" for v in row] for row in distances]
    assert cells(dock.each_rater)[0][0] == f"{raters[0].sum() * grid.voxel_volume:,.0f}"
    case = layers._case
    p = case.prediction
    labels, doubt = case.lesions.labels, case.lesions.table["lsu"].to_numpy()
    expected = against_raters(
        p.probability, p.entropy, labels, doubt, raters, grid.spacing, threshold=case.threshold
    )
    assert cells(dock.model)[0] == [f"{expected.voxels.rank:.2f}"]
    x, y = dock.scatter._points.getData()
    np.testing.assert_array_equal(x, expected.lesion_doubt)
    np.testing.assert_array_equal(y, expected.lesion_disagreement)


def test_layers_show_consensus_disagreement_and_who_doubts(qtbot, dock, viewer, raters):
    compare(qtbot, dock)
    np.testing.assert_array_equal(viewer.layers[CONSENSUS].data > 0, majority(np.array(raters)))
    assert viewer.layers[DISAGREEMENT].data.max() == pytest.approx(2 / 9)
    for name in (CONSENSUS, DISAGREEMENT, KINDS):
        layer = viewer.layers[name]
        assert is_result(layer)
        for corner in ((0, 0, 0), (23, 39, 31)):
            np.testing.assert_allclose(
                layer.data_to_world(corner), viewer.layers["FLAIR"].data_to_world(corner)
            )
    assert not viewer.layers["entropy (nats)"].visible  # it would tint the raters' heat map
    assert UncertaintySource.RATERS in viewer.layers[KINDS].data
    assert not viewer.layers[KINDS].visible
    dock.layer_boxes[KINDS].click()
    assert viewer.layers[KINDS].visible
    dock.layer_boxes[CONSENSUS].click()
    assert not viewer.layers[CONSENSUS].visible
    assert [dock.raters.item(i).text() for i in range(dock.raters.count())] == NAMES


def test_another_threshold_makes_the_comparison_stale(qtbot, dock, layers, viewer):
    compare(qtbot, dock)
    dock.layer_boxes[KINDS].click()
    layers._case.threshold = 0.7
    assert "Compare again" in dock.compared.text() and not viewer.layers[KINDS].visible
    compare(qtbot, dock)
    assert "threshold 0.70" in dock.compared.text()


def test_comparing_again_takes_the_place_of_the_layers(qtbot, dock, viewer):
    compare(qtbot, dock)
    count = len(viewer.layers)
    active = viewer.layers.selection.active
    dock.consensus.setCurrentIndex(1)
    compare(qtbot, dock, ["Anna", "Cleo"])
    assert len(viewer.layers) == count and viewer.layers.selection.active is active
    assert len(dock.comparison.report.names) == 2


def test_a_layer_that_the_user_removed_is_not_missed(qtbot, dock, viewer):
    compare(qtbot, dock)
    viewer.layers.remove(viewer.layers[DISAGREEMENT])
    dock.layer_boxes[DISAGREEMENT].click()
    compare(qtbot, dock)
    assert viewer.layers[DISAGREEMENT].visible


def test_raters_on_another_grid_are_named(qtbot, dock, viewer):
    viewer.add_labels(np.ones((5, 6, 7), np.uint8), name="elsewhere")
    dock.choose(["Anna", "elsewhere"])
    dock.run.click()
    assert "'elsewhere' (5 x 6 x 7 voxels) does not lie on the grid of 'Anna'" in dock.message.text()
    assert dock.comparison is None


def test_raters_that_lie_elsewhere_are_not_compared_with_the_prediction(qtbot, dock, viewer, mask):
    for name in ("one", "two"):
        viewer.add_labels(mask[:, 2:].astype(np.uint8), name=name)
    compare(qtbot, dock, ["one", "two"])
    assert dock.comparison.model is None and "Not compared with the prediction" in dock.message.text()
    assert KINDS not in viewer.layers and not dock.layer_boxes[KINDS].isEnabled()
    assert not dock.scatter.isVisible()


def test_two_dimensional_images(qtbot, qapp):
    viewer = ViewerModel()
    rng = np.random.default_rng(0)
    viewer.add_image(rng.random((60, 80)))
    for i in range(4):
        drawn = np.zeros((60, 80), np.uint8)
        drawn[10 + i : 40, 20 : 50 + i] = 1
        viewer.add_labels(drawn, name=f"rater {i}", scale=(0.5, 0.5))
    layers = ReviewLayers(viewer, Case())
    dock = RatersDock(layers._case, layers)
    try:
        compare(qtbot, dock, [f"rater {i}" for i in range(4)])
        assert viewer.layers[CONSENSUS].ndim == 2 and dock.comparison.model is None
        assert cells(dock.each_rater)[0][0] == f"{30 * 30 * 0.25:,.0f}"
        assert "press Run in Segment" in dock.compared.text()
    finally:
        dock.cleanup()
        layers.cleanup()
        dock.deleteLater()
        qtbot.wait(1)


def test_layers_come_and_go(qtbot, dock, viewer):
    dock.choose(["Anna", "Ben"])
    viewer.layers.remove("Ben")
    assert dock.chosen() == ["Anna"] and not dock.run.isEnabled()
    viewer.layers["Anna"].name = "Anne"
    assert [dock.raters.item(i).text() for i in range(dock.raters.count())] == ["Anne", "Cleo"]
    for name in ("Anne", "Cleo"):
        viewer.layers.remove(name)
    assert "No label layer yet" in dock.message.text()


def test_the_table_is_exported(qtbot, dock, tmp_path, monkeypatch):
    compare(qtbot, dock)
    path = tmp_path / "raters.tsv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(path), ""))
    dock.export.click()
    table = pd.read_csv(path, sep="\t")
    assert table[["rater", "other"]].values.tolist() == [["Anna", "Ben"], ["Anna", "Cleo"], ["Ben", "Cleo"]]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(tmp_path / "no" / "x.tsv"), ""))
    dock.export.click()
    assert "⚠ Not saved" in dock.message.text()


def test_the_voxel_size_of_a_layer():
    layer = Labels(np.zeros((2, 2, 2), int), scale=(3, -1, 1), affine=np.diag([0.5, 3.0, 2.0, 1.0]))
    assert spacing_of(layer) == pytest.approx((1.5, 3, 2))
    assert spacing_of(Labels(np.zeros((2, 2), int), scale=(-0.5, 2))) == pytest.approx((0.5, 2))


def test_it_leaves_nothing_behind(qtbot, layers):
    dock = RatersDock(layers._case, layers)
    compare(qtbot, dock)
    gone = weakref.ref(dock)
    dock.cleanup()
    dock.cleanup()
    dock.close()
    dock.deleteLater()
    del dock
    wait_until_gone(qtbot, gone)
