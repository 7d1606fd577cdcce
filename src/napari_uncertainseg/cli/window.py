"""``uncertainseg view`` and ``uncertainseg demo``: the real window."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    from napari_uncertainseg.cli.driver import ReviewWindow

SIZES = ((1600, 1000), (1280, 720))
THEMES = ("dark", "light")
_VIRTUAL = "UNCERTAINSEG_VIRTUAL_SCREEN"
_INSTALL_XVFB = "sudo apt-get install xvfb xauth"


def view(options: Namespace) -> None:
    """Open napari with the scans and the Review docks, until the user closes it."""
    folders = _check_scans(options.scans)
    _need_qt()
    from napari_uncertainseg.explain.attention.files import is_attention_map
    from napari_uncertainseg.widgets.readers import get_reader

    layers: list[Any] = []
    above = [path for path in options.scans if is_attention_map(path)]
    for path in [path for path in options.scans if path not in (*folders, *above)]:
        read = get_reader(str(path))
        if read is None:
            raise InputError(f"{path}: {_why_not(path)}")
        layers += read(str(path))
    _need_screen("uncertainseg segment works without one")
    import napari

    from napari_uncertainseg.cli.driver import ReviewWindow

    window = ReviewWindow()
    window.review.open(last=True)
    window.add(layers)
    for folder in folders:
        window.review.open_results(folder)
    for path in above:
        window.review.show_attention(path)
    napari.run()


def _check_scans(paths: Sequence[Path]) -> list[Path]:
    """See by their headers that scans can be shown, before Qt is imported; the folders of results."""
    from napari_uncertainseg.disk.result_folder import check_results, is_results
    from napari_uncertainseg.images.files import grid_by_header
    from napari_uncertainseg.images.formats import formats
    from napari_uncertainseg.images.formats.raw_image import SeveralVolumes

    folders = [path for path in paths if is_results(path)]
    if len(folders) > 1:
        raise InputError("One folder of results is opened at a time: a window shows one case.")
    for path in paths:
        if path in folders:
            check_results(path)
        elif formats.format_of(path) is None:
            raise InputError(f"{path}: {_why_not(path)}")
        else:
            with suppress(SeveralVolumes):
                grid_by_header(path, whole=True)
    return folders


def demo(options: Namespace) -> None:
    """Segment the simulated case in the window; headless: leave pictures and results."""
    if options.headless:
        from napari_uncertainseg.disk.target_folder import check_folder

        check_folder(options.out, overwrite=True)
    _need_qt()
    if options.headless:
        _on_virtual_screen(options)
        _demo_headless(options.out)
    else:
        _need_screen("use --headless")
        _demo_in_window()


def _demo_in_window() -> None:
    import napari

    from napari_uncertainseg.cli.driver import ReviewWindow

    print("Making the simulated case; about 20 s the first time.", flush=True)
    window = ReviewWindow()
    window.add_sample()
    window.run()
    window.show_results()
    napari.run()


def _demo_headless(folder: Path) -> None:
    import tempfile

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as settings:
        # The user's own settings would change the pictures, and the pictures would change them.
        os.environ["NAPARI_CONFIG"] = str(Path(settings) / "settings.yaml")
        from napari_uncertainseg.cli.driver import ReviewWindow

        print("Making the simulated case; about 20 s the first time.", flush=True)
        window = ReviewWindow(SIZES[0])
        window.add_sample()
        print("Segmenting it in the window.", flush=True)
        window.run()
        window.show_results()
        _pictures(window, folder)
        _results(window, folder)
        window.close()


def _pictures(window: ReviewWindow, folder: Path) -> None:
    for theme in THEMES:
        for width, height in SIZES:
            path = window.picture(folder / f"window-{width}x{height}-{theme}.png", (width, height), theme)
            print(f"{path}: the window, {width}x{height}, {theme}")
    width, height = SIZES[0]
    window.show_lesion()
    path = window.picture(folder / f"lesion-{width}x{height}-dark.png", (width, height))
    print(f"{path}: the most doubtful lesion, {width}x{height}, dark")


def _results(window: ReviewWindow, folder: Path) -> None:
    """Every output of `segment`, and `evaluate`'s, with the simulated masks beside them."""
    from napari_uncertainseg.cli.evaluate import table
    from napari_uncertainseg.cli.segment import describe
    from napari_uncertainseg.evaluate.case_folder import evaluate_folder, write_json
    from napari_uncertainseg.export import write_results
    from napari_uncertainseg.images.files import write_volume

    prediction, lesions = window.prediction, window.lesions
    write_results(folder, prediction, lesions, overwrite=True)
    masks = [
        write_volume(folder / f"{'_'.join(mask.name.split())}.nii.gz", mask.data, mask.grid)
        for mask in window.sample_masks()
    ]
    evaluation = evaluate_folder(folder, masks[0], masks[1:])
    write_json(evaluation.as_json(), folder / "evaluation.json")
    print(describe(lesions, prediction))
    print("\nAgainst the simulated lesions and the simulated raters:")
    print(table(evaluation))
    print(f"{folder}: pictures and results written")


def _need_qt() -> None:
    import qtpy

    try:
        from qtpy import QtWidgets  # noqa: F401
    except (qtpy.QtBindingsNotFoundError, ImportError) as error:
        raise InputError(
            f"Qt cannot be loaded ({error}); install it with: pip install 'napari-uncertainseg[qt]', "
            "and its system libraries with scripts/system-libraries.sh of the source."
        ) from error


def _has_screen() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _need_screen(otherwise: str) -> None:
    if not _has_screen():
        raise InputError(f"There is no screen to open a window on; {otherwise}.")


def _on_virtual_screen(options: Namespace) -> None:
    """Start anew under xvfb-run: no window pops up, and none needs a screen."""
    if sys.platform != "linux" or os.environ.get(_VIRTUAL):
        return
    xvfb_run = shutil.which("xvfb-run")
    if xvfb_run is not None:
        _start_under(xvfb_run, options)
    if not _has_screen():
        raise InputError(f"There is no screen, and no program that makes a virtual one; run: {_INSTALL_XVFB}")


def _start_under(xvfb_run: str, options: Namespace) -> NoReturn:
    command = [xvfb_run, "--auto-servernum", "--server-args=-screen 0 1920x1200x24"]
    command += [sys.executable, "-m", "napari_uncertainseg.cli"]
    command += ["demo", "--headless", "--out", str(options.out), *(["--debug"] if options.debug else [])]
    sys.stdout.flush()
    os.execve(xvfb_run, command, {**os.environ, _VIRTUAL: "1"})


def _why_not(path: Path) -> str:
    from napari_uncertainseg.images.formats.formats import check_kind, formats_in_words

    check_kind(path)
    return f"this is no scan that can be read; {formats_in_words()} is needed."
