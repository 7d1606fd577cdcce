"""Which output of a network is the lesion, by what its maker calls them."""

from __future__ import annotations

import pytest

from napari_uncertainseg.networks.formats.monai.answers import target_of
from napari_uncertainseg.nouns import is_lesion


@pytest.mark.parametrize(
    ("names", "sigmoid", "target"),
    [
        (["lesion", "background"], False, (0,)),
        (["background", "lesion"], False, (1,)),
        (["no lesion", "lesion"], False, (1,)),
        (["no lesion", "lesion"], True, (1,)),
        (["class 0", "class 1"], False, (1,)),
        (["necrosis", "non-enhancing tumor", "edema"], True, (1,)),
        (["background", "liver", "tumour"], False, (2,)),
    ],
)
def test_the_background_is_never_the_target(names, sigmoid, target):
    assert target_of(names, sigmoid=sigmoid) == target


def test_what_is_said_not_to_be_a_lesion_is_none():
    assert not any(map(is_lesion, ["no lesion", "non-lesion", "non_lesion", "without WMH"]))
    assert all(map(is_lesion, ["non-enhancing lesion", "new lesion", "not treated MS", "nodular plaque"]))
