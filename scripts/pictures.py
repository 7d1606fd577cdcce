"""Make the pictures of the documentation from the running program.

usage: scripts/with-screen.sh .venv/bin/python scripts/pictures.py
           [--models|--explain|--surfaces|--cohort] [FOLDER]

Shows patient 07 of 3D-MR-MS (CC BY, Lesjak et al. 2017, doi 10.1007/s12021-017-9348-7) from the folder in
UNCERTAINSEG_DATA, or else from ../shared/data beside the checkout, or downloaded; and the simulated case.
Where ../shared/data is, also patient 19 with simulated raters, and a cell image of BU-BIL with its ten real
masks ("This product includes software developed by the Boston University"; Gurari et al., WACV 2015). Where
UNCERTAINSEG_TRAINED names the folder that `python -m tests.trained_models` made, also its models of MONAI
and nnU-Net on P14 of MSLesSeg (CC BY 4.0, Guarnera et al. 2025); with `--models` only these. With `--explain`
only those of the Explain dock, on patient 19 and on a patient of MS3SEG (CC BY 4.0, Bashiri Bawil et al.);
with `--surfaces` only that of the lesions in 3-D, on the same one of MS3SEG.
UNCERTAINSEG_PASSES says how many passes (50), and UNCERTAINSEG_RESULTS where results of a cohort lie, by
visit, which are opened then. With `--cohort` only the tab *Patients* of the Cohort dock, where
UNCERTAINSEG_COHORT names a table of results. Writes into docs/images.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
LOCAL_DATA = Path(os.environ.get("UNCERTAINSEG_DATA") or ROOT.parent / "shared" / "data")
LARGE, SMALL = (1600, 1000), (1280, 720)


def main(folder: Path) -> None:
    """Drive the window through the tour, and take a picture at each step."""
    from napari_uncertainseg.cli.driver import ReviewWindow
    from napari_uncertainseg.widgets.scans.sample_layers import patient07_layers

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
    with_a_session(window, folder)
    in_an_exercise(window, folder)
    everybody(window, folder)
    window.close()
    simulated(folder)
    if LOCAL_DATA.is_dir():
        simulated_raters(folder)
        cells(folder)
        places(folder)
        models_made_elsewhere(folder)
        explanations(folder)
        surfaces(folder)
        cohort_audit(folder)


@mock.patch("napari_uncertainseg.widgets.session.dock.ask_yes_no_cancel", return_value=True)
def with_a_session(window: Any, folder: Path, asked: mock.Mock) -> None:
    """A review that is recorded, read again by a second reader, and played back."""
    review = window.review
    review.open_dock("session")
    dock, buttons = review.session, review.lesions.buttons
    window.wait_for(lambda: not review.layers.settling, "the lesions")
    dock.annotator.setText("reader 1")
    dock.start_button.click()
    review.lesions.next_lesion()
    for button in ("accept", "reject", "accept", "unsure", *["accept"] * 8):
        buttons[button].click()
    for tick in ("hard_size", "hard_place", "sureness_2"):
        review.lesions.feedback.row.buttons[tick].click()
    window.dock_picture(folder / "feedback.png", "lesions")
    review.lesions.measures.button.click()
    window.dock_picture(folder / "details.png", "lesions")
    window.dock_picture(folder / "session.png", "session")
    dock.close_session()
    dock.annotator.setText("reader 2")
    dock.table.selectRow(0)
    dock.again_button.click()
    review.lesions.next_lesion()
    for button in ("accept", "accept", "reject", *["accept"] * 9):
        buttons[button].click()
    dock.close_session()
    dock.table.selectRow(1)
    window.dock_picture(folder / "session-agreement.png", "session")
    dock.replay_button.click()
    dock.replay.slider.setValue(5)
    dock.replay.consensus.setCurrentIndex(1)
    review.show_dock("session")
    window.picture(folder / "session-replay.png", LARGE)
    dock.replay.end()


def in_an_exercise(window: Any, folder: Path) -> None:
    """A question with the model's opinion, the score of somebody who guesses, and an outline."""
    from random import Random

    review, chance = window.review, Random(1)
    review.open_dock("exercises")
    dock = review.exercises
    dock.annotator.setText("trainee 1")
    dock.consensus.setCurrentIndex(1)
    dock.plan.setCurrentIndex(dock.plan.findData("balanced"))
    dock.begin_button.click()
    while not dock.opinion.text():
        dock.answer(True)
    window.picture(folder / "exercises.png", LARGE)
    while dock.busy:
        dock.confidence.setValue(chance.randint(50, 100))
        chance.choice((dock.yes, dock.no)).click()
    window.dock_picture(folder / "exercises-score.png", "exercises")
    outline(window, folder)


def outline(window: Any, folder: Path) -> None:
    """An outline of one slice: the consensus, moved by a voxel, and something invented."""
    import numpy as np

    review, layers = window.review, window.viewer.layers
    dock = review.exercises
    dock.exercise.setCurrentIndex(dock.exercise.findData("outline"))
    truth = np.asarray(layers[dock.consensus.currentData()].data) > 0  # put aside during the exercise
    dock.begin_button.click()
    most = int(truth.sum((1, 2)).argmax())
    drawn = np.zeros(truth.shape, np.uint8)
    drawn[most] = np.roll(truth[most], 1, axis=0)
    _, a, r = (int(i.mean()) for i in np.nonzero(truth))
    drawn[most, a + 20 : a + 23, r + 10 : r + 14] = 2
    layers["your outline"].data = drawn
    review.layers.show_slice((most, a, r))
    dock.stop_button.click()
    dock.outline.alone.selectRow(0)
    window.picture(folder / "exercises-outline.png", LARGE)
    for name in ("your outline", "you and the consensus"):
        layers.remove(name)


def everybody(window: Any, folder: Path) -> None:
    """What all annotators of the file of sessions did."""
    window.review.open_dock("dashboard")
    window.dock_picture(folder / "dashboard.png", "dashboard")


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


def simulated_raters(folder: Path) -> None:
    """Three simulated raters of patient 19, and the model against them."""
    from dataclasses import replace

    from napari_uncertainseg.cli.driver import ReviewWindow
    from napari_uncertainseg.images.files import read_labels, read_volume
    from napari_uncertainseg.raters.simulate import simulate_raters
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    patient = LOCAL_DATA / "3d-mr-ms" / "patient19"
    consensus = read_labels(patient / "lesions.nii.gz")
    window = ReviewWindow(LARGE)
    window.add([layer_data(read_volume(patient / "FLAIR.nii.gz", modality="flair"))])
    names = [f"simulated rater {i}" for i in (1, 2, 3)]
    drawn = simulate_raters(consensus.data > 0, consensus.grid.spacing, 3, seed=4)
    for name, mask in zip(names, drawn, strict=True):
        rater = replace(consensus, data=mask.astype("uint8"), name=name)
        window.add([layer_data(rater, "labels", visible=False)])
    window.run()
    window.show_results()
    window.compare_raters(names)
    window.review.raters.tabs.setCurrentIndex(2)
    window.review.raters.layer_boxes["who is uncertain"].click()
    window.picture(folder / "raters-patient19.png", LARGE)
    window.close()


def cells(folder: Path) -> None:
    """Ten real masks of one microscope image (BU-BIL)."""
    import numpy as np

    from napari_uncertainseg.cli.driver import ReviewWindow

    path = min((LOCAL_DATA / "bu-bil-phase-contrast").glob("*.npz"))
    window = ReviewWindow(LARGE)
    with np.load(path) as file:
        window.viewer.add_image(file["image"], name="phase contrast")
        names = [f"{rater} {i}" for i, rater in enumerate(file["raters"], start=1)]
        for name, mask in zip(names, file["masks"], strict=True):
            window.viewer.add_labels(mask.astype("uint8"), name=name, visible=False)
    window.compare_raters(names)
    window.picture(folder / "raters-cells.png", LARGE)
    window.close()


def models_made_elsewhere(folder: Path) -> None:
    """A bundle and a folder of nnU-Net, each added by its menu and run, where they were trained before."""
    trained = os.environ.get("UNCERTAINSEG_TRAINED")
    if trained:
        made_elsewhere(Path(trained) / "ms_flair_segresnet", "flips", folder / "model-bundle.png")
        nnunet = Path(trained) / "nnUNetTrainer__nnUNetPlans__3d_fullres"
        made_elsewhere(nnunet, "ensemble", folder / "model-nnunet.png")


def made_elsewhere(model: Path, method: str, picture: Path) -> None:
    """A visit of P14 that the models have not seen; of the same patient they know another one."""
    from napari_uncertainseg.cli.driver import ReviewWindow
    from napari_uncertainseg.images.files import read_labels, read_volume
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    visit = LOCAL_DATA / "mslesseg" / "P14_visit2"
    flair = read_volume(visit / "flair.nii.gz", modality="flair")
    expert = read_labels(visit / "lesions.nii.gz", flair.grid)
    with mock.patch("napari_uncertainseg.widgets.segment.model_menu.ask_dataset", return_value=model):
        window = ReviewWindow(LARGE)
    window.add([layer_data(flair), layer_data(expert, "labels", visible=False)])
    settings = window.review.segment.settings
    window.wait_for(lambda: settings.has_models, "the list of models")
    before = settings.model.currentData()
    settings.menu.folder.trigger()
    window.wait_for(lambda: settings.model.currentData() != before, "the model")
    settings.method.setCurrentIndex(settings.method.findData(method))
    window.run()
    window.show_results()
    window.picture(picture, LARGE)
    window.close()


def explanations(folder: Path) -> None:
    """A lesion of patient 19, in both themes, and one of MS3SEG on thick slices, with the skull."""
    explained("3d-mr-ms/patient19", "3D-MR-MS_patient19", folder / "explain-dock-19.png")
    explained("ms3seg/104899", "MS3SEG_104899", folder / "explain-dock-ms3seg.png")


def explained(patient: str, visit: str, picture: Path) -> None:
    """Explain the most doubtful of a patient's lesions of 30 to 300 mm3."""
    from napari_uncertainseg.cli.driver import ReviewWindow

    window = ReviewWindow(LARGE)
    open_visit(window, LOCAL_DATA / patient, visit)
    window.show_lesion()
    review, table = window.review, window.lesions.table
    row = table.index[table["volume_mm3"].between(30, 300)][0]
    review.lesions.table.chosen.emit(int(table.loc[row, "label"]))
    review.open_dock("explain")
    dock = review.explain
    dock.options.passes.setValue(int(os.environ.get("UNCERTAINSEG_PASSES", "50")))
    dock.button.click()
    window.wait_for(lambda: dock.answer is not None and dock.answer.complete, "the explanation", 1800)
    window.picture(picture, LARGE)
    window.picture(picture.with_stem(f"{picture.stem}-small-light"), SMALL, "light")
    window.viewer.theme = "dark"
    window.close()


def surfaces(folder: Path) -> None:
    """Lesions of a patient of MS3SEG in 3-D, turned, and one of them selected."""
    from napari_uncertainseg.cli.driver import ReviewWindow

    window = ReviewWindow(LARGE)
    open_visit(window, LOCAL_DATA / "ms3seg/104899", "MS3SEG_104899")
    drawn = window.review.layers.surfaces
    drawn.toggle()
    window.wait_for(lambda: any(layer.name == "lesions in 3-D" for layer in window.viewer.layers), "surfaces")
    window.show_lesion()
    row = window.lesions.table.index[window.lesions.table["volume_mm3"] > 90][0]
    window.review.lesions.table.chosen.emit(int(window.lesions.table.loc[row, "label"]))
    window.viewer.scene.camera.angles = (-50.0, 35.0, -20.0)
    window.picture(folder / "surfaces.png", LARGE)
    window.close()


def open_visit(window: Any, patient: Path, visit: str) -> None:
    """Open the results of a visit where UNCERTAINSEG_RESULTS has them; else segment it."""
    from napari_uncertainseg.images.files import read_volume
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    results = os.environ.get("UNCERTAINSEG_RESULTS")
    if results:
        window.review.open_results(Path(results) / visit)
        return
    for name in ("t2", "t1", "flair"):
        path = next(path for path in patient.iterdir() if path.name.lower() == f"{name}.nii.gz")
        window.add([layer_data(read_volume(path, modality=name), visible=name == "flair")])
    window.run()
    window.show_results()


def cohort_audit(folder: Path) -> None:
    """The tab Patients of a cohort with a case of it open, where UNCERTAINSEG_COHORT names its table."""
    from napari_uncertainseg.cli.driver import ReviewWindow

    table = os.environ.get("UNCERTAINSEG_COHORT")
    if not table:
        return
    window = ReviewWindow(LARGE)
    review = window.review
    review.open_dock("cohort")
    dock = review.cohort
    source = dock.sources["cohort"]
    source.choose(Path(table))
    window.wait_for(lambda: source.glance is not None, "the table")
    tab = dock.show_audit("patients")
    tab.run.click()
    window.wait_for(lambda: tab.shown is not None, "the patients")
    tab.found.table.selectRow(0)
    tab.found.open_case.click()
    window.wait_for(lambda: review.case.prediction is not None, "the case")
    window.show_results()
    review.show_dock("cohort")
    window.picture(folder / "cohort-audit.png", LARGE)
    window.picture(folder / "cohort-audit-small-light.png", SMALL, "light")
    window.viewer.theme = "dark"
    window.close()


def places(folder: Path) -> None:
    """Where the lesions of a patient of MS3SEG lie (CC BY 4.0, Bashiri Bawil et al.)."""
    from napari_uncertainseg.cli.driver import ReviewWindow
    from napari_uncertainseg.images.files import read_volume
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    patient = LOCAL_DATA / "ms3seg" / "107130"
    window = ReviewWindow(LARGE)
    names = ("flair", "t1", "t2")
    window.add([layer_data(read_volume(patient / f"{name}.nii.gz", modality=name)) for name in names])
    window.run()
    window.show_results()
    window.review.lesions.places.button.click()
    window.wait_for(lambda: "place" in window.review.case.lesions.table, "the places")
    window.picture(folder / "places.png", LARGE)
    window.close()


def around_lesions(window: Any) -> None:
    """Judge calibration where it matters."""
    region = window.review.calibration.region
    region.setCurrentIndex(region.findData("lesions"))


def with_own_settings(work: Callable[[Path], None], folder: Path) -> None:
    """Neither read nor change the settings of whoever makes the pictures."""
    with tempfile.TemporaryDirectory() as settings:
        os.environ["NAPARI_CONFIG"] = str(Path(settings) / "settings.yaml")
        os.environ["XDG_DATA_HOME"] = settings  # sessions
        work(folder)


if __name__ == "__main__":
    if LOCAL_DATA.is_dir():
        os.environ.setdefault("UNCERTAINSEG_DATA", str(LOCAL_DATA))
    only = {
        "--models": models_made_elsewhere,
        "--explain": explanations,
        "--surfaces": surfaces,
        "--cohort": cohort_audit,
    }
    given = [argument for argument in sys.argv[1:] if argument not in only]
    work = next((only[argument] for argument in sys.argv[1:] if argument in only), main)
    with_own_settings(work, Path(given[0]) if given else ROOT / "docs" / "images")
