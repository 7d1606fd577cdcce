"""``uncertainseg train``, ``bench`` and ``export-seg``."""

from __future__ import annotations

import sys
from argparse import Namespace

from napari_uncertainseg.cli import INTERRUPTED
from napari_uncertainseg.cli.progress import ProgressLine


def train(options: Namespace) -> None:
    """Train a network, and say where it is; after Ctrl+C, say how to resume."""
    from napari_uncertainseg.training.configuration_file import read_configuration

    read_configuration(options.configuration, seed=options.seed)
    from napari_uncertainseg.training import trainer
    from napari_uncertainseg.training.interruption import Stopped

    try:
        with ProgressLine() as progress:
            result = trainer.train(options.configuration, seed=options.seed, progress=progress)
    except Stopped as stopped:
        print(f"uncertainseg: {stopped}", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    print(result)


def bench(options: Namespace) -> None:
    """Measure this machine."""
    from napari_uncertainseg import bench as benchmark

    benchmark.main(options.arguments)


def export_seg(options: Namespace) -> None:
    """Write the lesions of a folder as DICOM SEG: as reviewed in the window, else as found."""
    from napari_uncertainseg.disk.result_folder import load_summary, note_on, result_file
    from napari_uncertainseg.images.files import read_labels

    folder = options.folder
    reviewed = (folder / "reviewed.nii.gz").is_file()
    file = result_file(folder, "reviewed.nii.gz" if reviewed else "lesions.nii.gz")
    mask = read_labels(file)
    from napari_uncertainseg.images.formats.dicom import dicom_series

    dicom_series(options.dicom)
    from napari_uncertainseg.evaluate.written_results import read_summary
    from napari_uncertainseg.images.dicom.seg import Algorithm, write_dicom_seg

    threshold = read_summary(folder).threshold
    algorithm = Algorithm.from_information(load_summary(folder), threshold)
    write_dicom_seg(options.out, mask.data, mask.grid, options.dicom, algorithm=algorithm, reviewed=reviewed)
    voxels = int((mask.data != 0).sum())
    print(f"{options.out}: {voxels} voxels of {file.name}, on the slices of {options.dicom}")
    if note := note_on(folder):
        print(f"note: {note}")
