"""Every word of the sheet of keys."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg._base import as_warning

BUTTON = "Keys"
MEANING = "Show all keys, and what the mouse does (F1 does so too)."
TITLE = "Keys and mouse"
FILTER = "Find a key or a word"
FILTER_TIP = "Shows only lines with this key or these words. Just type: the field takes what you type."
PRINT, PRINT_TIP = "Print", "Print the sheet on one page."
PDF, PDF_TIP = "Save PDF", "Save the sheet as a PDF of one A4 page."
CHANGE, CHANGE_TIP = (
    "Change keys",
    "Open the list of keys in napari's preferences, where you can change each.",
)
CLOSE, CLOSE_TIP = "Close", "Close the sheet. Escape, ? or a click beside it do the same."
PDF_DIALOG, PDF_NAME, PDF_KINDS = "Save the sheet of keys", "uncertainseg-keys.pdf", "PDF (*.pdf)"
SAVED = "Saved: {}"
NOT_SAVED = "The sheet cannot be written to {}: {}. Choose another folder."
NOTHING_FOUND = "No key and no word like this."
NO_KEY = "no key"
PAINTING, VIEWING = "Painting (napari)", "Images (napari)"
TYPING = "While you type in a text field, keys write there and do nothing else."

NAPARI_WORDS: dict[str, dict[str, str]] = {
    PAINTING: {
        "napari:activate_labels_paint_mode": "Paint with the brush.",
        "napari:activate_labels_erase_mode": "Erase with the brush.",
        "napari:activate_labels_fill_mode": "Fill a region.",
        "napari:activate_labels_polygon_mode": "Draw a polygon.",
        "napari:activate_labels_picker_mode": "Pick a label with a click.",
        "napari:decrease_brush_size": "Make the brush smaller.",
        "napari:increase_brush_size": "Make the brush larger.",
        "undo": "Undo a brush stroke, in the layer that you paint in.",
        "redo": "Redo it.",
        "napari:activate_labels_pan_zoom_mode": "Stop painting: move and zoom.",
    },
    VIEWING: {
        "napari:hold_for_pan_zoom": "Hold it to move and zoom while you paint.",
        "napari:increment_dims_left": "One slice back.",
        "napari:increment_dims_right": "One slice on.",
        "napari:roll_axes": "Next direction: axial, coronal, sagittal.",
        "napari:toggle_ndisplay": "Change between slices and 3-D.",
        "napari:reset_view": "Fit the image into the window.",
        "napari:toggle_grid": "Show layers side by side.",
        "napari:toggle_selected_visibility": "Hide or show the selected layer.",
        "napari:toggle_theme": "Change between dark and light.",
    },
}
"""What some of napari's own keys do, by their name in its list; without ``:`` by that of a fixed key."""


def clash(meanings: Sequence[str]) -> str:
    """That a key stands for more than one thing."""
    named = " and ".join(f"“{meaning.rstrip('.')}”" for meaning in meanings)
    return as_warning(f"the same key as {named}: only one of them works. Change one of the keys.")


def clashes(keys: int) -> str:
    """That there are such keys, above all lines."""
    what = "A key stands" if keys == 1 else f"{keys} keys stand"
    return as_warning(f"{what} for two things: see the lines with this sign.")


def button_tip(key: str) -> str:
    """What the button does, and its key."""
    return f"{MEANING}\nKey: {key}" if key else MEANING
