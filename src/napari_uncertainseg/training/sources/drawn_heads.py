"""Heads drawn from label maps and from patients' tissue maps, prepared as a user's scans are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.prepare import NetworkInput, prepare
from napari_uncertainseg.images.resample import resampled_shape, zoom
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.training.heads.anatomy import Anatomy, read_anatomy, stored_distance
from napari_uncertainseg.training.heads.classes import Tissue
from napari_uncertainseg.training.heads.head import Head, draw_head
from napari_uncertainseg.training.heads.scanner import strip
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.sources.tissue_map import TissueMap
from napari_uncertainseg.training.subjects import Subject, lesion_labels, stacked

SHAPE = (184, 216, 176)
"""Voxels of 1 mm of a head: as much as holds every brain, however it is turned."""
TISSUES = {1: Tissue.FLUID, 2: Tissue.GREY, 3: Tissue.WHITE}
"""What the numbers of a tissue map mean."""
_TIGHT = 0.5
"""Share of the heads whose brain is found imperfectly, and of those whose bias field is corrected."""
_FAR = 255  # of what there is none of, in units of `anatomy.STEP`


def draw_healthy(label_map: Path, seed: int, cache: Path | None) -> Subject:
    """Draw a whole head without lesions; they are planted patch by patch.

    Parameters
    ----------
    label_map
        See `heads.anatomy.read_anatomy`.
    seed
        The same seed gives the same head.
    cache
        Folder of what is computed from the label map.
    """
    anatomy = read_anatomy(label_map, cache)
    return _prepared(draw_head(anatomy, seed, shape=SHAPE, spacing=1.0), None, seed)


def draw_patient(files: TissueMap, seed: int) -> Subject:
    """Draw a patient's brain without lesions; its labels say where the patient's own ones are planted.

    Parameters
    ----------
    files
        Of the patient.
    seed
        The same seed gives the same scans.

    Raises
    ------
    InputError
        If the files do not have one shape.
    """
    anatomy, lesions = read_tissue_map(files)
    centre = anatomy.box.float().mean(0)
    ill = replace(anatomy, tissue=torch.where(lesions, int(Tissue.LESION), anatomy.tissue).to(torch.uint8))
    # The same seed draws the same places: once as if healthy, and once only to see where the lesions fall.
    head = draw_head(anatomy, seed, shape=SHAPE, spacing=1.0, centre=centre)
    places = draw_head(ill, seed, shape=SHAPE, spacing=1.0, centre=centre, modalities=()).lesions
    return _prepared(head, places >= 0.5, seed)


def read_tissue_map(files: TissueMap) -> tuple[Anatomy, Tensor]:
    """Read a tissue map and its lesions as a head of 1 mm voxels; lesions are white matter in it.

    Parameters
    ----------
    files
        Of the patient. Arrays are matched by index: affines of such sets differ by half a voxel.

    Returns
    -------
    tuple
        The head, and its lesions, bool (s, a, r).

    Raises
    ------
    InputError
        If the files do not have one shape.
    """
    volumes = [read_labels(path) for path in files.files]
    if len({volume.data.shape for volume in volumes}) > 1:
        shapes = ", ".join(f"{p.name} {v.data.shape}" for p, v in zip(files.files, volumes, strict=True))
        raise InputError(f"{files.tissue.parent}: the files should have one shape, but have {shapes}.")
    classes, mask, inside = (volume.data for volume in volumes)
    box = bounding_box(inside > 0)
    size = resampled_shape(inside[box].shape, volumes[0].grid.spacing, (1.0, 1.0, 1.0))

    def at_1_mm(chosen: np.ndarray) -> np.ndarray:
        return zoom(chosen[box].astype(np.float32), size) >= 0.5

    brain, lesions = at_1_mm(inside > 0), at_1_mm(mask > 0)
    tissue = np.full(brain.shape, Tissue.AIR, np.uint8)
    shares = np.stack([zoom((classes == n)[box].astype(np.float32), brain.shape) for n in TISSUES])
    known = shares.max(axis=0) > 0.25
    tissue[known] = np.array([int(t) for t in TISSUES.values()], np.uint8)[shares.argmax(axis=0)][known]
    tissue[lesions] = Tissue.WHITE
    tissue[~brain] = Tissue.AIR
    ends = bounding_box(tissue != Tissue.AIR)
    anatomy = Anatomy(
        tissue=torch.from_numpy(tissue),
        brain=torch.from_numpy(brain),
        from_ventricle=torch.full(brain.shape, _FAR, dtype=torch.uint8),
        from_fluid=torch.from_numpy(stored_distance(tissue == Tissue.FLUID)),
        box=torch.tensor([[s.start for s in ends], [s.stop - 1 for s in ends]]),
    )
    return anatomy, torch.from_numpy(lesions & brain)


def _prepared(head: Head, lesions: Tensor | None, seed: int) -> Subject:
    """The brain of a drawn head as the network reads it."""
    draw = Draw.seeded(seed + 1)
    brain = head.brain >= 0.5
    if draw.chance(_TIGHT):
        brain = strip(brain, draw, 1.0)
    correction = "on" if draw.chance(_TIGHT) else "off"
    brain &= head.images[0] > 0  # beyond the field of view there is none
    affine = np.eye(4)[[2, 1, 0, 3]]  # (s, a, r) voxels of 1 mm
    grid = Grid(SHAPE, affine)
    scans = {m: Volume(image.numpy(), grid, m, m) for m, image in zip(MODALITIES, head.images, strict=True)}
    mask = Volume(brain.numpy().astype(np.float32), grid, "brain")
    ready = prepare(scans, mask=mask, skull="present", bias_correction=correction).network_input(1.0)
    images, inside = stacked(ready).half(), torch.from_numpy(ready.brain)
    return Subject(
        images,
        images,
        inside,
        _labels(lesions, ready),
        torch.zeros_like(inside),
        is_background=True,
        stripped=False,
        spacing=head.spacing,
    )


def _labels(lesions: Tensor | None, ready: NetworkInput) -> Tensor:
    """Numbered lesions in the brain's box; none where there are none."""
    if lesions is None:
        return torch.zeros(ready.brain.shape, dtype=torch.int16)
    return lesion_labels(lesions.numpy()[ready.box] & ready.brain)
