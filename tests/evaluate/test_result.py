"""The result of a review: each number against one that was worked out by hand or in another way."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import marching_cubes

from napari_uncertainseg import InputError
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.evaluate.result import measuring, sentences
from napari_uncertainseg.evaluate.result.case_result import Tally
from napari_uncertainseg.evaluate.result.dicom import write_result_report
from napari_uncertainseg.evaluate.result.measuring import ReviewState, measure_result
from napari_uncertainseg.evaluate.result.time_spent import strokes_of, time_spent
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.explain.place.lesions import PLACES
from napari_uncertainseg.export import reviewed_mask
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.lesions.shapes.diameter import longest_diameter
from napari_uncertainseg.review.store.journal import Entry
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import make_prediction
from ..images.dicom_series import make_series

RESULTS = Path("/work/runs/cohort/results/visits/3D-MR-MS_patient07-b1f35f10")


def state_of(probability, *, edit=None, decisions=None, threshold=None, **about):
    prediction = make_prediction(np.asarray(probability, np.float32))
    lesions = rank_lesions(prediction, threshold, 1.0, edit=edit)
    return ReviewState(
        original=prediction,
        lesions=lesions,
        decisions=decisions or {},
        edit=edit,
        probability=prediction.probability,
        **about,
    )


@pytest.fixture
def probability():
    """Lesions of 8, 4, 2 and 1 voxels (1 mm3 each), and a candidate of 3."""
    found = np.zeros((12, 12, 12), np.float32)
    found[1:3, 1:3, 1:3] = 0.95
    found[5:7, 1:3, 1] = 0.9
    found[9, 1:3, 1] = 0.8
    found[1, 9, 9] = 0.6
    found[9, 9, 6:9] = 0.3
    return found


def number_at(state, voxel):
    return state.lesions.component_at(voxel)


def test_what_counts_is_what_was_not_rejected_and_the_candidates_that_were_accepted(probability):
    first = state_of(probability)
    numbers = [number_at(first, v) for v in ((1, 1, 1), (5, 1, 1), (9, 1, 1), (1, 9, 9), (9, 9, 6))]
    assert sorted(numbers)[0] == -1, "the last one is a candidate"
    state = state_of(
        probability, decisions=dict(zip(numbers[:1] + numbers[1:2] + numbers[2:3] + numbers[4:],
                                        ("accepted", "rejected", "unsure", "accepted"), strict=True))
    )  # fmt: skip
    found = measure_result(state)
    counted = found.result.counted
    assert counted.accepted == Tally(2, 0.011) and counted.unsure == Tally(1, 0.002)
    assert counted.not_judged == Tally(1, 0.001) and counted.rejected == Tally(1, 0.004)
    assert counted.total == Tally(4, 0.014) and counted.judged == 4
    np.testing.assert_array_equal(found.labels > 0, reviewed_mask(state.lesions, state.decisions))
    assert [one.index for one in found.result.lesions] == [1, 2, 3, 4]
    assert {one.number: one.volume_mm3 for one in found.result.lesions} == {
        int(n): np.count_nonzero(found.labels == i) for i, n in enumerate(
            (one.number for one in found.result.lesions), start=1)
    }  # fmt: skip
    changes = found.result.changes
    assert (changes.lesions_added, changes.lesions_removed) == (1, 1)
    assert (changes.added_ml, changes.removed_ml) == (0.003, 0.004)
    assert changes.model == Tally(4, 0.015) and changes.verdicts == 4
    assert found.result.doubt.open == Tally(2, 0.003) and found.result.doubt.candidates == 0


def test_nothing_reviewed_is_the_answer_of_the_model(probability):
    result = measure_result(state_of(probability)).result
    assert not result.reviewed and result.counted.total == result.changes.model
    assert (result.changes.lesions_added, result.changes.added_ml, result.changes.removed_ml) == (0, 0, 0)
    said = dict(sentences.lines(result))
    assert "nothing was reviewed" in said["Counted"] and said["Changes"].startswith("none.")
    assert said["Time"].startswith("not known") and said["By place"] == "not found yet"


def test_the_heading_says_what_was_not_judged(probability):
    first = state_of(probability)
    numbers = [int(number) for number in first.lesions.table["label"]]
    some = measure_result(state_of(probability, decisions={numbers[0]: "rejected"})).result
    assert sentences.title(some) == "White matter lesions, review not finished: 3 of 3 not judged"
    every = measure_result(state_of(probability, decisions=dict.fromkeys(numbers, "unsure"))).result
    assert sentences.title(every) == "White matter lesions after review"
    assert sentences.title(measure_result(first).result) == "White matter lesions, not reviewed"


def test_a_case_without_a_lesion(probability):
    result = measure_result(state_of(np.zeros((6, 6, 6)))).result
    assert result.counted.total == Tally() and not result.lesions and result.doubt.open == Tally()
    text = sentences.plain_text(result)
    assert "Lesions: none\n" in text and "every lesion is decided" in text and "\t" not in text
    assert "nan" not in text.lower()


def test_painting_and_the_threshold_are_told_apart(probability):
    edit = np.zeros(probability.shape, np.int8)
    edit[1, 1, 1] = -1
    edit[5:7, 5:7, 9] = 1
    result = measure_result(state_of(probability, edit=edit, threshold=0.25)).result
    changes = result.changes
    assert changes.painted_added_ml == 0.004 and changes.painted_removed_ml == 0.001 and changes.drawn == 1
    assert (changes.threshold, changes.model_threshold) == (0.25, 0.5)
    assert (changes.lesions_added, changes.lesions_removed) == (2, 0), "drawn, and found below the threshold"
    assert (changes.added_ml, changes.removed_ml) == (0.007, 0.001)
    drawn = result.lesions[-1]
    assert drawn.drawn and math.isnan(drawn.doubt) and drawn.painted
    assert sum(one.painted for one in result.lesions) == 2


def test_places_are_counted_in_their_order_and_what_has_none_is_unknown(probability):
    assert measuring._PLACES == PLACES
    state = state_of(probability)
    table = state.lesions.table.assign(place=["juxtacortical", "periventricular", None, "periventricular"])
    result = measure_result(replace(state, lesions=replace(state.lesions, table=table))).result
    assert [place for place, _ in result.places] == ["periventricular", "juxtacortical", "unknown"]
    assert sum(tally.number for _, tally in result.places) == 4
    sentence = dict(sentences.lines(replace(result, place_problem="The brain was not found.")))["By place"]
    assert sentence == "unknown. The brain was not found."


def test_doubt_left_is_the_sum_of_what_may_be_wrong(probability):
    state = state_of(probability)
    table = state.lesions.table.assign(p_real=[0.2, 0.4, 0.9, 1.0])
    below = state.lesions.candidate_table.assign(p_real=[0.25])
    accepted = int(table["label"].iloc[0])
    known = replace(state.lesions, table=table, candidate_table=below)
    doubt = measure_result(replace(state, lesions=known, decisions={accepted: "accepted"})).result.doubt
    assert doubt.expected_wrong == pytest.approx(0.6 + 0.1) and doubt.expected_missed == pytest.approx(0.25)
    assert doubt.open.number == 3 and doubt.candidates == 1
    said = sentences.plain_text(measure_result(replace(state, lesions=known)).result)
    assert "of these 4, about 2 are expected to be no lesion" in said, "0.8 + 0.6 + 0.1 + 0"
    assert "1 open candidate; the chance that it is real is 25%." in said
    few = replace(known, table=table.assign(p_real=[0.9, 0.9, 0.9, 1.0]))
    said = sentences.plain_text(measure_result(replace(state, lesions=few)).result)
    assert "of these 4, fewer than one is expected to be no lesion" in said, "0.3 would be read as a share"
    unknown = replace(known, table=table.assign(p_real=[0.2, np.nan, 0.9, 1.0]))
    assert measure_result(replace(state, lesions=unknown)).result.doubt.expected_wrong is None


def test_what_a_human_drew_is_not_among_those_that_may_be_wrong(probability):
    """The model says nothing of it: of one that nobody judged the chance to be no lesion was told as 0%."""
    edit = np.zeros(probability.shape, np.int8)
    edit[5:7, 5:7, 9] = 1
    first = state_of(probability, edit=edit)
    table, drawn = first.lesions.table, first.lesions.table["drawn"].to_numpy(bool)
    assert drawn.sum() == 1 and len(table) == 5
    table = table.assign(p_real=np.where(drawn, np.nan, [0.5, 0.4, 0.6, 0.5, 0.5]))
    below = first.lesions.candidate_table.assign(p_real=0.25)
    known = replace(first, lesions=replace(first.lesions, table=table, candidate_table=below))
    numbers = [int(label) for label in table["label"][~drawn]]
    for judged, said in [
        (0, ": 5 (0.019 ml) are unsure or not judged; of the 4 by the model, about 2 are expected to be no"),
        (3, "unsure or not judged; the chance that the one by the model is no lesion is"),
        (4, ": 1 (0.004 ml) is unsure or not judged."),
    ]:
        state = replace(known, decisions=dict.fromkeys(numbers[:judged], "accepted"))
        found = measure_result(state).result
        assert found.doubt.open.number == 5 - judged and found.doubt.by_model == 4 - judged
        assert said in sentences.plain_text(found), sentences.plain_text(found)


def test_agreement_is_that_of_the_result_after_review(probability):
    truth = np.zeros(probability.shape, bool)
    truth[1:3, 1:3, 1:3] = True
    state = state_of(probability, reference=truth)
    others = [n for n in state.lesions.table["label"] if n != number_at(state, (1, 1, 1))]
    before = measure_result(state).result.reference
    assert (before.found, before.missed, before.false) == (1, 0, 3)
    assert before.dice == pytest.approx(2 * 8 / (15 + 8))
    after = measure_result(replace(state, decisions=dict.fromkeys(others, "rejected"))).result.reference
    assert (after.dice, after.f1, after.false) == (1.0, 1.0, 0)


@pytest.mark.parametrize("least", [1.0, 5.0])
def test_agreement_is_that_of_evaluate_whatever_the_smallest_volume_of_the_list(probability, least):
    truth = np.zeros(probability.shape, bool)
    truth[5:7, 1:3, 1] = truth[3, 5:7, 5] = truth[9, 9, 6:9] = True  # 4 and 3 mm3, and 2 that do not count
    state = state_of(probability, reference=truth)
    state = replace(state, lesions=rank_lesions(state.original, None, least))
    found, grid = measure_result(state), state.original.grid
    told = reference_agreement(probability, found.labels, truth, brain=np.ones_like(truth), grid=grid)
    ours = found.result.reference
    assert (ours.found, ours.missed, ours.false) == (
        told.lesions_found, told.lesions_missed, told.lesions_invented
    )  # fmt: skip
    assert ours.missed == {1.0: 1, 5.0: 2}[least] and ours.dice == told.dice


def entry(number, at, kind="verdict", content='{"decision": "accepted"}'):
    return Entry("0" * 32, number, at, kind, 1, content, "0" * 64)


def test_pauses_of_more_than_ten_minutes_are_no_reading_time():
    times = ("10:00:00", "10:00:30", "10:10:30", "10:20:31", "10:20:11", "10:20:21")
    entries = [entry(i, f"2026-01-05T{at}.000000+00:00") for i, at in enumerate(times, start=1)]
    found = time_spent(entries)
    assert found.active_s == 30 + 600 + 10, "a gap of ten minutes counts, of one second more it does not"
    assert (found.pauses, found.paused_s) == (1, 601)
    assert time_spent(entries[:1]).active_s == 0


def test_time_in_which_the_program_was_not_open_is_no_reading_time():
    again = '{"decision": "accepted", "since_opened": 20}'
    entries = [
        entry(1, "2026-01-05T10:00:00+00:00"),
        entry(2, "2026-01-05T10:05:00+00:00", content=again),
        entry(3, "2026-01-05T11:00:00+00:00", content=again.replace("20", "30.5")),
        entry(4, "2026-01-05T11:01:00+00:00", content=again.replace("20", "900")),
    ]
    found = time_spent(entries)
    assert found.active_s == 20 + 30.5 + 60 and (found.pauses, found.paused_s) == (2, 280 + 3269.5)


def test_strokes_that_were_taken_back_do_not_count():
    a, b, c = (f'{{"mask": "{each * 64}", "start": [0, 0, 0], "shape": [9, 9, 9]}}' for each in "abc")
    none = '{"mask": null}'
    for painted, n in (((a, b, a), 1), ((a, b, none), 0), ((a, b, a, b), 2), ((a, b, a, c), 2), ((none,), 0)):
        told = [entry(i, "2026-01-05T10:21:00+00:00", "painted", each) for i, each in enumerate(painted, 1)]
        assert strokes_of(told) == n


def test_what_verdicts_did_and_what_painting_did_are_said_apart(probability):
    edit = np.zeros(probability.shape, np.int8)
    edit[5:8, 3:6, 1] = 1  # the lesion of 4 voxels is now mostly drawn
    edit[8:10, 5:7, 9] = 1
    first = state_of(probability, edit=edit)
    rejected, candidate = number_at(first, (1, 1, 1)), number_at(first, (9, 9, 6))
    state = state_of(probability, edit=edit, decisions={rejected: "rejected", candidate: "accepted"})
    result = measure_result(state).result
    assert (result.changes.drawn, result.changes.corrected) == (1, 1)
    assert [one.grown for one in result.lesions if one.drawn].count(True) == 1
    said = dict(sentences.lines(result))["Changes"]
    assert said.startswith("2 verdicts: 1 (0.008 ml) rejected, 1 candidate accepted (0.003 ml). ")
    assert "Painting and tools: 0.013 ml added, 0 ml removed" in said.replace("0.00 ml", "0 ml")
    assert "1 outline corrected, 1 lesion drawn by hand. All together" in said


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), spacing=st.tuples(*[st.floats(0.4, 4.0)] * 3))
def test_the_longest_diameter_is_that_of_the_mesh(seed, spacing):
    rng = np.random.default_rng(seed)
    mask = rng.random((6, 5, 7)) < rng.choice([0.02, 0.2, 0.7])
    mask[rng.integers(6), rng.integers(5), rng.integers(7)] = True
    corners = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=spacing)[0]
    longest = max(np.linalg.norm(corners[i] - corners[j]) for i, j in combinations(range(len(corners)), 2))
    assert longest_diameter(mask, np.diag(spacing)) == pytest.approx(longest, rel=1e-5)


def test_the_longest_diameter_of_a_large_ball_is_its_own():
    at = np.indices((41, 41, 41)) - 20
    ball = (at**2).sum(0) <= 18**2
    assert longest_diameter(ball, np.eye(3)) == pytest.approx(37, abs=0.6)
    assert longest_diameter(np.zeros((3, 3, 3), bool), np.eye(3)) == 0


def test_names_from_files_stay_on_their_line(probability):
    odd = "Patient\nLesions: 99\t\x1b[31m" + "x" * 500
    text = sentences.plain_text(measure_result(state_of(probability, case=odd, annotator="Zoë 李")).result)
    assert text.count("\nLesions: ") == 1 and "\t" not in text and "\x1b" not in text
    assert max(map(len, text.splitlines())) < 400 and "Reader: Zoë 李" in text


def test_real_results(tmp_path):
    if not RESULTS.is_dir():
        pytest.skip(f"no results of a run: {RESULTS}")
    saved = read_saved_results(Path(shutil.copytree(RESULTS, tmp_path / "results")))
    lesions = rank_lesions(saved.prediction)
    first = int(lesions.table["label"].iloc[0])
    state = ReviewState(
        saved.prediction, lesions, {first: "rejected", -1: "accepted"}, None, saved.prediction.probability
    )
    found = measure_result(state)
    summary = saved.prediction.information
    mask = reviewed_mask(lesions, state.decisions)
    assert found.result.counted.total.ml == pytest.approx(mask.sum() / 1000)
    assert found.result.counted.total.number == lesions.count
    assert found.result.made.model == summary["model"] == "bundled"
    assert found.result.changes.model.number == 27
    assert 0 < found.result.doubt.expected_wrong < 27
    assert all(one.diameter_mm <= 2 * one.volume_mm3 for one in found.result.lesions)


def test_the_dicom_report_is_of_the_result(tmp_path):
    highdicom = pytest.importorskip("highdicom", reason="DICOM reports need the extra 'dicom'")
    series = make_series(tmp_path / "series", "axial", shape=(12, 30, 26))
    grid = read_volume(series).grid
    probability = np.zeros(grid.shape, np.float32)
    probability[2:5, 4:10, 4:10], probability[7:10, 16:22, 14:20] = 0.9, 0.7
    inputs = {"flair": {"name": "FLAIR", "path": str(series)}}
    prediction = make_prediction(probability, grid=grid, information={"model": "fake", "inputs": inputs})
    lesions = rank_lesions(prediction)
    decisions = {int(lesions.labels[3, 5, 5]): "accepted", int(lesions.labels[8, 17, 15]): "rejected"}
    state = ReviewState(prediction, lesions, decisions, None, prediction.probability, annotator="Ann")
    measured = measure_result(state)
    report, seg = write_result_report(tmp_path / "result.dcm", measured, prediction, series)
    (group,) = highdicom.sr.srread(report).content.get_volumetric_roi_measurement_groups()
    found = {one.name.meaning: one.value for one in group.get_measurements()}
    (lesion,) = measured.result.lesions
    assert found["Volume"] == pytest.approx(3 * 6 * 6 * grid.voxel_volume) == lesion.volume_mm3
    assert found["Maximum 3D Diameter of a Mesh"] == pytest.approx(lesion.diameter_mm)
    segmented = highdicom.seg.segread(seg)
    assert segmented.get_segment_description(1).algorithm_type.value == "SEMIAUTOMATIC"
    before = report.read_bytes()
    with pytest.raises(InputError):
        write_result_report(series / "result.dcm", measured, prediction, series)
    with pytest.raises(InputError):
        write_result_report(tmp_path / "result.nii", measured, prediction, series)
    assert report.read_bytes() == before


def test_a_corrected_outline_says_whose_the_numbers_are(probability):
    """The model's numbers do not follow the brush, and the pages do not let them look as if they did."""
    before = measure_result(state_of(probability)).result
    edit = np.zeros(probability.shape, np.int8)
    edit[1:3, 1:3, 1:3] = 1
    edit[5:8, 0:4, 0:4] = 1
    after = measure_result(state_of(probability, edit=edit)).result
    said = [(one.doubt, one.probability, one.entropy) for one in before.lesions]
    assert [(one.doubt, one.probability, one.entropy) for one in after.lesions] == said
    changed = [one.corrected for one in after.lesions]
    assert any(changed) and not all(changed) and not any(one.corrected for one in before.lesions)


def test_a_lesion_has_its_side_its_slice_and_its_place_in_the_patient(probability):
    """The side is that of the brain's middle: a head that lies 40 mm off the scanner's 0 has both sides."""
    state = state_of(probability, measurements=("1 ruler 12.3 mm",))
    result = measure_result(state).result
    grid, table = state.original.grid, state.lesions.table.set_index("label")
    brain = np.argwhere(state.original.brain).mean(axis=0)
    middle = (grid.affine @ [*brain, 1])[0]
    for one in result.lesions:
        row = table.loc[one.number]
        assert one.centre_mm == pytest.approx((row["x_mm"], row["y_mm"], row["z_mm"]))
        off = row["x_mm"] - middle
        assert one.side == ("middle" if abs(off) < 3 else "right" if off > 0 else "left")
        assert one.slice == grid.shape[0] - 1 - row["slice_s"]
    assert {one.side for one in result.lesions} >= {"left"}
    assert "Measured: 1 ruler 12.3 mm.\n" in sentences.plain_text(result)
    assert "Measured" not in sentences.plain_text(measure_result(state_of(probability)).result)
