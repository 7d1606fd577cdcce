"""Do readers and the model doubt for the same reasons: against loops, simulated readers, and in a report."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.session_report import write_report
from napari_uncertainseg.explain.feedback import driver_values
from napari_uncertainseg.explain.feedback.agreement import reader_agreement
from napari_uncertainseg.explain.feedback.answers import ANY, Answers, answers_in
from napari_uncertainseg.explain.feedback.comparison import DOUBT, SURENESS, compare_with_doubt
from napari_uncertainseg.explain.feedback.section import feedback_part, feedback_section
from napari_uncertainseg.explain.feedback.sentences import conclusion_of, same_reasons, summary_of
from napari_uncertainseg.explain.feedback.within_readings import Readings
from napari_uncertainseg.review.feedback import REASONS
from napari_uncertainseg.review.reports.html import whole_page
from napari_uncertainseg.review.reports.summary import summarise
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

from .feedback_simulated import simulated


def one_of(found, tick, measure=DOUBT):
    rows = found.relations
    return rows[(rows["tick"] == tick) & (rows["measure"] == measure)].iloc[0]


def test_pairs_are_counted_within_readings_as_a_loop_counts_them() -> None:
    rng = np.random.default_rng(0)
    reading = np.repeat([0, 1, 2], [6, 9, 5])
    rows = pd.DataFrame({"reading": reading, "case": reading, "voxel": range(20)})
    ticked, values = rng.random(20) < 0.4, np.round(rng.normal(size=20) + 5 * reading, 0)  # with ties
    signs = [
        np.sign(values[i] - values[j])
        for i in range(20)
        for j in range(20)
        if ticked[i] and not ticked[j] and reading[i] == reading[j]
    ]
    found = Readings(rows, permutations=99).of_tick(ticked, values)
    assert found.value == pytest.approx(np.mean(signs)) and found.low <= found.value <= found.high
    alone = Readings(rows[:6], permutations=99).of_numbers(values[:6], ticked[:6])
    assert alone.value == pytest.approx(spearmanr(values[:6], ticked[:6])[0])
    assert np.isnan(Readings(rows, permutations=9).of_tick(ticked, 5.0 * reading).value)


def test_all_readers_of_a_lesion_change_places_together() -> None:
    rows = pd.DataFrame(
        {"reading": list("aaabbbcc"), "case": [0] * 6 + [1] * 2, "voxel": [1, 2, 3, 3, 1, 2, 1, 2]}
    )
    for order in Readings(rows, permutations=20)._shuffled:
        moved = rows.iloc[order].reset_index(drop=True)
        assert moved[["reading", "case"]].equals(rows[["reading", "case"]])
        first = dict(zip(rows["voxel"][:3], moved["voxel"][:3], strict=True))
        assert [first[voxel] for voxel in rows["voxel"][3:6]] == moved["voxel"][3:6].tolist()


def test_a_planted_relation_is_found_and_said() -> None:
    answers, drivers = simulated(3, planted=1.5)
    found = compare_with_doubt(answers, drivers, permutations=499)
    assert one_of(found, "size")["finding"] and one_of(found, "size")["low"] > 0
    assert one_of(found, SURENESS)["finding"] and one_of(found, SURENESS)["high"] < 0
    assert one_of(found, "size", "volume_mm3")["finding"] and one_of(found, ANY, "volume_mm3")["high"] < 0
    assert not one_of(found, "border")["finding"] and "slice_mm" not in set(found.relations["measure"])
    assert "Lesions with 'size' ticked have more doubt" in conclusion_of(found)
    assert "The less sure readers were, the more the model doubted" in conclusion_of(found)
    assert same_reasons(found) == "Readers and the model doubt for the same reasons: lesions that are small."
    assert "2 readers ticked at least one reason on" in summary_of(found)


def _findings(seeds) -> int:
    drawn = (simulated(seed, planted=0.0) for seed in seeds)
    # With fewer permutations no p could stand up to Holm's rule.
    found = [compare_with_doubt(*each, permutations=499) for each in drawn]
    assert all(one.tests == 12 for one in found)
    return sum(bool(one.relations["finding"].any()) for one in found)


def test_readers_with_reasons_of_their_own_are_not_taken_for_the_models() -> None:
    """Although scans differ in both, and readers agree with each other."""
    assert _findings(range(20)) <= 4


@pytest.mark.slow
def test_chance_gives_a_finding_in_five_of_a_hundred_reports() -> None:
    assert _findings(range(100)) <= 11  # more than that has a chance of 1 in 200


def test_few_ticks_are_counted_and_not_tested() -> None:
    answers, _ = simulated(0, planted=2.0, cases=4)  # however strong it is
    found = compare_with_doubt(answers, permutations=9)
    assert found.tests == 0 and one_of(found, "size")["ticked"] > 10 and same_reasons(found) == ""
    assert conclusion_of(found).startswith("Too little was ticked to test anything")
    page = whole_page("x", feedback_part(found, with_drivers=False))
    assert "too few to test" in page and "--results" in page
    empty = Answers(answers.table[:0], 1, 0, ())
    assert compare_with_doubt(empty, permutations=9).tests == 0


def test_agreement_of_readers() -> None:
    rows = [("a", 0, i, i < 12) for i in range(20)] + [("b", 0, i, 2 <= i < 14) for i in range(18)]
    table = pd.DataFrame(rows, columns=["reader", "case", "voxel", "size"])
    for reason in REASONS[1:]:
        table[reason] = False
    found = reader_agreement(table)
    assert found.loc["size", ["lesions", "both", "one"]].tolist() == [18, 10, 4]
    observed, chance = 14 / 18, (12 * 12 + 6 * 6) / 18**2
    assert found.loc["size", "kappa"] == pytest.approx((observed - chance) / (1 - chance))
    assert np.isnan(found.loc["place", "kappa"])


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sessions.db") as made:
        project = made.project("study")
        for reader in ("one", "two"):
            case = made.case(project, "patient", "where")
            tasks = [NewTask(case, None, "lesion", i + 1, (i, 2, 3), i / 9, 0.5, 9.0 + i) for i in range(8)]
            session = made.open_session(project, made.annotator(reader), "review", tasks, {"case": "a" * 64})
            for task in made.tasks(session)[:5]:
                entry = made.record(session, "verdict", task.id, {"decision": "accepted"})
                if reader == "one" and task.label < 3:
                    said = {
                        "of": entry.number,
                        "reasons": ["size", "other"],
                        "sureness": 1,
                        "note": "<b>=1+2",
                    }
                    made.record(session, "feedback", task.id, said)
        yield made


def test_a_report_has_it_with_notes_only_where_there_are_names(store, tmp_path) -> None:
    file = tmp_path / "report.html"
    write_report(store, file, pictures=False, further=feedback_section)
    page = file.read_text()
    assert "What made verdicts hard" in page and "&lt;b&gt;=1+2" in page and "<b>=1" not in page
    assert "1 reader ticked at least one reason on 2 of 5 lesions" in page
    assert "1 reading in which nothing was ticked" in page and "Too little was ticked" in page
    write_report(store, file, pictures=False, named=False, further=feedback_section)
    assert "=1+2" not in file.read_text() and "What made verdicts hard" in file.read_text()
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="summary"):
        write_report(store, file, pictures=False, further=lambda s: feedback_section(s, [tmp_path / "none"]))


def test_a_folder_of_results_gives_each_judged_lesion_its_drivers(store, tmp_path, monkeypatch) -> None:
    labels = np.zeros((6, 3, 4), np.int32)
    labels[:4, 2, 3] = 5, 6, 0, 7
    table = pd.DataFrame({"noise": [0.5, 0.6, 0.7], **dict.fromkeys(driver_values.DOUBTS, 0.1)}, [5, 6, 7])
    monkeypatch.setattr(driver_values, "drivers_of_results", lambda folder, progress: table)
    monkeypatch.setattr(driver_values, "result_file", lambda folder, name: folder)
    monkeypatch.setattr(driver_values, "read_labels", lambda path: SimpleNamespace(data=labels))
    monkeypatch.setattr(driver_values, "load_summary", lambda folder: {"case": {"sha256": folder.name}})
    found = summarise(store)
    values = driver_values.drivers_of_answers(found, answers_in(found), [Path("a" * 64)])
    assert list(values.columns) == ["noise"]
    np.testing.assert_array_equal(values["noise"], [0.5, 0.6, np.nan, 0.7, np.nan])
    with pytest.raises(InputError, match="no session of this report is about its scans"):
        driver_values.drivers_of_answers(found, answers_in(found), [Path("b")])
