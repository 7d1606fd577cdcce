"""Which scans decide what is cut off around them."""

from __future__ import annotations

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.foreign_steps import Crop
from napari_uncertainseg.networks.formats.monai.components import Component
from napari_uncertainseg.networks.formats.monai.transforms import read_preprocessing


def steps(names: list[str], source: str, *, first: bool) -> tuple:
    keys = names if first else ["all"]
    join = Component("ConcatItemsd", {"keys": names, "name": "all"}, "here")
    crop = Component("CropForegroundd", {"keys": keys, "source_key": source, "allow_smaller": True}, "here")
    order = [crop, join] if first else [join, crop]
    return read_preprocessing([Component("LoadImaged", {"keys": names}, "here"), *order], len(names))[0].steps


def test_a_box_by_one_scan_of_several_is_not_taken_for_one_by_all():
    """MONAI looks at that scan only: what the other one shows beyond its box would be read here."""
    with pytest.raises(InputError, match="'source_key' of CropForegroundd is 't1', one of 2 scans"):
        steps(["flair", "t1"], "t1", first=True)
    assert isinstance(steps(["flair", "t1"], "all", first=False)[0], Crop)
    assert isinstance(steps(["flair"], "flair", first=True)[0], Crop)
