"""The case under review: the evented state that the docks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference.case_comparison import CaseComparison
from napari_uncertainseg.review.session.case_review import CaseReview
from napari_uncertainseg.review.session.recording import RecordedReview
from napari_uncertainseg.review.session.undo_history import Change, Stroke, changed
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.review.verdicts import Decision, Verdict
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, ranker_of

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.recalibration import Kind, Recalibration
    from napari_uncertainseg.calibration.record import CalibrationRecord
    from napari_uncertainseg.inference.recalibrated import Recalibrated
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.review.session.recorder import Recorder

FindRecord = Callable[[Mapping[str, Any]], "CalibrationRecord | None"]
"""From what a prediction says of itself to the record of its calibration cases, if there is one."""


class Case(CaseComparison, RecordedReview):
    """One patient's visit while it is looked at. Knows no widget.

    A change of state emits a signal; setting a value that is already there emits
    nothing. Derived state (``lesions``, ``reliability``) is computed when asked for,
    once per change.

    Parameters
    ----------
    find_record
        Asked once for each prediction.

    Attributes
    ----------
    record
        What the model did on cases like this one with a reference, if there are any.
    record_problem
        Why there is a record, but not for this prediction; empty otherwise.
    """

    images_changed = Signal()
    prediction_changed = Signal()
    lesions_changed = Signal()
    """The threshold, the smallest volume, an edit or the prediction changed."""
    verdicts_changed = Signal()
    selection_changed = Signal()
    stepped = Signal(str)
    """Something was taken back, or done again: what, in words."""

    def __init__(self, find_record: FindRecord = lambda information: None) -> None:
        CaseComparison.__init__(self)
        RecordedReview.__init__(self)
        self._find_record = find_record
        self.record: CalibrationRecord | None = None
        self.record_problem = ""
        self._images: dict[str, Volume] = {}
        self._mask: Volume | None = None
        self._lesions: Lesions | None = None
        self._numbers: LesionNumbers | None = None
        self._selected: tuple[int, int, int] | None = None

    # -- what goes in -----------------------------------------------------------------------

    @property
    def images(self) -> Mapping[str, Volume]:
        """Scans by role: ``flair``, ``t1``, ``t2``."""
        return dict(self._images)

    def set_images(self, images: Mapping[str, Volume], mask: Volume | None = None) -> None:
        """Choose the scans, and the brain mask when the user has one."""
        self._images, self._mask = dict(images), mask
        self.images_changed.emit()

    @property
    def mask(self) -> Volume | None:
        """The user's own brain mask, if any."""
        return self._mask

    # -- what the network said ----------------------------------------------------------------

    @property
    def prediction(self) -> Prediction | None:
        """The prediction under review."""
        return self._prediction

    @prediction.setter
    def prediction(self, prediction: Prediction | None) -> None:
        """Take a new prediction: verdicts and edits of the old one are dropped with it."""
        self._prediction = self._original = prediction
        self._recalibration = self._edit = self._numbers = None
        self._selected, self._reviewed = None, CaseReview()
        self.mark_saved()
        self._read_record()
        if prediction is not None:
            self._threshold = prediction.threshold
            if self.reference is not None and self.reference.shape != prediction.grid.shape:
                self._against.reference = None
        self._show_other_maps()
        self.verdicts_changed.emit()
        self.selection_changed.emit()

    def _read_record(self) -> None:
        self.record, self.record_problem = None, ""
        if self._original is not None:
            try:
                self.record = self._find_record(self._original.information)
            except InputError as error:
                self.record_problem = str(error)

    def _show_other_maps(self) -> None:
        self._lesions = None
        self._against.forget()
        self.prediction_changed.emit()
        self.lesions_changed.emit()
        self.reliability_changed.emit()

    @property
    def recalibration(self) -> Recalibration | None:
        """By what the prediction's probabilities were changed, if at all."""
        return self._recalibration

    @property
    def original(self) -> Prediction | None:
        """The prediction as the model made it."""
        return self._original

    def recalibrate(self, recalibration: Recalibration | None) -> None:
        """Change the prediction's probabilities, or take them as the model made them (None).

        Verdicts, painting, threshold and reference stay.
        """
        if recalibration == self._recalibration:
            return
        if recalibration is not None and self._original is not None:
            self.apply_recalibrated(self.plan_recalibration(recalibration)())
        elif recalibration is None and self._recalibration is not None:
            self._recalibration, self._prediction = None, self._original
            self._show_other_maps()

    def plan_recalibration(self, how: Kind | Recalibration) -> Callable[[], Recalibrated]:
        """Work that takes moments, for any thread: `apply_recalibrated` takes its result.

        Parameters and errors are those of `inference.recalibrated.plan`.
        """
        from napari_uncertainseg.inference.recalibrated import plan

        return plan(self._original, self.reference, self.region, self._threshold, how)

    def apply_recalibrated(self, found: Recalibrated) -> None:
        """Take what `plan_recalibration` led to, unless the prediction has been replaced meanwhile."""
        if found.original is self._original and found.by != self._recalibration:
            self._recalibration, self._prediction = found.by, found.prediction
            self._show_other_maps()

    @property
    def grid(self) -> Grid | None:
        """The grid of the prediction."""
        return None if self._prediction is None else self._prediction.grid

    # -- lesions at the threshold -------------------------------------------------------------

    @property
    def threshold(self) -> float:
        """Probability at and above which a voxel is lesion."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        if value != self._threshold:
            self._threshold = float(value)
            self._touch_lesions()

    @property
    def min_volume(self) -> float:
        """Smaller components are left out, mm3."""
        return self._min_volume

    @min_volume.setter
    def min_volume(self, value: float) -> None:
        if value != self._min_volume:
            self._min_volume = float(value)
            self._touch_lesions()

    @property
    def edit(self) -> np.ndarray | None:
        """What the reviewer painted: int8 on the grid, +1 added, -1 removed, 0 untouched."""
        return self._edit

    def set_edit(self, edit: np.ndarray | None) -> None:
        """Take the reviewer's painting, as one stroke; it outlives every change of the threshold."""
        if len(changed(self._edit, edit)):
            self._keep()
        before, lesions = self._edit, self.lesions
        self._show_edit(edit)
        if lesions is not None:
            self._reviewed.stroke(before, edit, self._component_at, lesions.component_at)
        try:
            self._reviewed.paint(edit, self._painted())
        except InputError as error:  # the strokes are there already; the next ones may be recorded
            if not self._go_on_without(error):
                self.not_recorded.emit(str(error))

    def _show_edit(self, edit: np.ndarray | None) -> None:
        self._edit = edit
        self._touch_lesions()

    def _touch_lesions(self) -> None:
        self._lesions = None
        self.lesions_changed.emit()
        if self.region.follows_lesions:
            self._touch_reliability()

    @property
    def lesions(self) -> Lesions | None:
        """Lesions and candidates at the present threshold, the most doubtful first.

        Their numbers stay while the threshold moves and the reviewer paints.
        """
        if self._lesions is None and self._prediction is not None:
            from napari_uncertainseg.inference.lesion_existence import with_existence

            if self._numbers is None:
                self._numbers = LesionNumbers(self._prediction.grid.shape)
            found = ranker_of(self._prediction).rank(
                self._threshold, self._min_volume, edit=self._edit, numbers=self._numbers
            )
            record = self.record if self._recalibration is None else None
            self._lesions = found if record is None else with_existence(found, record)
        return self._lesions

    @property
    def numbers(self) -> LesionNumbers | None:
        """Those that lesions and candidates keep; None before there are any."""
        return self._numbers

    def number_by(self, numbers: LesionNumbers) -> None:
        """Number lesions anew, as they were seen before."""
        self._numbers = numbers
        self._touch_lesions()

    # -- selection and verdicts ---------------------------------------------------------------

    @property
    def selected(self) -> tuple[int, int, int] | None:
        """The voxel of the selected lesion or candidate."""
        return self._selected

    @selected.setter
    def selected(self, voxel: tuple[int, int, int] | None) -> None:
        if voxel != self._selected:
            self._selected = voxel
            if self.recorder is not None:
                self.recorder.show(voxel)
            self.selection_changed.emit()

    def set_recorder(self, recorder: Recorder | None) -> None:
        """Write verdicts and painting into a session from now on, or stop (None).

        What a session that is gone on with holds, is taken over; a new one begins with what there is.

        Raises
        ------
        InputError
            If the session cannot be written, or its painting cannot be read or does not fit.
        """
        if recorder is None or self._prediction is None:
            self._reviewed.leave(self._edit)
        elif recorder.is_new:
            self._reviewed.begin(recorder, self._edit, self._painted(), self._component_at, self._about)
        else:
            edit = recorder.painted()
            if edit is not None:
                check_same_shape("The painting", edit.shape, "the scan", self._prediction.grid.shape)
            self._reviewed.recorder = None  # what is taken over is not written again
            self._numbers = LesionNumbers(self._prediction.grid.shape)
            self._numbers.know(recorder.numbers())
            self._show_edit(edit)
            self._reviewed.go_on(recorder)
        self.verdicts_changed.emit()

    def reset_review(self, verdicts: tuple[Verdict, ...] = (), edit: np.ndarray | None = None) -> None:
        """Forget verdicts and painting, or show those of another time; nothing is recorded then."""
        self._reviewed, self._selected = CaseReview(verdicts), None
        self._show_edit(edit)
        self.mark_saved()
        self.verdicts_changed.emit()
        self.selection_changed.emit()

    def next_task(self) -> tuple[int, int, int] | None:
        """The voxel of what the session has next, without what is selected; None without a session."""
        return self._reviewed.next_task(self._selected, self._component_at)

    def judge(self, voxel: tuple[int, int, int], decision: Decision | None) -> None:
        """Give a verdict on the lesion or candidate at a voxel; None takes it back.

        Raises
        ------
        InputError
            If a session is recorded and cannot be written: nothing is changed then.
        """
        self._keep()
        self._or_without(lambda: self._reviewed.judge(voxel, decision, self._component_at, self._about))
        self.verdicts_changed.emit()

    def undo(self) -> Change | None:
        """Take back what was done last, a verdict or a stroke; None where there is nothing.

        Raises
        ------
        InputError
            If a session is recorded and cannot be written: nothing is changed then.
        """
        return self._step(back=True)

    def redo(self) -> Change | None:
        """Do again what was taken back; as `undo`."""
        return self._step(back=False)

    def _step(self, *, back: bool) -> Change | None:
        change = self._or_without(
            lambda: self._reviewed.step(lambda stroke: self._repaint(stroke, back=back), back=back)
        )
        if change is not None:
            self.verdicts_changed.emit()
            self.stepped.emit(f"{'Undone' if back else 'Done again'}: {change.what}")
        return change

    def _repaint(self, stroke: Stroke, *, back: bool) -> None:
        assert self._prediction is not None
        before = self._edit
        self._show_edit(stroke.on(before, self._prediction.grid.shape, back=back))
        try:
            self._reviewed.paint(self._edit, self._painted())
        except InputError:
            self._show_edit(before)
            raise

    @property
    def painted(self) -> PaintedVolumes | None:
        """How far painting changed the model's lesions; None without a prediction."""
        p, lesions = self._prediction, self.lesions
        if p is None or lesions is None:
            return None
        return PaintedVolumes.from_edit(
            self._edit, p.probability, self._threshold, p.grid.voxel_volume, lesions.drawn
        )

    def _painted(self) -> dict[str, Any]:
        """What is kept beside a stroke."""
        painted = self.painted
        return {} if painted is None else painted.said()

    def decisions(self) -> dict[int, Decision]:
        """Verdicts by number: lesions are positive, candidates negative; see `CaseReview.decisions`."""
        return self._reviewed.decisions(self._component_at)

    def _about(self, voxel: tuple[int, int, int]) -> dict[str, Any]:
        """What is kept beside a verdict."""
        lesions, number = self.lesions, self._component_at(voxel)
        said: dict[str, Any] = {
            "threshold": self._threshold,
            "min_volume": self._min_volume,
            "number": number,
        }
        if self._edit is not None and lesions is not None and number > 0:
            said["painted"] = bool(self._edit[lesions.labels == number].any())
        return said

    def _component_at(self, voxel: tuple[int, int, int]) -> int:
        """Number of the lesion (> 0) or candidate (< 0) at a voxel; 0 when there is none."""
        lesions = self.lesions
        return 0 if lesions is None else lesions.component_at(voxel)
