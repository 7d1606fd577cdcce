"""Which model made the results that are shown, in a line and in a tooltip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from napari_uncertainseg._base import pluralised

_ENSEMBLE = "ensemble"
"""The method whose members are networks; of the others they come from one network."""
_FURTHER = (("Ran on", "device"), ("Hash of the model", "model_sha256"))


def model_line(information: Mapping[str, Any]) -> str:
    """Model, version, method and members in a line; empty where results do not say their model.

    Parameters
    ----------
    information
        Of a prediction; what a file says may be anything.
    """
    model, count = information.get("model"), information.get("members")
    if not isinstance(model, str):
        return ""
    version, method = information.get("model_version"), information.get("method")
    name = f"{model} {version}" if isinstance(version, str) and version else model
    members = _members(method, count) if _is_number(count) else ""
    return f"Model: {', '.join(part for part in (name, method, members) if isinstance(part, str) and part)}"


def target_line(information: Mapping[str, Any]) -> str:
    """Which classes were segmented, in a line; empty where the model has no several classes."""
    classes, chosen = information.get("classes"), information.get("target_classes")
    if not isinstance(classes, list) or len(classes) < 2 or not isinstance(chosen, list):
        return ""
    names = [name for name in chosen if isinstance(name, str)]
    return f"Target: {' + '.join(names)}" if names else ""


def model_tip(information: Mapping[str, Any]) -> str:
    """What else is known of how the results were made, in lines; empty where nothing is."""
    if not isinstance(information.get("model"), str):
        return ""
    method, count = information.get("method"), information.get("members")
    one = "All members come from one network." if _is_number(count) and method != _ENSEMBLE else ""
    known = [
        f"{title}: {information[key]}" for title, key in _FURTHER if isinstance(information.get(key), str)
    ]
    return "\n".join(line for line in (one, *known) if line)


def _members(method: object, count: int) -> str:
    return pluralised(count, "network" if method == _ENSEMBLE else "member")


def _is_number(count: object) -> TypeGuard[int]:
    return isinstance(count, int) and not isinstance(count, bool)
