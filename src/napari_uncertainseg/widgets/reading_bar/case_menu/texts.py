"""Every word of the case's part of the bar: its menu, the hint in the empty window, the offer of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.scans.recent_cases import RecentCase

NO_CASE = "No case"
NO_CASE_TIP = "No scan is open. Press here to open one."
MENU_TIP = "Press for: new case, open results, recent cases, close."
READING = "Reading …"
NEW_FROM_FILES = "New case from files …"
NEW_FROM_FILES_TIP = "Choose the scans of one person: the FLAIR, and T1 and T2 where there are any."
NEW_FROM_FOLDER = "New case from a folder …"
NEW_FROM_FOLDER_TIP = "Choose the folder with the scans of one person: NIfTI files, or DICOM."
OPEN_RESULTS = "Open results …"
OPEN_RESULTS_TIP = (
    "Choose a folder of results: they are shown with their scans and verdicts, without a new run."
)
CLOSE = "Close case"
CLOSE_TIP = "Take the scans and results of this case out of the window. Your other layers stay."
RECENT = "Recent"
NO_RECENT = "None yet"
CLEAR_RECENT = "Clear this list"
NOT_IN_EXERCISE = as_warning("Not during an exercise or a replay: end it first.")
STILL_READING = "Scans are being read: wait a moment."
KEPT = "Something is being read: what you dropped is opened after it."

HINT = "Drop a FLAIR here, or open the sample"
HINT_OPEN = "Open a scan …"
HINT_SAMPLE = "Open the simulated case"
HINT_SAMPLE_TIP = (
    "A template brain with drawn lesions and three simulated raters. About 20 s the first time, then at once."
)
HINT_RESULTS = "Open results …"
MAKING_SAMPLE = "Making the sample …"

LOAD_REFERENCE = "Load as reference"
LOAD_REFERENCE_TIP = (
    "Compare the lesions with this mask. Lesions that are found, false and missed are coloured and counted\n"
    "at once; the mask's own outline is hidden, and its eye in the layer list shows it."
)
COMPARE = "Load and compare"
NOT_NOW = "No"
NOT_NOW_TIP = "Do not load it. You are not asked again for this scan in this window."


def tooltip(name: str, details: str, where: Path | None) -> str:
    """The whole name of the case, what is known of the patient, where the scan lies, and the menu."""
    return "\n".join(filter(None, [name, details, "" if where is None else str(where), MENU_TIP]))


def offer(names: Sequence[str]) -> str:
    """That masks lie beside a scan."""
    if len(names) == 1:
        return f"A mask lies beside this scan: {names[0]}. Load it as reference?"
    return f"{len(names)} masks lie beside this scan: {', '.join(names)}. Load one as reference?"


def loaded(name: str) -> str:
    """That a mask is compared with from now on."""
    return (
        f"{name} is the reference now: lesions are coloured as found, false and missed. Its own outline is "
        "hidden; its eye in the layer list shows it."
    )


def ask_while_recorded(mask: Volume) -> str:
    """What a reader whose review is recorded has to know before a reference is loaded."""
    name = mask.name if mask.path is None else mask.path.name
    return (
        f"Your review is being recorded. With {name} as reference you see at once which lesions are false "
        "and which were missed, so that your next verdicts are no longer independent of it. Load it now?"
    )


def recent(case: RecentCase, missing: str) -> str:
    """A line of the list: name and folder, and why it cannot be opened."""
    first = case[0]
    name = first.name if is_results(first) else case_name(first, first.name)
    line = f"{name}  ·  {first.parent}"
    return f"{line}  ({missing})" if missing else line
