"""What came of an outline: how near it is to the consensus, and where the two have a lesion alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.review.lessons.outlining import OutlineComparison
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.layers.annotator_outline import SIDE_COLOURS
from napari_uncertainseg.widgets.shared.definitions import session_definitions
from napari_uncertainseg.widgets.shared.form_helpers import rich
from napari_uncertainseg.widgets.shared.location_table import LocationTable
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table, format_number

_ROWS = {
    "Dice": "Overlap with the consensus in these slices, sure or not: 1 is the same.",
    "HD95, mm": "95 % Hausdorff distance: all but the farthest twentieth of the boundaries is nearer.",
    "lesion F1": "Lesions found and not invented; any voxel in common counts. 1 is best.",
    "volume, mm³": "Of your outline; of the consensus.",
    "inner is lesion": "Share of what you outlined as sure (label 1) that is lesion in the consensus.",
    "outer covers": "Share of the consensus that lies in all that you outlined.",
}
_SHOWN_BEFORE = 5


class OutlineScore(QWidget):
    """The score of one outline.

    Parameters
    ----------
    go_to
        Shows a place.
    parent
        Qt parent.
    """

    def __init__(self, go_to: Callable[[Voxel], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = session_definitions()
        self.legend = rich(
            " &nbsp; ".join(f"<span style='color:{c}'>■</span> {who}" for c, who in SIDE_COLOURS.values())
        )
        self.legend.setToolTip("Who takes a voxel for lesion, in the layer <i>you and the consensus</i>.")
        self.numbers, self.alone = NumberTable(), LocationTable(go_to)
        self.numbers.setFixedHeight(7 * 24)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.legend)
        layout.addWidget(self.numbers)
        layout.addWidget(self.alone, stretch=1)

    def show_outline(self, found: OutlineComparison, earlier: Sequence[float]) -> None:
        """Show what came of an outline, and the Dice of earlier ones."""
        n = found.slices
        text = f"Compared in {n} slice{'s' if n != 1 else ''}: {len(found.missed)} missed, "
        text += f"{len(found.invented)} invented."
        if earlier:
            text += " Dice before: " + ", ".join(f"{one:.2f}" for one in earlier[-_SHOWN_BEFORE:]) + "."
        self.summary.setText(text)
        share = [format_number(x) for x in (found.inner_right, found.outer_covers)]
        volume = f"{found.volume_mm3:.0f}; {found.consensus_mm3:.0f}"
        near = [format_number(found.dice), format_number(found.hd95_mm, 1), format_number(found.lesion_f1)]
        cells = tuple((cell,) for cell in (*near, volume, *share))
        self.numbers.show_table(Table(tuple(_ROWS), ("",), cells, dict(_ROWS)))
        alone = [("missed", place) for place in found.missed]
        alone += [("invented", place) for place in found.invented]
        self.alone.show_places(
            [place.voxel for _, place in alone],
            ("lesion", "mm³"),
            [(kind, f"{place.volume_mm3:.0f}") for kind, place in alone],
        )
