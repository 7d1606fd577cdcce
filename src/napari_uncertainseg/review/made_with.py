"""With which scans a review was made, and in what those differ from the scans that are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_uncertainseg.modalities import main_of, title_of
from napari_uncertainseg.review.store.session_settings import ReviewSettings, SessionSettings

SCANS_NOT_NOTED = "it does not say with which scans it was made (older versions did not note them)"
"""Of a review whose settings name none, within a sentence."""


def scans_in_words(modalities: Sequence[str]) -> str:
    """Titles of one or more modalities: "FLAIR", "FLAIR and T1", "FLAIR, T1 and T2"."""
    titles = [title_of(each) for each in modalities]
    return " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))


def is_of_other_scans(settings: SessionSettings, about: Mapping[str, Any]) -> bool:
    """Whether a review is of the same FLAIR as a prediction, but with more scans, fewer or other ones.

    Parameters
    ----------
    settings
        Of the review's session.
    about
        What the prediction says of itself.
    """
    if not isinstance(settings, ReviewSettings) or settings.flair is None or settings.case is None:
        return False
    inputs = about.get("inputs", {})
    flair = inputs.get(main_of(inputs), {}).get("scan_sha256")
    return settings.flair == flair and settings.case != about.get("case", {}).get("sha256")


def other_scans(settings: SessionSettings, about: Mapping[str, Any]) -> str:
    """With which scans a review was made and what to do, a sentence; empty unless `is_of_other_scans`."""
    if not isinstance(settings, ReviewSettings) or not is_of_other_scans(settings, about):
        return ""
    used, now = settings.scans, list(about.get("inputs", {}))
    if not used:
        return f"I{SCANS_NOT_NOTED[1:]}: open the same ones as then, and press Run."
    missing, extra = [m for m in used if m not in now], [m for m in now if m not in used]
    if missing and not extra:
        what = f"add the {scans_in_words(missing)} before Run."
    elif extra and not missing:
        what = f"leave out the {scans_in_words(extra)}, and press Run."
    elif extra:
        what = "open these, and press Run."
    else:
        what = f"the {scans_in_words(used[1:] or used)} was another one. Open that one, and press Run."
    alone = " alone" if len(used) == 1 else ""
    return f"It was made with {scans_in_words(used)}{alone}: {what}"
