"""From Run to the result: a request that is read from the form once, and the segmenter for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_uncertainseg._base import FINDING_BRAIN, Progress
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import planned
from napari_uncertainseg.widgets.segment import texts

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.images.preparation.found_brain import FoundBrain
    from napari_uncertainseg.images.volume import Volume
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.widgets.segment.brain.controls import BrainChoices


class StrangeBrain(Exception):
    """Ends a run, so that the user looks at the brain first."""

    def __init__(self, brain: FoundBrain) -> None:
        super().__init__(brain.strange)
        self.brain = brain


class Predictor(Protocol):
    """What a run needs from a segmenter."""

    def predict(
        self,
        images: Mapping[str, Volume],
        *,
        mask: Volume | None = None,
        brain: FoundBrain | None = None,
        look: Callable[[FoundBrain], object],
        skull: str = "auto",
        bias_correction: str = "auto",
        progress: Progress,
    ) -> Prediction:
        """Segment one visit."""
        ...


MakeSegmenter = Callable[..., Predictor]


def real_segmenter(*args: Any, **options: Any) -> Predictor:
    """Make the segmenter of this package."""
    from napari_uncertainseg.inference.segmenter import Segmenter  # imports torch: only in the job's thread

    return Segmenter(*args, **options)


@dataclass(frozen=True, eq=False)
class Request:
    """Everything that a run needs, read from the form once."""

    images: dict[str, Volume]
    mask: Volume | None
    model: str
    method: str
    members: int
    bias_correction: str
    choices: BrainChoices
    """What a brain that this finds is found with, the skull among it."""
    brain: FoundBrain | None = None
    """One that is known already."""
    mask_painted: bool = False
    """Whether the user has painted on the brain mask since it was opened."""
    target: tuple[str, ...] | None = None
    """Of a model with several classes: those that the user chose; None for its own target."""
    strange_allowed: bool = False
    """Whether to go on with a brain that looks strange."""
    accepted: FoundBrain | None = None
    """A strange one with which the user has gone on before: found again, it is not asked about again."""

    @property
    def scan(self) -> Volume:
        """The one that is segmented."""
        return self.images[main_of(self.images)]

    @property
    def skull(self) -> str:
        """Whether the scans still show it; a key of the segmenter's."""
        return self.choices.skull

    @property
    def settings(self) -> dict[str, Any]:
        """What the next run starts with, by the names that preferences have for it."""
        return {
            "model": self.model,
            "method": self.method,
            "members": self.members,
            "brightness": self.bias_correction,
        }

    def find_brain(self, progress: Progress) -> tuple[Request, FoundBrain]:
        """Find the brain only, in the background."""
        from napari_uncertainseg.images.preparation.prepare import brain_of

        progress(FINDING_BRAIN, 0.0)  # before anything is imported
        painted = self._painted_mask()
        if painted is not None:
            return self, painted
        return self, brain_of(self.images, mask=self.mask, skull=self.skull, progress=progress)

    def run(self, segmenters: Segmenters, progress: Progress) -> tuple[Request, Prediction | FoundBrain]:
        """Segment, in the background. Returns the request with its prediction, or with a strange brain."""
        try:
            return self, self._segment(segmenters, progress)
        except StrangeBrain as found:
            return self, found.brain

    def _painted_mask(self) -> FoundBrain | None:
        """The user's own brain mask where it was painted on."""
        from napari_uncertainseg.images.preparation.brain_search import given_brain

        if self.mask is None or self.brain is not None or not self.mask_painted:
            return None
        return given_brain(self.mask, self.scan, by_hand=True)

    def _look(self, brain: FoundBrain) -> None:
        known = self.accepted is not None and np.array_equal(self.accepted.mask, brain.mask)
        if brain.strange and not (self.strange_allowed or known):
            raise StrangeBrain(brain)

    def _segment(self, segmenters: Segmenters, progress: Progress) -> Prediction:
        from napari_uncertainseg.uncertainty.lesion_ranking import ranker_of
        from napari_uncertainseg.widgets.layers.colours import tops_of

        course = planned(progress, self._steps)
        with course.step(steps.IMPORT, self._steps[steps.IMPORT], texts.LOADING_MODEL):
            segmenter = segmenters.get(self.model, self.method, self.members, self.target)
        prediction = segmenter.predict(
            self.images,
            mask=self.mask,
            brain=self.brain or self._painted_mask(),
            look=self._look,
            skull=self.skull,
            bias_correction=self.bias_correction,
            progress=course,
        )
        with course.step(f"{steps.LESIONS}/shown", stage=texts.FINDING_LESIONS):
            ranker_of(prediction).rank(prediction.threshold)  # kept: the list asks for it
            prediction.derived(tops_of)
            prediction.sha256  # noqa: B018 - the first verdict asks for it, in the window's thread
        return prediction

    @property
    def _steps(self) -> dict[str, float]:
        """What a run has to do."""
        voxels = steps.millions(self.scan.grid.shape)
        expected = steps.segmenting(len(self.images), voxels, self.method, self.model, self.members)
        return {steps.IMPORT: "torch" not in sys.modules, **expected, f"{steps.LESIONS}/shown": 1}


class Segmenters:
    """Keeps the last segmenter, so that its network is ready for the next scan."""

    def __init__(self, make: MakeSegmenter) -> None:
        self._make = make
        self._last: tuple[Any, Predictor] | None = None

    def get(self, model: str, method: str, members: int, target: tuple[str, ...] | None = None) -> Predictor:
        """The segmenter for a model, a method, a number of members and chosen classes."""
        key = (model, method, members, target)
        chosen = {} if target is None else {"target": target}
        if self._last is None or self._last[0] != key:
            self._last = None  # frees the old network before the new one is loaded
            self._last = (
                key,
                self._make(model, method=method, members=members, device="auto", seed=0, **chosen),
            )
        return self._last[1]


def summary_of(case: Case, prediction: Prediction) -> str:
    """Number and volume of the lesions, the time that the run took, and its notes."""
    lesions = case.lesions
    assert lesions is not None
    stages = prediction.information.get("seconds")  # seconds by stage
    seconds = stages.get("total", sum(stages.values())) if isinstance(stages, Mapping) else None
    notes = prediction.information.get("notes", ())
    return texts.run_summary(lesions.count, lesions.volume_ml, case.threshold, seconds, notes)


def make_sample(progress: Progress) -> list[Any]:
    """Make the layers of the simulated case; called in the background."""
    from napari_uncertainseg.widgets.scans.sample_layers import sample_layers

    progress(texts.MAKING_SAMPLE, 0.0)
    return sample_layers()
