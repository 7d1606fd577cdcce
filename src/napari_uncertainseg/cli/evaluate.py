"""``uncertainseg evaluate``."""

from __future__ import annotations

import math
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.evaluate.case_folder import Evaluation
    from napari_uncertainseg.evaluate.class_agreement import ClassesAgreement
    from napari_uncertainseg.evaluate.cohort import Cohort
    from napari_uncertainseg.figures import Page

_ROWS = {
    "dice": "Dice",
    "lesion_f1": "lesion F1",
    "lesion_precision": "lesion precision",
    "lesion_recall": "lesion recall",
    "lesions_found": "lesions found",
    "lesions_missed": "lesions missed",
    "lesions_invented": "lesions invented",
    "volume_ml": "volume, ml",
    "reference_ml": "its volume, ml",
    "volume_difference_ml": "difference, ml",
    "ece": "ECE, brain",
    "ace": "ACE, brain",
    "mce": "MCE, brain",
    "brier": "Brier, brain",
    "nll": "NLL, brain, nats",
    "hd95_mm": "HD95, mm",
    "surface_dice": "surface Dice, 1 mm",
}
_ERRORS = {
    "lesion_auroc": "AUROC of LSU, false lesions",
    "voxel_auroc": "AUROC of entropy, errors",
    "lesion_aupr": "AUPR of LSU, false lesions",
    "voxel_aupr": "AUPR of entropy, errors",
    "ndsc_above": "area above nDSC retention",
    "true_lesions_above": "area above lesion retention",
}


def evaluate(options: Namespace) -> None:
    """Compare, show a table, and write the numbers where that is asked for."""
    many = _check(options)
    from napari_uncertainseg.disk.result_folder import note_on
    from napari_uncertainseg.evaluate.case_folder import evaluate_folder, write_json
    from napari_uncertainseg.evaluate.cohort import Cohort, evaluate_cases
    from napari_uncertainseg.export import write_table
    from napari_uncertainseg.figures import save_sheet

    if many:
        with ProgressLine() as progress:
            cohort = evaluate_cases(options.cases, resample=options.resample, progress=progress)
    else:
        case = evaluate_folder(
            options.folder,
            options.reference,
            options.rater,
            resample=options.resample,
            label_maps=options.label_map,
        )
        cohort = Cohort((case,))
    if options.out is not None:
        write_json(cohort.as_json() if many else cohort.cases[0].as_json(), options.out)
    if options.tsv is not None:
        write_table(options.tsv, cohort.table())
    if options.sheet is not None:
        save_sheet(options.sheet, [page(*one) for one in zip(cohort.cases, cohort.names, strict=True)])
    print(summary(cohort) if many else table(cohort.cases[0]))
    for case in cohort.cases:
        if note := note_on(case.folder):
            print(f"note: {note}")


def _check(options: Namespace) -> bool:
    """Refuse what does not go together or cannot be compared; whether there are many cases."""
    from napari_uncertainseg.disk.result_folder import check_has_classes
    from napari_uncertainseg.evaluate.listed_cases import check_case, check_cases

    many = options.cases is not None
    if many == (options.folder is not None) or many == (options.reference is not None):
        raise InputError("Give a folder and --reference, or a table of --cases.")
    if many and options.rater:
        raise InputError("With --cases, name the raters in the table's column 'raters'.")
    if many and options.label_map:
        raise InputError("--label-map is for one folder and its --reference.")
    if many:
        check_cases(options.cases, resample=options.resample, raters=True)
    else:
        masks = (options.reference, *options.rater)
        check_case(options.folder, masks, resample=options.resample, whole=True)
        if options.label_map:
            check_has_classes(options.folder)
    return many


def table(evaluation: Evaluation) -> str:
    """The evaluation, for display: a row for each measure, a column for each mask."""
    columns, fit = {"reference": evaluation.reference, **evaluation.raters}, evaluation.noun.fit
    width = max(12, *(len(name) + 2 for name in columns))
    lines = [" " * 20 + "".join(f"{name:>{width}}" for name in columns)]
    for key, title in _ROWS.items():
        cells = (_cell(getattr(a, key)) for a in columns.values())
        lines.append(f"{fit(title):20}" + "".join(f"{cell:>{width}}" for cell in cells))
    lines += [f"{fit(title)}: {_cell(getattr(evaluation.errors, key))}" for key, title in _ERRORS.items()]
    lines += [f"Dice of {a} and {b}: {value:.3f}" for (a, b), value in evaluation.between.items()]
    if evaluation.experts is not None and evaluation.doubt is not None:
        found = evaluation.doubt
        lines.append(f"Fleiss' kappa of the raters: {_cell(evaluation.experts.fleiss)}")
        lines.append(
            "doubt and disagreement, rank correlation: "
            f"{_cell(found.voxels.rank)} over voxels, {_cell(found.lesions.rank)} over lesions"
        )
    if evaluation.load is not None:
        lines += map(fit, evaluation.load.lines)
    if evaluation.classes is not None:
        lines += class_lines(evaluation.classes)
    return "\n".join(lines)


def class_lines(found: ClassesAgreement) -> list[str]:
    """A row for each class against the label map, and what they are together."""
    width = max(20, *(len(one.name) + 2 for one in found.classes))
    lines = [
        "",
        f"{'class':{width}}{'voxels':>10}" + "".join(f"{t:>8}" for t in ("Dice", "ACE", "ECE", "MCE")),
    ]
    for one in found.classes:
        values = (one.dice, one.reliability.ace, one.reliability.ece, one.reliability.mce)
        lines.append(f"{one.name:{width}}{one.voxels:>10}" + "".join(f"{_cell(v):>8}" for v in values))
    lines.append(
        f"classwise ACE {_cell(found.ace)}, classwise ECE {_cell(found.ece)}, "
        f"ECE of the most probable class {_cell(found.top_label.ece)}"
    )
    return lines


def summary(cohort: Cohort) -> str:
    """Many cases, for display: means with intervals, and what only several can say."""
    found = cohort.together()
    lines = [f"{found['number_of_cases']} cases; mean (95 % bootstrap interval over cases)"]
    for key, value in found["mean"].items():
        between = "" if value["low"] is None else f" ({value['low']:.3f} to {value['high']:.3f})"
        lines.append(f"{_ROWS[key]:20}{_cell(value['mean']):>10}{between}")
    lines += [f"{name.replace('_', ' '):20}{_cell(v):>10}" for name, v in found["calibration"].items()]
    lines.append(f"AUROC of LSU for false lesions, all cases: {_cell(found['lesion_auroc'])}")
    patients = found["patient_uncertainty"]
    lines.append(
        f"patient's doubt and Dice, rank correlation: {_cell(patients['rank_correlation_with_dice'])}"
    )
    images = found["disagreement"]
    lines.append(
        f"patient's doubt and raters' disagreement, rank correlation: {_cell(images['rank_correlation'])}"
    )
    return "\n".join(lines)


def page(case: Evaluation, name: str) -> Page:
    """What a sheet shows of a case."""
    from napari_uncertainseg.figures import Page

    values: dict[str, Any] = vars(case.reference)
    lines = [f"{title:30}{_cell(values[key]):>8}" for key, title in _ROWS.items()]
    lines += [f"{title:30}{_cell(getattr(case.errors, key)):>8}" for key, title in _ERRORS.items()]
    return Page(
        name,
        case.reliability,
        case.retention,
        case.lesions["doubt"].to_numpy(float),
        case.lesions["true"].to_numpy(bool),
        tuple(lines),
    )


def _cell(value: float | int | None) -> str:
    if isinstance(value, int):
        return str(value)
    return "-" if value is None or not math.isfinite(value) else f"{value:.3f}"
