"""The morning report of a run: one page and two tables, made of the records of its visits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg.calibration.dataset import dataset_calibration, reliability_histogram
from napari_uncertainseg.disk.outputs import PAGE, check_output
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.evaluate.place_pictures import draw, grey_window, ring_of
from napari_uncertainseg.evaluate.worklist import UnusableCase
from napari_uncertainseg.export import write_table
from napari_uncertainseg.figures import can_draw
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    format_number,
    name_span,
    picture,
    table,
    whole_page,
)
from napari_uncertainseg.runs.places import REFERRAL, REPORT, TABLE
from napari_uncertainseg.runs.plan import Plan
from napari_uncertainseg.runs.progress_file import mark_ended
from napari_uncertainseg.runs.record import VisitRecord
from napari_uncertainseg.runs.report import charts
from napari_uncertainseg.runs.report.referral import (
    MEASURES as UNCERTAINTIES,
)
from napari_uncertainseg.runs.report.referral import (
    ReferredLesion,
    measure_of,
    referred_lesions,
    referred_visits,
)
from napari_uncertainseg.runs.report.tables import (
    MEASURES,
    means,
    referral_table,
    reliability_of,
    visits_table,
)
from napari_uncertainseg.runs.run import RunResult

_TITLE = "Report of a cohort"
_NOTICE = "For research only: this is not a medical device. Do not use it to diagnose or to treat a patient."
_VISITS, _LESIONS, _PICTURES, _ROWS = 20, 50, 12, 2000
"""How many the page shows; the tables have all."""


def write_report(plan: Plan, result: RunResult) -> Path:
    """Write ``report.html``, ``report.tsv`` and ``referral.tsv`` into the folder of a run.

    Parameters
    ----------
    plan, result
        Of the run.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If a file cannot be written; each is replaced whole or not at all.
    """
    folders = plan.folders()
    write_table(plan.out / TABLE, visits_table(result.records, result.failed, folders))
    if result.records:
        write_table(plan.out / REFERRAL, referral_table(referred_visits(result.records), folders))
    path = plan.out / REPORT
    check_output(path, PAGE)
    text = report_page(plan, result)
    with replaced_file(path) as file:
        file.write(text.encode("utf-8", "replace"))
    mark_ended(plan.out)
    return path


def report_page(plan: Plan, result: RunResult) -> str:
    """The page: HTML that needs no other file and no network."""
    records = result.records
    content = [*_head(plan, result), *_failed(result.failed)]
    if records:
        content += [*_visits(records), *_lesions(records), *_compared(records), *_all(records)]
    if plan.worklist.notes:
        content += [element("h2", "Left out of the cohort"), _list(plan.worklist.notes)]
    return whole_page(_TITLE, content)


def _head(plan: Plan, result: RunResult) -> list[Markup]:
    setting = plan.setting
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    threshold = "its own threshold" if setting.threshold is None else f"threshold {setting.threshold:g}"
    rows = [
        ("cohort", name_span(plan.worklist.source)),
        ("visits", f"{len(result.records)} done, {len(result.failed)} failed"),
        ("model", f"{setting.model}, {setting.method}, {pluralised(setting.members, 'member')}, {threshold}"),
        ("hash of the model", element("code", setting.model_sha256, class_="hash")),
        ("made", f"{made} by napari-uncertainseg {__version__}"),
    ]
    return [element("h1", _TITLE), element("p", _NOTICE, class_="notice"), table(("", ""), rows)]


def _failed(failed: Sequence[UnusableCase]) -> list[Markup]:
    if not failed:
        return []
    rows = [(name_span(one.name), element("span", one.why, class_="words")) for one in failed]
    said = "Nothing is known of these visits. Start the run again once what is wrong was mended."
    return [
        element("h2", f"{pluralised(len(failed), 'visit')} failed"),
        element("p", said, class_="bad"),
        table(("visit", "why"), rows),
    ]


def _visits(records: Sequence[VisitRecord]) -> list[Markup]:
    found = referred_visits(records)
    about = (
        "Read these visits first. Scans that are unlike all that the model has seen come first, because its "
        "uncertainty says least about them; then the most uncertain, by "
        f"{UNCERTAINTIES[measure_of(records)]}. {REFERRAL} has all visits in this order. To read "
        "them, open it in the Cohort dock, or type: uncertainseg session new --from FOLDER."
    )
    strange = any(one.record.unlike for one in found)
    rows = [
        (
            str(i),
            name_span(one.record.name),
            str(one.record.lesions),
            format_number(one.record.volume_ml, 2),
            format_number(one.uncertainty, 4),
            *((_words("; ".join(one.record.unlike)),) if strange else ()),
        )
        for i, one in enumerate(found[:_VISITS], 1)
    ]
    head = (
        "",
        "visit",
        "lesions",
        "ml",
        "uncertainty",
        *(("unlike the scans that it learnt from",) if strange else ()),
    )
    return [element("h2", "Visits to read first"), element("p", about), table(head, rows, right=(0, 2, 3, 4))]


def _lesions(records: Sequence[VisitRecord]) -> list[Markup]:
    found = referred_lesions(records, _LESIONS)
    if not found:
        return [element("h2", "Lesions to read first"), element("p", "No lesion was found in any visit.")]
    pictures, notes = _pictures(found[:_PICTURES])
    rows = [
        (
            str(i),
            name_span(one.record.name),
            str(one.lesion.label),
            format_number(one.lesion.doubt, 3),
            format_number(one.lesion.lsu, 3),
            format_number(one.lesion.probability, 3),
            format_number(one.lesion.volume_mm3, 0),
            ", ".join(map(str, one.lesion.voxel)),
        )
        for i, one in enumerate(found, 1)
    ]
    about = (
        "The most doubtful lesions of all visits. Doubt is 0 to 1, as in the list of lesions; the location "
        "is a voxel (superior, anterior, right), counted from 0."
    )
    head = ("", "visit", "lesion", "doubt", "LSU", "probability", "mm³", "location")
    return [
        element("h2", "Lesions to read first"),
        element("p", about),
        element("div", *pictures, class_="pictures"),
        *(element("p", note) for note in notes),
        table(head, rows, right=(0, 2, 3, 4, 5, 6, 7)),
    ]


def _pictures(lesions: Sequence[ReferredLesion]) -> tuple[list[Markup], list[str]]:
    """A slice through each lesion, and why some are missing."""
    if not can_draw():
        return [], ["There are no pictures: matplotlib is not installed (pip install matplotlib)."]
    found, notes = [], []
    for rank, one in enumerate(lesions, 1):
        try:
            main = main_of(one.record.scans)
            volume = read_volume(one.record.scans[main].path, modality=main)
            if not all(0 <= i < n for i, n in zip(one.lesion.voxel, volume.data.shape, strict=True)):
                raise InputError(f"{one.record.name}: the lesion lies outside of the scan.")
        except InputError as error:
            notes.append(f"There is no picture of lesion {rank}: {error}")
            continue
        ring = ring_of(one.lesion.volume_mm3)
        png = draw(volume, one.lesion.voxel, ring, grey_window(volume.data))
        caption = f"{rank}. {one.record.name}, lesion {one.lesion.label}: doubt {one.lesion.doubt:.2f}"
        found.append(picture(png, caption, caption))
    return found, notes


def _compared(records: Sequence[VisitRecord]) -> list[Markup]:
    compared = [record.compared for record in records if record.compared]
    if not compared:
        return []
    rows = [
        (title, format_number(one["mean"], 3), _interval(one["low"], one["high"]), str(one["cases"]))
        for (name, title), one in zip(MEASURES.items(), means(records).values(), strict=True)
    ]
    bins = [reliability_of(one) for one in compared]
    together = dataset_calibration(bins)
    content = [
        element("h2", "Against the references"),
        table(("mean over visits", "", "95 % interval", "visits"), rows, right=(1, 2, 3)),
        element("p", f"All voxels together: ECE {together.micro.ece:.4f}, ACE {together.micro.ace:.4f}."),
        element("h3", "Dataset reliability histogram"),
        element("p", "How many visits have which share of lesion at which probability; the line is ideal."),
        charts.heat_map(
            reliability_histogram(bins).cases, "Dataset reliability", "probability", "share that is lesion"
        ),
    ]
    lines = [np.array(one.retention, float) for one in compared if one.retention]
    if lines:
        mean = np.mean(
            [np.interp(np.linspace(0, 1, 101), np.linspace(0, 1, len(x)), x) for x in lines], axis=0
        )
        above = 1 - float(np.trapezoid(mean, np.linspace(0, 1, 101)))
        about = (
            "nDSC when the most uncertain voxels are corrected by the reference: the sooner it rises as "
            f"fewer are kept, the better uncertainty finds errors. Mean area above the curve: {above:.4f}."
        )
        content += [
            element("h3", "Retention"),
            element("p", about),
            charts.curves(lines, mean, "Retention curves", "share of voxels kept", "nDSC"),
        ]
    return content


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.3f} to {high:.3f}"  # noqa: RUF001


def _all(records: Sequence[VisitRecord]) -> list[Markup]:
    measures = any(record.compared for record in records)
    interval = any(record.interval for record in records)
    readers = ["a reader: ml", "lesions"] if interval else []
    head = [
        "visit",
        "lesions",
        "ml",
        *readers,
        "PSU",
        "entropy, nats",
        *(["Dice", "lesion F1"] if measures else []),
    ]
    rows = [
        [
            name_span(one.name),
            str(one.lesions),
            format_number(one.volume_ml, 2),
            *(_reader(one) if interval else ()),
            format_number(one.uncertainty.get("psu"), 3),
            format_number(one.uncertainty.get("mean_entropy_brain_nats"), 4),
            *([_measure(one, "dice"), _measure(one, "lesion_f1")] if measures else []),
            _words("; ".join([*(f"unlike: {text}" for text in one.unlike), *one.notes])),
        ]
        for one in records[:_ROWS]
    ]
    more = (
        [element("p", f"The first {_ROWS} of {len(records)}; {TABLE} has all.")]
        if len(records) > _ROWS
        else []
    )
    numbers = range(1, len(head))
    return [element("h2", "All visits"), *more, table([*head, "notes"], rows, right=numbers)]


def _reader(record: VisitRecord) -> tuple[str, str]:
    """Where a reader's volume and number lie in 9 of 10 such patients."""
    if record.interval is None:
        return "–", "–"  # noqa: RUF001
    (low, high), (fewest, most) = record.interval["volume_ml"], record.interval["lesions"]
    return f"{low:.1f} to {high:.1f}", f"{fewest:.0f} to {most:.0f}"


def _measure(record: VisitRecord, name: str) -> str:
    return format_number(record.compared.measures.get(name) if record.compared else None, 3)


def _words(text: str) -> Markup:
    return element("span", text, class_="words")


def _list(sentences: Sequence[str]) -> Markup:
    return element("ul", *(element("li", one) for one in sentences))
