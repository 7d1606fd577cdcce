"""Which scans a model gets, and how they are prepared for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.images.preparation.prepare import NetworkInput, Prepared
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.modalities import MODALITIES, REFERENCE, WantedScans, title_of, wanted_by
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing
from napari_uncertainseg.networks.model import Model


def check_modalities(images: Mapping[str, object], model: Model) -> None:
    """Refuse scans that nothing is known of, and visits that lack what the model needs.

    Raises
    ------
    InputError
        With the first such scan.
    """
    known = list(dict.fromkeys([*MODALITIES, *model.modalities]))
    for modality in images:
        if modality not in known:
            names = f"{', '.join(known[:-1])} and {known[-1]}"
            raise InputError(f"There is no modality '{modality}': scans are given as {names}.")
    if model.main == REFERENCE and REFERENCE not in images:
        raise InputError("The FLAIR is missing: choose the FLAIR scan; T1 and T2 are optional.")
    for modality in (model.main, *model.needs):
        if modality not in images:
            title = title_of(modality)
            raise InputError(
                f"{title} is missing: the model '{model.name}' cannot do without it; choose the {title} scan."
            )


def scans_wanted(model: str) -> WantedScans:
    """Which scans a cohort is searched for when it is segmented with a model.

    Raises
    ------
    InputError
        If there is no such model.
    """
    return wanted_by(find_model(model).modalities)


def prepare_for(
    model: Model,
    own: Callable[..., Prepared],
    foreign: Callable[..., tuple[Prepared, NetworkInput]],
    images: Mapping[str, Volume],
    *,
    progress: Progress,
    meanwhile: Callable[[Prepared], object] = lambda prepared: None,
) -> tuple[Prepared, NetworkInput]:
    """Scans on the main one's grid, and what the network reads of them, which is not to be written to.

    Parameters
    ----------
    model
        Whose preprocessing counts.
    own, foreign
        `prepare` and `prepare_foreign`, with what the user said.
    images
        Those that the model reads, by modality.
    progress
        Called while it works.
    meanwhile
        Called once with the scans, as soon as they are there: it can start what else looks at them.
    """
    said = model.preprocessing
    if isinstance(said, ForeignPreprocessing):
        prepared, source = foreign(images, model.modalities, model.main, said, progress=progress)
        meanwhile(prepared)
        return prepared, source
    prepared = own(images, progress=progress)
    meanwhile(prepared)
    return prepared, prepared.network_input(said.spacing, said.smoothing, copied=False)
