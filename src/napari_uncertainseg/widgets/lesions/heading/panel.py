"""What stands above the list: counts, progress, and what a reader would outline."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.heading.load import LoadLine
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, let_yield


class ListHeading(QWidget):
    """Counts and progress in a line, and a line about the whole scan below.

    Parameters
    ----------
    case
        The case under review.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts = PlainLabel()
        let_yield(self.counts)  # two lines in a narrow dock: a unit that is cut off is another unit
        self.counts.setToolTip(texts.HEADER_TIP)
        self.progress = QProgressBar()
        self.progress.setFixedWidth(145)
        self.progress.setToolTip(texts.PROGRESS_TIP)
        self.load = LoadLine(case, self)
        line = QHBoxLayout()
        line.addWidget(self.counts, stretch=1)
        line.addWidget(self.progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self.load)

    def cleanup(self) -> None:
        """Stop measuring. May be called twice."""
        self.load.cleanup()
