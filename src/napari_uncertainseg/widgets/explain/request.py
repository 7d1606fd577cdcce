"""From the button to the answer: what is read from the window once, and explained in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._base import Progress
from napari_uncertainseg.explain.kept import prediction_sha256
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.explain.region_facts import RegionFacts
from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.facts import MeasuredCase
from napari_uncertainseg.widgets.explain.regions import ChosenRegion

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.explain.explained_case import Explained, ExplainedCase
    from napari_uncertainseg.explain.explanation import Explanation
    from napari_uncertainseg.images.volume import Volume
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_PREPARED = 0.1
"""Share of the whole that preparing the scans is shown as."""


@dataclass(frozen=True)
class Setting:
    """How a region is explained; see `explain.saliency.SmoothGradSetting`.

    Attributes
    ----------
    version, passes, noise, seed
        Of the saliency; as published unless the user chooses.
    stage
        Of Grad-CAM++; None for the usual one.
    network
        Which one of an ensemble, counted from 1.
    """

    version: str = "average"
    passes: int = 50
    noise: float = 0.05
    seed: int = 0
    stage: str | None = None
    network: int = 1


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known of a region.

    Attributes
    ----------
    chosen, setting, threshold
        What was explained, how, and from which probability on a voxel counts as found. A stage or network
        that was asked for and that the model does not have is the usual one here.
    prediction
        Of which case.
    explanation
        What was found.
    about
        What was explained, for files.
    networks
        How many the model has.
    stages
        Of the network that Grad-CAM++ can look at.
    complete
        Whether no more is to come.
    facts
        Place and drivers of doubt; None until they are measured.
    folder
        From which it was read, if it was.
    """

    chosen: ChosenRegion
    setting: Setting
    threshold: float
    prediction: Prediction
    explanation: Explanation
    about: Explained
    networks: int
    stages: tuple[str, ...]
    complete: bool
    facts: RegionFacts | None = None
    folder: str = ""

    @property
    def nbytes(self) -> int:
        """Of its maps."""
        return self.explanation.nbytes

    @property
    def key(self) -> tuple[str, bool, Setting, float]:
        """By what it is kept, beside the prediction's hash."""
        return _asked(self.chosen, self.setting, self.threshold)

    @property
    def model(self) -> str:
        """Model and network, in words."""
        which = f", network {self.setting.network} of {self.networks}" if self.networks > 1 else ""
        return f"{self.about.information['model']}{which}"

    @property
    def short_model(self) -> str:
        """The same for names of layers, which have little room."""
        which = f" {self.setting.network}/{self.networks}" if self.networks > 1 else ""
        return f"{self.about.information['model']}{which}"

    @property
    def settings(self) -> dict[str, object]:
        """For files, by the names that `uncertainseg explain` has for them."""
        one = self.setting
        return {
            "what": [],
            "passes": one.passes,
            "noise": one.noise,
            "gradients": one.version,
            "stage": one.stage,
            "seed": one.seed,
            "prediction_sha256": prediction_sha256(self.prediction),
            "region_sha256": self.chosen.sha256,
        }


class OpenedCase:
    """Keeps the scans and the network of one prediction, so that the next lesion begins at once.

    Parameters
    ----------
    zones
        Of the brain, shared with other docks.

    Attributes
    ----------
    measured
        Places and drivers of doubt.
    """

    def __init__(self, zones: KnownZones) -> None:
        self.measured = MeasuredCase(zones)
        self._last: tuple[Prediction, int, ExplainedCase] | None = None

    def get(self, request: ExplainRequest, progress: Progress) -> ExplainedCase:
        """The scans of a request; prepared if they are not. A network that is not there becomes the first."""
        from napari_uncertainseg.explain.explained_case import prepare_case
        from napari_uncertainseg.explain.made_by import results_in_memory
        from napari_uncertainseg.explain.maker import model_of

        prediction, network = request.prediction, request.setting.network
        said, models = prediction.information, request.models
        if self._last is None or self._last[0] is not prediction or self._last[1] != network:
            self._last = None  # frees the old network before the new one is loaded
            saved = results_in_memory(
                prediction, request.scans, request.threshold, request.min_volume, request.edit
            )
            there = 1 if network == 1 else model_of("", said, models).capabilities.networks
            chosen = network if network <= there else 1
            case = prepare_case(
                saved, request.lesions.labels, models=models, network=chosen, progress=progress
            )
            self._last = prediction, network, case
        return self._last[2].at_threshold(request.threshold, request.lesions.labels)


@dataclass(frozen=True, eq=False)
class ExplainRequest:
    """Everything that an explanation needs, read from the window once.

    Attributes
    ----------
    chosen, setting
        What is explained, and how.
    prediction
        As the model made it.
    scans
        By modality.
    lesions
        Those of the window.
    threshold, min_volume, edit
        Of the lesions.
    models
        Names of the model, tried one after the other.
    notes
        What the user should know of what is in the window, one sentence each.
    """

    chosen: ChosenRegion
    setting: Setting
    prediction: Prediction
    scans: Mapping[str, Volume]
    lesions: Lesions
    threshold: float
    min_volume: float
    edit: np.ndarray | None
    models: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def answered_by(self, answer: Answer) -> bool:
        """Whether this is what an answer was asked for."""
        return answer.prediction is self.prediction and answer.key == self.key

    def named(self, answer: Answer) -> Answer:
        """An answer with the name that its region has now: a lesion's number may have changed meanwhile."""
        if answer.chosen.title == self.chosen.title:
            return answer
        found = replace(answer.explanation, name=self.chosen.stem)
        return replace(answer, chosen=self.chosen, explanation=found)

    @property
    def key(self) -> tuple[str, bool, Setting, float]:
        """By what the answer is kept, beside the prediction's hash."""
        return _asked(self.chosen, self.setting, self.threshold)

    def run(self, opened: OpenedCase, tell: Callable[[Answer], None], progress: Progress) -> Answer:
        """Explain, in the background.

        Parameters
        ----------
        opened
            Prepares the scans, or has them already.
        tell
            Called with each answer that is not complete yet.
        progress
            Called while it works; what it raises ends the work.

        Raises
        ------
        InputError
            If the model or a scan is missing, or the region cannot be explained.
        """
        from napari_uncertainseg.explain.explanation import explain_in_steps
        from napari_uncertainseg.explain.gradcam import stages_of
        from napari_uncertainseg.explain.saliency import SmoothGradSetting

        reached = 0.0

        def report(stage: str, fraction: float) -> None:
            nonlocal reached
            reached = fraction
            progress(stage, fraction)

        report("preparing the scans", 0.0)
        case = opened.get(self, _part(report, 0.0, _PREPARED))
        networks, stages = case.model.capabilities.networks, stages_of(case.scene.engine)
        stage = self.setting.stage if self.setting.stage in stages else None
        one = replace(self.setting, stage=stage, network=case.network)  # what another model had goes
        saliency = SmoothGradSetting(
            one.passes, one.noise, "maximum" if one.version == "maximum" else "average", one.seed
        )
        steps = explain_in_steps(
            case,
            case.voxels.to_network(self.chosen.region.whole(case.grid.shape)),
            self.chosen.stem,
            setting=saliency,
            stage=one.stage,
            progress=_part(report, _PREPARED, 1 - _PREPARED),
        )
        about = replace(case.about, notes=(*case.notes, *self.notes))
        asked = self.chosen, one, self.threshold, self.prediction
        facts: RegionFacts | None = None
        for found in steps:
            answer = Answer(*asked, found, about, networks, stages, complete=False, facts=facts)
            tell(answer)
            if facts is None:  # after the first picture: in a new case it takes some seconds
                facts = opened.measured.facts(self, lambda stage, share: progress(stage, reached))
                tell(replace(answer, facts=facts))
        return replace(answer, complete=True, facts=facts)


def request_of(
    case: Case, layers: ReviewLayers, chosen: ChosenRegion | None, setting: Setting, last_model: str
) -> ExplainRequest | None:
    """Read from the window what would be explained now; None where there is nothing to explain.

    Parameters
    ----------
    case, layers
        The window's.
    chosen, setting
        What the user has chosen.
    last_model
        The model of the last run, by the name with which it was chosen.
    """
    prediction, lesions = case.original, case.lesions
    if prediction is None or lesions is None or chosen is None:
        return None
    recalibrated = case.recalibration is not None
    notes = [texts.RECALIBRATED.format(prediction.threshold)] if recalibrated else []
    notes += [texts.OTHER_BRAIN] if layers.brain.outdated else []
    said = prediction.information.get("model")
    return ExplainRequest(
        chosen,
        setting,
        prediction,
        case.images,
        lesions,
        prediction.threshold if recalibrated else case.threshold,
        case.min_volume,
        case.review.edit,
        tuple(name for name in (said, last_model) if isinstance(name, str)),
        tuple(notes),
    )


def _asked(chosen: ChosenRegion, setting: Setting, threshold: float) -> tuple[str, bool, Setting, float]:
    return chosen.sha256, chosen.lesion > 0, setting, threshold  # only a lesion has doubt


def _part(progress: Progress, start: float, share: float) -> Progress:
    def report(stage: str, fraction: float) -> None:
        progress(stage, start + share * fraction)

    return report
