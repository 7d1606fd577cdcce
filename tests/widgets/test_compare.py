"""Scans of one place against each other: flipped with a key, side by side, and the last visit."""

import weakref

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.reading_bar.compare import last_visit, texts
from napari_uncertainseg.widgets.reading_bar.compare import part as part_module
from napari_uncertainseg.widgets.reading_bar.compare.part import ComparePart
from napari_uncertainseg.widgets.scans.volumes import is_compared, layer_data
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import review_of

from .actions import focus
from .mouse_events import RIGHT, drag, mouse

pytestmark = pytest.mark.viewer
J, S = Qt.Key.Key_J, Qt.Key.Key_S
SHIFT = Qt.KeyboardModifier.ShiftModifier


def add(viewer, volume, **options):
    data, own, _ = layer_data(volume)
    return viewer.add_layer(Image(data, **{**own, **options}))


@pytest.fixture
def t1(flair, grid):
    data = (1.2 - flair.data).astype(np.float32)
    return Volume(data, grid, "t1", "t1", flair.path)


@pytest.fixture(autouse=True)
def _questions_as_before():
    """Other tests are asked in a window again."""
    before = last_visit.ask_yes_no_cancel
    yield
    last_visit.ask_yes_no_cancel = before


@pytest.fixture
def scans(t1, flair):
    return [t1, flair]


@pytest.fixture
def opened(kept_viewer, qtbot):
    """The real window with FLAIR and T1, segmented without a network."""
    review = review_of(kept_viewer)
    focus(qtbot, review._window)
    return weakref.proxy(review)


@pytest.fixture
def part(opened) -> ComparePart:
    return weakref.proxy(opened.opened.parts["compare"])


def seen(review, *names):
    return [name for name in names if review._viewer.layers[name].visible]


def press(qtbot, review, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(review._window, key, modifier)


def label(review):
    shown = review._viewer.canvas.overlays["uncertainseg_scan"]
    return " ".join(shown.text.split("\n")) if shown.visible else ""


def test_a_key_flips_at_one_place_and_overlays_slice_zoom_and_windows_stay(opened, part, qtbot):
    viewer = opened._viewer
    viewer.dims.set_point(0, -20.0)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 7.0, (0.0, 3.0, 4.0)
    viewer.layers["t1"].contrast_limits = (0.1, 0.9)
    overlays = {x.name: x.visible for x in viewer.layers if x.name not in ("FLAIR", "t1")}
    place = viewer.dims.point, viewer.scene.camera.zoom, viewer.scene.camera.center
    flair_limits = list(viewer.layers["FLAIR"].contrast_limits)
    assert overlays["lesions"] and label(opened) == "FLAIR" and part.button.text() == "Scan: FLAIR"

    press(qtbot, opened, J)
    assert seen(opened, "FLAIR", "t1") == ["t1"] and label(opened) == "T1"
    assert part.button.text() == "Scan: T1"
    press(qtbot, opened, J)
    assert seen(opened, "FLAIR", "t1") == ["FLAIR"] and label(opened) == "FLAIR"
    press(qtbot, opened, J, SHIFT)
    assert seen(opened, "FLAIR", "t1") == ["t1"]
    assert {name: viewer.layers[name].visible for name in overlays} == overlays
    assert (viewer.dims.point, viewer.scene.camera.zoom, viewer.scene.camera.center) == place
    assert viewer.layers["FLAIR"].contrast_limits == flair_limits
    assert list(viewer.layers["t1"].contrast_limits) == [0.1, 0.9]


def test_the_name_is_of_what_is_seen_whoever_hid_it(opened, part):
    layers = opened._viewer.layers
    layers["t1"].visible = True
    assert label(opened) == "FLAIR"  # it lies above
    layers["FLAIR"].visible = False
    assert label(opened) == "T1" and part.button.text() == "Scan: T1"
    layers["t1"].visible = False
    assert label(opened) == "" and part.button.text() == "Scan: none"


def test_side_by_side_is_one_canvas_with_a_cell_each_and_leaves_nothing_behind(opened, part, qtbot):
    viewer = opened._viewer
    grid, layers = viewer.canvas.grid, viewer.layers
    before = (viewer.scene.camera.zoom, layers["FLAIR"].visible, layers["t1"].visible, list(layers))
    own_cells = grid._viewbox_groups(layers)
    press(qtbot, opened, S, SHIFT)
    assert part.side.active and grid.enabled and part.button.text() == "FLAIR | T1" and label(opened) == ""
    cells = {layer.name: grid.position(i, layers) for i, layer in enumerate(layers) if layer.visible}
    assert cells.pop("lesions (T1)") == cells.pop("t1") != cells["FLAIR"] and set(cells.values()) == {
        cells["FLAIR"]
    }
    assert {"lesions", "FLAIR"} <= cells.keys()
    assert all(layers[name].name_overlay.visible for name in ("FLAIR", "t1"))
    assert layers["entropy (nats)"].name_overlay.position == "bottom_right", "over no name of a scan"
    view = viewer.window._qt_viewer.canvas
    assert len(view.grid_views) == 2
    centres = {tuple(np.round(camera._2D_camera.center, 3)) for camera in view.grid_cameras}
    assert len(centres) == 1  # linked

    press(qtbot, opened, S, SHIFT)
    after = (viewer.scene.camera.zoom, layers["FLAIR"].visible, layers["t1"].visible, list(layers))
    assert after == before and not grid.enabled and grid._viewbox_groups(layers) == own_cells
    assert not layers["t1"].name_overlay.visible and label(opened) == "FLAIR"
    assert layers["entropy (nats)"].name_overlay.position == "top_right"


def test_it_begins_after_overlays_were_hidden_once(opened, part, qtbot):
    """napari has drawn the note that says so, and lays it out again as soon as it moves."""
    note, hiding = opened._viewer.canvas.overlays["overlays_hidden"], opened.opened.parts["overlays"]
    hiding.toggle()
    qtbot.wait(30)
    hiding.toggle()
    for side, place in ((True, "bottom_left"), (False, "top_left")):
        press(qtbot, opened, S, SHIFT)
        assert part.side.active is side
        qtbot.waitUntil(lambda place=place: note.position == place)


def test_a_flip_ends_side_by_side_and_so_does_another_arrangement(opened, part, qtbot):
    arrangement = part._context.arrangement
    press(qtbot, opened, S, SHIFT)
    assert arrangement.holder == "side by side"
    press(qtbot, opened, J)
    assert not part.side.active and arrangement.holder == "" and seen(opened, "FLAIR", "t1") == ["t1"]
    press(qtbot, opened, S, SHIFT)
    arrangement.claim("three", lambda: None)
    assert not part.side.active and not opened._viewer.canvas.grid.enabled
    press(qtbot, opened, S, SHIFT)
    assert part.side.active and arrangement.holder == "side by side"


def test_in_3d_scans_stay_behind_the_surfaces(opened, part, qtbot, monkeypatch):
    from napari_uncertainseg.widgets.reading_bar.compare import part as module

    told = []
    monkeypatch.setattr(module, "show_warning", told.append)
    opened._viewer.layers["t1"].visible = False
    before = seen(opened, "FLAIR", "t1")
    press(qtbot, opened, S, SHIFT)
    opened.layers.surfaces.toggle()
    qtbot.wait(50)
    assert opened._viewer.dims.ndisplay == 3 and seen(opened, "FLAIR", "t1") == []
    for key, held in ((J, Qt.KeyboardModifier.NoModifier), (S, SHIFT)):
        press(qtbot, opened, key, held)
        assert seen(opened, "FLAIR", "t1") == []
    assert len(told) == 2 and "leave 3-D" in told[0]
    part._context.arrangement.claim("three", lambda: None)
    assert not part.side.active and seen(opened, "FLAIR", "t1") == []
    opened.layers.surfaces.toggle()
    qtbot.wait(50)
    assert label(opened) == "FLAIR" and not opened._viewer.canvas.grid.enabled
    assert seen(opened, "FLAIR", "t1") == before


def lesions_in_cell(review):
    """The outlines in the cell of T1: colours of each line, and where lines begin, in the world."""
    layer = review._viewer.layers["lesions (T1)"]
    starts = layer.data[:, 0] * np.asarray(layer.scale)
    return starts, {rounded(colour) for colour in layer.edge_color} if len(starts) else set()


def rounded(colour):
    return tuple(round(float(share), 2) for share in colour)


def test_lesions_are_outlined_in_the_other_cells(opened, part, qtbot, mask):
    viewer, lesions = opened._viewer, opened._viewer.layers["lesions"]
    first = (5, 10, 8)
    opened.layers.show_slice(first)
    press(qtbot, opened, S, SHIFT)
    assert viewer.layers.selection.active is lesions
    qtbot.wait(30)
    starts, colours = lesions_in_cell(opened)
    assert colours == {rounded(lesions.get_color(lesions.data[first]))}
    low, high = starts[:, 1:].min(axis=0), starts[:, 1:].max(axis=0)
    where = np.argwhere(lesions.data[first[0]] > 0)
    ends = where.min(axis=0) - 0.5, where.max(axis=0) + 0.5
    corners = np.sort([lesions.data_to_world((first[0], *end))[1:] for end in ends], axis=0)
    width = 3 / viewer.scene.camera.zoom  # lines are drawn out by half their width to meet at corners
    np.testing.assert_allclose([low, high], corners, atol=width)

    opened.layers.show_slice((8, 10, 8))
    qtbot.wait(30)
    assert len(lesions_in_cell(opened)[0]) == 0, "no lesion in this slice"
    opened.lesions.next_lesion()
    qtbot.wait(30)
    assert {(1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0)} <= lesions_in_cell(opened)[1], "the selected one"
    before = lesions_in_cell(opened)[0]
    opened.case.threshold = 0.95
    qtbot.wait(30)
    assert not np.array_equal(lesions_in_cell(opened)[0], before), "they follow the threshold"
    opened.case.threshold = 0.5
    qtbot.wait(30)
    assert np.array_equal(lesions_in_cell(opened)[0], before)
    opened.opened.parts["overlays"].toggle()
    assert not viewer.layers["lesions (T1)"].visible
    opened.opened.parts["overlays"].toggle()
    assert viewer.layers["lesions (T1)"].visible
    press(qtbot, opened, S, SHIFT)
    assert "lesions (T1)" not in viewer.layers


def test_an_exercise_that_begins_side_by_side_leaves_no_outlines(opened, part, qtbot):
    press(qtbot, opened, S, SHIFT)
    assert "lesions (T1)" in opened._viewer.layers
    opened.layers.blind()
    press(qtbot, opened, S, SHIFT)
    opened.layers.unblind()
    assert "lesions (T1)" not in opened._viewer.layers


def test_three_views_come_back_after_side_by_side(opened, part, qtbot):
    views = opened.opened.parts["views"]
    views.act("three_views")
    qtbot.waitUntil(lambda: views.views is not None, timeout=5000)
    press(qtbot, opened, S, SHIFT)
    assert part.side.active and views.views is None and not views.button.isChecked()
    press(qtbot, opened, S, SHIFT)
    qtbot.waitUntil(lambda: views.views is not None, timeout=5000)
    assert views.button.isChecked() and not part.side.active
    views.act("three_views")
    press(qtbot, opened, S, SHIFT)
    press(qtbot, opened, S, SHIFT)
    qtbot.wait(50)
    assert views.views is None, "there was one view before"


def test_one_scan_alone_says_so(opened, part, qtbot, monkeypatch):
    from napari_uncertainseg.widgets.reading_bar.compare import part as module

    told = []
    monkeypatch.setattr(module, "show_warning", told.append)
    opened._viewer.layers.remove("t1")
    press(qtbot, opened, J)
    press(qtbot, opened, S, SHIFT)
    assert len(told) == 2 and "only one scan" in told[0] and not part.side.active and label(opened) == ""


def test_closing_the_bar_puts_all_back(opened, part, qtbot):
    viewer = opened._viewer
    before = {layer: layer.visible for layer in viewer.layers}
    press(qtbot, opened, J)
    press(qtbot, opened, S, SHIFT)
    part.cleanup()
    part.cleanup()
    assert {layer: layer.visible for layer in viewer.layers} == before
    assert "uncertainseg_scan" not in viewer.canvas.overlays and not viewer.canvas.grid.enabled


def test_the_scans_of_the_next_case_are_put_back_too(opened, part, qtbot, flair, t1):
    layers = opened._viewer.layers
    press(qtbot, opened, J)
    for name in ("FLAIR", "t1"):
        layers.remove(name)
    opened.case.close_prediction()
    add(opened._viewer, t1)
    add(opened._viewer, flair)
    layers["t1"].visible = False
    qtbot.wait(50)
    press(qtbot, opened, J)
    assert seen(opened, "FLAIR", "t1") == ["t1"]
    part.cleanup()
    assert seen(opened, "FLAIR", "t1") == ["FLAIR"]


# -- the last visit -------------------------------------------------------------------------------


@pytest.fixture
def visits(tmp_path, flair, monkeypatch):
    """Files of two visits of P7: the FLAIR of the window's is visit 2."""
    monkeypatch.setattr(last_visit, "ask_yes_no_cancel", lambda *args: False)
    files = {}
    for number in (1, 2):
        folder = tmp_path / f"P7_visit{number}"
        folder.mkdir()
        path = folder / "flair.nii.gz"
        write_volume(path, flair.data + 0.01 * (2 - number), flair.grid)
        files[number] = path
    return files


@pytest.fixture
def with_path(opened, visits):
    """The FLAIR says that it was read from visit 2."""
    layer = opened._viewer.layers["FLAIR"]
    layer.metadata["uncertainseg"]["path"] = visits[2]
    return opened


def open_last(qtbot, part, path):
    """Open it, and show it: the picture does not change by itself."""
    with qtbot.waitSignal(part.visit.opened, timeout=20_000):
        part.open_visit(path)
    if not part.side.active:
        part.flip.show(len(part.scans.all()) - 1)


def test_the_last_visit_is_shown_and_named_and_never_an_input(with_path, part, visits, qtbot):
    review, viewer = with_path, with_path._viewer
    open_last(qtbot, part, visits[1])
    (layer,) = [x for x in viewer.layers if is_compared(x)]
    assert layer.name == label(review) == "FLAIR, visit 1 (earlier), P7_visit1"
    assert layer.visible and seen(review, "FLAIR", "t1") == []
    assert viewer.layers.index(layer) < viewer.layers.index(viewer.layers["lesions"])
    boxes = review.segment.roles
    assert all(layer not in boxes.offered(role) for role in ("flair", "t1", "t2"))
    assert boxes.layer("flair").name == review.case.scan.name == "FLAIR"
    whose = review.opened.get("segment").area.banner.toolTip()  # the line itself is shortened
    assert "not of this case" in whose and "visit 1 (earlier)" in whose

    press(qtbot, review, J)
    assert label(review) == "FLAIR" and not layer.visible
    assert not review.layers.also_shown()
    press(qtbot, review, S, SHIFT)
    assert part.button.text() == "FLAIR | T1 | FLAIR, visit 1 (earlier)"[:33] + "…" or part.side.active
    press(qtbot, review, S, SHIFT)
    open_last(qtbot, part, visits[1])
    assert sum(map(is_compared, viewer.layers)) == 1


def test_the_name_leaves_the_letter_of_the_direction_free(with_path, part, visits, qtbot, tmp_path, flair):
    """Whatever it is called, and however narrow the canvas is: what napari draws ends before the letter."""
    long = tmp_path / "P7_visit1_of_the_follow_up_in_the_second_year"
    visits[1].parent.rename(long)
    open_last(qtbot, part, long / "flair.nii.gz")
    viewer, window = with_path._viewer, with_path._window
    shown, canvas = viewer.canvas.overlays["uncertainseg_scan"], viewer.window._qt_viewer.canvas
    for width in (1000, 1500):
        window.resize(width, 760)
        qtbot.wait(100)
        lines = shown.text.split("\n")
        assert "".join(lines).replace(" ", "") == part.visit.layer().name.replace(" ", "") and len(lines) > 1
        (drawn,) = canvas._viewer_overlay_to_visual[shown]
        assert drawn.node.get_width_height()[0] + 20 < viewer.canvas.size[1] / 2


def test_it_goes_with_the_case_and_with_its_scan(with_path, part, visits, qtbot):
    review, viewer = with_path, with_path._viewer
    open_last(qtbot, part, visits[1])
    review.case.close_prediction()
    assert not any(map(is_compared, viewer.layers))
    open_last(qtbot, part, visits[1])
    viewer.layers.remove("FLAIR")
    assert not any(map(is_compared, viewer.layers))


@pytest.fixture
def t1_is_main(part, opened):
    """Another scan of the window becomes the one that is compared with, until the test ends."""
    other = opened._viewer.layers["t1"]
    with pytest.MonkeyPatch.context() as patch:
        yield lambda: (patch.setattr(part.scans, "main", lambda: other), part.scans.changed.emit())


def test_a_visit_that_is_still_being_opened_is_not_shown_with_another_scan(
    with_path, part, visits, qtbot, t1_is_main
):
    """Its own scan is still in the window, but the case is of another one."""
    shown = []
    part.visit.opened.connect(lambda layer, said: shown.append(layer))
    part.open_visit(visits[1])
    assert part.visit.busy
    t1_is_main()
    qtbot.waitUntil(lambda: not part.visit.busy, timeout=20_000)
    assert not shown and part.visit.layer() is None


def test_a_visit_goes_when_an_exercise_has_left_another_scan(with_path, part, visits, qtbot, t1_is_main):
    review = with_path
    open_last(qtbot, part, visits[1])
    review.layers.blind()
    t1_is_main()
    review.layers.unblind()
    assert part.visit.layer() is None


def test_a_doubt_about_the_patient_stands_in_the_banner_while_it_is_shown(
    with_path, part, visits, qtbot, tmp_path, flair
):
    last_visit.ask_yes_no_cancel = lambda *args: True
    noise = np.random.default_rng(0).random(flair.data.shape).astype(np.float32)
    path = tmp_path / "P14" / "visit1" / "flair.nii.gz"
    path.parent.mkdir(parents=True)
    write_volume(path, noise, flair.grid)
    open_last(qtbot, part, path)
    layer = part.visit.layer()
    assert layer.name == "FLAIR, visit 1 (earlier), P14/visit1"
    banner = with_path.opened.get("segment").area.banner
    assert "little in common: same patient?" in banner.toolTip()
    whole = " ".join(banner.text().split("\n"))
    assert "P14/visit1" in whole and whole.endswith("same patient?)"), "no word is left out"
    press(qtbot, with_path, J)
    assert not layer.visible and "little in common" not in banner.toolTip()


def test_visits_beside_the_scan_are_offered(with_path, part, visits, qtbot, monkeypatch):
    monkeypatch.setattr(part, "_looked", lambda: None)
    with qtbot.waitSignal(part.visit.found, timeout=5000):
        part.scans.changed.emit()
    part.fill_menu()
    assert "visit 1 (last)" in [action.text() for action in part.menu.actions()]


def test_only_what_lies_beside_the_scan_that_is_shown_now_is_offered(with_path, part, visits, qtbot):
    layers, told = with_path._viewer.layers, []
    part.visit.found.connect(told.append)
    layers["t1"].metadata["uncertainseg"] |= {"path": visits[2].parent.parent / "P9" / "t1.nii.gz"}
    part.visit.look_beside(layers["t1"])
    part.visit.look_beside(layers["FLAIR"])  # while the first is still looked for
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    qtbot.wait(100)
    assert [[visit.path for visit in found] for found in told] == [[visits[1]]]


def test_another_patient_is_asked_about(with_path, part, visits, qtbot, tmp_path, flair):
    other = tmp_path / "P8_visit1" / "flair.nii.gz"
    other.parent.mkdir()
    write_volume(other, flair.data, flair.grid)
    asked = []
    last_visit.ask_yes_no_cancel = lambda *args: asked.append(args[2])
    part.open_visit(other)
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    assert "p8, not p7" in asked[0]
    qtbot.waitUntil(lambda: not part.visit.busy, timeout=5000)
    assert part.visit.layer() is None


def ask(answer, asked):
    """Answer the question, and keep it."""

    def asks(window, title, question, *buttons):
        asked.append((title, question))
        return answer

    last_visit.ask_yes_no_cancel = asks


@pytest.mark.parametrize("folder", ["another", "P7_visit0"])
def test_a_scan_that_may_be_of_anybody_is_asked_about_before_it_is_shown(
    with_path, part, visits, qtbot, tmp_path, flair, folder
):
    """As one that is dropped: where its folder says nothing, and where the pictures speak against it."""
    path = tmp_path / folder / "flair.nii.gz"
    path.parent.mkdir()
    noise = np.random.default_rng(0).random(flair.data.shape).astype(np.float32)
    write_volume(path, noise, flair.grid)
    asked, before = [], seen(with_path, "FLAIR", "t1")
    ask(None, asked)
    part.open_visit(path)
    qtbot.waitUntil(lambda: bool(asked), timeout=20_000)
    qtbot.waitUntil(lambda: not part.visit.busy, timeout=20_000)
    ((title, question),) = asked
    assert title == texts.OTHER_PATIENT and f"{folder}/flair does not seem to be of the patient" in question
    assert ("lies in another folder" in question) is (folder == "another")
    assert part.visit.layer() is None and seen(with_path, "FLAIR", "t1") == before
    ask(True, asked)
    open_last(qtbot, part, path)
    assert len(asked) == 2, "who has agreed is not asked twice"
    banner = with_path.opened.get("segment").area.banner
    whole = " ".join(banner.text().split("\n"))
    assert part.visit.layer().name in whole and whole.endswith("same patient?)") and "…" not in whole


def test_the_question_waits_until_the_mouse_is_let_go(
    with_path, part, visits, qtbot, tmp_path, flair, monkeypatch
):
    path = tmp_path / "another" / "flair.nii.gz"
    path.parent.mkdir()
    write_volume(path, flair.data, flair.grid)
    asked = []
    ask(None, asked)
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: Qt.MouseButton.LeftButton)
    part.open_visit(path)
    qtbot.waitUntil(lambda: part.visit._waiting is not None, timeout=20_000)
    qtbot.wait(250)
    assert not asked and part.visit.busy
    monkeypatch.undo()
    ask(None, asked)
    qtbot.waitUntil(lambda: bool(asked), timeout=5000)
    assert not part.visit.busy


def test_the_picture_does_not_change_under_a_reader_who_went_on(with_path, part, visits, qtbot, monkeypatch):
    """Who presses G accepts what is seen, and the last visit may be ready at any moment."""
    told = []
    monkeypatch.setattr(part_module, "show_info", told.append)
    before = {layer.name: layer.visible for layer in with_path._viewer.layers}
    with qtbot.waitSignal(part.visit.opened, timeout=20_000):
        part.open_visit(visits[1])
    qtbot.wait(50)
    layer = part.visit.layer()
    assert not layer.visible and label(with_path) == "FLAIR"
    assert {x.name: x.visible for x in with_path._viewer.layers if x is not layer} == before
    assert told and "The last visit is ready: J shows it" in told[0]
    press(qtbot, with_path, J, SHIFT)
    assert layer.visible and label(with_path) == layer.name


def test_what_cannot_be_read_is_one_sentence(with_path, part, qtbot, tmp_path):
    path = tmp_path / "P7_visit0.nii.gz"
    path.write_bytes(b"no scan")
    with qtbot.waitSignal(part.visit.failed, timeout=10_000) as failed:
        part.open_visit(path)
    assert str(path) in failed.args[0] and part.visit.layer() is None


def test_in_an_exercise_scans_flip_and_no_visit_is_shown(with_path, part, visits, qtbot):
    review = with_path
    open_last(qtbot, part, visits[1])
    review.layers.blind()
    QApplication.processEvents()
    assert part.visit.layer() is None
    press(qtbot, review, J)
    assert len(part.scans.all()) == 2
    part.open_visit(visits[1])
    assert not part.visit.busy
    review.layers.unblind()
    assert part.visit.layer() is not None


# -- a scan that is not of the case ---------------------------------------------------------------


@pytest.fixture
def foreign(with_path, tmp_path, flair):
    """A scan of another patient that lies over all others."""
    scan = Volume(
        flair.data[::-1].copy(), flair.grid, "flair P14", "flair", tmp_path / "P14" / "flair.nii.gz"
    )
    return add(with_path._viewer, scan)


def test_the_name_is_of_the_scan_on_top_also_where_it_is_not_of_the_case(with_path, part, foreign, qtbot):
    overlay = with_path._viewer.canvas.overlays["uncertainseg_scan"]
    assert label(with_path) == "flair P14: not of this case"
    assert tuple(overlay.box_color)[:3] == pytest.approx((1, 0.72, 0.2))
    assert part.button.text().startswith("Not of this case") and "ffb833" in part.button.styleSheet()
    foreign.visible = False
    assert label(with_path) == "FLAIR" and part.button.text() == "Scan: FLAIR"
    assert max(overlay.box_color[:3]) == 0 and not part.button.styleSheet()
    foreign.visible = True
    press(qtbot, with_path, J)
    assert not foreign.visible and label(with_path) == "FLAIR", "a flip goes back to the case"


def test_a_scan_that_is_not_of_the_case_has_a_cell_of_its_own(with_path, part, foreign, qtbot):
    layers, grid = with_path._viewer.layers, with_path._viewer.canvas.grid
    foreign.visible = False
    press(qtbot, with_path, S, SHIFT)
    cells = part.side._cells
    assert foreign not in cells
    foreign.visible = True
    where = {layer.name: grid.position(i, layers) for i, layer in enumerate(layers) if layer.visible}
    assert len({where[name] for name in ("FLAIR", "t1", "flair P14")}) == 3
    assert tuple(foreign.name_overlay.box_color)[:3] == pytest.approx((1, 0.72, 0.2))
    assert "not of this case" in label(with_path) and part.button.text().startswith("Not of this case")
    press(qtbot, with_path, S, SHIFT)
    assert foreign.name_overlay.box_color is None and foreign.visible


def test_window_and_level_leave_the_letter_of_a_narrow_cell_free(opened, part, qtbot):
    viewer = opened._viewer
    overlay = viewer.canvas.overlays["window_and_level"]
    viewer.canvas.size = (400, 1200)  # so that cells lie beside each other, not above
    press(qtbot, opened, S, SHIFT)
    canvas = napari_internals.drawing_canvas(viewer).native

    def said() -> str:  # of the cell in which the mouse is, which is that of the FLAIR
        row, column = viewer.canvas.grid.position(viewer.layers.index("FLAIR"), viewer.layers)
        rows, columns = viewer.canvas.grid.actual_shape(viewer.layers)
        at = canvas.width() * (column + 0.4) / columns, canvas.height() * (row + 0.4) / rows
        mouse(canvas, QEvent.Type.MouseMove, at)
        return str(overlay.text)

    assert viewer.canvas.grid.enabled, "the key was not heard"
    qtbot.waitUntil(lambda: said().startswith("FLAIR:"))
    assert " W " in said().replace("\n", " ") and " L " in said().replace("\n", " ")
    for width, expected in ((400, 3), (500, 3), (1200, 1)):  # of the canvas: docks take what they need
        viewer.canvas.size = (600, width)
        lines = said().split("\n")
        assert len(lines) == expected and lines[0].startswith("FLAIR:"), f"{width}: {lines}"
        assert max(map(len, lines)) * 0.85 * overlay.font_size < width / 4 - 30, f"{width}: {lines}"
    press(qtbot, opened, S, SHIFT)
    assert overlay.text.startswith("W ") and "\n" not in overlay.text


@pytest.mark.parametrize("size", [(400, 1200), (1200, 400)])
def test_window_and_level_are_of_the_cell_under_the_mouse(opened, part, qtbot, size):
    viewer, layers = opened._viewer, opened._viewer.layers
    viewer.canvas.size = size  # cells lie beside each other, or above
    press(qtbot, opened, S, SHIFT)
    qtbot.wait(50)
    canvas = napari_internals.drawing_canvas(viewer).native
    rows, columns = viewer.canvas.grid.actual_shape(layers)
    assert (rows > 1) is (size[0] > size[1])
    text, in_cell = viewer.canvas.overlays["window_and_level"], opened.opened.parts["window"].in_cell
    for name in ("FLAIR", "t1"):
        row, column = viewer.canvas.grid.position(layers.index(layers[name]), layers)
        at = (canvas.width() * (column + 0.4) / columns, canvas.height() * (row + 0.4) / rows)
        before = {each: tuple(layers[each].contrast_limits) for each in ("FLAIR", "t1")}
        mouse(canvas, QEvent.Type.MouseMove, at)
        qtbot.wait(20)
        lowest = (row, column) == (rows - 1, 0)  # there napari's own text stands
        assert (text.visible, in_cell.isVisibleTo(canvas)) == (lowest, not lowest)
        assert " ".join((text if lowest else in_cell).text.split()).startswith(f"{name}: W ")
        assert lowest or in_cell.geometry().contains(*map(int, at))
        assert f"{name}: W " in opened.opened.parts["window"].button.toolTip()
        drag(qtbot, canvas, RIGHT, at, (at[0] + 40, at[1]))
        changed = [each for each in before if tuple(layers[each].contrast_limits) != before[each]]
        assert changed == [name]
    qtbot.keyClick(opened._window, Qt.Key.Key_R)
    assert [tuple(layers[x].contrast_limits) == before[x] for x in before] == [True, False]
    press(qtbot, opened, S, SHIFT)
    assert text.text.startswith("W ") and not in_cell.isVisibleTo(canvas)
