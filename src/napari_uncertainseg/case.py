"""The case under review: the evented state that the docks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal, SignalInstance

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference.case_comparison import CaseComparison
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.review.open_case.case_review import CaseReview
from napari_uncertainseg.review.verdicts import Verdict, Voxel
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, ranker_of

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.recalibration import Kind, Recalibration
    from napari_uncertainseg.calibration.record import CalibrationRecord
    from napari_uncertainseg.inference.recalibrated import Recalibrated
    from napari_uncertainseg.late_columns import LateColumns
    from napari_uncertainseg.prediction.prediction import Prediction

FindRecord = Callable[[Mapping[str, Any]], "CalibrationRecord | None"]
"""From what a prediction says of itself to the record of its calibration cases, if there is one."""


class Case:
    """One patient's visit while it is looked at: scans, prediction, threshold, lesions. Knows no widget.

    A change of state emits a signal; setting a value that is already there emits
    nothing. Derived state (``lesions``, the reliability) is computed when asked for,
    once per change.

    Parameters
    ----------
    find_record
        Asked once for each prediction.

    Attributes
    ----------
    review
        Verdicts, painting and the session into which they go.
    comparison
        The reference, if there is one, and the reliability against it.
    record
        What the model did on cases like this one with a reference, if there are any.
    record_problem
        Why there is a record, but not for this prediction; empty otherwise.
    unsaved_mask
        Whether a mask of several readers was made of this prediction's reviews that is in no file.
    """

    images_changed = Signal()
    leaving = Signal()
    """Another prediction is about to be opened: what is still being written belongs to this one."""
    prediction_changed = Signal()
    lesions_changed = Signal()
    """The threshold, the smallest volume, an edit or the prediction changed."""
    selection_changed = Signal()

    def __init__(self, find_record: FindRecord = lambda information: None) -> None:
        self.review = CaseReview(self)
        self.comparison = CaseComparison(self)
        self._find_record = find_record
        self.record: CalibrationRecord | None = None
        self.record_problem = ""
        self.unsaved_mask = False
        self._images: dict[str, Volume] = {}
        self._mask: Volume | None = None
        self._prediction: Prediction | None = None
        self._original: Prediction | None = None
        self._recalibration: Recalibration | None = None
        self._threshold = 0.5
        self._min_volume = 3.0
        self._lesions: Lesions | None = None
        self._late: tuple[LateColumns, ...] = ()
        self._numbers: LesionNumbers | None = None
        self._selected: Voxel | None = None

    @property
    def verdicts_changed(self) -> SignalInstance:
        """Verdicts were given or taken back, or the session is another one."""
        return self.review.verdicts_changed

    @property
    def stepped(self) -> SignalInstance:
        """See `CaseReview.stepped`."""
        return self.review.stepped

    @property
    def not_recorded(self) -> SignalInstance:
        """See `CaseReview.not_recorded`."""
        return self.review.not_recorded

    @property
    def not_kept(self) -> SignalInstance:
        """See `CaseReview.not_kept`."""
        return self.review.not_kept

    @property
    def reliability_changed(self) -> SignalInstance:
        """The reference, the region or the prediction changed."""
        return self.comparison.reliability_changed

    # -- what goes in -----------------------------------------------------------------------

    @property
    def images(self) -> Mapping[str, Volume]:
        """Scans by modality: ``flair``, ``t1``, ``t2``."""
        return dict(self._images)

    @property
    def scan(self) -> Volume | None:
        """The one that is segmented, on whose grid all maps lie; None where no scan is loaded."""
        return self._images.get(main_of(self._images))

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

    def open_prediction(self, prediction: Prediction | None) -> None:
        """Show another prediction, or none, and begin its review.

        Verdicts, painting, session and selection of the one before are dropped; the threshold
        becomes the prediction's own. A reference on another grid is dropped too.
        """
        self.leaving.emit()
        self._prediction = self._original = prediction
        self._recalibration = self._numbers = self._selected = None
        self._late = ()
        self.unsaved_mask = False
        self.review.clear()
        self._read_record()
        if prediction is not None:
            self._threshold = prediction.threshold
            self.comparison.drop_other_reference(prediction.grid.shape)
        self._show_other_maps()
        self.verdicts_changed.emit()
        self.selection_changed.emit()

    def close_prediction(self) -> None:
        """Show no prediction; its review is dropped as by `open_prediction`."""
        self.open_prediction(None)

    def _read_record(self) -> None:
        self.record, self.record_problem = None, ""
        if self._original is not None:
            try:
                self.record = self._find_record(self._original.information)
            except InputError as error:
                self.record_problem = str(error)

    def _show_other_maps(self) -> None:
        self._lesions = None
        self.comparison.forget()
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

        return plan(self._original, self.comparison.reference, self.comparison.region, self._threshold, how)

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

    def painting_changed(self) -> None:
        """Outline lesions anew, with what the reviewer painted."""
        self._touch_lesions()

    def _touch_lesions(self) -> None:
        self._lesions = None
        self.lesions_changed.emit()
        if self.comparison.region.follows_lesions:
            self.comparison.forget()
            self.reliability_changed.emit()

    @property
    def lesions(self) -> Lesions | None:
        """Lesions and candidates at the present threshold, the most doubtful first.

        Their numbers stay while the threshold moves and the reviewer paints.
        """
        if self._lesions is None and self._prediction is not None:
            from napari_uncertainseg.inference.real_by_cases import with_real_by_cases
            from napari_uncertainseg.late_columns import with_late_columns

            if self._numbers is None:
                self._numbers = LesionNumbers(self._prediction.grid.shape)
            found = ranker_of(self._prediction).rank(
                self._threshold, self._min_volume, edit=self.review.edit, numbers=self._numbers
            )
            record = self.record if self._recalibration is None else None
            found = found if record is None else with_real_by_cases(found, record)
            self._lesions = with_late_columns(found, self._late)
        return self._lesions

    def add_columns(self, late: LateColumns, original: Prediction) -> None:
        """Show further columns in the tables of lesions, unless another prediction has been opened meanwhile.

        They stay while the threshold moves, the reviewer paints and probabilities are recalibrated. Of two
        with the same names the later one counts.

        Parameters
        ----------
        late
            The columns.
        original
            The prediction (as the model made it) whose lesions they are about.
        """
        if original is not self._original:
            return
        from napari_uncertainseg.late_columns import with_late_columns

        others = (each for each in self._late if not set(each.columns) & set(late.columns))
        self._late = (*others, late)
        if self._lesions is not None:
            self._lesions = with_late_columns(self._lesions, [late])
        self.lesions_changed.emit()

    def original_lesions(self) -> Lesions | None:
        """Lesions and candidates of the prediction as the model made it, with the same painting."""
        if self._original is None:
            return None
        ranker = ranker_of(self._original)
        return ranker.rank(self._threshold, self._min_volume, edit=self.review.edit)

    @property
    def numbers(self) -> LesionNumbers | None:
        """Those that lesions and candidates keep; None before there are any."""
        return self._numbers

    def number_by(self, numbers: LesionNumbers) -> None:
        """Number lesions anew, as they were seen before."""
        self._numbers = numbers
        self._touch_lesions()

    def restart_numbers(self, known: Sequence[tuple[Voxel, int]]) -> None:
        """Give numbers anew from the next outlining on, first those known by a voxel; emits nothing."""
        assert self._prediction is not None
        self._numbers = LesionNumbers(self._prediction.grid.shape)
        self._numbers.know(known)

    # -- selection, and another review --------------------------------------------------------

    @property
    def selected(self) -> Voxel | None:
        """The voxel of the selected lesion or candidate."""
        return self._selected

    @property
    def selected_number(self) -> int:
        """Number of the selected lesion; below 0 of a candidate, 0 where none is selected."""
        lesions = self.lesions
        return 0 if lesions is None or self._selected is None else lesions.component_at(self._selected)

    def select(self, voxel: Voxel | None) -> None:
        """Select the lesion or candidate at a voxel, or none; a session notes when it was looked at."""
        if voxel != self._selected:
            self._selected = voxel
            if self.review.recorder is not None:
                self.review.recorder.show(voxel)
            self.selection_changed.emit()

    def next_task(self) -> Voxel | None:
        """The voxel of what the session has next, without what is selected; None without a session."""
        return self.review.next_task(self._selected)

    def reset_review(self, verdicts: tuple[Verdict, ...] = (), edit: np.ndarray | None = None) -> None:
        """Forget verdicts and painting, or show those of another time; nothing is recorded then.

        Parameters
        ----------
        verdicts
            In the order in which they were given.
        edit
            int8 of the grid's shape: +1 added, -1 removed, 0 untouched; None for no painting.
        """
        self._selected = None
        self.review.clear(verdicts, edit)
        self._touch_lesions()
        self.verdicts_changed.emit()
        self.selection_changed.emit()

    def set_review_aside(self) -> Callable[[], None]:
        """Show an empty review in place of this one; gives what puts it back as it was.

        Verdicts, painting, session and undo come back, and the threshold, the smallest volume, the numbers of
        the lesions and the selection: `reset_review` may show other reviews between. It is called once, and
        not after another prediction was opened.
        """
        seen = self._threshold, self._min_volume, deepcopy(self._numbers), self._selected
        put_back_review = self.review.set_aside()

        def put_back() -> None:
            put_back_review()
            self._threshold, self._min_volume, self._numbers, self._selected = seen
            self._touch_lesions()
            self.verdicts_changed.emit()
            self.selection_changed.emit()

        self.reset_review()
        return put_back
