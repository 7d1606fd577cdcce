"""Importing the package, and asking the command for help, brings in nothing heavy."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

import napari_uncertainseg

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


_EVERY = """
import argparse, contextlib, io, json, sys
from pathlib import Path
from napari_uncertainseg.cli import main
from napari_uncertainseg.cli.parser import _parser

def leaves(parser, names=()):
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in below:
        for name, one in action.choices.items():
            yield from leaves(one, (*names, name))
    if not below:
        yield names, parser

def words(parser, missing, out):
    reads, writes = parser.get_default("needed") or {}, parser.get_default("writes") or {}
    for action in parser._actions:
        option = action.option_strings[:1]
        if action.dest in reads and (action.required or not option):
            yield from (*option, missing)
        elif action.dest in writes and action.required:
            kind = writes[action.dest]
            yield from (*option, str(out / f"new{kind.endings[0] if kind.endings else ''}"))
        elif action.required:
            yield from (*option, "1")

def said(arguments):
    errors, text = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(text):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
    return [status or 0, errors.getvalue(), text.getvalue()]

"""


def test_help_of_every_command_is_said_before_anything_heavy_is_imported():
    code = _EVERY + ("print(json.dumps({' '.join(n): said([*n, '--help']) for n, _ in leaves(_parser())}))\n")
    found = subprocess.run([sys.executable, "-c", code + _LOADED], capture_output=True, text=True, check=True)
    answers, loaded = (json.loads(line) for line in found.stdout.splitlines()[-2:])
    assert len(answers) > 30
    for name, (status, errors, text) in answers.items():
        assert (status, errors) == (0, "") and text.startswith("usage: uncertainseg"), name
    assert not set(loaded) & {*HEAVY, "numpy", "pydantic", "nibabel"}


def test_what_is_not_there_is_said_before_anything_heavy_is_imported(tmp_path):
    """Every command that reads files: it was 0.8 to 4.2 s of the processor, for imports of no use."""
    missing = tmp_path / "missing"
    code = _EVERY + (
        f"missing, out = {str(missing)!r}, Path({str(tmp_path)!r})\n"
        "commands = [(n, p) for n, p in leaves(_parser()) if p.get_default('needed')]\n"
        "print(json.dumps({' '.join(n): said([*n, *words(p, missing, out)]) for n, p in commands}))\n"
    )
    found = subprocess.run([sys.executable, "-c", code + _LOADED], capture_output=True, text=True, check=True)
    answers, loaded = (json.loads(line) for line in found.stdout.splitlines()[-2:])
    assert len(answers) > 25
    sentences = (f"uncertainseg: {missing}: there is no such file", f"uncertainseg: {missing} is not there;")
    for name, (status, errors, text) in answers.items():
        assert (status, text) == (2, "") and errors.startswith(sentences), (name, errors)
        assert errors.count("\n") == 1, name
    assert not set(loaded) & {*HEAVY, "numpy", "pydantic", "nibabel"}
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_openvino_is_imported_without_its_reports():
    """It would tell its makers; afterwards its reporting module is there again for whoever wants it."""
    code = """
        import sys
        from importlib.util import find_spec
        from napari_uncertainseg.networks.engines.openvino_import import import_openvino
        assert import_openvino() is sys.modules["openvino"]
        used = {name: vars(module)["tm"].__name__ for name, module in sys.modules.items()
                if name.startswith("openvino.tools") and "tm" in vars(module)}
        assert used and set(used.values()) == {"openvino.tools.ovc.telemetry_stub"}, used
        assert "openvino_telemetry" not in sys.modules
        assert find_spec("openvino_telemetry"), "the stub would be used anyway"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_openvino_is_imported_in_one_place():
    for path in Path(napari_uncertainseg.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If)]
        typing = {m for n in blocks if ast.unparse(n.test) == "TYPE_CHECKING" for m in ast.walk(n)}
        for node in set(ast.walk(tree)) - typing:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
                assert "openvino" not in {name.split(".")[0] for name in names}, path


def test_names_at_the_top_are_found_when_asked_for():
    for name in napari_uncertainseg.__all__:
        assert getattr(napari_uncertainseg, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        napari_uncertainseg.nothing  # noqa: B018


def test_import_brings_in_little():
    """Seconds are measured by `uncertainseg bench`; this counts modules, on any machine."""
    code = (
        "import sys; old = set(sys.modules); import napari_uncertainseg; print(len(set(sys.modules) - old))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 60
