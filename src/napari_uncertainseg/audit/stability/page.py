"""The page of stability: HTML that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.audit.pages.parts import head, paragraphs, picture
from napari_uncertainseg.audit.stability import charts
from napari_uncertainseg.audit.stability.analysis import LESIONS, PERSONS, MeasuredStability, Stability
from napari_uncertainseg.audit.stability.images import RANGE, mean_over_people
from napari_uncertainseg.audit.stability.measures import AGREEMENT, DOUBT, RADIOMICS
from napari_uncertainseg.audit.stability.measures import LESIONS as LESION_GROUP
from napari_uncertainseg.audit.stability.sentences import between, comparison, sentences
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    format_number,
    name_span,
    table,
    whole_page,
)

_TITLE = "Stability"
_NOTICE = "What is said here is about acquisitions, not patients."
_MATRICES = (
    ("rmse", "RMSE of images", "Within the brain; 1 is the brain's median brightness.", True),
    ("psnr", "PSNR of images, dB", f"For a brightness up to {RANGE:g} times the brain's median.", False),
    (
        "ssim",
        "SSIM of images",
        f"In 3-D, data range {RANGE:g} times the brain's median; 1 is the same image.",
        False,
    ),
    (
        "features",
        "Distance of features",
        "Root mean square difference of the 93 radiomic features within the lesions of the first "
        "acquisition, each in "
        "standard deviations over all acquisitions.",
        True,
    ),
)
_MOST_FEATURES = 10


def stability_page(sets: Sequence[Stability], source: str, notes: Sequence[str]) -> str:
    """The page.

    Parameters
    ----------
    sets
        Acquisitions as they are, then harmonised in each way.
    source
        What was read.
    notes
        What the user should know of it, a sentence each.
    """
    first = sets[0]
    rows = [
        ("acquisitions", name_span(source)),
        ("people", str(len(first.people))),
        ("compared with", name_span(first.acquisitions[0])),
    ]
    content = [*head(_TITLE, rows, _NOTICE), *paragraphs((*sentences(first), *notes))]
    content += [*_agreement(first), *_moves(first), *_images(first), *_features(first)]
    for after in sets[1:]:
        content += [element("h2", f"Harmonised by {after.harmonised}")]
        content += paragraphs(comparison(first, after))
        content += [*_before_after(first, after), *_moves(after, "h3"), *_images(after, "h3", ("rmse",))]
    return whole_page(_TITLE, content)


def _agreement(found: Stability) -> list[Markup]:
    parts = [element("h2", "Agreement between acquisitions")]
    for level, title in (
        (PERSONS, "Of people"),
        (LESIONS, "Of single lesions, matched between acquisitions"),
    ):
        measured = found.of(level, LESION_GROUP, DOUBT, AGREEMENT)
        if not measured:
            continue
        parts.append(element("h3", title))
        if any(one.agreement and one.agreement.icc2.known for one in measured):
            parts.append(element("div", charts.agreement(measured, f"agreement, {level}"), class_="wide"))
        parts.append(_numbers(measured))
    return parts


def _numbers(measured: Sequence[MeasuredStability]) -> Markup:
    rows = []
    for one in measured:
        own = one.agreement
        if own is None:
            rows.append((one.measure.title, *["–"] * 6))  # noqa: RUF001
            continue
        relative = 100 * own.detectable.value / own.mean if own.mean > 0 else None
        rows.append(
            (
                f"{one.measure.title}{f', {one.measure.unit}' if one.measure.unit else ''}",
                f"{own.targets} x {own.acquisitions}",
                between(own.icc2),
                between(own.icc3),
                _significant(own.mean),
                _significant(own.detectable.value),
                format_number(relative, 0),
            )
        )
    titles = (
        "measure",
        "targets x acquisitions",
        "ICC(2,1) (95 %)",
        "ICC(3,1) (95 %)",
        "mean",
        "smallest detectable change",
        "% of the mean",
    )
    return table(titles, rows, right={1, 4, 5, 6})


def _significant(value: float) -> str:
    if not np.isfinite(value):
        return "–"  # noqa: RUF001
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _moves(found: Stability, level: str = "h2") -> list[Markup]:
    if not found.changes:
        return []
    about = (
        f"Mean change against '{found.acquisitions[0]}', in % of it. A star: the 95 % interval of the mean "
        "difference "
        "leaves 0 out, not corrected for the number of cells; of one person there is none. Under the "
        "mouse: the "
        "difference with its interval."
    )
    title = "What moves what"
    return [
        element(level, title),
        element("p", about),
        element("div", charts.moves(found.changes, title), class_="wide"),
    ]


def _images(found: Stability, level: str = "h2", which: Sequence[str] = ()) -> list[Markup]:
    if not any(np.isfinite(one.matrices["rmse"]).any() for one in found.distances):
        return []
    parts = [
        element(level, "Images, two and two"),
        element(
            "p",
            "Below the diagonal: mean over people. Above: standard deviation. The darker, the further apart.",
        ),
    ]
    for key, title, about, low in _MATRICES:
        if which and key not in which:
            continue
        names, mean, deviation, _ = mean_over_people(found.distances, key)
        drawn = charts.matrix(names, mean, deviation, title, near_is_low=low)
        parts += picture(title, about, drawn)
    return parts


def _features(found: Stability) -> list[Markup]:
    parts = [element("h2", "Radiomic features")]
    for level, title in (
        (PERSONS, "All lesions of a person together, in each acquisition's own outlines"),
        (LESIONS, "Single lesions, in the outlines of the first acquisition"),
    ):
        known = [one for one in found.of(level, RADIOMICS) if one.agreement and one.agreement.icc3.known]
        known.sort(key=lambda one: -one.agreement.icc3.value)  # type: ignore[union-attr]
        if known:
            shown = (
                known
                if len(known) <= 2 * _MOST_FEATURES
                else [*known[:_MOST_FEATURES], *known[-_MOST_FEATURES:]]
            )
            parts += [
                *picture(
                    title,
                    f"The {_MOST_FEATURES} most and the {_MOST_FEATURES} least stable; all are in the table.",
                    charts.agreement(shown, title),
                )
            ]
    return parts if len(parts) > 1 else []


def _before_after(before: Stability, after: Stability) -> list[Markup]:
    own = {(one.level, one.measure.name): one for one in after.of(PERSONS, LESION_GROUP, DOUBT, AGREEMENT)}
    rows = []
    for one in before.of(PERSONS, LESION_GROUP, DOUBT, AGREEMENT):
        other = own.get((one.level, one.measure.name))
        if one.agreement is None or other is None or other.agreement is None:
            continue
        rows.append(
            (
                one.measure.title,
                between(one.agreement.icc2),
                between(other.agreement.icc2),
                _significant(one.agreement.detectable.value),
                _significant(other.agreement.detectable.value),
                _significant(one.agreement.mean),
                _significant(other.agreement.mean),
            )
        )
    titles = (
        "measure",
        "ICC(2,1) before",
        "after",
        "smallest detectable change before",
        "after",
        "mean before",
        "after",
    )
    return [table(titles, rows, right={3, 4, 5, 6})]
