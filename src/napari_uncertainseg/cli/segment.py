"""``uncertainseg segment``."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.cli.progress import ProgressLine
from napari_uncertainseg.modalities import MODALITIES, REFERENCE

if TYPE_CHECKING:
    from napari_uncertainseg.disk.folder_lock import Claim
    from napari_uncertainseg.images.volume import Volume
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

_CORRECTION = {None: "auto", True: "on", False: "off"}
"""When the scans' brightness is corrected, by what the user said."""


def segment(options: Namespace) -> None:
    """Segment a scan, write the results, and say what was found."""
    start = time.monotonic()
    with ProgressLine() as progress:
        prediction, lesions = _run(options, progress)
    print(describe(lesions, prediction))
    print(f"{options.out}: written in {time.monotonic() - start:.1f} s")


def describe(lesions: Lesions, prediction: Prediction) -> str:
    """Number and volume of the lesions, and the notes to the user, one a line."""
    noun = "lesion" if lesions.count == 1 else "lesions"
    first = f"{lesions.count} {noun}, {lesions.volume_ml:.2f} ml, at threshold {lesions.threshold:.2f}"
    return "\n".join([first, *(f"note: {note}" for note in prediction.information.get("notes", ()))])


def _run(options: Namespace, progress: ProgressLine) -> tuple[Prediction, Lesions]:
    from napari_uncertainseg.disk.folder_lock import claimed
    from napari_uncertainseg.export import check_folder

    check_folder(options.out, overwrite=options.overwrite)
    with claimed(options.out) as claim:
        return _segment(options, progress, claim)


def _segment(options: Namespace, progress: ProgressLine, claim: Claim) -> tuple[Prediction, Lesions]:
    from napari_uncertainseg.export import write_results
    from napari_uncertainseg.images.files import read_labels
    from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

    images = _read(options, progress)
    mask = None if options.mask is None else read_labels(options.mask, images[REFERENCE].grid)
    predict = _from_maps if options.probabilities else _by_model
    prediction = predict(options, images, mask, progress)
    lesions = rank_lesions(prediction, options.threshold, options.min_volume)
    progress("writing", 1.0)
    write_results(options.out, prediction, lesions, overwrite=options.overwrite, claim=claim)
    return prediction, lesions


def _from_maps(
    options: Namespace, images: dict[str, Volume], mask: Volume | None, progress: ProgressLine
) -> Prediction:
    """Take the maps that another program made; the scan only says where they lie."""
    from napari_uncertainseg.inference.ready_members import predict_from_maps

    return predict_from_maps(images[REFERENCE], options.probabilities, mask=mask, progress=progress)


def _by_model(
    options: Namespace, images: dict[str, Volume], mask: Volume | None, progress: ProgressLine
) -> Prediction:
    from napari_uncertainseg.inference.segmenter import Segmenter

    segmenter = Segmenter(
        options.model,
        method=options.method,
        members=options.members,
        device=options.device,
        seed=options.seed,
    )
    return segmenter.predict(
        images,
        mask=mask,
        look=lambda brain: progress.say(brain.strange) if brain.strange else None,
        skull=options.skull,
        bias_correction=_CORRECTION[options.bias_correction],
        progress=progress,
    )


def _read(options: Namespace, progress: Progress) -> dict[str, Volume]:
    from napari_uncertainseg.images.files import read_volume

    progress("reading", 0.0)
    paths = {modality: getattr(options, modality) for modality in MODALITIES}
    given = {modality: path for modality, path in paths.items() if path is not None}
    if options.volume is None:
        return {modality: read_volume(path, modality=modality) for modality, path in given.items()}
    scans = {m: _one_of_several(path, m, options.volume) for m, path in given.items()}
    if not any(several for _, several in scans.values()):
        raise InputError(f"{paths[REFERENCE]}: the file holds one volume; leave --volume out.")
    return {modality: scan for modality, (scan, _) in scans.items()}


def _one_of_several(path: Path, modality: str, volume: int) -> tuple[Volume, bool]:
    """Read a scan, the volume that was asked for where there are several; and whether there are."""
    from napari_uncertainseg.images.files import read_volume
    from napari_uncertainseg.images.formats.raw_image import SeveralVolumes

    try:
        return read_volume(path, modality=modality), False
    except SeveralVolumes:
        return read_volume(path, index=volume, modality=modality), True
