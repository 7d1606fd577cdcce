"""What the network would say if the scan were another: without the lesion, without a scan, or fainter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.explain.scene import Field, Scene, fields_of, retry_in_smaller_fields
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.modalities import MODALITIES, title_of
from napari_uncertainseg.training.planting import fill_lesions, leave_out
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.uncertainty.lesion import lesion_structural_uncertainty
from napari_uncertainseg.uncertainty.voxel import binary_entropy

_MARGIN_MM = 32.0
STEPS = tuple(round(0.1 * i, 1) for i in range(11))
"""By how much of its contrast a lesion is made fainter; all of it is the lesion filled in."""
AS_IT_IS, FILLED = "as it is", "filled with tissue like its surroundings"


@dataclass(frozen=True, eq=False)
class _Change:
    """Scans that are another than they were, float32 (channels, z, y, x) of a field."""

    name: str
    fainter: float
    image: np.ndarray


def counterfactuals(
    scene: Scene,
    region: np.ndarray,
    others: np.ndarray | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """What the network says of a lesion when the scans are changed.

    Parameters
    ----------
    scene
        The network and the scans.
    region
        bool (z, y, x), the lesion.
    others
        All other lesions, bool (z, y, x): they stay, and are not taken for healthy tissue.
    seed
        Of the texture that the lesion is filled with.
    progress
        Called many times a second while the network runs; what it raises ends the work.

    Returns
    -------
    pandas.DataFrame
        A row for each change: ``change`` in words, ``fainter`` (0 to 1; NaN where a scan is taken away),
        ``mean_probability`` and ``max_probability`` of the mean of the heads in the region, ``found``
        (whether the largest reaches the threshold), ``doubt`` (structural uncertainty, LSU, of the lesion
        that is found there; NaN where none is), ``entropy`` (mean in the region, nats).

    Raises
    ------
    InputError
        If the region is empty, there is no white matter to fill it with, or memory does not suffice.
    """
    tables = retry_in_smaller_fields(
        lambda margin: _table(scene, fields_of(scene, region, margin), others, seed, progress), _MARGIN_MM
    )
    return next(tables)


def missed_sentence(table: pd.DataFrame) -> str:
    """By how much fainter the lesion would have been missed, in words, from `counterfactuals`."""
    steps = table[table["fainter"].notna()].sort_values("fainter")
    found = steps["found"].to_numpy(bool)
    if not found[0]:
        return "The model does not find this lesion, even as it is."
    if found.all():
        return "The model would still find a lesion here if it were filled with tissue like its surroundings."
    share = float(steps["fainter"].to_numpy(float)[~found][0])
    if share >= 1:
        return "The model would have missed this lesion only if it were not there at all."
    return f"The model would have missed this lesion if it were {100 * share:.0f} % fainter."


def _table(
    scene: Scene, fields: list[Field], others: np.ndarray | None, seed: int, progress: Progress
) -> Iterator[pd.DataFrame]:
    if len(fields) > 1:
        raise InputError("The lesion is larger than what the network reads at once: change a smaller one.")
    one = fields[0]
    beside = np.zeros(one.region.shape, bool) if others is None else others[one.box] & ~one.region
    changes = list(_changes(scene, one, beside, seed))
    rows = []
    for i, change in enumerate(changes):
        share = i / len(changes)
        with scene.checked(lambda share=share: progress("changing the scan", share)):  # type: ignore[misc]
            members = scene.members(one, change.image)
        rows.append({"change": change.name, "fainter": change.fainter, **_said(members, one.region, scene)})
    progress("done", 1.0)
    yield pd.DataFrame(rows)


def _changes(scene: Scene, one: Field, beside: np.ndarray, seed: int) -> Iterator[_Change]:
    cut = scene.image[(slice(None), *one.box)]
    without = filled(cut, scene.modalities, one.region, beside, seed, ours=scene.ours)
    for share in STEPS:
        name = AS_IT_IS if share == 0 else FILLED if share == 1 else f"{100 * share:.0f} % fainter"
        yield _Change(name, share, cut + np.float32(share) * (without - cut))
    present = [i for i, there in enumerate(scene.given) if there and i > 0]
    for i in present:
        lacking = cut.copy()
        lacking[i] = 0
        yield _Change(f"without {title_of(scene.modalities[i])}", float("nan"), lacking)
    if len(present) > 1:
        alone = cut.copy()
        alone[1:] = 0
        yield _Change(f"{title_of(scene.modalities[0])} alone", float("nan"), alone)


def filled(
    image: np.ndarray,
    modalities: tuple[str, ...],
    region: np.ndarray,
    others: np.ndarray,
    seed: int = 0,
    *,
    ours: bool = True,
) -> np.ndarray:
    """Scans in which a lesion is filled with tissue like its surroundings, as for training.

    Parameters
    ----------
    image
        float32 (channels, z, y, x), normalised, 0 outside the brain; FLAIR, T1 and T2 are changed, or the
        first channel in place of the FLAIR where there is none.
    modalities
        Names of the channels.
    region, others
        The lesion, and those that stay, bool (z, y, x).
    seed
        Of the texture.
    ours
        Whether they are normalised in our way; others are taken to z-scores for it, and back.

    Raises
    ------
    InputError
        If there is no white matter around.
    """
    brain = (image != 0).any(axis=0)
    places = {name: i for i, name in enumerate(modalities) if name in MODALITIES}
    places.setdefault("flair", 0)
    scans = np.zeros((3, *region.shape), np.float32)
    scales: dict[int, tuple[float, float]] = {}
    for target, name in enumerate(("flair", "t1", "t2")):
        if name in places and image[places[name]].any():
            values = image[places[name]]
            scales[target] = (0.0, 1.0) if ours else _scale(values[brain])
            scans[target] = (values - scales[target][0]) / scales[target][1] * brain
    tensors, inside = torch.from_numpy(scans), torch.from_numpy(brain)
    lesion, kept = torch.from_numpy(region), torch.from_numpy(others)
    try:
        healthy = fill_lesions(tensors, lesion | kept, inside, Draw.seeded(seed))
    except RuntimeError as error:  # there is nothing to draw a texture from
        raise InputError("There is no white matter around this lesion to fill it with.") from error
    found = leave_out(tensors, healthy, lesion, kept).numpy()
    if not np.isfinite(found).all():
        raise InputError("There is no white matter around this lesion to fill it with.")
    out = image.copy()
    for target, (level, unit) in scales.items():
        changed = found[target] != scans[target]
        out[places[("flair", "t1", "t2")[target]]][changed] = found[target][changed] * unit + level
    return out


def _scale(inside: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation."""
    spread = float(inside.std())
    return float(inside.mean()), spread if spread > 0 else 1.0


def _said(members: np.ndarray, region: np.ndarray, scene: Scene) -> dict[str, float | bool]:
    """What the heads say of a region."""
    mean = members.mean(axis=0)
    inside = mean[region]
    labels, _ = label_mask(at_least(mean, scene.threshold))
    shared = np.bincount(labels[region].astype(np.int64))[1:]  # voxels in common with each lesion found
    doubt = float("nan")
    if len(shared):
        lesion = (labels == shared.argmax() + 1).astype(np.uint8)
        doubt = float(lesion_structural_uncertainty(lesion, members, scene.threshold)[0])
    return {
        "mean_probability": float(inside.mean()),
        "max_probability": float(inside.max()),
        "found": bool(len(shared)),
        "doubt": doubt,
        "entropy": float(binary_entropy(inside).mean()),
    }
