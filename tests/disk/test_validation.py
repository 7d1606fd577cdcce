"""A wrong value in a file is answered with its file, its key, what would be right, and what was there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from pydantic import ConfigDict, Field, TypeAdapter

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.validation import Strict, key_in_toml, validated, validated_json


class Inner(Strict):
    model_config = ConfigDict(extra="forbid")

    size: float = Field(gt=0, description="a number above 0")
    names: tuple[str, ...] = Field(default=(), strict=False, description="a list of texts")


class Outer(Strict):
    inner: Inner = Field(description="a table")
    other: Inner | None = Field(default=None, description="a table, or null")
    count: int = 1


GOOD = {"inner": {"size": 2}}


def test_what_is_right_is_read_and_what_is_left_out_has_its_default():
    read = validated(Outer, GOOD | {"unknown": 1}, "f")
    assert (read.inner.size, read.inner.names, read.other, read.count) == (2.0, (), None, 1)
    assert validated(Outer, {"inner": {"size": 2, "names": ["a"]}}, "f").inner.names == ("a",)


@pytest.mark.parametrize(
    ("content", "in_json", "in_toml"),
    [
        ({}, "'inner' is missing, it should be a table", "'inner' is missing, it should be a table"),
        ({"inner": 3}, "'inner' should be a table, not 3", "'inner' should be a table, not 3"),
        (
            {"inner": {"size": -1}},
            "'size' in 'inner' should be a number above 0, not -1",
            "[inner] size should be a number above 0, not -1",
        ),
        (
            {"inner": {"size": True}},
            "'size' in 'inner' should be a number above 0, not true",
            "[inner] size should be a number above 0, not true",
        ),
        (
            {"inner": {"size": None}},
            "'size' in 'inner' is missing, it should be a number above 0",
            "[inner] size is missing, it should be a number above 0",
        ),
        (
            {"inner": {"size": 1, "names": ["a", 2]}},
            "'names' in 'inner' should be a list of texts, not 2",
            "[inner] names should be a list of texts, not 2",
        ),
        (
            {"inner": {"size": 1, "sise": 1}},
            "'sise' in 'inner' is an unknown key; known are size, names",
            "[inner] sise is an unknown key; known are size, names",
        ),
        (
            GOOD | {"other": {"size": "1"}},
            "'size' in 'other' should be a number above 0, not \"1\"",
            '[other] size should be a number above 0, not "1"',
        ),
        (
            GOOD | {"count": 1.5},
            "'count' should be a whole number, not 1.5",
            "'count' should be a whole number, not 1.5",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(content, in_json, in_toml):
    with pytest.raises(InputError) as refused:
        validated(Outer, content, "a.json")
    assert str(refused.value) == f"a.json: {in_json}."
    with pytest.raises(InputError) as refused:
        validated(Outer, content, "a.toml", key=key_in_toml)
    assert str(refused.value) == f"a.toml: {in_toml}."


def test_a_long_value_is_cut():
    with pytest.raises(InputError) as refused:
        validated(Outer, {"inner": "x" * 1000}, "a.json")
    assert len(str(refused.value)) < 120


@dataclass(frozen=True)
class Plain:
    low: float
    high: float

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise InputError("low lies above high.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"low": 1}', "'high' is missing"),
        ('{"low": 1, "high": "2"}', "'high' should be a number, not \"2\""),
        ('{"low": 1, "high": 2, "more": 3}', "'more' is an unknown key"),
        ('{"low": 3, "high": 2}', "f: low lies above high."),
    ],
)
def test_a_dataclass_is_checked_by_its_own_rules_too(text, says):
    assert validated_json(TypeAdapter(Plain), '{"low": 1, "high": 2}', "f") == Plain(1, 2)
    with pytest.raises(InputError) as refused:
        validated_json(TypeAdapter(Plain), text, "f")
    assert says in str(refused.value)
