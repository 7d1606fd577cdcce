"""The page about patients: HTML that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg.audit.pages.parts import head, paragraphs, picture
from napari_uncertainseg.audit.patients.analysis import PatientAudit, PatientResult
from napari_uncertainseg.audit.patients.charts import intervals
from napari_uncertainseg.audit.patients.sentences import sentences
from napari_uncertainseg.calibration.patients.intervals import LEVEL, QUANTITIES
from napari_uncertainseg.calibration.record import MEASURES
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    format_number,
    name_span,
    table,
    whole_page,
)

_TITLE = "Patients"
_NOTICE = "An interval is about many patients like these: it is no promise for one patient."
_READ = (
    "Grey line: the interval. Small dark dot: the model. Large dot: the reference, orange where it lies "
    "outside. The scale is a root. Hold the mouse over a dot for its numbers."
)
_UNLIKE = (
    "Where a scan is unlike those that the numbers come from, no interval holds for it. 'The model': by what "
    "its folder says of the scans that it learnt from. 'The others': voxel, brain, expected lesion volume, "
    "uncertain share or mean entropy outside the range of all other patients, and more than 4 robust "
    "deviations from their median. A scan that passes can still be unlike them."
)


def patients_page(found: PatientAudit, source: str) -> str:
    """The page.

    Parameters
    ----------
    found
        The audit.
    source
        What was read.
    """
    patients = len({one.measured.case.patient for one in found.results})
    rows = [
        ("cohort", name_span(source)),
        ("scans", f"{len(found.results)} of {patients} patients"),
        ("intervals", f"{100 * LEVEL:.0f} %, by {'the other patients' if found.own else 'a record'}"),
    ]
    content = [*head(_TITLE, rows, _NOTICE)]
    content += [*paragraphs((*sentences(found), *found.notes)), *_intervals(found), *_unlike(found.results)]
    return whole_page(_TITLE, content)


def _intervals(found: PatientAudit) -> list[Markup]:
    known = [one for one in found.results if one.said.intervals]
    parts = [element("h2", "Volume and number of lesions")]
    if known:
        for name, about in QUANTITIES.items():
            parts += picture(f"{about.title[0].upper()}{about.title[1:]}", _READ, intervals(known, name))
    return [*parts, _numbers(found.results)]


def _numbers(results: Sequence[PatientResult]) -> Markup:
    rows = []
    for one in results:
        said, true = one.said.said, one.measured.load.true
        volume, count = one.said.numbers if one.said.intervals else ("–", "–")  # noqa: RUF001
        (v_low, v_high), (n_low, n_high) = said.volume_range_ml, said.count_range
        rows.append(
            (
                name_span(one.measured.case.name),
                name_span(one.measured.case.patient),
                format_number(said.volume_ml, 2),
                f"{v_low:.1f} to {v_high:.1f}",
                volume.removesuffix(" ml"),
                format_number(None if true is None else true[0], 2),
                str(said.count),
                f"{n_low} to {n_high}",
                count,
                "–" if true is None else str(true[1]),  # noqa: RUF001
            )
        )
    titles = (
        "scan",
        "patient",
        "ml",
        "members, ml",
        "interval, ml",
        "reference, ml",
        "lesions",
        "members",
        "interval",
        "reference",
    )
    return table(titles, rows, right={2, 5, 6, 9})


def _unlike(results: Sequence[PatientResult]) -> list[Markup]:
    rows = []
    for one in results:
        own, measures = one.measured, one.measured.measures
        by_model = "not known" if own.unlike is None else "; ".join(own.unlike) or "like them"
        unlike = one.unlike_others
        others = ", ".join(MEASURES[m.measure].split(",")[0] for m in unlike or ()) or "like them"
        others = "too few" if unlike is None else others
        rows.append(
            (
                name_span(own.case.name),
                format_number(measures["entropy"], 4),
                format_number(100 * measures["doubtful_share"], 0),
                format_number(own.highest, 3),
                element("span", "; ".join(own.unusual) or "nothing", class_="words"),
                element("span", by_model, class_="words"),
                element("span", others, class_="words"),
            )
        )
    titles = (
        "scan",
        "mean entropy of the brain, nats",
        "uncertain share of the expected volume, %",
        "largest probability",
        "unusual by itself",
        "unlike the scans of the model",
        "unlike the others",
    )
    return [
        element("h2", "Scans unlike the others"),
        element("p", _UNLIKE),
        table(titles, rows, right={1, 2, 3}),
    ]
