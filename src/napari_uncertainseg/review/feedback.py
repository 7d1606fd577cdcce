"""What a reader says of a verdict beside it, if they like: why it was hard, and how sure they are.

Three steps of sureness: with an accepted or a rejected lesion they make a rating scale of six categories as
observer studies use it, from "definitely a lesion" to "definitely none", and one key gives a step. The steps
have an order and no distance: how much surer one is than another, nobody knows. More than six steps change
ROC curves little (Hadjiiski et al., Acad. Radiol. 14:38, 2007).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from napari_uncertainseg._base import one_line

Reason = Literal["size", "contrast", "place", "artefact", "border", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why a verdict was hard: of the lesion its size, contrast, place or border, or an artefact, or another."""
SURENESS: Mapping[int, str] = MappingProxyType({3: "sure", 2: "fairly sure", 1: "not sure"})
"""How sure a reader is of a verdict, the surest first."""
LONGEST_NOTE = 200
"""Characters of the note on the other reason."""


@dataclass(frozen=True)
class Feedback:
    """What a reader said of one verdict.

    Attributes
    ----------
    reasons
        Why it was hard, some of `REASONS` in their order; empty where nothing was ticked.
    sureness
        One of `SURENESS`; None where nothing was ticked.
    note
        What the other reason is: one line of at most `LONGEST_NOTE` characters; empty without that reason.
    """

    reasons: tuple[str, ...] = ()
    sureness: int | None = None
    note: str = ""

    def __bool__(self) -> bool:
        return self != NO_FEEDBACK

    def toggle_reason(self, reason: str) -> Feedback:
        """Tick a reason, or take its tick away; the note goes with the other reason."""
        ticked = set(self.reasons) ^ {reason}
        reasons = tuple(one for one in REASONS if one in ticked)
        return replace(self, reasons=reasons, note=self.note if "other" in reasons else "")

    def toggle_sureness(self, sureness: int) -> Feedback:
        """Tick how sure the reader is in place of what was ticked, or take the tick away."""
        return replace(self, sureness=None if self.sureness == sureness else sureness)

    def noted(self, text: str) -> Feedback:
        """Note what the other reason is, which is ticked then; an empty text takes the note away only."""
        note = one_line(text)[:LONGEST_NOTE].strip()
        ticked = self if "other" in self.reasons or not note else self.toggle_reason("other")
        return replace(ticked, note=note)

    def written(self) -> dict[str, Any]:
        """As a journal entry holds it."""
        return {"reasons": list(self.reasons), "sureness": self.sureness, "note": self.note}

    def in_words(self) -> str:
        """Such as ``size, other (two lesions in one); not sure``; ``nothing ticked`` where nothing is."""
        reasons = [f"other ({self.note})" if r == "other" and self.note else r for r in self.reasons]
        parts = [", ".join(reasons), SURENESS.get(self.sureness or 0, "")]
        return "; ".join(part for part in parts if part) or "nothing ticked"


NO_FEEDBACK = Feedback()
"""Nothing was ticked."""
