"""Reviews that were begun and not closed, to be offered again with their scans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.made_with import SCANS_NOT_NOTED, scans_in_words
from napari_uncertainseg.review.session.opening import may_resume
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
    fullest
        Verdicts of that of the others which has most, where it has more than this one; else 0.
    needs
        Where it is of the same FLAIR and other scans beside it: with which, and what to do, a sentence.
    """

    session: Session
    verdicts: int
    painted: bool
    same: bool
    last: str = ""
    others: int = 0
    fullest: int = 0
    needs: str = ""

    def waiting(self, reader: str) -> str:
        """What is said of it before the scans are run: short, because a notice is cut after a line.

        Parameters
        ----------
        reader
            Who reads now; nobody else is named, and nobody at all where no name is typed.
        """
        whose = self.session.annotator if " ".join(reader.split()) else ""
        extent = extent_of(self.verdicts, self.painted, by=whose)
        run = self._how_to_go_on()
        if self.others:
            most = f"; another has {pluralised(self.fullest, 'verdict')}" if self.fullest else ""
            return f"{self.others + 1} reviews of this scan wait, the last with {extent}{most}. {run}"
        return f"A review of this scan waits: {extent}. {run}"

    def _how_to_go_on(self) -> str:
        settings = self.session.settings
        scans = settings.scans if isinstance(settings, ReviewSettings) else ()
        if not scans:
            return f"I{SCANS_NOT_NOTED[1:]}: press Run with the same ones as then."
        if len(scans) < 2:
            return "Press Run to go on with it."
        both = "both" if len(scans) == 2 else "all of them"
        return f"Made with {scans_in_words(scans)}: press Run with {both}."

    @property
    def text(self) -> str:
        """Its annotator, start, extent, model and method."""
        settings = self.session.settings
        made = (settings.model, settings.method) if isinstance(settings, ReviewSettings) else ()
        model = ", ".join(name for name in made if name)
        text = (
            f"There is a saved review of {'this scan' if self.needs else 'these scans'}: "
            f"{extent_of(self.verdicts, self.painted, by=self.session.annotator)}, "
            f"started {minute_of(self.session.opened)}"
        )
        text += f", with {model}." if model else "."
        if self.others:
            text += f" Session lists {pluralised(self.others, 'more review')} of these scans"
            text += f", one with {pluralised(self.fullest, 'verdict')}." if self.fullest else "."
        if self.needs:
            return f"{text} {self.needs}"
        return text if self.same else f"{text} It belongs to another segmentation of these scans."


def latest_open_review(
    store: Store,
    annotator: str,
    which: Callable[[Session], bool | None],
    needs: Callable[[Session], str] = lambda session: "",
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
    needs
        What one of the same FLAIR needs beside it; empty where nothing.
    """
    name = " ".join(annotator.split())
    offers: list[ResumeOffer] = []
    for session in store.sessions():
        mine = may_resume(name, session.annotator)
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
            offers.append(replace(offer, needs=needs(session)))
    if not offers:
        return None
    best = max(offers, key=lambda offer: (offer.same, not offer.needs, offer.last))
    most = max(offer.verdicts for offer in offers)
    return replace(best, others=len(offers) - 1, fullest=most if most > best.verdicts else 0)


def _offer_of(store: Store, session: Session, same: bool) -> ResumeOffer | None:
    store.tasks(session.id)  # a session whose tasks cannot be read is not offered
    entries = store.entries(session.id)
    strokes = details_of(entries, PaintedDetails)
    verdicts = len(current_verdicts(entries))
    is_painted = bool(strokes) and strokes[-1][1].mask is not None
    last = max((entry.at for entry in entries), default=session.opened)
    return ResumeOffer(session, verdicts, is_painted, same, last) if verdicts or is_painted else None


def extent_of(verdicts: int, painted: bool, *, by: str = "") -> str:
    """What a review holds, in words, and of whom it is where a name is given."""
    if painted and not verdicts:
        return f"painting, no verdict yet, by {by}" if by else "painting, no verdict yet"
    number = pluralised(verdicts, "verdict")
    extent = f"{number} and painting" if painted else number
    return f"{extent} by {by}" if by else extent


def minute_of(time: str) -> str:
    """A time of the store (ISO 8601, UTC) for display, to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC"
