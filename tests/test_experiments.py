"""The scripts of experiments/ find what they take of the package: a name that moves is missed here."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.mark.parametrize("script", sorted(EXPERIMENTS.glob("*.py")), ids=lambda path: path.stem)
def test_what_it_takes_of_the_package_is_there(script: Path):
    wanted = [
        (node.module, one.name)
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("napari_uncertainseg")
        for one in node.names
    ]
    missing = [f"{module}.{name}" for module, name in wanted if not _has(module, name)]
    assert missing == []


def _has(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    try:
        importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True
