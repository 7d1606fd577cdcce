"""``uncertainseg explain``."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    import numpy as np

    from napari_uncertainseg.explain.explained_case import ExplainedCase
    from napari_uncertainseg.explain.explanation import Explanation


def explain(options: Namespace) -> None:
    """Explain lesions of a folder of results, write maps and tables, and say what was found."""
    _check(options)
    from napari_uncertainseg.explain.explained_case import open_case
    from napari_uncertainseg.explain.explanation import DRIVERS, PARTS, explain_region
    from napari_uncertainseg.explain.explanation_files import write_explanations
    from napari_uncertainseg.explain.kept import Region
    from napari_uncertainseg.explain.saliency import SmoothGradSetting

    start = time.monotonic()
    setting = SmoothGradSetting(options.passes, options.noise, options.gradients, options.seed)
    with ProgressLine() as progress:
        case = open_case(
            options.results,
            model=options.model,
            network=options.network,
            device=options.device,
            progress=_part(progress, 0, 0.1),
        )
        masks = _regions(options, case)
        regions = {name: case.voxels.to_network(mask) for name, mask in masks.items()}
        found = [
            explain_region(
                case,
                region,
                name,
                parts=[part for part in options.what if part != DRIVERS] if options.what else PARTS,
                setting=setting,
                stage=options.stage,
                progress=_part(progress, 0.1 + 0.8 * i / len(regions), 0.8 / len(regions)),
            )
            for i, (name, region) in enumerate(regions.items())
        ]
        if not options.what or DRIVERS in options.what:
            found = _with_facts(options.results, case, masks, found, _part(progress, 0.9, 0.1))
        found = [replace(one, region=Region.cut(masks[one.name])) for one in found]
        write_explanations(options.out, case.about, found, _settings(options, case))
    for one in found:
        print(describe(one))
    print(_together(case, found), end="")
    print("\n".join(f"note: {note}" for note in case.notes))
    print(f"{options.out}: written in {time.monotonic() - start:.1f} s")


def _check(options: Namespace) -> None:
    """Refuse what cannot be explained, before the imports of explaining."""
    from napari_uncertainseg.disk.new_folder import check_new
    from napari_uncertainseg.evaluate.listed_cases import check_case
    from napari_uncertainseg.explain.maker import check_maker

    if not (options.lesion or options.candidate or options.region):
        raise InputError("Say what to explain: --lesion N, --candidate N or --region MASK.")
    check_new(options.out)
    folder = Path(options.results)
    if options.region is not None:
        check_case(folder, (options.region,), whole=True)
    check_maker(folder, options.model)


def describe(one: Explanation) -> str:
    """What was found of one region, for display."""
    lines = [f"{one.name}: {one.voxels} voxels of the network"]
    if one.need is not None:
        need = one.need
        lines.append(
            f"  mean probability {need.alone:.2f} from the lesion alone, {need.whole:.2f} with all around; "
            f"detected {_from(need.detected_mm)}, stays so {_from(need.kept_mm)}, "
            f"settled {_from(need.settled_mm)}"
        )
    if one.changes is not None:
        for row in one.changes.to_dict("records"):
            doubt = "-" if row["doubt"] != row["doubt"] else f"{row['doubt']:.2f}"
            said = "found" if row["found"] else "missed"
            lines.append(
                f"  {row['change']:44} probability {row['mean_probability']:.2f}  doubt {doubt:>4}  {said}"
            )
    if one.facts is not None:
        lines += [f"  {text}" for text in (one.facts.in_words, one.facts.doubt) if text]
    lines += [f"  {text}" for text in (one.sentence, *(f"note: {note}" for note in one.notes)) if text]
    return "\n".join(lines)


def _from(radius: float) -> str:
    return "at no radius" if radius != radius else f"from {radius:g} mm on"


def _together(case: ExplainedCase, found: list[Explanation]) -> str:
    """What several lesions need, beside the published radius."""
    import pandas as pd

    from napari_uncertainseg.explain.context import context_summary

    needs = [vars(one.need) | {"case": case.information["results"]} for one in found if one.need is not None]
    if len(needs) < 2:
        return ""
    lines = []
    for row in context_summary(pd.DataFrame(needs)).to_dict("records"):
        between = "" if row["low"] != row["low"] else f" (95 % interval {row['low']:g} to {row['high']:g})"
        lines.append(
            f"{row['measure']}: median {row['median']:g} mm{between} of {row['lesions']} lesions; "
            f"published {row['published_mm']:g} mm\n"
        )
    return "".join(lines)


def _regions(options: Namespace, case: ExplainedCase) -> dict[str, np.ndarray]:
    """Regions on the scan's grid, bool, by name."""
    from napari_uncertainseg.images.files import read_labels

    regions = {f"lesion{n}": case.lesion_mask(n) for n in options.lesion}
    regions |= {f"candidate{n}": case.candidate_mask(n) for n in options.candidate}
    if options.region is not None:
        regions["region"] = read_labels(options.region, case.grid).data > 0
    return regions


def _with_facts(
    folder: str,
    case: ExplainedCase,
    masks: Mapping[str, np.ndarray],
    found: list[Explanation],
    progress: Progress,
) -> list[Explanation]:
    """With place, distances and drivers; where they cannot be known, with the reason."""
    from napari_uncertainseg.explain.drivers.of_case import drivers_of_labels
    from napari_uncertainseg.explain.drivers.of_results import doubts_of_results
    from napari_uncertainseg.explain.place.column import find_places
    from napari_uncertainseg.explain.region_facts import RegionFacts, facts_of_region

    prediction, scans, labels = case.saved.prediction, case.saved.scans, case.lesions
    try:
        places = find_places(prediction, scans, _part(progress, 0, 0.8))
        doubt = doubts_of_results(Path(folder), ["doubt"])["doubt"]
        drivers = drivers_of_labels(
            prediction, labels, doubt, scans, places.values(labels), progress=_part(progress, 0.8, 0.2)
        )
    except InputError as error:
        return [replace(one, facts=RegionFacts(problem=str(error))) for one in found]
    numbers = {name: int(name.removeprefix("lesion")) for name in masks if name.startswith("lesion")}
    return [
        replace(one, facts=facts_of_region(places.zones, masks[one.name], drivers, numbers.get(one.name, 0)))
        for one in found
    ]


def _settings(options: Namespace, case: ExplainedCase) -> dict[str, object]:
    from napari_uncertainseg.explain.kept import prediction_sha256

    names = ("what", "passes", "noise", "gradients", "stage", "seed")
    own = {name: getattr(options, name) for name in names}
    return {**own, "prediction_sha256": prediction_sha256(case.saved.prediction)}


def _part(progress: Progress, start: float, share: float) -> Progress:
    def report(stage: str, fraction: float) -> None:
        progress(stage, start + share * fraction)

    return report
