"""Figures for papers and reports, drawn with matplotlib and without pyplot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.replaced_file import replaced_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_uncertainseg.calibration.reliability import Reliability
    from napari_uncertainseg.uncertainty.retention import RetentionCurve

FORMATS = (".svg", ".pdf", ".png")
_BLUE, _ORANGE = "#1f4fa8", "#d55e00"


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
    _need_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.5, 4.4), layout="constrained")
    diagram, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    _draw_diagram(diagram, reliability, title)
    counts.bar(
        reliability.edges[:-1],
        reliability.count,
        np.diff(reliability.edges) * 0.9,
        align="edge",
        color=_BLUE,
    )
    top = max(10, 2 * int(reliability.count.max(initial=1)))
    counts.set_yscale("log")
    counts.set(xlabel="mean probability", ylabel="voxels", ylim=(0.5, top))
    counts.set_yticks([power for power in (1, 100, 10_000, 1_000_000) if power <= top])
    counts.minorticks_off()
    return figure


def _need_matplotlib() -> None:
    if not can_draw():
        raise InputError("Figures need matplotlib, which is not installed: pip install matplotlib.")


def _draw_diagram(diagram: Axes, reliability: Reliability, title: str) -> None:
    some = reliability.count > 0
    x, y = reliability.mean_probability[some], reliability.fraction[some]
    band = np.stack([y - reliability.low[some], reliability.high[some] - y]).clip(min=0)
    diagram.plot([0, 1], [0, 1], "--", color="0.6", linewidth=1)
    diagram.errorbar(x, y, yerr=band, fmt="o-", color=_BLUE, markersize=4, linewidth=1, capsize=2)
    diagram.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="fraction that is lesion", title=title)
    numbers = f"ECE {reliability.ece:.4f}\nACE {reliability.ace:.3f}\nMCE {reliability.mce:.3f}"
    diagram.text(0.04, 0.96, numbers, transform=diagram.transAxes, verticalalignment="top")


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


@dataclass(frozen=True, eq=False)
class Page:
    """What a sheet shows of one case.

    Attributes
    ----------
    title
        Of the case.
    reliability
        Over the brain.
    retention
        Of nDSC; None where there is none.
    doubt, is_true
        Of each lesion: its doubt, and whether the reference has a voxel there.
    numbers
        Lines of text.
    """

    title: str
    reliability: Reliability
    retention: RetentionCurve | None
    doubt: np.ndarray
    is_true: np.ndarray
    numbers: tuple[str, ...]


def save_sheet(path: Path | str, pages: Sequence[Page]) -> Path:
    """Write a page per case as PDF, or one case as SVG or PNG, whole or not at all.

    Raises
    ------
    InputError
        If the ending is another one, or not PDF with several cases, or matplotlib is not installed.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in FORMATS or (len(pages) > 1 and kind != ".pdf"):
        wanted = ".pdf" if len(pages) > 1 else ".pdf, .svg or .png"
        raise InputError(f"{path.name}: a sheet of {len(pages)} case(s) is written as {wanted}.")
    _need_matplotlib()
    from matplotlib.backends.backend_pdf import PdfPages

    with replaced_file(path) as file:
        if kind != ".pdf":
            _page_figure(pages[0]).savefig(file, format=kind[1:], dpi=200)
            return path
        with PdfPages(file) as pdf:
            for page in pages:
                pdf.savefig(_page_figure(page))
    return path


def _page_figure(page: Page) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.3, 5.8), layout="constrained")
    figure.suptitle(page.title)
    (diagram, curve), (lesions, text) = figure.subplots(2, 2)
    _draw_diagram(diagram, page.reliability, "reliability, brain")
    diagram.set_xlabel("mean probability")
    if page.retention is not None:
        curve.plot(page.retention.fractions, page.retention.values, color=_BLUE)
        curve.text(0.04, 0.06, f"area above {page.retention.above:.4f}", transform=curve.transAxes)
    curve.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="share of voxels kept, the surest first", ylabel="nDSC")
    curve.set_title("retention by entropy")
    for row, (name, which, colour) in enumerate(
        (("false", ~page.is_true, _ORANGE), ("true", page.is_true, _BLUE))
    ):
        spread = row + 0.25 * np.cos(2.4 * np.arange(np.count_nonzero(which)))
        lesions.plot(page.doubt[which], spread, "o", color=colour, markersize=4, alpha=0.6)
        lesions.text(1.02, row, f"{name}: {np.count_nonzero(which)}", color=colour, va="center")
    lesions.set(xlim=(0, 1), ylim=(-0.6, 1.6), yticks=[], xlabel="doubt of the lesion")
    lesions.set_title("lesions")
    text.axis("off")
    text.text(0, 1, "\n".join(page.numbers), va="top", family="monospace", fontsize=7)
    return figure
