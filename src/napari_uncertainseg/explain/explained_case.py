"""Results with their scans, ready to be explained: those of a folder, or those in the window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.evaluate.saved_results import SavedResults, read_saved_results
from napari_uncertainseg.evaluate.written_results import result_file
from napari_uncertainseg.explain.made_by import scans_of
from napari_uncertainseg.explain.maker import model_of
from napari_uncertainseg.explain.scene import Scene
from napari_uncertainseg.explain.voxels import VoxelMap
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.foreign import prepare_foreign
from napari_uncertainseg.images.preparation.found_brain import BY_HAND, FoundBrain, known_from
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference.scan_recalibration import recalibration_of_scan
from napari_uncertainseg.inference.scans_of_model import prepare_for
from napari_uncertainseg.networks.engines.device import Device, choose_device, cpu_device
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

_DIFFERS = 0.1
"""A lesion's probability that differs by more from the results is told."""
_RECALIBRATED = (
    "The results were recalibrated: explained are the model's own probabilities, before that, and the "
    "threshold of the results."
)


@dataclass(frozen=True, eq=False)
class Explained:
    """What was explained, without the scans.

    Attributes
    ----------
    grid
        The scan's.
    notes
        What the user should know, one sentence each.
    information
        What was explained, JSON-serialisable.
    """

    grid: Grid
    notes: tuple[str, ...]
    information: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ExplainedCase:
    """One network and the scans of one case.

    Attributes
    ----------
    scene
        On the network's voxels.
    voxels
        The way from the scan's voxels, and back.
    lesions
        Labels on the scan's grid; their numbers are those of the results.
    saved
        The results.
    model, network
        Whose network is explained, and which of them, counted from 1.
    notes
        What the user should know, one sentence each.
    information
        What was explained, JSON-serialisable.
    """

    scene: Scene
    voxels: VoxelMap
    lesions: np.ndarray
    saved: SavedResults
    model: Model
    network: int
    notes: tuple[str, ...]
    information: dict[str, Any]

    @property
    def grid(self) -> Grid:
        """The scan's."""
        return self.voxels.grid

    @property
    def about(self) -> Explained:
        """What is explained, for its files."""
        return Explained(self.grid, self.notes, self.information)

    def at_threshold(self, threshold: float, lesions: np.ndarray) -> ExplainedCase:
        """The same case with lesions at another threshold: labels on the scan's grid."""
        return replace(
            self,
            scene=replace(self.scene, threshold=threshold),
            lesions=lesions,
            information={**self.information, "threshold": threshold},
        )

    def lesion(self, number: int) -> np.ndarray:
        """A lesion on the network's voxels, bool; InputError where there is none of that number."""
        return self.voxels.to_network(self.lesion_mask(number))

    def lesion_mask(self, number: int) -> np.ndarray:
        """A lesion on the scan's grid, bool; InputError where there is none of that number."""
        return self._labelled(self.lesions, number, "lesion")

    def candidate_mask(self, number: int) -> np.ndarray:
        """A candidate on the scan's grid, bool; InputError where there is none of that number."""
        saved = self.saved
        ranked = rank_lesions(saved.prediction, saved.threshold, saved.min_volume, edit=saved.edit)
        return self._labelled(ranked.candidates, number, "candidate")

    def others(self, region: np.ndarray) -> np.ndarray:
        """All lesions on the network's voxels but a region, bool."""
        if not self.lesions.any():
            return np.zeros(region.shape, bool)
        return self.voxels.to_network(self.lesions > 0) & ~region

    def _labelled(self, labels: np.ndarray, number: int, noun: str) -> np.ndarray:
        mask = labels == number
        if number < 1 or not mask.any():
            most = int(labels.max())
            known = f"numbers run from 1 to {most}" if most else "there is none"
            raise InputError(f"There is no {noun} {number} in these results: {known}.")
        return np.asarray(mask)


def open_case(
    folder: str | Path,
    *,
    model: str | Path | None = None,
    network: int = 1,
    device: str = "auto",
    progress: Progress = silent,
) -> ExplainedCase:
    """Read a folder of results and its scans again, and load a network that gives gradients.

    Parameters
    ----------
    folder
        As `segment` writes it; its scans must lie where they lay.
    model
        Name or folder of the model that made it; found by its name if None.
    network
        Which of the model's networks, counted from 1.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress
        Called while the scans are prepared; may raise ``Cancelled``.

    Raises
    ------
    InputError
        If the results cannot be read, a scan has moved or was changed, or the model is another one.
    """
    folder = Path(folder)
    saved = read_saved_results(folder)
    labels = read_labels(result_file(folder, "lesions"), saved.prediction.grid).data
    names = () if model is None else (model,)
    return prepare_case(
        saved, labels, models=names, network=network, device=device, folder=folder, progress=progress
    )


def prepare_case(
    saved: SavedResults,
    labels: np.ndarray,
    *,
    models: Sequence[str | Path] = (),
    network: int = 1,
    device: str = "auto",
    folder: Path | None = None,
    progress: Progress = silent,
) -> ExplainedCase:
    """Prepare the scans of results as they were for the run, and load a network that gives gradients.

    Parameters
    ----------
    saved
        The results, with the scans that there are.
    labels
        Lesions, integers (s, a, r) on the prediction's grid.
    models
        Names or folders of the model that made them, tried one after the other; found by its name if empty.
    network, device, progress
        As for `open_case`.
    folder
        Where the results lie, if they do.

    Raises
    ------
    InputError
        If no model made the results, the model at hand is another one, or a scan is missing or another one.
    """
    where = "" if folder is None else f"{folder}: "
    used = model_of(where, saved.prediction.information, models)
    _check_network(used, network)
    images = scans_of(where, saved, used)
    chosen, taken_over = _gradient_device(choose_device(device))
    voxels, scene = _scene(saved, images, used, network, chosen, progress)
    first, *others = _notes(saved, used, network)
    about = _information(saved, used, network, folder)
    about |= {"device": chosen.name, "voxel_mm": list(voxels.spacing)}
    notes = (first, *taken_over, *others)
    return ExplainedCase(scene, voxels, labels, saved, used, network, notes, about)


def _check_network(model: Model, network: int) -> None:
    networks = model.capabilities.networks
    if not 1 <= network <= networks:
        raise InputError(f"The model '{model.name}' has {networks} networks, and no number {network}.")


def _scene(
    saved: SavedResults,
    images: Mapping[str, Volume],
    model: Model,
    network: int,
    device: Device,
    progress: Progress,
) -> tuple[VoxelMap, Scene]:
    """The scans as the network read them, with the network, and the way to its voxels."""
    said = saved.prediction.information
    corrected = "on" if said.get("bias_corrected") else "off"
    own = partial(prepare, brain=_brain(saved), bias_correction=corrected)
    prepared, source = prepare_for(model, own, prepare_foreign, images, progress=progress)
    line = recalibration_of_scan(model, "one-pass", images, prepared).line.after(model.temperature)
    voxels = VoxelMap.of(source, saved.prediction.grid)
    nothing = np.zeros(source.brain.shape, np.float32)
    scene = Scene(
        model.engine(device, network - 1),
        np.stack([source.channels.get(name, nothing) for name in model.modalities]),
        model.modalities,
        voxels.spacing,
        saved.threshold,
        _heads(model),
        line,
        not isinstance(model.preprocessing, ForeignPreprocessing),
    )
    return voxels, scene


def _brain(saved: SavedResults) -> FoundBrain:
    """The brain of the results, which was found then."""
    return known_from(saved.prediction.brain, str(saved.prediction.information.get("brain", "")))


def _notes(saved: SavedResults, model: Model, network: int) -> Iterator[str]:
    """What the user should know of the network and of the results."""
    said, source = saved.prediction.information, _brain(saved).source
    which = f"Explained is network {network} of {model.capabilities.networks} of the model '{model.name}'"
    yield f"{which}, one plain pass: the mean of its {_heads_in_words(model)}."
    if said.get("method") != "one-pass":
        yield f"The results are of the method {said.get('method')}, and may say something else."
    if "recalibration" in said:
        yield _RECALIBRATED
    if source in BY_HAND:
        yield BY_HAND[source]


def _information(saved: SavedResults, model: Model, network: int, folder: Path | None) -> dict[str, Any]:
    """What is explained, JSON-serialisable."""
    said = saved.prediction.information
    return {
        "results": None if folder is None else str(folder.absolute()),
        "case": said.get("case"),
        "inputs": said.get("inputs"),
        "model": model.name,
        "model_sha256": model.sha256,
        "network": network,
        "networks": model.capabilities.networks,
        "weights_sha256": model.weight_sha256(network - 1),
        "threshold": saved.threshold,
    }


def difference_note(case: ExplainedCase, region: np.ndarray, found: float) -> str:
    """That the network says something else of a region than the results do; empty where it does not.

    Parameters
    ----------
    case
        The case.
    region
        bool, on the network's voxels.
    found
        Mean probability in the region that the explained network gives.
    """
    there = case.voxels.to_scan(region.astype(np.float32)) >= 0.5
    if not there.any():
        return ""
    before = float(case.saved.prediction.probability[there].mean())
    if abs(before - found) <= _DIFFERS:
        return ""
    return (
        f"The mean probability in the region is {found:.2f} here and {before:.2f} in the results: "
        "one network in a small field is not all that made them."
    )


def _gradient_device(device: Device) -> tuple[Device, list[str]]:
    """Where torch runs in float32, and what is said where another library would have run."""
    if device.library == "openvino":
        return (
            cpu_device("torch").at("float32"),
            ["OpenVINO gives no gradients: torch took over, in float32."],
        )
    return replace(device, library="torch").at("float32"), []


def _heads(model: Model) -> slice:
    """Outputs of the styles that are used."""
    if isinstance(model.preprocessing, ForeignPreprocessing):
        return slice(None)
    styles = model.capabilities.styles_used
    if styles == slice(None):
        return styles
    return slice(styles.start * model.capabilities.heads, styles.stop * model.capabilities.heads)


def _heads_in_words(model: Model) -> str:
    if isinstance(model.preprocessing, ForeignPreprocessing):
        return "one output"
    known = model.capabilities
    count = known.heads * len(range(known.styles)[known.styles_used])
    style = "" if known.style is None else f" in the style {model.styles[known.style]}"
    return f"{count} heads{style}"
