"""The command line: what each command writes, and one line with status 2 for what cannot be used."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg import Grid, InputError, samples, write_volume
from napari_uncertainseg.cli import main
from napari_uncertainseg.cli.parser import parse
from napari_uncertainseg.cli.progress import ProgressLine
from napari_uncertainseg.cli.segment import _check as check_segment
from napari_uncertainseg.cli.segment import _paths
from napari_uncertainseg.evaluate.listed_cases import check_cases
from napari_uncertainseg.images.preparation import brain_search
from napari_uncertainseg.images.scans import read_scans
from napari_uncertainseg.inference.model_facts import model_facts
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.real_probability import RealProbability, Source, Weight
from napari_uncertainseg.networks.recalibration import FittedLine, ModelRecalibration
from napari_uncertainseg.networks.seen_scans import SeenScans

MAPS = ("probability", "entropy", "mutual_information", "disagreement", "brain", "lesions")


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A ball of tissue with two bright spots, 2 mm voxels, no skull: the file and its lesions."""
    folder = tmp_path_factory.mktemp("scan")
    s, a, r = np.indices((56, 64, 56))
    tissue = ((s - 28) / 25) ** 2 + ((a - 32) / 29) ** 2 + ((r - 28) / 25) ** 2 < 1
    lesions = np.zeros(tissue.shape, np.uint8)
    lesions[26:30, 30:35, 20:24] = lesions[32:34, 42:45, 34:37] = 1
    image = np.random.default_rng(0).normal(100, 5, tissue.shape) + 80 * lesions
    affine = np.array([[0, 0, 2, -56], [0, 2, 0, -64], [2, 0, 0, -56], [0, 0, 0, 1.0]])
    grid = Grid(tissue.shape, affine)
    write_volume(folder / "flair.nii.gz", np.where(tissue, image, 0).astype(np.float32), grid)
    write_volume(folder / "truth.nii.gz", lesions, grid)
    write_volume(folder / "nothing.nii.gz", np.zeros_like(lesions), grid)
    return folder


@pytest.fixture(scope="module")
def results(scan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segmented") / "results"
    assert main(["segment", str(scan / "flair.nii.gz"), "--out", str(folder)]) == 0
    return folder


SMALL = "warning: The brain found in 'flair' has 0.61 l"
"""How the command warns of the ball of `scan`, before the network is loaded."""


def fails(capsys, *arguments):
    """Run a command that should end with status 2; returns its one line, without a warning `SMALL`."""
    try:
        status = main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        status = stop.code
    out, error = capsys.readouterr()
    assert status == 2, error
    error = "".join(line for line in error.splitlines(True) if not line.startswith(SMALL))
    assert error.count("\n") == 1, error
    assert error.startswith("uncertainseg")
    assert "Traceback" not in error
    assert out == ""
    return error


# -- segment ----------------------------------------------------------------------------------


def test_segment_writes_every_file_on_the_scans_grid(scan, results):
    source = nib.load(scan / "flair.nii.gz")
    for name in MAPS:
        image = nib.load(results / f"{name}.nii.gz")
        assert image.shape == source.shape
        np.testing.assert_allclose(image.affine, source.affine, atol=1e-4)
    labels = np.asarray(nib.load(results / "lesions.nii.gz").dataobj)
    table = pd.read_csv(results / "lesions.tsv", sep="\t")
    assert len(table) == labels.max()
    summary = json.loads((results / "summary.json").read_text())
    assert len(json.dumps(summary)) > 100


def test_segment_says_what_it_found(scan, tmp_path, capsys):
    options = ["--threshold", "0.4", "--min-volume", "10", "--device", "cpu"]
    assert main(["segment", str(scan / "flair.nii.gz"), "--out", str(tmp_path / "r"), *options]) == 0
    out, error = capsys.readouterr()
    assert "at threshold 0.40" in out and str(tmp_path / "r") in out and " ml" in out
    assert error.startswith(SMALL)
    assert error.count("\n") == 1  # no progress line where nobody looks


def test_a_strange_brain_is_said_before_the_scan_is_segmented(scan, tmp_path, capsys, monkeypatch):
    def half(scan, progress):
        found = scan.data > 0
        found[:, :, 28:] = False
        return found

    monkeypatch.setattr(brain_search, "find_brain", half)
    arguments = ["segment", str(scan / "flair.nii.gz"), "--out", str(tmp_path / "r"), "--skull", "present"]
    assert main([*arguments, "--device", "cpu"]) == 0
    out, error = capsys.readouterr()
    assert error.startswith("warning: The brain found in 'flair' looks strange: it ")
    assert "differs much between left and right" in error and error.count("\n") == 1
    assert "note: The brain found in 'flair' looks strange" in out


def test_segment_takes_one_volume_of_several(scan, tmp_path, capsys):
    one = nib.load(scan / "flair.nii.gz")
    both = np.stack([np.asanyarray(one.dataobj)[::-1], np.asanyarray(one.dataobj)], axis=-1)
    nib.save(nib.Nifti1Image(both, one.affine), tmp_path / "both.nii.gz")
    command = ["segment", str(tmp_path / "both.nii.gz"), "--out", str(tmp_path / "out")]
    assert "choose one, 0 to 1 (on the command line with --volume" in fails(capsys, *command)
    assert "there is no volume 2; the file holds 0 to 1" in fails(capsys, *command, "--volume", "2")
    assert "whole number" in fails(capsys, *command, "--volume", "-1")
    single = ["segment", str(scan / "flair.nii.gz"), "--out", str(tmp_path / "out"), "--volume", "0"]
    assert "leave --volume out" in fails(capsys, *single)
    assert main([*command, "--volume", "1"]) == 0


def test_a_mask_goes_with_one_volume_of_a_scan_that_is_not_the_main_one(scan, tmp_path):
    one = nib.load(scan / "flair.nii.gz")
    both = np.stack([np.asanyarray(one.dataobj)] * 2, axis=-1)
    nib.save(nib.Nifti1Image(both, one.affine), tmp_path / "t1.nii.gz")
    command = ["segment", scan / "flair.nii.gz", "--t1", tmp_path / "t1.nii.gz", "--volume", "1"]
    command += ["--mask", scan / "truth.nii.gz", "--out", tmp_path / "out"]
    options = parse([str(a) for a in command])
    assert set(read_scans(_paths(options, "flair"), options.volume)) == {"flair", "t1"}, "they can be read"
    check_segment(options)


def test_masks_that_a_command_does_not_read_need_not_be_there(scan, results, tmp_path):
    table = tmp_path / "cases.tsv"
    table.write_text(f"folder\treference\traters\n{results}\t{scan / 'truth.nii.gz'}\tgone.nii.gz\n")
    check_cases(table)
    with pytest.raises(InputError, match=r"row 2: .*gone\.nii\.gz"):
        check_cases(table, raters=True)
    assert main(["session", "simulate", str(table), "--repeats", "1"]) == 0


def test_an_empty_cell_of_a_table_is_said_with_line_and_column(tmp_path, capsys):
    for rows, said in (
        ("folder\treference\na\t\n", "row 2: the column reference is empty"),
        ("folder\treference\n\n \tb.nii\n", "row 3: the column folder is empty"),
        ("folder\treference\traters\na\n", "row 2: the column reference is empty"),
        ("folder\treference\n\n\t\n", "lists no case"),
    ):
        (tmp_path / "cases.tsv").write_text(rows)
        assert said in fails(capsys, "evaluate", "--cases", str(tmp_path / "cases.tsv"))


def test_segment_refuses_a_folder_that_holds_something(scan, results, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in results.iterdir()}
    assert "overwrite" in fails(capsys, "segment", scan / "flair.nii.gz", "--out", results)
    assert before == {path.name: path.stat().st_mtime_ns for path in results.iterdir()}


def test_segment_overwrites_when_told_to(scan, tmp_path):
    command = ["segment", str(scan / "flair.nii.gz"), "--out", str(tmp_path / "r")]
    assert main(command) == 0
    assert main([*command, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "no such file"),
        ("text", "cannot be read"),
        ("truncated", "ends early"),
        ("constant", "every voxel has the value 1"),
        ("labels", "label image"),
        ("flat", "two-dimensional"),
        ("four", "holds 3 volumes"),
        ("nan", "finite"),
        ("colour", "colour"),
        ("overflow", "scale factors"),
        ("no-spacing", "voxel size"),
    ],
)
def test_segment_names_the_bad_scan(kind, word, scan, tmp_path, capsys):
    path = bad_scan(kind, scan, tmp_path)
    line = fails(capsys, "segment", path, "--out", tmp_path / "r")
    assert path.name in line and word in line
    assert not (tmp_path / "r").exists()


def bad_scan(kind, scan, folder):
    path = folder / f"{kind}.nii.gz"
    ones = np.ones((20, 20, 20), np.float32)
    ramp = np.random.default_rng(1).normal(size=(20, 20, 20)).astype(np.float32)
    if kind == "text":
        path.write_text("this is no image")
    elif kind == "truncated":
        path.write_bytes((scan / "flair.nii.gz").read_bytes()[:2000])
    elif kind == "labels":
        return scan / "truth.nii.gz"
    elif kind in ("overflow", "no-spacing"):
        image = nib.Nifti1Image((ramp * 1000).astype(np.int16), np.eye(4))
        image.set_sform(None, 0)
        raw = bytearray(image.to_bytes())
        at = 112 if kind == "overflow" else 80  # scl_slope, or pixdim[1]
        raw[at : at + 4] = np.float32(3e38 if kind == "overflow" else 0).tobytes()
        path.write_bytes(gzip.compress(raw))
    elif kind != "missing":
        arrays = {
            "constant": ones,
            "flat": ramp[..., 0],
            "four": np.stack([ramp] * 3, -1),
            "nan": ones * np.nan,
            "colour": np.zeros(ones.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")]),
        }
        nib.save(nib.Nifti1Image(arrays[kind], np.eye(4)), path)
    return path


def test_segment_refuses_the_t1_of_another_head(scan, tmp_path, capsys):
    flair = nib.load(scan / "flair.nii.gz")
    noise = np.random.default_rng(5).normal(100, 20, flair.shape) * (np.asarray(flair.dataobj) > 0)
    affine = flair.affine.copy()
    affine[0, 3] += 500
    nib.save(nib.Nifti1Image(noise.astype(np.float32), affine), tmp_path / "other.nii.gz")
    line = fails(
        capsys, "segment", scan / "flair.nii.gz", "--t1", tmp_path / "other.nii.gz", "--out", tmp_path / "r"
    )
    assert "'other'" in line and "leave T1 out" in line


@pytest.mark.parametrize(
    ("shape", "sizes"), [((12, 12, 12), (3, 3, 3)), ((16, 72, 72), (7.5, 2, 2)), ((90, 90, 90), (0.4,) * 3)]
)
def test_segment_takes_unusual_voxels(shape, sizes, tmp_path):
    axes = np.meshgrid(*(np.linspace(-1.3, 1.3, n) for n in shape), indexing="ij")
    data = np.where(
        sum(np.square(x) for x in axes) < 1, np.random.default_rng(0).normal(100, 10, shape), 0
    ).astype(np.float32)
    affine = np.diag([0.0, 0, 0, 1])
    affine[[2, 1, 0], [0, 1, 2]] = sizes
    path = write_volume(tmp_path / "scan.nii.gz", data, Grid(shape, affine))
    assert main(["segment", str(path), "--out", str(tmp_path / "r"), "--device", "cpu"]) == 0
    written, source = nib.load(tmp_path / "r" / "probability.nii.gz"), nib.load(path)
    assert written.shape == source.shape
    assert np.array_equal(written.affine, source.affine)
    probability = np.asarray(written.dataobj)
    assert probability.min() >= 0 and probability.max() <= 1
    assert not probability[np.asarray(source.dataobj) == 0].any()


def test_a_full_disk_leaves_the_old_results(scan, results, tmp_path, capsys, monkeypatch):
    kept = tmp_path / "r"
    shutil.copytree(results, kept)
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    room = iter(range(3))  # the disk takes three files

    def fsync(handle):
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    line = fails(capsys, "segment", scan / "flair.nii.gz", "--out", kept, "--overwrite")
    assert "No space left" in line and str(kept) in line and "partial" not in line
    assert before == {path.name: path.read_bytes() for path in kept.iterdir()}


class _Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize(
    ("kind", "word"), [("corrupt", "corrupt"), ("other", "do not fit"), ("evil", "would run code")]
)
def test_segment_refuses_weights_that_cannot_be_used(kind, word, scan, tmp_path, capsys):
    import torch
    from safetensors.torch import save_file

    from napari_uncertainseg.networks.catalog import find_model

    bundled, folder = find_model(), tmp_path / "model"
    folder.mkdir()
    name = "w.pt" if kind == "evil" else "w.safetensors"
    if kind == "corrupt":
        (folder / name).write_bytes(bundled.weights[0].read_bytes()[:5000])
    elif kind == "other":
        save_file({"conv.weight": torch.zeros(3)}, folder / name)
    else:
        torch.save({"heads.bias": _Evil(tmp_path / "ran")}, folder / name)
    (folder / "model.json").write_text(json.dumps(dict(bundled.configuration) | {"weights": [name]}))
    line = fails(
        capsys,
        "segment",
        scan / "flair.nii.gz",
        "--out",
        tmp_path / "r",
        "--model",
        folder,
        "--device",
        "cpu",
    )
    assert name in line and word in line
    assert not (tmp_path / "ran").exists() and not (tmp_path / "r").exists()


def test_segment_refuses_a_folder_that_may_not_be_written(scan, tmp_path, capsys, monkeypatch):
    """As root every folder may be; so the system's answer is replaced."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    line = fails(capsys, "segment", scan / "flair.nii.gz", "--out", tmp_path / "r")
    assert "cannot be written" in line and "Permission denied" in line


def test_segment_refuses_a_mask_on_another_grid(scan, tmp_path, capsys):
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8), np.uint8), np.eye(4)), tmp_path / "mask.nii.gz")
    line = fails(
        capsys, "segment", scan / "flair.nii.gz", "--mask", tmp_path / "mask.nii.gz", "--out", tmp_path / "r"
    )
    assert "mask.nii.gz" in line and "grid" in line


@pytest.mark.parametrize(
    "options",
    [
        ["--threshold", "2"],
        ["--threshold", "nan"],
        ["--members", "0"],
        ["--members", "2.5"],
        ["--min-volume", "-1"],
        ["--method", "guess"],
        ["--device", "toaster"],
        ["--no-such-option"],
    ],
)
def test_segment_refuses_bad_options(options, scan, tmp_path, capsys):
    fails(capsys, "segment", scan / "flair.nii.gz", "--out", tmp_path / "r", *options)


def test_segment_refuses_an_unknown_model(scan, tmp_path, capsys):
    line = fails(
        capsys, "segment", scan / "flair.nii.gz", "--out", tmp_path / "r", "--model", "no-such-model"
    )
    assert "no-such-model" in line


def test_segment_refuses_cuda_where_there_is_none(scan, tmp_path, capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    line = fails(capsys, "segment", scan / "flair.nii.gz", "--out", tmp_path / "r", "--device", "cuda")
    assert "CUDA" in line


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_segment_refuses_a_read_only_folder(scan, tmp_path, capsys):
    tmp_path.chmod(0o500)
    fails(capsys, "segment", scan / "flair.nii.gz", "--out", tmp_path / "r")


def test_segment_refuses_an_output_that_is_a_file(scan, tmp_path, capsys):
    (tmp_path / "r").write_text("mine")
    fails(capsys, "segment", scan / "flair.nii.gz", "--out", tmp_path / "r", "--overwrite")
    assert (tmp_path / "r").read_text() == "mine"


# -- evaluate -----------------------------------------------------------------------------------


def test_evaluate_compares_with_reference_and_raters(scan, results, tmp_path, capsys):
    out = tmp_path / "evaluation.json"
    command = ["evaluate", results, "--reference", scan / "truth.nii.gz", "--out", out]
    command += ["--rater", results / "lesions.nii.gz", "--rater", scan / "nothing.nii.gz"]
    assert main([str(c) for c in command]) == 0
    table = capsys.readouterr().out
    assert "Dice" in table and "ECE" in table
    found = json.loads(out.read_text())
    itself, nothing = found["raters"]["lesions"], found["raters"]["nothing"]
    assert itself["volume_difference_ml"] == 0
    labels = np.asarray(nib.load(results / "lesions.nii.gz").dataobj)
    assert itself["dice"] == 1
    assert nothing["dice"] == (0 if labels.any() else 1)
    assert nothing["lesion_recall"] is None
    assert found["reference"]["reference_ml"] == pytest.approx((4 * 5 * 4 + 2 * 3 * 3) * 8 / 1000)
    assert [p["masks"] for p in found["dice_between"]] == [
        ["reference", "lesions"],
        ["reference", "nothing"],
        ["lesions", "nothing"],
    ]


def test_evaluate_refuses_what_does_not_fit(scan, results, tmp_path, capsys):
    other = tmp_path / "other.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8), np.uint8), np.eye(4)), other)
    assert "other.nii.gz" in fails(capsys, "evaluate", results, "--reference", other)
    truth = scan / "truth.nii.gz"
    assert "missing.nii.gz" in fails(
        capsys, "evaluate", results, "--reference", truth, "--rater", tmp_path / "missing.nii.gz"
    )
    assert "uncertainseg segment" in fails(capsys, "evaluate", tmp_path, "--reference", truth)


# -- models, train, the window ------------------------------------------------------------------


def test_a_model_says_its_styles_what_is_real_its_recalibration_and_what_it_has_seen() -> None:
    line = {"temperature": 1.5, "shift": -0.25, "fitted_on": "folds", "sources": ["A", "B"], "patients": 9}
    fitted = ModelRecalibration(**line, methods=("one-pass",), unlike=FittedLine(**line | {"shift": 0.5}))
    seen = SeenScans(
        cut=2.0, spread={"noise": 1.0}, sources={"C": {"scans": 1, "low": {"noise": 1}, "high": {"noise": 2}}}
    )
    real = RealProbability(
        version=1, methods=("one-pass",), thresholds=(0.2, 0.8), candidate_threshold=0.1, orders=True,
        constant=0.0, weights={"depth": Weight(weight=1.0, centre=0.0)}, lesions=40, real=20, brier=0.1,
        brier_of_share=0.2,
        sources=(Source(name="A", model="m", patients=6, lesions=500, auroc={"p_real": 0.954}),),
    )  # fmt: skip
    model = replace(
        find_model("bundled"),
        styles=("tight", "wide"),
        recalibrations=(fitted,),
        seen=seen,
        real_probability=real,
    )
    facts = "\n".join(f"{key}: {value}" for key, value in model_facts(model).items())
    for words in (
        "styles: tight, wide",
        "one-pass: logit / 1.5 - 0.25, fitted with networks of the same recipe",
        "scans unlike all that it has seen: logit / 1.5 + 0.5",
        "(9 patients of A, B)",
        "for one-pass at thresholds from 0.2 to 0.8; lists go by it",
        "without A: AUROC 0.954 there (6 patients, 500 lesions and candidates)",
        "has seen: C (1 scan)",
        "methods: one-pass (",
    ):
        assert words in facts


def test_models_lists_shows_and_adds(tmp_path, capsys):
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out == listed
    assert main(["models", "show", "bundled"]) == 0
    shown = capsys.readouterr().out
    assert "sha256" in shown and "#" in shown  # the facts, and the card
    assert "3d-mr-ms, mslesseg, toshiba" in shown and "p_real" in shown
    assert "no-such" in fails(capsys, "models", "show", "no-such")
    assert str(tmp_path) in fails(capsys, "models", "add", tmp_path)


def test_train_refuses_a_configuration_that_is_not_there(tmp_path, capsys):
    assert "none.toml" in fails(capsys, "train", tmp_path / "none.toml")


def test_view_refuses_what_is_no_scan(tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("dear reader")
    assert "letter.txt" in fails(capsys, "view", tmp_path / "letter.txt")
    assert "missing.nii.gz" in fails(capsys, "view", tmp_path / "missing.nii.gz")


def test_a_window_needs_a_screen(monkeypatch, capsys):
    if sys.platform != "linux":
        pytest.skip("only Linux runs without a screen")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "--headless" in fails(capsys, "demo")
    assert "screen" in fails(capsys, "view")


# -- how it ends --------------------------------------------------------------------------------


def test_no_command_is_an_error_in_one_line(capsys):
    assert "COMMAND" in fails(capsys)


@pytest.mark.parametrize(
    ("raised", "status", "word"),
    [
        (InputError("a.nii.gz: this is\n no scan."), 2, "no scan"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 2, "memory"),
        (ZeroDivisionError("oh"), 1, "internal error (ZeroDivisionError: oh)"),
    ],
)
def test_an_error_is_one_line(raised, status, word, monkeypatch, capsys):
    def run(options):
        raise raised

    monkeypatch.setattr("napari_uncertainseg.cli.models.models", run)
    assert main(["models"]) == status
    error = capsys.readouterr().err
    assert word in error
    assert error.count("\n") == 1


def test_debug_shows_the_traceback(monkeypatch):
    def run(options):
        raise ZeroDivisionError

    monkeypatch.setattr("napari_uncertainseg.cli.models.models", run)
    for command in (["--debug", "models"], ["models", "--debug"]):
        with pytest.raises(ZeroDivisionError):
            main(command)


@pytest.mark.slow
@pytest.mark.posix
def test_interrupted_segment_leaves_nothing(scan, tmp_path):
    import pty

    command = [sys.executable, "-m", "napari_uncertainseg.cli", "segment", str(scan / "flair.nii.gz")]
    command += ["--out", str(tmp_path / "r"), "--method", "mc-dropout", "--members", "500", "--device", "cpu"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        cwd=tmp_path,
        # whoever runs the tests in the background has them ignore interrupts, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    told = b""
    while b"member 3 of 500" not in told:  # the progress line; EOF raises if it ends before
        told += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 130, told
    last = os.read(ours, 4096).decode()
    os.close(ours)
    assert "interrupted" in last
    assert "Traceback" not in last
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


# -- the window ---------------------------------------------------------------------------------


@pytest.fixture
def opened(make_viewer, monkeypatch):
    """Collects what `napari.run()` would have shown to the user."""
    import napari

    seen = []

    def run():
        viewer = napari.current_viewer()
        for _ in range(100):  # layers come one in a turn of the event loop
            QApplication.processEvents()
        docks = {dock.windowTitle() for dock in viewer.window._qt_window.findChildren(QDockWidget)}
        seen.append(([layer.name for layer in viewer.layers], docks))

    from qtpy.QtWidgets import QApplication, QDockWidget

    monkeypatch.setattr(napari, "Viewer", make_viewer)
    monkeypatch.setattr(napari, "run", run)
    return seen


def test_view_opens_the_scans_and_the_docks(scan, opened):
    assert main(["view", str(scan / "flair.nii.gz"), str(scan / "truth.nii.gz")]) == 0
    ((layers, docks),) = opened
    assert layers == ["flair", "truth"]
    assert {"Segment", "Lesions", "Calibration"} <= docks


@pytest.mark.slow
def test_demo_shows_the_simulated_case_segmented(opened, simulated_cache, monkeypatch):
    monkeypatch.setattr(samples, "cache_folder", lambda: simulated_cache)
    assert main(["demo"]) == 0
    ((layers, docks),) = opened
    assert {"lesions", "candidates", "entropy (nats)", "simulated FLAIR", "simulated truth"} <= set(layers)
    assert {"Segment", "Lesions", "Calibration"} <= docks


# -- the progress line --------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_and_goes_away():
    terminal = Terminal()
    with ProgressLine(terminal) as progress:
        progress("reading", 0.0)
        progress("member 1 of 8", 0.5)
    text = terminal.getvalue()
    assert "\n" not in text
    assert " 50 %  member 1 of 8" in text
    assert text.endswith("\r\x1b[K")


def test_progress_is_silent_in_a_log():
    log = io.StringIO()
    with ProgressLine(log) as progress:
        progress("reading", 0.5)
    assert log.getvalue() == ""
