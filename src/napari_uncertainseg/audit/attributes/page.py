"""The page of the audit of attributes: HTML that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg.audit.attributes.audit import AttributeFound, Plane, TellingSetting
from napari_uncertainseg.audit.attributes.charts import areas, places_chart, plane_chart
from napari_uncertainseg.audit.attributes.inputs import CROPPED, IMAGE, CohortFeatures
from napari_uncertainseg.audit.attributes.sentences import WORDS, sentences
from napari_uncertainseg.audit.attributes.telling import NO_INTERVAL
from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.audit.pages.parts import head, interval, paragraphs, picture
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    format_number,
    name_span,
    table,
    whole_page,
)

_TITLE = "Can an attribute be told from the images?"
_NOTICE = (
    "That an attribute can be told does not say that the model uses it, nor that it treats groups "
    "differently."
)
_AREA = (
    "Area under the ROC curve for patients whom the classifier had not seen; 0.5 is chance. Orange: shown, "
    "after correction for the number of inputs. Line: 95 % interval. It may lie below 0.5 by chance."
)
_LOOKS = (
    "The distance between the mean scores of a class and of the others, in standard deviations of the score, "
    "and how much of it places inside and outside the brain add. Blocks: share of what is outside in all "
    "that blocks of 16 mm add or take away. Where the attribute cannot be told, this says nothing."
)
_EACH = (
    "Each class against all others. DeLong's intervals take the classifiers as given, and are too narrow "
    "where they were learned from few patients."
)
_PLACES = (
    "What blocks of 16 mm add, summed along each axis. Front and top are up, the patient's right is on the "
    "right; from the side, the front is on the right. Orange speaks for the class, blue against it."
)
_PLANE = (
    "Each dot is a case, by the first two principal axes of its bottleneck (features standardised). Groups "
    "that lie apart here are apart in what the network sees; groups that do not may be told by other axes."
)


def attributes_page(
    cohort: AuditCohort,
    features: CohortFeatures,
    found: Sequence[AttributeFound],
    plane: Plane | None,
    setting: TellingSetting,
) -> str:
    """The page.

    Parameters
    ----------
    cohort, features
        What was looked at.
    found
        Of each attribute.
    plane
        The bottlenecks; None where there are none.
    setting
        How.
    """
    rows = [
        ("cohort", name_span(cohort.source)),
        ("cases", f"{len(cohort.cases)} of {len(cohort.patients)} patients"),
        ("features", f"of the encoder of the model '{features.encoder}', network 1"),
        (
            "tests",
            f"labels permuted by patient, {setting.permutations} times at most, seed {setting.seed}; Holm",
        ),
    ]
    content = head(_TITLE, rows, _NOTICE)
    for one in found:
        content += _attribute(cohort, one, plane)
    notes = [*cohort.notes, *features.notes]
    if notes:
        content += [element("h2", "Notes"), *paragraphs(notes)]
    return whole_page(_TITLE, content)


def _attribute(cohort: AuditCohort, found: AttributeFound, plane: Plane | None) -> list[Markup]:
    counts = ", ".join(f"{name} ({count})" for name, count in zip(found.names, found.counts, strict=True))
    content = [element("h2", found.attribute), *paragraphs(sentences(found))]
    content.append(element("p", f"Patients: {counts or 'none'}."))
    if found.inputs:
        content += picture("How well it is told", _AREA, areas(found))
        content += [_areas_table(found), *_classes(found), *_looking(found)]
    if plane is not None:
        groups = [case.attributes.get(found.attribute, "") for case in cohort.cases]
        drawn = plane_chart(plane, groups, [case.name for case in cohort.cases], found.attribute)
        content += picture("The bottlenecks in a plane", _PLANE, drawn)
    return content


def _areas_table(found: AttributeFound) -> Markup:
    rows = [
        (
            WORDS[name],
            str(len(one.told.patients)),
            interval(one.told.auc, *one.told.interval),
            interval(one.told.auc, *one.told.drawn).partition(" ")[2] or format_number(None),
            format_number(one.told.p, 3),
            format_number(one.told.p_holm, 3),
        )
        for name, one in found.inputs.items()
    ]
    head_of = ("told from", "patients", "area (95 %)", "patients drawn anew", "p", "p, Holm")
    return table(head_of, rows, right={1, 4, 5})


def _classes(found: AttributeFound) -> list[Markup]:
    """One against the rest, where there are several classes."""
    if len(found.names) < 3:
        return []
    rows = [
        (
            name_span(one.name),
            str(one.patients),
            WORDS[name],
            interval(one.auc, *(one.delong if one.tested else NO_INTERVAL)),
            "yes" if one.tested else "no",
        )
        for name, each in found.inputs.items()
        for one in each.told.classes
    ]
    head_of = ("class, against the others", "patients", "told from", "area (95 %, DeLong)", "tested")
    return [element("h3", "Each class"), element("p", _EACH), table(head_of, rows, right={1})]


def _looking(found: AttributeFound) -> list[Markup]:
    rows, content = [], [element("h3", "Where the classifier looks"), element("p", _LOOKS)]
    for name in (IMAGE, CROPPED):
        one = found.inputs.get(name)
        own = {} if one is None else {each.name: each.auc for each in one.told.classes}
        for label, where in ({} if one is None else one.looking).items():
            share = 100 * where.share_outside
            rows.append(
                (
                    WORDS[name],
                    name_span(label),
                    format_number(own[label], 3),
                    format_number(where.distance),
                    format_number(where.inside),
                    format_number(where.outside),
                    f"{share:.0f} %" if share == share else format_number(None),
                    f"{100 * where.attention_outside:.0f} %",
                )
            )
    head_of = (
        "looks at",
        "class",
        "area",
        "distance",
        "inside",
        "outside",
        "share outside",
        "blocks outside",
    )
    content.append(table(head_of, rows, right=range(2, 8)))
    shown = found.inputs.get(IMAGE)
    if shown is not None and shown.looking:
        title = f"where the classifier of {found.attribute} looks"
        tested = {one.name for one in shown.told.tested} or set(shown.looking)
        drawn = {label: where for label, where in shown.looking.items() if label in tested}
        content += picture("In the whole scan", _PLACES, places_chart(drawn, title))
    return content
