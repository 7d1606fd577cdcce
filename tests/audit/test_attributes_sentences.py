"""What is said of an attribute that is told, or not, from inside or outside the brain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg.audit.attributes.audit import AttributeFound, InputFound
from napari_uncertainseg.audit.attributes.looking import Looking
from napari_uncertainseg.audit.attributes.sentences import sentences
from napari_uncertainseg.audit.attributes.statistics.cross_validation import Told
from napari_uncertainseg.audit.attributes.statistics.delong import Components
from napari_uncertainseg.audit.attributes.telling import ClassTold, InputTold


def found(*inputs: tuple[str, float, float, float], made_of: int = 199) -> AttributeFound:
    """Of inputs: name, area, p after Holm, share from outside."""
    made = {}
    for name, auc, p, share in inputs:
        told = Told(np.zeros((1, 12), int), np.zeros((1, 1, 1)), Components(np.full(6, auc), np.full(6, auc)))
        one = ClassTold("man", 6, 6, told, True)
        said = InputTold(name, np.arange(12), np.arange(12) % 2, (one,), auc, (auc - 0.1, auc))
        said = replace(said, p=p, p_holm=p, permutations=made_of)
        places = np.zeros((2, 1, 1, 1))
        made[name] = InputFound(said, {"man": Looking(1 - share, share, places)})
    return AttributeFound("sex", ("man", "woman"), (6, 6), made)


def test_what_lies_outside_goes_when_it_is_cut_off():
    said = sentences(found(("image", 0.99, 0.01, 0.97), ("mask", 0.5, 1.0, 0.5), ("cropped", 0.5, 1.0, 0.5)))
    assert said[0].startswith("sex can be told from the whole scan (area 0.99, 95 % 0.89 to 0.99, p 0.010")
    assert "not shown that sex can be told from the reference mask" in said[1] and "12 patients" in said[1]
    assert said[2].startswith("Cutting to the brain changes the area from 0.99 to 0.50: once what is outside")
    assert said[3:] == [
        "Of what sets 'man' apart from the others in the whole scan, 97 % comes from outside the brain."
    ]


def test_what_lies_in_the_brain_stays():
    said = sentences(found(("image", 0.9, 0.02, 0.1), ("cropped", 0.95, 0.01, -0.5)))
    assert said[0].count("area") == 2 and "cutting does not remove it" in said[1]
    assert "10 % comes from outside" in said[2] and "all comes from inside the brain" in said[3]


def test_what_is_hidden_by_the_rest_is_said():
    said = sentences(found(("image", 0.6, 0.4, 1.3), ("cropped", 0.95, 0.01, 1.3)))
    assert any("rather hides sex" in one for one in said)
    assert any("in the scan cut to the brain, all comes from outside the brain" in one for one in said)


@pytest.mark.parametrize("share", [0.0, 1.0, 1.04, -0.04])
def test_shares_just_beyond_their_ends_are_shares(share):
    said = sentences(found(("image", 0.9, 0.02, share)))
    assert f"{100 * share:.0f} % comes from outside" in said[-1]


@pytest.mark.parametrize(("permutations", "says"), [(38, True), (39, False)])
def test_permutations_that_cannot_show_anything_are_said(permutations, says):
    """Of two inputs the smallest corrected p is 2 / (permutations + 1)."""
    said = sentences(found(("image", 0.9, 0.06, 1), ("mask", 0.9, 0.06, 1), made_of=permutations))
    assert any("no test can show anything: 2 inputs need at least 39." in one for one in said) == says
