"""What the sheet says in plain words, and what it cannot say."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.audit.challenge.intervals import FEWEST
from napari_uncertainseg.audit.challenge.retained import POOR_PUBLISHED
from napari_uncertainseg.audit.challenge.sheet import ALL, GAP, IN, OUT, Row, Sheet

_APART = 0.02
"""A published and a mended value that differ by more than this are named."""
_NEAR = 0.01
"""Where an interval of d-AUC begins at less than this, doubt may be nearly ideal."""
_GAPS = ("f1_mended", "precision_mended", "recall_mended", "ece_mended", "mce_mended", "brier_mended")


def sentences(sheet: Sheet) -> list[str]:
    """What can be said of the cohort, and what cannot."""
    return [
        *_of_cases(sheet),
        *_of_raters(sheet),
        *_of_versions(sheet),
        *_of_orders(sheet),
        *_of_poor(sheet),
        *_of_domains(sheet),
        *sheet.notes,
    ]


def _of_cases(sheet: Sheet) -> list[str]:
    number, patients = len(sheet.cases), sheet.patients
    said = [f"{pluralised(number, 'case')} of {pluralised(patients, 'patient')}."]
    visits = Counter(one.case.patient for one in sheet.cases)
    if number > patients:
        often = sum(n > 1 for n in visits.values())
        said.append(
            f"{pluralised(often, 'patient')} {'has' if often == 1 else 'have'} several visits: each counts "
            "as a case in the means, and they are drawn together for the intervals."
        )
    if patients == 1:
        said.append("With one patient there is no interval: nothing can be said about other patients.")
    elif patients < FEWEST:
        said.append(
            f"With {patients} patients there is no interval: of fewer than {FEWEST} it would hold far less "
            "often than in 95 of 100 cohorts."
        )
    nothing = [one.case.name for one in sheet.cases if not one.detected.reference]
    if nothing:
        said.append(
            f"{pluralised(len(nothing), 'reference')} without a lesion ({_named(nothing)}): recall is not "
            "defined there, and the published code puts 1 in its place."
        )
    empty = [one.case.name for one in sheet.cases if not one.detected.predicted]
    if empty:
        said.append(
            f"Nothing was predicted in {pluralised(len(empty), 'case')} ({_named(empty)}): precision and the "
            "retention curves of lesions leave them out."
        )
    return said


def _of_raters(sheet: Sheet) -> list[str]:
    said = []
    several = [one for one in sheet.cases if len(one.raters) > 1]
    made = [one for one in sheet.cases if one.simulated]
    single = len(sheet.cases) - len(several)
    if made:
        said.append(
            f"The raters of {pluralised(len(made), 'case')} are SIMULATED on the reference (docs/raters.md), "
            f"{max(len(one.raters) for one in made)} for each case: what is said of them is about such "
            "outlines, and not about people."
        )
    if single:
        said.append(
            f"{pluralised(single, 'case')} {'has' if single == 1 else 'have'} one mask only. There is no "
            "dissensus, so the dissensus Dice is not defined; the mended consensus Dice is the plain Dice "
            "with it; the mended CRPS is the difference of the volumes, and the published CRPS is 0 whatever "
            "the volume; the ECE is against that one mask."
        )
    same = [one.case.name for one in several if math.isnan(one.judged["dissensus_dice_mended"].value)]
    if same:
        said.append(
            f"The raters of {pluralised(len(same), 'case')} marked the same voxels ({_named(same)}): no "
            "dissensus there."
        )
    return said


def _of_versions(sheet: Sheet) -> list[str]:
    """Where the published code says something else than the mended one."""
    found = []
    for row in sheet.rows:
        if row.cases != ALL or row.rater or row.measure.version != "reference":
            continue
        mended = sheet.row(f"{row.measure.name}_mended")
        one, other = row.estimate.value, mended.estimate.value
        if row.measure.name.startswith("d_auc"):
            continue  # they have thresholds of their own
        if math.isfinite(one) and math.isfinite(other) and abs(one - other) > _APART:
            found.append(f"{row.measure.title} {one:.3f} as published and {other:.3f} mended")
    if not found:
        return [f"No published value is more than {_APART:g} from the mended one."]
    return [f"Faults that matter here: {'; '.join(found)}."]


def _of_orders(sheet: Sheet) -> list[str]:
    """How far the doubt's order is from a random one, on the way to the ideal one."""
    found: list[str] = []
    shown: list[str] = []
    open_: list[str] = []
    for key, words in (
        ("ndsc_aac_mended", "wrong voxels by entropy (nDSC)"),
        ("lppv_aac_mended", "false lesions by LSU"),
        ("r_auc_psu_mended", "poor cases by PSU"),
        ("r_auc_entropy_mended", "poor cases by mean entropy"),
    ):
        row = sheet.row(key)
        if row.measure.of_cohort and row.estimate.patients < FEWEST:
            continue  # two cases are in an ideal order every second time
        span = row.random - row.ideal
        if math.isfinite(row.estimate.value) and math.isfinite(span) and abs(span) > 1e-12:
            found.append(f"{words} {100 * (row.random - row.estimate.value) / span:.0f} %")
            if math.isfinite(row.gain.low):
                (shown if row.gain.low > 0 else open_).append(words)
    if not found:
        return []
    said = [
        "How much of the way from a random order (0 %) to the ideal one (100 %) the doubt goes: "
        f"{'; '.join(found)}. Below 0 it misleads."
    ]
    if shown:
        said.append(f"Shown to be better than a random order (95 % interval): {'; '.join(shown)}.")
    if open_:
        said.append(f"Not shown to be better than a random order: {'; '.join(open_)}.")
    return said


def _of_poor(sheet: Sheet) -> list[str]:
    dice, number = np.array([one.dice for one in sheet.cases]), len(sheet.cases)
    poor, published = int((dice < sheet.setting.poor).sum()), int((dice < POOR_PUBLISHED).sum())
    said = [
        f"The Dice is below {POOR_PUBLISHED:.2f} (poor in the published d-AUC) in {published} of "
        f"{pluralised(number, 'case')}, and below {sheet.setting.poor:g} (poor here) in {poor}."
    ]
    if published == number:
        said.append("As all are poor there, the published d-AUC is 0 whatever the doubt.")
    if poor in (0, number):
        said.append(
            f"The mended d-AUC is not defined: {'no case' if not poor else 'every case'} is poor; --poor "
            "sets another Dice."
        )
    near = [row for row in _d_aucs(sheet) if row.estimate.low < _NEAR]
    if near:
        said.append(
            "The interval of a d-AUC reaches 0, the best value. There it is too short: of 12 patients it "
            "may hold in half of the cohorts only (docs/audit.md)."
        )
    return said


def _d_aucs(sheet: Sheet) -> list[Row]:
    rows = [sheet.row(f"d_auc_{doubt}_mended") for doubt in ("psu", "entropy")]
    return [row for row in rows if math.isfinite(row.estimate.low)]


def _of_domains(sheet: Sheet) -> list[str]:
    if not sheet.groups:
        return []
    setting, values = sheet.setting, Counter(one.case.group for one in sheet.cases)
    inside = {v: n for v, n in values.items() if v in setting.inside}
    outside = {v: n for v, n in values.items() if v not in setting.inside}
    said = [
        f"In the domain by {setting.domain}: {_counted(inside)}; out of it: {_counted(outside)}. The gap is "
        "in minus out."
    ]
    rows = [sheet.row(key, GAP) for key in _GAPS]
    known = [row for row in rows if math.isfinite(row.estimate.low)]
    if not known:
        few = min((sheet.row("f1_mended", side).estimate.patients for side in (IN, OUT)), default=0)
        return [
            *said,
            f"The gaps have no interval: a domain has {pluralised(few, 'patient')} with a value, fewer than "
            f"{FEWEST}.",
        ]
    clear = [row for row in known if row.estimate.low > 0 or row.estimate.high < 0]
    if not clear:
        said.append(
            f"None of {len(known)} gaps in detection and calibration has an interval without 0: no "
            "difference between the domains is shown, which does not show that there is none."
        )
    else:
        said.append(
            f"Gaps whose interval holds no 0, of {len(known)} that were looked at (by chance one in 20 does "
            f"so): {'; '.join(_gap(row) for row in clear)}."
        )
    return said


def _gap(row: Row) -> str:
    found = row.estimate
    better = (found.value > 0) == row.measure.high
    return (
        f"{row.measure.title} {found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}), "
        f"{'better' if better else 'worse'} in the domain"
    )


def _counted(values: dict[str, int]) -> str:
    return ", ".join(f"{value} ({pluralised(n, 'case')})" for value, n in values.items())


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
