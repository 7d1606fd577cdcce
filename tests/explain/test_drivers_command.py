"""`uncertainseg drivers` on folders of results, and what the window is told of one lesion."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.patients.visits import find_visits
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.explain.drivers import of_case
from napari_uncertainseg.explain.drivers.model import (
    FILE,
    DoubtModel,
    DriversFile,
    Weight,
    load_drivers,
    save_drivers,
)
from napari_uncertainseg.explain.drivers.of_case import basis_of, drivers_of_case, drivers_of_one_case
from napari_uncertainseg.explain.drivers.of_results import DOUBTS
from napari_uncertainseg.explain.drivers.reasons import CaseDrivers
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_volume, write_volume
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import AFFINE, make_prediction

SHAPE = (6, 44, 44)
GRID = Grid(SHAPE, AFFINE)
VISITS = ("sub-01_ses-1", "sub-01_ses-2", "sub-02", "sub-03")


def write_visit(folder, seed: int) -> None:
    """Sixteen lesions of 1 to 4 voxels a side, the larger the surer."""
    rng = np.random.default_rng(seed)
    p, flair = rng.uniform(0, 0.02, SHAPE).astype(np.float32), rng.normal(100, 5, SHAPE).astype(np.float32)
    for number in range(16):
        side, a, r = 1 + number % 4, 2 + 11 * (number // 4), 2 + 11 * (number % 4)
        box = np.s_[2:4, a : a + side, r : r + side]
        p[box], flair[box] = 0.55 + 0.1 * side + rng.uniform(-0.03, 0.03), 140
    folder.mkdir(parents=True)
    write_volume(folder / "flair.nii.gz", flair, GRID)
    scan = read_volume(folder / "flair.nii.gz")
    inputs = {
        "flair": {"name": "flair", "path": str(folder / "flair.nii.gz"), "scan_sha256": scan_sha256(scan)}
    }
    prediction = make_prediction(p, grid=GRID, information={"inputs": inputs, "model": "a test"})
    write_results(folder / "results", prediction, rank_lesions(prediction, 0.5, 1.0))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    base = tmp_path_factory.mktemp("study")
    for seed, name in enumerate(VISITS):
        write_visit(base / name, seed)
    return base


def run(*arguments) -> int:
    return main([str(a) for a in arguments])


def test_drivers_of_a_cohort_are_said_and_written(study, tmp_path, capsys):
    folders, out = [study / name / "results" for name in VISITS], tmp_path / "out"
    assert run("drivers", *folders, "--measure", "doubt", "mean_entropy", "--out", out) == 0
    said = capsys.readouterr().out
    assert "64 lesions of 3 patients in 4 folders" in said  # two visits of sub-01
    assert "'doubt' goes with size (small; share" in said
    lesions = read_tsv(out / "lesions.tsv")
    assert len(lesions) == 64 and set(lesions["patient"]) == {"sub-01", "sub-02", "sub-03"}
    row = lesions[lesions["volume_mm3"] == lesions["volume_mm3"].max()].iloc[0]
    assert row["volume_mm3"] == pytest.approx(2 * 4 * 4 * GRID.voxel_volume)
    correlations = read_tsv(out / "correlations.tsv")
    assert set(correlations["measure"]) == {"doubt", "mean_entropy"}
    size = correlations[(correlations["driver"] == "volume_mm3") & (correlations["measure"] == "doubt")]
    assert float(size["high"].iloc[0]) < -0.8
    assert read_tsv(out / "groups.tsv").groupby("measure")["share"].sum().tolist() == pytest.approx([1, 1])
    assert read_tsv(out / "fits.tsv")["p"].max() <= 0.05
    assert set(load_drivers(out / FILE).measures) == {"doubt", "mean_entropy"}
    assert (out / "drivers.png").stat().st_size > 10_000 and (out / "drivers.svg").is_file()
    assert run("drivers", *folders, "--out", out) == 2
    assert "not empty" in capsys.readouterr().err


def test_what_cannot_be_used_is_one_line(study, tmp_path, capsys):
    two = [study / name / "results" for name in VISITS[:3]]
    tables = {
        "columns.tsv": ("patient\nx\n", "lacks the column 'folder'"),
        "empty.tsv": ("folder\tpatient\n\tx\n", "row 2: the column folder is empty"),
        "nowhere.tsv": ("folder\nnowhere\n", "row 2:"),
        "twice.tsv": (f"folder\n{two[0]}\n{two[0]}\n", "named twice"),
    }
    for name, (content, _) in tables.items():
        (tmp_path / name).write_text(content)
    cases = [([tmp_path / name], says) for name, (_, says) in tables.items()]
    cases += [(two, "3 patients at least, not 2"), ([tmp_path], "no folder of results")]
    cases += [([*two, "--measure", "nothing"], "lacks the column 'nothing'")]
    for arguments, says in cases:
        assert run("drivers", *arguments) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1
    with pytest.raises(SystemExit):
        run("drivers", *two, "--seed", -1)
    assert "--seed: -1 should be a whole number, 0 or more" in capsys.readouterr().err


def test_whose_a_folder_is(study, tmp_path):
    table = tmp_path / "cases.tsv"
    table.write_text(f"folder\tpatient\tsource\n{study / VISITS[0] / 'results'}\tAnna\tRome\n")
    (visit,), notes = find_visits([table])
    assert (visit.patient, visit.source, notes) == ("Anna", "Rome", [])
    rows = [f"{study / VISITS[0] / 'results'}\t01\tRome", f"{study / VISITS[2] / 'results'}\t01\tOslo"]
    table.write_text("\n".join(["folder\tpatient\tsource", *rows]))
    assert "'01' is in several sources, and counts as one person" in " ".join(find_visits([table])[1])
    (tmp_path / "visits").mkdir()
    for name in ("a", "b"):
        (tmp_path / "visits" / name).symlink_to(study / f"sub-0{2 if name == 'a' else 3}" / "results")
    found, _ = find_visits([tmp_path])
    assert [one.patient for one in found] == ["sub-02", "sub-03"]


def test_a_lesion_is_told_by_the_file_beside_the_model(study, tmp_path, monkeypatch):
    saved = read_saved_results(study / VISITS[0] / "results")
    lesions = rank_lesions(saved.prediction, 0.5, 1.0)
    weights = {
        "volume_mm3": Weight(weight=-0.2, centre=2.5, unit=1.0, leads=-0.9),
        "surface_mm2": Weight(weight=0.05, centre=3.0, unit=1.0, leads=-0.8),
        "place: juxtacortical": Weight(weight=0.3, centre=0.0, unit=1.0, leads=1.0),
    }
    model = DoubtModel(
        constant=0.3,
        weights=weights,
        lesions=50,
        patients=9,
        sources=("a", "b"),
        r2_patients=0.6,
        r2_sources=0.1,
    )
    save_drivers(DriversFile(version=1, measures={"doubt": model}), tmp_path / FILE)
    monkeypatch.setattr(of_case, "find_model", lambda name: type("M", (), {"folder": tmp_path}))
    places = pd.DataFrame({"place": ["juxtacortical"]}, index=[1])
    found = drivers_of_case(saved.prediction, lesions, saved.scans, places)
    assert "50 lesions of 9 patients from 2 sources" in found.basis
    assert "In hospitals left out the drivers explain doubt poorly (R2 0.10)" in found.basis
    place, size = sorted(found.reasons(1), key=lambda one: one.driver)
    assert (place.words, place.raises, place.value) == ("at the cortex", True, "")
    assert size.words == "small" and size.raises and size.value.endswith("mm3")
    assert place.share + size.share == pytest.approx(1)
    added = model.contributions(found.table.loc[[1]]).iloc[0]
    expected = 0.3 / (0.3 + abs(added["volume_mm3"] + added["surface_mm2"]))
    assert place.share == pytest.approx(expected)
    assert found.sentence(1).startswith("More doubtful because ")
    with pytest.raises(KeyError):
        found.reasons(999)
    # Of another model or method, or no such file: not used.
    assert not DriversFile(version=1, model_sha256="other", measures={}).fits(saved.prediction.information)
    assert not DriversFile(version=1, methods=("flips",), measures={}).fits(saved.prediction.information)
    (tmp_path / FILE).write_text("{}")
    assert of_case.find_drivers(saved.prediction.information) is None
    with pytest.raises(InputError, match="version"):
        load_drivers(tmp_path / FILE)
    for name in ("age", "place", "place: moon", "contrast"):
        one = model.model_dump(mode="json") | {"weights": {name: weights["volume_mm3"].model_dump()}}
        (tmp_path / FILE).write_text(json.dumps({"version": 1, "measures": {"doubt": one}}))
        with pytest.raises(InputError, match=f"names '{name}', which is no driver"):
            load_drivers(tmp_path / FILE)


def test_a_scan_that_is_not_there_is_no_reason():
    """The bundled drivers go by the FLAIR, and here there is a T1 alone."""
    doubt = load_drivers(find_model("bundled").folder / FILE).measures["doubt"]
    table = pd.DataFrame({"volume_mm3": [65.0], "place": "unknown", "contrast_t1": [6.0]}, index=[1])
    found = CaseDrivers(table, doubt, "doubt", "")
    contrast = next(one for one in found.reasons(1) if one.driver == "contrast")
    assert (contrast.column, contrast.value) == ("contrast_t1", "6 SD")


def test_the_bundled_model_brings_drivers_for_its_doubt():
    bundled = find_model("bundled")
    found = of_case.find_drivers({"model": "bundled", "model_sha256": bundled.sha256, "method": "one-pass"})
    assert found is not None and set(found.measures) == set(DOUBTS)
    assert of_case.find_drivers({"model": "bundled", "model_sha256": "other", "method": "one-pass"}) is None
    doubt = found.measures["doubt"]
    assert (doubt.lesions, doubt.patients, len(doubt.sources)) == (487, 12, 4)
    assert doubt.r2_patients > doubt.r2_sources > 0.5
    assert doubt.weights["volume_mm3"].leads < 0 < doubt.weights["slice_mm"].leads
    assert "the doubt of networks of the same kind about 487 lesions" in basis_of(doubt)


def test_without_a_file_the_case_speaks_for_itself_or_only_facts_are_told():
    rng = np.random.default_rng(0)
    volume = rng.uniform(5, 500, 60)
    table = pd.DataFrame(
        {"volume_mm3": volume, "place": "juxtacortical", "contrast_t1": rng.normal(size=60)},
        index=pd.Index(range(1, 61), name="label"),
    )
    doubt = pd.Series(1 - np.log1p(volume) / 8 + rng.normal(0, 0.02, 60), table.index, name="doubt")
    own = drivers_of_one_case(table, doubt)
    assert own.model is not None and "60 lesions of this case alone" in own.basis
    smallest = int(np.argmin(volume)) + 1
    first = own.reasons(smallest)[0]
    assert (first.driver, first.words, first.raises) == ("size", "small", True) and first.share > 0.7
    drawn = drivers_of_one_case(table, doubt.where(doubt.index != smallest))
    assert drawn.model is not None and drawn.sentence(smallest).startswith("In this case it stands out as ")
    none = drivers_of_one_case(table, pd.Series(rng.permutation(doubt), table.index, name="doubt"))
    assert none.model is None and "does not go with" in none.basis
    few = drivers_of_one_case(table[:10], doubt[:10])
    assert few.model is None and "30 lesions at least, not 10" in few.basis
    facts = CaseDrivers(table, None, "", "").reasons(smallest)
    assert [one.words for one in facts if one.driver in ("size", "place")] == ["at the cortex", "small"]
    assert all(np.isnan(one.share) and one.raises is None for one in facts)
    alone = CaseDrivers(table[:1].assign(place="unknown"), None, "", "")
    assert alone.reasons(1) == () and "like most lesions" in alone.sentence(1)
    assert "networks" not in basis_of(own.model)
