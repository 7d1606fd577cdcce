"""The features of one case, kept in a file once they are made: the network need not run again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import platformdirs

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.attributes.common_grid import SHAPE, on_common_grid
from napari_uncertainseg.audit.attributes.encoder import STAGES, Pooled, pooled
from napari_uncertainseg.audit.cohort import AuditCase
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.disk.kept_arrays import DAMAGED, file_of, read_arrays, write_arrays
from napari_uncertainseg.disk.result_folder import SUMMARY, load_summary
from napari_uncertainseg.evaluate.saved_results import SavedResults, read_saved_results
from napari_uncertainseg.explain.attention.encoder import pooled_stage
from napari_uncertainseg.explain.explained_case import ExplainedCase, open_case
from napari_uncertainseg.explain.gradcam import stages_of
from napari_uncertainseg.explain.maker import model_of
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.modalities import main_of, title_of
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing
from napari_uncertainseg.progress.parts import part_of

_FORMAT = 1
"""Of the files; another number makes all features anew."""
_ARRAYS = ("inside", "outside", "blocks", "cropped_inside", "cropped_outside", "cropped_blocks")
_READ = 0.5
"""Share of the work after which the case is read and its bottleneck known."""


@dataclass(frozen=True)
class FeatureSetting:
    """What features are made of.

    Attributes
    ----------
    encoder_sha256
        Of the weights of the network that reads whole scans.
    stage
        Whose activations are the bottleneck of the network that made the results; its deepest if None.
    shape
        Of the common grid.
    """

    encoder_sha256: str
    stage: str | None = None
    shape: tuple[int, int, int] = SHAPE


@dataclass(frozen=True, eq=False)
class CaseFeatures:
    """Features of one case.

    Attributes
    ----------
    image, cropped
        Of the whole scan, and of the scan cut to the brain.
    mask
        Of the reference, float32 (features,); None where there is none.
    bottleneck
        Mean over the brain of the deepest stage of the network that made the results, on what it read;
        float32 (channels,), None where no network at hand made them.
    network
        Which one that is; empty where there is none.
    given
        The modalities that were given.
    why_not
        Why there is no bottleneck, a sentence.
    """

    image: Pooled
    cropped: Pooled
    mask: np.ndarray | None
    bottleneck: np.ndarray | None
    network: str
    given: tuple[str, ...]
    why_not: str


def usual_place() -> Path:
    """Where features are kept if no folder is named."""
    return platformdirs.user_cache_path("napari-uncertainseg", appauthor=False) / "attributes"


def kept_features(
    case: AuditCase,
    setting: FeatureSetting,
    engine: Engine,
    kept: Path,
    *,
    model: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> CaseFeatures:
    """The features of a case, from a file where they were made before.

    Parameters
    ----------
    case
        Results and reference.
    setting
        What is made.
    engine
        Reads whole scans; torch runs a network of ours.
    kept
        Folder of the files.
    model, device
        As for `open_case`.
    progress
        Told while they are made; what it raises ends the work, and leaves no half file.

    Raises
    ------
    InputError
        If the results, the scan or the reference cannot be read, or memory does not suffice.
    """
    reference = "" if case.reference is None else sha256_of(case.reference)
    said = [_FORMAT, list(STAGES), sha256_of(case.folder / SUMMARY), reference, model, asdict(setting)]
    file = file_of(kept, said)
    found = _read(file)
    if found is not None and not (found.why_not and _could_be_whole(case, setting, model)):
        return found
    made = _made(case, setting, engine, model, device, progress)
    _write(file, made)
    return made


def _could_be_whole(case: AuditCase, setting: FeatureSetting, model: str | None) -> bool:
    """Whether a bottleneck that was lacking may be there now, as where the model was added since."""
    try:
        used = model_of("", load_summary(case.folder), () if model is None else (model,))
    except InputError:
        return False
    return setting.stage is not None or not isinstance(used.preprocessing, ForeignPreprocessing)


def _made(
    case: AuditCase,
    setting: FeatureSetting,
    engine: Engine,
    model: str | None,
    device: str,
    progress: Progress,
) -> CaseFeatures:
    bottleneck, network, why_not = None, "", ""
    first = part_of(progress, 0, _READ)
    try:
        opened = open_case(case.folder, model=model, device=device, progress=first)
        saved = opened.saved
        bottleneck, network = _bottleneck(opened, setting.stage, first)
    except InputError as error:
        if model is not None or setting.stage is not None:  # what the user named does not do
            raise
        saved, why_not = read_saved_results(case.folder), str(error)
    inputs = saved.prediction.information.get("inputs") or {}
    main = main_of(inputs)
    if main not in saved.scans:
        why = " ".join(note for note in saved.notes if title_of(main) in note)
        raise InputError(f"{case.folder}: its {title_of(main)} cannot be read again. {why}".strip())
    there = on_common_grid(saved.scans[main], saved.prediction.brain, _reference(case, saved), setting.shape)
    steps = [(there.image, "the scan"), (there.cropped, "the brain")]
    steps += [] if there.mask is None else [(there.mask, "the reference")]
    found = []
    for number, (image, what) in enumerate(steps):
        share = _READ + (1 - _READ) * number / len(steps)
        found.append(pooled(engine, image, there.brain, check=partial(progress, f"reading {what}", share)))
    mask = found[2].mean if len(found) > 2 else None
    return CaseFeatures(found[0], found[1], mask, bottleneck, network, tuple(inputs), why_not)


def _bottleneck(opened: ExplainedCase, stage: str | None, progress: Progress) -> tuple[np.ndarray, str]:
    """Mean activations over the brain, and whose they are."""
    network = opened.scene.engine.network
    levels = len(getattr(network, "encoder", ())) if opened.scene.ours else 0
    if stage is None and not levels:
        names = ", ".join(stages_of(opened.scene.engine)[-5:])
        raise InputError(
            f"The bottleneck of the model '{opened.model.name}', which is none of ours, is not known: name "
            f"it with --stage, such as one of {names}."
        )
    own = stage or f"encoder.{levels - 1}"
    if own not in dict(network.named_modules()):
        raise InputError(f"The network of the model '{opened.model.name}' has no stage '{own}'.")
    brain = opened.saved.prediction.brain
    found = pooled_stage(opened.scene, opened.voxels, brain.astype(np.int32), 1, own, progress=progress)
    return found.features[0], f"{opened.model.name} {own} {opened.information['weights_sha256']}"


def _reference(case: AuditCase, saved: SavedResults) -> np.ndarray | None:
    if case.reference is None:
        return None
    own, grid = read_labels(case.reference), saved.prediction.grid
    return resample_to(own, grid, nearest=True) > 0


def _write(file: Path, made: CaseFeatures) -> None:
    both = (made.image, made.cropped)
    arrays = dict(
        zip(_ARRAYS, [a for one in both for a in (one.inside, one.outside, one.blocks)], strict=True)
    )
    arrays |= {} if made.mask is None else {"mask": made.mask}
    arrays |= {} if made.bottleneck is None else {"bottleneck": made.bottleneck}
    about = {"network": made.network, "given": json.dumps(made.given), "why_not": made.why_not}
    write_arrays(file, arrays, about)


def _read(file: Path) -> CaseFeatures | None:
    """What `_write` wrote; None where there is none, or it is damaged."""
    kept = read_arrays(file)
    if kept is None:
        return None
    arrays, about = kept
    try:
        image, cropped = (Pooled(*(arrays[name] for name in three)) for three in (_ARRAYS[:3], _ARRAYS[3:]))
        given = tuple(map(str, json.loads(about["given"])))
        mask, bottleneck = arrays.get("mask"), arrays.get("bottleneck")
        found = CaseFeatures(image, cropped, mask, bottleneck, about["network"], given, about["why_not"])
    except DAMAGED:
        return None
    vectors = [image.inside, image.outside, cropped.inside, cropped.outside, *_known(mask, bottleneck)]
    fits = all(one.ndim == 1 and np.isfinite(one).all() for one in vectors)
    fits = fits and all(one.blocks.shape[:2] == (2, len(one.inside)) for one in (image, cropped))
    return found if fits else None


def _known(*arrays: np.ndarray | None) -> list[np.ndarray]:
    return [one for one in arrays if one is not None]
