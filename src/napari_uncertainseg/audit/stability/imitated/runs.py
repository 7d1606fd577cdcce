"""Imitated acquisitions of people, segmented and kept: a second run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.stability.imitated.harmonise import WAYS, StandardScale, match_histogram
from napari_uncertainseg.audit.stability.imitated.imitation import BASELINE, Imitation, imitate
from napari_uncertainseg.audit.stability.imitated.people import Person
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import claimed
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.result_folder import SUMMARY
from napari_uncertainseg.evaluate.written_results import result_file
from napari_uncertainseg.export import write_results, write_table
from napari_uncertainseg.images.files import read_labels, write_volume
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.scans import read_scans
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import REFERENCE
from napari_uncertainseg.runs.setting import RunOptions, segmenter_of, setting_of
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

TABLE = "acquisitions.tsv"
_SETTING = "setting.json"
_RESULTS = "results"
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What is imitated.

    Attributes
    ----------
    imitations
        The baseline first.
    harmonise
        Ways of `harmonise.WAYS`: everything is segmented again after each.
    seed
        Of the imitations.
    options
        What segments.
    """

    imitations: tuple[Imitation, ...]
    harmonise: tuple[str, ...] = ()
    seed: int = 0
    options: RunOptions = RunOptions()  # noqa: RUF009 - frozen


def segment_imitations(
    people: Sequence[Person], plan: Plan, keep: Path, progress: Progress = silent
) -> tuple[Path, list[str]]:
    """Segment each person's scans, as they are and in each other way, and keep scans and results.

    Parameters
    ----------
    people
        At least one.
    plan
        What is imitated, harmonised and how it is segmented.
    keep
        A folder: what is there already of the same plan is not made again.
    progress
        Called between runs; what it raises ends the work, and what is done stays.

    Returns
    -------
    table
        `TABLE` in the folder, as `cases.read_acquisitions` reads it.
    notes
        What was not made, a sentence each.

    Raises
    ------
    InputError
        If the folder holds results of another plan, a scan cannot be read, or the disk is full.
    """
    if unknown := [way for way in plan.harmonise if way not in WAYS]:
        raise InputError(f"Scans are harmonised by {' or '.join(WAYS)}, not by {unknown[0]!r}.")
    with claimed(keep):
        work = _Work(people, plan, keep, progress)
        return work.table(), work.notes


class _Work:
    """One after the other, with one segmenter."""

    def __init__(self, people: Sequence[Person], plan: Plan, keep: Path, progress: Progress) -> None:
        self.people, self.plan, self.keep, self.progress = people, plan, keep, progress
        self.notes: list[str] = []
        self._segmenter = segmenter_of(plan.options)
        self._total = len(people) * len(plan.imitations) * (1 + len(plan.harmonise))
        self._done = 0

    def table(self) -> Path:
        images = {one.folder: read_scans(one.paths, self.plan.options.volume) for one in self.people}
        self._check_same(images)
        rows: list[dict[str, Any]] = []
        for one in self.people:
            rows += [row for i in self.plan.imitations if (row := self._plain(one, images[one.folder], i))]
        for way in self.plan.harmonise:
            rows += self._harmonised(way, images, rows)
        table = self.keep / TABLE
        write_table(table, pd.DataFrame(rows))
        return table

    def _check_same(self, images: Mapping[str, Mapping[str, Volume]]) -> None:
        """Remember the setting, and refuse to go on in a folder of another one."""
        setting = setting_of(self.plan.options, self._segmenter).model_dump() | {
            "imitation_seed": self.plan.seed
        }
        scans = {
            name: {modality: scan_sha256(volume) for modality, volume in own.items()}
            for name, own in images.items()
        }
        path = self.keep / _SETTING
        if path.is_file():
            said = read_json(path, most_bytes=_MOST_BYTES)
            before, known = said.get("setting"), said.get("scans")
            if before != setting:
                raise InputError(
                    f"{self.keep} holds results of another model or setting than asked for now; name a new "
                    "folder."
                )
            known = known if isinstance(known, dict) else {}
            if changed := [name for name in scans if known.get(name, scans[name]) != scans[name]]:
                raise InputError(f"{self.keep} holds '{changed[0]}' of other scans; name a new folder.")
            scans = known | scans
        text = json.dumps({"setting": setting, "scans": scans}, indent=2)
        with replaced_file(path) as file:
            file.write(text.encode())

    def _plain(
        self, one: Person, images: Mapping[str, Volume], imitation: Imitation
    ) -> dict[str, Any] | None:
        if imitation.kind == "thick" and _is_as_thick(images[REFERENCE], imitation.strength):
            step = max(images[REFERENCE].grid.spacing)
            self._done += 1
            self.notes.append(
                f"{one.name}: slices of {step:.3g} mm cannot be made {imitation.strength:g} mm thin."
            )
            return None
        folder = self.keep / one.folder / imitation.folder
        self._run(folder, lambda: self._imitated(one, images, imitation), f"{one.name}, {imitation.name}")
        return self._row(one, imitation, folder, "")

    def _imitated(self, one: Person, images: Mapping[str, Volume], imitation: Imitation) -> dict[str, Volume]:
        """Each scan in another way; one whose slices are as thick already stays as it is."""
        found = {}
        for modality, volume in images.items():
            same = imitation.kind == BASELINE or (
                imitation.kind == "thick" and _is_as_thick(volume, imitation.strength)
            )
            # The brain is that of the baseline, which is segmented first.
            found[modality] = (
                volume
                if same
                else imitate(
                    volume,
                    imitation,
                    person=one.name,
                    seed=self.plan.seed,
                    brain=_brain(self.keep / one.folder / BASELINE / _RESULTS, volume.grid),
                )
            )
        return found

    def _harmonised(
        self, way: str, images: Mapping[str, Mapping[str, Volume]], rows: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """The same acquisitions, on the scale of all baselines or with the first one's histogram."""
        plain = {(row["patient"], row["acquisition"]): self.keep / row["folder"] for row in rows}
        modalities = {m for own in images.values() for m in own}
        scales = {
            m: StandardScale.of(
                (own[m].data, _brain(self.keep / name / BASELINE / _RESULTS, own[m].grid))
                for name, own in images.items()
                if m in own
            )
            for m in modalities
        }
        first = {m: next(own[m] for own in images.values() if m in own) for m in modalities}
        made, learned = [], _learned_from(way, images)
        for one in self.people:
            for imitation in self.plan.imitations:
                results = plain.get((one.name, imitation.name))
                if results is None:
                    self._done += 1
                    continue
                folder = self.keep / one.folder / f"{imitation.folder}+{way}-{learned}"

                def harmonised(one: Person = one, imitation: Imitation = imitation, results: Path = results
                               ) -> dict[str, Volume]:  # fmt: skip
                    found = {}
                    for m, scan in self._imitated(one, images[one.folder], imitation).items():
                        if way == "matching":
                            found[m] = match_histogram(scan, first[m])
                        else:
                            data = scales[m].apply(scan.data, _brain(results, scan.grid))
                            found[m] = replace(scan, data=data, path=None)
                    return found

                self._run(folder, harmonised, f"{one.name}, {imitation.name}, {way}")
                made.append(self._row(one, imitation, folder, way))
        return made

    def _row(self, one: Person, imitation: Imitation, folder: Path, way: str) -> dict[str, Any]:
        return {
            "folder": (folder / _RESULTS).relative_to(self.keep).as_posix(),
            "patient": one.name,
            "acquisition": imitation.name,
            "kind": imitation.kind,
            "strength": imitation.strength,
            "harmonised": way,
            "reference": "" if one.reference is None else str(one.reference.absolute()),
        }

    def _run(self, folder: Path, images: Any, what: str) -> None:
        """Segment one acquisition, where that was not done before."""
        self.progress(what, self._done / self._total)
        self._done += 1
        if (folder / _RESULTS / SUMMARY).is_file():
            return
        scans = {m: self._kept(folder, m, volume) for m, volume in images().items()}
        options = self.plan.options
        share = (self._done - 1) / self._total

        def told(stage: str, fraction: float) -> None:
            self.progress(f"{what}: {stage}", share + fraction / self._total)

        prediction = self._segmenter.predict(
            scans, skull=options.skull, bias_correction=options.bias_correction, progress=told
        )
        lesions = rank_lesions(prediction, options.threshold, options.min_volume)
        write_results(folder / _RESULTS, prediction, lesions)

    def _kept(self, folder: Path, modality: str, volume: Volume) -> Volume:
        """A scan written and read again, so that the results know where it lies; the user's own as it is."""
        if volume.path is not None:
            return volume
        path = folder / f"{modality}.nii.gz"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be made {why_not(error)}.") from error
        write_volume(path, volume.data, volume.grid, dtype=np.float32)
        return read_scans({modality: path}, None)[modality]


def _learned_from(way: str, images: Mapping[str, Mapping[str, Volume]]) -> str:
    """Short hash of the scans that a way learns from: what was harmonised by others is not what is asked."""
    own = [sorted(scan_sha256(volume) for volume in scans.values()) for scans in images.values()]
    every = own[:1] if way == "matching" else sorted(own)
    return hashlib.sha256(json.dumps(every).encode()).hexdigest()[:8]


def _brain(results: Path, grid: Grid) -> np.ndarray:
    """The brain of results on a scan's grid, bool: a T1 may have another one than the FLAIR."""
    return resample_to(read_labels(result_file(results, "brain")), grid, nearest=True) > 0


def _is_as_thick(volume: Volume, thickness: float) -> bool:
    """Whether a scan has slices of this thickness already, mm."""
    return thickness <= 1.01 * max(volume.grid.spacing)
