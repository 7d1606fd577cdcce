"""The part of a report on exercises: scores, and whether the stated confidence was right."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg.calibration.reliability import Reliability
from napari_uncertainseg.calibration.report import bins_table
from napari_uncertainseg.review.reports.html import Markup, element, format_number, name_span, short_id, table
from napari_uncertainseg.review.reports.report_data import TrainingPart

_GROUPS = {
    "without": "model hidden",
    "first": "model first",
    "after": "model after",
    "10 to 100": "10 to 100 mm³",
    "> 100": "> 100 mm³",
}
_OUTLINE = {
    "slices": "axial slices compared",
    "dice": "Dice",
    "hd95_mm": "95 % Hausdorff distance, mm",
    "lesion_f1": "lesion F1",
    "volume_mm3": "volume, mm³",
    "consensus_mm3": "volume of the consensus, mm³",
    "inner_right": "share of the inner contour that is lesion in the consensus",
    "outer_covers": "share of the consensus that the outer contour covers",
}


def training_part(parts: Sequence[TrainingPart]) -> list[Markup]:
    """Per exercise: its score; nothing where there is none."""
    if not parts:
        return []
    content = [element("h2", "Exercises")]
    for part in parts:
        content.append(element("h3", "Session ", short_id(part.session), ", ", name_span(part.annotator)))
        if part.trouble:
            content.append(element("p", part.trouble))
        if part.outline:
            rows = [
                (name_span(_OUTLINE.get(key, key)), format_number(x, 0 if key == "slices" else 2))
                for key, x in part.outline.items()
            ]
            content.append(table(("outline against the consensus", ""), rows, right=(1,)))
        if part.scores:
            content += _scores(part)
    return content


def _scores(part: TrainingPart) -> list[Markup]:
    head = ("answers", "number", "right", "d'", "criterion", "Brier", "missed", "false alarms")
    rows = [
        (
            _GROUPS.get(group, group),
            str(one.answers),
            f"{format_number(100 * one.accuracy, 0)} %",
            format_number(one.sensitivity),
            format_number(one.criterion),
            format_number(one.brier, 3),
            f"{one.misses} of {one.hits + one.misses}",
            f"{one.false_alarms} of {one.false_alarms + one.correct_rejections}",
        )
        for group, one in part.scores.items()
    ]
    content = [table(head, rows, right=range(1, 8))]
    if part.moved is not None:
        moved = part.moved
        said = (
            f"After seeing the model, the annotator changed {moved.changed} of {moved.answers} answers, "
            f"{moved.left} of them although the model agreed. Where only the model was right, the annotator "
            f"followed it in {moved.helped} of {moved.could_help} answers; where only the annotator was "
            f"right, in {moved.harmed} of {moved.could_harm}."
        )
        content.append(element("p", said))
    return [*content, *_stated(part.scores["all"].confidence)]


def _stated(found: Reliability) -> list[Markup]:
    """How much the stated confidence meant, bin by bin."""
    rows = [
        (
            f"{row['from']:.1f} to {row['to']:.1f}",
            str(int(row["count"])),
            format_number(row["mean_probability"]),
            format_number(row["fraction"]),
            f"{format_number(row['low'])} to {format_number(row['high'])}",
        )
        for row in bins_table(found).to_dict("records")
        if row["count"]
    ]
    head = ("stated probability", "answers", "mean stated", "share that is lesion", "95 % interval")
    said = (
        "How often there was a lesion, for each stated probability of one. With perfect calibration the mean "
        "stated probability equals the share."
    )
    return [element("p", said), table(head, rows, right=range(1, 5))]
