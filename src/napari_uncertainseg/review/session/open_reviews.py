"""Reviews that were begun and not closed, to be offered again with their scans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.session.opening import UNNAMED
from napari_uncertainseg.review.store.current_verdicts import current_verdicts
from napari_uncertainseg.review.store.entry_details import PaintedDetails
from napari_uncertainseg.review.store.journal import details_of
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.session_settings import ReviewSettings
from napari_uncertainseg.review.store.store import Store


@dataclass(frozen=True)
class ResumeOffer:
    """An unfinished review of the current scans.

    Attributes
    ----------
    session
        The review.
    verdicts
        Number of verdicts.
    painted
        Whether something was painted.
    same
        Whether it belongs to the current prediction.
    last
        Time of its last entry, ISO 8601, UTC.
    others
        Number of further reviews of these scans, which the list in Session shows.
    """

    session: Session
    verdicts: int
    painted: bool
    same: bool
    last: str = ""
    others: int = 0

    def waiting(self, reader: str) -> str:
        """What is said of it before the scans are run: short, because a notice is cut after a line.

        Parameters
        ----------
        reader
            Who reads now; nobody else is named, and nobody at all where no name is typed.
        """
        whose = f" by {self.session.annotator}" if " ".join(reader.split()) else ""
        extent = f"{extent_of(self.verdicts, self.painted)}{whose}."
        if self.others:
            return f"{self.others + 1} reviews of this scan wait, the last with {extent}"
        return f"A review of this scan waits: {extent}"

    @property
    def text(self) -> str:
        """Its annotator, start, extent, model and method."""
        settings = self.session.settings
        made = (settings.model, settings.method) if isinstance(settings, ReviewSettings) else ()
        model = ", ".join(name for name in made if name)
        text = (
            f"There is a saved review of these scans: {extent_of(self.verdicts, self.painted)} by "
            f"{self.session.annotator}, started {minute_of(self.session.opened)}"
        )
        text += f", with {model}." if model else "."
        if self.others:
            text += f" Session lists {pluralised(self.others, 'more review')} of these scans."
        return text if self.same else f"{text} It belongs to another segmentation of these scans."


def latest_open_review(
    store: Store, annotator: str, which: Callable[[Session], bool | None]
) -> ResumeOffer | None:
    """The latest open review of some scans, under a reader's name or without one.

    Parameters
    ----------
    store
        Where reviews are saved.
    annotator
        The reader; anybody where it is empty.
    which
        Whether a session belongs to the current prediction; None where it is of other scans.
    """
    name = " ".join(annotator.split())
    offers: list[ResumeOffer] = []
    for session in store.sessions():
        mine = not name or session.annotator in (name, UNNAMED)
        if session.kind != "review" or session.closed is not None or not mine:
            continue
        same = which(session)
        if same is None:
            continue
        try:
            offer = _offer_of(store, session, same)
        except Unreadable:  # the list in Session says so
            continue
        if offer is not None:
            offers.append(offer)
    if not offers:
        return None
    best = max(offers, key=lambda offer: (offer.same, offer.last))
    return replace(best, others=len(offers) - 1)


def _offer_of(store: Store, session: Session, same: bool) -> ResumeOffer | None:
    store.tasks(session.id)  # a session whose tasks cannot be read is not offered
    entries = store.entries(session.id)
    strokes = details_of(entries, PaintedDetails)
    verdicts = len(current_verdicts(entries))
    is_painted = bool(strokes) and strokes[-1][1].mask is not None
    last = max((entry.at for entry in entries), default=session.opened)
    return ResumeOffer(session, verdicts, is_painted, same, last) if verdicts or is_painted else None


def extent_of(verdicts: int, painted: bool) -> str:
    """What a review holds, in words."""
    number = pluralised(verdicts, "verdict")
    return f"{number} and painting" if painted else number


def minute_of(time: str) -> str:
    """A time of the store (ISO 8601, UTC) for display, to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC"
