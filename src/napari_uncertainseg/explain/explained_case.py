"""A folder of results whose scans are read again, ready to be explained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.evaluate.case_folder import result_file
from napari_uncertainseg.evaluate.saved_results import SavedResults, read_saved_results
from napari_uncertainseg.explain.scene import Scene
from napari_uncertainseg.explain.voxels import VoxelMap
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.foreign import prepare_foreign
from napari_uncertainseg.images.preparation.found_brain import known_from
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.inference.scan_recalibration import recalibration_of_scan
from napari_uncertainseg.inference.scans_of_model import check_modalities, prepare_for
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import Device, choose_device, cpu_device
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

_DIFFERS = 0.1
"""A lesion's probability that differs by more from the results is told."""


@dataclass(frozen=True, eq=False)
class ExplainedCase:
    """One network and the scans of one folder of results.

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

    def lesion(self, number: int) -> np.ndarray:
        """A lesion on the network's voxels, bool; InputError where there is none of that number."""
        return self._labelled(self.lesions, number, "lesion")

    def candidate(self, number: int) -> np.ndarray:
        """A candidate on the network's voxels, bool; InputError where there is none of that number."""
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
        return self.voxels.to_network(mask)


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
    saved = read_saved_results(folder)
    said = saved.prediction.information
    used = _model_of(Path(folder), said, model)
    if not 1 <= network <= used.capabilities.networks:
        raise InputError(
            f"The model '{used.name}' has {used.capabilities.networks} networks, and no number {network}."
        )
    images = _scans(Path(folder), saved, used)
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
    labels = read_labels(result_file(Path(folder), "lesions"), saved.prediction.grid).data
    which = f"Explained is network {network} of {used.capabilities.networks} of the model '{used.name}'"
    notes = [f"{which}, one plain pass: the mean of its {_heads_in_words(used)}.", *note]
    if said.get("method") != "one-pass":
        notes.append(f"The results are of the method {said.get('method')}, and may say something else.")
    return ExplainedCase(
        scene,
        voxels,
        labels,
        saved,
        used,
        network,
        tuple(notes),
        {
            "results": str(Path(folder).absolute()),
            "case": said.get("case"),
            "inputs": said.get("inputs"),
            "model": used.name,
            "model_sha256": used.sha256,
            "network": network,
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


def _model_of(folder: Path, said: Any, wished: str | Path | None) -> Model:
    name = wished if wished is not None else said.get("model")
    if not isinstance(name, str | Path) or said.get("model_sha256") is None:
        raise InputError(f"{folder}: no model made these results, so that there is nothing to explain.")
    model = find_model(name)
    classes = said.get("target_classes")
    if classes and len(model.targets) > 1:
        chosen = model.with_target(classes)
        model = chosen if chosen.sha256 == said["model_sha256"] else model
    if model.sha256 != said["model_sha256"]:
        raise InputError(
            f"{folder}: the model '{model.name}' at hand is another than the one that made these results: "
            "name that one with --model, or segment again."
        )
    return model


def _scans(folder: Path, saved: SavedResults, model: Model) -> dict[str, Any]:
    """The scans that the model reads, all of them those that were segmented."""
    inputs = saved.prediction.information.get("inputs") or {}
    lacking = [title_of(name) for name in inputs if name in model.modalities and name not in saved.scans]
    if lacking:
        why = " ".join(note for note in saved.notes if lacking[0] in note)
        raise InputError(f"{folder}: its {lacking[0]} cannot be read again. {why}".strip())
    images = {name: saved.scans[name] for name in model.modalities if name in saved.scans}
    check_modalities(images, model)
    return images


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
