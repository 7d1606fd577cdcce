"""Arrays that are kept in files."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg.disk.kept_arrays import file_of, read_arrays, write_arrays


def test_what_was_kept_is_read_again(tmp_path):
    file = file_of(tmp_path / "new", [1, "a", {"stage": None}])
    backwards = np.arange(6.0, dtype=np.float32).reshape(2, 3)[:, ::-1]
    write_arrays(file, {"a": backwards}, {"model": "bundled"})
    arrays, about = read_arrays(file)
    np.testing.assert_array_equal(arrays["a"], backwards)
    assert about == {"model": "bundled"}
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_what_was_made_otherwise_has_another_name(tmp_path):
    names = {file_of(tmp_path, decides).name for decides in ([1, "a"], [1, "b"], [2, "a"], [1, "a", None])}
    assert len(names) == 4
    assert file_of(tmp_path, [{"x": 1, "y": 2}]) == file_of(tmp_path, [{"y": 2, "x": 1}])


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 40, b"\x08" + b"\0" * 7 + b'{"a":1} '])
def test_what_is_damaged_counts_as_none(tmp_path, content):
    file = tmp_path / "a.safetensors"
    if content is not None:
        file.write_bytes(content)
    assert read_arrays(file) is None


def test_a_file_that_is_cut_off_counts_as_none(tmp_path):
    file = file_of(tmp_path, ["cut"])
    write_arrays(file, {"a": np.ones(100)}, {})
    file.write_bytes(file.read_bytes()[:-8])
    assert read_arrays(file) is None
