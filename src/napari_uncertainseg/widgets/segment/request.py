"""Between Run and the result: a request, taken from the form once, and the segmenter for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from napari_uncertainseg._base import Progress

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.images.volume import Volume
    from napari_uncertainseg.prediction.prediction import Prediction


class Predictor(Protocol):
    """What a run needs of a segmenter."""

    def predict(
        self,
        images: Mapping[str, Volume],
        *,
        mask: Volume | None = None,
        skull: str = "auto",
        bias_correction: bool = False,
        progress: Progress,
    ) -> Prediction:
        """Segment one visit."""
        ...


MakeSegmenter = Callable[..., Predictor]


def real_segmenter(*args: Any, **options: Any) -> Predictor:
    """Make the segmenter of this package."""
    from napari_uncertainseg.inference.segmenter import Segmenter  # brings torch: only in the job's thread

    return Segmenter(*args, **options)


@dataclass(frozen=True, eq=False)
class Request:
    """Everything that a run needs, taken from the form once."""

    images: dict[str, Volume]
    mask: Volume | None
    model: str
    method: str
    members: int
    bias_correction: bool
    skull: str = "auto"

    def run(self, segmenters: Segmenters, progress: Progress) -> tuple[Request, Prediction]:
        """Segment; called in the background. Gives itself back with the prediction that belongs to it."""
        from napari_uncertainseg.uncertainty.lesion_ranking import ranker_of

        progress("loading the model", 0.0)
        segmenter = segmenters.get(self.model, self.method, self.members)
        prediction = segmenter.predict(
            self.images,
            mask=self.mask,
            skull=self.skull,
            bias_correction=self.bias_correction,
            progress=progress,
        )
        progress("finding the lesions", 1.0)
        ranker_of(prediction).prepare()
        return self, prediction


class Segmenters:
    """Keeps the last segmenter, whose network is ready for the next scan."""

    def __init__(self, make: MakeSegmenter) -> None:
        self._make = make
        self._last: tuple[tuple[str, str, int], Predictor] | None = None

    def get(self, model: str, method: str, members: int) -> Predictor:
        """The segmenter for a model, a method and a number of members."""
        key = (model, method, members)
        if self._last is None or self._last[0] != key:
            self._last = None  # the old network is let go before the new one is loaded
            self._last = key, self._make(model, method=method, members=members, device="auto", seed=0)
        return self._last[1]


def summary_of(case: Case, prediction: Prediction) -> str:
    """What the run found, and what it has to say about itself."""
    lesions = case.lesions
    assert lesions is not None
    lines = [f"{lesions.count} lesions, {lesions.volume_ml:.1f} ml at p ≥ {case.threshold:.2f}"]
    seconds = prediction.information.get("seconds")
    if isinstance(seconds, Mapping):
        total = seconds.get("total", sum(seconds.values()))
        lines[0] += f", in {total:.0f} s"
    notes = prediction.information.get("notes", ())
    return "\n".join([lines[0] + ".", *(f"• {note}" for note in notes)])
