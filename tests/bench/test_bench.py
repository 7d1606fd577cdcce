"""The benchmark runs, and its table says what fell short."""

from __future__ import annotations

import os
import re
import shutil
import sys

import numpy as np
import pytest

from napari_uncertainseg import InputError, bench
from napari_uncertainseg.bench import command, foreign, lesions, painting, saliency, startup
from napari_uncertainseg.bench.prediction import _dice_lost, _multiply_adds
from napari_uncertainseg.bench.scene import make_scene
from napari_uncertainseg.bench.timing import Row, costlier, faster
from napari_uncertainseg.cli import main
from napari_uncertainseg.networks.multihead import MultiHeadUNet

from ..bundles import metadata, write_bundle
from ..nnunet_folders import write_model


def test_a_row_is_met_on_the_right_side():
    quick = faster("a", "b", own=0.5, other=15.0, target=30, limit=0.1)
    assert quick.met and quick.ratio == 30 and quick.limit_share == pytest.approx(0.2)
    assert not faster("a", "b", 1, 15, 30).met
    assert costlier("a", "b", 1.2, 1, 1.3).met and not costlier("a", "b", 1.4, 1, 1.3).met


def test_what_falls_short_is_printed_as_it_is():
    table = bench.format_table([Row("what", "other", 12.0, 30, True, "1 s against 12 s")])
    assert "| what | other | 12x (1 s against 12 s) | at least 30x | NO |" in table


def test_multiply_adds_of_the_first_convolution():
    one = MultiHeadUNet(1, (1, 1), 1)
    # 8^3 voxels, by hand: encoder 27 + 27 at full, 27 + 27 at half size, lateral 27, up 8 per coarse
    # voxel, decoder 27, head 27
    assert _multiply_adds(one, (8, 8, 8)) == 512 * (27 * 5) + 64 * (27 * 2 + 8)


def painting_can_be_measured():
    """Qt's offscreen platform has no OpenGL."""
    return os.environ.get("QT_QPA_PLATFORM") != "offscreen" and (
        sys.platform != "linux" or bool(os.environ.get("DISPLAY")) or shutil.which("xvfb-run") is not None
    )


def test_without_a_screen_the_painting_is_left_out_and_that_is_said(monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert painting.rows(quick=True) == []
    assert "not measured: there is no screen" in capsys.readouterr().err


@pytest.mark.slow
def test_the_rows_without_a_window_are_measured():
    with make_scene(quick=True) as scene:
        rows = [*lesions.rows(scene), *saliency.rows(scene), *startup.rows(1)]
    assert all(row.ratio > 0 and row.detail for row in rows) and len(rows) > 5


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("UNCERTAINSEG_SOAK"), reason="`make soak` runs it")
def test_the_command_is_measured_from_the_shell_to_the_prompt():
    with make_scene(quick=True) as scene:
        whole, help, missing = command.rows(scene)
    assert (whole.against, help.against, missing.against) == ("5 s", "0.5 s", "0.5 s")
    assert all(row.ratio > 0 and not row.at_least for row in (whole, help, missing))


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("UNCERTAINSEG_SOAK"), reason="`make soak` runs it")
def test_the_command_measures_every_row(capsys):
    assert main(["bench", "--quick"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if re.search(r"\| (yes|NO) \|", line)]
    assert len(rows) == (35 if painting_can_be_measured() else 20)
    assert all(re.search(r"\| [\d.e+-]+x \(.*\) \| at (least|most)", row) for row in rows)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai")
@pytest.mark.parametrize("kind", ["bundle", "nnunet"])
def test_models_made_elsewhere_are_measured_against_their_own_tools(tmp_path, capsys, kind):
    if kind == "bundle":
        pytest.importorskip("monai")
        folder, tool = write_bundle(tmp_path / "bundle"), "MONAI"
    else:
        folder, tool = (
            write_model(tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres", folds=1, train=25),
            "nnU-Net",
        )
    assert main(["bench", "--quick", "--models", str(folder)]) == 0
    time, apart = [
        line for line in capsys.readouterr().out.splitlines() if re.search(r"\| (yes|NO) \|", line)
    ]
    assert f"| {tool}'s" in time and "at least 1x" in time
    assert f"| {tool}'s" in apart and "at most 0.002 | yes" in apart


def test_models_that_cannot_be_measured_are_refused(tmp_path):
    scene = make_scene(quick=True)
    with pytest.raises(InputError, match="'bundled' is neither a MONAI bundle nor a folder of nnU-Net"):
        foreign.rows(scene, ["bundled"])
    other = write_bundle(tmp_path / "bundle", about=metadata({"0": "CT"}, {"0": "lesion"}))
    with pytest.raises(InputError, match="'bundle' reads ct: the benchmark has flair"):
        foreign.rows(scene, [str(other)])


def test_dice_is_compared_with_the_same_threshold():
    reference = np.array([1, 1, 1, 0, 0], bool)
    ours, theirs = np.array([0.9, 0.9, 0.1, 0, 0]), np.array([0.9, 0.9, 0.9, 0, 0])
    row = _dice_lost(ours, theirs, reference, 0.5)
    assert row.ratio == pytest.approx(1 - 0.8) and not row.met
    assert row.measured == "0.2 (0.8000 against 1.0000, threshold 0.5)" and row.goal == "at most 0.005"
    assert _dice_lost(theirs, ours, reference, 0.5).met


def test_without_what_it_compares_with_the_way_out_is_said(monkeypatch):
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"napari-uncertainseg\[bench\]"):
        bench.main(["--quick"])
