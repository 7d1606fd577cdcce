"""A part of a longer work, told as such."""

from __future__ import annotations

from napari_uncertainseg._base import Progress


def part_of(progress: Progress, start: float, stop: float, what: str = "") -> Progress:
    """Progress of a part, which begins and ends at shares of the whole.

    Parameters
    ----------
    progress
        Of the whole.
    start, stop
        0 to 1.
    what
        Told before each stage.
    """

    def report(stage: str, fraction: float) -> None:
        progress(f"{what}: {stage}" if what else stage, start + (stop - start) * fraction)

    return report
