"""Nothing that is printed steers the terminal, whatever names and headers hold."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError, one_line, visible
from napari_uncertainseg.cli import main
from napari_uncertainseg.cli.progress import ProgressLine
from napari_uncertainseg.cli.terminal import PlainStream, plain_streams
from napari_uncertainseg.images.files import stem

HOSTILE = "a\x1b[31mb\x07\x9b2J\u202ec\rd\x00\u2028\u2066\u061c"


@given(st.text())
def test_only_line_feeds_and_tabs_are_left(text) -> None:
    shown = visible(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown if c not in "\t\n")
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    shown.encode()
    assert "\n" not in one_line(text)
    assert visible(shown) == shown


def test_other_letters_stay() -> None:
    text = "Größe é 漢字 שלום \t x\n"
    assert visible(text) == text


class Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self) -> bool:
        return True


def test_print_and_progress_pass_through(monkeypatch) -> None:
    out, error = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", error)
    with plain_streams():
        print(HOSTILE, "é", "\udce9")
        with ProgressLine() as progress:
            progress(f"reading {HOSTILE}", 0.5)
        assert isinstance(sys.stderr, PlainStream) and sys.stderr.isatty()
    assert out.getvalue().isascii() and "\x1b" not in out.getvalue() and "<U+001B>[31m" in out.getvalue()
    assert error.getvalue().replace("\r\x1b[K", "").isprintable()
    assert sys.stdout is out


@pytest.mark.parametrize(
    "command", ["segment", "evaluate", "session list", "models show", "calibrate", "view"]
)
def test_names_on_the_command_line(command, capsys, tmp_path) -> None:
    words = command.split()
    line = [*words, str(tmp_path / HOSTILE.replace("\x00", ""))]
    line += {"segment": ["--out", str(tmp_path / "o")], "evaluate": ["--reference", "m"]}.get(words[0], [])
    assert main(line) == 2
    told = "".join(capsys.readouterr())
    assert told.count("\n") == 1 and told.strip().isprintable() and "<U+001B>" in told


def test_unknown_arguments_too(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["models", "list", f"--{HOSTILE}"])
    assert capsys.readouterr().err.strip().isprintable()


def test_a_models_description(capsys, tmp_path, monkeypatch) -> None:
    from napari_uncertainseg.networks import catalog

    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.json").write_text(json.dumps({"name": f"{HOSTILE}\nbundled"}))
    assert main(["models"]) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_names_of_layers_and_cases(tmp_path) -> None:
    assert stem(tmp_path / f"{HOSTILE[:-5]}\nx.nii.gz".replace("\x00", "")).isprintable()
    with pytest.raises(InputError) as caught:
        raise InputError(one_line(HOSTILE))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "line",
    [
        ["session", "postgresql://me:s3cret@host/name"],
        ["session", "list", "a.db", "postgresql://me:s3cret@host/name"],
        ["session", "list", "a.db", "postgresql:/me:s3@cret@host/name"],
        ["session", "export", "a.db", "--out", "postgresql://me:s3cret@host/name"],
        ["evaluate", "postgresql://me:s3cret@host/name", "--reference", "m.nii.gz"],
        ["session", "list", "a.db", "host=h", "password=s3cret"],
        ["session", "list", "a.db", "host=h password='my s3cret' user=me"],
        ["session", "list", "a.db", r"host=h password='it\'s s3cret' user=me"],
        ["session", "list", "a.db", 'password="my s3cret"'],
    ],
)
def test_no_message_tells_a_password(line, capsys) -> None:
    try:
        status = main(line)
    except SystemExit as stop:  # argparse
        status = stop.code
    told = "".join(capsys.readouterr())
    assert status == 2 and told.count("\n") == 1
    assert "cret" not in told


@pytest.mark.posix
def test_an_output_that_is_a_link_to_itself_is_refused(capsys, tmp_path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert main(["segment", "a.nii.gz", "--out", str(tmp_path / "loop")]) == 2
    assert "loop" in capsys.readouterr().err
