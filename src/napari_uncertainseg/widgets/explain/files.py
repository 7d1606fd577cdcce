"""Answers in folders: written as `uncertainseg explain` writes them, and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.region_facts import RegionFacts
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.regions import ChosenRegion
from napari_uncertainseg.widgets.explain.request import Answer, Setting


def write_answer(folder: Path, answer: Answer) -> None:
    """Write an answer into a new or empty folder; InputError where that cannot be."""
    from napari_uncertainseg.explain.explanation_files import write_explanations

    found = replace(answer.explanation, region=answer.chosen.region, facts=answer.facts)
    write_explanations(folder, answer.about, [found], answer.settings)


def read_answers(folder: Path, prediction: Prediction) -> list[Answer]:
    """Read what was written, also by the command.

    Parameters
    ----------
    folder
        Of explanations.
    prediction
        As the model made it: it must be what was explained.

    Raises
    ------
    InputError
        If it is no such folder, or other results were explained.
    """
    from napari_uncertainseg.explain.explanation_files import read_explanations

    saved = read_explanations(folder, prediction)
    about, asked = saved.case.information, saved.settings
    try:
        network, threshold = int(about["network"]), float(about["threshold"])
        setting = Setting(
            str(asked["gradients"]),
            int(asked["passes"]),
            float(asked["noise"]),
            int(asked["seed"]),
            asked["stage"],
            network,
        )
        networks = int(about.get("networks", network))
        str(about["model"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(texts.no_explanations(folder)) from error
    answers = []
    for found in saved.found:
        assert found.region is not None  # all that are read have one
        title, number = texts.title_of_region(found.name)
        chosen = ChosenRegion(title, found.name, found.region, found.region.sha256(), number)
        facts = found.facts or RegionFacts()
        answers.append(
            Answer(
                chosen,
                setting,
                threshold,
                prediction,
                found,
                saved.case,
                networks,
                (),
                complete=True,
                facts=facts,
                folder=folder.name,
            )
        )
    return answers
