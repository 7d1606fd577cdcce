"""Whose case a session is about: told by what the scans hold, shown by a name that no other has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_uncertainseg.evaluate.session_report import write_report
from napari_uncertainseg.review.reports.snapshot import take_snapshot
from napari_uncertainseg.review.reports.statistics import compute_statistics
from napari_uncertainseg.review.reports.verdict_table import as_json, verdict_table
from napari_uncertainseg.review.store.predictions import register_prediction
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.session.session_list import SessionList
from napari_uncertainseg.widgets.shared.session_file import SessionFile

from .fakes import fake_prediction


def of(prediction, name: str, identity: str | None, *, path: str | None = None):
    """A prediction of a DICOM folder, of which no file can be hashed."""
    about = {"model": "m", "method": "layers", "model_sha256": "c" * 64}
    about["inputs"] = {"flair": {"name": "flair", "path": path, "sha256": None}}
    if identity is not None:
        about["case"] = {"sha256": identity, "name": name}
    return replace(prediction, information=about)


def read(store, prediction, annotator: str) -> str:
    case, output = register_prediction(store, prediction)
    tasks = [NewTask(case, output, "lesion", 1, (1, 2, 3), 0.5, 0.5, 9.0)]
    session = store.open_session(store.project("x"), store.annotator(annotator), "review", tasks, {})
    store.record(session, "verdict", store.tasks(session)[0].id, {"decision": "accepted"})
    return session


@pytest.mark.parametrize("known", [True, False], ids=["today's", "of an older version"])
def test_two_folders_of_one_name_are_two_cases(tmp_path, grid, mask, known) -> None:
    """Two patients, each in a folder called flair; no name, no report and no agreement mixes them."""
    one, two = fake_prediction(mask, grid), fake_prediction(~mask, grid)
    names = ("a" * 64, "b" * 64) if known else (None, None)
    a = of(one, "anna/flair", names[0], path="/data/anna/flair")
    b = of(two, "bert/flair", names[1], path="/data/bert/flair")
    with Store(tmp_path / "s.db") as store:
        sessions = [read(store, a, "reader 1"), read(store, b, "reader 2")]
        cases = [store.tasks(id)[0].case for id in sessions]
        assert cases[0] != cases[1] and register_prediction(store, a)[0] == cases[0]
        assert [store.folder(case) for case in cases] == ["/data/anna/flair", "/data/bert/flair"]
        assert list(verdict_table(store)["case"]) == ["anna/flair", "bert/flair"]
        assert not compute_statistics(take_snapshot(store)).agreements  # they did not read the same place


def test_two_patients_of_one_name_are_called_differently_everywhere(tmp_path, prediction, qtbot) -> None:
    alike = [of(prediction, "sub-01_ses-01", digit * 64) for digit in "ab"]
    path = tmp_path / "s.db"
    with Store(path) as store:
        for i, one in enumerate(alike):
            read(store, one, f"reader {i}")
        names = list(verdict_table(store)["case"])
        assert names == ["sub-01_ses-01", "sub-01_ses-01 bbbb"]
        assert [row.name for row in compute_statistics(take_snapshot(store)).cases] == names
        assert set(verdict_table(store, named=False)["case"]) == {"case 1", "case 2"}
        archived = [s["tasks"][0]["case_name"] for s in as_json(store)["sessions"]]
        assert sorted(archived) == names
        write_report(store, tmp_path / "r.html", pictures=False)
        assert all(f">{name}<" in (tmp_path / "r.html").read_text() for name in names)
    file = SessionFile(path)
    shown = SessionList(file)
    qtbot.addWidget(shown)
    shown.refresh()
    cells = [shown.item(row, 0) for row in range(2)]
    assert len({cell.text() for cell in cells}) == 2
    assert {cell.toolTip() for cell in cells} == {f"<span>{name}</span>" for name in names}
    file.close()


def test_one_case_keeps_its_name_whatever_it_is_called_later(tmp_path, prediction) -> None:
    """The same scan, opened from elsewhere."""
    with Store(tmp_path / "s.db") as store:
        first = register_prediction(store, of(prediction, "sub-01", "a" * 64))
        assert register_prediction(store, of(prediction, "Downloads/flair", "a" * 64)) == first
        assert store.case_name(first[0]) == "sub-01"


@pytest.mark.parametrize("name", ["x" * 5000, "a\udce9b", " \n", "<img src=x>", "\t", "None"])
def test_odd_names_are_kept(tmp_path, prediction, name) -> None:
    with Store(tmp_path / "s.db") as store:
        cases = [register_prediction(store, of(prediction, name, digit * 64))[0] for digit in "ab"]
        called = [store.case_name(case) for case in cases]
        assert len(set(called)) == 2 and all(0 < len(one) <= 200 for one in called)


@pytest.mark.parametrize("identity", ["None", "", "a" * 63, "A" * 64, 5])
def test_what_is_no_identity_is_none(tmp_path, grid, mask, identity) -> None:
    one, two = fake_prediction(mask, grid), fake_prediction(~mask, grid)
    with Store(tmp_path / "s.db") as store:
        kept = [register_prediction(store, of(p, "flair", identity))[0] for p in (one, two)]
        assert kept[0] != kept[1] and Path(store.folder(kept[0])).name == "flair"


def test_sessions_that_cannot_be_read_are_told_beside_the_others(tmp_path, prediction, qtbot) -> None:
    from sqlalchemy import text

    from napari_uncertainseg._base import InputError

    path = tmp_path / "s.db"
    with Store(path) as store:
        bad, good = (read(store, of(prediction, "n", digit * 64), digit) for digit in "ab")
        with store._engine.begin() as connection:
            connection.execute(text("UPDATE session SET opened = x'ff' WHERE id = :id"), {"id": bad})
    shown = SessionList(SessionFile(path))
    qtbot.addWidget(shown)
    with pytest.raises(InputError, match=rf"Not all sessions can be read\. Session {bad}"):
        shown.refresh()
    shown.selectRow(0)
    assert shown.rowCount() == 1 and shown.session.id == good
    shown._file.close()
