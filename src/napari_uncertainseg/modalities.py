"""The scans that a network can read: one table that says all there is to say about each modality.

A further modality of our own networks is one entry in `MODALITIES`: ``uncertainseg segment`` then has an
option of its name. Which modalities a model reads, and in which order, is written in its ``model.json``.
Models made elsewhere may read those of `FURTHER_MODALITIES` too, and any other that they have a name for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class Modality:
    """One kind of scan.

    Attributes
    ----------
    title
        What it is called on the screen and in messages.
    words
        Regular expression for file names and headers in lower case.
    bids_suffix
        How the name of its file ends in a BIDS dataset.
    bids_folder
        The folder of a visit that it lies in there.
    normalisation
        How its brightness is normalised, see `images.preparation.normalise`: against the tissue of the
        brain, or as z-score of the brain.
    """

    title: str
    words: str
    bids_suffix: str
    normalisation: Literal["tissue", "z-score"] = "z-score"
    bids_folder: str = "anat"


REFERENCE = "flair"
"""The modality that is always needed: it is segmented, and the others are brought onto its grid."""

MODALITIES: Mapping[str, Modality] = MappingProxyType(
    {
        "flair": Modality("FLAIR", r"flair|dark.?fluid|tirm", "FLAIR", "tissue"),
        "t1": Modality("T1", r"(?<![a-z0-9])t1(?![0-9])|mp.?rage|bravo|spgr", "T1w"),
        "t2": Modality("T2", r"(?<![a-z0-9])t2(?![0-9])", "T2w"),
    }
)
"""By the name in files and in code: the reference first, then in the order of a network's channels."""

FURTHER_MODALITIES: Mapping[str, Modality] = MappingProxyType(
    {
        "t1ce": Modality("T1 with contrast", r"t1.?(post|ce|gd|gad|c(?![a-z])|ks)|post.?contrast", "T1w"),
        "pd": Modality("PD", r"(?<![a-z])pd(?![a-z])|proton.?density", "PDw"),
        "dir": Modality("DIR", r"(?<![a-z])dir(?![a-z])|double.?inversion", "DIR"),
        "mp2rage": Modality("MP2RAGE", r"mp2rage|(?<![a-z0-9])uni(?![a-z])", "UNIT1"),
        "swi": Modality("SWI", r"(?<![a-z])swi(?![a-z])|suscept", "swi", bids_folder="swi"),
        "ct": Modality("CT", r"(?<![a-z])ct(?![a-z])", "ct", bids_folder="ct"),
    }
)
"""Scans that only models made elsewhere read; such a model prepares them in its own way."""

OPTIONAL = tuple(name for name in MODALITIES if name != REFERENCE)
"""Modalities that may be left out."""

_OTHER_SCANS = re.compile(
    r"t1.?(post|ce|gd|gad|c(?![a-z])|ks)|post.?contrast|t2.?(\*|star)|swi|dwi|adc|(?<![a-z])pd(?![a-z])"
)
"""Scans that no network here reads, though some have the words of T1 or T2 in their names."""


def guess_modality(name: str, description: str = "") -> str | None:
    """Guess what a scan is from its name, then from the header's description.

    Returns
    -------
    str or None
        A name of `MODALITIES`; None for anything else, contrast-enhanced T1 and T2* among it.
    """
    for text in (name.lower(), description.lower()):
        # A FLAIR with a contrast agent is a FLAIR: so it comes before the scans that nobody reads.
        if re.search(MODALITIES[REFERENCE].words, text):
            return REFERENCE
        if _OTHER_SCANS.search(text):
            return None
        for modality in OPTIONAL:
            if re.search(MODALITIES[modality].words, text):
                return modality
    return None


def modality_called(name: str) -> str | None:
    """Which scan a name means, of all in both tables; None where it tells none."""
    text = name.lower()
    if re.search(MODALITIES[REFERENCE].words, text):
        return REFERENCE
    for modality, about in FURTHER_MODALITIES.items():
        if re.search(about.words, text):
            return modality
    return guess_modality(text)


def may_be(name: str, modality: str) -> bool:
    """Whether a scan of this name may be of a modality that need not be in a table."""
    if modality in MODALITIES or modality in FURTHER_MODALITIES:
        return modality_called(name) == modality
    return re.search(re.escape(modality.lower()), name.lower()) is not None


@dataclass(frozen=True)
class WantedScans:
    """Which scans of a visit are looked for.

    Attributes
    ----------
    main
        The one that is segmented: a visit without it is none.
    others
        Those that may be beside it.
    """

    main: str = REFERENCE
    others: tuple[str, ...] = OPTIONAL

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, the main one first."""
        return (self.main, *self.others)

    def named(self, name: str) -> str | None:
        """Which of them a scan is by the name of its file; None for any other.

        What only models made elsewhere read comes first: an MP2RAGE is no T1 where both are looked for. A
        FLAIR with a contrast agent is a FLAIR.
        """
        known = guess_modality(name)
        if known != REFERENCE:
            for modality in self.names:
                if modality not in MODALITIES and may_be(name, modality):
                    return modality
        return known if known in self.names else None


OWN_SCANS = WantedScans()
"""What our own networks read: a FLAIR, and T1 and T2 where there are any."""


def wanted_by(modalities: Iterable[str]) -> WantedScans:
    """What is looked for where a model reads these: with a FLAIR also T1 and T2, which readers look at."""
    read = list(modalities)
    main = main_of(read)
    beside = dict.fromkeys([*(OPTIONAL if main == REFERENCE else ()), *read])
    return WantedScans(main, tuple(name for name in beside if name != main))


def main_of(modalities: Iterable[str]) -> str:
    """Which of a case's scans was segmented: the FLAIR where there is one, else the first; "" if none."""
    names = list(modalities)
    return REFERENCE if REFERENCE in names else next(iter(names), "")


def title_of(modality: str) -> str:
    """What a modality is called on the screen; one that is in no table has its own name in capitals."""
    return described(modality).title


def described(modality: str) -> Modality:
    """What is known of a modality; of one that is in no table, only its name."""
    known = MODALITIES.get(modality) or FURTHER_MODALITIES.get(modality)
    return known or Modality(modality.upper(), re.escape(modality.lower()), modality)


def names_in_words(last: str = "and") -> str:
    """All names for a message, such as ``"flair, t1 and t2"``."""
    *first, final = MODALITIES
    return f"{', '.join(first)} {last} {final}"
