"""Zip files of models: whole or refused in one sentence, and nothing is written outside."""

from __future__ import annotations

import random
import stat
import struct
import zipfile

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk import zip_folder
from napari_uncertainseg.disk.zip_folder import unpack


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "around" / "target"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def pack(tmp_path):
    """Write a zip file of entries: names or ZipInfo, and what they hold."""

    def write(*entries, **options):
        path = tmp_path / "model.zip"
        with zipfile.ZipFile(path, "w", **options) as packed:
            for name, content in entries:
                packed.writestr(name, content)
        return path

    return write


def written(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(path, target, message):
    with pytest.raises(InputError, match=message) as caught:
        unpack(path, target)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text and text.endswith(".")
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_files_come_out_as_they_went_in(pack, target, compression):
    files = {
        "m/model.json": b"{}",
        "m/deep/er/w.bin": random.Random(0).randbytes(1_300_000),
        "m/empty": b"",
        "m/ä.txt": b"x",
    }
    unpack(pack(*files.items(), compression=compression), target)
    assert written(target) == files


def test_what_systems_add_and_empty_folders_are_left_out(pack, target):
    unpack(pack(("__MACOSX/._a", b"x"), ("m/.DS_Store", b"x"), ("m/none/", b""), ("m/a", b"y")), target)
    assert written(target) == {"m/a": b"y"} and not (target / "m" / "none").exists()


@pytest.mark.parametrize(
    "name",
    ["../a", "m/../../a", "/a", "m//a", "./a", "c:/a", "c:a", "m\\..\\a", "a:b", "m/a\nb", " a", "a ",
     "x" * 201, "/".join(["x"] * 600), "CON?/a", "m/*"],
)  # fmt: skip
def test_names_that_lead_out_or_do_not_work_everywhere_are_refused(pack, target, name):
    refused(pack(("fine", b"1"), (name, b"2")), target, "is no plain name in a folder")
    assert written(target) == {}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(pack, target, kind):
    entry = zipfile.ZipInfo("m/link")
    entry.external_attr = (kind | 0o777) << 16
    refused(pack((entry, b"/etc/passwd")), target, "is a link or a device")


def test_names_that_are_one_file_on_some_systems_are_refused(pack, target):
    refused(pack(("m/Weights", b"1"), ("M/weights", b"2")), target, "'M/weights' is there twice")


def test_a_file_that_is_a_folder_as_well_is_refused(pack, target):
    refused(pack(("m", b"1"), ("m/a", b"2")), target, "is a file and a folder at once")


def test_a_bomb_is_refused_unread(pack, target):
    path = pack(("zeros", b"\0" * (2 << 20)), compression=zipfile.ZIP_DEFLATED)
    refused(path, target, "packed more than 100 times")
    assert written(target) == {}


def test_a_bomb_that_lies_about_its_size_is_refused_while_it_is_read(pack, target):
    path = pack(("a", b"\0" * (3 << 20)), compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 1000)
    path.write_bytes(data)
    refused(path, target, "is damaged")
    assert sum(map(len, written(target).values())) <= 1000


def test_too_many_and_too_much_are_refused(pack, target, monkeypatch):
    path = pack(("a", b"1" * 100), ("b", b"2" * 100))
    monkeypatch.setattr(zip_folder, "MAX_FILES", 1)
    refused(path, target, "holds 2 files: a model has at most 1")
    monkeypatch.setattr(zip_folder, "MAX_FILES", 2)
    monkeypatch.setattr(zip_folder, "MAX_BYTES", 199)
    refused(path, target, "would take 0 GB: a model has at most 0")


def test_what_does_not_fit_on_the_disk_is_said_before(pack, target, monkeypatch):
    monkeypatch.setattr(zip_folder.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    refused(pack(("a", b"1" * 100)), target, "would take 0 MB, and 0 MB are free")


def test_a_password_is_refused(pack, target):
    path = pack(("a", b"secret"))
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)
    refused(path, target, "is locked with a password")


def test_an_empty_one_is_refused(pack, target):
    refused(pack(), target, "holds no files")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(17), b"no zip" * 1000])
def test_what_is_no_zip_file_is_refused(tmp_path, target, content):
    path = tmp_path / "model.zip"
    path.write_bytes(content)
    refused(path, target, "is not a zip file, is damaged, or cannot be read")


def test_every_cut_and_many_flips_end_in_one_sentence_or_the_true_files(pack, target, tmp_path):
    files = {"m/a": bytes(range(256)) * 4, "m/b": b"text " * 300}
    whole = pack(*files.items(), compression=zipfile.ZIP_DEFLATED).read_bytes()
    path = tmp_path / "spoilt.zip"
    spoilt = [whole[:n] for n in range(0, len(whole), 61)]
    spoilt += [whole[:i] + bytes([whole[i] ^ 0x5A]) + whole[i + 1 :] for i in range(0, len(whole), 7)]
    for i, content in enumerate(spoilt):
        path.write_bytes(content)
        folder = target / str(i)
        folder.mkdir()
        try:
            unpack(path, folder)
        except InputError as error:
            assert str(path) in str(error)
        else:
            found = written(folder)
            assert set(found.values()) <= set(files.values())
    assert list(target.parent.iterdir()) == [target]


def test_a_file_is_read_in_blocks(pack, target, monkeypatch):
    monkeypatch.setattr(zip_folder, "_BLOCK", 7)
    content = bytes(range(256)) * 10
    unpack(pack(("a", content)), target)
    assert written(target) == {"a": content}
