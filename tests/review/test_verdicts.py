"""What each verdict means, and that the screen knows each that a reviewer can give."""

from __future__ import annotations

import pytest

from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.verdicts import (
    DECISIONS,
    UNDECIDED,
    VERDICTS,
    confirms_model,
    says_lesion,
)


@pytest.mark.parametrize(
    ("decision", "lesion", "right_lesion", "right_candidate"),
    [
        ("accepted", True, True, False),
        ("edited", True, False, False),
        ("rejected", False, False, True),
        ("unsure", None, False, False),
        ("outlined", None, False, False),
    ],
)
def test_what_verdicts_mean(decision, lesion, right_lesion, right_candidate) -> None:
    assert says_lesion(decision) is lesion
    assert confirms_model(decision, candidate=False) is right_lesion
    assert confirms_model(decision, candidate=True) is right_candidate


def test_what_a_reviewer_can_give_is_in_the_table_and_shown_as_it_is() -> None:
    assert set(DECISIONS) <= set(VERDICTS)
    assert {decision: VERDICTS[decision].shown for decision in DECISIONS} == {d: d for d in DECISIONS}
    assert {meaning.shown for meaning in VERDICTS.values()} <= set(DECISIONS)
    assert VERDICTS[UNDECIDED].is_lesion is None
    assert [CurrentVerdict(1, said).shown for said in ("edited", "of a later version")] == [
        "accepted",
        UNDECIDED,
    ]


def test_the_list_and_the_layers_know_each_verdict() -> None:
    from napari_uncertainseg.widgets.layers.colours import VERDICT_COLOURS
    from napari_uncertainseg.widgets.lesions.table_model import STATES

    assert set(VERDICT_COLOURS) == set(DECISIONS) == set(STATES) - {"to do"}
