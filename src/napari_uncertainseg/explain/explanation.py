"""All that is said of one region of a case."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.context import ContextNeed, context_curve, context_need
from napari_uncertainseg.explain.counterfactual import counterfactuals, missed_sentence
from napari_uncertainseg.explain.explained_case import ExplainedCase, difference_note
from napari_uncertainseg.explain.gradcam import grad_cam_pp
from napari_uncertainseg.explain.kept import Region
from napari_uncertainseg.explain.region_facts import RegionFacts
from napari_uncertainseg.explain.saliency import Saliency, SmoothGradSetting, smoothgrad
from napari_uncertainseg.explain.voxels import ScanMap

SALIENCY, CAM, CONTEXT, CHANGES = "saliency", "gradcam", "context", "counterfactuals"
DRIVERS = "drivers"
"""Place, distances and drivers of doubt: nothing of the network, and no part of `PARTS`."""
PARTS = (SALIENCY, CAM, CHANGES, CONTEXT)
"""What can be asked for, in the order in which it is made."""
SHOWN_AFTER = (1, 2, 4, 8, 16, 32)
"""Passes of the saliency after which it is worth another look."""
_FIRST = 4
"""Passes of the saliency that come before the other parts."""
UNIT = "logits of the region per unit of the network's normalised scan"


@dataclass(frozen=True, eq=False)
class Explanation:
    """What is said of one region; empty or None where it was not asked for, or is not known yet.

    Attributes
    ----------
    name
        Such as ``"lesion3"``: files begin with it.
    voxels
        Of the network, in the region.
    maps
        ``"saliency_flair"`` and so on for each scan that was given, and ``"gradcam"``, on the scan's grid.
    saliency, gradcam
        How they were made: passes, noise, stage, margin.
    curve, need
        Of the context.
    changes, sentence
        Of the counterfactuals.
    notes
        What the user should know, one sentence each.
    region
        On the scan's grid.
    facts
        Place, distances and drivers of doubt.
    """

    name: str
    voxels: int
    maps: Mapping[str, ScanMap] = field(default_factory=dict)
    saliency: Mapping[str, Any] | None = None
    gradcam: Mapping[str, Any] | None = None
    curve: pd.DataFrame | None = None
    need: ContextNeed | None = None
    changes: pd.DataFrame | None = None
    sentence: str = ""
    notes: tuple[str, ...] = ()
    region: Region | None = None
    facts: RegionFacts | None = None

    @property
    def nbytes(self) -> int:
        """Of its maps."""
        return sum(each.values.nbytes for each in self.maps.values())


def explain_region(
    case: ExplainedCase,
    region: np.ndarray,
    name: str,
    *,
    parts: Collection[str] = PARTS,
    setting: SmoothGradSetting | None = None,
    stage: str | None = None,
    progress: Progress = silent,
) -> Explanation:
    """Explain one region; parameters and errors as for `explain_in_steps`."""
    steps = explain_in_steps(
        case, region, name, parts=parts, setting=setting, stage=stage, shown_after=(), progress=progress
    )
    *_, found = steps
    return found


def explain_in_steps(
    case: ExplainedCase,
    region: np.ndarray,
    name: str,
    *,
    parts: Collection[str] = PARTS,
    setting: SmoothGradSetting | None = None,
    stage: str | None = None,
    shown_after: Collection[int] = SHOWN_AFTER,
    progress: Progress = silent,
) -> Iterator[Explanation]:
    """Explain one region, the first picture soon, and all in the end.

    A few passes of the saliency come first, then all other parts, then the rest of the passes.

    Parameters
    ----------
    case
        The network and the scans.
    region
        bool, on the network's voxels, as `ExplainedCase.lesion` or `VoxelMap.to_network` give it.
    name
        Of the region, for its files.
    parts
        Which of `PARTS`.
    setting
        Of the saliency.
    stage
        Of Grad-CAM++.
    shown_after
        Passes of the saliency after which there is something to show.
    progress
        Called while it works; what it raises ends the work.

    Yields
    ------
    Explanation
        What is known so far; the last one is all.

    Raises
    ------
    InputError
        If the region is empty, a setting makes no sense, or memory does not suffice.
    """
    setting = setting or SmoothGradSetting()
    order = [part for part in PARTS if part in parts]
    share = _Shares(name, _costs(order, setting, int(region.sum())), progress)
    found = Explanation(name, int(region.sum()))
    passes: Iterator[Saliency] = iter(())
    if SALIENCY in order:
        passes = smoothgrad(case.scene, region, setting, share.of(SALIENCY))
    first = islice(passes, min(_FIRST, setting.passes))
    found = yield from _saliency_steps(case, found, first, setting, shown_after)
    if not order:
        yield found
    for part in order:
        if part != SALIENCY:
            found = _with_part(case, found, region, part, setting, stage, share.of(part), len(order) == 1)
            yield found
    yield from _saliency_steps(case, found, passes, setting, shown_after)


def _saliency_steps(
    case: ExplainedCase,
    found: Explanation,
    passes: Iterable[Saliency],
    setting: SmoothGradSetting,
    shown_after: Collection[int],
) -> Generator[Explanation, None, Explanation]:
    """What is known after each pass that is shown, the last one among them; gives what is known after all."""
    for saliency in passes:
        if saliency.passes in shown_after or saliency.passes == setting.passes:
            found = _with_saliency(case, found, saliency, setting)
            yield found
    return found


def _with_saliency(
    case: ExplainedCase, found: Explanation, now: Saliency, setting: SmoothGradSetting
) -> Explanation:
    scene, maps = case.scene, dict(found.maps)
    for modality, given, array in zip(scene.modalities, scene.given, now.maps(), strict=True):
        if given:
            maps[f"{SALIENCY}_{modality}"] = ScanMap.cut(case.voxels.to_scan(array))
    about = {"passes": now.passes, "noise_sigma": now.sigma, "margin_mm": now.margin_mm}
    note = _margin_note(now.margin_mm, setting.margin_mm)
    notes = found.notes if note in found.notes else (*found.notes, note)
    return replace(found, maps=maps, saliency=about, notes=tuple(each for each in notes if each))


def _with_part(
    case: ExplainedCase,
    found: Explanation,
    region: np.ndarray,
    part: str,
    setting: SmoothGradSetting,
    stage: str | None,
    progress: Progress,
    alone: bool,
) -> Explanation:
    """With one more part; where it is not known, a note says why, and what else was asked for is not lost."""
    scene = case.scene
    if part == CAM:
        seen = grad_cam_pp(scene, region, stage, margin_mm=setting.margin_mm, progress=progress)
        maps = {**found.maps, CAM: ScanMap.cut(case.voxels.to_scan(seen.map))}
        return replace(found, maps=maps, gradcam={"stage": seen.stage, "margin_mm": seen.margin_mm})
    try:
        if part == CHANGES:
            table = counterfactuals(scene, region, case.others(region), progress=progress)
            return replace(found, changes=table, sentence=missed_sentence(table))
        curve = context_curve(scene, region, progress=progress)
    except InputError as error:
        if alone:
            raise
        return replace(found, notes=(*found.notes, f"No {part}: {error}"))
    need = context_need(curve)
    told = difference_note(case, region, need.whole)
    return replace(found, curve=curve, need=need, notes=(*found.notes, *([told] if told else [])))


def _costs(order: Collection[str], setting: SmoothGradSetting, voxels: int) -> dict[str, float]:
    """Of the parts, about: a forward pass costs 1, a backward pass 2."""
    backward = 2.0 * (1 if setting.version == "average" else voxels)
    every = {SALIENCY: setting.passes * (1 + backward), CAM: 3.0, CHANGES: 14.0, CONTEXT: 36.0}
    return {part: every[part] for part in order}


class _Shares:
    """The progress of parts that take turns.

    Parameters
    ----------
    name
        Of the region; begins each stage.
    costs
        By part.
    progress
        Told of the whole.
    """

    def __init__(self, name: str, costs: Mapping[str, float], progress: Progress) -> None:
        self._name, self._costs, self._progress = name, costs, progress
        self._done = dict.fromkeys(costs, 0.0)

    def of(self, part: str) -> Progress:
        """The progress of one part."""

        def report(stage: str, fraction: float) -> None:
            self._done[part] = fraction
            done = sum(cost * self._done[each] for each, cost in self._costs.items())
            self._progress(f"{self._name}: {stage}", done / sum(self._costs.values()))

        return report


def _margin_note(margin: float, wished: float) -> str:
    if margin == wished:
        return ""
    return f"Memory was short: only {margin:g} mm around the region were shown to the network."
