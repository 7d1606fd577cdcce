"""No command writes over what it reads, over a file of another kind, or over somebody's results."""

from __future__ import annotations

import argparse
import errno
import json
import os
from pathlib import Path

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main, parser
from napari_uncertainseg.disk.outputs import NUMBERS, PAGE, SEG, TABLE, check_output, check_replaceable
from napari_uncertainseg.disk.replaced_file import replaced_file


def commands(found=None, words=()):
    """Each command with its parser, as (words, parser)."""
    found = parser._parser() if found is None else found
    deeper = [a for a in found._actions if isinstance(a, argparse._SubParsersAction)]
    if not deeper:
        yield words, found
    for action in deeper:
        for name, below in action.choices.items():
            yield from commands(below, (*words, name))


COMMANDS = {words: found for words, found in commands() if words[0] != "bench"}
PAIRS = [
    (words, output, source)
    for words, found in COMMANDS.items()
    for output, kind in (found.get_default("writes") or {}).items()
    for source in found.get_default("reads") or {}
    if kind.endings
]


def looks_like_a_file(action: argparse.Action) -> bool:
    words = {"FILE", "DIR", "PATH", "F", "MASK", "SERIES", "SCAN", "CONFIG", "REPORT", "CASES", "FLAIR"}
    said = str(action.metavar or "").replace("|", ".").split(".")
    return action.type is Path or bool(words & set(said))


@pytest.mark.parametrize("words", COMMANDS, ids="-".join)
def test_every_option_that_names_a_file_is_guarded(words) -> None:
    """A new option made with add_argument, past `_reads` and `_writes`, fails here."""
    found = COMMANDS[words]
    known = {**(found.get_default("reads") or {}), **(found.get_default("writes") or {})}
    assert [a.dest for a in found._actions if looks_like_a_file(a) and a.dest not in known] == []


def arguments(words, tmp_path, output, source, file):
    """A command line in which one output and one input are the same file, all else is made up."""
    line, found = list(words), COMMANDS[words]
    for action in found._actions:
        needed = action.required or action.dest in (output, source)
        if not needed or action.dest == "help":
            continue
        kind = found.get_default("writes").get(action.dest)
        made_up = tmp_path / f"other{kind.endings[0] if kind else ''}"
        value = str(file if action.dest in (output, source) else made_up)
        named = ["name", value] if action.nargs == 2 else [value]
        line += [action.option_strings[-1], *named] if action.option_strings else named
    return line


@pytest.mark.parametrize(
    "link", ["itself", pytest.param("symlink", marks=pytest.mark.posix), "hardlink", "dotted"]
)
@pytest.mark.parametrize(("words", "output", "source"), PAIRS)
def test_no_output_is_an_input(words, output, source, link, tmp_path, capsys) -> None:
    content = b'{"of": "the user"}\n'
    ending = COMMANDS[words].get_default("writes")[output].endings[0]
    given = tmp_path / f"input{ending}"
    given.write_bytes(content)
    other = {
        "itself": given,
        "dotted": tmp_path / "x" / ".." / given.name,
        "symlink": tmp_path / f"symlink{ending}",
        "hardlink": tmp_path / f"hardlink{ending}",
    }[link]
    (tmp_path / "x").mkdir()
    if link == "symlink":
        other.symlink_to(given)
    if link == "hardlink":
        os.link(given, other)
    line = arguments(words, tmp_path, output, source, given)
    at = COMMANDS[words]._option_string_actions
    name = next(key for key, action in at.items() if action.dest == output)
    line[line.index(name) + 1] = str(other)
    assert main(line) == 2
    error = capsys.readouterr().err
    assert "read by this very command" in error and error.count("\n") == 1
    assert given.read_bytes() == content and other.exists()


@pytest.mark.parametrize("column", ["folder", "reference", "raters"])
def test_what_a_table_lists_is_an_input_too(column, tmp_path) -> None:
    results, inner = tmp_path / "o", tmp_path / "o" / "evaluation.json"
    results.mkdir()
    for name in ("summary.json", "lesions.tsv"):
        (results / name).write_text("{}")
    inner.write_text("{}")
    given = tmp_path / "m.json"
    given.write_text("{}")
    cell = {"folder": "o", "reference": "m.json", "raters": f"x.nii.gz; {given}"}[column]
    table = tmp_path / "c.tsv"
    table.write_text(f"{column}\n{cell}\n")
    listed = results / "summary.json" if column == "folder" else given
    for target in (listed, table.with_name("c.tsv")):
        with pytest.raises(InputError, match="read by this very command"):
            check_output(target, NUMBERS, [table], [table])
    check_output(inner, NUMBERS, [table], [table])  # beside the results, but none of them


def test_a_slice_stands_for_its_series(tmp_path) -> None:
    """One file of a DICOM series is read with all others that lie beside it."""
    dicom = b"\0" * 128 + b"DICM"
    for name in ("1.dcm", "2.dcm"):
        (tmp_path / name).write_bytes(dicom)
    (tmp_path / "t.tsv").write_text("dicom\n1.dcm\n")
    for inputs, tables in (([tmp_path / "1.dcm"], []), ([], [tmp_path / "t.tsv"])):
        with pytest.raises(InputError, match="read by this very command"):
            check_output(tmp_path / "2.dcm", SEG, inputs, tables)
    (tmp_path / "scan.nii.gz").touch()
    (tmp_path / "old.json").write_text("{}")
    check_output(tmp_path / "old.json", NUMBERS, [tmp_path / "scan.nii.gz"])  # not of a series


@pytest.mark.parametrize("name", ["base.db", "m.nii.gz", "out", "out.tsv.gz", "x.json", ".tsv.", "o.html "])
def test_the_ending_is_of_the_kind(name, tmp_path) -> None:
    with pytest.raises(InputError, match=r"a table is written as \.tsv"):
        check_output(tmp_path / name, TABLE)
    check_output(tmp_path / "a.TSV", TABLE)
    check_output(tmp_path / "a.htm", PAGE)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", b"SQLite format 3\0" + bytes(200)),
        ("a.html", b"\x1f\x8b\x08\0" + bytes(20)),
        ("a.json", bytes(400)),
        ("a.pdf", b"\x1f\x8b\x08"),
        ("a.png", b"%PDF-1.7"),
        ("a.dcm", b"SQLite format 3"),
        ("a.nii.gz", bytes(128) + b"DICM"),
    ],
)
def test_a_file_of_another_kind_is_kept(name, content, tmp_path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="another kind"), replaced_file(path) as file:
        file.write(b"{}")
    assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


@pytest.mark.posix
def test_folders_pipes_and_devices_are_no_files(tmp_path) -> None:
    os.mkfifo(tmp_path / "p.tsv")
    (tmp_path / "d.tsv").mkdir()
    (tmp_path / "null.tsv").symlink_to("/dev/null")
    for name, word in (("p.tsv", "no plain file"), ("d.tsv", "a folder"), ("null.tsv", "no plain file")):
        with pytest.raises(InputError, match=word):
            check_replaceable(tmp_path / name)


def test_results_are_not_replaced_by_other_outputs(tmp_path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"software": "napari-uncertainseg 0.1.0"}))
    (tmp_path / "lesions.tsv").write_text("label\n")
    with pytest.raises(InputError, match="belongs to the results"):
        check_output(tmp_path / "lesions.tsv", TABLE)
    with pytest.raises(InputError, match="belongs to the results"):
        check_output(tmp_path / "summary.json", NUMBERS)
    check_output(tmp_path / "candidates.tsv", TABLE)


def test_one_file_is_not_two_outputs(tmp_path, capsys) -> None:
    out = str(tmp_path / "o.json")
    assert main(["evaluate", "o", "--reference", "m", "--out", out, "--tsv", out]) == 2
    assert "end its name in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EIO, "does not answer"),
        (errno.ESTALE, "does not answer"),
        (errno.EROFS, "choose another folder"),
        (errno.ENAMETOOLONG, "shorter name"),
    ],
)
def test_what_cannot_be_written_says_what_to_do(number, advice, tmp_path, monkeypatch) -> None:
    path = tmp_path / "t.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", lambda *_: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
    with pytest.raises(InputError, match=advice), replaced_file(path) as file:
        file.write(b"new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    assert advice == "does not answer" or number == errno.EIO or "share" not in advice
