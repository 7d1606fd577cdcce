"""JSON from elsewhere is read whole, or refused with one sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import parse_json, read_json

HUGE = "1" * 400


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ('"text"', "not a text"),
        ("[]", "not a list"),
        ("3", "not a number"),
        ("null", "not null"),
        ("true", "not a truth"),
        (f'{{"a": {HUGE}}}', "400 digits"),
        (f'{{"a": -{HUGE}}}', "too large"),
        (f'{{"a": {"9" * 5000}}}', "too large"),
        (f"{HUGE}", "too large"),
        ('{"a": 18446744073709551616}', "too large"),
        ('{"a": 1e999}', "too large"),
        (f'{{"a": {HUGE}.5e{HUGE}}}', "too large"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": [-Infinity]}', "Infinity is no number"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"\\udfff": 1}', "half a character"),
        ('{"a": ["\\udc80"]}', "half a character"),
        ('{"a":' * 100000, "nested too deep"),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", "nested too deep"),
        ('{"a": 1} {"b": 2}', "Extra data"),
    ],
)
def test_what_is_no_object_of_plain_values_is_refused(text, wrong) -> None:
    with pytest.raises(InputError, match=wrong) as caught:
        parse_json(text, "x.json")
    assert str(caught.value).startswith("x.json") and len(str(caught.value)) < 200


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=3), plain, max_size=3))
def test_what_json_writes_comes_back(content) -> None:
    assert parse_json(json.dumps(content), "x") == content


@given(st.text())
def test_no_text_ends_in_another_error(text) -> None:
    try:
        assert isinstance(parse_json(text, "x"), dict)
    except InputError as error:
        assert str(error).startswith("x ")


def test_files(tmp_path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="is not there"):
        read_json(path, most_bytes=10)
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(InputError, match="UTF-8"):
        read_json(path, most_bytes=100)
    with pytest.raises(InputError, match="larger than"):
        read_json(path, most_bytes=3)
    with pytest.raises(InputError, match="no file"):
        read_json(tmp_path, most_bytes=100)
    gone = tmp_path / "my-model" / "dataset.json"
    with pytest.raises(InputError) as error:
        read_json(gone, most_bytes=100)
    assert str(gone) in str(error.value)
    path.write_text('{"a": 1}')
    assert read_json(path, most_bytes=100) == {"a": 1}
