"""Texts of the overlays: whether they are drawn, and which map."""

from __future__ import annotations

BUTTON, HIDDEN = "Overlays", "Overlays hidden"
TIP = "Everything that is drawn over the scan: outlines of lesions, heat maps, outlines of the brain."
TIP_KEY = "{}: hide and show; held, only for as long as it is held."
NOTHING = "There is nothing over the scan yet."
NONE_SHOWN = "There is nothing to hide: all overlays are switched off in the list of layers."
NO_MAPS_YET = "There is no heat map yet."
NO_MAPS = (
    "The heat maps were removed from the list of layers. Open the results or run again to get them back."
)
IN_3D = "In 3-D nothing lies over a scan."
IN_EXERCISE = "An exercise shows no overlays."
SENTENCE = "Overlays are hidden:\nlesions may be here."
SENTENCE_KEY = SENTENCE + "\n{} shows them."
SHOWN_AGAIN = "Lesions were hidden: they are shown again. Nothing was changed yet, so do it again."
TOGGLE_MEANING = "Hide everything that is drawn over the scan, and show it again; held, only meanwhile."
NEXT_MEANING = "Show the next heat map; after the last, none."

MAP, NONE = "Map: {}", "none"
MAP_TIP = "The heat map over the scan, and how opaque it is."
NO_MAP_TIP = "No heat map is shown."
OPACITY = "Opacity {} %"
_LONGEST = 20


def map_button(title: str | None) -> str:
    """On the button: the map that is shown, in few letters."""
    named = NONE if title is None else title
    return MAP.format(named if len(named) <= _LONGEST else named[: _LONGEST - 1].rstrip() + "…")


def sentence(key: str) -> str:
    """On the canvas while overlays are hidden."""
    return SENTENCE_KEY.format(key) if key else SENTENCE


def tip(why: str, key: str) -> str:
    """Of the button.

    Parameters
    ----------
    why
        Why there is nothing to hide; empty where there is.
    key
        Of hiding and showing; empty where it has none.
    """
    return "\n".join([TIP, *([why] if why else []), *([TIP_KEY.format(key)] if key else [])])
