"""The audit of attributes as a folder: a page, tables, and all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from napari_uncertainseg.audit.attributes.audit import AttributeFound, InputFound, Plane, TellingSetting
from napari_uncertainseg.audit.attributes.inputs import CohortFeatures
from napari_uncertainseg.audit.attributes.page import attributes_page
from napari_uncertainseg.audit.attributes.sentences import sentences
from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.audit.pages.files import write_audit

NAME = "attributes"


def write_attributes(
    folder: Path,
    cohort: AuditCohort,
    features: CohortFeatures,
    found: Sequence[AttributeFound],
    plane: Plane | None,
    setting: TellingSetting,
) -> None:
    """Write ``attributes.html``, ``attributes.json`` and tables into a new folder, whole or not at all.

    The tables are ``areas.tsv``, ``classes.tsv``, ``looking.tsv`` and, where there are bottlenecks,
    ``plane.tsv``.

    Parameters
    ----------
    folder
        Where to.
    cohort, features, found, plane, setting
        As for `page.attributes_page`.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    tables = {
        "areas.tsv": pd.DataFrame([row for one in found for row in _areas(one)]),
        "classes.tsv": pd.DataFrame([row for one in found for row in _classes(one)]),
        "looking.tsv": pd.DataFrame([row for one in found for row in _looking(one)]),
    }
    tables = {name: table for name, table in tables.items() if len(table)}
    if plane is not None:
        tables["plane.tsv"] = _plane(cohort, plane)
    page = attributes_page(cohort, features, found, plane, setting)
    write_audit(folder, NAME, page, tables, _numbers(cohort, features, found, plane, setting))


def _areas(found: AttributeFound) -> list[dict[str, Any]]:
    return [
        {
            "attribute": found.attribute,
            "input": name,
            "patients": len(told.patients),
            "auc": told.auc,
            "low": told.interval[0],
            "high": told.interval[1],
            "drawn_low": told.drawn[0],
            "drawn_high": told.drawn[1],
            "p": told.p,
            "p_holm": told.p_holm,
            "permutations": told.permutations,
        }
        for name, told in ((name, one.told) for name, one in found.inputs.items())
    ]


def _classes(found: AttributeFound) -> list[dict[str, Any]]:
    return [
        {
            "attribute": found.attribute,
            "input": name,
            "class": one.name,
            "patients": one.patients,
            "others": one.others,
            "auc": one.auc,
            "delong_low": one.delong[0],
            "delong_high": one.delong[1],
            "tested": int(one.tested),
        }
        for name, each in found.inputs.items()
        for one in each.told.classes
    ]


def _looking(found: AttributeFound) -> list[dict[str, Any]]:
    return [
        {
            "attribute": found.attribute,
            "input": name,
            "class": label,
            "distance": where.distance,
            "inside": where.inside,
            "outside": where.outside,
            "share_outside": where.share_outside,
            "blocks_outside": where.attention_outside,
        }
        for name, one in found.inputs.items()
        for label, where in one.looking.items()
    ]


def _plane(cohort: AuditCohort, plane: Plane) -> pd.DataFrame:
    own = [cohort.cases[case] for case in plane.cases]
    return pd.DataFrame({
        "case": [case.name for case in own],
        "patient": [case.patient for case in own],
        "axis1": plane.places[:, 0],
        "axis2": plane.places[:, 1],
    })  # fmt: skip


def _numbers(
    cohort: AuditCohort,
    features: CohortFeatures,
    found: Sequence[AttributeFound],
    plane: Plane | None,
    setting: TellingSetting,
) -> dict[str, Any]:
    return {
        "cohort": cohort.source,
        "cases": len(cohort.cases),
        "patients": len(cohort.patients),
        "encoder": features.encoder,
        "setting": asdict(setting),
        "notes": [*cohort.notes, *features.notes],
        "attributes": [
            {
                "attribute": one.attribute,
                "classes": dict(zip(one.names, one.counts, strict=True)),
                "sentences": sentences(one),
                "areas": _areas(one),
                "each_class": _classes(one),
                "looking": _looking(one),
                "left_out": _left_out(cohort, one.inputs),
            }
            for one in found
        ],
        "plane_shares": None if plane is None else plane.shares,
    }


def _left_out(cohort: AuditCohort, inputs: dict[str, InputFound]) -> dict[str, Any]:
    """What each patient adds to the area of a class: against which share of the other side it is right."""
    said: dict[str, Any] = {}
    for name, each in inputs.items():
        patients = [cohort.patients[number] for number in each.told.patients]
        for one in each.told.classes:
            if one.told is not None:
                told = one.told.components
                said[f"{name}: {one.name}"] = {
                    "patients": patients, "of_class": told.of_positive, "of_others": told.of_negative,
                }  # fmt: skip
    return said
