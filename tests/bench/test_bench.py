"""The benchmark runs, and its table says what fell short."""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg import InputError, bench
from napari_uncertainseg.bench import command, foreign, lesions, painting, saliency, startup
from napari_uncertainseg.bench.labelled import dice_lost
from napari_uncertainseg.bench.prediction import _int8_rate, _multiply_adds, _segmenters
from napari_uncertainseg.bench.scene import make_scene
from napari_uncertainseg.bench.timing import Row, costlier, faster, in_turns
from napari_uncertainseg.cli import main
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.networks.engines.device import Device, cpu_device
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


def test_the_rate_of_whole_numbers_is_measured():
    pytest.importorskip("openvino")
    assert _int8_rate(Device("cpu", "openvino", "int8", 1)) > 1e9


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
    with make_scene(quick=True) as scene:
        others = len(_segmenters(scene)) - 1  # the whole brain in each precision
    assert len(rows) == (35 if painting_can_be_measured() else 20) + others
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


def test_dice_lost_is_a_mean_over_patients_not_over_scans():
    scans = pd.DataFrame({"patient": ["a", "b", "b"], "ours": [0.6, 0.9, 0.8], "theirs": [0.64, 0.85, 0.83]})
    row = dice_lost.dice_lost(scans)
    assert row.ratio == pytest.approx((0.04 + (-0.05 + 0.03) / 2) / 2) and not row.met
    assert row.detail == "0.7250 against 0.7400, 2 patients; single scans lose -0.0500 to +0.0400"
    assert row.goal == "at most 0.005" and "3 labelled scans" in row.what
    assert dice_lost.dice_lost(scans.assign(ours=scans["theirs"])).met


def test_labelled_scans_are_found_in_folders_that_hold_a_mask(tmp_path):
    for name in ("3d-mr-ms/patient07/lesions.nii.gz", "3d-mr-ms/masks/patient01.nii.gz"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    for visit in ("P14_visit1", "P14_visit2"):
        (tmp_path / "mslesseg" / visit).mkdir(parents=True)
        (tmp_path / "mslesseg" / visit / "lesions.nii.gz").touch()
    found = dice_lost.labelled_scans(tmp_path)
    assert [scan.prefix for scan in found] == [
        "3d-mr-ms/patient07/",
        "mslesseg/P14_visit1/",
        "mslesseg/P14_visit2/",
    ]
    assert [scan.patient for scan in found] == ["patient07", "P14", "P14"]
    assert dice_lost.labelled_scans(tmp_path / "missing") == []


def test_windows_of_the_size_of_the_brain_give_what_one_pass_gives():
    """The comparison itself adds nothing: with one window both are the same."""
    with make_scene(quick=True) as scene:
        prepared = prepare(scene.images)
        theirs = dice_lost.windowed(scene.model, prepared, 48)
        source = prepared.network_input(
            scene.model.preprocessing.spacing, scene.model.preprocessing.smoothing
        )
        engine = scene.model.engine(cpu_device().at("float32"))
        nothing = np.zeros(scene.shape, np.float32)
        image = np.stack([nothing] * len(scene.model.modalities))
        image[0][source.box] = source.channels["flair"]
        around = [((48 - n) // 2, (48 - n) // 2) for n in scene.shape]  # as MONAI pads
        logits = np.asarray(engine.heads(np.pad(image, [(0, 0), *around])[None]))
    inside = tuple(slice(before, 48 - before) for before, _ in around)
    ours = (1 / (1 + np.exp(-logits))).mean(axis=0)[inside] * prepared.brain
    assert ours.max() > 0 and np.abs(theirs - ours).max() < 1e-5


def test_things_are_timed_in_turns_and_a_first_round_does_not_count():
    done: list[str] = []
    found = in_turns([partial(done.append, "a"), partial(done.append, "b")], 2)
    assert done == ["a", "b"] * 3
    assert [len(times) for times in found] == [2, 2]


def test_without_what_it_compares_with_the_way_out_is_said(monkeypatch):
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"napari-uncertainseg\[bench\]"):
        bench.main(["--quick"])
