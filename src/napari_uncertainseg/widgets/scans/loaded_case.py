"""A case of a worklist whose files have been read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.evaluate.saved_results import SavedResults, read_saved_results
from napari_uncertainseg.evaluate.worklist import WorkCase
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.widgets.scans.layer_reader import LayerData, read_layers
from napari_uncertainseg.widgets.scans.volumes import KEY, layer_data

REFERENCE = "reference"
"""Role and name of the layer with the mask to compare with."""


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case whose files have been read.

    Attributes
    ----------
    case
        What it is.
    layers
        By modality, the one that is segmented first; and ``reference``.
    problem
        Why the reference could not be read; empty otherwise.
    """

    case: WorkCase
    layers: Mapping[str, LayerData]
    problem: str = ""


@dataclass(frozen=True, eq=False)
class LoadedResults:
    """The results of a case, which have been read: nothing need be segmented.

    Attributes
    ----------
    case, folder, results
        Whose, and what is in the folder.
    reference
        The layer with the mask to compare with; None where there is none.
    problem
        Why the reference could not be read; empty otherwise.
    """

    case: WorkCase
    folder: Path
    results: SavedResults
    reference: LayerData | None = None
    problem: str = ""


OpenCase = Callable[[LoadedCase], bool]
"""Shows a case instead of the current one, False where the reader keeps that; InputError if it cannot now."""
OpenResults = Callable[[SavedResults, Path, LayerData | None], bool]
"""Likewise results and the reference."""


def load_results(case: WorkCase, folder: Path, progress: Progress) -> LoadedResults:
    """Read the results of a case; for any thread.

    Raises
    ------
    InputError
        If they cannot be read. A reference that cannot be is left out.
    """
    progress("reading", 0.0)
    return LoadedResults(case, folder, read_saved_results(folder), *_reference_of(case))


def load_case(case: WorkCase, progress: Progress) -> LoadedCase:
    """Read the files of a case; for any thread.

    Raises
    ------
    InputError
        If a scan cannot be read. A reference that cannot be is left out.
    """
    layers: dict[str, LayerData] = {}
    for i, modality in enumerate(case.images):
        progress(f"reading {modality}", i / (len(case.images) + 1))
        data, options, kind = read_layers(str(case.images[modality]))[0]
        if kind != "image":
            raise InputError(
                f"{case.images[modality]}: this looks like a label image, not like a scan; correct the list."
            )
        options["metadata"][KEY]["modality"] = modality  # the list knows better than the file's name
        layers[modality] = data, options | {"visible": modality == main_of(case.images)}, kind
    reference, problem = _reference_of(case)
    if reference is not None:
        layers[REFERENCE] = reference
    return LoadedCase(case, layers, problem)


def _reference_of(case: WorkCase) -> tuple[LayerData | None, str]:
    """The layer with the mask to compare with, if there is one, or why it cannot be read."""
    if case.reference is None:
        return None, ""
    try:
        labels = read_labels(case.reference)
    except InputError as error:
        return None, str(error)
    return layer_data(labels, "labels", name=REFERENCE, visible=False, opacity=0.5), ""
