"""The case under review: the evented state that the docks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.calibration.region import Region, lesion_reliability
from napari_uncertainseg.calibration.reliability import Binned, Reliability, reliability
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.review.verdicts import Decision, Verdict, Verdicts

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.recalibration import Kind, Recalibration
    from napari_uncertainseg.calibration.record import CalibrationRecord
    from napari_uncertainseg.inference.prediction import Prediction
    from napari_uncertainseg.inference.recalibrated import Recalibrated
    from napari_uncertainseg.review.recorder import Recorder
    from napari_uncertainseg.uncertainty.ranking import Lesions

FindRecord = Callable[[Mapping[str, Any]], "CalibrationRecord | None"]
"""From what a prediction says of itself to the record of its calibration cases, if there is one."""


class Case:
    """One patient's visit while it is looked at. Knows no widget.

    A change of state emits a signal; setting a value that is already there emits
    nothing. Derived state (``lesions``, ``reliability``) is computed when asked for,
    once per change.

    Parameters
    ----------
    find_record
        Asked once for each prediction.
    """

    images_changed = Signal()
    prediction_changed = Signal()
    lesions_changed = Signal()
    """The threshold, the smallest volume, an edit or the prediction changed."""
    verdicts_changed = Signal()
    selection_changed = Signal()
    not_recorded = Signal(str)
    """What was painted could not be written into the session, and why."""
    reliability_changed = Signal()
    """The reference, the region or the prediction changed."""

    def __init__(self, find_record: FindRecord = lambda information: None) -> None:
        self._find_record = find_record
        self._record: CalibrationRecord | None = None
        self._record_problem = ""
        self._images: dict[str, Volume] = {}
        self._mask: Volume | None = None
        self._prediction: Prediction | None = None
        self._original: Prediction | None = None
        self._recalibration: Recalibration | None = None
        self._threshold = 0.5
        self._min_volume = 3.0
        self._edit: np.ndarray | None = None
        self._lesions: Lesions | None = None
        self._reference: np.ndarray | None = None
        self._region = Region()
        self._reliability: Reliability | None = None
        self._before: Reliability | None = None
        self._binned: Binned | None = None
        self._selected: tuple[int, int, int] | None = None
        self._verdicts = Verdicts()
        self._recorder: Recorder | None = None
        self.visible: tuple[str, ...] = ()
        self._saved: tuple[tuple[Verdict, ...], np.ndarray | None] = ((), None)

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
        self._recalibration = None
        self._edit = None
        self._selected = None
        self._verdicts = Verdicts()
        self._recorder = None
        self.mark_saved()
        self._read_record()
        if prediction is not None:
            self._threshold = prediction.threshold
            if self._reference is not None and self._reference.shape != prediction.grid.shape:
                self._reference = None
        self._show_other_maps()
        self.verdicts_changed.emit()
        self.selection_changed.emit()

    def _read_record(self) -> None:
        self._record, self._record_problem = None, ""
        if self._original is not None:
            try:
                self._record = self._find_record(self._original.information)
            except InputError as error:
                self._record_problem = str(error)

    @property
    def record(self) -> CalibrationRecord | None:
        """What the model did on cases like this one with a reference, if there are any."""
        return self._record

    @property
    def record_problem(self) -> str:
        """Why there is a record, but not for this prediction; empty otherwise."""
        return self._record_problem

    def _show_other_maps(self) -> None:
        self._lesions = self._reliability = self._before = None
        self._binned = None
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
        if recalibration is not None and self._original is not None:
            self.take_recalibrated(self.plan_recalibration(recalibration)())
        elif recalibration is None and self._recalibration is not None:
            self._recalibration, self._prediction = None, self._original
            self._show_other_maps()

    def plan_recalibration(self, how: Kind | Recalibration) -> Callable[[], Recalibrated]:
        """Work that takes moments, for any thread: `take_recalibrated` takes its result.

        Parameters
        ----------
        how
            What was fitted on other cases; or its kind, to fit it on this very case: against the reference,
            in the region.

        Raises
        ------
        InputError
            If there is no prediction, or no reference for a fit. The work itself: if the region lacks
            lesion or background.
        """
        original, region, threshold = self._original, self._region, self._threshold
        if original is None or (isinstance(how, str) and self._reference is None):
            raise InputError("A recalibration is fitted on a prediction and a reference; one is missing.")
        reference = np.zeros(0, bool) if self._reference is None else self._reference

        def work() -> Recalibrated:
            from napari_uncertainseg.inference.recalibrated import Recalibrated, fitted_here, recalibrated

            by = fitted_here(original, reference, region, threshold, how) if isinstance(how, str) else how
            return Recalibrated(original, by, recalibrated(original, by))

        return work

    def take_recalibrated(self, found: Recalibrated) -> None:
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
        """Take the reviewer's painting; it outlives every change of the threshold."""
        self._edit = edit
        self._touch_lesions()
        if self._recorder is not None:
            try:
                self._recorder.paint(edit)
            except InputError as error:  # the strokes are there already; the next ones may be recorded
                self.not_recorded.emit(str(error))

    def _touch_lesions(self) -> None:
        self._lesions = None
        self.lesions_changed.emit()
        if self._region.follows_lesions:
            self._touch_reliability()

    @property
    def lesions(self) -> Lesions | None:
        """Lesions and candidates at the present threshold, the most doubtful first."""
        if self._lesions is None and self._prediction is not None:
            from napari_uncertainseg.inference.existence import with_existence

            found = self._prediction.ranker.rank(self._threshold, self._min_volume, edit=self._edit)
            record = self._record if self._recalibration is None else None
            self._lesions = found if record is None else with_existence(found, record)
        return self._lesions

    # -- selection and verdicts ---------------------------------------------------------------

    @property
    def selected(self) -> tuple[int, int, int] | None:
        """The voxel of the selected lesion or candidate."""
        return self._selected

    @selected.setter
    def selected(self, voxel: tuple[int, int, int] | None) -> None:
        if voxel != self._selected:
            self._selected = voxel
            if self._recorder is not None:
                self._recorder.show(voxel)
            self.selection_changed.emit()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, in the order in which they were given."""
        return self._verdicts.given

    @property
    def recorder(self) -> Recorder | None:
        """What writes this review into a session; None where none was begun."""
        return self._recorder

    def record_with(self, recorder: Recorder | None) -> None:
        """Write verdicts and painting into a session from now on, or stop (None).

        What a session that is gone on with holds, is taken over; a new one begins with what there is.

        Raises
        ------
        InputError
            If the session cannot be written, or its painting cannot be read or does not fit.
        """
        if recorder is None or self._prediction is None:
            self._recorder = None
        elif recorder.is_new:
            given, self._recorder = self.verdicts, recorder
            try:
                for verdict in given:
                    self._write(verdict.voxel, verdict.decision)
                if self._edit is not None:
                    recorder.paint(self._edit)
            except InputError:
                self._recorder = None
                raise
        else:
            edit = recorder.painted()
            if edit is not None:
                check_same_shape(
                    "The session's painting", edit.shape, "the scan", self._prediction.grid.shape
                )
            self._recorder = None  # what is taken over is not written again
            self.set_edit(edit)
            self._recorder, self._verdicts = recorder, Verdicts(recorder.verdicts)
        self.verdicts_changed.emit()

    def _write(self, voxel: tuple[int, int, int], decision: Decision | None) -> None:
        component = self._component_at(voxel)
        if self._recorder is not None:
            self._recorder.judge(
                voxel,
                decision,
                lambda other: component != 0 and self._component_at(other) == component,
                {"threshold": self._threshold, "visible": list(self.visible)},
            )

    def next_to_do(self) -> tuple[int, int, int] | None:
        """The voxel of what the session has next, without what is selected; None without a session."""
        if self._recorder is None:
            return None
        here = 0 if self._selected is None else self._component_at(self._selected)
        return self._recorder.next_to_do(lambda voxel: here != 0 and self._component_at(voxel) == here)

    def judge(self, voxel: tuple[int, int, int], decision: Decision | None) -> None:
        """Give a verdict on the lesion or candidate at a voxel; None takes it back.

        Raises
        ------
        InputError
            If a session is recorded and cannot be written: nothing is changed then.
        """
        self._write(voxel, decision)
        component = self._component_at(voxel)
        kept = tuple(v for v in self.verdicts if self._component_at(v.voxel) != component or component == 0)
        kept = tuple(v for v in kept if v.voxel != voxel)
        self._verdicts.change(kept if decision is None else (*kept, Verdict(voxel, decision)))
        self.verdicts_changed.emit()

    def undo(self) -> bool:
        """Take the last verdict back; False when there is none."""
        if self._recorder is not None:
            self._recorder.undo()
        return self._say_if(self._verdicts.undo())

    def redo(self) -> bool:
        """Give the verdict again that was taken back; False when there is none."""
        if self._recorder is not None:
            self._recorder.redo()
        return self._say_if(self._verdicts.redo())

    @property
    def unsaved(self) -> bool:
        """Whether verdicts or painting would be lost with the prediction; a session keeps them."""
        if self._recorder is not None:
            return False
        verdicts, edit = self._saved
        return self.verdicts != verdicts or self._edit is not edit

    def mark_saved(self) -> None:
        """Say that verdicts and painting, as they are now, have been written to disk."""
        self._saved = (self.verdicts, self._edit)

    def _say_if(self, changed: bool) -> bool:
        if changed:
            self.verdicts_changed.emit()
        return changed

    def _component_at(self, voxel: tuple[int, int, int]) -> int:
        """Number of the lesion (> 0) or candidate (< 0) at a voxel; 0 when there is none."""
        lesions = self.lesions
        if lesions is None:
            return 0
        return int(lesions.labels[voxel]) or -int(lesions.candidates[voxel])

    def decisions(self) -> dict[int, Decision]:
        """Verdicts by number: lesions are positive, candidates negative.

        When lesions with different verdicts have grown together, the lesion
        is unsure: nobody has judged it as it is now.
        """
        found: dict[int, Decision] = {}
        for verdict in self.verdicts:
            key = self._component_at(verdict.voxel)
            if key == 0:
                continue
            same = found.get(key, verdict.decision) == verdict.decision
            found[key] = verdict.decision if same else "unsure"
        return found

    # -- calibration --------------------------------------------------------------------------

    @property
    def reference(self) -> np.ndarray | None:
        """What the prediction is compared with: bool on the prediction's grid."""
        return self._reference

    @reference.setter
    def reference(self, mask: np.ndarray | None) -> None:
        self._reference = mask
        self._touch_reliability(region_moved=self._region.follows_lesions)

    @property
    def region(self) -> Region:
        """Where calibration is judged."""
        return self._region

    @region.setter
    def region(self, region: Region) -> None:
        if region != self._region:
            self._region = region
            self._touch_reliability()

    def _touch_reliability(self, *, region_moved: bool = True) -> None:
        self._reliability = self._before = None
        if region_moved:
            self._binned = None
        self.reliability_changed.emit()

    @property
    def reliability(self) -> Reliability | None:
        """Reliability of the prediction against the reference in the region."""
        if self._reliability is None and self._prediction is not None and self._reference is not None:
            if self._region.kind == "each":
                self._reliability = self._of_lesions(self.lesions, self._reference)
                return self._reliability
            if self._binned is None:
                self._binned = Binned.of(self._prediction.probability, region=self._region_mask())
            self._reliability = self._binned.against(self._reference)
        return self._reliability

    def reliability_before(self) -> Reliability | None:
        """Reliability of the prediction as the model made it, in the region; None unless recalibrated."""
        if self._original is None or self._reference is None or self._recalibration is None:
            return None
        if self._before is None and self._region.kind == "each":
            lesions = self._original.ranker.rank(self._threshold, self._min_volume, edit=self._edit)
            self._before = self._of_lesions(lesions, self._reference)
        elif self._before is None:
            self._before = reliability(
                self._original.probability, self._reference, region=self._region_mask()
            )
        return self._before

    @staticmethod
    def _of_lesions(lesions: Lesions | None, reference: np.ndarray) -> Reliability:
        """Lesions and candidates by their mean probability."""
        assert lesions is not None
        return lesion_reliability(
            [
                (lesions.labels, lesions.table["mean_probability"].to_numpy()),
                (lesions.candidates, lesions.candidate_table["mean_probability"].to_numpy()),
            ],
            reference,
        )

    def _region_mask(self) -> np.ndarray:
        p, reference = self._prediction, self._reference
        assert p is not None and reference is not None
        return self._region.mask(p.brain, reference | (p.probability >= self._threshold), p.grid.spacing)
