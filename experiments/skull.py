"""How often a brain and a head are told apart: ``python experiments/skull.py``, a table of docs/results.md.

Heads are the raw scans at hand, as they are and with their air set to exactly 0. Brains are the scans that
came stripped, and the raw ones inside the brain masks of their sets. Each is also cropped, given another
voxel size, or made coarse.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.preparation.skull import surroundings
from napari_uncertainseg.images.volume import Grid, Volume

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
SETS = {  # glob of the scans, and whether they show the skull
    "3d-mr-ms/patient*/[FT]*.nii.gz": False,
    "mslesseg/*/[ft]*.nii.gz": False,
    "stroke-flair/*.nii.gz": False,
    "3d-mr-ms-longitudinal/*/study*.nii.gz": True,
    "ms3seg/*/[ft]*.nii.gz": True,
    "sim-vent/*/[ft]*.nii.gz": True,
}


def scans(data: Path = DATA) -> Iterator[tuple[str, Volume]]:
    """What each scan is ("head" or "brain"), and the scan."""
    for pattern, skull in SETS.items():
        for path in sorted(data.glob(pattern)):
            scan = read_volume(path)
            yield ("head" if skull else "brain"), scan
            mask = path.parent / "brainmask.nii.gz"
            if skull and mask.exists():
                inside = read_labels(mask, scan.grid).data > 0
                yield "brain", replace(scan, data=np.where(inside, scan.data, 0).astype(np.float32))


def variants(kind: str, scan: Volume) -> Iterator[tuple[str, Volume]]:
    """The scan, and what else may be made of it."""
    yield "as it is", scan
    if kind == "head":
        scan = cut_out(scan)
        yield "air set to 0", scan
        dark = scan.data <= 0.06 * np.quantile(scan.data, 0.995)
        yield "all that is dark set to 0", replace(scan, data=np.where(dark, 0, scan.data).astype(np.float32))
    yield "air of 1", replace(scan, data=scan.data + 1)
    for axis, name in enumerate(("axial", "coronal", "sagittal")):
        seen = np.flatnonzero((scan.data > 0).any(axis=tuple(a for a in range(3) if a != axis)))
        first, last = int(seen[0]), int(seen[-1]) + 1
        thick = max(4, round(50 / scan.grid.spacing[axis]))
        middle = (first + last) // 2
        yield f"middle 50 mm, {name}", crop(scan, axis, middle - thick // 2, middle + thick // 2)
        yield f"lowest 50 mm, {name}", crop(scan, axis, max(0, first - 2), first - 2 + thick)
        yield f"highest 50 mm, {name}", crop(scan, axis, max(0, last + 2 - thick), last + 2)
        yield f"lower half, {name}", crop(scan, axis, 0, middle)
        yield (
            f"middle 20 mm, {name}",
            crop(scan, axis, middle - max(2, thick // 5), middle + max(2, thick // 5)),
        )
    for factor in (1.1, 0.9):
        grid = Grid(scan.grid.shape, scan.grid.affine @ np.diag([*3 * [factor], 1]))
        yield f"voxels {factor:g} times as large", replace(scan, grid=grid)
    yield "voxels of 4 mm", coarse(scan, 4.0)


def cut_out(scan: Volume) -> Volume:
    """Set what lies around the head to exactly 0."""
    labels, _ = ndimage.label(scan.data > 0.06 * np.quantile(scan.data, 0.995))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    head = np.stack([ndimage.binary_fill_holes(section) for section in labels == sizes.argmax()])
    return replace(scan, data=np.where(head, scan.data, 0).astype(np.float32))


def crop(scan: Volume, axis: int, start: int, stop: int) -> Volume:
    """Slices of an axis."""
    data = scan.data[tuple(slice(start, stop) if k == axis else slice(None) for k in range(3))]
    return replace(scan, data=data, grid=Grid(data.shape, scan.grid.affine))


def coarse(scan: Volume, spacing: float) -> Volume:
    """Voxels of at least this size, mm."""
    data = ndimage.zoom(scan.data, [min(1, size / spacing) for size in scan.grid.spacing], order=1)
    steps = [old / new for old, new in zip(scan.data.shape, data.shape, strict=True)]
    return replace(scan, data=data, grid=Grid(data.shape, scan.grid.affine @ np.diag([*steps, 1])))


def main() -> None:
    """Print the table."""
    answers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    dark: dict[tuple[str, str], list[float]] = defaultdict(list)
    for kind, scan in scans():
        for name, variant in variants(kind, scan):
            look = surroundings(variant)
            truth = "present" if kind == "head" else "removed"
            answers[name, kind][
                "doubtful" if look.skull is None else "right" if look.skull == truth else "wrong"
            ] += 1
            dark[name, kind].append(look.dark)
    print("| scan | shows | right | doubtful | wrong | dark lines |\n| --- | --- | --- | --- | --- | --- |")
    for (name, kind), counts in answers.items():
        low, high = np.nanmin(dark[name, kind]), np.nanmax(dark[name, kind])
        numbers = " | ".join(str(counts[answer]) for answer in ("right", "doubtful", "wrong"))
        print(f"| {name} | {kind} | {numbers} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
