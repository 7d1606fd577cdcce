"""The page of the sheet: HTML that needs no other file and no network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_uncertainseg.audit.challenge import charts
from napari_uncertainseg.audit.challenge.measures.measure import BENCHMARK, FAMILIES, RATERS, RETENTION
from napari_uncertainseg.audit.challenge.sentences import sentences
from napari_uncertainseg.audit.challenge.sheet import ALL, GAP, IN, OUT, Row, Sheet
from napari_uncertainseg.audit.pages.parts import head, interval, paragraphs, picture
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    format_number,
    name_span,
    table,
    whole_page,
)

_TITLE = "Challenge measures"
_VERSIONS = (
    "reference: as the authors' public code computes it, with its faults. mended: with these faults put "
    "right. both: no fault is known, so the two are the same."
)

_WORDS = (
    "consensus, dissensus: voxels that all raters mark alike, and those where they differ. TPL, USL, FPL: "
    "predicted lesions with an adjusted IoU of 0.25 or more, of less, of 0; FNL: reference lesions that "
    "nothing touches. LSU: how much the model's members differ about a lesion; PSU: about the whole scan. "
    "AUC: area under a curve."
)


def challenge_page(sheet: Sheet, source: str) -> str:
    """The page.

    Parameters
    ----------
    sheet
        What was measured.
    source
        What was read.
    """
    content = [*_head(sheet, source), element("h2", "What can be said"), *paragraphs(sentences(sheet))]
    for family in FAMILIES:
        content += [element("h2", family), _table(sheet, family), *_pictures(sheet, family)]
        if family == BENCHMARK and sheet.groups:
            content += _domains(sheet)
    content += [element("h2", "Faults of the published code"), _faults(sheet), *_cases(sheet)]
    return whole_page(_TITLE, content)


def _head(sheet: Sheet, source: str) -> list[Markup]:
    setting = sheet.setting
    rows: list[tuple[str, object]] = [("cohort", name_span(source))]
    if setting.domain:
        rows.append(("in the domain", name_span(f"{setting.domain}: {', '.join(setting.inside)}")))
    if any(one.simulated for one in sheet.cases):
        rows.append(("raters", f"simulated where a case has none, {setting.simulated}; seed {setting.seed}"))
    rows += [
        (
            "intervals",
            f"95 %, {setting.draws} draws of the patients, seed {setting.seed}; visits come together",
        ),
        ("version", _VERSIONS),
        ("words", _WORDS),
    ]
    return head(_TITLE, rows, "A good value on a sheet says nothing about a patient.")


def _table(sheet: Sheet, family: str) -> Markup:
    rows: list[tuple[object, ...]] = [
        (
            row.measure.title if not row.rater else name_span(f"... {row.rater}"),
            row.measure.version,
            _value(row),
            "high" if row.measure.high else "low",
            _number(row.ideal),
            _number(row.random),
            interval(row.gain.value, row.gain.low, row.gain.high, _digits(row.gain.value)),
            str(row.estimate.cases),
            row.measure.definition if not row.rater else "",
        )
        for row in sheet.rows
        if row.measure.family == family and row.cases == ALL
    ]
    titles = [
        "measure",
        "version",
        "value (95 %)",
        "good",
        "ideal",
        "random",
        "better than random by",
        "cases",
    ]
    right = {4, 5, 7}
    if family != RETENTION:  # nothing is ordered there
        rows, right = [(*row[:5], *row[7:]) for row in rows], {4, 5}
        titles = titles[:5] + titles[7:]
    return table([*titles, "what it is"], rows, right=right)


def _value(row: Row) -> str:
    found = row.estimate
    if not math.isfinite(found.value):
        return "not defined"
    said = interval(found.value, found.low, found.high, _digits(found.value))
    return f"{said} {row.measure.unit}".rstrip()


def _digits(value: float) -> int:
    """Three, and more for what is small, so that two digits are left."""
    if not math.isfinite(value):
        return 3
    return 3 if value == 0 or abs(value) >= 0.1 else min(7, 1 - math.floor(math.log10(abs(value))))


def _number(value: float) -> str:
    return f"{value:g}" if value in (0, 1) else format_number(value, _digits(value))


def _pictures(sheet: Sheet, family: str) -> list[Markup]:
    if family == RATERS:
        rows = (
            ("consensus, published", "consensus_dice_reference"),
            ("consensus, mended", "consensus_dice_mended"),
            ("dissensus", "dissensus_dice_mended"),
        )
        about = "A dot is a case, the line the mean. Where raters differ, no mask can agree with all."
        return picture(
            "Dice where raters agree and where they differ", about, charts.dots_of_cases(sheet, rows)
        )
    if family == BENCHMARK:
        shown = picture(
            "Reliability",
            "30 bins over the brain, the voxels of all cases together: below the line the model is too sure.",
            charts.reliability_chart(sheet),
        )
        if sheet.groups:
            f1 = (("Lesion F1, mended", "f1_mended"),)
            shown += picture(
                f"Lesion F1 by {sheet.setting.domain}",
                "A dot is a case, the line the mean.",
                charts.dots_of_cases(sheet, f1, by_group=True),
            )
        return shown
    if family == RETENTION:
        return _retention_pictures(sheet)
    return []


def _retention_pictures(sheet: Sheet) -> list[Markup]:
    drawn = [
        (
            "Voxels",
            "The most doubtful voxels of the brain are replaced by the reference. Mean over the cases.",
            charts.curve_of_cases(sheet, "ndsc", "nDSC"),
        ),
        (
            "Lesions",
            "The most doubtful false lesions are taken away. Mean over the cases.",
            charts.curve_of_cases(sheet, "lppv", "share of true lesions"),
        ),
        (
            "Lesions, with those that were missed",
            "The same for F1: missed lesions stay missed.",
            charts.curve_of_cases(sheet, "f1", "F1 over lesions"),
        ),
        ("Cases", "The most doubtful cases are segmented perfectly.", charts.curve_of_cohort(sheet)),
        (
            "Poor cases",
            f"The most doubtful cases are discarded; poor is a Dice below {sheet.setting.poor:g}.",
            charts.poor_cases_left(sheet),
        ),
    ]
    parts: list[Markup] = []
    for title, about, svg in drawn:
        parts += [] if svg is None else picture(title, about, svg)
    return parts


def _domains(sheet: Sheet) -> list[Markup]:
    """Each measure in and out of the domain."""
    by_key: dict[str, dict[str, Row]] = {}
    for row in sheet.rows:
        if not row.rater:
            by_key.setdefault(row.measure.key, {})[row.cases] = row
    rows = [
        (
            found[ALL].measure.title,
            found[ALL].measure.version,
            "high" if found[ALL].measure.high else "low",
            *(_value(found[part]) for part in (IN, OUT, GAP)),
            f"{found[IN].estimate.cases} / {found[OUT].estimate.cases}",
        )
        for found in by_key.values()
    ]
    titles = ("measure", "version", "good", "in (95 %)", "out (95 %)", "gap (95 %)", "cases in / out")
    about = "The gap is in minus out. The intervals are not corrected for the number of measures."
    return [element("h2", "In and out of the domain"), element("p", about), table(titles, rows, right={6})]


def _faults(sheet: Sheet) -> Markup:
    found: dict[str, list[str]] = {}
    for row in sheet.rows:
        if row.measure.fault:
            titles = found.setdefault(row.measure.fault, [])
            if row.measure.title not in titles:
                titles.append(row.measure.title)
    return table(("measures", "fault"), [(", ".join(titles), fault) for fault, titles in found.items()])


def _cases(sheet: Sheet) -> list[Markup]:
    keys = (
        "consensus_dice_mended",
        "dissensus_dice_mended",
        "crps_mended",
        "f1_mended",
        "ece_mended",
        "ndsc_aac_mended",
    )
    rows = [
        (
            name_span(one.case.name),
            name_span(one.case.group),
            str(len(one.raters)),
            format_number(one.dice, 3),
            *(_number(one.judged[key].value) for key in keys),
            format_number(one.psu, 3),
        )
        for one in sheet.cases
    ]
    titles: Sequence[str] = (
        "case",
        sheet.setting.domain or "group",
        "raters",
        "Dice",
        "consensus Dice",
        "dissensus Dice",
        "CRPS, ml",
        "lesion F1",
        "ECE, brain",
        "nDSC retention",
        "PSU",
    )
    about = "Mended versions. All measures of each case are in cases.tsv."
    return [element("h2", "Cases"), element("p", about), table(titles, rows, right=set(range(2, 11)))]
