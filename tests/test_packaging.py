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
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

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
    project = _project(checkout)
    assert project["version"] == napari_uncertainseg.__version__ == distribution(NAME).version
    assert f"[{project['version']}]" in _text(checkout / "CHANGELOG.md")


def test_the_base_install_has_no_qt_binding():
    for requirement in distribution(NAME).requires or []:
        if "extra ==" not in requirement:
            assert not QT_BINDING.match(requirement)


def test_minimum_txt_has_the_lowest_versions_of_pyproject(checkout):
    lines = _text(checkout / "scripts" / "minimum.txt").splitlines()
    written = [Requirement(line) for line in lines if line and not line.startswith("#")]
    lowest = dict(_lowest_versions(_project(checkout), "test"))
    assert {canonicalize_name(found.name): _bound(found, "==") for found in written} == lowest
    assert len(written) == len(lowest)


def _lowest_versions(project, extra=None):
    """Name and lowest version of all that this package and one of its extras ask for."""
    listed = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    for requirement in map(Requirement, listed):
        if requirement.name == NAME:
            for other in requirement.extras:
                yield from _lowest_versions(project, other)
        else:
            yield canonicalize_name(requirement.name), _bound(requirement, ">=")


def _bound(requirement, operator):
    (version,) = (found.version for found in requirement.specifier if found.operator == operator)
    return Version(version)


def test_the_workflow_names_what_there_is(checkout):
    """A host may run it long after the Makefile or an extra was renamed."""
    jobs = yaml.safe_load(_text(checkout / ".github" / "workflows" / "tests.yml"))["jobs"]
    commands = "\n".join(step["run"] for job in jobs.values() for step in job["steps"] if "run" in step)
    targets = {row["target"] for row in jobs["linux"]["strategy"]["matrix"]["include"]}
    assert "make ${{ matrix.target }}" in commands
    assert {"test", "test-minimum", "test-pyside", "docs"} <= targets
    assert targets <= set(re.findall(r"^([a-z-]+):", _text(checkout / "Makefile"), re.MULTILINE))
    extras = {name for listed in re.findall(r"\.\[([\w,]+)\]", commands) for name in listed.split(",")}
    assert extras and extras <= set(_project(checkout)["optional-dependencies"])
    assert all((checkout / script).is_file() for script in re.findall(r"scripts/\S+", commands))


def _text(path):
    return path.read_text(encoding="utf-8")


def _project(checkout):
    return tomllib.loads(_text(checkout / "pyproject.toml"))["project"]


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
        methods = archive.read("napari_uncertainseg/methods.md")
    # A link in the source; a wheel from a checkout without links would hold only where it leads.
    assert methods == (checkout / "docs" / "methods.md").read_bytes()
    assert manifest == (PACKAGE / "napari.yaml").read_bytes()
    wanted = {"py.typed", *(f"models/{name}/MODEL_CARD.md" for name in ("bundled", "brain"))}
    wanted |= {"models/bundled/model.json", "models/brain/weights.safetensors"}
    assert {f"napari_uncertainseg/{name}" for name in wanted} <= names
    assert any(
        name.startswith("napari_uncertainseg/models/bundled/") and name.endswith(".safetensors")
        for name in names
    )
    assert any(name.endswith("/LICENSE") for name in names)
    assert wheel.stat().st_size < 60e6
    assert not [name for name in names if name.startswith(("tests/", "docs/")) or name.endswith(".pyc")]
