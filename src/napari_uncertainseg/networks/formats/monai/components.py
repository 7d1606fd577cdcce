"""Components of a configuration: objects with ``_target_``, looked up in lists and never imported."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.monai.references import Resolver

_OF_MONAI = re.compile(r"(?:monai(?:\.\w+)*\.)?([A-Za-z]\w*)")
_MARKS = ("_target_", "_requires_", "_disabled_", "_desc_", "_mode_")
_NOT_READ = ("dtype", "device", "reader", "writer", "output_dtype", "load_path", "map_location")
"""Options that change nothing here, and are often code: numbers are float32 throughout."""
NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})
_AS_TEXT = ("select_fn",)
"""Options that are always code; a text of one of a few forms is understood, see `geometry`."""


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
        value = {"True": True, "true": True}.get(value, value) if isinstance(value, str) else value
        if not isinstance(value, bool):
            raise self.refuse(f"'{name}' of {self.kind} should be true or false")
        return value


def component(resolver: Resolver, key: str, *, only: Collection[str] | None = None) -> Component | None:
    """The component at a key, its references followed; None where it is switched off.

    Parameters
    ----------
    resolver
        Of the configuration.
    key
        Where it stands.
    only
        Options that are looked at; None for all.

    Raises
    ------
    InputError
        If it is none, or not one of MONAI's.
    """
    key, value = resolver.followed(key)
    if isinstance(value, str):
        value = resolver.at(key)  # says what is wrong with it
    place = f"{resolver.name}: '{key}'"
    kind = _kind(value, place)
    if _is_off(resolver, key, value):
        return None
    skipped = {*_MARKS, *_NOT_READ}
    read = [name for name in value if name not in skipped and (only is None or name in only)]
    return Component(kind, {name: _option(resolver, key, name, value[name]) for name in read}, place)


def _option(resolver: Resolver, key: str, name: str, value: Any) -> Any:
    as_text = name in _AS_TEXT and isinstance(value, str)
    return value if as_text else resolver.at(f"{key}::{name}")


def chain(
    resolver: Resolver, key: str, *, unread: Mapping[str, Collection[str]] = NOTHING
) -> list[Component]:
    """The transforms of a list, or of a ``Compose``, in their order; nested ones are put in their place.

    Parameters
    ----------
    resolver
        Of the configuration.
    key
        Where they stand.
    unread
        Kinds of which only some options are looked at, with these.

    Raises
    ------
    InputError
        If there is anything else, or they are nested without end.
    """
    return _chain(resolver, key, unread, ())


def _chain(
    resolver: Resolver, key: str, unread: Mapping[str, Collection[str]], above: tuple[str, ...]
) -> list[Component]:
    key, value = resolver.followed(key)
    place = f"{resolver.name}: '{key}'"
    if key in above:
        raise InputError(f"{place} refers to itself.")
    resolver.count(key)
    above = (*above, key)
    inner = [f"{key}::{n}" for n in range(len(value))] if isinstance(value, list) else resolver.parts(key)
    if inner is not None:
        return [one for part in inner for one in _chain(resolver, part, unread, above)]
    if isinstance(value, str):
        value = resolver.at(key)
    kind = _kind(value, place)
    if _is_off(resolver, key, value):
        return []
    if kind == "Compose":
        return _chain(resolver, f"{key}::transforms", unread, above)
    # MONAI has three names for each: Spacingd, SpacingD and SpacingDict.
    kind = re.sub(r"(?:D|Dict|d)$", "d", kind)
    one = component(resolver, key, only=unread.get(kind))
    return [] if one is None else [Component(kind, one.options, place)]


def _is_off(resolver: Resolver, key: str, value: Mapping[str, Any]) -> bool:
    said = resolver.at(f"{key}::_disabled_") if "_disabled_" in value else False
    return said.strip().lower() == "true" if isinstance(said, str) else bool(said)


def _kind(value: Any, place: str) -> str:
    if not isinstance(value, Mapping) or not isinstance(value.get("_target_"), str):
        raise InputError(f"{place} should be an object with '_target_'.")
    found = _OF_MONAI.fullmatch(value["_target_"])
    if found is None or value.get("_mode_", "default") != "default":
        raise InputError(
            f"{place}: '_target_' {value['_target_'][:80]!r} is not allowed: only MONAI's own are, because a "
            "bundle's own code is not run."
        )
    return found[1]
