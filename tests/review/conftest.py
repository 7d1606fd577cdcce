"""A store with a session of a few lesions, in a file or on a server of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from napari_uncertainseg.review.database import connection as database
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

LESIONS = 5


def fill(store: Store, *, annotator: str = "reader", lesions: int = LESIONS) -> str:
    """Open a session of a case with lesions; gives its id."""
    case = store.case(store.project("study"), "patient07", "cases/patient07")
    output = store.output(
        case,
        "ab" * 32,
        model="bundled",
        model_sha256="cd" * 32,
        method="one-pass",
        threshold=0.4,
    )
    tasks = [
        NewTask(case, output, "lesion", i + 1, (i, 2, 3), 0.9 - i / (2 * lesions), 0.5, 12.0)
        for i in range(lesions)
    ]
    project, reader = store.project("study"), store.annotator(annotator)
    return store.open_session(project, reader, "review", tasks, {"order": "doubt"})


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture(scope="session")
def empty(tmp_path_factory) -> Path:
    """A file of no sessions: to copy it is quicker than to make its tables each time."""
    path = tmp_path_factory.mktemp("empty") / "sessions.db"
    Store(path).close()
    return path


@pytest.fixture
def store(path, empty):
    shutil.copy(empty, path)
    with Store(path) as made:
        yield made


@pytest.fixture
def become_newer(tmp_path, monkeypatch):
    """Make this program one version newer: its cases have a site. ``monkeypatch.undo`` takes it back."""

    def now():
        scripts = tmp_path / "migrations"
        shutil.copytree(Path(database.__file__).with_name("migrations"), scripts)
        (scripts / "versions" / "a4_next.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision = 'a4', 'a3'\n"
            "branch_labels = depends_on = None\n"
            "def upgrade():\n    op.add_column('case', sa.Column('site', sa.Text()))\n"
        )
        config = database._config()
        config.set_main_option("script_location", str(scripts))
        monkeypatch.setattr(database, "_config", lambda: config)

    return now


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """URL of a PostgreSQL server that lives as long as the tests."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    initdb = programs[0] if programs else shutil.which("initdb")
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    home = Path("/tmp") / f"uncertainseg-pg-{time.time_ns()}"  # a socket's path may have 107 characters
    home.mkdir(mode=0o700)
    run = _as_somebody(home)
    bin_ = Path(initdb).parent
    data = home / "data"
    try:
        run([bin_ / "initdb", "-D", data, "-U", "tester", "--auth=trust", "--no-sync"])
        # Processes are killed here, never the machine: nothing has to wait for the disk.
        options = "-c fsync=off -c listen_addresses='' -c max_connections=60"
        options += f" -c unix_socket_directories={home}"
        run([bin_ / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", options, "start"])
        yield f"postgresql://tester@/postgres?host={home}"
    finally:
        run([bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=False)
        shutil.rmtree(home, ignore_errors=True)


def _as_somebody(home: Path):
    """PostgreSQL refuses to run as root."""
    import os

    prefix = []
    if os.name == "posix" and os.geteuid() == 0:
        if (
            shutil.which("runuser") is None
            or subprocess.run(["id", "postgres"], capture_output=True).returncode
        ):
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        shutil.chown(home, "postgres")
        prefix = ["runuser", "-u", "postgres", "--"]

    def run(command, *, check=True):
        # The server keeps these streams open for good: nobody may wait for their end.
        subprocess.run(
            [*prefix, *map(str, command)],
            check=check,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return run
