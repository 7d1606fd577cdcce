"""The bag of a folder of results, kept in a file once it is made: the network need not run again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.disk.kept_arrays import DAMAGED, file_of, read_arrays, write_arrays
from napari_uncertainseg.disk.result_folder import SUMMARY
from napari_uncertainseg.explain.attention.encoder import chosen_stage, pooled_stage
from napari_uncertainseg.explain.attention.instances import CANDIDATES, PATCH_MM, Instances, instances_of
from napari_uncertainseg.explain.explained_case import ExplainedCase, open_case
from napari_uncertainseg.training.mil.bags import Bag
from napari_uncertainseg.training.mil.model import Kind

_FORMAT = 1
"""Of the files; another number makes all bags anew."""


@dataclass(frozen=True)
class BagSetting:
    """How bags are made.

    Attributes
    ----------
    kind
        ``"candidates"`` or ``"patches"``.
    stage
        Of the network; its usual one if None.
    network
        Which network of an ensemble, counted from 1.
    patch_mm
        Edge of a patch.
    """

    kind: Kind = CANDIDATES
    stage: str | None = None
    network: int = 1
    patch_mm: float = PATCH_MM


@dataclass(frozen=True)
class Encoder:
    """Which network made the features of a bag.

    Attributes
    ----------
    model
        Its name.
    network
        Which one of the model, counted from 1.
    weights_sha256
        Of its weights.
    stage
        Whose activations are the features.
    """

    model: str
    network: int
    weights_sha256: str
    stage: str


@dataclass(frozen=True, eq=False)
class CaseBag:
    """A bag, and where it is from."""

    bag: Bag
    encoder: Encoder


def bag_of_case(
    case: ExplainedCase, setting: BagSetting, progress: Progress = silent
) -> tuple[CaseBag, Instances]:
    """Find the instances of a case, and run the network up to the stage.

    Instances of which the network sees no voxel, such as those painted outside the brain, have no part in
    the bag: their rows and labels are left out.

    Raises
    ------
    InputError
        If the network has no such stage, or memory does not suffice.
    """
    stage = chosen_stage(case.scene, setting.stage)
    found = instances_of(case, setting.kind, setting.patch_mm)
    pooled = pooled_stage(case.scene, case.voxels, found.labels, len(found), stage, progress=progress)
    seen = pooled.voxels > 0
    if not seen.all():
        new = np.concatenate([[0], np.where(seen, np.cumsum(seen), 0)])
        found = Instances(new[found.labels].astype(np.int32), found.table[seen].reset_index(drop=True))
    sizes = found.table["volume_mm3"].to_numpy(np.float32)
    known = case.information
    encoder = Encoder(str(known["model"]), case.network, str(known["weights_sha256"]), stage)
    return CaseBag(Bag(pooled.features[seen], sizes), encoder), found


def kept_bag(
    folder: Path,
    setting: BagSetting,
    *,
    kept: Path,
    model: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> CaseBag:
    """The bag of a folder of results, from a file where it was made before.

    Parameters
    ----------
    folder
        That `segment` wrote.
    setting
        How it is made.
    kept
        Folder of the files.
    model, device
        As for `open_case`.
    progress
        Told while it is made; what it raises ends the work, and leaves no half file.

    Raises
    ------
    InputError
        As `open_case` and `bag_of_case`.
    """
    if not (folder / SUMMARY).is_file():
        raise InputError(f"{folder} is no folder of results: segment the scans first.")
    file = file_of(kept, [_FORMAT, sha256_of(folder / SUMMARY), asdict(setting)])
    if (found := _read(file)) is not None:
        return found
    case = open_case(folder, model=model, network=setting.network, device=device, progress=progress)
    made, _ = bag_of_case(case, setting, progress)
    _write(file, made)
    return made


def _write(file: Path, made: CaseBag) -> None:
    about = {key: str(value) for key, value in asdict(made.encoder).items()}
    write_arrays(file, {"features": made.bag.features, "sizes": made.bag.sizes}, about)


def _read(file: Path) -> CaseBag | None:
    """What `_write` wrote; None where there is none, or it is damaged."""
    found = read_arrays(file)
    if found is None:
        return None
    arrays, about = found
    try:
        features, sizes = arrays["features"], arrays["sizes"]
        encoder = Encoder(about["model"], int(about["network"]), about["weights_sha256"], about["stage"])
    except DAMAGED:
        return None
    fits = features.ndim == 2 and sizes.shape == features.shape[:1]
    real = features.dtype == sizes.dtype == np.float32
    return CaseBag(Bag(features, sizes), encoder) if fits and real else None
