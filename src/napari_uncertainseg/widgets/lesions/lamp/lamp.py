"""The lamp: whether a scan is like the calibration cases, and like those that the model learnt from."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_uncertainseg.calibration.record import (
    MEASURES,
    CalibrationRecord,
    OutOfRangeMeasure,
    measures_of,
)
from napari_uncertainseg.evaluate.patients.unusual import unusual_result
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.lesions.lamp import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

_FEWEST_CASES = 5
"""With fewer calibration cases their range says too little for a comparison."""


class Lamp(PlainLabel):
    """A few words with a sign, for models with calibration cases, with numbers of scans seen, or neither.

    Attributes
    ----------
    out_of_range
        In what the case is unlike the calibration cases.
    is_calibration_case
        Whether it is one of them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setWordWrap(True)
        self.out_of_range: list[OutOfRangeMeasure] = []
        self.is_calibration_case = False

    def show_scan(self, prediction: Prediction | None, record: CalibrationRecord | None) -> None:
        """Say what is known of a scan; hidden without one.

        Parameters
        ----------
        prediction
            Of the scan.
        record
            Of the calibration cases; None without any.
        """
        self.out_of_range, self.is_calibration_case = [], False
        self.setVisible(prediction is not None)
        if prediction is None:
            return
        lines, tips = [], []
        if record is not None:
            line, tip = self._compared(prediction, record)
            lines, tips = [line], [tip]
        seen = prediction.information.get("unlike_seen_scans")
        if seen:
            lines.append(texts.light_unlike(list(seen)))
            tips.append(texts.LIGHT_UNLIKE_TIP)
        elif record is None and seen is not None:
            lines.append(texts.LIGHT_SEEN)
            tips.append(texts.LIGHT_UNLIKE_TIP)
        elif record is None:
            lines.append(texts.LIGHT_NOT_KNOWN)
            tips.append(texts.LIGHT_NOT_KNOWN_TIP)
        if odd := unusual_result(prediction):
            lines.append(texts.light_unusual(odd))
        self.set_html("<br>".join(lines))
        self.setToolTip("\n".join(tips))

    def _compared(self, prediction: Prediction, record: CalibrationRecord) -> tuple[str, str]:
        """What the calibration cases say of a scan, as HTML, and the numbers that are compared."""
        volume = prediction.grid.voxel_volume
        measures = measures_of(prediction.probability, prediction.entropy, prediction.brain, volume)
        self.out_of_range, n = record.unlike(measures), len(record.cases)
        self.is_calibration_case = record.holds(prediction.information, measures)
        if self.is_calibration_case:
            line = texts.LIGHT_CALIBRATION_CASE
        elif n < _FEWEST_CASES:
            line = texts.light_too_few(n)
        elif not self.out_of_range:
            line = texts.light_valid(n)
        else:
            line = texts.light_out_of_range([MEASURES[m.measure].split(",")[0] for m in self.out_of_range])
        known = record.measures
        return line, texts.light_tip(
            [(title, measures[name], min(known[name]), max(known[name])) for name, title in MEASURES.items()]
        )
