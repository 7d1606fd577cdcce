"""Small pictures of locations in a scan, for a report: an axial slice as radiologists see it, and a ring."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.figures import can_draw
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.review.reports.report_data import LocationDecisions, finite, location_of
from napari_uncertainseg.review.session.rereading import Location
from napari_uncertainseg.review.store.session_settings import ReviewSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Voxel

WIDTH_MM = 100.0
"""Of what a picture shows, both ways."""
MOST = 60
"""Pictures of a case; the page would grow too large."""
_INCHES, _DPI = 2.4, 100
_RING = "#ffb000"
"""Seen on grey by the colour-blind too."""


@dataclass
class Pictures:
    """PNG by location, and a sentence for each case that has none, or not all."""

    drawn: dict[Location, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def draw_places(
    store: Store, places: Iterable[LocationDecisions], *, named: bool, progress: Progress
) -> Pictures:
    """Draw locations, case by case; each scan is read once.

    Parameters
    ----------
    store
        Which knows where the scans lie.
    places
        To draw, the most important of a case first.
    named
        False keeps paths out of the notes.
    progress
        Told which case is drawn; may raise `Cancelled`.
    """
    found = Pictures()
    if not can_draw():
        found.notes.append("There are no pictures: matplotlib is not installed (pip install matplotlib).")
        return found
    of_case: dict[int, list[LocationDecisions]] = {}
    for one in places:
        of_case.setdefault(one.task.case, []).append(one)
    scans = _scans_of(store)
    for i, (case, mine) in enumerate(of_case.items()):

        def within(stage: str, fraction: float, i: int = i) -> None:
            progress(stage, (i + fraction) / len(of_case))

        read = partial(_read, Path(store.name).parent, store.folder(case), scans.get(case, set()))
        _draw_case(found, read, mine, named, within)
    return found


def _scans_of(store: Store) -> Mapping[int, set[str]]:
    """Hashes of the FLAIRs on which sessions were begun, by case; older sessions do not say."""
    found: dict[int, set[str]] = {}
    for session in store.readable()[0]:
        settings = session.settings
        if isinstance(settings, ReviewSettings) and settings.flair is not None:
            for task in store.tasks(session.id)[:1]:
                found.setdefault(task.case, set()).add(settings.flair)
    return found


def _draw_case(
    found: Pictures,
    read: Callable[[], Volume],
    places: Sequence[LocationDecisions],
    named: bool,
    progress: Progress,
) -> None:
    case = places[0].case
    progress(f"reading the scan of {case}", 0)
    try:
        volume = read()
    except InputError as error:
        why = str(error) if named else "the scan cannot be read, or is not where it was"
        found.notes.append(f"There are no pictures of {case}: {why}")
        return
    window = grey_window(volume.data)
    outside = 0
    for i, one in enumerate(places[:MOST]):
        progress(f"pictures of {case}", (i + 1) / (len(places) + 1))
        if not _lies_in(one.task.voxel, volume.data.shape):
            outside += 1
            continue
        found.drawn[location_of(one.task)] = draw(
            volume, one.task.voxel, ring_of(one.task.volume_mm3), window
        )
    if outside:
        found.notes.append(
            f"{outside} of the locations of {case} lie outside of the scan: was it replaced by another one?"
        )
    if len(places) > MOST:
        found.notes.append(f"Of {len(places)} locations of {case}, the first {MOST} are drawn.")


def _read(home: Path, folder: str, known: Collection[str]) -> Volume:
    """The FLAIR of a case; InputError if it is not there, or is another one than the sessions were on."""
    if not folder:
        raise InputError("an older version stored several scans under one name: which one it is, is unknown.")
    path = home / folder
    volume = _read_any(path)
    if known and scan_sha256(volume) not in known:
        raise InputError(f"{path} is now another scan. Put back the scan that was read to get pictures.")
    return volume


def _read_any(path: Path) -> Volume:
    try:
        there = path.is_file() or path.is_dir()  # a pipe or a device would be waited for
    except OSError as error:
        raise InputError(f"{path}: the scan cannot be read ({error.strerror or error}).") from error
    if not there:
        raise InputError(f"{path} is not there. Put the scan back to get pictures.")
    return read_volume(path, modality="flair")


def _lies_in(voxel: Voxel, shape: tuple[int, ...]) -> bool:
    return all(isinstance(i, int) and 0 <= i < n for i, n in zip(voxel, shape, strict=True))


def ring_of(volume_mm3: object) -> float:
    """Radius (mm) of a ring that leaves a lesion of a volume free."""
    volume = max(finite(volume_mm3) or 0.0, 0.0)
    return float(min(max(5.0, 3.0 + 1.4 * math.cbrt(3 * volume / (4 * math.pi))), WIDTH_MM / 2.5))


def grey_window(data: np.ndarray) -> tuple[float, float]:
    """Values that are black and white: the 1st and 99.7th percentile of what is not 0.

    Parameters
    ----------
    data
        A scan, 3-D, any real dtype.
    """
    some = data[::2, ::2, ::2]
    some = some[some != 0]
    if not some.size:
        return 0.0, 1.0
    low, high = (float(x) for x in np.percentile(some, (1, 99.7)))
    return min(low, 0.0), high if high > low else low + 1


def draw(volume: Volume, voxel: Voxel, radius_mm: float, window: tuple[float, float]) -> bytes:
    """Draw the axial slice of a voxel: anterior up, the patient's right on the left, as PNG.

    Parameters
    ----------
    volume
        Canonical (s, a, r).
    voxel
        (s, a, r), in it; in the middle of the picture.
    radius_mm
        Of the ring around it.
    window
        Values that are black and white.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Ellipse

    s, a, r = voxel
    _, tall, wide = volume.grid.spacing
    half_a, half_r = WIDTH_MM / 2 / tall, WIDTH_MM / 2 / wide
    figure = Figure(figsize=(_INCHES, _INCHES), dpi=_DPI, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1), facecolor="black")
    low, high = window
    # Row and column of the array are a and r: the first grows upwards, the second to the left.
    axes.imshow(
        volume.data[s], cmap="gray", vmin=low, vmax=high, origin="lower", aspect=tall / wide,
        interpolation="bilinear",
    )  # fmt: skip
    axes.set(xlim=(r + half_r, r - half_r), ylim=(a - half_a, a + half_a))
    axes.axis("off")
    size = 2 * radius_mm / wide, 2 * radius_mm / tall
    axes.add_patch(Ellipse((r, a), *size, fill=False, edgecolor=_RING, linewidth=1.2))
    legible = {"facecolor": "black", "edgecolor": "none", "alpha": 0.6, "pad": 1.5}
    for x, letter in ((0.04, "R"), (0.96, "L")):
        axes.text(
            x, 0.5, letter, transform=axes.transAxes, color="white", ha="center", va="center", fontsize=8,
            bbox=legible,
        )  # fmt: skip
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, facecolor="black", metadata={"Software": None})
    return file.getvalue()
