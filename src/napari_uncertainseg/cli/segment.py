"""``uncertainseg segment``."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.cli.progress import ProgressLine
from napari_uncertainseg.modalities import OPTIONAL, REFERENCE, title_of
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import Course, planned

if TYPE_CHECKING:
    from napari_uncertainseg.disk.folder_lock import Claim
    from napari_uncertainseg.images.volume import Volume
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


def segment(options: Namespace) -> None:
    """Segment a scan, write the results, and say what was found."""
    start = time.monotonic()
    with ProgressLine() as progress:
        prediction, lesions = _run(options, progress)
    print(describe(lesions, prediction))
    print(f"{options.out}: written in {time.monotonic() - start:.1f} s")


def describe(lesions: Lesions, prediction: Prediction) -> str:
    """Number and volume of what was found, and the notes to the user, one a line."""
    found = prediction.noun.counted(lesions.count)
    first = f"{found}, {lesions.volume_ml:.2f} ml, at threshold {lesions.threshold:.2f}"
    return "\n".join([first, *(f"note: {note}" for note in prediction.information.get("notes", ()))])


def _run(options: Namespace, progress: ProgressLine) -> tuple[Prediction, Lesions]:
    from napari_uncertainseg.disk.folder_lock import claimed
    from napari_uncertainseg.disk.target_folder import check_folder

    check_folder(options.out, overwrite=options.overwrite)
    with claimed(options.out) as claim:
        return _segment(options, progress, claim)


def _segment(options: Namespace, progress: ProgressLine, claim: Claim) -> tuple[Prediction, Lesions]:
    _check(options)
    predict = _from_maps if options.probabilities else _by_model
    prediction = predict(options, progress)
    from napari_uncertainseg.evaluate.patients.intervals import find_intervals
    from napari_uncertainseg.export import write_results
    from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

    with progress.step(f"{steps.LESIONS}/written", stage="measuring lesions"):
        lesions = rank_lesions(prediction, options.threshold, options.min_volume)
        load = find_intervals(prediction, lesions.min_volume).as_json()
    with progress.step(steps.WRITE, steps.millions(prediction.grid.shape), "writing"):
        write_results(options.out, prediction, lesions, load=load, overwrite=options.overwrite, claim=claim)
    return prediction, lesions


def _check(options: Namespace) -> None:
    """Refuse by names and headers what cannot be segmented: to read a scan takes longer."""
    from napari_uncertainseg.images.files import check_on_grid
    from napari_uncertainseg.images.scans import check_scan
    from napari_uncertainseg.networks.catalog import find_model

    if options.probabilities and options.target:
        raise InputError("--target is for models: probability maps have their target already.")
    model = find_model(options.model)
    if options.target is not None:
        model = model.with_target(options.target)
    main = REFERENCE if options.probabilities else model.main
    paths = _paths(options, main)
    if not options.probabilities and (options.scans or options.model != "bundled"):
        from napari_uncertainseg.inference.scans_of_model import check_modalities

        check_modalities(paths, model)
    if options.mask is not None:
        check_on_grid(options.mask, check_scan(paths[main], options.volume))


def _from_maps(options: Namespace, progress: ProgressLine) -> Prediction:
    """Take the maps that another program made; the scan only says where they lie."""
    from napari_uncertainseg.inference.ready_members import predict_from_maps

    images, mask = _read(options, REFERENCE, progress)
    return predict_from_maps(images[REFERENCE], options.probabilities, mask=mask, progress=progress)


def _by_model(options: Namespace, progress: ProgressLine) -> Prediction:
    from napari_uncertainseg.networks.catalog import find_model
    from napari_uncertainseg.runs.setting import CORRECTION

    model = find_model(options.model)
    images, mask = _read(options, model.main, progress)
    # Only now, since it loads torch: who named a wrong file knows at once.
    with progress.step(steps.IMPORT, stage="loading the model"):
        from napari_uncertainseg.inference.segmenter import Segmenter

        segmenter = Segmenter(
            model,
            method=options.method,
            members=options.members,
            target=options.target,
            device=options.device,
            seed=options.seed,
        )
    return segmenter.predict(
        images,
        mask=mask,
        look=lambda brain: progress.say(brain.strange) if brain.strange else None,
        skull=options.skull,
        bias_correction=CORRECTION[options.bias_correction],
        progress=progress,
    )


def _read(options: Namespace, main: str, progress: Progress) -> tuple[dict[str, Volume], Volume | None]:
    """The scans by modality, and the brain mask."""
    from napari_uncertainseg.images.files import read_labels
    from napari_uncertainseg.images.scans import read_scans

    paths = _paths(options, main)
    with _expected(options, len(paths), progress).step(steps.READ, len(paths), "reading"):
        images = read_scans(paths, options.volume)
        return images, None if options.mask is None else read_labels(options.mask, images[main].grid)


def _expected(options: Namespace, scans: int, progress: Progress) -> Course:
    """What the command has to do, as far as it knows that before it has read a scan."""
    voxels, name = steps.USUAL_VOXELS, str(options.model)
    members = options.members or steps.USUAL_MEMBERS.get(options.method, 1)
    of_network = steps.segmenting(scans, voxels, options.method, name, members)
    own = {steps.READ: scans, f"{steps.LESIONS}/written": 1, steps.WRITE: voxels}
    if options.probabilities:
        return planned(progress, own)
    return planned(progress, {**own, steps.IMPORT: 1, **of_network})


def _paths(options: Namespace, main: str) -> dict[str, Path]:
    """Files by modality; the one without a name is what the model segments."""
    optional = [(modality, getattr(options, modality)) for modality in OPTIONAL]
    named = [(name.lower(), Path(file)) for name, file in options.scans]
    paths: dict[str, Path] = {}
    for modality, path in [(main, options.scan), *optional, *named]:
        if path is None:
            continue
        if modality in paths:
            raise InputError(f"{path}: {title_of(modality)} was given before, as {paths[modality]}.")
        paths[modality] = path
    return paths
