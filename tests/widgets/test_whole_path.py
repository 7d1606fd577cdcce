"""The whole path through the real window: files, Run, verdicts, threshold, painting, calibration, export."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog, QScrollArea, QStyle, QStyleOptionSlider

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_labels, write_volume
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.window import open_review, review_of

from ..random_models import write_model
from .actions import press
from .fake_window import docks_with

pytestmark = pytest.mark.usefixtures("quiet")
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def tiny_model(tmp_path) -> Path:
    """A network with random weights."""
    return write_model(tmp_path / "tiny", threshold=0.5)


@pytest.fixture
def small_scans(tmp_path) -> tuple[list[Path], Path]:
    """FLAIR and T1 of a stripped ball of noise with bright lesions, and the lesions."""
    rng, shape = np.random.default_rng(2), (40, 48, 44)
    axes = (np.linspace(-1.2, 1.2, n) for n in shape)
    z, y, x = np.meshgrid(*axes, indexing="ij")
    brain = z**2 + y**2 + x**2 < 1
    mask = np.zeros(shape, bool)
    for s, a, r in ((12, 20, 18), (20, 14, 22), (20, 32, 24), (27, 24, 30), (20, 24, 12)):
        mask[s - 2 : s + 2, a - 2 : a + 2, r - 2 : r + 2] = True
    affine = np.eye(4)[[2, 1, 0, 3]]
    affine[:3, 3] = -20, -24, -20
    grid = Grid(shape, affine)
    noise = rng.normal(0, 8, (2, *shape))
    flair = ((100 + noise[0] + 80 * mask) * brain).astype(np.float32)
    t1 = ((120 + noise[1] - 40 * mask) * brain).astype(np.float32)
    files = [write_volume(tmp_path / f"{n}.nii.gz", d, grid) for n, d in (("T1", t1), ("FLAIR", flair))]
    return files, write_volume(tmp_path / "expert.nii.gz", mask.astype(np.uint8), grid)


def _docks(folder):
    return docks_with(str(folder), most=3, about="Random weights.")


def test_small_volume_tiny_model(make_viewer, qtbot, monkeypatch, tmp_path, small_scans, tiny_model):
    scans, expert = small_scans
    viewer = make_viewer()
    review_of(viewer, _docks(tiny_model))
    _walk(viewer, qtbot, monkeypatch, tmp_path / "out", scans, expert, asked=True)


@pytest.mark.slow
def test_patient_07_bundled_model(make_viewer, qtbot, monkeypatch, tmp_path, shared_data):
    from napari_uncertainseg.networks.catalog import find_model

    try:
        find_model("bundled")
    except InputError as error:
        pytest.skip(f"no bundled model: {error}")
    folder = shared_data / "3d-mr-ms" / "patient07"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is missing")
    scans = [folder / "T1.nii.gz", folder / "FLAIR.nii.gz"]
    _walk(make_viewer(), qtbot, monkeypatch, tmp_path / "out", scans, folder / "lesions.nii.gz")


def _walk(viewer, qtbot, monkeypatch, out, scans, expert, *, asked=False):
    review = open_review(viewer)
    viewer.open([str(path) for path in scans], plugin="napari-uncertainseg")
    _run(review, qtbot, asked)
    case = review.case
    assert set(case.images) == {"flair", "t1"}
    assert case.images["flair"].name == "FLAIR"
    _find_lesions(review, qtbot)
    _judge(viewer, review, qtbot)
    _drag(review, qtbot)
    _paint(viewer, review, qtbot)
    _calibrate(viewer, review, qtbot, expert)
    _export(review, qtbot, monkeypatch, out)
    assert not case.review.unsaved


def _run(review, qtbot, asked):
    """Segment; of a ball that is too small for a brain the user is asked first."""
    dock = review.segment
    qtbot.waitUntil(dock.run.isEnabled, timeout=30_000)
    if asked:
        qtbot.mouseClick(dock.run, LEFT)
        qtbot.waitUntil(dock.brain.go_on.isVisible, timeout=180_000)
        assert "which is unusual" in dock.message.text() and review.case.prediction is None
    with qtbot.waitSignal(dock.done, timeout=180_000):
        qtbot.mouseClick(dock.brain.go_on if asked else dock.run, LEFT)
    qtbot.waitUntil(review.lesions.isVisible, timeout=5000)
    assert "lesions, " in dock.message.text() and dock.run.text() == "Run"


def _find_lesions(review, qtbot):
    """Type a threshold at which there is enough to do (random weights know nothing of lesions)."""
    case, spin = review.case, review.lesions.threshold.spin
    if case.lesions.count < 4:
        counts = {
            t: rank_lesions(case.prediction, t, case.min_volume).count for t in np.arange(0.3, 0.7, 0.02)
        }
        spin.setValue(float(max(counts, key=counts.get)))
        qtbot.waitUntil(lambda: case.threshold == pytest.approx(spin.value()), timeout=2000)
    assert case.lesions.count >= 4


def _judge(viewer, review, qtbot):
    case, dock = review.case, review.lesions
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.waitUntil(lambda: not review.layers.settling, timeout=60_000)  # nobody judges what is not drawn
    key = partial(press, qtbot, canvas)
    qtbot.waitUntil(lambda: dock.table.lesions.total == case.lesions.count, timeout=5000)
    # Numbers stay while the threshold moves; the list goes by doubt at present.
    one, two, three, four = (int(label) for label in case.lesions.table["label"][:4])
    key(Qt.Key.Key_N)
    assert dock.table.selected == one
    first = case.lesions.table.iloc[0]
    assert case.selected == tuple(int(first[f"slice_{axis}"]) for axis in "sar")
    assert review.layers.current_slice() == (0, int(first["slice_s"]))
    key(Qt.Key.Key_N)
    assert dock.table.selected == two
    key(Qt.Key.Key_G)
    assert case.review.decisions() == {two: "accepted"} and dock.table.selected == three
    key(Qt.Key.Key_W)
    assert case.review.decisions() == {two: "accepted", three: "rejected"} and dock.table.selected == four
    key(Qt.Key.Key_Q)
    assert case.review.decisions() == {two: "accepted"} and dock.table.selected == three
    key(Qt.Key.Key_U)
    assert case.review.decisions() == {two: "accepted", three: "unsure"}
    colours = viewer.layers["lesions"].colormap
    assert len({tuple(colours.map(n)) for n in (one, two, three)}) == 3


def _drag(review, qtbot):
    """Drag the slider's handle a little to the left."""
    case, slider = review.case, review.lesions.threshold.slider
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    style = slider.style()
    control, part = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
    area = slider.parentWidget()
    while not isinstance(area, QScrollArea):
        area = area.parentWidget()
    area.ensureWidgetVisible(slider)
    qtbot.wait(20)
    start, before = style.subControlRect(control, option, part, slider).center(), case.threshold
    qtbot.mousePress(slider, LEFT, pos=start)
    assert slider.isSliderDown()
    for step in range(1, 4):
        qtbot.mouseMove(slider, start - QPoint(step, 0))
        qtbot.wait(20)
    qtbot.mouseRelease(slider, LEFT, pos=start - QPoint(3, 0))
    qtbot.waitUntil(lambda: case.threshold < before, timeout=2000)
    assert case.threshold == pytest.approx(slider.value() / 1000)
    _shown_is_case(review)


def _shown_is_case(review):
    case, dock = review.case, review.lesions
    layer = review.layers.viewer.layers["lesions"]
    np.testing.assert_array_equal(layer.data, case.lesions.labels)
    assert len(layer.features) >= case.lesions.labels.max() + 1 > case.lesions.count
    assert dock.tables[0].lesions.total == case.lesions.count
    assert f"Lesions {case.lesions.count}</b>" in dock.header.text()


def _paint(viewer, review, qtbot):
    """Paint where nothing is, with the mouse on the canvas; the painting outlives the threshold."""
    case, layer = review.case, viewer.layers["lesions"]
    free = np.argwhere(case.prediction.brain & (case.prediction.probability < 0.05 * case.threshold + 0.2))
    free = free if len(free) else np.argwhere(case.prediction.brain & (case.lesions.labels == 0))
    voxel = tuple(int(x) for x in free[len(free) // 2])
    review.layers.go_to(voxel)  # of a candidate it shows the best slice
    review.layers.show_slice(voxel)
    viewer.scene.camera.center = (0.0, *viewer.dims.point[1:])
    layer.selected_label, layer.brush_size = 1, 3
    layer.mode = "paint"
    qtbot.wait(50)
    canvas = viewer.window._qt_viewer.canvas.native
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    qtbot.mouseMove(canvas, middle)
    qtbot.mousePress(canvas, LEFT, pos=middle)
    qtbot.mouseMove(canvas, middle + QPoint(2, 0))
    qtbot.mouseRelease(canvas, LEFT, pos=middle + QPoint(2, 0))
    qtbot.waitUntil(lambda: case.review.edit is not None, timeout=3000)
    layer.mode = "pan_zoom"
    assert case.review.edit[voxel] == 1 and case.lesions.labels[voxel] > 0
    assert case.review.recorder is not None and not case.review.unsaved  # kept by default
    painted = case.review.edit > 0
    before = case.threshold
    qtbot.keyClick(review.lesions.threshold.slider, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: case.threshold > before, timeout=2000)
    assert (case.lesions.labels[painted] > 0).all()
    _shown_is_case(review)


def _calibrate(viewer, review, qtbot, expert):
    dock, case = review.calibration, review.case
    viewer.open(str(expert), plugin="napari-uncertainseg", layer_type="labels")
    name = viewer.layers[-1].name
    review.show_dock("calibration")
    qtbot.waitUntil(dock.isVisible, timeout=2000)
    dock.reference.setCurrentIndex(dock.reference.findData(name))
    found = case.comparison.reliability
    assert found is not None
    np.testing.assert_array_equal(case.comparison.reference, read_labels(expert).data > 0)
    assert f"{found.ace:.4f}" in dock.numbers["ace"].text()
    assert f"{found.mce:.4f}" in dock.numbers["mce"].text()
    assert 0 <= found.ace <= found.mce <= 1


def _export(review, qtbot, monkeypatch, out):
    case, dock = review.case, review.lesions
    out.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: str(out))
    review.show_dock("lesions")
    qtbot.mouseClick(dock.export.results_button, LEFT)
    qtbot.waitUntil(lambda: "Saved" in dock.export.message.text(), timeout=60_000)
    table = pd.read_csv(out / "lesions.tsv", sep="\t", keep_default_na=False)
    shown = dock.tables[0].lesions
    assert list(table["label"]) == [shown.label(row) for row in range(shown.rowCount())]
    np.testing.assert_allclose(table["volume_mm3"], case.lesions.table["volume_mm3"], rtol=1e-4)
    decisions = case.review.decisions()
    assert list(table["verdict"]) == [decisions.get(int(n), "") for n in table["label"]]
    grid = case.grid
    np.testing.assert_array_equal(read_labels(out / "lesions.nii.gz", grid).data, case.lesions.labels)
    reviewed = read_labels(out / "reviewed.nii.gz", grid).data > 0
    rejected = [n for n, decision in decisions.items() if decision == "rejected"]
    np.testing.assert_array_equal(
        reviewed, (case.lesions.labels > 0) & ~np.isin(case.lesions.labels, rejected)
    )
    assert reviewed[case.review.edit > 0].all()


def test_cancel_gives_the_button_back_and_shows_nothing(make_viewer, qtbot, small_scans, tiny_model):
    viewer = make_viewer()
    review = open_review(viewer, _docks(tiny_model))
    viewer.open([str(path) for path in small_scans[0]], plugin="napari-uncertainseg")
    run = review.segment.run
    qtbot.waitUntil(run.isEnabled, timeout=30_000)
    qtbot.mouseClick(run, LEFT)
    assert run.text() == "Cancel"
    qtbot.mouseClick(run, LEFT)
    qtbot.waitUntil(lambda: run.text() == "Run" and run.isEnabled())
    assert review.case.prediction is None and len(viewer.layers) == 2


def test_open_the_sample(make_viewer, qtbot, monkeypatch, flair, mask, grid):
    """The button, with a small case in place of the real one, which takes 20 s to make."""
    from napari_uncertainseg import samples

    case = samples.SampleCase(
        flair=flair,
        t1=Volume(flair.data, grid, "T1", "t1"),
        t2=None,
        truth=Volume(mask.astype(np.uint8), grid, "simulated lesions"),
        raters=(Volume(mask.astype(np.uint8), grid, "simulated rater 1"),),
        about="A simulated case.",
        simulated=True,
    )
    monkeypatch.setattr(samples, "simulated_case", lambda: case)
    viewer = make_viewer()
    review = open_review(viewer)
    assert review.segment.sample.isVisible()
    qtbot.mouseClick(review.segment.sample, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=10_000)
    assert not review.segment.sample.isVisible()
    assert review.segment.roles.layer("flair").name == "FLAIR"
    assert review.layers.user_labels.names() == ["simulated lesions", "simulated rater 1"]
    qtbot.waitUntil(lambda: review.segment.settings.device.text() != texts.DEVICE_SEARCH, timeout=60_000)
