"""The files of attention on a visit, and how they are known again."""

from __future__ import annotations

from pathlib import Path

MAP, TABLE, ABOUT = "attention.nii.gz", "attention.tsv", "attention.json"
"""The map on the scan's grid, a row for each instance, and what was read and by what."""
COLUMN = "attention"
"""Of the table, and of the list of lesions."""


def is_attention_map(path: Path) -> bool:
    """Whether a file is the map that `uncertainseg attention` wrote: what it read lies beside it."""
    return path.name == MAP and (path.parent / ABOUT).is_file()
