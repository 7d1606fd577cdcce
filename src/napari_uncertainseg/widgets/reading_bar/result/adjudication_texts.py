"""Words of the box that makes one mask of several readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg._base import pluralised

TITLE = "One mask of several readers"
TITLE_TIP = "Choose two or three finished reviews of this case, and make one mask of them."
RULES = {"lesions": "Majority of readers, by lesion", "voxels": "Majority of readers, by voxel"}
MAKE, MAKE_TIP = "Make the mask", "Put the ticked reviews together. Their own verdicts stay as they are."
SAVE, SAVE_TIP = "Save...", "Save the mask with who said what into a new folder, and note it in the journal."
REMOVE, REMOVE_TIP = "Remove", "Take the mask out of the window again."
KEEP, DROP, REOPEN = "Keep", "Drop", "Undo"
KEEP_TIP, DROP_TIP = "This is a lesion.", "This is no lesion."
REOPEN_TIP = "Leave it open again."
READING = "Hidden during a second or third reading: it would show what other readers decided."
LAYER = "adjudicated"
FOLDER_TITLE, FOLDER_NAME = "Save the mask of the readers", "adjudicated"
WORKING = "Reading the reviews..."
DECIDED = {"kept": "kept", "dropped": "dropped", "open": "to be decided"}


def offered(number: int, unfinished: int, others: int, hidden: int) -> str:
    """How many reviews can be chosen, and why others cannot."""
    parts = []
    if number < 2:
        parts.append(f"Two finished reviews are needed; there {'is one' if number else 'are none'}.")
    if unfinished:
        parts.append(f"Not finished: {pluralised(unfinished, 'review')}.")
    if others:
        parts.append(f"Of another segmentation of these scans: {pluralised(others, 'review')}.")
    if hidden:
        parts.append(f"Hidden while they are read again: {pluralised(hidden, 'review')}.")
    return " ".join(parts)


def summary(kept: int, dropped: int, left: int, ml: float) -> str:
    """What came of it."""
    text = f"{pluralised(kept, 'lesion')} kept ({ml:.2f} ml), {dropped} dropped."
    return f"{text} To be decided: {left}." if left else f"{text} Nothing is left to be decided."


def place(number: int, volume_mm3: float, outcome: str, readers: Sequence[str], says: Sequence[str]) -> str:
    """A place that the rule left open: who said what."""
    said = "; ".join(f"{reader}: {what}" for reader, what in zip(readers, says, strict=True))
    return f"{number} ({volume_mm3:.0f} mm³), {DECIDED[outcome]}. {said}"


def saved(folder: Path) -> str:
    """Where the mask is."""
    return f"Saved the mask as {folder}, and noted it in the journal."
