"""Texts of window and level, and of what the mouse does."""

from __future__ import annotations

from napari_uncertainseg.images.grey_windows import LESION, TISSUE
from napari_uncertainseg.widgets.reading_bar.mouse.workstation import FAST

BUTTON = "Window"
MOUSE = "Mouse"
"""Above what the mouse does, in the sheet of keys."""
WORKSTATION, NAPARIS = "workstation", "napari"
MOUSE_CHOICES = {WORKSTATION: "Mouse: workstation", NAPARIS: "Mouse: napari's own"}
MOUSE_TIPS = {
    WORKSTATION: "The wheel shows other slices. The right button changes window and level.",
    NAPARIS: "The wheel zooms, and so does the right button. Ctrl and the wheel shows other slices.",
}
SMOOTH, VOXELS = "smooth", "voxels"
DRAWING_CHOICES = {SMOOTH: "Scans: smooth", VOXELS: "Scans: voxel by voxel"}
DRAWING_TIPS = {
    SMOOTH: "Between voxels greys are interpolated (linear), for the eye only. "
    "Maps and lesions stay as they are.",
    VOXELS: "Each voxel is a block of one grey, as it is in the file.",
}
OPENED = "as opened"
PRESETS = {
    TISSUE: "Tissue: all greys of the brain",
    LESION: "Lesion: only the greys around lesions",
    OPENED: "As opened",
}
"""In the menu, in the order in which the key steps through them."""
PRESET_TIPS = {
    TISSUE: "The darkest of the brain is black, its brightest is white.",
    LESION: "Normal tissue is dark or bright, so that lesions and their edges stand out.",
    OPENED: "The window that the scan had when it was opened.",
}
RESET, NEXT = "Reset window and level", "Next preset of window and level"
RESET_MEANING = "Reset window and level of the scan on top to the greys of the brain."
NEXT_MEANING = "Show the next preset of window and level of the scan on top."
NO_SCAN = "No scan is shown."
IN_3D = "In 3-D no scan is shown: window and level are set on slices."


def tip(said: str, reset_key: str, next_key: str) -> str:
    """Of the button."""
    keys = [f"{key}: {what}" for key, what in ((reset_key, "reset"), (next_key, "next preset")) if key]
    first = "Window (W) and level (L) of the scan on top, how scans are drawn, and the mouse."
    return "\n".join([first, said, *keys])


def mouse_lines(mouse: str = WORKSTATION) -> list[tuple[str, str]]:
    """What the mouse does over a slice: pairs of what is done with it, and what that means.

    Parameters
    ----------
    mouse
        ``WORKSTATION`` or ``NAPARIS``.
    """
    if mouse == NAPARIS:
        return [
            ("Wheel", "Zoom at the pointer"),
            ("Ctrl + wheel", "Other slices"),
            ("Left button, drag", "Move the picture, or what the layer's tool does"),
            ("Right button, drag", "Zoom"),
        ]
    return [
        ("Wheel", "Other slices, one for each notch"),
        ("Shift + wheel", f"Other slices, {FAST} for each notch"),
        ("Ctrl + wheel", "Zoom at the pointer"),
        ("Middle button, drag", "Move the picture"),
        ("Right button, drag", "Window (left and right) and level (up: brighter)"),
        ("Left button, drag", "Move the picture, or what the layer's tool does, such as the brush"),
        ("Shift + right button, drag", "What the layer's tool does with it, such as fill with the brush"),
        ("In 3-D", "As in napari: drag turns, the wheel zooms"),
    ]
