"""What is segmented, in words: a lesion, or what the model's target is called.

The texts of this program speak of lesions. `Noun.fit` makes them speak of the target; with a model of
lesions they stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LESION = "lesion"
SEVERAL = "target"
"""What several classes are called together whose names have nothing in common."""

_LESION = re.compile(
    r"lesion|plaque|hyper.?intens|(?<![a-z])(wmh|wml|ms|tumou?r|stroke|infarct)(?![a-z])", re.IGNORECASE
)
_NO_LESION = re.compile(r"(?<![a-z])(no|non|not|without)[ _-]*(lesion|plaque|wmh|ms|tumou?r)", re.IGNORECASE)
_NOUN = re.compile(r"lesion|plaque|tumou?r|infarct", re.IGNORECASE)
"""Of these a radiologist counts one or several; what else tells of a lesion is short for it."""
_BACKGROUND = re.compile(r"back ?ground|bg", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w/\\.'\"-])(?:(a|A) )?([Ll])esion(s?)(?![\w/\\-]|\.\w)")
"""The word where it stands alone: not in a path, nor at the head of a name in quotes."""
_LONGEST = 40


def is_lesion(name: str) -> bool:
    """Whether the name of a class says that it is a lesion, or something of its kind."""
    return _LESION.search(_NO_LESION.sub("", name)) is not None


def is_background(name: str) -> bool:
    """Whether a class is what is left over."""
    return _BACKGROUND.fullmatch(name.strip().replace("_", " ")) is not None


def noun_of(names: Sequence[str]) -> str:
    """What a target is called, in the singular.

    Parameters
    ----------
    names
        Of the classes that make it.

    Returns
    -------
    str
        The name of the only one; of several the word for a lesion that all have; ``lesion`` for what is short
        for one, such as WMH; ``target`` where there is no such word.
    """
    plain = [" ".join(name.replace("_", " ").split())[:_LONGEST].strip() for name in names]
    if len(plain) == 1 and plain[0] and (_NOUN.search(plain[0]) or not is_lesion(plain[0])):
        return plain[0] if plain[0][1:2].isupper() else plain[0][0].lower() + plain[0][1:]
    shared = [found[0].lower() if (found := _NOUN.search(name)) else "" for name in plain]
    if len(set(shared)) == 1 and shared[0]:
        return shared[0]
    return LESION if plain and all(map(is_lesion, plain)) else SEVERAL


@dataclass(frozen=True)
class Noun:
    """A word for what is segmented.

    Attributes
    ----------
    one
        In the singular, such as ``"tumour"``.
    """

    one: str = LESION

    @property
    def many(self) -> str:
        """In the plural."""
        if re.search(r"(s|x|z|ch|sh)$", self.one, re.IGNORECASE):
            return f"{self.one}es"
        if re.search(r"[^aeiou]y$", self.one, re.IGNORECASE):
            return f"{self.one[:-1]}ies"
        return f"{self.one}s"

    def counted(self, number: int) -> str:
        """So many of them, such as ``"3 tumours"``."""
        return f"{number} {self.one if number == 1 else self.many}"

    def fit(self, text: str) -> str:
        """A text that speaks of lesions, made to speak of this."""
        return text if self.one == LESION else _WORD.sub(self._instead, text)

    def _instead(self, found: re.Match[str]) -> str:
        article, first, plural = found.groups()
        word = self.many if plural else self.one
        if article is None:
            return word[0].upper() + word[1:] if first == "L" else word
        return f"{article}{'n' if word[0].lower() in 'aeiou' else ''} {word}"
