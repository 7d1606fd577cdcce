"""One person's acquisitions, measured: images, features, the person's numbers and those of each lesion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.stability.cases import Acquisition
from napari_uncertainseg.audit.stability.images import Frame, image_distances, placed
from napari_uncertainseg.audit.stability.measures import lesion_rows, matched_labels, person_measures
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.evaluate.written_results import result_file, table_of_lesions
from napari_uncertainseg.explain.radiomics.features import FEATURE_NAMES, LABEL
from napari_uncertainseg.explain.radiomics.of_results import radiomics_of_images
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.modalities import main_of

FEWEST_VOXELS = 10
"""A lesion of the first acquisition with fewer is too small for texture."""
_MOVED_MM = 1.0


@dataclass(frozen=True, eq=False)
class MeasuredPerson:
    """What was measured of one person.

    Attributes
    ----------
    name
        Of the person.
    names
        Of the acquisitions; the first is what the others are compared with.
    rows
        A row for each acquisition: the person's measures.
    lesions
        A row for each lesion of the first acquisition and each acquisition: ``target``, measures; NaN where
        the acquisition has no such lesion.
    radiomics
        The same with `FEATURE_NAMES`, within the outlines of the first acquisition.
    outlined
        A row for each acquisition with the features of all its lesions as one region, in its own outlines.
    region
        float64 (acquisitions, features) of all lesions of the first acquisition as one region.
    images
        `image_distances` of the acquisitions.
    notes
        What the user should know, a sentence each.
    """

    name: str
    names: tuple[str, ...]
    rows: pd.DataFrame
    lesions: pd.DataFrame
    radiomics: pd.DataFrame
    outlined: pd.DataFrame
    region: np.ndarray
    images: dict[str, np.ndarray]
    notes: tuple[str, ...]


def measure_person(
    acquisitions: Sequence[Acquisition], progress: Progress = silent, *, images: bool = True
) -> MeasuredPerson:
    """Measure the acquisitions of one person.

    Parameters
    ----------
    acquisitions
        At least two, of one person, harmonised alike.
    progress
        Called before each; what it raises ends the work.
    images
        Whether to compare images and radiomic features too: most of the time goes there. Without, their
        tables are empty and their distances NaN.

    Raises
    ------
    InputError
        If a folder cannot be read, or a scan has moved or changed.
    """
    work = _Person(acquisitions, images=images)
    for i, one in enumerate(acquisitions):
        progress(f"{one.patient}, {one.name}", i / len(acquisitions))
        work.add(one)
    progress(f"{acquisitions[0].patient}, images", 1.0)
    return work.result()


class _Person:
    """What is collected of a person, acquisition after acquisition."""

    def __init__(self, acquisitions: Sequence[Acquisition], *, images: bool) -> None:
        first = acquisitions[0]
        self.with_images = images
        self.first, self.names = first, tuple(one.name for one in acquisitions)
        self.scan = _scan(first.folder)
        brain = read_labels(result_file(first.folder, "brain"), self.scan.grid).data > 0
        self.frame = Frame.of(self.scan.grid, brain)
        self.targets = self.frame.labels(read_labels(result_file(first.folder, "lesions"), self.scan.grid))
        sizes = np.bincount(self.targets.ravel(), minlength=1)
        self.numbers = [int(n) for n in np.flatnonzero(sizes[1:]) + 1]
        self.large = np.where(sizes[self.targets] >= FEWEST_VOXELS, self.targets, 0)
        self.reference = None if first.reference is None else self._reference(first.reference)
        self.images: list[np.ndarray] = []
        self.rows: list[dict[str, Any]] = []
        self.lesions: list[pd.DataFrame] = []
        self.radiomics: list[pd.DataFrame] = []
        self.outlined: list[pd.DataFrame] = []
        self.region: list[np.ndarray] = []
        self.notes: list[str] = []

    def _reference(self, path: Path) -> np.ndarray:
        return self.frame.labels(read_labels(path, self.scan.grid)) > 0

    def add(self, one: Acquisition) -> None:
        registered = one is not self.first and not one.imitated  # the header of an imitated one is right
        scan = self.scan if one is self.first else None
        if scan is None and (registered or self.with_images):
            scan = _scan(one.folder)
        transform = self._transform(one, scan) if registered and scan is not None else None
        stored = read_labels(result_file(one.folder, "lesions"))
        labels = self.frame.labels(stored, transform)
        table = table_of_lesions(one.folder, int(stored.data.max(initial=0)))
        pairs = matched_labels(self.targets, labels)
        about = {"patient": one.patient, "acquisition": one.name}
        measured = person_measures(load_summary(one.folder), table)
        measured["dice"] = math.nan if self.reference is None else dice(labels > 0, self.reference)
        self.rows.append(about | measured)
        self.lesions.append(lesion_rows(table, pairs, self.numbers).assign(**about))
        if self.with_images and scan is not None:
            self._compare(self.frame.image(scan, transform), labels, about)

    def _compare(self, image: np.ndarray, labels: np.ndarray, about: dict[str, str]) -> None:
        """Keep an image, and measure its features."""
        self.images.append(image)
        within = self._features(image, self.large).rename(columns={LABEL: "target"})
        self.radiomics.append(within.assign(**about))
        self.outlined.append(self._features(image, labels > 0).drop(columns=LABEL).assign(**about))
        region = self._features(image, self.targets > 0)[list(FEATURE_NAMES)].to_numpy(float)
        self.region.append(region.mean(0))

    def _transform(self, one: Acquisition, scan: Volume) -> np.ndarray | None:
        transform, moved = placed(scan, self.scan)
        if moved >= _MOVED_MM:
            self.notes.append(
                f"'{one.name}' of '{one.patient}' was registered onto '{self.first.name}' and moved by "
                f"{moved:.0f} mm."
            )
        return transform

    def _features(self, image: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
        """Of labels; of a mask as one region, NaN where it is empty."""
        if labels.dtype == bool:
            if not labels.any():
                return pd.DataFrame([{LABEL: 1, **dict.fromkeys(FEATURE_NAMES, math.nan)}])
            labels = labels.astype(np.uint8)
        spacing = self.scan.grid.spacing
        found = radiomics_of_images({"x": image}, self.frame.brain, labels, spacing)
        return found.rename(columns=lambda name: name.removeprefix("x_"))

    def result(self) -> MeasuredPerson:
        number = len(self.names)
        unknown = np.full((number, number), math.nan)
        return MeasuredPerson(
            self.first.patient,
            self.names,
            pd.DataFrame(self.rows),
            pd.concat(self.lesions, ignore_index=True),
            pd.concat(self.radiomics or [pd.DataFrame()], ignore_index=True),
            pd.concat(self.outlined or [pd.DataFrame()], ignore_index=True),
            np.stack(self.region) if self.region else np.zeros((number, 0)),
            image_distances(self.images, self.frame.brain)
            if self.images
            else dict.fromkeys(("rmse", "psnr", "ssim"), unknown),
            tuple(self.notes),
        )


def _scan(folder: Path) -> Volume:
    """The scan that a folder's results were made of."""
    inputs = load_summary(folder).get("inputs")
    about = inputs.get(main_of(inputs)) if isinstance(inputs, dict) and inputs else None
    path = about.get("path") if isinstance(about, dict) else None
    if not isinstance(path, str):
        raise InputError(
            f"{folder}: the results do not say where their scan lies; segment the scan's file again."
        )
    volume = read_image(path, modality=main_of(inputs))  # type: ignore[arg-type]
    if scan_sha256(volume) != about.get("scan_sha256"):  # type: ignore[union-attr]
        raise InputError(
            f"{path} is another scan than the results in {folder} were made of; segment it again."
        )
    return volume
