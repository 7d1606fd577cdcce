"""Components of a configuration: objects with ``_target_``, looked up in lists and never imported."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.monai.references import Resolver

_OF_MONAI = re.compile(r"(?:monai(?:\.\w+)*\.)?([A-Za-z]\w*)")
_MARKS = ("_target_", "_requires_", "_disabled_", "_desc_", "_mode_")


@dataclass(frozen=True)
class Component:
    """One component, all values plain.

    Attributes
    ----------
    kind
        Its class in MONAI, of dictionary transforms the name that ends in ``d``.
    options
        What it is made with.
    place
        File and key, for messages.
    """

    kind: str
    options: Mapping[str, Any]
    place: str

    def refuse(self, why: str) -> InputError:
        """An error that says where the component stands."""
        return InputError(f"{self.place}: {why}.")

    def check_known(self, known: Collection[str], ignored: Collection[str] = ()) -> None:
        """Refuse options that would change what comes out.

        Parameters
        ----------
        known
            Those that are honoured.
        ignored
            Those that do not change what comes out.

        Raises
        ------
        InputError
            With the first other one.
        """
        for name in self.options:
            if name not in known and name not in ignored:
                raise self.refuse(
                    f"'{name}' of {self.kind} is not honoured; leave it out or set up the model anew"
                )

    def number(self, name: str, otherwise: float | None = None) -> float | None:
        """An option that is a number."""
        value = self.options.get(name, otherwise)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.refuse(f"'{name}' of {self.kind} should be a number")
        return None if value is None else float(value)

    def required(self, name: str) -> float:
        """An option that is a number and must be there."""
        value = self.number(name)
        if value is None:
            raise self.refuse(f"'{name}' of {self.kind} should be a number")
        return value

    def truth(self, name: str, otherwise: bool = False) -> bool:
        """An option that is true or false."""
        value = self.options.get(name, otherwise)
        if not isinstance(value, bool):
            raise self.refuse(f"'{name}' of {self.kind} should be true or false")
        return value


def component(value: Any, place: str) -> Component | None:
    """A component of a plain value; None where it is switched off.

    Raises
    ------
    InputError
        If it is none, or not one of MONAI's.
    """
    kind = _kind(value, place)
    if value.get("_disabled_") in (True, "true", "True"):
        return None
    return Component(kind, {k: v for k, v in value.items() if k not in _MARKS}, place)


def chain(resolver: Resolver, key: str, *, skip: Collection[str] = ()) -> list[Component]:
    """The transforms of a list, or of a ``Compose``, in their order; nested ones are put in their place.

    Parameters
    ----------
    resolver
        Of the configuration.
    key
        Where they stand.
    skip
        Kinds that are left out, unread.
    """
    key, value = resolver.followed(key)
    place = f"{resolver.name}: '{key}'"
    if isinstance(value, list):
        return [one for n in range(len(value)) for one in chain(resolver, f"{key}::{n}", skip=skip)]
    kind = _kind(value, place)
    if kind == "Compose":
        return chain(resolver, f"{key}::transforms", skip=skip)
    # MONAI has three names for each: Spacingd, SpacingD and SpacingDict.
    kind = re.sub(r"(?:D|Dict|d)$", "d", kind)
    one = None if kind in skip else component(resolver.at(key), place)
    return [] if one is None else [Component(kind, one.options, place)]


def _kind(value: Any, place: str) -> str:
    if not isinstance(value, Mapping) or not isinstance(value.get("_target_"), str):
        raise InputError(f"{place} should be an object with '_target_'.")
    found = _OF_MONAI.fullmatch(value["_target_"])
    if found is None or value.get("_mode_", "default") != "default":
        raise InputError(
            f"{place}: '_target_' {value['_target_'][:80]!r} is not allowed: only MONAI's own are."
        )
    return found[1]
