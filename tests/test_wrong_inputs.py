"""What is wrong with an input that is there is said in one sentence, before anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .wrong_inputs import HEAVY, Inputs, in_order

_RUN = """
import contextlib, io, json, sys
from napari_uncertainseg.cli import main

heavy, commands = json.load(sys.stdin)
answers = []
for words in commands:
    errors, text = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(text):
        try:
            status = main(words)
        except SystemExit as end:
            status = end.code
    found = [name for name in heavy if name in sys.modules]
    answers.append([status, errors.getvalue(), text.getvalue(), found])
    heavy = [name for name in heavy if name not in found]
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def answers(inputs):
    """What each command says of each wrong input, all in one process: what one imports is there for good."""
    wrong = inputs.wrong()
    asked = json.dumps([HEAVY, [one.words for one in wrong]])
    found = subprocess.run(
        [sys.executable, "-c", _RUN], input=asked, capture_output=True, text=True, check=True
    )
    return list(zip(wrong, json.loads(found.stdout.splitlines()[-1]), strict=True))


def test_nothing_heavy_is_imported_before_a_wrong_input_is_told(answers):
    assert not [(one.name, found) for one, (*_, found) in answers if found]


def test_a_wrong_input_is_told_in_one_sentence(answers):
    for one, (status, errors, text, _) in answers:
        assert (status, text) == (2, ""), (one.name, status, errors, text)
        assert errors.startswith("uncertainseg: ") and errors.count("\n") == 1, (one.name, errors)
        assert one.says in errors, (one.name, errors)


def test_every_command_that_reads_is_there(answers):
    assert {in_order(one.words) for one, _ in answers} >= set(Inputs.commands())


def test_nothing_is_written(inputs, answers):
    assert not [path for path in inputs.folder.iterdir() if path.name.startswith(("new", "kept"))]
