"""The score of an outline: how similar it is to the consensus, and the lesions that only one of them has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.review.lessons.outlining import OutlineComparison
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.exercises import texts
from napari_uncertainseg.widgets.layers.annotator_outline import SIDE_COLOURS
from napari_uncertainseg.widgets.shared.definitions import session_definitions
from napari_uncertainseg.widgets.shared.form_helpers import rich
from napari_uncertainseg.widgets.shared.location_table import LocationTable
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table, format_number


class OutlineScore(QWidget):
    """The score of one outline.

    Parameters
    ----------
    go_to
        Shows a location.
    parent
        Qt parent.
    """

    def __init__(self, go_to: Callable[[Voxel], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = session_definitions()
        self.legend = rich(
            " &nbsp; ".join(f"<span style='color:{c}'>■</span> {who}" for c, who in SIDE_COLOURS.values())
        )
        self.legend.setToolTip(texts.LEGEND_TIP)
        self.numbers = NumberTable(name=texts.NUMBERS_NAME)
        self.alone = LocationTable(go_to, name=texts.ALONE_NAME)
        self.numbers.setFixedHeight(7 * 24)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.legend)
        layout.addWidget(self.numbers)
        layout.addWidget(self.alone, stretch=1)

    def show_outline(self, comparison: OutlineComparison, earlier: Sequence[float]) -> None:
        """Show how an outline compares, and the Dice of earlier ones."""
        self.summary.setText(texts.describe_outline(comparison, earlier))
        share = [format_number(x) for x in (comparison.inner_right, comparison.outer_covers)]
        volume = f"{comparison.volume_mm3:.0f}; {comparison.consensus_mm3:.0f}"
        near = [
            format_number(comparison.dice),
            format_number(comparison.hd95_mm, 1),
            format_number(comparison.lesion_f1),
        ]
        cells = tuple((cell,) for cell in (*near, volume, *share))
        self.numbers.show_table(Table(tuple(texts.OUTLINE_SCORES), ("",), cells, dict(texts.OUTLINE_SCORES)))
        alone = [(texts.MISSED, location) for location in comparison.missed]
        alone += [(texts.FALSE_POSITIVE, location) for location in comparison.invented]
        self.alone.show_places(
            [location.voxel for _, location in alone],
            texts.ALONE_COLUMNS,
            [(kind, f"{location.volume_mm3:.0f}") for kind, location in alone],
        )
