"""Files of sessions that are opened at once by several threads, each with tables of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_uncertainseg.review.database import allowed_tables
from napari_uncertainseg.review.store.store import Store


@pytest.fixture
def most_at_once(monkeypatch):
    """The most threads that were in Alembic at the same time; who enters waits a moment for the next."""
    from alembic import command

    upgrade, inside, most, other = command.upgrade, [], [0], threading.Event()

    def noted(*given):
        inside.append(given)
        most[0] = max(most[0], len(inside))
        if len(inside) > 1:
            other.set()
        other.wait(0.2)
        try:
            upgrade(*given)
        finally:
            inside.pop()

    monkeypatch.setattr(command, "upgrade", noted)
    allowed_tables._made_at.cache_clear()
    yield most
    allowed_tables._made_at.cache_clear()


def test_a_file_is_made_while_another_is_looked_through(tmp_path, most_at_once) -> None:
    """As with the first scan of a program: reviews of it are looked for, and tables are made."""
    Store(tmp_path / "before.db").close()
    most_at_once[0] = 0
    start = threading.Barrier(3)

    def opened(name: str) -> int:
        start.wait()
        with Store(tmp_path / name) as store:
            return store.annotator("A")

    names = ["before.db", "one.db", "two.db"]
    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(opened, names)) == [1, 1, 1]
    assert most_at_once[0] == 1
    for name in names:
        with Store(tmp_path / name) as store:
            assert store.sessions() == []
