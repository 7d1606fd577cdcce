"""All measures of the sheet."""

from __future__ import annotations

from napari_uncertainseg.audit.challenge.measures.against_raters import measures_against_raters
from napari_uncertainseg.audit.challenge.measures.benchmark import measures_of_benchmark
from napari_uncertainseg.audit.challenge.measures.measure import Measure
from napari_uncertainseg.audit.challenge.measures.retention import measures_of_retention


def measures(poor: float) -> tuple[Measure, ...]:
    """All measures, in the order of the sheet.

    Parameters
    ----------
    poor
        Dice below which a segmentation is poor, for the mended d-AUC.
    """
    return (*measures_against_raters(), *measures_of_benchmark(), *measures_of_retention(poor))
