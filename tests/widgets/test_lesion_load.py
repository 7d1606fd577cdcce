"""The line about volume and number of a reader's lesions, in the Lesions dock."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.calibration.patients.intervals import PatientLoads, SaidAndTrue
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.uncertainty.patient import measure_load
from napari_uncertainseg.widgets.lesions.heading.load import LoadLine
from napari_uncertainseg.widgets.lesions.heading.panel import ListHeading
from napari_uncertainseg.widgets.lesions.texts import header

from .clipped_texts import cut_off
from .test_guarantees import record_like


def with_loads(prediction, patients=12):
    said = np.full(12, 2.0)
    own = SaidAndTrue(said, np.full(12, 0.1), said * np.linspace(0.8, 1.2, 12))
    loads = PatientLoads(np.arange(12) % patients, {"volume_ml": own, "lesions": own})
    return replace(record_like(prediction), loads=loads)


@pytest.fixture
def make(shown, case, records, qtbot):
    def build(find):
        records.find = find
        case.open_prediction(replace(case.prediction))
        line = shown(LoadLine(case))
        qtbot.waitUntil(lambda: line.text() != "", timeout=20000)
        return line

    return build


def test_it_says_where_a_readers_values_lie(make, case, qtbot):
    line = make(lambda information: with_loads(case.prediction))
    prediction = case.prediction
    load = measure_load(prediction.probability, prediction.members, 0.5, 3.0, prediction.grid.voxel_volume)
    found = with_loads(prediction).loads.interval("volume_ml", load.volume_ml, 0.0)
    assert found.low is not None
    assert (
        line.text().startswith("In 9 of 10 such patients a reader outlines <b>") and "&nbsp;ml" in line.text()
    )
    assert "like the 12 calibration patients" in line.toolTip() and "another scanner" in line.toolTip()
    before = line.text()
    case.threshold = 0.2  # it is about the scan as the model sees it
    assert line.text() == before and line.isVisibleTo(line.parent())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda record: None, "there are no calibration cases"),
        (lambda record: replace(record, loads=None), "calibrate again"),
        (
            lambda record: replace(record, measures=record.measures | {"entropy": np.full(12, 9.0)}),
            "differs",
        ),
        (lambda record: replace(record, scans=(("f1",),) * 12), "one of the calibration cases"),
    ],
)
def test_where_nothing_is_promised_the_members_speak_and_it_says_why(make, case, change, why):
    about = {"inputs": {"flair": {"scan_sha256": "f1"}}}
    case.open_prediction(replace(case.prediction, information=about))
    line = make(lambda information: change(with_loads(case.prediction)))
    assert line.text().startswith("Members: ") and line.text().endswith("no interval")
    assert why in line.toolTip() and "9 of 10" not in line.toolTip()


def test_four_patients_with_three_visits_are_too_few(make, case):
    line = make(lambda information: with_loads(case.prediction, patients=4))
    assert "no interval" in line.text() and "4 patients with a reference cannot support" in line.toolTip()


def test_it_goes_with_the_prediction(make, case, qtbot):
    line = make(lambda information: None)
    case.close_prediction()
    assert not line.isVisibleTo(line.parent())


def test_it_names_what_the_model_outlines(make, case):
    case.open_prediction(replace(case.prediction, information={"target": "ventricle <b>"}))
    line = make(lambda information: None)
    assert line.text().endswith(f"ventricle &lt;b&gt;{case.prediction.noun.many[13:]}; no interval")
    assert "ventricle &lt;b&gt;" in line.toolTip()


def test_it_follows_the_smallest_volume_without_calibration_cases(make, case, qtbot):
    line = make(lambda information: None)
    before = line.text()
    case.min_volume = 1e6
    assert not line.isVisibleTo(line.parent()), "what was found with another is not shown any more"
    qtbot.waitUntil(lambda: line.isVisibleTo(line.parent()), timeout=20000)
    assert " 0 to 0 lesions" in line.text() and line.text() != before
    case.min_volume = 3.0
    qtbot.waitUntil(lambda: line.text() == before and line.isVisibleTo(line.parent()), timeout=20000)


def test_with_calibration_cases_theirs_counts_and_it_says_which(make, case):
    line = make(lambda information: with_loads(case.prediction))
    before = line.text()
    case.min_volume = 1e6
    assert line.text() == f"{before} of 3 mm³ or more" and line.isVisibleTo(line.parent())
    case.min_volume = 3.0
    assert line.text() == before


def test_beside_a_list_at_another_threshold_it_says_at_which_its_numbers_are(make, case):
    line = make(lambda information: None)
    before = line.text()
    assert before.startswith("Members: ")
    case.threshold = 0.2
    assert line.text() == before.replace("Members:", "Members at 0.50:")
    assert "own threshold, 0.50, the members outline" in line.toolTip()
    case.threshold = 0.503
    assert line.text().startswith("Members at 0.50: ")
    case.threshold = case.prediction.threshold
    assert line.text() == before


def test_members_by_a_record_that_does_not_hold_say_of_which_lesions_they_are(make, case):
    line = make(lambda information: replace(with_loads(case.prediction), loads=None))
    case.min_volume, case.threshold = 10.0, 0.3
    assert line.text().startswith("Members at 0.50: ")
    assert line.text().endswith(" lesions of 3 mm³ or more; no interval")
    assert "lesions of 3 mm³ or more. No" in line.toolTip()


def test_a_threshold_that_moves_while_it_measures_is_told_too(shown, case, records, qtbot):
    records.find = lambda information: None
    case.open_prediction(replace(case.prediction))
    line = shown(LoadLine(case))
    case.threshold = 0.2
    qtbot.waitUntil(lambda: line.text() != "", timeout=20000)
    assert line.text().startswith("Members at 0.50: ")


def test_beside_recalibrated_probabilities_it_says_that_it_is_of_those_before(make, case):
    line = make(lambda information: None)
    before = line.text()
    case.recalibrate(Temperature(0.2, 0.1, 2.0))
    assert line.text() == before.replace("Members:", "Members before recalibration:")
    case.threshold = 0.4
    assert line.text().startswith("Members at 0.50, before recalibration: ")
    case.recalibrate(None)
    case.threshold = 0.5
    assert line.text() == before


@pytest.mark.parametrize("width", [300, 340, 380])
def test_counts_are_read_whole_in_a_narrow_dock(case, qtbot, width):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(500, 200)
    window.show()
    heading = ListHeading(case, window)
    heading.counts.set_html(header(123, 1234, 128.5))
    heading.show()
    heading.setGeometry(0, 0, width, 150)
    qtbot.wait(1)
    cut, seen = cut_off(heading)
    assert seen and not cut
    heading.cleanup()
