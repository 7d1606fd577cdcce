"""A folder that *Export all* wrote, opened again in the real window."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.disk.result_folder import MEMBERS as NAME
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_image, write_volume
from napari_uncertainseg.images.identity import case_sha256, scan_sha256
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference.recalibrated import recalibrated
from napari_uncertainseg.networks.real_probability import RealProbability, Weight
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.voxel_features import VOXEL_FEATURES, VoxelFeatures
from napari_uncertainseg.review.session.queue import queue_of
from napari_uncertainseg.review.verdicts import Verdict
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.widgets import case_opener as opening_module
from napari_uncertainseg.widgets import window as module
from napari_uncertainseg.widgets.lesions.table_model import COLUMNS
from napari_uncertainseg.widgets.readers import get_reader
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.window import open_review

from .actions import areas_of
from .fake_window import docks_with
from .fakes import FakeSegmenter

FIRST, DRAWN = (5, 10, 8), (21, 4, 4)


@pytest.fixture
def of_files(tmp_path, flair, prediction):
    """The prediction of a scan that lies in a file."""
    (tmp_path / "sub-7").mkdir()
    path = write_volume(tmp_path / "sub-7" / "flair.nii.gz", flair.data, flair.grid)
    scan = read_image(path, modality="flair")
    sha256 = scan_sha256(scan)
    inputs = {"flair": {"name": "flair", "path": str(path), "scan_sha256": sha256}}
    about = {"case": {"sha256": case_sha256({"flair": sha256}), "name": "sub-7"}, "inputs": inputs}
    return replace(prediction, information={**about, "model": "bundled", "method": "one-pass"})


@pytest.fixture
def reviewed(case, of_files):
    """A case with a verdict, painting, and another threshold."""
    case.open_prediction(of_files)
    case.review.judge(FIRST, "rejected")
    edit = np.zeros(case.grid.shape, np.int8)
    edit[20:22, 2:8, 2:8] = 1
    case.review.set_edit(edit)
    case.review.judge(DRAWN, "accepted")
    case.threshold, case.min_volume = 0.6, 4.0
    return case


@pytest.fixture
def folder(tmp_path, reviewed):
    out = tmp_path / "out"
    export(out, reviewed)
    return out


def export(out, case):
    decisions = case.review.decisions()
    write_results(
        out,
        case.prediction,
        case.lesions,
        verdicts=decisions,
        edit=case.review.edit,
        given=case.review.verdicts,
    )


def said_in(folder, **changes):
    path = folder / "summary.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(content))


def list_as_it_is(folder, name):
    """Whoever writes a folder of his own lists the right hash."""
    files = json.loads((folder / "summary.json").read_text())["files"]
    said_in(folder, files={**files, name: sha256_of(folder / name)})


def test_what_was_written_is_read_back(folder, reviewed):
    found, was = read_saved_results(folder), reviewed.prediction
    now = found.prediction
    for name in ("probability", "entropy", "mutual_information", "disagreement", "brain", "variance"):
        np.testing.assert_array_equal(getattr(now, name), getattr(was, name))
    np.testing.assert_allclose(now.expected_entropy, was.entropy - was.mutual_information, atol=1e-6)
    np.testing.assert_array_equal(now.members.values, was.members.values)
    assert now.sha256 == was.sha256 and now.information == json.loads(json.dumps(was.information))
    assert (found.threshold, found.min_volume, now.threshold) == (0.6, 4.0, 0.5)
    assert found.verdicts == (Verdict(FIRST, "rejected"), Verdict(DRAWN, "accepted"))
    np.testing.assert_array_equal(found.edit, reviewed.review.edit)
    assert list(found.scans) == ["flair"] and found.notes == ()


@pytest.fixture
def viewer(make_viewer, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "default_file", lambda: tmp_path / "kept" / "sessions.db")
    viewer = make_viewer()
    open_review(viewer, docks_with(make_segmenter=FakeSegmenter))
    return viewer


def test_a_folder_that_is_dropped_shows_the_review_as_it_was(viewer, folder, reviewed, tmp_path):
    review = open_review(viewer)
    case = review.case
    viewer.open(str(folder), plugin="napari-uncertainseg")
    np.testing.assert_array_equal(case.lesions.labels, reviewed.lesions.labels)
    assert case.review.decisions() == reviewed.review.decisions() and not case.review.unsaved
    assert viewer.layers["flair"].visible and case.images["flair"].name == "flair"
    np.testing.assert_array_equal(viewer.layers["lesions"].data, reviewed.lesions.labels)
    assert f"Opened {folder} with 2 verdicts." in review.lesions.message.text()
    for threshold in (0.3, 0.7):  # the members are there: all can be gone on with
        case.threshold = reviewed.threshold = threshold
        now, was = (x.lesions for x in (case, reviewed))
        np.testing.assert_array_equal(now.labels, was.labels)
        np.testing.assert_allclose(now.table["lsu"], was.table["lsu"])
    case.review.judge((12, 21, 18), "unsure")
    assert case.review.recorder.by_default and len(case.review.recorder.verdicts) == 3
    export(tmp_path / "again", case)
    assert len(read_saved_results(tmp_path / "again").verdicts) == 3


def test_a_scan_that_moved_or_changed_is_told_and_the_rest_opened(
    viewer, folder, flair, tmp_path, monkeypatch
):
    review, told = open_review(viewer), []
    monkeypatch.setattr(opening_module, "show_info", told.append)
    path = tmp_path / "sub-7" / "flair.nii.gz"
    shutil.move(path, tmp_path / "elsewhere.nii.gz")
    review.open_results(folder)
    assert "FLAIR is not shown" in told[-1] and str(path) in told[-1]
    assert review.case.lesions.drawn == 1 and "flair" not in review.case.images
    write_volume(path, flair.data + 1, flair.grid)  # somebody else's, by the same name
    review.open_results(folder)
    assert "another scan" in told[-1] and "flair" not in viewer.layers


def test_results_without_their_scan_are_not_drawn_on_another_patients(viewer, folder, flair, tmp_path):
    """Of one name, shape and grid; only the very scan, wherever it was read, is taken for it."""
    review = open_review(viewer)
    elsewhere = tmp_path / "sub-8.nii.gz"
    shutil.move(tmp_path / "sub-7" / "flair.nii.gz", elsewhere)
    other = replace(flair, data=flair.data + 1, name="flair")
    viewer.add_layer(Layer.create(*layer_data(other, name="other")))
    review.open_results(folder)
    banner, whose = areas_of(review)["lesions"].banner, "Case: sub-7\nModel: bundled, one-pass"
    assert not viewer.layers["other"].visible and banner.text() == whose
    viewer.layers["other"].visible = True
    assert banner.text() == f"{whose}\n⚠ Also shown, but not of this case: other"
    viewer.layers.remove("other")
    viewer.add_layer(Layer.create(*layer_data(read_image(elsewhere), name="its own")))
    assert banner.text() == whose
    viewer.layers["its own"].data = other.data
    viewer.layers["its own"].visible = False
    viewer.layers["its own"].visible = True
    assert "not of this case: its own" in banner.text()
    viewer.layers.remove("its own")
    elsewhere = Grid(flair.grid.shape, flair.grid.affine @ np.diag([1, 1, 1.1, 1]))
    mask = Volume(flair.data > 100, elsewhere, "expert", None, tmp_path / "sub-8" / "expert.nii.gz")
    viewer.add_layer(Layer.create(*layer_data(mask, "labels")))
    assert "not of this case: expert" in banner.text()


def test_what_segment_wrote_opens_too(of_files, tmp_path):
    write_results(tmp_path / "plain", of_files, rank_lesions(of_files))
    found = read_saved_results(tmp_path / "plain")
    assert found.verdicts == () and found.edit is None
    assert get_reader(str(tmp_path / "plain")) is not None
    assert get_reader(str(tmp_path)) is None


def test_in_the_window_lists_and_sessions_go_by_what_is_likely_real(viewer, of_files, tmp_path):
    where = np.flatnonzero(of_files.probability >= 0.05).astype(np.int64)
    values = np.zeros((len(VOXEL_FEATURES), len(where)), np.float16)
    values[list(VOXEL_FEATURES).index("depth")] = np.random.default_rng(0).uniform(0, 6, len(where))
    known = RealProbability(
        version=1, methods=("one-pass",), thresholds=(0.2, 0.8), candidate_threshold=0.1,
        orders=True, constant=-2.0, lesions=40, real=20, brier=0.1,
        brier_of_share=0.2, weights={"depth": Weight(weight=1.0, centre=1.0)},
    )  # fmt: skip
    made = replace(of_files, voxel_features=VoxelFeatures(where, values), real_probability=known)
    write_results(tmp_path / "known", made, rank_lesions(made))
    viewer.open(str(tmp_path / "known"), plugin="napari-uncertainseg")
    review = open_review(viewer)
    lesions, dock = review.case.lesions, review.lesions
    assert lesions.by_p_real and len(lesions.table) > 1
    shown = dock.tables[0].model()
    real, doubt = ([column.key for column in COLUMNS].index(key) for key in ("p_real", "doubt"))
    cells = [shown.index(row, real).data() for row in range(shown.rowCount())]
    assert cells == [f"{100 * p:.0f} %" for p in sorted(lesions.table["p_real"])]  # least likely real first
    assert not dock.tables[0].isColumnHidden(real)
    tip = Qt.ItemDataRole.ToolTipRole
    assert "model" in shown.headerData(real, Qt.Orientation.Horizontal, tip)
    assert "real" in shown.headerData(doubt, Qt.Orientation.Horizontal, tip)
    assert "least probably real first" in dock.header.toolTip()
    assert "at thresholds" not in dock.header.toolTip()
    assert list(viewer.layers["lesions"].features)[:2] == ["label", "real"]
    review.case.threshold = 0.85  # the numbers are for thresholds up to 0.8
    assert dock.tables[0].isColumnHidden(real) and "largest probability" in dock.header.toolTip()
    assert "at thresholds from 0.20 to 0.80" in dock.header.toolTip()
    review.case.threshold = lesions.threshold
    assert not dock.tables[0].isColumnHidden(real)
    queue = queue_of(lesions, 1, 2, "doubt", checks=0.0)
    ranked = [task.label for task in queue.tasks if task.target == "lesion"]
    assert ranked == lesions.table["label"].tolist()
    review.case.recalibrate(Temperature(0.2, 0.1, 2.0))  # of these probabilities it says nothing
    assert dock.tables[0].isColumnHidden(real) and "largest probability" in dock.header.toolTip()
    assert "largest probability" in shown.headerData(doubt, Qt.Orientation.Horizontal, tip)


@pytest.mark.parametrize(
    "changes",
    [5, {"version": 2}, {"weights": {"beauty": {"weight": 1, "centre": 0}}}, {"constant": "1"}],
)
def test_a_probability_of_being_real_that_is_none_is_refused_in_a_sentence(folder, changes):
    whole = {
        "version": 1, "methods": ["one-pass"], "thresholds": [0.2, 0.8], "candidate_threshold": 0.1,
        "orders": True, "constant": 0.0, "lesions": 4, "real": 2,
        "weights": {"depth": {"weight": 1, "centre": 0}}, "brier": 0.1, "brier_of_share": 0.2,
    }  # fmt: skip
    said_in(folder, real_probability=whole | changes if isinstance(changes, dict) else changes)
    with pytest.raises(InputError, match="real_probability"):
        read_saved_results(folder)
    said_in(folder, real_probability=whole)
    assert read_saved_results(folder).prediction.real_probability.weights["depth"].weight == 1


def test_voxel_features_that_do_not_fit_are_refused(folder):
    with np.load(folder / NAME) as file:
        content = dict(file)
    good = np.zeros((len(VOXEL_FEATURES), 2), np.float16)
    for where, values in (
        ([3, 2], good),
        ([0, 10**9], good),
        ([0, 1], good[1:]),
        ([0, 1], good.astype(float)),
    ):
        np.savez(folder / NAME, **content, feature_where=np.array(where, np.int64), feature_values=values)
        list_as_it_is(folder, NAME)
        with pytest.raises(InputError):
            read_saved_results(folder)


def test_what_was_recalibrated_opens_as_it_was(of_files, tmp_path):
    box = tuple(map(slice, of_files.grid.shape))
    alone = replace(of_files, members=Members(box, of_files.probability[None].astype(np.float16)))
    other = recalibrated(alone, Temperature(0.2, 0.1, 2.0))
    write_results(tmp_path / "one", other, rank_lesions(other, 0.5))
    found = read_saved_results(tmp_path / "one")
    np.testing.assert_array_equal(found.prediction.probability, other.probability)
    assert (rank_lesions(found.prediction, 0.5).table["lsu"] == 0).all()  # one member doubts nothing
    assert "recalibrated" in " ".join(found.notes)


@pytest.mark.parametrize("name", ["probability.nii.gz", "lesions.nii.gz", NAME, "painted.nii.gz"])
def test_a_changed_file_is_refused_in_a_sentence(folder, name):
    hashes = {p.name: sha256_of(p) for p in folder.iterdir() if p.name != "summary.json"}
    said_in(folder, files=hashes)
    read_saved_results(folder)
    with (folder / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match=f"{name} was changed after it was written"):
        read_saved_results(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": "0.5"},
        {"threshold": True},
        {"min_volume_mm3": None},
        {"given": 3},
        {"given": [{"voxel": [0, 0], "decision": "accepted"}]},
        {"given": [{"voxel": [999, 0, 0], "decision": "accepted"}]},
        {"given": [{"voxel": [0, 0, 0], "decision": "<b>"}]},
        {"given": [{"voxel": [0, 0, 1e999], "decision": "accepted"}]},
        {"given": [{"voxel": [0, 0, 0], "decision": "accepted", "ticked": "size"}]},
        {"given": [{"voxel": [0, 0, 0], "decision": "accepted", "ticked": {"reasons": ["<b>"]}}]},
        *({name: odd} for name in ("case", "inputs") for odd in ([], "x", 5, None, {"sha256": 5})),
        {"inputs": {"flair": {"path": 5}}},
        {"inputs": {"flair": {"path": "a\0b"}}},
        *({name: odd} for name in ("model", "model_sha256", "method") for odd in ("a\0b", 5, [], {})),
        *({"seconds": odd} for odd in (5, [], {"total": []}, {"total": "1"})),
        *({"notes": odd} for odd in (5, None, "x", [5])),
    ],
)
def test_a_summary_from_elsewhere_is_refused_in_a_sentence(folder, changes):
    said_in(folder, **changes)
    with pytest.raises(InputError, match=r"summary\.json"):
        read_saved_results(folder)


def test_a_scan_in_a_place_that_cannot_be_is_only_not_shown(viewer, folder):
    long = str(folder / ("a" * 300))
    said_in(folder, inputs={"flair": {"name": "flair", "path": long, "scan_sha256": "ab" * 32}})
    viewer.open(str(folder), plugin="napari-uncertainseg")
    case = open_review(viewer).case
    assert len(case.review.verdicts) == 2 and not case.images
    case.review.judge(FIRST, "accepted")
    assert not case.review.unsaved  # it is kept, although its scan has no place


def test_members_from_elsewhere_are_refused_in_a_sentence(folder):
    good = dict(np.load(folder / NAME))
    bad = [
        {**good, "start": good["start"] + 1},
        {**good, "values": good["values"].astype(np.float64)},
        {**good, "values": good["values"] * np.float16(3)},
        {**good, "variance": good["variance"][:-1]},
        {**good, "values": np.array([{}], object)},
        {"values": good["values"]},
    ]
    for content in bad:
        np.savez(folder / NAME, **content)
        list_as_it_is(folder, NAME)
        with pytest.raises(InputError, match=r"members|Probabilities|probabilit"):
            read_saved_results(folder)
    (folder / NAME).write_bytes(b"PK\x03\x04")
    list_as_it_is(folder, NAME)
    with pytest.raises(InputError, match="not the file of members"):
        read_saved_results(folder)
    (folder / NAME).unlink()
    with pytest.raises(InputError, match="older versions"):
        read_saved_results(folder)


def test_results_whose_brain_was_mended_say_so_and_bring_the_outline_back(viewer, folder):
    said_in(folder, brain="mended by hand")
    review = open_review(viewer)
    review.open_results(folder)
    banner = areas_of(review)["lesions"].banner
    assert banner.text() == "Case: sub-7\nModel: bundled, one-pass\nBrain outline: mended by hand"
    outline = viewer.layers["brain of flair"]
    assert not outline.visible and review.segment.roles.mended() is outline
    assert np.array_equal(outline.data > 0, review.case.prediction.brain)
