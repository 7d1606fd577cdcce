"""Importing the package, and asking the command for help, brings in nothing heavy."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "monai",
    "napari",
    "qtpy",
    "PyQt6",
    "PyQt5",
    "PySide6",
    "openvino",
    "SimpleITK",
    "pandas",
    "scipy",
}

_LOADED = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def loaded_by(statement: str) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{_LOADED}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(found.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import napari_uncertainseg",
        "from napari_uncertainseg.cli import parser; parser.parse(['models'])",
    ],
)
def test_nothing_heavy_is_imported(statement):
    assert not loaded_by(statement) & HEAVY


@pytest.mark.parametrize(
    "room", ["images.files", "uncertainty.voxel", "calibration.reliability", "case", "export"]
)
def test_rooms_below_the_networks_do_without_torch_and_qt(room):
    assert not loaded_by(f"import napari_uncertainseg.{room}") & {"torch", "monai", "napari", "qtpy", "PyQt6"}


def test_openvino_reports_nothing():
    """It would send its use to its makers; see `inference/__init__.py`."""
    pytest.importorskip("openvino")
    left_out = "assert sys.modules['openvino_telemetry'] is None"
    imports = "import sys, napari_uncertainseg.inference.device, openvino"
    subprocess.run([sys.executable, "-c", f"{imports}; {left_out}"], check=True)


def test_names_at_the_top_are_found_when_asked_for():
    import napari_uncertainseg

    for name in napari_uncertainseg.__all__:
        assert getattr(napari_uncertainseg, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        napari_uncertainseg.nothing  # noqa: B018


def test_import_is_quick():
    """Not a benchmark: `uncertainseg bench` has the ratio; this catches a heavy import by its weight."""
    assert import_seconds("napari_uncertainseg") < max(0.1, import_seconds("numpy") * 1.5)


def import_seconds(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    return statistics.median(float(run.stdout) for run in runs)
