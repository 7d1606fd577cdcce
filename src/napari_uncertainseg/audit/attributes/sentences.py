"""What the audit of attributes amounts to, in plain sentences."""

from __future__ import annotations

import math

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.audit.attributes.audit import AttributeFound, InputFound, too_few
from napari_uncertainseg.audit.attributes.inputs import BOTH, BOTTLENECK, CROPPED, IMAGE, MASK
from napari_uncertainseg.audit.attributes.telling import FEWEST, InputTold

WORDS = {
    IMAGE: "the whole scan",
    MASK: "the reference mask",
    BOTH: "the scan and the mask together",
    CROPPED: "the scan cut to the brain",
    BOTTLENECK: "the network's bottleneck",
}
"""What inputs are called."""
_CLEARLY = 0.05
_SHOWN = 0.05
"""Largest p, corrected, with which something is shown."""


def sentences(found: AttributeFound) -> list[str]:
    """What can be said of an attribute, the most important first.

    Parameters
    ----------
    found
        What was found.
    """
    if found.why_not:
        return [found.why_not]
    said: list[str] = []
    if not any(one.told.tested for one in found.inputs.values()):
        said.append(
            f"{found.attribute}: nothing can be tested. A test needs {FEWEST} patients of a class and "
            f"{FEWEST} others; there are {_counts(found)}. The areas are shown, and prove nothing."
        )
    else:
        said += _told(found)
        said += _permutations(found)
        said += _cropping(found)
        said += _looking(found)
    tested = next((one.told.tested for one in found.inputs.values() if one.told.tested), ())
    if len(found.names) > 2 and tested:
        names = _listed([f"'{one.name}'" for one in tested])
        each = ", each" if len(tested) > 1 else ""
        said.insert(0, f"{found.attribute} means here: {names}{each} against all others.")
    few = too_few(found)
    if few and said and "nothing can be tested" not in said[0]:
        said.append(
            f"{', '.join(few)}: fewer than {FEWEST} patients, shown and not tested by "
            f"{'itself' if len(few) == 1 else 'themselves'}; they count among the others."
        )
    said += [
        f"All patients have the same features of {WORDS[name]}: nothing can be told from it."
        for name, one in found.inputs.items()
        if one.told.same
    ]
    return said


def _counts(found: AttributeFound) -> str:
    return ", ".join(f"{name} ({count})" for name, count in zip(found.names, found.counts, strict=True))


def _told(found: AttributeFound) -> list[str]:
    shown = [one.told for one in found.inputs.values() if one.told.shown]
    others = [one.told for one in found.inputs.values() if one.told.tested and not one.told.shown]
    said = []
    if shown:
        said.append(f"{found.attribute} can be told from {_listed([_area(one) for one in shown])}.")
    if others:
        said.append(
            f"It is not shown that {found.attribute} can be told from "
            f"{_listed([_area(one) for one in others])}. With "
            f"{pluralised(sum(found.counts), 'patient')} this does not mean that it cannot."
        )
    return said


def _permutations(found: AttributeFound) -> list[str]:
    """That nothing could have been shown, where too few permutations were asked for."""
    made = [one.told.permutations for one in found.inputs.values() if one.told.tested]
    needed = math.ceil(len(made) / _SHOWN) - 1
    if not made or max(made) >= needed:
        return []
    return [
        f"With {pluralised(max(made), 'permutation')} no test can show anything: "
        f"{pluralised(len(made), 'input')} need at least {needed}."
    ]


def _area(one: InputTold) -> str:
    low, high = one.interval
    between = f", 95 % {low:.2f} to {high:.2f}" if low == low else ""
    return f"{WORDS[one.input]} (area {one.auc:.2f}{between}, p {one.p_holm:.3f} after Holm)"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _cropping(found: AttributeFound) -> list[str]:
    if not {IMAGE, CROPPED} <= set(found.inputs):
        return []
    whole, cut = found.inputs[IMAGE].told, found.inputs[CROPPED].told
    if not whole.tested or not (whole.shown or cut.shown):
        return []
    change = f"Cutting to the brain changes the area from {whole.auc:.2f} to {cut.auc:.2f}"
    if not whole.shown:
        return [f"{change}: what is outside the brain rather hides {found.attribute}."]
    if cut.shown:
        return [f"{change}: {found.attribute} is in the brain's own picture, and cutting does not remove it."]
    return [
        f"{change}: once what is outside the brain is removed, it is no longer shown that it can be told."
    ]


def _looking(found: AttributeFound) -> list[str]:
    said = []
    for name in (IMAGE, CROPPED):
        one = found.inputs.get(name)
        if one is not None and one.told.shown:
            said += [_share(found, one, label) for label in (c.name for c in one.told.tested)]
    return [line for line in said if line]


def _share(found: AttributeFound, one: InputFound, label: str) -> str:
    share = one.looking[label].share_outside
    if share != share:
        return ""
    what = f"Of what sets '{label}' apart from the others in {WORDS[one.told.input]}"
    if -_CLEARLY <= share <= 1 + _CLEARLY:
        return f"{what}, {100 * share:.0f} % comes from outside the brain."
    side = "outside" if share > 1 else "inside"
    return f"{what}, all comes from {side} the brain; the rest speaks against it."
