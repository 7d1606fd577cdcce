"""Make the pictures of the documentation from the running program.

usage: scripts/with-screen.sh .venv/bin/python scripts/pictures.py [FOLDER]

Shows patient 07 of 3D-MR-MS (CC BY, Lesjak et al. 2017, doi 10.1007/s12021-017-9348-7) from the folder in
UNCERTAINSEG_DATA, or else from ../shared/data beside the checkout, or downloaded; and the simulated case.
Writes into docs/images.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCAL_DATA = ROOT.parent / "shared" / "data"
LARGE, SMALL = (1600, 1000), (1280, 720)


def main(folder: Path) -> None:
    """Drive the window through the tour, and take a picture at each step."""
    from napari_uncertainseg.cli.driver import ReviewWindow
    from napari_uncertainseg.widgets.readers import patient07_layers

    folder.mkdir(parents=True, exist_ok=True)
    window = ReviewWindow(LARGE)
    window.add(patient07_layers())
    window.dock_picture(folder / "segment.png", "segment")
    window.run()
    window.show_results()
    window.picture(folder / "window.png", LARGE)
    window.picture(folder / "window-small-light.png", SMALL, "light")
    around_lesions(window)
    window.review.show_dock("calibration")
    window.picture(folder / "window-calibration.png", LARGE)
    window.dock_picture(folder / "calibration.png", "calibration")
    window.review.show_dock("lesions")
    window.show_lesion()
    window.picture(folder / "lesion.png", LARGE)
    window.dock_picture(folder / "lesions.png", "lesions")
    window.close()
    simulated(folder)


def simulated(folder: Path) -> None:
    """The window of `uncertainseg demo`."""
    from napari_uncertainseg.cli.driver import ReviewWindow

    window = ReviewWindow(LARGE)
    window.add_sample()
    window.run()
    window.show_results()
    window.picture(folder / "demo.png", LARGE)
    window.compare_raters([mask.name for mask in window.sample_masks()[1:]])
    window.picture(folder / "raters.png", LARGE)
    window.close()


def around_lesions(window: object) -> None:
    """Judge calibration where it matters."""
    region = window.review.calibration.region  # type: ignore[attr-defined]
    region.setCurrentIndex(region.findData("lesions"))


def with_own_settings(work: Callable[[Path], None], folder: Path) -> None:
    """Neither read nor change the settings of whoever makes the pictures."""
    with tempfile.TemporaryDirectory() as settings:
        os.environ["NAPARI_CONFIG"] = str(Path(settings) / "settings.yaml")
        work(folder)


if __name__ == "__main__":
    if LOCAL_DATA.is_dir():
        os.environ.setdefault("UNCERTAINSEG_DATA", str(LOCAL_DATA))
    with_own_settings(main, Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
