"""A room imports only rooms below it: import-linter holds the plan in pyproject.toml."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter

import pytest

MOST_MODULES = 15


def test_the_floors_hold(checkout):
    pytest.importorskip("importlinter")
    found = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=checkout,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_room_has_a_floor(checkout):
    """A new module that no contract names would be free to import anything."""
    configuration = tomllib.loads((checkout / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c["layers"] for c in configuration["contracts"] if c["type"] == "layers")
    named = {name for layer in layers for name in re.findall(r"napari_uncertainseg\.(\w+)", layer)}
    package = checkout / "src" / "napari_uncertainseg"
    rooms = {
        path.stem
        for path in package.iterdir()
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").is_file())
    }
    assert rooms <= named, f"no floor for {sorted(rooms - named)}"


def test_files_stay_short(checkout):
    too_long = {
        str(path.relative_to(checkout)): lines
        for path in (checkout / "src").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not too_long


def test_folders_stay_small(checkout):
    crowded = {
        str(folder.relative_to(checkout)): modules
        for folder in (checkout / "src" / "napari_uncertainseg").rglob("*")
        if folder.is_dir()
        and (modules := sum(path.stem != "__init__" for path in folder.glob("*.py"))) > MOST_MODULES
    }
    assert not crowded


@pytest.mark.parametrize("room", ["widgets", "review", "images"])
def test_folders_of_a_room_import_in_one_direction(checkout, room):
    """Files of one folder may import each other; two folders may not, directly or through a third."""
    home = checkout / "src" / "napari_uncertainseg" / room
    sorter = TopologicalSorter()
    for path in home.rglob("*.py"):
        folder = _part(path.relative_to(home).parts)
        sorter.add(folder, *(_imported_parts(path, f"napari_uncertainseg.{room}") - {folder}))
    assert tuple(sorter.static_order())  # raises CycleError with the circle


def _part(path):
    """What lies directly in the room: a folder, or a module of its own."""
    return path[0].removesuffix(".py")


def _imported_parts(path, package):
    """Parts of a package that a file imports, also inside functions and for types only."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix(package).split(".")[1] for name in names if name.startswith(f"{package}.")}


def test_nothing_loads_a_pickle(checkout):
    """What a user opens is never executed."""
    for path in (checkout / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "dill", "joblib", "cloudpickle"}, path
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert any(
                    k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords
                ), path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"np.load", "numpy.load"}:
                allowed = [ast.unparse(k.value) for k in node.keywords if k.arg == "allow_pickle"]
                assert allowed in ([], ["False"]), path
