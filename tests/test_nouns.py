"""What is segmented, in words."""

import pytest

from napari_uncertainseg.nouns import Noun, is_background, noun_of


@pytest.mark.parametrize(
    ("names", "noun"),
    [
        (["lesion"], "lesion"),
        (["WMH"], "lesion"),
        (["cortical_lesion"], "cortical lesion"),
        (["Tumor core"], "tumor core"),
        (["GTV"], "GTV"),
        (["whole tumour", "tumour core"], "tumour"),
        (["MS", "cortical lesion"], "lesion"),
        (["oedema", "tumour"], "target"),
        ([""], "target"),
        ([], "target"),
    ],
)
def test_a_target_is_called_by_its_classes(names, noun):
    assert noun_of(names) == noun


@pytest.mark.parametrize(
    ("one", "many"), [("tumour", "tumours"), ("kidney", "kidneys"), ("cavity", "cavities")]
)
def test_the_plural(one, many):
    assert (
        Noun(one).many == many and Noun(one).counted(1) == f"1 {one}" and Noun(one).counted(2) == f"2 {many}"
    )


def test_texts_follow_the_noun():
    text = "Lesions: a lesion, the lesion's p, 3 lesions. A lesion of LESION."
    assert Noun().fit(text) is text
    assert Noun("tumour").fit(text) == "Tumours: a tumour, the tumour's p, 3 tumours. A tumour of LESION."
    assert Noun("organ").fit("A lesion") == "An organ" and Noun("GTV").fit("Lesions") == "GTVs"


def test_background_is_known():
    assert is_background("Background") and is_background("bg") and not is_background("background noise")
