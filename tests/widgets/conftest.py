"""A small brain with three lesions, and a case that holds a prediction of it."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid, Volume

from . import kept_window
from .actions import make_active
from .fakes import fake_prediction
from .kept_window import segment

SPACING = (3.0, 1.0, 1.0)


@pytest.fixture(autouse=True)
def _preferences_as_before():
    """Preferences are napari's and outlive a test: what one changes, as by a click, is put back."""
    from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

    store = PreferenceStore()
    before = asdict(store.load())
    before.pop("target")
    yield
    store.save(**before)


@pytest.fixture(autouse=True)
def _keys_are_heard(monkeypatch):
    """A window that is not active hears no key, and a bare screen makes windows inactive as it likes."""
    click = QtBot.keyClick

    def click_in_active_window(widget, *args, **kwargs):
        make_active(widget.window())
        click(widget, *args, **kwargs)

    monkeypatch.setattr(QtBot, "keyClick", staticmethod(click_in_active_window))


_IN_TURNS = (
    "test_held_thread",
    "test_in_between",
    "test_between_turns",
    "test_many_leaving",
    "test_one_in_a_turn",
    "test_kept_slice",
)
_ONE_BY_ONE = (*_IN_TURNS, "test_whole_path", "test_blinded")
"""Test what is seen, and done, while layers come, or go through all as a reader does."""


@pytest.fixture(autouse=True)
def _layers_that_have_come(request, monkeypatch):
    """After a run layers come one by one: tests look at them once all are there, but those of just that."""
    from napari_uncertainseg.widgets.layers.result_layers import ResultLayers
    from napari_uncertainseg.widgets.shared.responsive.turns import Soon

    name = request.module.__name__.rpartition(".")[2]

    show = ResultLayers.show

    def show_all(self, scan):
        show(self, scan)
        self.complete()

    def do_at_once(self, *what):
        for each in what:
            each()

    if name not in _IN_TURNS:
        monkeypatch.setattr(Soon, "add", do_at_once)
    if name not in _ONE_BY_ONE:
        monkeypatch.setattr(ResultLayers, "show", show_all)


@pytest.fixture
def grid() -> Grid:
    """24 x 40 x 32 voxels of 3 x 1 x 1 mm."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *SPACING, 1
    affine[:3, 3] = -16, -20, -36
    return Grid((24, 40, 32), affine)


@pytest.fixture
def mask(grid) -> np.ndarray:
    """Three lesions of different size."""
    found = np.zeros(grid.shape, bool)
    found[4:7, 8:14, 6:12] = True
    found[11:14, 20:24, 16:22] = True
    found[17:20, 28:37, 22:30] = True
    return found


@pytest.fixture
def flair(grid, mask) -> Volume:
    """A scan whose lesions are bright."""
    rng = np.random.default_rng(1)
    data = (0.4 + 0.05 * rng.standard_normal(grid.shape) + 0.6 * mask).astype(np.float32)
    return Volume(data, grid, "FLAIR", "flair")


@pytest.fixture
def prediction(mask, grid):
    return fake_prediction(mask, grid)


class Records:
    """Where the case looks for calibration records."""

    def __init__(self):
        self.find = lambda information: None

    def __call__(self, information):
        return self.find(information)


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def case(prediction, flair, records) -> Case:
    made = Case(records)
    made.set_images({"flair": flair})
    made.open_prediction(prediction)
    return made


@pytest.fixture
def shown(qtbot):
    """Show a dock; afterwards it is cleaned up, twice, and taken away."""
    made = []

    def show(dock):
        dock.show()
        made.append(dock)
        return dock

    yield show
    for dock in made:
        dock.cleanup()
        dock.cleanup()
        dock.close()
        dock.deleteLater()
    qtbot.wait(1)


@pytest.fixture
def answer_questions(monkeypatch):
    """Answer the questions of modules instead of showing a dialog; yes, unless ``answer.says`` is changed."""

    def answer_in(*modules):
        def answer(parent, title, question, yes, no):
            answer.questions.append(question)
            return answer.says

        answer.says, answer.questions = True, []
        for module in modules:
            monkeypatch.setattr(module, "ask_yes_no_cancel", answer)
        return answer

    return answer_in


@pytest.fixture
def quiet(monkeypatch):
    """Readers show no notification."""
    from napari_uncertainseg.widgets.scans import layer_reader, sample_layers

    for module in (layer_reader, sample_layers):
        monkeypatch.setattr(module, "show_notice", lambda message: None)


@pytest.fixture
def segmented_viewer(make_viewer, qtbot, monkeypatch, tmp_path, flair):
    """The real window after Run, without a network; its sessions are in ``sessions.db`` of ``tmp_path``."""
    from napari_uncertainseg.widgets import window

    monkeypatch.setattr(window, "default_file", lambda: tmp_path / "sessions.db")  # for one opened later, too
    viewer = make_viewer()
    segment(viewer, qtbot, [flair], tmp_path / "sessions.db")
    return viewer


@pytest.fixture(scope="module")
def _windows_of_this_file():
    """No window is kept for the tests of another file."""
    yield
    kept_window.close()


@pytest.fixture
def scans(flair):
    """What the kept window is opened with."""
    return [flair]


@pytest.fixture
def fill(qtbot, scans):
    """What makes a new window what the tests of a file share: here the docks, scans, and a run."""
    return lambda viewer, file: segment(viewer, qtbot, scans, file)


@pytest.fixture
def window_that_is_kept(
    request, _windows_of_this_file, _work_spared, qtbot, fill, tmp_path_factory, tmp_path, monkeypatch
):
    """See `kept_viewer`."""
    folder = tmp_path_factory.mktemp("kept")
    kept_window.ensure(lambda: kept_window.KeptWindow(qtbot, fill, folder))
    kept_window.begin(tmp_path / "sessions.db")
    yield
    monkeypatch.undo()
    called = getattr(request.node, "rep_call", None)
    why = kept_window.end_of_test(qtbot, called is None or called.failed)
    request.node.user_properties.append(("window closed because of", why))


@pytest.fixture
def kept_viewer(window_that_is_kept):
    """As `segmented_viewer`, but shared by the tests of a file: see `kept_window`."""
    return kept_window.viewer_of_it()
