"""What the compare part of the reading bar says."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = "Scan: none"
TIP = (
    "The scan that is shown under the outlines. Click, or press the key, to show the next scan at the same "
    "place: FLAIR, T1, T2, and the last visit once it is open."
)
NEXT, BEFORE = "Next scan", "Scan before"
SIDE = "Side by side"
SIDE_TIP = "Shows all scans beside each other. Slice, zoom and shift are the same in all of them."
OPEN_SCAN = "Open last visit..."
OPEN_RESULTS = "Open last visit from a folder (results or DICOM)..."
OPEN_TIP = (
    "Opens a scan of another visit of this patient, to look at only: it is put onto this scan's place, and "
    "is never segmented."
)
CLOSE = "Close the other visit"
FOUND = "Found beside this scan"
CANCEL = "Cancel"
ALONE = "There is only one scan. Open a T1, a T2 or the last visit to compare with."
NONE_OPEN = "No scan is open: open one, and a T1, a T2 or the last visit to compare it with."
NO_SCAN = "Open the scan of this visit first; then open the last visit to compare with."
IN_3D = "Scans are compared on slices: leave 3-D first."
IN_EXERCISE = "Another visit can be opened after the exercise."
OTHER_PATIENT = "Another patient"
COMPARE_ANYWAY = "Compare with it anyway"
NOT_ALIKE = "laid onto each other, the two scans have little in common"
LITTLE_IN_COMMON = "little in common: same patient?"
PLEASE_CHECK = "same patient? please check"
"""Beside the name for as long as it is shown; the end of a line of the banner is never left out."""
PATIENT_UNKNOWN = "Nothing in names or files says that both are of one patient: please check."
KINDS = "Scans (*.nii *.nii.gz *.mgz *.mgh *.nrrd *.nhdr *.dcm);;All files (*)"
ON_AMBER = "Amber: not of this case"


def too_few(scans: int) -> str:
    """Why nothing can be compared, where there are fewer than two scans."""
    return ALONE if scans else NONE_OPEN


def not_of_case(name: str) -> str:
    """The name of a scan that is shown and is not of the case."""
    return f"{name}: not of this case"


def in_bar(name: str) -> str:
    """As `not_of_case`, for the bar, where the end of a long name is left out."""
    return f"Not of this case: {name}"


def title(shown: str) -> str:
    """What stands in the bar."""
    return f"Scan: {shown}"


def beside(titles: Sequence[str]) -> str:
    """What stands in the bar while scans are side by side."""
    return " | ".join(titles)


def visit(words: str, when: str, modality: str, whose: str = "") -> str:
    """What a scan of another visit is called, such as ``"FLAIR, visit 2026-03-01 (earlier), P14"``."""
    return f"{modality}, {words} ({when})" + (f", {whose}" if whose else "")


def offer(words: str, when: str, last: bool) -> str:
    """A visit in the menu."""
    return f"{words} (last)" if last else f"{words} ({when})"


def loading(stage: str, share: float) -> str:
    """What stands in the bar while another visit is opened."""
    return f"Last visit: {stage}, {round(100 * share)} %"


def opened(how: str, doubts: Sequence[str]) -> str:
    """What is said when another visit has been opened; what matters most comes first."""
    return " ".join([*doubts, how])


def ready(key: str, said: str) -> str:
    """The same, with how it is seen: the picture does not change by itself."""
    return f"The last visit is ready: {key or 'the button Scan'} shows it. {said}"


def ask_patient(why: str) -> str:
    """Asked before a scan that seems to be of another patient is shown."""
    return f"{why}\n\nIt would be shown in place of the scan that you review, under the same outlines."
