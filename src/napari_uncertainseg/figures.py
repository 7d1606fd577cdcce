"""Figures for papers and reports, drawn with matplotlib and without pyplot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import replaced_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_uncertainseg.calibration.reliability import Reliability

FORMATS = (".svg", ".pdf", ".png")


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def reliability_figure(reliability: Reliability, *, title: str = "") -> Figure:
    """Reliability diagram with 95 % Wilson bands, and the number of voxels of each bin below.

    Parameters
    ----------
    reliability
        What to draw.
    title
        A line above the diagram, such as the case's name.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    if not can_draw():
        raise InputError("Figures need matplotlib, which is not installed: pip install matplotlib.")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.5, 4.4), layout="constrained")
    diagram, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    some = reliability.count > 0
    x, y = reliability.mean_probability[some], reliability.fraction[some]
    band = np.stack([y - reliability.low[some], reliability.high[some] - y]).clip(min=0)
    diagram.plot([0, 1], [0, 1], "--", color="0.6", linewidth=1)
    diagram.errorbar(x, y, yerr=band, fmt="o-", color="#1f4fa8", markersize=4, linewidth=1, capsize=2)
    diagram.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="fraction that is lesion", title=title)
    numbers = f"ECE {reliability.ece:.4f}\nACE {reliability.ace:.3f}\nMCE {reliability.mce:.3f}"
    diagram.text(0.04, 0.96, numbers, transform=diagram.transAxes, verticalalignment="top")
    counts.bar(
        reliability.edges[:-1],
        reliability.count,
        np.diff(reliability.edges) * 0.9,
        align="edge",
        color="#1f4fa8",
    )
    top = max(10, 2 * int(reliability.count.max(initial=1)))
    counts.set_yscale("log")
    counts.set(xlabel="mean probability", ylabel="voxels", ylim=(0.5, top))
    counts.set_yticks([power for power in (1, 100, 10_000, 1_000_000) if power <= top])
    counts.minorticks_off()
    return figure


def save_figure(path: Path | str, reliability: Reliability, *, title: str = "") -> Path:
    """Write a reliability diagram as SVG, PDF or PNG (300 dpi), whole or not at all.

    Parameters
    ----------
    path
        Where to; its ending chooses the format. A file there is replaced.
    reliability, title
        See :func:`reliability_figure`.

    Raises
    ------
    InputError
        If the ending is another one, or matplotlib is not installed, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"{path.name}: a figure is written as .svg, .pdf or .png; choose one of these endings."
        )
    figure = reliability_figure(reliability, title=title)
    with replaced_file(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=300)
    return path
