"""`uncertainseg rank`: what it reads, writes and refuses."""

from __future__ import annotations

import json
import os
import threading

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.failures import ALL, failure_cases, shared_features
from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_models
from napari_uncertainseg.audit.ranking.read import read_models, read_results
from napari_uncertainseg.audit.ranking.scores import Scores
from napari_uncertainseg.audit.ranking.sentences import sentences
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv

CASES = 8


def write_rows(path, rows, head=("case", "model", "dice")):
    path.write_text("\n".join("\t".join(map(str, row)) for row in (head, *rows)) + "\n")
    return path


@pytest.fixture
def results(tmp_path):
    """Three models; `good` is 0.2 better on each case, hard cases are the large ones."""
    rng = np.random.default_rng(3)
    rows = []
    for case in range(CASES):
        hard = 0.9 - 0.05 * case
        for model, shift in (("good", 0.0), ("<b>bad</b>", -0.2), ("middle", -0.1)):
            dice, ace = hard + shift + rng.normal(0, 0.002), 0.1 - shift
            rows.append((f"c{case}", f"p{case}", model, f"{dice:.4f}", f"{ace:.4f}"))
    return write_rows(tmp_path / "results.tsv", rows, ("case", "patient", "model", "dice", "ace"))


def run(*options) -> int:
    return main(["rank", *map(str, options)])


def test_a_folder_with_a_page_tables_and_numbers(results, tmp_path, capsys):
    features = write_rows(
        tmp_path / "features.tsv", [(f"c{k}", k, "ab"[k % 2]) for k in range(CASES)], ("case", "ml", "site")
    )
    out = tmp_path / "out"
    assert run(results, "--draws", "50", "--features", features, "--out", out) == 0
    said = capsys.readouterr().out
    assert "1. good" in said and "Shown to be better" in said
    page = (out / "ranking.html").read_text()
    assert "<b>bad</b>" not in page and "&lt;b&gt;bad&lt;/b&gt;" in page
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    assert page.count("<svg") == 2 * 5 + 1 and "all models do worse where ml is high" in page
    ranks = read_tsv(out / "ranks.tsv")
    assert len(ranks) == 2 * 6 * 3 and set(ranks["metric"]) == {"dice", "ace"}
    first = ranks[(ranks["metric"] == "dice") & (ranks["method"] == "mean-then-rank")].iloc[0]
    assert first["model"] == "good" and first["aggregate_low"] < first["aggregate"] < first["aggregate_high"]
    assert len(read_tsv(out / "significance.tsv")) == 2 * 6
    assert (
        read_tsv(out / "frequencies.tsv")
        .groupby(["metric", "method", "model"])["share"]
        .sum()
        .round(6)
        .eq(1)
        .all()
    )
    assert (read_tsv(out / "features.tsv")["p_holm"].dropna() <= 1).all() and (out / "failures.tsv").is_file()
    numbers = json.loads((out / "ranking.json").read_text())
    (consensus,) = numbers["consensus"]
    assert consensus["over"] == "all metrics" and consensus["models"] == ["good", "<b>bad</b>", "middle"]
    assert consensus["methods"]["mean rank"]["value"] == [1, 3, 2] == consensus["methods"]["Kemeny"]["ranks"]
    combined = read_tsv(out / "consensus.tsv")
    assert len(combined) == 3 * 3 and "Consensus" in page and "Consensus: all metrics" in said
    assert numbers["rankings"][1]["better"] == "low" and numbers["rankings"][0]["patients"] == CASES
    assert run(results, "--out", out) == 2 and "not empty" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on Unix only")
def test_a_table_may_come_from_a_pipe(results, tmp_path):
    """As a shell's ``<(...)`` gives one: what is read of it is gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(results.read_bytes(),), daemon=True)
    writer.start()
    out = tmp_path / "out"
    assert run(pipe, "--draws", "10", "--out", out) == 0 and (out / "ranking.html").is_file()


def test_weights_of_tasks_decide_the_consensus(tmp_path, capsys):
    rows = [
        (f"c{i}", m, t, 0.5 + i / 50 + 0.2 * ((m == "x") == (t == "t1")))
        for i in range(6)
        for m in "xy"
        for t in ("t1", "t2")
    ]
    path = write_rows(tmp_path / "r.tsv", rows, ("case", "model", "task", "dice"))
    options = (path, "--draws", "20", "--out")
    assert run(*options, tmp_path / "1", "--weight", "t2=2") == 0
    assert "First by the mean of the ranks: y." in capsys.readouterr().out
    assert run(*options, tmp_path / "2", "--weight", "t1=2") == 0
    assert "First by the mean of the ranks: x." in capsys.readouterr().out
    for wrong, sentence in (
        (("t9=1",), "'t9' is of no task or metric"),
        (("t1=1", "t1=2"), "'t1' is given twice"),
    ):
        given = [word for one in wrong for word in ("--weight", one)]
        assert run(*options, tmp_path / "3", *given) == 2 and sentence in capsys.readouterr().err
    for wrong in ("t1", "t1=-1", "=2", "t1=nan", "t1=inf"):
        with pytest.raises(SystemExit):
            run(*options, tmp_path / "3", "--weight", wrong)
        assert "should be NAME=NUMBER" in capsys.readouterr().err


def test_a_table_for_each_model(results, tmp_path):
    one = write_rows(tmp_path / "one.tsv", [("a", 0.5), ("b", 0.7)], ("case", "dice"))
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    write_rows(
        run_folder / "report.tsv", [("a", "done", 0.6), ("b", "failed", "n/a")], ("visit", "state", "dice")
    )
    (scores,) = read_models({"x": one, "y": run_folder})
    assert scores.models == ("x", "y") and scores.cases == ("a", "b")
    assert scores.values.tolist()[0] == [0.5, 0.7] and np.isnan(scores.values[1, 1])
    options = (f"x={one}", f"y={run_folder}", "--draws", "20", "--out", tmp_path / "out")
    assert run(*options) == 2 and run(*options, "--missing", "worst") == 0


def test_visits_named_by_bids_belong_to_their_subject(tmp_path):
    rows = [(f"sub-{s}_ses-{v}", m, 0.5) for s in "12" for v in "ab" for m in "xy"]
    (scores,) = read_results(write_rows(tmp_path / "r.tsv", rows))
    assert scores.visits.tolist() == [2, 2]


def test_tasks_are_ranked_apart(tmp_path):
    rows = [(c, m, t, d) for c in "ab" for t in ("t1", "t2") for m, d in (("x", 0.5), ("y", 0.6))]
    first, second = read_results(write_rows(tmp_path / "r.tsv", rows, ("case", "model", "task", "dice")))
    assert (first.task, second.task) == ("t1", "t2") and first.title == "dice, t1"


REFUSED = {
    "one model": ([("a", "x", 0.5)], (), "only one model, 'x'"),
    "twice": ([("a", "x", 0.5), ("a", "x", 0.6), ("a", "y", 1)], (), "row 3: the case 'a' is there twice"),
    "no number": (
        [("a", "x", "good"), ("a", "y", 1)],
        (),
        "row 2: the column dice is 'good'; it should be a number",
    ),
    "missing": ([("a", "x", "nan"), ("a", "y", 1)], (), "1 score missing, such as that of 'x' for 'a'"),
    "lacks a case": ([("a", "x", 1), ("a", "y", 1), ("b", "x", 1)], (), "that of 'y' for 'b'"),
    "empty name": ([("", "x", 1), ("a", "y", 1)], (), "row 2: the column case is empty"),
    "no row": ([], (), "has no row"),
    "no such metric": ([("a", "x", 1)], ("--metric", "f1"), "has no column 'f1'"),
    "metric twice": ([("a", "x", 1)], ("--metric", "dice", "--metric", "dice=low"), "given twice"),
    "good is what": ([("a", "x", 1)], ("--metric", "dice=up"), "should be high or low"),
    "no such way": ([("a", "x", 1)], ("--method", "best"), "no way to rank called 'best'"),
    "one draw": ([("a", "x", 1)], ("--draws", "1"), "drawn 2 to"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_ranked_gets_a_sentence(tmp_path, capsys, name):
    rows, options, sentence = REFUSED[name]
    path = write_rows(tmp_path / "r.tsv", rows)
    assert run(path, *options, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_metric_of_unknown_direction_is_asked_for(tmp_path, capsys):
    rows = [("a", m, 1) for m in "xy"]
    path = write_rows(tmp_path / "r.tsv", rows, ("case", "model", "score"))
    assert run(path, "--out", tmp_path / "out") == 2 and "--metric NAME=high" in capsys.readouterr().err
    assert run(path, "--metric", "score", "--out", tmp_path / "out") == 2
    assert "say score=high or score=low" in capsys.readouterr().err
    assert run(path, "--metric", "score=low", "--out", tmp_path / "out") == 0


def test_a_case_of_two_patients_is_refused(tmp_path, capsys):
    rows = [("a", "x", "p", 1), ("a", "y", "q", 1)]
    path = write_rows(tmp_path / "r.tsv", rows, ("case", "model", "patient", "dice"))
    assert run(path, "--out", tmp_path / "out") == 2 and "'a' is of two patients" in capsys.readouterr().err
    tasks = [(*row, "t1") for row in rows] + [("a", m, "r", 1, "t2") for m in "xy"]
    write_rows(path, tasks, ("case", "model", "patient", "dice", "task"))
    assert run(path, "--out", tmp_path / "out") == 2 and "'a' is of two patients" in capsys.readouterr().err


def test_patients_that_one_table_tells_are_those_of_all(tmp_path, capsys):
    """Visits are not taken as patients because another model's table does not say whose they are."""
    told = write_rows(
        tmp_path / "x.tsv", [(f"v{i}", f"p{i // 2}", 0.5) for i in range(4)], ("case", "patient", "dice")
    )
    other = write_rows(tmp_path / "y.tsv", [(f"v{i}", 0.6) for i in range(4)], ("case", "dice"))
    (scores,) = read_models({"x": told, "y": other})
    assert scores.patients == ("p0", "p0", "p1", "p1")
    write_rows(other, [("v9", 0.6)], ("case", "dice"))
    assert run(f"x={told}", f"y={other}", "--out", tmp_path / "out") == 2
    assert "no table says whose the case 'v9' is" in capsys.readouterr().err


def test_several_tables_need_names(results, tmp_path, capsys):
    assert run(results, results, "--out", tmp_path / "out") == 2
    assert "each needs its model's name" in capsys.readouterr().err
    assert run(f"x={results}", f"x={results}", "--out", tmp_path / "out") == 2
    assert "named twice" in capsys.readouterr().err


def scores_of(values, cases=None, patients=None) -> Scores:
    cases = cases or tuple(f"c{i}" for i in range(np.shape(values)[1]))
    return Scores(
        "", "dice", True, tuple("abcdef"[: len(values)]), cases, patients or cases, np.array(values, float)
    )


def test_what_can_and_cannot_be_said():
    few = RankingSetting(draws=20)
    same = " ".join(sentences(rank_models(scores_of([[0.5, 0.6], [0.5, 0.6]]), few)))
    assert "a and b have the same scores on every case" in same and "tau) is not defined" in same
    assert "With 2 patients hardly anything can be said" in same
    one = " ".join(sentences(rank_models(scores_of([[0.5], [0.6]]), few)))
    assert "With one patient nothing can be said" in one
    twice = rank_models(scores_of([[0.1, 0.1, 0.5], [0.2, 0.2, 0.5], [0.3, 0.3, 0.7]]), few)
    assert "The cases c0 and c1 have the same scores" in " ".join(sentences(twice))


def test_each_of_several_that_are_first_has_its_share_of_the_draws(tmp_path, capsys):
    table = tmp_path / "same.tsv"
    rows = [f"c{i}\tp{i}\t{model}\t{0.5 + 0.1 * (i % 2)}" for model in "ab" for i in range(6)]
    table.write_text("\n".join(["case\tpatient\tmodel\tdice", *rows]) + "\n")
    assert main(["rank", str(table), "--out", str(tmp_path / "out")]) == 0
    assert "a is first in 100 % and b in 100 % of 1000 draws of the patients." in capsys.readouterr().out


def test_infinite_scores_are_the_worst_and_are_said():
    ranking = rank_models(
        scores_of([[np.inf, 1, 2], [np.inf, np.inf, 3], [3, 4, 5]]), RankingSetting(draws=20)
    )
    assert "Infinite scores" in " ".join(sentences(ranking)) and not np.isnan(ranking.p[0, 1])


def test_failure_cases_are_those_of_all_and_of_each():
    values = [[0.9, 0.1, 0.8, 0.95, 0.9], [0.9, 0.2, 0.8, 0.1, 0.9]]
    found = failure_cases(scores_of(values))
    assert [one.case for one in found if one.model == ALL] == ["c1"]
    assert [one.case for one in found if one.model == "b"][:2] == ["c3", "c1"]
    assert found[0].score == pytest.approx(0.15)
    ties = failure_cases(scores_of(np.full((2, 6), 0.5)))
    assert not [one for one in ties if one.model == ALL]


def test_a_case_that_no_model_has_a_score_for_is_left_out_of_what_is_shared():
    pandas = pytest.importorskip("pandas")
    values = np.array([[0.5, 0.6, np.nan, 0.7, 0.8], [0.4, 0.5, np.nan, 0.6, 0.9]])
    features = pandas.DataFrame({"ml": [1.0, 2, 3, 4, 5]}, index=[f"c{i}" for i in range(5)])
    first = shared_features(scores_of(values), features)[0]
    assert (first.model, first.patients, first.strength) == (ALL, 4, pytest.approx(1))


def test_planted_features_are_found_and_others_are_not():
    """Volume makes all models fail, the site one of them; a third feature says nothing."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(5)
    volume, site, nothing = rng.random(24), np.arange(24) % 2, rng.random(24)
    base = 0.8 - 0.5 * volume + rng.normal(0, 0.02, (3, 24))
    base[2] -= 0.6 * site
    scores = scores_of(base)
    features = pandas.DataFrame(
        {"volume": volume, "site": np.array(["x", "y"])[site], "nothing": nothing}, index=scores.cases
    )
    clear = {(one.model, one.feature) for one in shared_features(scores, features) if one.p_holm <= 0.05}
    assert {(ALL, "volume"), ("c", "site")} <= clear and not [f for _, f in clear if f == "nothing"]


@pytest.mark.parametrize(
    ("metric", "value", "right"),
    [
        ("dice", "30", r"row 7: dice is 30; it lies between 0 and 1\. Is it in percent\? .* by 100"),
        ("Lesion_F1", "1.2", "row 7: Lesion_F1 is 1.2; it lies between 0 and 1"),
        ("surface_dice", "-0.1", r"row 7: surface_dice is -0.1; it lies between 0 and 1\.$"),
        ("ece", "12", "between 0 and 1"),
        ("dice", "inf", r"between 0 and 1\.$"),
        ("brier", "2.5", "between 0 and 2"),
        ("hd95_mm", "-3", "row 7: hd95_mm is -3; it cannot be below 0"),
    ],
)
def test_impossible_scores_are_refused_with_their_row(tmp_path, metric, value, right):
    rows = [(f"c{i}", m, 0.7) for i in range(3) for m in "xy"]
    rows[5] = ("c2", "y", value)
    path = write_rows(tmp_path / "r.tsv", rows, ("case", "model", metric))
    with pytest.raises(InputError, match=right):
        read_results(path)


@pytest.mark.parametrize(
    ("metric", "value"), [("dice", "1.0000001"), ("dice", "n/a"), ("brier", "1.4"), ("hd95_mm", "inf")]
)
def test_possible_scores_are_read(tmp_path, metric, value):
    rows = [("c", "x", 0.5), ("c", "y", value)]
    assert read_results(write_rows(tmp_path / "r.tsv", rows, ("case", "model", metric)))


def test_unknown_metrics_may_have_any_value(tmp_path):
    path = write_rows(tmp_path / "r.tsv", [("c", "x", -30), ("c", "y", 70)], ("case", "model", "own"))
    assert read_results(path, ["own=high"])[0].values.tolist() == [[-30.0], [70.0]]


@pytest.mark.parametrize("way", ["low", "high"])
def test_a_known_metric_that_is_reversed_is_said(results, way):
    scores = read_results(results, [f"dice={way}"])[0]
    said = " ".join(sentences(rank_models(scores, RankingSetting(draws=20))))
    assert ("Low values of dice counted as good" in said) == (way == "low")
