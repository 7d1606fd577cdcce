"""napari's sample data: the simulated case, and a real patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_uncertainseg.widgets.scans.layer_reader import LayerData, show_notice
from napari_uncertainseg.widgets.scans.volumes import layer_data

if TYPE_CHECKING:
    from napari_uncertainseg.samples import SampleCase


def sample_layers() -> list[LayerData]:
    """Layers of the simulated case; made the first time, then from the cache."""
    from napari_uncertainseg.samples import simulated_case

    return _case_layers(simulated_case())


def patient07_layers() -> list[LayerData]:
    """Layers of the real patient 07; downloaded the first time. Licence and citation are shown."""
    from napari_uncertainseg.samples import patient07

    return _case_layers(patient07())


def _case_layers(case: SampleCase) -> list[LayerData]:
    show_notice(case.about)
    scans = [layer_data(scan, colormap="gray") for scan in case.scans]
    labels = [layer_data(mask, "labels", visible=False, opacity=0.5) for mask in case.masks]
    for i, (_, arguments, _) in enumerate(scans):
        arguments["visible"] = i == len(scans) - 1
    for _, arguments, _ in (*scans, *labels):
        arguments["metadata"]["uncertainseg"] |= {"about": case.about, "simulated": case.simulated}
    return [*scans, *labels]
