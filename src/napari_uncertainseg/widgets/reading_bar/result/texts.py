"""Words of the result."""

from __future__ import annotations

from pathlib import Path

BUTTON, TITLE = "Result", "Result"
KEY_MEANING = "Show or hide the result of the review."
COPY, PDF, DICOM = "Copy as text", "PDF...", "DICOM report..."
COPY_TIP = "Copy the result as plain text, to paste it into a report."
PDF_TIP = "Write the result as pages: the numbers, pictures of the most doubtful lesions, and all lesions."
DICOM_TIP = "Write a DICOM structured report (TID 1500) of the lesions, and their segmentation beside it."
NO_CASE = "There is no result yet. Open a scan and press Run in Segment, or drop a folder of results."
EXERCISE = "Hidden during an exercise.\n\nPress Stop and score in Exercises to show it again."
MEASURING = "Measuring..."
COPIED = "Copied. Paste it with Ctrl+V."
PDF_TITLE, PDF_KIND = "Save the result", "PDF (*.pdf)"
DICOM_TITLE, DICOM_KIND = "Save the DICOM report", "DICOM (*.dcm)"
WRITING = "writing"
LIST_HEAD = (
    "Lesion",
    "Place",
    "Side",
    "Slice",
    "x, y, z\n(mm, RAS+)",
    "Volume\n(mm³)",
    "Diameter\n(mm)",
    "Mean p",
    "Doubt",
    "Verdict",
)
LESIONS_BY_DOUBT = "Lesions, the most doubtful first"
NO_LESION = "There is no lesion."
NO_PICTURE = "There are no pictures: the scan is not loaded."
NOT_JUDGED, DRAWN, CORRECTED = "not judged", "drawn by hand", "outline corrected"
OF_MODELS_OUTLINE = (
    "Where an outline was corrected, volume and diameter are those of the corrected outline; mean p and "
    "doubt are those of the model's own outline."
)
WHERE = (
    "Side: of the middle of the brain, the patient's. Slice: axial, as the window's slider counts it. x "
    "grows to the right, y to the front, z to the top, by the header of the scan, of the lesion's middle."
)
CANCELLED = "Nothing was written."


def tip(key: str) -> str:
    """Of the button; ``key`` is empty where it has none."""
    said = "Lesions and volume after review, changes, time, and what is still in doubt; copy and export."
    return f"{said} ({key})" if key else said


def dicom_unavailable(why: object) -> str:
    """Why there is no DICOM report."""
    return f"Not possible for this scan. {why}"


def saved_pdf(path: Path) -> str:
    """Where the pages are."""
    return f"Saved the result as {path}"


def saved_dicom(report: Path, seg: Path | None) -> str:
    """Where report and segmentation are."""
    if seg is None:
        return f"Saved the DICOM report as {report}. There is no lesion, so there is no segmentation."
    return f"Saved the DICOM report as {report}, and its segmentation as {seg}"


def writing(path: Path) -> str:
    """What is being done."""
    return f"Writing {path}..."


def not_saved(why: str) -> str:
    """That a file could not be written."""
    return f"Not saved: {why}"


def caption(name: str, volume_mm3: float, doubt: float, verdict: str) -> str:
    """Below the picture of a lesion."""
    said = "" if doubt != doubt else f", doubt {doubt:.2f}"
    return f"Lesion {name}: {volume_mm3:.0f} mm³{said}, {verdict or NOT_JUDGED}"


def page_of(page: int, pages: int) -> str:
    """At the foot of a page."""
    return f"Page {page} of {pages}"
