"""Results with their scans, ready to be explained: those of a folder, or those in the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.evaluate.case_folder import result_file
from napari_uncertainseg.evaluate.saved_results import SavedResults, read_saved_results
from napari_uncertainseg.explain.made_by import scans_of
from napari_uncertainseg.explain.maker import model_of
from napari_uncertainseg.explain.scene import Scene
from napari_uncertainseg.explain.voxels import VoxelMap
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.foreign import prepare_foreign
from napari_uncertainseg.images.preparation.found_brain import BY_HAND, known_from
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.volume import Grid
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
    said = saved.prediction.information
    used = model_of(where, said, models)
    if not 1 <= network <= used.capabilities.networks:
        raise InputError(
            f"The model '{used.name}' has {used.capabilities.networks} networks, and no number {network}."
        )
    images = scans_of(where, saved, used)
    brain = known_from(saved.prediction.brain, str(said.get("brain", "")))
    corrected = "on" if said.get("bias_corrected") else "off"
    own = partial(prepare, brain=brain, bias_correction=corrected)
    prepared, source = prepare_for(used, own, prepare_foreign, images, progress=progress)
    line = recalibration_of_scan(used, "one-pass", images, prepared).line.after(used.temperature)
    chosen, note = _gradient_device(choose_device(device))
    voxels = VoxelMap.of(source, saved.prediction.grid)
    nothing = np.zeros(source.brain.shape, np.float32)
    scene = Scene(
        used.engine(chosen, network - 1),
        np.stack([source.channels.get(name, nothing) for name in used.modalities]),
        used.modalities,
        voxels.spacing,
        saved.threshold,
        _heads(used),
        line,
        not isinstance(used.preprocessing, ForeignPreprocessing),
    )
    which = f"Explained is network {network} of {used.capabilities.networks} of the model '{used.name}'"
    notes = [f"{which}, one plain pass: the mean of its {_heads_in_words(used)}.", *note]
    if said.get("method") != "one-pass":
        notes.append(f"The results are of the method {said.get('method')}, and may say something else.")
    if "recalibration" in said:
        notes.append(_RECALIBRATED)
    notes += [BY_HAND[brain.source]] if brain.source in BY_HAND else []
    return ExplainedCase(
        scene,
        voxels,
        labels,
        saved,
        used,
        network,
        tuple(notes),
        {
            "results": None if folder is None else str(folder.absolute()),
            "case": said.get("case"),
            "inputs": said.get("inputs"),
            "model": used.name,
            "model_sha256": used.sha256,
            "network": network,
            "networks": used.capabilities.networks,
            "weights_sha256": used.weight_sha256(network - 1),
            "device": chosen.name,
            "threshold": saved.threshold,
            "voxel_mm": list(voxels.spacing),
        },
    )


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
