"""What the benchmark measures on: a scan, a model, and many lesions."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.networks.catalog import BUNDLED
from napari_uncertainseg.networks.formats.multihead import MultiHeadModel, read_multihead
from napari_uncertainseg.networks.model import INTENSITIES
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.voxel import binary_entropy
from napari_uncertainseg.voxel_maps import MapSources, MemberStatistics, compute_maps

FULL, QUICK = (182, 218, 182), (40, 48, 40)


@dataclass
class Scene:
    """Inputs of all rows. As a context it removes what it wrote.

    Attributes
    ----------
    images
        A visit, stripped.
    reference
        Lesion mask of a real patient, if there is one.
    model
        The bundled model, or one of the same architecture with random weights.
    trained
        Whether it is the bundled one.
    """

    images: dict[str, Volume]
    reference: np.ndarray | None
    model: MultiHeadModel
    trained: bool
    shape: tuple[int, int, int]
    repeats: int
    lesions: int
    window: int
    folder: tempfile.TemporaryDirectory | None = field(default=None, repr=False)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *error: object) -> None:
        if self.folder is not None:
            self.folder.cleanup()

    @property
    def grid(self) -> Grid:
        """Of the images."""
        return self.images["flair"].grid


def data_folder() -> Path:
    """Where real scans are: ``UNCERTAINSEG_DATA``, or ``../shared/data``."""
    return Path(os.environ.get("UNCERTAINSEG_DATA") or Path(__file__).parents[3].parent / "shared" / "data")


def real_patient() -> Path | None:
    """Folder of patient 07 of 3D-MR-MS, where it is there."""
    folder = data_folder() / "3d-mr-ms" / "patient07"
    return folder if folder.is_dir() else None


def describe(*, quick: bool) -> str:
    """Say what is measured on."""
    if quick:
        return f"Simulated scan of {'x'.join(map(str, QUICK))} voxels: the figures mean little."
    if real_patient():
        return "Patient 07 of 3D-MR-MS."
    return f"Simulated scan of {'x'.join(map(str, FULL))} voxels."


def make_scene(*, quick: bool = False) -> Scene:
    """Make the inputs of all rows."""
    model, trained, folder = _model()
    patient = None if quick else real_patient()
    images, reference = _simulated(QUICK if quick else FULL) if patient is None else _real(patient)
    return Scene(
        images,
        reference,
        model,
        trained,
        images["flair"].data.shape,  # type: ignore[arg-type]
        repeats=1 if quick else 5,
        lesions=30 if quick else 300,
        window=32 if quick else 96,
        folder=folder,
    )


def lesion_maps(scene: Scene, count: int, members: int = 10) -> tuple[np.ndarray, Members]:
    """Simulate the mean and the members of a prediction with many lesions, in the brain."""
    rng = np.random.default_rng(0)
    inside = np.argwhere(ndimage.binary_erosion(scene.images["flair"].data > 0, iterations=3))
    centres = inside[rng.choice(len(inside), count, replace=False)]
    values = np.zeros((members, *scene.shape), np.float16)
    for centre in centres:
        radius = rng.uniform(1.5, 4)
        box = tuple(slice(max(c - 6, 0), c + 7) for c in centre)
        near = np.stack(
            np.meshgrid(
                *(np.arange(s.start, min(s.stop, n)) for s, n in zip(box, scene.shape, strict=True)),
                indexing="ij",
            )
        )
        distance = np.sqrt(((near - centre[:, None, None, None]) ** 2).sum(0))
        for member in values:
            p = 1 / (1 + np.exp(3 * (distance - radius - rng.normal(0, 0.7))))
            p[distance > radius + 2] = 0
            np.maximum(member[box], p, out=member[box], casting="same_kind")
    return values.mean(0, dtype=np.float32), Members(tuple(slice(0, n) for n in scene.shape), values)  # type: ignore[arg-type]


def prediction_of(scene: Scene, p: np.ndarray, members: Members) -> Prediction:
    """A prediction with a mean and members, whose members differ in nothing that a map shows."""
    nothing, entropy = np.zeros_like(p), binary_entropy(p)
    statistics = MemberStatistics(p, entropy, entropy, nothing, nothing)
    maps = compute_maps(MapSources(statistics, nothing))
    return Prediction(scene.grid, maps, scene.images["flair"].data > 0, members)


def _model() -> tuple[MultiHeadModel, bool, tempfile.TemporaryDirectory | None]:
    try:
        return read_multihead(BUNDLED), True, None
    except InputError:
        folder = tempfile.TemporaryDirectory(prefix="uncertainseg-bench-")
        return _random_model(Path(folder.name)), False, folder


def _random_model(folder: Path) -> MultiHeadModel:
    import torch
    from safetensors.torch import save_file

    from napari_uncertainseg.networks.multihead import MultiHeadUNet

    torch.manual_seed(0)
    network = MultiHeadUNet(3, (8, 32, 64, 128, 160), thin=True)
    state = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / "random.safetensors")
    content = {
        "name": "random",
        "version": "0",
        "description": "Random weights, for timing only.",
        "architecture": {
            "kind": "multihead-unet",
            "features": list(network.features),
            "heads": network.heads.out_channels,
            "thin": network.thin,
        },
        "modalities": list(MODALITIES),
        "intensities": INTENSITIES,
        "spacing": 1.0,
        "threshold": 0.5,
        "weights": ["random.safetensors"],
    }
    (folder / "model.json").write_text(json.dumps(content))
    return read_multihead(folder)


def _real(folder: Path) -> tuple[dict[str, Volume], np.ndarray | None]:
    from napari_uncertainseg.images.files import read_labels, read_volume

    images = {name: read_volume(folder / f"{name.upper()}.nii.gz") for name in MODALITIES}
    return images, read_labels(folder / "lesions.nii.gz", images["flair"].grid).data > 0


def _simulated(shape: tuple[int, int, int]) -> tuple[dict[str, Volume], None]:
    """Make an ellipsoid of noise, of a brain's size in a head's field of view."""
    rng = np.random.default_rng(0)
    axes = (np.linspace(-1, 1, n) / r for n, r in zip(shape, (0.7, 0.8, 0.7), strict=True))
    z, y, x = np.meshgrid(*axes, indexing="ij")
    brain = z**2 + y**2 + x**2 < 1
    affine = np.eye(4)[[2, 1, 0, 3]]
    data = (rng.normal(100, 10, shape) * brain).astype(np.float32)
    return {"flair": Volume(data, Grid(shape, affine), "simulated scan")}, None
