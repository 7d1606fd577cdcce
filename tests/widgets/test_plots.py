"""The reliability diagram on screen, and the same on paper."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.qt import get_stylesheet
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QMainWindow

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.figures import can_draw, reliability_figure, save_figure
from napari_uncertainseg.widgets.shared.plots import ReliabilityView, theme_of


@pytest.fixture
def found():
    rng = np.random.default_rng(0)
    p = rng.random(5000).astype(np.float32) ** 2
    p[(p > 0.4) & (p < 0.5)] = 0.3  # two empty bins
    return reliability(p, rng.random(5000) < p)


@pytest.fixture
def view(qtbot):
    made = ReliabilityView()
    made.resize(400, 400)
    made.show()
    yield made
    made.cleanup()
    made.cleanup()
    made.deleteLater()
    qtbot.wait(1)


def test_the_points_are_the_bins_that_hold_voxels(view, found):
    view.show_reliability(found)
    some = found.count > 0
    assert not some.all()
    x, y = view._points.getData()
    np.testing.assert_array_equal(x, found.mean_probability[some])
    np.testing.assert_array_equal(y, found.fraction[some])
    bands = view._bands.opts
    np.testing.assert_allclose(bands["y"] + bands["top"], found.high[some])
    np.testing.assert_allclose(bands["y"] - bands["bottom"], found.low[some])


def test_the_counts_are_powers_of_ten(view, found):
    view.show_reliability(found)
    height = view._bars.opts["height"]
    np.testing.assert_allclose(height[found.count > 0], np.log10(found.count[found.count > 0] / 0.5))
    assert (height[found.count == 0] == 0).all()


def test_items_are_made_once(view, found):
    before = set(view._diagram.view.addedItems) | set(view._counts.view.addedItems)
    for shown in (found, None, found):
        view.show_reliability(shown)
    assert set(view._diagram.view.addedItems) | set(view._counts.view.addedItems) == before
    view.show_reliability(None)
    assert view._points.getData()[0] is None or len(view._points.getData()[0]) == 0


def test_the_threshold_is_marked(view):
    assert not view._threshold.isVisible()
    view.set_threshold(0.37)
    assert view._threshold.isVisible()
    assert view._threshold.value() == 0.37
    view.set_threshold(None)
    assert not view._threshold.isVisible()


def test_colours_follow_the_theme(qtbot):
    window = QMainWindow()
    view = ReliabilityView(compact=True)
    window.setCentralWidget(view)
    window.show()
    window._qt_viewer = SimpleNamespace(viewer=ViewerModel())  # as napari's has one
    for name in ("dark", "light", "dark"):
        window._qt_viewer.viewer.theme = name
        window.setStyleSheet(get_stylesheet(name))
        qtbot.wait(1)
        theme = get_theme(name)
        assert theme_of(view).id == name
        assert view._canvas.backgroundBrush().color().name() == theme.background.as_hex(format="long")
        assert view._diagram.left.textPen().color().name() == theme.text.as_hex(format="long")
    view.cleanup()
    window.close()
    window.deleteLater()
    qtbot.wait(1)


def test_a_figure_needs_a_known_ending(found, tmp_path):
    with pytest.raises(InputError, match=r"\.svg, \.pdf or \.png"):
        save_figure(tmp_path / "figure.bmp", found)


@pytest.mark.skipif(can_draw(), reason="matplotlib is installed")
def test_without_matplotlib_the_figure_says_what_to_install(found):
    with pytest.raises(InputError, match="matplotlib"):
        reliability_figure(found)


@pytest.mark.skipif(not can_draw(), reason="matplotlib is not installed")
class TestFigure:
    def test_it_draws_the_same_numbers(self, found):
        figure = reliability_figure(found, title="case 7")
        diagram, counts = figure.axes
        some = found.count > 0
        line = diagram.containers[0].lines[0]
        np.testing.assert_array_equal(line.get_xdata(), found.mean_probability[some])
        np.testing.assert_array_equal(line.get_ydata(), found.fraction[some])
        assert [bar.get_height() for bar in counts.patches] == list(found.count)
        assert f"ACE {found.ace:.3f}" in diagram.texts[0].get_text()
        assert diagram.get_title() == "case 7"

    @pytest.mark.parametrize(
        ("ending", "start"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".png", b"\x89PNG")]
    )
    def test_it_is_written_in_three_formats(self, found, tmp_path, ending, start):
        path = save_figure(tmp_path / f"figure{ending}", found)
        assert path.read_bytes().startswith(start)
        assert [f.name for f in tmp_path.iterdir()] == [path.name]

    def test_a_folder_that_is_not_there_is_told(self, found, tmp_path):
        with pytest.raises(InputError, match="cannot be written"):
            save_figure(tmp_path / "no" / "figure.svg", found)
