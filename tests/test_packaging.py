"""The package as pip and napari see it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest

import napari_uncertainseg

NAME = "napari-uncertainseg"
PACKAGE = Path(napari_uncertainseg.__file__).parent
QT_BINDING = re.compile(r"pyqt\d|pyside\d|napari\[(all|pyqt|pyside)", re.IGNORECASE)


def test_there_is_one_manifest(checkout):
    assert (checkout / "napari.yaml").resolve() == (PACKAGE / "napari.yaml").resolve()


def test_napari_finds_the_manifest_under_the_name_of_the_distribution():
    from npe2 import PluginManifest

    (entry,) = (e for e in entry_points(group="napari.manifest") if e.name == NAME)
    assert entry.value == "napari_uncertainseg:napari.yaml"
    manifest = PluginManifest.from_distribution(NAME)
    assert manifest.name == NAME
    manifest.validate_imports()


def test_version_is_said_once(checkout):
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    assert project["version"] == napari_uncertainseg.__version__ == distribution(NAME).version
    assert f"[{project['version']}]" in (checkout / "CHANGELOG.md").read_text()


def test_the_base_install_has_no_qt_binding():
    for requirement in distribution(NAME).requires or []:
        if "extra ==" not in requirement:
            assert not QT_BINDING.match(requirement)


@pytest.mark.slow
def test_the_wheel_holds_what_the_program_needs(checkout, tmp_path):
    pytest.importorskip("build")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(checkout)],
        check=True,
        capture_output=True,
        text=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = archive.read("napari_uncertainseg/napari.yaml")
    assert manifest == (PACKAGE / "napari.yaml").read_bytes()
    wanted = {"py.typed", "models/bundled/model.json", "models/bundled/MODEL_CARD.md"}
    assert {f"napari_uncertainseg/{name}" for name in wanted} <= names
    assert any(
        name.startswith("napari_uncertainseg/models/bundled/") and name.endswith(".safetensors")
        for name in names
    )
    assert any(name.endswith("/LICENSE") for name in names)
    assert wheel.stat().st_size < 60e6
    assert not [name for name in names if name.startswith(("tests/", "docs/")) or name.endswith(".pyc")]
