"""One entry in the table is enough for a map to be computed, written, read, shown and measured."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_uncertainseg import voxel_maps
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.inference.recalibrated import recalibrated
from napari_uncertainseg.uncertainty.lesion_details import lesion_details
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.voxel_maps import VOXEL_MAPS, Display, VoxelMap
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.lesions.measures import MeasuresPanel
from napari_uncertainseg.widgets.scans.volumes import layer_data

from ..builders import predict_from_members

NAME = "spread"


@pytest.fixture
def spread(monkeypatch):
    """A new map: one entry, and the function that computes it."""
    entry = VoxelMap(
        title="spread of members",
        short_title="spread",
        unit="SD",
        largest=0.5,
        definition="standard deviation over the members",
        compute=lambda sources: sources.members.variance**0.5,
        file="spread",
        display=Display(colormap="viridis"),
        per_lesion=True,
    )
    monkeypatch.setitem(voxel_maps._TABLE, NAME, entry)
    return entry


@pytest.fixture
def scan_and_prediction(spread, flair):
    soft = np.clip(flair.data - flair.data.min(), 0, None) / np.ptp(flair.data)
    members = np.stack([soft, soft**2, soft**3]).astype(np.float16)
    return flair, predict_from_members(members, grid=flair.grid, information={"model": "m"})


def test_a_new_map_is_computed_written_and_read(tmp_path, spread, scan_and_prediction):
    _, prediction = scan_and_prediction
    expected = np.sqrt(prediction.variance)
    np.testing.assert_array_equal(prediction.maps[NAME], expected)
    lesions = rank_lesions(prediction, 0.4)
    write_results(tmp_path / "out", prediction, lesions)
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "spread.nii.gz").data, expected)
    assert "max_spread" in (tmp_path / "out" / "lesions.tsv").read_text().splitlines()[0]
    np.testing.assert_allclose(read_saved_results(tmp_path / "out").prediction.maps[NAME], expected)
    changed = recalibrated(prediction, Temperature(0, 0, 2.0))
    np.testing.assert_allclose(changed.maps[NAME], np.sqrt(changed.variance))
    details = lesion_details(prediction, lesions.labels, 0.4)
    assert details["max_spread"].to_numpy() == pytest.approx(
        [expected[lesions.labels == label].max() for label in details["label"]]
    )


def test_results_of_before_the_map_are_opened(tmp_path, monkeypatch, spread, scan_and_prediction):
    _, prediction = scan_and_prediction
    with monkeypatch.context() as before:
        before.delitem(voxel_maps._TABLE, NAME)
        write_results(tmp_path / "out", prediction, rank_lesions(prediction, 0.4))
    assert not (tmp_path / "out" / "spread.nii.gz").exists()
    found = read_saved_results(tmp_path / "out").prediction
    np.testing.assert_allclose(found.maps[NAME], np.sqrt(prediction.variance))


@pytest.mark.usefixtures("qapp")
def test_a_new_map_is_shown(qtbot, spread, scan_and_prediction):
    flair, prediction = scan_and_prediction
    viewer, case = ViewerModel(), Case()
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    layers, panel = ReviewLayers(viewer, case), MeasuresPanel(case)
    qtbot.addWidget(panel)
    case.set_images({"flair": flair})
    case.open_prediction(prediction)
    layer = viewer.layers["spread of members (SD)"]
    assert layer.colormap.name == "viridis, clear at 0" and layer.contrast_limits == [0, 0.5]
    np.testing.assert_array_equal(layer.data, prediction.maps[NAME])
    panel.show()
    panel.button.click()
    first = case.lesions.table.iloc[0]
    case.select(tuple(int(first[f"slice_{axis}"]) for axis in "sar"))
    qtbot.waitUntil(panel.maps.isVisible, timeout=2000)
    heads = [panel.maps.horizontalHeaderItem(j).text() for j in range(panel.maps.columnCount())]
    assert "spread" in heads
    panel.cleanup()
    layers.cleanup()


def test_the_documents_name_every_map(checkout):
    methods = (checkout / "docs" / "methods.md").read_text()
    files = (checkout / "docs" / "command-line.md").read_text()
    for name, each in VOXEL_MAPS.items():
        assert f"`{name}`" in methods, name
        assert each.file is None or f"`{each.file}.nii.gz`" in files


def test_every_map_stays_within_its_largest_value():
    rng = np.random.default_rng(0)
    prediction = predict_from_members(rng.random((4, 9, 9, 9)))
    assert list(prediction.maps) == list(VOXEL_MAPS)
    for name, each in VOXEL_MAPS.items():
        assert prediction.maps[name].min() >= 0 and prediction.maps[name].max() <= each.largest + 1e-6
        assert each.definition and not each.definition.endswith(".")
