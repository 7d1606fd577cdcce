"""The parts of a report that show locations: where readers differ, and the most uncertain lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    escaped,
    format_number,
    name_span,
    picture,
    short_id,
    table,
)
from napari_uncertainseg.review.reports.report_data import LocationDecisions, RereadPart, Summary, location_of
from napari_uncertainseg.review.session.rereading import Location


def reader_differences(found: Summary, shown: Mapping[Location, bytes]) -> list[Markup]:
    """Per first reading: how far others agree, and where they do not."""
    content = [element("h2", "Where readers differ")]
    if not found.reread:
        return [*content, element("p", "No session was read by a second reader.")]
    for part in found.reread:
        content += _reading(part, shown)
    return content


def _reading(part: RereadPart, shown: Mapping[Location, bytes]) -> list[Markup]:
    found = part.found
    title = element(
        "h3", "Session ", short_id(found.first.id), ", read by ", name_span(", ".join(part.readers))
    )
    if not found.both:
        return [title, element("p", "The two readers have reviewed nothing in common yet.")]
    same, differing = part.uncertainty_same, part.uncertainty_differing
    said = (
        f" agree on {found.same} of {found.both} locations that both reviewed; "
        f"Cohen's kappa {format_number(found.kappa)}."
    )
    first, second = map(name_span, part.readers[:2])
    doubt = (
        f"The model's mean uncertainty (LSU) is {format_number(same.mean)} where they agree "
        f"({pluralised(same.count, 'location')}) and {format_number(differing.mean)} where they differ "
        f"({pluralised(differing.count, 'location')})."
    )
    content = [title, element("p", first, " and ", second, said), element("p", doubt)]
    if not part.differing:
        return [*content, element("p", "They agree on all of them.")]
    return [*content, _places(part.differing), _pictures(part.differing, shown)]


def _places(places: Sequence[LocationDecisions]) -> Markup:
    """A table of locations, each reader's decision in a column of their own."""
    readers = [name_span(reader) for reader, _ in places[0].decisions]
    head = ("", "case", "location", "target", *readers, "probability", "doubt (LSU)", "volume, mm³")
    rows = [
        (
            str(i),
            name_span(one.case),
            _voxel(one),
            one.task.target,
            *(decision or "not reviewed" for _, decision in one.decisions),
            *_numbers(one),
        )
        for i, one in enumerate(places, 1)
    ]
    return table(head, rows, right=(0, 2, *range(len(head) - 3, len(head))))


def _pictures(places: Sequence[LocationDecisions], shown: Mapping[Location, bytes]) -> Markup:
    drawn = [
        picture(shown[location_of(one.task)], _alt(one), _caption(i, one))
        for i, one in enumerate(places, 1)
        if location_of(one.task) in shown
    ]
    return element("div", *drawn, class_="pictures") if drawn else Markup()


def _said(one: LocationDecisions) -> Markup:
    said = (name_span(who) + escaped(f": {decision or 'not reviewed'}") for who, decision in one.decisions)
    return Markup("; ").join(said)


def _voxel(one: LocationDecisions) -> str:
    return ", ".join(map(str, one.task.voxel))


def _numbers(one: LocationDecisions) -> tuple[str, str, str]:
    task = one.task
    return format_number(task.probability), format_number(task.uncertainty), format_number(task.volume_mm3, 0)


def _alt(one: LocationDecisions) -> str:
    return f"Axial slice {one.task.voxel[0]} of {one.case}, with a ring around the location"


def _caption(at: int, one: LocationDecisions) -> Markup:
    numbers = zip(("p {}", "LSU {}", "{} mm³"), _numbers(one), strict=True)
    said = ", ".join(form.format(x).replace(" ", "\N{NO-BREAK SPACE}") for form, x in numbers)
    where = escaped(f", {one.task.target} at {_voxel(one)}. ") + _said(one) + escaped(f". {said}.")
    return Markup(element("b", f"{at}.") + " " + name_span(one.case) + where)


def most_uncertain(found: Summary, shown: Mapping[Location, bytes]) -> list[Markup]:
    """Per case: the reviewed lesions and candidates of which the model is least certain."""
    if not found.most_uncertain:
        return []
    content = [element("h2", "The most uncertain lesions that were reviewed")]
    content.append(
        element(
            "p", "Ordered by the model's uncertainty. Locations on which readers differ are listed above."
        )
    )
    for places in found.most_uncertain.values():
        content.append(element("h3", name_span(places[0].case)))
        content.append(_doubtful_table(places))
        content.append(_pictures(places, shown))
    return content


def _doubtful_table(places: Sequence[LocationDecisions]) -> Markup:
    rows = [
        (
            str(i),
            _voxel(one),
            one.task.target,
            _said(one),
            *_numbers(one),
        )
        for i, one in enumerate(places, 1)
    ]
    head = ("", "location", "target", "decisions", "probability", "doubt (LSU)", "volume, mm³")
    return table(head, rows, right=(0, 1, 4, 5, 6))
