"""The command for stability: imitated acquisitions, tables of real ones, and what is refused."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.stability import analysis
from napari_uncertainseg.audit.stability.analysis import (
    LESIONS,
    PERSONS,
    measured_stability,
    stability_of,
)
from napari_uncertainseg.audit.stability.cases import read_acquisitions
from napari_uncertainseg.audit.stability.files import write_stability
from napari_uncertainseg.audit.stability.imitated import runs
from napari_uncertainseg.audit.stability.imitated.imitation import parse_imitations
from napari_uncertainseg.audit.stability.imitated.people import Person, people_of_scans
from napari_uncertainseg.audit.stability.measures import RADIOMICS, Measure, person_measures
from napari_uncertainseg.audit.stability.reliability import reliability
from napari_uncertainseg.audit.stability.sentences import all_sentences, sentences
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_volume, write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.inference.provenance import describe_scan
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import AFFINE, make_prediction, predict_from_members

SHAPE = (22, 26, 24)


@dataclass
class BrightTissue:
    """In place of a segmenter: what is half as bright again as the median is probably lesion, in three "
    "ways."""

    model: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="bright", sha256="0" * 64))
    method: str = "one-pass"
    members: int = 3
    runs: int = 0

    def predict(self, images, *, skull, bias_correction, progress):
        self.runs += 1
        progress("looking", 0.5)
        scan = images["flair"]
        level = np.median(scan.data[scan.data > 0])
        excess = scan.data / level - 1.4
        members = 1 / (1 + np.exp(-np.clip(np.stack([excess * k for k in (8, 10, 14)]), -30, 30)))
        information = {
            "inputs": {"flair": describe_scan(scan)},
            "model": self.model.name,
            "model_sha256": self.model.sha256,
            "method": self.method,
            "notes": [],
        }
        return predict_from_members(
            members.astype(np.float32), grid=scan.grid, brain=scan.data > 0, information=information
        )


def write_scan(folder, person: int):
    """A ball of textured tissue with three lesions, the more and brighter the higher the person's number."""
    rng = np.random.default_rng(person)
    at = np.stack(np.meshgrid(*(np.arange(n) - n / 2 for n in SHAPE), indexing="ij"))
    inside = (at**2).sum(0) < 100
    data = 100 * (1 + 0.5 * ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1.0))
    for s, a, r in ((8, 10, 8), (12, 14, 15), (15, 9, 12))[: 2 + person % 2]:
        size = 2 + person // 2
        data[s : s + size, a : a + size, r : r + 2] += 55 + 15 * person
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"person{person}.nii.gz"
    affine = AFFINE.copy()
    affine[:3] *= 2
    grid = Grid(SHAPE, affine)
    write_volume(path, np.where(inside, data, 0).astype(np.float32), grid, dtype=np.float32)
    truth = folder / f"truth{person}.nii.gz"
    write_volume(truth, (inside & (data > 145)).astype(np.uint8), grid)
    return path, truth


def stand_in(monkeypatch):
    segmenter = BrightTissue()
    monkeypatch.setattr(runs, "segmenter_of", lambda options: segmenter)
    return segmenter


@pytest.fixture(scope="module")
def imitated(tmp_path_factory):
    """Three people in four ways, and again harmonised: the folder that is kept, and the scans."""
    base = tmp_path_factory.mktemp("imitated")
    scans = [write_scan(base / "scans", person) for person in range(3)]
    people = people_of_scans(
        [path for path, _ in scans], {"reference": [truth for _, truth in scans], "t1": []}
    )
    ways = parse_imitations(["blur=3", "contrast=0.7", "thick=4"])
    with pytest.MonkeyPatch.context() as patch:
        segmenter = stand_in(patch)
        table, notes = runs.segment_imitations(people, runs.Plan(ways, ("landmarks",)), base / "kept")
    assert segmenter.runs == 3 * 4 * 2 and not notes
    return SimpleNamespace(table=table, kept=base / "kept", people=people, ways=ways, scans=scans)


@pytest.fixture(scope="module")
def found(imitated):
    acquisitions, notes = read_acquisitions(imitated.table)
    assert not notes
    return stability_of(acquisitions)


def test_a_second_run_makes_only_what_is_missing(imitated, monkeypatch):
    segmenter = stand_in(monkeypatch)
    folder = imitated.kept / imitated.people[1].folder / "blur-3" / "results"
    before = (folder / "probability.nii.gz").read_bytes()
    (folder / "summary.json").rename(folder / "gone.json")
    plan = runs.Plan(imitated.ways, ("landmarks",))
    with pytest.raises(
        InputError, match="not empty"
    ):  # what is not finished is no result, and is not replaced
        runs.segment_imitations(imitated.people, plan, imitated.kept)
    (folder / "gone.json").rename(folder / "summary.json")
    segmenter.runs = 0
    table, _ = runs.segment_imitations(imitated.people, plan, imitated.kept)
    assert segmenter.runs == 0 and table == imitated.table
    assert (folder / "probability.nii.gz").read_bytes() == before


def test_another_group_of_people_is_harmonised_anew(imitated, monkeypatch, tmp_path):
    """The scale is learned of all people: results on the scale of others are not taken for it."""
    segmenter = stand_in(monkeypatch)
    kept = tmp_path / "kept"
    plan = runs.Plan(imitated.ways[:2], ("landmarks", "matching"))
    runs.segment_imitations(imitated.people[:2], plan, kept)
    segmenter.runs = 0
    runs.segment_imitations(imitated.people, plan, kept)
    assert segmenter.runs == 2 + 3 * 2 + 2  # plain and matched ones of the third alone
    segmenter.runs = 0
    runs.segment_imitations(imitated.people[:2], plan, kept)
    assert segmenter.runs == 0


@pytest.mark.parametrize("changed", ["seed", "scan"])
def test_a_folder_of_another_plan_is_refused(imitated, monkeypatch, tmp_path, changed):
    stand_in(monkeypatch)
    people, plan = imitated.people, runs.Plan(imitated.ways, seed=1 if changed == "seed" else 0)
    if changed == "scan":
        other, _ = write_scan(tmp_path, 3)
        people = [Person(imitated.people[0].name, {"flair": other})]
    with pytest.raises(InputError, match="name a new folder"):
        runs.segment_imitations(people, plan, imitated.kept)


def test_what_is_measured_of_people_and_lesions(found, imitated):
    plain, harmonised = found
    assert plain.harmonised == "" and harmonised.harmonised == "landmarks" and plain.imitated
    assert plain.acquisitions == ("baseline", "blur 3 mm", "contrast 0.7", "thick 4 mm")
    names = {(one.level, one.measure.name) for one in plain.measured}
    for name in (
        "volume_ml",
        "lesions",
        "psu",
        "mean_entropy",
        "mean_mutual_information",
        "mean_lsu",
        "dice",
    ):
        assert (PERSONS, name) in names
    for name in ("volume_mm3", "doubt", "lsu", "mean_entropy", "mean_mutual_information"):
        assert (LESIONS, name) in names
    assert sum(level == PERSONS and name.startswith("gl") for level, name in names) >= 60
    baseline = plain.rows[plain.rows["acquisition"] == "baseline"]
    summary = json.loads(
        (imitated.kept / imitated.people[0].folder / "baseline/results/summary.json").read_text()
    )
    assert baseline["volume_ml"].iloc[0] == pytest.approx(summary["lesion_volume_ml"])
    assert baseline["psu"].iloc[0] == pytest.approx(summary["patient_uncertainty"]["psu"])
    changes = {(one.acquisition, one.measure.name): one for one in plain.changes}
    assert (
        changes["blur 3 mm", "volume_ml"].relative.value < changes["contrast 0.7", "volume_ml"].relative.value
    )


def test_a_contrast_curve_moves_less_after_harmonising(found):
    """Tissue is measured against its median, so that a curve moves lesions; landmarks take it away."""
    moved = [
        next(c for c in one.changes if c.measure.name == "volume_ml" and c.acquisition == "contrast 0.7").size
        for one in found
    ]
    assert moved[0] > 0.2 and moved[1] < 0.5 * moved[0]
    rmse = [
        np.mean([d.matrices["rmse"][0, d.names.index("contrast 0.7")] for d in one.distances])
        for one in found
    ]
    assert rmse[1] < 0.5 * rmse[0]
    said = all_sentences(found)
    assert any("before" in one and "after landmarks" in one for one in said)
    assert any("imitated" in one and "no scanner" in one for one in said)


def test_the_command_from_table_to_page(imitated, found, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        analysis, "stability_of", lambda acquisitions, progress, images: found
    )  # measured before
    out = tmp_path / "out"
    assert main(["audit", "stability", str(imitated.table), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "3 people, 4 acquisitions" in said
    assert re.search(r"smallest detectable change; 95 %: [\d.e+]+ to [\d.e+]+\)", said)
    page = (out / "stability.html").read_text()
    assert page.count("<svg") >= 9 and "<script" not in page and "Harmonised by landmarks" in page
    numbers = json.loads((out / "stability.json").read_text())
    assert [one["harmonised"] for one in numbers["sets"]] == ["", "landmarks"]
    agreement = read_tsv(out / "agreement.tsv")
    row = agreement[(agreement["measure"] == "volume_ml") & (agreement["harmonised"] == "none")].iloc[0]
    assert row["icc2_low"] < row["icc2"] < row["icc2_high"] and row["targets"] == 3
    assert {"change_low", "relative"} <= set(read_tsv(out / "changes.tsv"))
    assert len(read_tsv(out / "distances.tsv")) == 2 * 6
    assert len(read_tsv(out / "measures.tsv")) == 2 * 12
    assert main(["audit", "stability", str(imitated.table), "--out", str(out)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_the_command_that_imitates(tmp_path, monkeypatch, capsys):
    segmenter = stand_in(monkeypatch)
    path, truth = write_scan(tmp_path / "scans", 2)
    command = [
        "audit",
        "stability",
        "--imitate",
        path,
        "--reference",
        truth,
        "--ways",
        "noise=0.05",
        "thick=1.5",
    ]
    command += ["--keep", tmp_path / "kept", "--out", tmp_path / "out"]
    assert main([str(part) for part in command]) == 0
    said = capsys.readouterr().out
    assert segmenter.runs == 2 and "cannot be made 1.5 mm thin" in said
    assert "One person" in said and "No ICC of people is given" in said and "not independent" in said
    page = (tmp_path / "out" / "stability.html").read_text()
    assert "cannot be made 1.5 mm thin" in page


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ([], "Name a table of acquisitions"),
        (["--imitate", "a.nii"], "--keep"),
        (["t.tsv", "--keep", "k"], "--keep is for imitated"),
        (["t.tsv", "--harmonise", "landmarks"], "--harmonise is for imitated"),
        (["t.tsv", "--imitate", "a.nii", "--keep", "k"], "Name a table"),
        (["--imitate", "a.nii", "--ways", "fog", "--keep", "k"], "not by 'fog'"),
        (["--imitate", "a.nii", "b.nii", "--t1", "c.nii", "--keep", "k"], "2 FLAIRs and 1 for t1"),
        (["missing.tsv"], "missing.tsv"),
    ],
)
def test_what_does_not_go_together(options, wrong, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a.nii", "b.nii", "c.nii", "t.tsv"):
        (tmp_path / name).touch()
    assert main(["audit", "stability", *options, "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert wrong in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_without_images_the_rest_is_the_same(imitated, found, tmp_path):
    acquisitions, _ = read_acquisitions(imitated.table)
    plain = stability_of([one for one in acquisitions if not one.harmonised], images=False)[0]
    kept = [one for one in found[0].measured if one.measure.group != RADIOMICS]
    assert [one.agreement for one in plain.measured] == [one.agreement for one in kept]
    assert np.isnan(plain.distances[0].matrices["rmse"]).all()
    write_stability(tmp_path / "out", [plain], "a table", [])
    page = (tmp_path / "out" / "stability.html").read_text()
    assert "RMSE of images" not in page and "Radiomic" not in page and "What moves what" in page


def test_people_of_a_table(tmp_path):
    table = tmp_path / "people.tsv"
    for name in ("x/f.nii", "x/m.nii", "y/f.nii", "y/t.nii", "f.nii", "g.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    table.write_text("patient\tflair\tt1\treference\na\tx/f.nii\t\tx/m.nii\nb\ty/f.nii\ty/t.nii\t\n")
    one, two = people_of_scans([table])
    assert one.paths == {"flair": tmp_path / "x/f.nii"} and one.reference == tmp_path / "x/m.nii"
    assert set(two.paths) == {"flair", "t1"} and two.reference is None
    for text, wrong in (
        ("patient\tt1\na\tb.nii\n", "lacks the column 'flair'"),
        ("patient\tflair\na\t\nb\tf.nii\n", "row 2: the column flair is empty"),
        ("patient\tflair\na\tf.nii\nb\tgone.nii\n", "row 3: there is no flair .*gone.nii; correct"),
        ("patient\tflair\na b\tf.nii\na_b\tg.nii\n", "one folder"),
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=wrong):
            people_of_scans([table])


def write_real(folder, scan, factor=1.0, model="0" * 64):
    """Results of a scan that was really made, the probability times a factor."""
    volume = read_volume(scan, modality="flair")
    level = np.median(volume.data[volume.data > 0])
    probability = np.clip(factor * (volume.data / level - 0.9), 0, 1).astype(np.float32)
    information = {
        "inputs": {"flair": describe_scan(volume)},
        "model": "m",
        "model_sha256": model,
        "method": "one-pass",
        "notes": [],
    }
    prediction = make_prediction(
        probability, grid=volume.grid, brain=volume.data > 0, information=information
    )
    write_results(folder, prediction, rank_lesions(prediction, 0.5, 0.0))
    return folder


def write_table(path, *rows, head="folder\tpatient\tacquisition"):
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.fixture
def real(tmp_path):
    """One person, scanned twice: the second time with another gain and a little noise."""
    scan, _ = write_scan(tmp_path, 3)
    volume = read_volume(scan)
    again = tmp_path / "again.nii.gz"
    noise = np.random.default_rng(0).normal(0, 1, SHAPE)
    write_volume(again, np.where(volume.data > 0, 3 * volume.data + noise, 0), volume.grid, dtype=np.float32)
    write_real(tmp_path / "r1", scan)
    write_real(tmp_path / "r2", again)
    return tmp_path


def test_real_acquisitions_say_that_the_person_may_have_changed(real):
    table = write_table(real / "t.tsv", "r1\tanna\tscanner A", "r2\tanna\tscanner B")
    acquisitions, notes = read_acquisitions(table)
    (found,) = stability_of(acquisitions)
    said = " ".join(sentences(found))
    assert not notes and not found.imitated and "the person may have changed" in said
    assert "No ICC of people" in said
    assert found.distances[0].matrices["rmse"][0, 1] < 0.05  # the gain does not count


@pytest.mark.parametrize(
    ("first", "second", "noted"),
    [("m1", "m2", True), ("", "m2", True), ("m1", "m1", False), ("m1", "", False)],
)
def test_references_that_do_not_count_are_said(real, first, second, noted):
    rows = f"r1\tanna\tA\t{first}", f"r2\tanna\tB\t{second}"
    head = "folder\tpatient\tacquisition\treference"
    _, notes = read_acquisitions(write_table(real / "t.tsv", *rows, head=head))
    assert any("of the first acquisition counts" in note for note in notes) == noted


def test_identical_acquisitions_get_sentences(real):
    scan = real / "person3.nii.gz"
    rows = []
    for person in "abc":
        for k in (1, 2):
            write_real(real / f"{person}{k}", scan)
            rows.append(f"{person}{k}\t{person}\tscan {k}")
    with pytest.raises(InputError, match="same scan; one person has two names"):
        read_acquisitions(write_table(real / "t.tsv", *rows))
    acquisitions, notes = read_acquisitions(write_table(real / "t.tsv", *rows[:2]))
    assert len(notes) == 1 and "one and the same scan" in notes[0]
    (found,) = stability_of(acquisitions)
    assert found.distances[0].matrices["rmse"][0, 1] == 0
    volume = next(one for one in found.measured if one.measure.name == "volume_ml")
    assert volume.agreement.detectable.value == 0 and not volume.agreement.icc2.known


def test_one_scan_by_two_models_is_a_comparison_of_models(real):
    write_real(real / "r3", real / "person3.nii.gz", model="1" * 64)
    acquisitions, notes = read_acquisitions(write_table(real / "t.tsv", "r1\tanna\told", "r3\tanna\tnew"))
    assert len(notes) == 1 and "what is compared is the models" in notes[0] and len(acquisitions) == 2


def test_people_with_one_acquisition_are_left_out(real):
    other, _ = write_scan(real, 1)
    write_real(real / "r3", other)
    table = write_table(real / "t.tsv", "r1\tanna\tA", "r2\tanna\tB", "r3\tben\tA")
    acquisitions, notes = read_acquisitions(table)
    assert notes == ("Left out, with one acquisition only: ben.",)
    assert stability_of(acquisitions)[0].people == ("anna",)
    with pytest.raises(InputError, match="nobody has two acquisitions"):
        read_acquisitions(write_table(real / "t.tsv", "r1\tanna\tA", "r3\tben\tA"))


REFUSED = {
    "no column": (["r1\tanna\tA"], "folder\tpatient\tvisit", "lacks the column 'acquisition'"),
    "nobody": (["r1\tn/a\tA"], None, "row 2: the column patient is empty"),
    "empty cell": (["r1\t\tA"], None, "row 2: the column patient is empty"),
    "no results": (["nowhere\tanna\tA"], None, "row 2: there is no folder .*nowhere; correct the path"),
    "folder twice": (["r1\tanna\tA", "./r1\tanna\tB"], None, "is there twice"),
    "acquisition twice": (["r1\tanna\tA", "r2\tanna\tA"], None, "the acquisition 'A' twice"),
    "strength": (["r1\tanna\tA\tmuch"], "folder\tpatient\tacquisition\tstrength", "strength is 'much'"),
    "nothing": ([], None, "lists no acquisition"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_tables_that_are_refused(real, what):
    rows, head, wrong = REFUSED[what]
    table = write_table(real / "t.tsv", *rows, **({"head": head} if head else {}))
    with pytest.raises(InputError, match=wrong):
        read_acquisitions(table)


def test_a_scan_that_changed_after_it_was_segmented(real):
    table = write_table(real / "t.tsv", "r1\tanna\tA", "r2\tanna\tB")
    volume = read_volume(real / "again.nii.gz")
    write_volume(real / "again.nii.gz", volume.data * 2, volume.grid, dtype=np.float32)
    with pytest.raises(InputError, match="another scan than the results"):
        stability_of(read_acquisitions(table)[0])


def test_values_that_are_missing():
    """NaN of one person takes that person out; of everybody in one acquisition, the acquisition."""
    import pandas as pd

    rng = np.random.default_rng(0)
    names = ("one", "two", "three")
    rows = [
        {"patient": f"p{p}", "acquisition": name, "psu": 0.1 * p + rng.normal(0, 0.01)}
        for p in range(6)
        for name in names
    ]
    table = pd.DataFrame(rows)
    measure = Measure("psu", "PSU")
    table.loc[(table["patient"] == "p2") & (table["acquisition"] == "two"), "psu"] = math.nan
    found = measured_stability(table, measure, PERSONS, names)
    assert (found.left_out, found.without, found.agreement.targets) == (1, (), 5)
    table.loc[table["acquisition"] == "three", "psu"] = math.nan
    found = measured_stability(table, measure, PERSONS, names)
    assert (found.left_out, found.without, found.agreement.acquisitions) == (1, ("three",), 2)
    table["psu"] = math.nan
    assert measured_stability(table, measure, PERSONS, names).agreement is None


def test_lesions_of_many_people_get_their_interval_from_drawing_people():
    """Lesions of a person that are alike say less than as many of other people: the interval is wider."""
    import pandas as pd

    rng = np.random.default_rng(1)
    rows = []
    for person in range(8):
        own, moved = rng.normal(0, 1), rng.normal(0, 0.4, 3)
        for lesion in range(25):
            rows += [
                {
                    "patient": person,
                    "target": lesion,
                    "acquisition": k,
                    "lsu": own + moved[k] + rng.normal(0, 0.05),
                }
                for k in range(3)
            ]
    table = pd.DataFrame(rows)
    found = measured_stability(table, Measure("lsu", "LSU"), LESIONS, (0, 1, 2))
    few = measured_stability(table[table["patient"] < 4], Measure("lsu", "LSU"), LESIONS, (0, 1, 2))
    assert found.drawn and not few.drawn and found.people == 8 and few.people == 4
    wide = found.agreement.icc3.high - found.agreement.icc3.low
    block = table.pivot(index=["patient", "target"], columns="acquisition", values="lsu").to_numpy()
    plain = reliability(block).icc3
    assert wide > 2 * (plain.high - plain.low)
    assert found.agreement.icc3.value == pytest.approx(plain.value)


def test_what_a_folder_without_lesions_says():
    import pandas as pd

    found = person_measures(
        {"lesion_volume_ml": 0.0, "lesions": 0, "patient_uncertainty": None}, pd.DataFrame()
    )
    assert found["volume_ml"] == 0 and found["lesions"] == 0
    assert all(math.isnan(found[name]) for name in ("psu", "mean_doubt", "mean_entropy", "mean_probability"))


@pytest.mark.skipif(not os.environ.get("UNCERTAINSEG_SOAK"), reason="`make soak` runs it")
def test_drawn_intervals_hold_in_the_long_form():
    """Lesions that share much: drawing people holds nine in ten at least, where F holds far fewer."""
    import pandas as pd

    rng, worlds, held = np.random.default_rng(4), 200, np.zeros(2)
    truth = 1 / (1 + 0.4**2 + 0.4**2)
    for _ in range(worlds):
        values = (
            0.7 * rng.normal(0, 1, (12, 1, 1))
            + math.sqrt(1 - 0.49) * rng.normal(0, 1, (12, 20, 1))
            + 0.4 * rng.normal(0, 1, (12, 1, 4))
            + 0.4 * rng.normal(0, 1, (12, 20, 4))
        )
        index = pd.MultiIndex.from_product(
            map(range, (12, 20, 4)), names=["patient", "target", "acquisition"]
        )
        table = pd.DataFrame({"lsu": values.ravel()}, index=index).reset_index()
        drawn = measured_stability(table, Measure("lsu", "LSU"), LESIONS, range(4)).agreement.icc3
        plain = reliability(values.reshape(-1, 4)).icc3
        held += [one.low <= truth <= one.high for one in (plain, drawn)]
    assert held[1] / worlds > 0.88 and held[0] < held[1] - 0.2 * worlds
