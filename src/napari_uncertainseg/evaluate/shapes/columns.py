"""Columns of lesions' shapes, and of the tables that they are made of. Without heavy imports."""

from __future__ import annotations

from napari_uncertainseg.disk.columns import Column, Layout, a_number, any_text, perhaps

LABEL, DOUBT, PLACE = "label", "doubt", "place"
PLACES = Layout(
    "a table of places",
    "lesion",
    (
        Column(LABEL, a_number(1, whole=True)),
        Column(PLACE, any_text("where the lesion lies"), filled=False),
        perhaps("folder", any_text("the folder of results that has the lesion")),
    ),
    may_be_empty=True,
)
"""That `places` writes, perhaps of several folders."""
