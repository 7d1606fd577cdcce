"""Reports: true to the sessions, whole, and safe to open whatever stands in the database."""

from __future__ import annotations

import base64
import io
import json
import re
import sqlite3
from html.parser import HTMLParser

import numpy as np
import pytest

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.evaluate import place_pictures
from napari_uncertainseg.evaluate.place_pictures import draw, ring_of
from napari_uncertainseg.evaluate.session_report import write_report
from napari_uncertainseg.images.files import read_volume, write_volume
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.lessons.lesson import Lesson
from napari_uncertainseg.review.reports.html import Markup, escaped, format_number, table
from napari_uncertainseg.review.reports.summary import summarise
from napari_uncertainseg.review.reports.verdict_table import verdict_table
from napari_uncertainseg.review.session.rereading import kappa, open_next_reading, reading_status
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

from .conftest import fill

HOSTILE = "<script>alert('x')</script>&\"<img src=https://evil.example/x onerror=y>"
VOID = {"meta", "img"}


class Page(HTMLParser):
    """A strict reader: every element is closed in its order, and the cells of each table are kept."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.said = ""
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.said += data
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def table(self, *titles: str) -> list[dict[str, str]]:
        """Rows of the first table that has some columns."""
        for head, *rows in self.tables:
            if set(titles) <= set(head):
                return [dict(zip(head, row, strict=True)) for row in rows]
        raise AssertionError(f"no table of {titles}")


def report(store, path, **options) -> Page:
    write_report(store, path, **options)
    page = Page(path.read_text("utf-8"))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form", "svg", "a"}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "href"]
        assert (attributes.get("src") or "data:image/png;base64,").startswith("data:image/png;base64,")
    return page


def judge(store, session, decisions, **about):
    for task in store.tasks(session):
        if task.label in decisions:
            store.record(session, "verdict", task.id, {"decision": decisions[task.label], **about})


@pytest.fixture
def out(tmp_path):
    return tmp_path / "report.html"


@pytest.fixture
def read(store):
    """Three readings: two differ on lesions 2 and 5, the third has judged lesion 2."""
    first = fill(store)
    judge(store, first, dict.fromkeys(range(1, 6), "accepted"), seconds=4.0)
    second = open_next_reading(store, first, "second", seed=0)
    judge(store, second, {1: "accepted", 2: "rejected", 3: "accepted", 5: "unsure"}, seconds=7.5)
    store.record(second, "closed")
    third = open_next_reading(store, first, "third", seed=1)
    judge(store, third, {2: "rejected"})
    store.record(third, "closed")
    return first, second, third


def scan(folder, *, shape=(8, 60, 50), spacing=(3.0, 2.0, 2.0)):
    """A scan on disk with a bright block at (s, a, r) = (4, 40, 10): anterior, and on the patient's left."""
    s, a, r = spacing
    affine = np.array([[0, 0, r, -40], [0, a, 0, -60], [s, 0, 0, 0], [0, 0, 0, 1]], float)
    data = np.random.default_rng(0).uniform(20, 60, shape).astype(np.float32)
    data[4, 38:43, 8:13] = 200
    folder.mkdir(exist_ok=True)
    return write_volume(folder / "FLAIR.nii.gz", data, Grid(shape, affine))


def drawn(page: Page) -> list[np.ndarray]:
    from matplotlib.image import imread

    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    return [imread(io.BytesIO(base64.b64decode(s.partition(",")[2]))) for s in sources]


# -- what it says -----------------------------------------------------------------------------------


def test_numbers_are_those_of_the_sessions(store, read, out) -> None:
    first, second, _ = read
    page = report(store, out, pictures=False)
    rows = {row["session"]: row for row in page.table("session", "annotator", "verdicts")}
    table = verdict_table(store)
    for id in read:
        row, mine = rows[id[:8]], table[table["session"] == id]
        judged = mine[mine["decision"] != ""]
        assert row["annotator"] == mine["annotator"].iloc[0] and row["case"] == "patient07"
        assert row["reviewed"] == f"{len(judged)} of {len(mine)}"
        counts = dict(re.findall(r"(\w+)=(\d+)", re.sub(r"(\d+)\s(\w+)", r"\2=\1", row["verdicts"])))
        assert {k: int(v) for k, v in counts.items()} == judged["decision"].value_counts().to_dict()
    assert [rows[id[:8]]["seconds per lesion, median"] for id in read] == ["4.0", "7.5", "–"]  # noqa: RUF001
    assert [rows[id[:8]]["state"] for id in read] == ["open", "closed", "closed"]
    assert rows[second[:8]]["kind"] == f"second reading of {first[:8]}"

    integrity = {row["session"]: row for row in page.table("session", "journal", "last hash")}
    assert {id: integrity[id]["last hash"] for id in read} == {id: store.head(id) for id in read}
    wrong = {(r["session"], r["target"]): r for r in page.table("model wrong")}
    counted = table[table["decision"] != ""].groupby("session")["model_wrong"].sum()
    assert {id: int(wrong[id[:8], "lesion"]["model wrong"].split()[0]) for id in read} == counted.to_dict()
    assert wrong[second[:8], "lesion"]["undecided"] == "1"
    assert "research only" in page.said and "not a medical device" in page.said and store.name in page.said


def test_places_on_which_readers_differ(store, read, out) -> None:
    first = read[0]
    page = report(store, out, pictures=False)
    found = reading_status(store, first)
    rows = page.table("reader", "second", "third")
    assert [row["location"] for row in rows] == [", ".join(map(str, t.voxel)) for t in found.differing]
    said = [(row["reader"], row["second"], row["third"]) for row in rows]
    assert said == [("accepted", "rejected", "rejected"), ("accepted", "unsure", "not reviewed")]
    assert [row["doubt (LSU)"] for row in rows] == [f"{t.uncertainty:.2f}" for t in found.differing]
    assert [row["probability"] for row in rows] == ["0.50", "0.50"] and rows[0]["volume, mm³"] == "12"
    expected = kappa([("accepted", x) for x in ("accepted", "rejected", "accepted", "unsure")])
    assert f"agree on 2 of 4 locations that both reviewed; Cohen's kappa {expected:.2f}" in page.said
    # doubt is 0.9 - i / 10 of lesion i + 1: 0.9 and 0.7 agree, 0.8 and 0.5 differ
    assert "0.80 where they agree (2 locations) and 0.65 where they differ (2 locations)" in page.said
    doubtful = page.table("decisions", "doubt (LSU)")
    assert [row["location"] for row in doubtful] == [
        "0, 2, 3",
        "2, 2, 3",
        "3, 2, 3",
    ]  # others are above


def test_one_session_comes_with_its_readings_and_no_other(store, read, out) -> None:
    other = fill(store, annotator="somebody else")
    for session in read:  # of whichever reading one asks
        found = write_report(store, out, session_id=session, pictures=False)
        assert {part.session.id for part in found.sessions} == set(read)
    found = write_report(store, out, session_id=other, pictures=False)
    assert [part.session.id for part in found.sessions] == [other] and not found.reread
    assert "somebody else" in out.read_text() and read[0][:8] not in out.read_text()
    with pytest.raises(InputError, match="there is no session nobody"):
        write_report(store, out, session_id="nobody")


def test_training_is_scored_as_a_lesson_is(store, out) -> None:
    case = store.case(store.project("training"), "case", "nowhere")
    tasks = [NewTask(case, None, "lesion", 0, (i, 1, 1), None, 0.4, 5.0 * i) for i in range(12)]
    exists = [i % 2 == 0 for i in range(12)]
    settings = {"exists": exists, "arms": ["without", "first"] * 6, "threshold": 0.5}
    who = store.annotator("pupil")
    session = store.open_session(store.project("training"), who, "training", tasks, settings)
    for i, task in enumerate(store.tasks(session)):
        right = exists[i] != (i in (3, 5, 8))
        said = {"decision": "accepted" if right else "rejected", "confidence": 0.55 + 0.04 * (i % 9)}
        store.record(session, "verdict", task.id, said)
    page = report(store, out)
    score = Lesson(store, session).score()
    row = page.table("answers", "Brier")[0]
    assert row["answers"] == "all" and row["right"] == f"{100 * score.accuracy:.0f} %" == "75 %"
    assert row["d'"] == f"{score.sensitivity:.2f}" and row["criterion"] == f"{score.criterion:.2f}"
    assert row["Brier"] == f"{score.brier:.3f}"
    assert (row["missed"], row["false alarms"]) == ("1 of 6", "2 of 6")
    bins = page.table("stated probability", "share that is lesion")
    assert sum(int(row["answers"]) for row in bins) == 12
    assert len(bins) == np.count_nonzero(score.confidence.count)
    with pytest.raises(AssertionError):
        page.table("model wrong")  # answers of a lesson say nothing of the model

    odd = store.open_session(store.project("training"), who, "training", tasks, {"exists": [True]})
    assert "cannot be scored" in report(store, out).said
    judge(store, odd, {0: "accepted"})
    broken = report(store, out)
    assert "cannot be scored" in broken.said and broken.table("answers", "Brier")[0]["answers"] == "all"
    assert odd in broken.said.split("cannot be scored")[1]
    assert "the report with names says why" in report(store, out, named=False).said


def test_an_outline_tells_its_numbers(store, out) -> None:
    case = store.case(store.project("training"), "case", "nowhere")
    task = NewTask(case, None, "case", 0, (1, 1, 1), None, None, 5.0)
    who = store.annotator("pupil")
    session = store.open_session(store.project("training"), who, "training", [task], {"outline": True})
    score = {"dice": 0.625, "hd95_mm": None, "slices": 3}
    (made,) = store.tasks(session)
    store.record(session, "verdict", made.id, {"decision": "outlined", "score": score})
    rows = report(store, out).table("outline against the consensus")
    assert {tuple(row.values()) for row in rows} == {("Dice", "0.62"), ("axial slices compared", "3")}


def test_no_session_and_none_judged(store, out) -> None:
    page = report(store, out)
    assert "holds no session yet" in page.said and "no journal to check" in page.said
    fill(store)
    page = report(store, out)
    assert page.table("session", "verdicts")[0]["reviewed"] == "0 of 5"
    assert page.table("session", "verdicts")[0]["verdicts"] == "none yet"
    assert (
        "not read by" in page.said.replace("was read by", "not read by")
        and "No lesion was reviewed" in page.said
    )


def test_what_is_not_sound_is_told(store, path, out) -> None:
    session = fill(store)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE entry SET at = 'yesterday'")
    connection.close()
    page = report(store, out)
    assert "1 journal not sound" in page.said and "All journals are sound" not in page.said
    assert page.table("journal")[0]["journal"] == store.verify()[session]
    assert "session verify" in report(store, out, named=False).table("journal")[0]["journal"]


# -- what it must not do ----------------------------------------------------------------------------


def test_what_a_database_holds_is_text(tmp_path, out) -> None:
    with Store(tmp_path / "hostile.db") as store:
        project = store.project(HOSTILE)
        case = store.case(project, HOSTILE, HOSTILE)
        tasks = [NewTask(case, None, "lesion", i, (i, 1, 1), 0.5, 0.5, 9.0) for i in range(1, 4)]
        first = store.open_session(project, store.annotator(HOSTILE), "review", tasks, {"order": HOSTILE})
        judge(store, first, {1: "accepted", 2: HOSTILE}, comment=HOSTILE)
        second = open_next_reading(store, first, HOSTILE + "2", seed=0)
        judge(store, second, {1: "rejected", 2: "accepted"}, comment="\x1b[2J\u202eesrever")
        settings = {"of": HOSTILE, "reading": HOSTILE}
        store.open_session(project, store.annotator("x"), "qc", tasks, settings)
        settings = {"exists": [HOSTILE] * 3, "arms": [HOSTILE] * 3, "threshold": HOSTILE}
        store.open_session(project, store.annotator("x"), "training", tasks, settings)
        store.open_session(project, store.annotator("x"), "training", tasks, {"arms": 3})
        page = report(store, out)
    raw = out.read_text()
    assert "<script" not in raw and "<img src=https" not in raw and "\x1b" not in raw and "\u202e" not in raw
    assert page.said.count(HOSTILE) > 10  # whole, and nothing but text
    assert not [t for t, a in page.tags if t == "img"]
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in policy


def test_nothing_is_fetched(store, read, out) -> None:
    report(store, out, pictures=False)
    raw = out.read_text()
    assert not re.search(r"https?:|//|url\(|@import", raw.replace(store.name, ""))


def test_settings_of_another_program_end_in_a_sentence(store, path, out) -> None:
    fill(store)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE session SET settings = '[]', kind = 'qc'")
    connection.close()
    assert "not sound" in report(store, out).said


def test_numbers_that_are_none(store, path, out) -> None:
    session = fill(store)
    judge(store, session, {1: "accepted"}, seconds=1.5)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE entry SET content = replace(content, ':1.5', ':\"soon\"')")
        connection.execute("UPDATE task SET uncertainty = '<b>', volume_mm3 = 'big', probability = 9e999")
    connection.close()
    sound = fill(store, annotator="somebody else")
    said = report(store, out).said
    assert f"not in this report: Task 1 of session {session}: its uncertainty" in said
    assert "1 journal not sound" in said and sound in said
    with pytest.raises(InputError, match=f"session {session}"):
        write_report(store, out, session_id=session)


def test_text_is_escaped_once() -> None:
    assert escaped("<&'\">") == "&lt;&amp;&#39;&#34;&gt;" and escaped(escaped("<")) == "&lt;"
    assert escaped("a\ud800b\x00") == "a?b\N{REPLACEMENT CHARACTER}"
    assert table(["<a>"], [["<b>"], [Markup("<i></i>")]]).count("&lt;") == 2
    odd = (None, float("nan"), "x", True)
    assert {format_number(x) for x in odd} == {"\N{EN DASH}"}
    assert [format_number(x) for x in (-0.001, 2)] == ["0.00", "2.00"]


def test_without_names(store, tmp_path, out) -> None:
    secret = tmp_path / "Smith^John" / "FLAIR.nii.gz"
    case = store.case(store.project("Smith's"), "Smith", str(secret))
    tasks = [NewTask(case, None, "lesion", i, (i, 1, 1), 0.5, 0.5, 9.0) for i in range(1, 4)]
    first = store.open_session(store.project("Smith's"), store.annotator("Dr Who"), "review", tasks, {})
    judge(store, first, {1: "accepted", 2: "accepted"}, comment="Mr Smith's")
    second = open_next_reading(store, first, "Dr No", seed=0)
    judge(store, second, {1: "rejected", 2: "accepted"})
    page = report(store, out, named=False)
    raw = out.read_text()
    assert not any(name in raw for name in ("Smith", "Who", "Dr ", store.name, str(tmp_path)))
    called = verdict_table(store, named=False).groupby("session")["annotator"].first()
    rows = {row["session"]: row["annotator"] for row in page.table("annotator", "verdicts")}
    assert rows == {id[:8]: name for id, name in called.items()}
    assert page.table("annotator 1", "annotator 2")[0]["case"] == "case 1" and "Comments" not in page.said
    assert "There are no pictures of case 1" in page.said
    named = report(store, out)
    assert "Mr Smith's" in named.said and f"{secret} is not there" in named.said


def test_it_is_whole_or_not_there(store, read, out, tmp_path) -> None:
    with pytest.raises(InputError, match=r"end its name in \.html"):
        write_report(store, tmp_path / "sessions.db")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(store, tmp_path / "none" / "report.html")

    def stop(stage: str, fraction: float) -> None:
        assert 0 <= fraction <= 1
        if fraction > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_report(store, out, progress=stop)
    assert not list(tmp_path.glob("*report*"))


# -- pictures ---------------------------------------------------------------------------------------


def test_a_place_is_drawn_as_radiologists_see_it(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    volume = read_volume(scan(tmp_path))
    # looked at from 20 mm behind the block and 20 mm to its right: 10 voxels each
    png = draw(volume, (4, 30, 20), 6.0, (0, 204))
    image = imread(io.BytesIO(png))[..., :3]
    size = image.shape[0]
    assert image.shape == (size, size, 3)
    white = np.argwhere((image > 0.95).all(axis=2))
    inside = white[(abs(white - size / 2) < 0.4 * size).all(axis=1)]  # not the letters
    row, column = inside.mean(axis=0) / size
    # anterior is up; the patient's left on the right; 100 mm across
    assert row == pytest.approx(0.5 - 0.2, abs=0.02) and column == pytest.approx(0.5 + 0.2, abs=0.02)
    ring = np.argwhere((image[..., 0] > 0.8) & (image[..., 2] < 0.2)) / size
    assert ring.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.02)
    assert np.linalg.norm(ring - 0.5, axis=1) == pytest.approx(0.06, abs=0.015)
    assert ring_of(None) == ring_of("x") == 5 and ring_of(1e9) == 40 and ring_of(4000.0) > 10


def test_pictures_of_a_scan_as_any_file_holds_it(store, tmp_path, out) -> None:
    """The same place, whatever the order and direction of the file's axes."""
    pytest.importorskip("matplotlib")
    import nibabel as nib

    pages = []
    original = nib.load(scan(tmp_path / "a"))
    (tmp_path / "b").mkdir()
    turned = original.as_reoriented(nib.orientations.axcodes2ornt(("S", "L", "P")))
    nib.save(turned, tmp_path / "b" / "FLAIR.nii.gz")
    for name in ("a", "b"):
        with Store(tmp_path / f"{name}.db") as one:
            case = one.case(one.project("p"), "case", str(tmp_path / name / "FLAIR.nii.gz"))
            task = NewTask(case, None, "lesion", 1, (4, 40, 10), 0.5, 0.5, 9.0)
            session = one.open_session(one.project("p"), one.annotator("r"), "review", [task], {})
            judge(one, session, {1: "accepted"})
            pages.append(report(one, out))
    first, second = (drawn(page) for page in pages)
    assert len(first) == len(second) == 1 and np.allclose(first[0], second[0], atol=0.02)


def test_a_case_is_not_drawn_on_another_patients_scan(store, tmp_path, out) -> None:
    """The folder of the inbox holds somebody else's scan by now, of the same shape."""
    pytest.importorskip("matplotlib")
    path = scan(tmp_path)
    volume = read_volume(path)
    case = store.case(store.project("p"), "case", str(path), "a" * 64)
    task = NewTask(case, None, "lesion", 1, (4, 40, 10), 0.5, 0.5, 9.0)
    about = {"flair": scan_sha256(volume)}
    session = store.open_session(store.project("p"), store.annotator("r"), "review", [task], about)
    judge(store, session, {1: "accepted"})
    assert len(drawn(report(store, out))) == 1
    write_volume(path, volume.data[:, ::-1], volume.grid)
    page = report(store, out)
    assert not drawn(page) and "now another scan" in page.said


def test_each_place_once_and_what_cannot_be_drawn_in_words(store, tmp_path, out, monkeypatch) -> None:
    pytest.importorskip("matplotlib")
    project, who = store.project("p"), store.annotator("r")
    good = store.case(project, "good", str(scan(tmp_path / "a")))
    (tmp_path / "text.nii.gz").write_text("no scan")
    broken = store.case(project, "broken", "text.nii.gz")  # beside the file of the sessions
    tasks = [NewTask(good, None, "lesion", i, (4, 2 * i, 10), i / 40, 0.5, 9.0) for i in range(1, 19)]
    tasks += [NewTask(good, None, "lesion", 19, (99, 0, 0), 0.99, 0.5, 9.0)]
    tasks += [NewTask(broken, None, "lesion", 20, (4, 4, 4), 0.9, 0.5, 9.0)]
    tasks += [NewTask(good, None, "case", 21, (4, 4, 4), 0.9, 0.5, 9.0)]
    first = store.open_session(project, who, "review", tasks, {})
    judge(store, first, dict.fromkeys(range(1, 22), "accepted"))
    second = open_next_reading(store, first, "second", seed=0)
    judge(store, second, {**dict.fromkeys(range(1, 21), "accepted"), 2: "rejected", 21: "rejected"})
    page = report(store, out)
    # the one that differs, and eleven of the twelve most doubtful: one of them lies outside
    assert len(drawn(page)) == 12
    assert "1 of the locations of good lie outside" in page.said
    assert "There are no pictures of broken" in page.said and "text.nii.gz" in page.said
    captions = re.findall(r"good, lesion at 4, (\d+), 10", page.said)
    assert sorted(map(int, captions)) == sorted([4, *range(16, 37, 2)])
    assert not drawn(report(store, out, pictures=False)) and "no pictures" not in out.read_text()
    monkeypatch.setattr(place_pictures, "MOST", 3)
    assert len(drawn(report(store, out))) == 2 and "the first 3 are drawn" in out.read_text()
    monkeypatch.setattr(place_pictures, "can_draw", lambda: False)
    page = report(store, out)
    assert not drawn(page) and "matplotlib is not installed" in page.said


@pytest.mark.posix
def test_a_pipe_is_not_waited_for(store, tmp_path, out) -> None:
    import os

    os.mkfifo(tmp_path / "FLAIR.nii")
    case = store.case(store.project("p"), "case", "FLAIR.nii")
    task = NewTask(case, None, "lesion", 1, (4, 40, 10), 0.5, 0.5, 9.0)
    session = store.open_session(store.project("p"), store.annotator("r"), "review", [task], {})
    judge(store, session, {1: "accepted"})
    assert "is not there" in report(store, out).said
    case = store.case(store.project("p"), "long", "x" * 5000)
    task = NewTask(case, None, "lesion", 1, (1, 1, 1), 0.5)
    session = store.open_session(store.project("p"), store.annotator("r"), "review", [task], {})
    judge(store, session, {1: "accepted"})
    assert "There are no pictures of long" in report(store, out).said


# -- the command ------------------------------------------------------------------------------------


def test_the_command(store, path, read, out, capsys) -> None:
    command = ["session", "report", str(path), "--out", str(out)]
    assert main([*command, "--session", read[1], "--without-names", "--no-pictures"]) == 0
    assert "3 sessions, 0 of them not sound" in capsys.readouterr().out
    assert "annotator 3" in Page(out.read_text()).said
    assert main(command) == 0 and "reader" in out.read_text()
    assert main([*command, "--session", "x"]) == 2 and "no session x" in capsys.readouterr().err
    assert main(["session", "report", str(out), "--out", str(out)]) == 2
    assert main([*command[:-1], str(out.with_suffix(".pdf"))]) == 2
    assert "end its name in .html" in capsys.readouterr().err


def test_nothing_is_written_into_the_sessions(store, path, read, out) -> None:
    before = json.dumps([store.head(id) for id in read])
    content = path.read_bytes()
    summarise(store)
    write_report(store, out)
    assert path.read_bytes() == content and json.dumps([store.head(id) for id in read]) == before


def test_a_report_speaks_of_what_the_model_segments_and_leaves_names_alone(store, out) -> None:
    project = store.project("study")
    case = store.case(project, "my lesion case", "where")
    tasks = [NewTask(case, None, "lesion", 1, (1, 2, 3), 0.5, 0.5, 9.0)]
    about = {"noun": "tumour <i>"}
    session = store.open_session(project, store.annotator("the lesion reader"), "review", tasks, about)
    judge(store, session, {1: "accepted"})
    page = report(store, out, pictures=False)
    assert "The most uncertain tumour <i>s that were reviewed" in page.said
    assert "my lesion case" in page.said and page.table("annotator", "case")[0]["case"] == "my lesion case"
    assert page.table("annotator", "target")[0]["target"] == "tumour <i>"
    assert page.table("decisions", "target")[0]["decisions"] == "the lesion reader: accepted"
    other = store.open_session(project, store.annotator("reader"), "review", tasks, {})
    judge(store, other, {1: "accepted"})
    assert "The most uncertain lesions that were reviewed" in report(store, out, pictures=False).said
